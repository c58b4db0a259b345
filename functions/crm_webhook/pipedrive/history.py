"""The changelog of a deal (GET /v1/deals/{id}/changelog) → its states, each at its own time. Pure.

A line tells one field: what it was and what it became, at a whole second, UTC. What a deal began with follows from the first change
of each field, or, where it never changed, from what it is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from functions.crm_webhook.deals import DealState
from functions.crm_webhook.fields import UNREADABLE
from functions.crm_webhook.pipedrive.deal import CLOSED, DELETED, LAST_RANK, Deal, Reader, currency, moment, named, text
from functions.crm_webhook.reading import BadField
from functions.crm_webhook.sums import rounded_sum

FIELDS = ("stage_id", "status", "pipeline_id", "value", "currency", "lost_reason")


class _Change(NamedTuple):
    at: datetime
    field: str
    before: str
    after: str


def history_states(deal: Deal, lines: Sequence[Mapping[str, Any]], reader: Reader) -> list[DealState]:
    """From creation on; `lines` as Pipedrive gives them, the newest first."""
    changes = _changes(lines)
    created_at, told_at = deal.moment("add_time"), deal.moment("update_time")
    if created_at is None:
        return []
    closed_at = deal.closed_at(told_at) if told_at else None
    standing = _beginning(deal, changes)
    states = [_state(deal, created_at, 0, standing, FIELDS, reader, closed_at)]
    second, rank = created_at, 0
    for group in _groups(changes):
        rank = rank + 1 if group[0].at == second else 1
        second = group[0].at
        standing |= {change.field: change.after for change in group}
        changed = tuple(change.field for change in group)
        states.append(_state(deal, second, min(rank, LAST_RANK - 1), standing, changed, reader, closed_at))
    if closed_at is not None:
        states.append(_told(deal, closed_at, LAST_RANK - 1, {"stage": deal.stage}))
    return [state for state in states if state.values]


def _changes(lines: Sequence[Mapping[str, Any]]) -> list[_Change]:
    found = []
    for line in reversed(lines):
        try:
            at = moment("time", line.get("time"))
        except BadField:
            continue
        if at is not None and line.get("field_key") in FIELDS:
            found.append(_Change(at, str(line["field_key"]), _plain(line.get("old_value")), _plain(line.get("new_value"))))
    return sorted(found, key=lambda change: change.at)


def _groups(changes: Sequence[_Change]) -> Iterator[list[_Change]]:
    """What was saved together: changes of one second, up to the second change of a field."""
    group: list[_Change] = []
    for change in changes:
        if group and (change.at != group[0].at or change.field in {one.field for one in group}):
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _beginning(deal: Deal, changes: Sequence[_Change]) -> dict[str, str]:
    now = {name: _plain(deal.told.get(name)) for name in FIELDS}
    if now["status"] in (*CLOSED, DELETED):
        now["status"], now["lost_reason"] = "open", ""  # created closed: it was closed at its own time
    return now | {change.field: change.before for change in reversed(changes)}


def _state(
    deal: Deal,
    at: datetime,
    rank: int,
    standing: Mapping[str, str],
    changed: Sequence[str],
    reader: Reader,
    closed_at: datetime | None,
) -> DealState:
    """What changed. Once the deal is closed for good, by the moment that it tells of that, no stage is told any more: the lines'
    times are those of typing."""
    values: dict[str, Any] = {}
    if not {"stage_id", "status"}.isdisjoint(changed) and (closed_at is None or at < closed_at):
        status = standing["status"]
        values["stage"] = status if status in CLOSED else None if status == DELETED else standing["stage_id"] or None
    if "pipeline_id" in changed:
        values["pipeline"] = standing["pipeline_id"] or None
    if "value" in changed and standing["value"]:
        try:
            values["amount"] = rounded_sum(standing["value"])
        except ValueError:
            reader.passed_over[UNREADABLE] += 1
    if "currency" in changed:
        values["currency"] = currency(standing["currency"])
    if "lost_reason" in changed:
        reason = reader.private.words("loss_reason", standing["lost_reason"] or None)
        values["loss_reason"] = named(reason, reader.section, "loss_reasons")
    return _told(deal, at, rank, {name: value for name, value in values.items() if value is not None})


def _told(deal: Deal, at: datetime, rank: int, values: Mapping[str, Any]) -> DealState:
    return DealState(deal_id=deal.id, told_at=at, rank=rank, via="history", values=values)


def _plain(told: object) -> str:
    return repr(told) if isinstance(told, float) else text(told)
