"""Pipedrive's API: deals (v2) with their changelog (v1) and their persons, and pages of deals.

Archived deals are in a list of their own; deleted ones are told for 30 days. There is no search by time of creation: what was made
within a span was also changed since its beginning, so pages go from the newest creation back to the span's first.
Limits: a token may make 20 calls in 2 s on the smallest plan, and has a budget for a day by which a changelog costs 20 of at least
30,000; 5 calls a second keep the first. The key goes into a header, never into an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools, section_of
from functions.crm_webhook.api.keys import keyed
from functions.crm_webhook.api.line import Limits, Line
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Person, Pointer
from functions.crm_webhook.pipedrive.deal import (
    LAST_RANK,
    PROVIDER,
    Deal,
    Reader,
    deal_values,
    identifier,
    plain,
    text,
    whole_states,
)
from functions.crm_webhook.pipedrive.history import history_states
from functions.crm_webhook.reading import BadField, Private
from shared.identity import email_hash, normal_email, normal_phone, phone_hash
from shared.lake import Rejected

PER_SECOND = 5.0
PAGE = 50  # deals of a page, a call each; a page must be done within a reader's hold (reconcile/marks.py)
MOST_IDS = 100
MOST_LINES = 500
_DEALS = "/api/v2/deals"
_STATUSES = "open,won,lost,deleted"
# Fields of Pipedrive's own that are told only when they are asked for.
_ON_DEMAND = (
    "activities_count", "done_activities_count", "undone_activities_count", "email_messages_count", "notes_count", "files_count",
    "products_count", "participants_count", "followers_count",
)  # fmt: skip


def reader(site: Mapping[str, Any], tools: Tools) -> CrmReader:
    """The site's Pipedrive; its key is the API token of a user who sees all deals."""
    site_id, section = str(site["site_id"]), section_of(site, PROVIDER)
    headers = keyed(tools, site_id, PROVIDER, lambda key: {"x-api-token": key})
    limits = Limits.of(section["api"], PER_SECOND)
    return PipedriveReader(Line(tools.http, tools.pace, site_id, PROVIDER, section["api"]["url"], limits, headers), section)


class PipedriveReader:
    """`section` is `crm.pipedrive` of the site's settings."""

    def __init__(self, line: Line, section: Mapping[str, Any]) -> None:
        self._line, self._section = line, section
        fields = section.get("fields") or {}
        wanted = {*(one for one in fields.values() if isinstance(one, str)), *(fields.get("attributes") or {}).values()}
        asked = [name for name in _ON_DEMAND if name in wanted]
        self._asked: dict[str, Any] = {"include_fields": ",".join(asked)} if asked else {}

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        """Deals (`deal`), and those of persons and organizations (`person`, `organization`)."""
        wanted = dict.fromkeys(pointer.id for pointer in pointers if pointer.entity == "deal")
        found: dict[str, dict[str, Any]] = {}
        for pointer in pointers:
            if pointer.entity in ("person", "organization"):
                name = "person_id" if pointer.entity == "person" else "org_id"
                found |= {text(deal.get("id")): deal for deal in self._all({name: pointer.id})}
        outcome, ids = Outcome(), [one for one in wanted if one not in found]
        for at in range(0, len(ids), MOST_IDS):
            some = ids[at : at + MOST_IDS]
            answer = self._line.get(_DEALS, {"ids": ",".join(some), "status": _STATUSES, "limit": MOST_IDS, **self._asked})
            found |= {text(deal.get("id")): deal for deal in self._list(answer)}
        for one in ids:
            if one not in found and (deal := self._single(one)) is not None:
                found[one] = deal
            elif one not in found:
                gone = DealState(deal_id=one, told_at=None, rank=LAST_RANK, via="api", values={"is_deleted": True})
                outcome.records.append(state_record(gone, PROVIDER, arrival))
        self._tell(list(found.values()), arrival, outcome)
        return outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """Deals first, then archived ones; the cursor tells which, and Pipedrive's own."""
        part, _, place = (cursor or "deals:").partition(":")
        answer = self._line.get(f"{_DEALS}/archived" if part == "archived" else _DEALS, self._query(span, place))
        deals = self._list(answer)
        wanted = deals if span.by == "changed" else [deal for deal in deals if span.first <= _created(deal) < span.last]
        outcome = Outcome()
        self._tell(wanted, arrival, outcome)
        after = self._after(answer)
        if span.by == "created" and any(_created(deal) < span.first for deal in deals):
            after = ""
        following = f"{part}:{after}" if after else "" if part == "archived" else "archived:"
        return Page(outcome, following, len(wanted))

    def _query(self, span: Span, cursor: str) -> dict[str, Any]:
        query = {"status": _STATUSES, "limit": PAGE, "updated_since": _second(span.first), **self._asked}
        if span.by == "changed":
            query |= {"updated_until": _second(span.last, is_up=True), "sort_by": "update_time", "sort_direction": "asc"}
        else:
            query |= {"sort_by": "add_time", "sort_direction": "desc"}
        return query | ({"cursor": cursor} if cursor else {})

    def _tell(self, deals: Sequence[Mapping[str, Any]], arrival: Arrival, outcome: Outcome) -> None:
        persons = self._persons([one for deal in deals if (one := text(deal.get("person_id")))])
        outcome.people += [_person(person) for person in persons.values()]
        for told in deals:
            person = persons.get(text(told.get("person_id")))
            phones = _person(person).phones if person else ()
            reader = Reader(arrival, self._section, Private(phones, arrival.identity_key), outcome.passed_over)
            deal = Deal(told)
            try:
                for state in self._states(deal, person, reader):
                    outcome.records.append(state_record(state, PROVIDER, arrival))
            except BadField as error:
                outcome.rejected.append(Rejected("bad_field", f"deal {text(told.get('id'))}.{error}"))
            except Ahead as error:
                outcome.rejected.append(Rejected("future", f"deal {text(told.get('id'))}: {error}"))

    def _states(self, deal: Deal, person: Mapping[str, Any] | None, reader: Reader) -> list[DealState]:
        told_at = deal.moment("update_time") or deal.moment("add_time")
        if told_at is None:
            raise BadField("update_time: is needed")
        values = {**deal_values(deal, reader), **_who(person, reader)}
        standing = whole_states(deal, told_at, LAST_RANK, "api", values)
        return [*history_states(deal, self._changelog(deal.id), reader), *standing[:1]]

    def _changelog(self, deal_id: str) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": MOST_LINES}
        while True:
            answer = self._line.get(f"/api/v1/deals/{deal_id}/changelog", query)
            lines += self._list(answer)
            if not (after := self._after(answer)):
                return lines
            query["cursor"] = after

    def _persons(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        once, found = list(dict.fromkeys(ids)), dict[str, dict[str, Any]]()
        for at in range(0, len(once), MOST_IDS):
            answer = self._line.get("/api/v2/persons", {"ids": ",".join(once[at : at + MOST_IDS]), "limit": MOST_IDS})
            found |= {text(person.get("id")): person for person in self._list(answer)}
        return found

    def _all(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every deal that the query finds, archived ones too."""
        found: list[dict[str, Any]] = []
        for path in (_DEALS, f"{_DEALS}/archived"):
            after = ""
            while True:
                more = {"cursor": after} if after else {}
                answer = self._line.get(path, {**query, "status": _STATUSES, "limit": MOST_LINES, **self._asked, **more})
                found += self._list(answer)
                if not (after := self._after(answer)):
                    break
        return found

    def _single(self, deal_id: str) -> dict[str, Any] | None:
        """A deal that the list does not give: an archived one, or none."""
        answer = self._line.get(f"{_DEALS}/{deal_id}", self._asked)
        data = answer.get("data") if isinstance(answer, dict) else None
        return data if isinstance(data, dict) else None

    def _list(self, answer: Any) -> list[dict[str, Any]]:
        """`data` of an answer; nothing where there is nothing (404)."""
        if answer is None:
            return []
        data = answer.get("data") if isinstance(answer, dict) else answer
        if data is None:
            return []
        if not isinstance(data, list):
            raise self._line.busy("Pipedrive's answer is not what its API gives")
        return [one for one in data if isinstance(one, dict)]

    def _after(self, answer: Any) -> str:
        return text((answer.get("additional_data") or {}).get("next_cursor")) if isinstance(answer, dict) else ""


def _person(told: Mapping[str, Any]) -> Person:
    """The primary phone and e-mail first."""
    return Person(text(told.get("name")), _values(told.get("phones")), _values(told.get("emails")))


def _values(told: object) -> tuple[str, ...]:
    items = [one for one in (told if isinstance(told, list) else []) if isinstance(one, dict)]
    ordered = sorted(items, key=lambda item: item.get("primary") is not True)
    return tuple(value for item in ordered if (value := plain(item.get("value"))))


def _who(told: Mapping[str, Any] | None, reader: Reader) -> dict[str, Any]:
    """Keys of the deal's client: the first usable phone and e-mail."""
    if told is None:
        return {}
    person, key = _person(told), reader.arrival.identity_key
    phones = [phone for phone in person.phones if normal_phone(phone)]
    emails = [email for email in person.emails if normal_email(email)]
    if further := len(phones[1:]) + len(emails[1:]):
        reader.passed_over["further_contact"] += further
    return {
        "contact_id": identifier("person_id", told.get("id")),
        "phone_hash": phone_hash(phones[0], key) if phones else None,
        "email_hash": email_hash(emails[0], key) if emails else None,
    }


def _created(deal: Mapping[str, Any]) -> datetime:
    try:
        return Deal(deal).moment("add_time") or datetime.max.replace(tzinfo=UTC)
    except BadField:
        return datetime.max.replace(tzinfo=UTC)


def _second(at: datetime, *, is_up: bool = False) -> str:
    """Pipedrive knows whole seconds; a span is widened to them."""
    whole = at.astimezone(UTC).replace(microsecond=0)
    if is_up and whole < at:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
