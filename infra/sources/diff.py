"""`skvoz source diff`: what other settings or rule files would make of the history that a folder has. Nothing is written.

Compared are the mart `sources` as it stands and the same entry keys under the new rules. Visits are counted where they begin now:
one that becomes direct may join the visit before it, and a hit that stops being direct may begin a visit in the middle of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from functions.attribution.source_rules import RULES
from functions.attribution.statements import render_text
from infra.sources.classify import classified
from infra.sources.marts import folder_marts
from shared.errors import BadInput
from shared.settings import SiteSettings
from shared.sql import bind
from shared.warehouse import Row

SQL = Path(__file__).parent / "sql"
LEFT_OUT = "(left out: spam)"
# What of a combination of marks changes figures or what readers see.
_COMPARED = ("channel", "source", "medium", "is_direct", "is_ad", "is_significant", "is_spam", "channel_group", "term_parameters")
_READ_ANEW = {
    "parameters": "sources.parameters: the refresh reads marks anew from the stored addresses",
    "click_ids": "sources.click_ids: the refresh reads click ids anew from the stored addresses",
}


class Weight(NamedTuple):
    """What hangs on it: `requests` (parts, default model) and `revenue` go with the touches, `cost` with cost lines."""

    visits: int = 0
    requests: float = 0.0
    revenue: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def plus(self, other: Weight) -> Weight:
        return Weight(
            self.visits + other.visits,
            self.requests + other.requests,
            self.revenue + other.revenue,
            self.cost + other.cost,
        )


class Changed(NamedTuple):
    """One combination of marks: `before` and `after` are channel, source, medium; `also` what else changes, in words."""

    entry_key: str
    before: tuple[str, str, str]
    after: tuple[str, str, str]
    also: tuple[str, ...]
    weight: Weight


class Difference(NamedTuple):
    """`looked_at`: combinations of marks. `changed`: the weightiest first. `channels`: figures of each channel that changes, now
    and then. `unseen`: what of the change cannot be told from combinations of marks."""

    looked_at: int
    changed: Sequence[Changed]
    channels: Sequence[tuple[str, Weight, Weight]]
    unseen: Sequence[str]


def difference(lake: Path, site: SiteSettings, new: SiteSettings, rules: Path = RULES) -> Difference:
    """History under `site` as it stands → under the settings `new` and the rule files of `rules`.

    BadInput: no complete refresh, another site, a folder without rules.
    """
    if new.site_id != site.site_id:
        raise BadInput(f"{new.site_id} and {site.site_id} are two sites; a change is of one")
    with folder_marts(lake, site.site_id) as warehouse:
        values = {"site_id": site.site_id, "model": site.attribution.default_model}
        before = {row["entry_key"]: row for row in warehouse.rows(bind("SELECT * FROM sources WHERE site_id = :site_id", values))}
        text = (SQL / "entries.sql").read_text(encoding="utf-8")
        brought = (SQL / "brought.sql").read_text(encoding="utf-8").rstrip()
        counted = warehouse.rows(bind(render_text(text, brought=brought), values))
    after = classified(before, new, rules)
    weights = _weights(counted)
    changed = [
        _changed(key, row, after[key], weights.get(key, Weight())) for key, row in before.items() if _differs(row, after[key])
    ]
    changed.sort(key=lambda c: (-c.weight.visits, -c.weight.requests, -c.weight.cost, c.entry_key))
    return Difference(len(before), changed, _channels(counted, changed), list(_unseen(site, new, rules)))


def _differs(old: Row, new: Row) -> bool:
    return any(old[name] != new[name] for name in _COMPARED)


def _changed(key: str, old: Row, new: Row, weight: Weight) -> Changed:
    names = {
        "is_ad": "ad",
        "is_significant": "significant",
        "channel_group": "channel group",
        "term_parameters": "search phrase from",
    }
    also = [f"{shown} {_word(old[name])} → {_word(new[name])}" for name, shown in names.items() if old[name] != new[name]]
    return Changed(key, _place(old), _place(new), tuple(also), weight)


def _place(row: Row) -> tuple[str, str, str]:
    return LEFT_OUT if row["is_spam"] else row["channel"], row["source"], row["medium"]


def _word(value: object) -> str:
    return "yes" if value is True else "no" if value is False else str(value or "nothing")


def _weight(row: Row) -> Weight:
    return Weight(row["visits"] or 0, float(row["requests"] or 0), row["revenue"] or Decimal(0), row["cost"] or Decimal(0))


def _weights(counted: Iterable[Row]) -> dict[str, Weight]:
    found: dict[str, Weight] = {}
    for row in counted:
        if row["entry_key"] is not None:
            found[row["entry_key"]] = found.get(row["entry_key"], Weight()).plus(_weight(row))
    return found


def _channels(counted: Sequence[Row], changed: Iterable[Changed]) -> list[tuple[str, Weight, Weight]]:
    """Channels of which a figure moves."""
    moved: Mapping[str, str] = {c.entry_key: c.after[0] for c in changed if c.before[0] != c.after[0]}
    old: dict[str, Weight] = {}
    new: dict[str, Weight] = {}
    for row in counted:
        old[row["channel"]] = old.get(row["channel"], Weight()).plus(_weight(row))
        channel = moved.get(row["entry_key"], row["channel"])
        new[channel] = new.get(channel, Weight()).plus(_weight(row))
    names = sorted(old.keys() | new.keys(), key=lambda name: (-old.get(name, Weight()).visits, name))
    both = [(name, old.get(name, Weight()), new.get(name, Weight())) for name in names]
    return [(name, one, other) for name, one, other in both if not _same(one, other)]


def _same(one: Weight, other: Weight) -> bool:
    """Sums of parts of requests differ by their order."""
    return one._replace(requests=round(one.requests, 6)) == other._replace(requests=round(other.requests, 6))


def _unseen(site: SiteSettings, new: SiteSettings, rules: Path) -> Iterable[str]:
    for name, told in _READ_ANEW.items():
        if getattr(site.sources, name) != getattr(new.sources, name):
            yield told
    if (rules / "shared" / "robots.tsv").exists():
        yield "robots.tsv: which hits are robots' is not told from combinations of marks"
