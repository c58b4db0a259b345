"""Asks the marts: one SQL file a question (`sql/*.sql`), bound to a site, a period and the default model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from functions.report.marts.dates import date_basis_of
from shared.sql import Value, bind
from shared.times import local_day, local_midnight
from shared.warehouse import Row, Warehouse

SQL = Path(__file__).parent.parent / "sql"
# What the channel tree needs, and is asked for the previous period too.
TREE_QUESTIONS = ("visits", "results", "spend", "no_source")
# What other parts compare with the previous period; they have questions of the period alone, too.
COMPARED_QUESTIONS = ("source_days", "deals_matched", "ad_clicks", "customers_repeats")
OTHER_QUESTIONS = (
    "stages_standing", "deal_dimensions", "deals_lost", "pipelines_apart", "receivables", "new_sources",
    "channels", "models", "markov", "removal_effects", "hits", "requests_made", "unknown_stages", "unknown_values",
    "money_without_rate", "spend_without_rate", "sale_delays", "hub_keys", "contact_channels", "calls", "call_list",
    "call_numbers", "lease_pools", "lease_reasons", "deals", "deal_paths", "left_out", "customers", "cohorts", "restated",
    "site_sections", "visit_requests", "qualification", "team", "budget_weeks", "cost_days", *COMPARED_QUESTIONS,
)  # fmt: skip
MOST_DEALS = 5000  # in figures.json, the newest; how many there are is told beside them
MOST_CALLS = 5000  # the newest; how many there are is told beside them
MOST_RESTATED = 5000  # changed figures of closed days; how many there are is told beside them
MOST_TOUCHES = 20  # of one path
MOST_VALUES = 100  # of utm_source and utm_medium that no rule knows; how many there are is told beside them
COHORT_MONTHS = 12  # with that of the period's last day
MOST_SECTIONS = 100  # of the site, with most visits; how many there are is told beside them
MOST_NAMES = 1000  # of managers, branches, products and lists of tags, each; those with most deals
SLOW_TIMES = 2  # a deal that stands at a stage more than so many times the usual is late
MOST_KEYS = 20  # that join nobody, of each reason; how many there are is told beside them
KNOWN_DAYS = 90  # a value that was not seen for so long before the period is new


class Period(NamedTuple):
    """Whole local days, both ends included. `before` are the ends of the period that this one is compared with, where that is not
    the one as long right before it (a calendar month's)."""

    first: date
    last: date
    before: tuple[date, date] | None = None

    @property
    def previous(self) -> Period:
        """The period that this one is compared with: `before`, or the one of the same length that ends the day before."""
        if self.before is not None:
            return Period(*self.before)
        return Period(self.first - (self.last - self.first) - timedelta(days=1), self.first - timedelta(days=1))


def period_of(settings: Mapping[str, Any], now: datetime) -> Period:
    """`report.days` local days of the site that end yesterday, or with the running day (`report.until`: today)."""
    # Settings published before there was a choice do not tell it.
    is_running = settings["report"].get("until", "yesterday") == "today"
    last = local_day(now, settings["time_zone"]) - timedelta(days=0 if is_running else 1)
    return Period(last - timedelta(days=int(settings["report"]["days"]) - 1), last)


@dataclass(frozen=True, slots=True)
class Answers:
    """Rows by question (the name of the SQL file). A question that was not asked has no rows."""

    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def __getitem__(self, question: str) -> Sequence[Row]:
        return self.rows.get(question, ())


def ask(warehouse: Warehouse, settings: Mapping[str, Any], period: Period) -> tuple[Answers, Answers]:
    """Answers for the period and, as far as the channel tree and source control go, for the period before. WarehouseError when a
    query fails."""
    return (
        answers_of(warehouse, settings, period, TREE_QUESTIONS + OTHER_QUESTIONS),
        answers_of(warehouse, settings, period.previous, TREE_QUESTIONS + COMPARED_QUESTIONS),
    )


def answers_of(
    warehouse: Warehouse,
    settings: Mapping[str, Any],
    period: Period,
    questions: Sequence[str],
    more: Mapping[str, Value] | None = None,
) -> Answers:
    """Answers of these questions alone for a period; `more` are values that they need besides. WarehouseError when one fails."""
    lookback = int(settings["attribution"]["lookback_days"])
    values: dict[str, Value] = {
        "site_id": settings["site_id"],
        "first_day": period.first,
        "last_day": period.last,
        "model": settings["attribution"]["default_model"],
        "most_deals": MOST_DEALS,
        "most_calls": MOST_CALLS,
        "most_touches": MOST_TOUCHES,
        "most_restated": MOST_RESTATED,
        "restated_from": restated_from(settings, period),
        "most_values": MOST_VALUES,
        "most_keys": MOST_KEYS,
        "most_names": MOST_NAMES,
        "most_sections": MOST_SECTIONS,
        "day_before": period.first - timedelta(days=1),  # of a visit that went on past midnight
        "day_after": period.last + timedelta(days=1),
        "history_from": history_from(settings, period),
        "slow_times": SLOW_TIMES,
        "standing_at": local_midnight(period.last + timedelta(days=1), settings["time_zone"]),
        "date_basis": date_basis_of(settings),
        "time_zone": settings["time_zone"],
        "known_from": period.first - timedelta(days=KNOWN_DAYS),
        "path_from": period.first - timedelta(days=lookback),
        "lookback_days": lookback,
        **_customer_values(settings, period),
        **_cool_downs(settings),
        **(more or {}),
    }
    return Answers({name: warehouse.rows(bind((SQL / f"{name}.sql").read_text("utf-8"), values)) for name in questions})


def restated_from(settings: Mapping[str, Any], period: Period) -> datetime:
    """Since when changes of closed days are told: the midnight that begins the day before the report's own, so that a daily report
    has all that refreshes changed since the report before. A report of an older period tells all since then."""
    is_running = settings["report"].get("until", "yesterday") == "today"
    return local_midnight(period.last - timedelta(days=1 if is_running else 0), settings["time_zone"])


def history_from(settings: Mapping[str, Any], period: Period) -> date:
    """First day of the history that report and page look back to (settings published before there was a choice: 400 days)."""
    return period.last - timedelta(days=int(settings["report"].get("history_days", 400)) - 1)


def numbers_of(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The site's settings of numbers; none in settings published before there were any."""
    return settings.get("numbers") or {}


def _cool_downs(settings: Mapping[str, Any]) -> dict[str, Value]:
    """Seconds that a number rests after a lease, and after one without a sign of life; `pool_spans` has those of each pool as text
    (`;north=1800/300;south=600/300;`), which SQL cuts: a list of rows cannot be a parameter."""
    told = numbers_of(settings)
    spans = {"cool_down_seconds": 1800, "unconfirmed_cool_down_seconds": 300}  # shared/number_settings.py
    spans = {name: told.get(name, span) for name, span in spans.items()}
    of_pools = "".join(
        f"{pool['name']}={'/'.join(str(span if pool.get(name) is None else pool[name]) for name, span in spans.items())};"
        for pool in told.get("pools") or ()
    )
    cool_down, unconfirmed = spans.values()
    return {"cool_down": cool_down, "unconfirmed_cool_down": unconfirmed, "pool_spans": f";{of_pools}"}


def lapsed_days_of(settings: Mapping[str, Any]) -> int:
    """After how many days without a sale a buyer has lapsed (settings published before there was a choice: 180)."""
    return int(settings["report"].get("lapsed_days", 180))


def _customer_values(settings: Mapping[str, Any], period: Period) -> dict[str, Value]:
    """Lapsed: the last sale is more days before the period's last day than the setting says. Cohorts are whole months."""
    last = period.last
    months = last.year * 12 + last.month - COHORT_MONTHS
    after = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
    return {
        "lapsed_before": last - timedelta(days=lapsed_days_of(settings)),
        "cohorts_from": date(months // 12, months % 12 + 1, 1),
        "cohorts_to": after - timedelta(days=1),
    }
