"""HubSpot's CRM API: deals with their history, their contacts, and pages of deals.

Search gives ids alone, ordered by id and asked for beyond the last one seen: its own paging counts places, which move when a deal
leaves the span, and ends at 10,000. Deals in the bin are found in a list of their own.
Limits: an account allows 100 calls in 10 s and more by its plan, the search 4 in a second; 4 a second keep both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools, section_of
from functions.crm_webhook.api.keys import keyed
from functions.crm_webhook.api.line import Limits, Line
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.hubspot.hooks import PROVIDER
from functions.crm_webhook.hubspot.names import CONTACT_KEYS, WITH_HISTORY, deal_properties
from functions.crm_webhook.hubspot.states import Reader, contact_of, deal_states, deleted, merged_ids, moment
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.lake import Rejected
from shared.times import to_millis

PER_SECOND = 4.0
PAGE = 100  # deals of a page; a page must be done within a reader's hold (reconcile/marks.py)
BATCH = 100
BATCH_WITH_HISTORY = 50
_OBJECTS = "/crm/v3/objects"
_BY = {"changed": "hs_lastmodifieddate", "created": "createdate"}
_NOT_FOUND = "OBJECT_NOT_FOUND"


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
        """Deals (`deal`), and those of contacts (`contact`)."""
        found = dict.fromkeys(pointer.id for pointer in pointers if pointer.entity == "deal")
        contacts = [pointer.id for pointer in pointers if pointer.entity == "contact"]
        found |= dict.fromkeys(deal for deals in self._linked("contacts", "deals", contacts).values() for deal in deals)
        outcome = Outcome()
        self._tell(list(found), arrival, outcome)
        return outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """Living deals first (cursor: the last id), then those in the bin (cursor: HubSpot's own)."""
        part, _, place = cursor.partition(":")
        return self._bin(span, place, arrival) if part == "bin" else self._living(span, place, arrival)

    def _living(self, span: Span, last: str, arrival: Arrival) -> Page:
        by = _BY[span.by]
        filters = [
            {"propertyName": by, "operator": "GTE", "value": str(to_millis(span.first))},
            {"propertyName": by, "operator": "LT", "value": str(to_millis(span.last))},
            *([{"propertyName": "hs_object_id", "operator": "GT", "value": last}] if last else []),
        ]
        order = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        asked = {"filterGroups": [{"filters": filters}], "sorts": order, "properties": ["hs_object_id"], "limit": PAGE}
        answer = self._told(self._line.send(f"{_OBJECTS}/deals/search", asked))
        ids = [str(deal["id"]) for deal in self._results(answer)]
        outcome = Outcome()
        self._tell(ids, arrival, outcome)
        is_more = bool(ids) and (len(ids) >= PAGE or bool((answer.get("paging") or {}).get("next")))
        return Page(outcome, f"deals:{max(ids, key=int)}" if is_more else "bin:", len(ids))

    def _bin(self, span: Span, after: str, arrival: Arrival) -> Page:
        asked = {"archived": "true", "limit": PAGE, "properties": "createdate", **({"after": after} if after else {})}
        answer = self._told(self._line.get(f"{_OBJECTS}/deals", asked))
        outcome, ids = Outcome(), []
        for deal in self._results(answer):
            told = deal.get("archivedAt") if span.by == "changed" else (deal.get("properties") or {}).get("createdate")
            if (at := moment(told)) is not None and span.first <= at < span.last:
                ids.append(str(deal["id"]))
        self._tell_gone(ids, arrival, outcome)
        after = str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
        return Page(outcome, f"bin:{after}" if after else "", len(ids))

    def _tell(self, ids: Sequence[str], arrival: Arrival, outcome: Outcome) -> None:
        """Everything known of these deals into `outcome`."""
        if not ids:
            return
        deals = list(self._objects("deals", ids, BATCH_WITH_HISTORY, deal_properties(self._section), WITH_HISTORY))
        linked = self._linked("deals", "contacts", [str(deal["id"]) for deal in deals])
        wanted = list(dict.fromkeys(one for contacts in linked.values() for one in contacts))
        contacts = {str(one["id"]): contact_of(one) for one in self._objects("contacts", wanted, BATCH, CONTACT_KEYS)}
        outcome.people += [contact.person for contact in contacts.values()]
        reading = Reader(arrival, self._section, self._words, outcome)
        for deal in deals:
            own = [contacts[one] for one in linked.get(str(deal["id"]), ()) if one in contacts]
            for state in deal_states(deal, own, reading):
                _add(state, arrival, outcome)
        known = {str(deal["id"]) for deal in deals} | {one for deal in deals for one in merged_ids(deal)}
        self._tell_gone([one for one in ids if one not in known], arrival, outcome)

    def _tell_gone(self, ids: Sequence[str], arrival: Arrival, outcome: Outcome) -> None:
        """Deals in the bin were deleted then, and had a history before; those that are nowhere are gone since now."""
        if not ids:
            return
        reading, found = Reader(arrival, self._section, self._words, outcome), set()
        for deal in self._objects("deals", ids, BATCH_WITH_HISTORY, deal_properties(self._section), WITH_HISTORY, archived=True):
            found.add(str(deal["id"]))
            for state in deal_states(deal, (), reading):
                _add(state, arrival, outcome)
        for one in ids:
            if one not in found:
                _add(deleted(one, None), arrival, outcome)

    def _objects(
        self,
        kind: str,
        ids: Sequence[str],
        size: int,
        properties: Iterable[str],
        history: Iterable[str] = (),
        archived: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Objects of that kind; those that there are not are left out. Of deals that were merged the survivor comes, once."""
        seen: set[str] = set()
        for at in range(0, len(ids), size):
            asked: dict[str, Any] = {"inputs": [{"id": one} for one in ids[at : at + size]], "properties": list(properties)}
            if names := list(history):
                asked["propertiesWithHistory"] = names
            answer = self._line.send(f"{_OBJECTS}/{kind}/batch/read{'?archived=true' if archived else ''}", asked)
            for found in self._results(self._told(answer)):
                if str(found["id"]) not in seen:
                    seen.add(str(found["id"]))
                    yield found

    def _linked(self, one: str, other: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """Ids of what is linked with these: id → ids, each once."""
        found: dict[str, dict[str, None]] = {}
        asked = [{"id": id_} for id_ in ids]
        while asked:
            some, asked = asked[:BATCH], asked[BATCH:]
            answer = self._told(self._line.send(f"/crm/v4/associations/{one}/{other}/batch/read", {"inputs": some}))
            for result in answer.get("results") or []:
                from_id = str(result["from"]["id"])
                found.setdefault(from_id, {}).update(dict.fromkeys(str(to["toObjectId"]) for to in result.get("to") or []))
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

    def _results(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [one for one in answer.get("results") or [] if isinstance(one, dict) and one.get("id") is not None]


def _add(state: DealState, arrival: Arrival, outcome: Outcome) -> None:
    try:
        outcome.records.append(state_record(state, PROVIDER, arrival))
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"deal {state.deal_id}: {error}"))
