"""Pipedrive's API: deals (v2) with their changelog (v1) and their persons, and pages of deals and of persons that changed.

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
from functions.crm_webhook.api.line import CrmRefused, Limits, Line
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.fields import emptied
from functions.crm_webhook.misses import DEAL, Misses
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.pipedrive.deal import (
    LAST_RANK,
    PROVIDER,
    Deal,
    Reader,
    deal_values,
    text,
    whole_states,
)
from functions.crm_webhook.pipedrive.history import history_states
from functions.crm_webhook.pipedrive.persons import changed_at, keys_of, person_of
from functions.crm_webhook.reading import BadField, Private
from shared.lake import Rejected

PER_SECOND = 5.0
# Deals of a page, a call each; or persons, two calls each and those of their deals. A page must be done within a reader's hold
# (reconcile/marks.py).
PAGE = 50
MOST_IDS = 100
MOST_LINES = 500
MOST_OF_CLIENTS = 100  # deals of persons and organizations that one read tells, a call each; the others are read apart
_DEALS, _PERSONS = "/api/v2/deals", "/api/v2/persons"
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
        """Deals (`deal`; `missing`: asked for again), and those of persons and organizations (`person`, `organization`), of which
        many are left for later."""
        misses, outcome = Misses(pointers, arrival), Outcome()
        linked = self._of_clients(pointers)
        found = {one: linked.pop(one) for one in misses.ids if one in linked}
        ids = [one for one in misses.ids if one not in found]
        query = {"status": _STATUSES, **self._asked}
        found |= {text(deal.get("id")): deal for deal in self._by_ids(_DEALS, ids, query)}
        missing = []
        for one in ids:
            if one not in found:
                try:
                    deal = self._single(one)
                except CrmRefused as error:
                    outcome.rejected.append(_refused("deals", one, error))
                    continue
                if deal is None:
                    missing.append(one)
                else:
                    found[one] = deal
        self._tell([*found.values(), *_some_of(linked, outcome)], arrival, outcome)
        for deal_id, gone_at in misses.gone(missing, outcome):
            gone = DealState(deal_id=deal_id, told_at=gone_at, rank=LAST_RANK, via="api", values={"is_deleted": True})
            outcome.records.append(state_record(gone, PROVIDER, arrival))
        return outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """Deals first, then archived ones, then of a span of changes those of persons that changed: a person changes without his
        deals. The cursor tells which, and Pipedrive's own."""
        part, _, place = (cursor or "deals:").partition(":")
        if part == "persons":
            return self._changed_persons(span, place, arrival)
        answer = self._line.get(f"{_DEALS}/archived" if part == "archived" else _DEALS, self._query(span, place))
        deals = self._list(answer)
        wanted = deals if span.by == "changed" else [deal for deal in deals if span.first <= _created(deal) < span.last]
        outcome = Outcome()
        self._tell(wanted, arrival, outcome)
        after = self._after(answer)
        if span.by == "created" and any(_created(deal) < span.first for deal in deals):
            after = ""
        if after:
            return Page(outcome, f"{part}:{after}", len(wanted))
        following = "archived:" if part == "deals" else "persons:" if span.by == "changed" else ""
        return Page(outcome, following, len(wanted))

    def _changed_persons(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        answer = self._line.get(_PERSONS, self._span(span, cursor))
        linked = self._of_clients([Pointer("person", one) for person in self._list(answer) if (one := text(person.get("id")))])
        outcome = Outcome()
        deals = _some_of(linked, outcome)
        self._tell(deals, arrival, outcome)
        after = self._after(answer)
        return Page(outcome, f"persons:{after}" if after else "", len(deals))

    def _query(self, span: Span, cursor: str) -> dict[str, Any]:
        return {"status": _STATUSES, **self._asked, **self._span(span, cursor)}

    def _span(self, span: Span, cursor: str) -> dict[str, Any]:
        query: dict[str, Any] = {"limit": PAGE, "updated_since": _second(span.first)}
        if span.by == "changed":
            query |= {"updated_until": _second(span.last, is_up=True), "sort_by": "update_time", "sort_direction": "asc"}
        else:
            query |= {"sort_by": "add_time", "sort_direction": "desc"}
        return query | ({"cursor": cursor} if cursor else {})

    def _of_clients(self, pointers: Sequence[Pointer]) -> dict[str, dict[str, Any]]:
        """Deals of the persons and organizations among these, by their ids."""
        linked: dict[str, dict[str, Any]] = {}
        for pointer in pointers:
            if pointer.entity in ("person", "organization"):
                name = "person_id" if pointer.entity == "person" else "org_id"
                linked |= {text(deal.get("id")): deal for deal in self._all({name: pointer.id})}
        return linked

    def _tell(self, deals: Sequence[Mapping[str, Any]], arrival: Arrival, outcome: Outcome) -> None:
        wanted = list(dict.fromkeys(one for deal in deals if (one := text(deal.get("person_id")))))
        persons = {text(person.get("id")): person for person in self._by_ids(_PERSONS, wanted, rejected=outcome.rejected)}
        outcome.people += [person_of(person) for person in persons.values()]
        for told in deals:
            person = persons.get(text(told.get("person_id")))
            phones = person_of(person).phones if person else ()
            reader = Reader(arrival, self._section, Private(phones, arrival.identity_key), outcome.passed_over)
            deal = Deal(told)
            try:
                for state in self._states(deal, person, reader):
                    _add(state, arrival, outcome)
            except BadField as error:
                outcome.rejected.append(Rejected("bad_field", f"deal {text(told.get('id'))}.{error}"))

    def _states(self, deal: Deal, person: Mapping[str, Any] | None, reader: Reader) -> list[DealState]:
        told_at = deal.moment("update_time") or deal.moment("add_time")
        if told_at is None:
            raise BadField("update_time: is needed")
        standing = whole_states(deal, told_at, LAST_RANK, "api", deal_values(deal, reader))[:1]
        standing += emptied(standing[0], deal.is_empty, self._section.get("fields") or {})
        if keys := keys_of(person, reader):
            # A person changes without the deal, and back again: a state of its own, at the last change of either.
            client_at = max(told_at, changed_at(person) or told_at)
            standing.append(DealState(deal_id=deal.id, told_at=client_at, rank=LAST_RANK - 1, via="api", values=keys))
        lines = self._changelog(deal.id)
        if lines is None:
            reader.passed_over["no_history"] += 1
            return standing
        return [*history_states(deal, lines, reader), *standing]

    def _changelog(self, deal_id: str) -> list[dict[str, Any]] | None:
        """None where Pipedrive does not give it: the deal counts without its history."""
        lines: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": MOST_LINES}
        while True:
            try:
                answer = self._line.get(f"/api/v1/deals/{deal_id}/changelog", query, may_be_missing=True)
            except CrmRefused:
                return None
            if answer is None:
                return None
            lines += self._list(answer, may_be_null=True)
            if not (after := self._after(answer)):
                return lines
            query["cursor"] = after

    def _by_ids(
        self, path: str, ids: Sequence[str], query: Mapping[str, Any] | None = None, rejected: list[Rejected] | None = None
    ) -> list[dict[str, Any]]:
        """Those of a list that have these ids. One id that Pipedrive refuses must not take its neighbours along: it is left out,
        and into `rejected`."""
        found: list[dict[str, Any]] = []
        parts = [ids[at : at + MOST_IDS] for at in range(0, len(ids), MOST_IDS)]
        refused, error = list[str](), None
        while parts:
            some = parts.pop(0)
            try:
                found += self._list(self._line.get(path, {"ids": ",".join(some), "limit": MOST_IDS, **(query or {})}))
            except CrmRefused as told:
                error = told
                if len(some) > 1:
                    parts[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
                else:
                    refused += some
        if error is not None and len(refused) == len(ids) > 1:
            raise error  # all of them: it is not they
        if error is not None and rejected is not None:
            rejected += [_refused(path.split("/")[-1], one, error) for one in refused]
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
        """A deal that the list does not give: an archived one, or none (404, and nothing else)."""
        answer = self._line.get(f"{_DEALS}/{deal_id}", self._asked, may_be_missing=True)
        if answer is None:
            return None
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict) or text(data.get("id")) != deal_id:
            raise self._line.busy("Pipedrive's answer is not what its API gives")
        return data

    def _list(self, answer: Any, *, may_be_null: bool = False) -> list[dict[str, Any]]:
        """`data` of an answer. `may_be_null`: the older API tells an empty list so."""
        data = answer.get("data") if isinstance(answer, dict) else None
        if data is None and may_be_null and isinstance(answer, dict) and answer.get("success") is True:
            return []
        if not isinstance(data, list):
            raise self._line.busy("Pipedrive's answer is not what its API gives")
        return [one for one in data if isinstance(one, dict)]

    def _after(self, answer: Any) -> str:
        return text((answer.get("additional_data") or {}).get("next_cursor")) if isinstance(answer, dict) else ""


def _some_of(linked: Mapping[str, dict[str, Any]], outcome: Outcome) -> list[dict[str, Any]]:
    """Clients' deals that are told now; the others are left for later."""
    ids = list(linked)
    outcome.to_read += [Pointer(DEAL, one) for one in ids[MOST_OF_CLIENTS:]]
    return [linked[one] for one in ids[:MOST_OF_CLIENTS]]


def _add(state: DealState, arrival: Arrival, outcome: Outcome) -> None:
    try:
        outcome.records.append(state_record(state, PROVIDER, arrival))
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"deal {state.deal_id}: {error}"))


def _refused(what: str, id_: str, error: CrmRefused) -> Rejected:
    return Rejected("refused", f"{what} {id_}: Pipedrive refuses to tell it (status {error.status})")


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
