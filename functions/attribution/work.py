"""What a step of a refresh is, and what it knows: one site, one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from functions.attribution.rules import MOST_PAGES_A_MINUTE
from functions.attribution.statements import insert, merge, render
from functions.attribution.table import Table
from shared.settings import SiteSettings
from shared.sql import Value, bind
from shared.times import EPOCH, from_lake_text, local_day
from shared.warehouse import Warehouse

Part = Mapping[str, Any]
EVER_DAYS = 400 * 365
ALL_TOUCHES = 10_000  # of a path, where no setting says less: more are no person's
RESTATEMENTS_KEPT = timedelta(days=400)
DELIVERY = timedelta(minutes=15)  # Firehose keeps records for five minutes before they are in the lake


@dataclass(frozen=True)
class Work:
    """What a step knows: one site, one run. `since` is the last complete refresh ('' when everything is rebuilt).

    `compared_with` is the last complete refresh in any case ('' when these tables hold none), `closed_before` the first local day
    that was not over for it, `begun_at` when this run began.
    """

    warehouse: Warehouse
    site: SiteSettings
    refresh_id: str
    since: str
    first_arrival: str
    last_arrival: str
    compared_with: str = ""
    closed_before: date = date.min
    begun_at: datetime = EPOCH

    @property
    def is_full(self) -> bool:
        return self.since == ""

    def bind(self, text: str, **more: Value) -> str:
        return bind(text, {**site_values(self.site), **self._run_values(), **more})

    def ask(self, text: str, **more: Value) -> Mapping[str, Any]:
        """First row of a small query."""
        return self.warehouse.rows(self.bind(text, **more))[0]

    def holds_nothing(self, table: Table, rows: str = "TRUE") -> bool:
        """Whether the table has no row of the site that meets the condition `rows`."""
        text = f"SELECT count(*) AS n FROM {table.name} WHERE site_id = :site_id AND {rows}"  # noqa: S608 (names of the model)
        return bool(self.ask(text)["n"] == 0)

    def _run_values(self) -> dict[str, Value]:
        return {
            "refresh_id": self.refresh_id,
            "since_refresh": self.since,
            "first_arrival": self.first_arrival,
            "is_full": self.is_full,
            "last_arrival": self.last_arrival,
            "compared_with": self.compared_with,
            "closed_before": self.closed_before,
            "found_at": self.begun_at,
            "forgotten_before": self.begun_at - RESTATEMENTS_KEPT,
        }


@dataclass(frozen=True)
class Step:
    """`plan` gives the parts, `statement` one SQL text per part, `again` the next part while a loop has not settled."""

    name: str
    plan: Callable[[Work], list[Part]]
    statement: Callable[[Work, Part], str]
    again: Callable[[Work, Part], Part | None] = lambda work, part: None


def compared(last: Mapping[str, str], fingerprint: str, site: SiteSettings) -> tuple[str, date]:
    """The last complete run whose figures the tables still hold ('' where there is none), and the first local day that was not over
    when it began (or had just ended: its last records were on their way). A run of another table model left no figures."""
    if last.get("fingerprint", "").rpartition("-")[2] != fingerprint.rpartition("-")[2]:
        return "", date.min
    return last["refresh_id"], local_day(from_lake_text(last["started_at"]) - DELIVERY, site.time_zone)


def site_values(site: SiteSettings) -> dict[str, Value]:
    """Settings of a site as SQL parameters."""
    told, days, spam = site.attribution, site.requests.duplicate_days, site.calls.spam
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
        "default_model": told.default_model,
        **shares,
        "target_talk_seconds": site.requests.target_talk_seconds,
        "repeat_caller_seconds": site.numbers.repeat_caller_seconds,
        "is_spam_judged": spam.calls != "off",
        "spam_calls_before": 0 if spam.calls == "off" else spam.calls - 1,
        "spam_talk_seconds": spam.talk_seconds,
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


def scoped(
    name: str,
    table: Table,
    scopes: tuple[str, str],
    old: str,
    rows: str = "TRUE",
    parts_of: Callable[[SiteSettings], Mapping[str, str]] = lambda site: {},
) -> Step:
    """A table computed anew within a scope: the first of `scopes` (everything) in a full run, else the second (what changed).

    `old` is the query of the rows as they stood within the scope; `rows`, a condition on the table, bounds what the step writes.
    """

    def statement(work: Work, part: Part) -> str:
        given = {**parts_of(work.site), "scope": scopes[0 if work.is_full else 1], "table": table.name, "rows": rows}
        text = work.bind(render(table.name, **given))
        if part["is_first"]:
            return insert(table, text)
        everything = f"SELECT * FROM {table.name} WHERE site_id = :site_id AND {rows}"  # noqa: S608 (names of the model)
        return merge(table, text, work.bind(everything if work.is_full else render(old, **given)))

    return Step(name, lambda work: [{"is_first": work.holds_nothing(table, rows)}], statement)
