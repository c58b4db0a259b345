"""amoCRM's list of events → how a lead came to stand as it does: stages, sums, deletions, at their own times.

Events tell whole seconds; those of one second stand in the order of their ids, which grow with time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from functions.crm_webhook.amocrm.states import stage_of
from functions.crm_webhook.amocrm.v4.line import Query, chunks, embedded, has_next
from functions.crm_webhook.api.line import Line
from functions.crm_webhook.deals import DealState
from shared.money import parse_amount
from shared.times import from_millis

ADDED, MOVED, PRICED = "lead_added", "lead_status_changed", "sale_field_changed"
DELETED, RESTORED, MERGED = "lead_deleted", "lead_restored", "entity_merged"
TYPES = (ADDED, MOVED, PRICED, DELETED, RESTORED, MERGED)
ENDS = (DELETED, RESTORED, MERGED)  # what the list of leads says nothing of
MOST_LEADS = 10  # leads that one list of events may be asked for
MOST_EVENTS = 100  # of a page
MOST_PAGES = 100  # of one list: more is nobody's history
# Places within a second. Hooks' own are smaller, so the history has the last word over them; then comes how the lead stood when
# it was read, and what ended it after all: a lead that is deleted in the second of its last change was read alive before.
_RANKS = {False: (10, 899), True: (920, 989)}
NOW_RANK = 900
MERGE_RANK = 990
WITH_MERGE = timedelta(minutes=1)


class Event(NamedTuple):
    """One event of one lead. `before` and `after` are as told."""

    id: str
    type: str
    lead: str
    at: datetime
    before: Any
    after: Any


class Now(NamedTuple):
    """What the lead says of itself; None where it is gone. `is_settled`: its last change is so old that events tell it."""

    created_at: datetime | None = None
    pipeline: str | None = None
    stage: str | None = None
    amount: Decimal | None = None
    is_settled: bool = True


class Merge(NamedTuple):
    """Leads that one event of merging names, its own among them."""

    at: datetime
    leads: tuple[str, ...]


def events_of(line: Line, leads: Sequence[str], passed_over: Counter[str]) -> dict[str, list[Event]]:
    """All events of these leads that a deal's history is made of, oldest first."""
    found: dict[str, list[Event]] = {lead: [] for lead in leads}
    for some in chunks(list(found), MOST_LEADS):
        query: Query = [("filter[entity]", "lead"), ("filter[entity_id]", ",".join(some)), ("filter[type]", ",".join(TYPES))]
        for page in range(1, MOST_PAGES + 1):
            answer = line.get("/api/v4/events", [*query, ("limit", MOST_EVENTS), ("page", page)])
            for event in read_events(embedded(answer, "events"), passed_over):
                if event.lead in found:
                    found[event.lead].append(event)
            if not has_next(answer):
                break
    # A list whose head grows while it is read tells some events twice.
    once = {lead: {event.id: event for event in events}.values() for lead, events in found.items()}
    return {lead: sorted(events, key=lambda one: (one.at, one.id)) for lead, events in once.items()}


def read_events(told: Iterable[dict[str, Any]], passed_over: Counter[str]) -> Iterator[Event]:
    """Events of leads, checked."""
    for one in told:
        if one.get("type") not in TYPES or one.get("entity_type") not in (None, "lead", "leads"):
            continue
        at, lead = one.get("created_at"), one.get("entity_id")
        if type(at) is not int or type(lead) is not int or not 946_684_800 <= at < 10**11 or lead <= 0:
            passed_over["unreadable_event"] += 1
            continue
        before, after = one.get("value_before"), one.get("value_after")
        yield Event(str(one.get("id")), one["type"], str(lead), from_millis(at * 1000), before, after)


def history(lead: str, now: Now, events: Sequence[Event], currency: str, passed_over: Counter[str]) -> list[DealState]:
    """The deal's states from its creation on. Read earlier or later, the same events give the same states."""
    told: list[tuple[Event, dict[str, Any]]] = []
    for event in events:
        values = _values(event, currency)
        if values is None:
            passed_over["unreadable_event"] += 1
        elif values:
            told.append((event, values))
    first = _first_values(now, events, currency)
    created_at = now.created_at or next((event.at for event in events if event.type == ADDED), None)
    states = []
    if created_at is not None:
        values = {"deal_created_at": created_at, **first}
        # At the rank of the hook `add`: a lead that moves within its first second does not fall back.
        states.append(DealState(deal_id=lead, told_at=created_at, rank=0, via="history", values=values))
    places: Counter[tuple[datetime, bool]] = Counter()
    for event, values in told:
        place = event.at, event.type in ENDS
        lowest, highest = _RANKS[place[1]]
        rank = min(lowest + places[place], highest)
        places[place] += 1
        states.append(DealState(deal_id=lead, told_at=event.at, rank=rank, via="history", values=values))
    return states


def left_to_tell(states: Sequence[DealState], values: dict[str, Any], at: datetime) -> dict[str, Any]:
    """How the lead stands now (`values`, since `at`), without the stage and the sum that its history has told.

    The history has them at their own times. What a list says of them may be older than an event of the same second; it is told
    where no event of that second or later knows better, that is where events are missing.
    """
    known: dict[str, tuple[Any, datetime]] = {}
    for state in states:
        if state.told_at is not None:
            known |= {name: (value, state.told_at) for name, value in state.values.items() if value is not None}
    left = dict(values)
    for names in (("pipeline", "stage"), ("amount",)):
        if all(name in known and (known[name][0] == values[name] or known[name][1] >= at) for name in names):
            left |= dict.fromkeys(names)
    if all(left.get(name) is None for name in ("amount", "cost_price", "receivable")):
        left["currency"] = None
    return left


def is_gone(events: Sequence[Event]) -> bool:
    """The last that was told of it is its deletion."""
    ends = [event.type for event in events if event.type in (DELETED, RESTORED)]
    return bool(ends) and ends[-1] == DELETED


def stays(merge: Merge, events: Mapping[str, Sequence[Event]], alive: Collection[str]) -> str | None:
    """Who of the merged took over the others; None where nothing says so.

    The one that was not deleted with the merge (its own events and the absorbed one's may be a second or more apart); else the only
    one that is there; else, where all are gone, the one that was deleted last.
    """
    deleted = {one: [event for event in events.get(one, ()) if event.type == DELETED] for one in merge.leads}
    with_it = {one for one, some in deleted.items() if any(abs(event.at - merge.at) <= WITH_MERGE for event in some)}
    left = [one for one in merge.leads if one not in with_it and (one in alive or deleted[one])]
    if with_it and len(left) == 1:
        return left[0]
    there = [one for one in merge.leads if one in alive]
    if len(there) == 1:
        return there[0]
    if there or not all(deleted.values()):
        return None
    return max(merge.leads, key=lambda one: (deleted[one][-1].at, deleted[one][-1].id))


def merges_of(events: Iterable[Event]) -> list[Merge]:
    """Who was merged with whom; which of them stays is what the list of leads shows."""
    found = []
    for event in events:
        named = dict.fromkeys([event.lead, *_ids(event.before), *_ids(event.after)])
        if event.type == MERGED and len(named) > 1:
            found.append(Merge(event.at, tuple(named)))
    return found


def _first_values(now: Now, events: Sequence[Event], currency: str) -> dict[str, Any]:
    """How it stood when it was made: what the first change of each kind changed, else what it is now, once that is settled."""
    moved = next((status for event in events if event.type == MOVED and (status := _status(event.before))), None)
    pipeline, stage = moved or ((now.pipeline, now.stage) if now.is_settled else (None, None))
    priced = next((event for event in events if event.type == PRICED), None)
    amount = _sale(priced.before) if priced else now.amount if now.is_settled else None
    return {"pipeline": pipeline, "stage": stage, "amount": amount, "currency": currency if amount is not None else None}


def _values(event: Event, currency: str) -> dict[str, Any] | None:
    """What the event changed; {} for nothing of a deal's, None where it cannot be read."""
    if event.type == MOVED:
        status = _status(event.after)
        return {"pipeline": status[0], "stage": status[1]} if status else None
    if event.type == PRICED:
        amount = _sale(event.after)
        return {"amount": amount, "currency": currency} if amount is not None else None
    if event.type in (DELETED, RESTORED):
        return {"is_deleted": event.type == DELETED}
    return {}


def _status(told: Any) -> tuple[str | None, str] | None:
    """(pipeline, stage) of `[{"lead_status": {"id", "pipeline_id"}}]`."""
    status = _inner(told, "lead_status")
    stage = stage_of(_id(status.get("id")))
    return (_id(status.get("pipeline_id")), stage) if stage else None


def _sale(told: Any) -> Decimal | None:
    """Sum of `[{"sale_field_value": {"sale"}}]`; where there was none, a sum of nothing. None where it cannot be read."""
    value = _inner(told, "sale_field_value")
    if told and "sale" not in value:
        return None
    try:
        return parse_amount(value.get("sale") or 0)
    except ValueError:
        return None


def _inner(told: Any, name: str) -> dict[str, Any]:
    for one in told if isinstance(told, list) else [told]:
        if isinstance(one, dict) and isinstance(one.get(name), dict):
            inner: dict[str, Any] = one[name]
            return inner
    return {}


def _ids(told: Any, depth: int = 0) -> list[str]:
    """Ids that a merge names: `id`, `entity_id`, `lead_id` of whatever it nests, or bare numbers in a list."""
    if depth > 6:
        return []
    if isinstance(told, list):
        return [found for one in told for found in ([_id(one)] if type(one) is int else _ids(one, depth + 1)) if found]
    if not isinstance(told, dict):
        return []
    own = [_id(told.get(name)) for name in ("id", "entity_id", "lead_id")]
    return [one for one in own if one] + [found for one in told.values() for found in _ids(one, depth + 1)]


def _id(told: Any) -> str | None:
    text = str(told) if type(told) in (int, str) else ""
    return text if text.isascii() and text.isdigit() and text.strip("0") and len(text) <= 19 else None
