"""What a step of a refresh is, and what it knows: one site, one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.attribution.rules import MOST_PAGES_A_MINUTE
from functions.attribution.statements import insert, merge, render
from functions.attribution.table import Table
from shared.settings import SiteSettings
from shared.sql import Value, bind
from shared.warehouse import Warehouse

Part = Mapping[str, Any]
EVER_DAYS = 400 * 365
ALL_TOUCHES = 2**31 - 1


@dataclass(frozen=True)
class Work:
    """What a step knows: one site, one run. `since` is the last complete refresh ('' when everything is rebuilt)."""

    warehouse: Warehouse
    site: SiteSettings
    refresh_id: str
    since: str
    first_arrival: str
    last_arrival: str

    @property
    def is_full(self) -> bool:
        return self.since == ""

    def bind(self, text: str, **more: Value) -> str:
        return bind(text, {**site_values(self.site), **self._run_values(), **more})

    def ask(self, text: str, **more: Value) -> Mapping[str, Any]:
        """First row of a small query."""
        return self.warehouse.rows(self.bind(text, **more))[0]

    def holds_nothing(self, table: Table) -> bool:
        count: int = self.ask(f"SELECT count(*) AS n FROM {table.name} WHERE site_id = :site_id")["n"]  # noqa: S608 (model's name)
        return count == 0

    def _run_values(self) -> dict[str, Value]:
        return {
            "refresh_id": self.refresh_id,
            "since_refresh": self.since,
            "first_arrival": self.first_arrival,
            "is_full": self.is_full,
            "last_arrival": self.last_arrival,
        }


@dataclass(frozen=True)
class Step:
    """`plan` gives the parts, `statement` one SQL text per part, `again` the next part while a loop has not settled."""

    name: str
    plan: Callable[[Work], list[Part]]
    statement: Callable[[Work, Part], str]
    again: Callable[[Work, Part], Part | None] = lambda work, part: None


def site_values(site: SiteSettings) -> dict[str, Value]:
    """Settings of a site as SQL parameters."""
    told, days = site.attribution, site.requests.duplicate_days
    shares = {
        f"{model}_{place}": share
        for model, three in (("position", told.position), ("custom", told.custom))
        for place, share in zip(("first", "middle", "last"), three, strict=True)
    }
    return {
        "site_id": site.site_id,
        "time_zone": site.time_zone,
        "currency": site.currency,
        "lookback_days": told.lookback_days,
        "lookback_touches": told.lookback_touches or ALL_TOUCHES,
        "excluded_channels": told.excluded_channels,
        "reset_after": told.reset_after,
        "significant_media": told.significant_media,
        "half_life_days": told.half_life_days,
        "markov_order": told.markov_order,
        **shares,
        "target_talk_seconds": site.requests.target_talk_seconds,
        "duplicate_days": EVER_DAYS if days == "ever" else -1 if days == "off" else days,
        "most_pages": MOST_PAGES_A_MINUTE,
        "show_gross": site.costs.show == "gross",
        "vat_percent": site.costs.vat_percent,
    }


def whole(table: Table, query: str | None = None, **parts: str) -> Step:
    """A table computed whole for the site; the MERGE writes only what differs."""
    name = query or table.name

    def statement(work: Work, part: Part) -> str:
        text = work.bind(render(name, **parts))
        old = work.bind(f"SELECT * FROM {table.name} WHERE site_id = :site_id")  # noqa: S608
        return insert(table, text) if part["is_first"] else merge(table, text, old)

    return Step(name, lambda work: [{"is_first": work.holds_nothing(table)}], statement)
