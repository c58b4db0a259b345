"""HubSpot's CRM API: deals with their history, their contacts, and pages of deals.

Search gives ids alone, ordered by id and asked for beyond the last one seen: its own paging counts places, which move when a deal
leaves the span, and ends at 10,000. Deals in the bin are found in a list of their own. A contact's phone changes without its deals:
what changed is walked over contacts too.
A deal is gone only where HubSpot says so of its id (OBJECT_NOT_FOUND in a complete answer), and is not in the bin either.
Limits: an account allows 100 calls in 10 s and more by its plan, the search 4 in a second; 4 a second keep both.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools, section_of
from functions.crm_webhook.api.keys import keyed
from functions.crm_webhook.api.line import CrmClosed, CrmRefused, Limits, Line
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.hubspot.hooks import PROVIDER
from functions.crm_webhook.hubspot.names import CONTACT_CHANGED, CONTACT_KEYS, WITH_HISTORY, deal_properties
from functions.crm_webhook.hubspot.states import Reader, contact_of, deal_states, deleted, merged_ids, moment
from functions.crm_webhook.misses import DEAL, Misses
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.lake import Rejected
from shared.times import to_millis

PER_SECOND = 4.0
PAGE = 100  # deals, or contacts, of a page; a page must be done within a reader's hold (reconcile/marks.py)
BATCH = 100
BATCH_WITH_HISTORY = 50
MOST_OF_CLIENTS = 100  # deals of contacts that one read tells; the others are read apart
_OBJECTS = "/crm/v3/objects"
_BY = {"changed": "hs_lastmodifieddate", "created": "createdate"}
_DEALS, _BIN, _CONTACTS = "deals", "bin", "contacts"  # parts of a walk
_NOT_FOUND, _COMPLETE = "OBJECT_NOT_FOUND", "COMPLETE"


def reader(site: Mapping[str, Any], tools: Tools) -> CrmReader:
    """The site's HubSpot; its key is a private app's token that may read deals, contacts and pipelines of deals."""
    site_id, section = str(site["site_id"]), section_of(site, PROVIDER)
    headers = keyed(tools, site_id, PROVIDER, lambda key: {"authorization": f"Bearer {key}"})
    limits = Limits.of(section["api"], PER_SECOND)
    return HubSpotReader(Line(tools.http, tools.pace, site_id, PROVIDER, section["api"]["url"], limits, headers), section)


class HubSpotReader:
    """`section` is `crm.hubspot` of the site's settings."""

    def __init__(self, line: Line, section: Mapping[str, Any]) -> None:
        self._line, self._section = line, section

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        """Deals (`deal`; `missing`: asked for again), and those of contacts (`contact`), of which many are left for later."""
        misses, outcome = Misses(pointers, arrival), Outcome()
        own = set(misses.ids)
        contacts = [pointer.id for pointer in pointers if pointer.entity == "contact"]
        others = self._of_clients(contacts, own, outcome)
        missing = self._tell([*misses.ids, *others], arrival, outcome)
        for deal_id, gone_at in misses.gone(missing, outcome):
            _add(deleted(deal_id, gone_at), arrival, outcome)
        return outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """Living deals first (cursor: the last id), then those in the bin (cursor: HubSpot's own), then of a span of changes those
        of contacts that changed (cursor: the last id)."""
        part, _, place = cursor.partition(":")
        if part == _CONTACTS:
            return self._changed_contacts(span, place, arrival)
        return self._bin(span, place, arrival) if part == _BIN else self._living(span, place, arrival)

    def _living(self, span: Span, last: str, arrival: Arrival) -> Page:
        ids, after = self._searched(_DEALS, _BY[span.by], span, last)
        outcome = Outcome()
        _pass_over(self._tell(ids, arrival, outcome), outcome)
        return Page(outcome, after or f"{_BIN}:", len(ids))

    def _changed_contacts(self, span: Span, last: str, arrival: Arrival) -> Page:
        """Contacts tell their change under another name than all other things of HubSpot."""
        contacts, after = self._searched(_CONTACTS, CONTACT_CHANGED, span, last)
        outcome = Outcome()
        deals = self._of_clients(contacts, (), outcome)
        _pass_over(self._tell(deals, arrival, outcome), outcome)
        return Page(outcome, after, len(deals))

    def _of_clients(self, contacts: Sequence[str], known: Container[str], outcome: Outcome) -> list[str]:
        """Deals of these contacts that are not known; most of many are left for later."""
        linked = dict.fromkeys(deal for deals in self._linked(_CONTACTS, _DEALS, contacts).values() for deal in deals)
        others = [one for one in linked if one not in known]
        outcome.to_read += [Pointer(DEAL, one) for one in others[MOST_OF_CLIENTS:]]
        return others[:MOST_OF_CLIENTS]

    def _searched(self, kind: str, by: str, span: Span, last: str) -> tuple[list[str], str]:
        """Ids of what lies in the span beyond `last`, and the cursor to go on with ("" at the end)."""
        filters = [
            {"propertyName": by, "operator": "GTE", "value": str(to_millis(span.first))},
            {"propertyName": by, "operator": "LT", "value": str(to_millis(span.last))},
            *([{"propertyName": "hs_object_id", "operator": "GT", "value": last}] if last else []),
        ]
        order = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        asked = {"filterGroups": [{"filters": filters}], "sorts": order, "properties": ["hs_object_id"], "limit": PAGE}
        answer = self._told(self._send(f"{_OBJECTS}/{kind}/search", asked))
        ids = [str(one["id"]) for one in self._results(answer)]
        is_more = bool(ids) and (len(ids) >= PAGE or bool((answer.get("paging") or {}).get("next")))
        return ids, f"{kind}:{max(ids, key=int)}" if is_more else ""

    def _bin(self, span: Span, after: str, arrival: Arrival) -> Page:
        asked = {"archived": "true", "limit": PAGE, "properties": "createdate", **({"after": after} if after else {})}
        answer = self._told(self._line.get(f"{_OBJECTS}/deals", asked))
        outcome, ids = Outcome(), []
        for deal in self._results(answer):
            told = deal.get("archivedAt") if span.by == "changed" else (deal.get("properties") or {}).get("createdate")
            if (at := moment(told)) is not None and span.first <= at < span.last:
                ids.append(str(deal["id"]))
        _pass_over(self._tell_gone(ids, arrival, outcome), outcome)
        after = str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
        following = f"{_CONTACTS}:" if span.by == "changed" else ""
        return Page(outcome, f"{_BIN}:{after}" if after else following, len(ids))

    def _tell(self, ids: Sequence[str], arrival: Arrival, outcome: Outcome) -> list[str]:
        """Everything known of these deals into `outcome`; those that HubSpot does not find, in the bin neither."""
        if not ids:
            return []
        deals, missing = self._objects(
            "deals", ids, BATCH_WITH_HISTORY, outcome, deal_properties(self._section), WITH_HISTORY, is_whole=True
        )
        linked = self._linked("deals", "contacts", [str(deal["id"]) for deal in deals])
        wanted = list(dict.fromkeys(one for contacts in linked.values() for one in contacts))
        people, _ = self._objects("contacts", wanted, BATCH, outcome, (*CONTACT_KEYS, CONTACT_CHANGED))
        contacts = {str(one["id"]): contact_of(one) for one in people}
        outcome.people += [contact.person for contact in contacts.values()]
        reading = Reader(arrival, self._section, self._words, outcome)
        for deal in deals:
            own = [contacts[one] for one in linked.get(str(deal["id"]), ()) if one in contacts]
            for state in deal_states(deal, own, reading):
                _add(state, arrival, outcome)
        merged = {one for deal in deals for one in merged_ids(deal)}
        return self._tell_gone([one for one in missing if one not in merged], arrival, outcome)

    def _tell_gone(self, ids: Sequence[str], arrival: Arrival, outcome: Outcome) -> list[str]:
        """Deals in the bin were deleted then, and had a history before. Those that are not there either."""
        if not ids:
            return []
        reading = Reader(arrival, self._section, self._words, outcome)
        deals, _ = self._objects(
            "deals", ids, BATCH_WITH_HISTORY, outcome, deal_properties(self._section), WITH_HISTORY, archived=True
        )
        for deal in deals:
            for state in deal_states(deal, (), reading):
                _add(state, arrival, outcome)
        found = {str(deal["id"]) for deal in deals}
        return [one for one in ids if one not in found]

    def _objects(
        self,
        kind: str,
        ids: Sequence[str],
        size: int,
        outcome: Outcome,
        properties: Iterable[str],
        history: Iterable[str] = (),
        *,
        archived: bool = False,
        is_whole: bool = False,
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Objects of that kind, each once, and the ids that HubSpot says it does not find. Of deals that were merged the survivor
        comes. CrmBusy where `is_whole` and HubSpot tells nothing of an id, asked for it alone."""
        found: dict[str, dict[str, Any]] = {}
        missing: list[str] = []
        head = {"properties": list(properties)} | ({"propertiesWithHistory": names} if (names := list(history)) else {})
        path = f"{_OBJECTS}/{kind}/batch/read{'?archived=true' if archived else ''}"
        for asked, answer in self._batches(path, head, ids, size, outcome):
            told = {str(one["id"]): one for one in self._results(answer)}
            gone = _not_found(answer)
            missing += [one for one in asked if one in gone and one not in told]
            found = told | found
            # Of merged deals their survivor stands in the answer, without a word of whom it stands for.
            left_out = [one for one in asked if one not in told and one not in gone]
            if is_whole and left_out and told.keys() <= set(asked):
                if not told:
                    raise self._line.busy("HubSpot's answer leaves out what was asked for")
                more, more_gone = self._objects(kind, left_out, size, outcome, properties, history, is_whole=True)
                found = {str(one["id"]): one for one in more} | found
                missing += more_gone
        return list(found.values()), missing

    def _batches(
        self, path: str, head: Mapping[str, Any], ids: Sequence[str], size: int, outcome: Outcome
    ) -> Iterator[tuple[Sequence[str], dict[str, Any]]]:
        """Answers with the ids that each was asked for. One id that HubSpot refuses must not take its neighbours along: it is
        rejected alone."""
        parts = [ids[at : at + size] for at in range(0, len(ids), size)]
        refused, is_told, error = list[str](), False, None
        while parts:
            some = parts.pop(0)
            try:
                answer = self._told(self._send(path, {"inputs": [{"id": one} for one in some], **head}))
            except CrmRefused as told:
                error = told
                if len(some) > 1:
                    parts[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
                else:
                    refused += some
                continue
            is_told = True
            yield some, self._complete(answer)
        if error is not None and refused and not is_told and len(ids) > 1:
            raise error  # all of them: it is not the deals
        outcome.rejected += [Rejected("refused", f"{path.split('/')[4]} {one}: HubSpot refuses to tell it") for one in refused]

    def _send(self, path: str, body: object) -> Any:
        """CrmClosed for a place that is not there: another API than ours must not pass for an empty one."""
        try:
            return self._line.send(path, body)
        except CrmRefused as error:
            if error.status != 404:
                raise
            raise CrmClosed("HubSpot answers 404 where its lists should be; check api.url of its settings (docs/crm.md)") from error

    def _linked(self, one: str, other: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """Ids of what is linked with these: id → ids, each once."""
        found: dict[str, dict[str, None]] = {}
        asked = [{"id": id_} for id_ in ids]
        while asked:
            some, asked = asked[:BATCH], asked[BATCH:]
            answer = self._told(self._send(f"/crm/v4/associations/{one}/{other}/batch/read", {"inputs": some}))
            for result in self._listed(self._complete(answer)):
                from_id = str((result.get("from") or {}).get("id"))
                linked = [str(to["toObjectId"]) for to in result.get("to") or [] if str(to.get("toObjectId")).isdigit()]
                found.setdefault(from_id, {}).update(dict.fromkeys(linked))
                if after := ((result.get("paging") or {}).get("next") or {}).get("after"):
                    asked.append({"id": from_id, "after": str(after)})
        return {from_id: list(to) for from_id, to in found.items()}

    @cached_property
    def _words(self) -> dict[str, str]:
        """Stages that HubSpot calls closed beyond doubt: by their probability won, or lost."""
        found = {}
        for pipeline in self._results(self._told(self._line.get("/crm/v3/pipelines/deals"))):
            for stage in pipeline.get("stages") or []:
                metadata = stage.get("metadata") or {}
                word = {"1": "won", "0": "lost"}.get(str(metadata.get("probability", "")).removesuffix(".0"))
                if word and str(metadata.get("isClosed")).lower() == "true":
                    found[str(stage["id"])] = word
        return found

    def _told(self, answer: Any) -> dict[str, Any]:
        """The answer, whole or nothing: of a part (207) only what there is not may be missing."""
        if not isinstance(answer, dict):
            raise self._line.busy("HubSpot's answer is not what its API gives")
        for error in answer.get("errors") or []:
            if error.get("category") != _NOT_FOUND:
                raise self._line.busy(f"HubSpot could not tell all that was asked ({error.get('category')})")
        return answer

    def _complete(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Of a batch."""
        if answer.get("status") != _COMPLETE:
            raise self._line.busy("HubSpot's answer is not complete")
        return answer

    def _results(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Things with an id."""
        return [one for one in self._listed(answer) if str(one.get("id") or "").strip()]

    def _listed(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = answer.get("results")
        if not isinstance(found, list):
            raise self._line.busy("HubSpot's answer is not what its API gives")
        return [one for one in found if isinstance(one, dict)]


def _not_found(answer: Mapping[str, Any]) -> set[str]:
    """Ids that HubSpot says it does not find."""
    contexts = [error.get("context") or {} for error in answer.get("errors") or [] if error.get("category") == _NOT_FOUND]
    return {str(one) for context in contexts for one in context.get("ids") or []}


def _pass_over(missing: Sequence[str], outcome: Outcome) -> None:
    """Of a list's deals: what became of them, the next check tells."""
    if missing:
        outcome.passed_over["not_found"] += len(missing)


def _add(state: DealState, arrival: Arrival, outcome: Outcome) -> None:
    try:
        outcome.records.append(state_record(state, PROVIDER, arrival))
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"deal {state.deal_id}: {error}"))
