"""Asks the marts what the checks judge. Every kind is asked apart, so that one that cannot be asked silences no other.

Marts are hourly at best, so an alert comes `silent_hours` after the last arrival plus the time to the next complete refresh and a
quarter of an hour. What is fresher does not tell sites apart: raw objects and streams hold all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from functions.report.alerts import checks
from functions.report.alerts.checks import DAY, KNOWN_DAYS, Alert, alerts_settings
from functions.report.marts.call_tracking import call_tracking_of
from functions.report.marts.questions import SQL, Answers, Period, answers_of, period_of
from functions.report.marts.tree import tree_of
from shared.errors import WarehouseError
from shared.log import count, logger
from shared.sql import Value, bind
from shared.times import local_day
from shared.warehouse import Row, Warehouse

if TYPE_CHECKING:
    from shared.report_settings import AlertKind

WEEKS = 4
RECENT_DAYS = 7  # whole weeks, so that weekends weigh alike
BEFORE_DAYS = 28
ZERO = {
    **dict.fromkeys(("requests", "qualified", "sales", "revenue", "priced_parts", "unpriced_parts", "unpriced_revenue"), 0),
    "gross_profit": None,
}


@dataclass(frozen=True)
class Asked:
    """A site's marts as they stood at `seen_to`: everything that came before it is in them."""

    warehouse: Warehouse
    settings: Mapping[str, Any]
    seen_to: datetime

    @cached_property
    def today(self) -> date:
        """The site's running day."""
        return local_day(self.seen_to, self.settings["time_zone"])

    @cached_property
    def report(self) -> Answers:
        """Spend and results of the report's own days."""
        return self.answers(period_of(self.settings, self.seen_to), "spend", "results", "no_source")

    def answers(self, period: Period, *questions: str) -> Answers:
        """The report's own questions."""
        return answers_of(self.warehouse, self.settings, period, questions)

    def rows(self, question: str, first: date, last: date, **values: Value) -> Sequence[Row]:
        """Rows of a question of alerts alone."""
        site = {"site_id": self.settings["site_id"], "first_day": first, "last_day": last}
        return self.warehouse.rows(bind((SQL / f"{question}.sql").read_text("utf-8"), {**site, **values}))


def alerts_of(asked: Asked) -> tuple[list[Alert], list[str]]:
    """What rings, and the kinds that could not be asked. Those that the settings switch off are not asked."""
    found: list[Alert] = []
    failed: list[str] = []
    for kind, ask in KINDS.items():
        if kind in alerts_settings(asked.settings)["muted"]:
            continue
        try:
            found += ask(asked)
        except WarehouseError as error:
            logger().error("an alert could not be judged", extra={"kind": kind, "why": error.message})
            count({"AlertsNotJudged": 1}, Kind=kind)
            failed.append(kind)
    return found, failed


def _stopped(kind: AlertKind, question: str) -> Callable[[Asked], list[Alert]]:
    def ask(asked: Asked) -> list[Alert]:
        silent = timedelta(hours=int(alerts_settings(asked.settings)["silent_hours"]))
        week = timedelta(weeks=-(-silent // timedelta(weeks=1)))  # a silence of more than a week is compared with spans beyond it
        values: dict[str, Value] = {}
        for place in range(WEEKS + 1):
            ends = asked.seen_to - place * week
            values |= {f"from_{place}": ends - silent, f"to_{place}": ends}
        begins = asked.seen_to - WEEKS * week - silent
        rows = asked.rows(question, local_day(begins, asked.settings["time_zone"]), asked.today, **values)
        return list(checks.stopped(kind, rows, asked.seen_to - silent, asked.seen_to))

    return ask


def _costs(asked: Asked) -> list[Alert]:
    silent = int(alerts_settings(asked.settings)["costs_silent_days"])
    first = asked.today - (max(KNOWN_DAYS, silent + 7) + KNOWN_DAYS) * DAY
    # Spend of a month told in one sum stands on days to come, too.
    rows = asked.rows("alerts_costs", first, asked.today + 31 * DAY)
    return list(checks.costs_stopped(rows, asked.today, silent))


def _no_source(asked: Asked) -> list[Alert]:
    recent = asked.today - (RECENT_DAYS - 1) * DAY
    rows = asked.rows("alerts_no_source", recent - BEFORE_DAYS * DAY, asked.today, recent_from=recent)
    return list(checks.no_source_jumped(rows, float(alerts_settings(asked.settings)["no_source_jump"])))


def _spend(asked: Asked) -> list[Alert]:
    told = alerts_settings(asked.settings)["spend_without_requests"]
    limit = checks.usual_limit(tree_of(asked.report)) if told is None else Decimal(str(told))
    if limit is None:
        return []
    week = Period(asked.today - RECENT_DAYS * DAY, asked.today - DAY)
    # Requests of the running day count: spend without any must not be an alert on the day on which they come.
    model = asked.settings["attribution"]["default_model"]
    requests = asked.rows("alerts_requests", week.first, asked.today, model=model)
    rows = {"spend": asked.answers(week, "spend")["spend"], "results": [{**ZERO, **row} for row in requests]}
    return list(checks.spend_without_requests(tree_of(Answers(rows)), limit))


def _romi(asked: Asked) -> list[Alert]:
    thresholds, told = asked.settings["report"]["thresholds"], alerts_settings(asked.settings)["margin_romi"]
    limit = float(thresholds["normal"] if told is None else told)
    return list(checks.low_romi(tree_of(asked.report), limit, int(thresholds["minimum_sales"])))


def _pools(asked: Asked) -> list[Alert]:
    week = Period(asked.today - (RECENT_DAYS - 1) * DAY, asked.today)
    tracking = call_tracking_of(asked.settings, asked.answers(week, "lease_pools"))
    return list(checks.pool_short(tracking["pools"] if tracking else ()))


KINDS: Mapping[AlertKind, Callable[[Asked], list[Alert]]] = {
    "hits_stopped": _stopped("hits_stopped", "alerts_hits"),
    "calls_stopped": _stopped("calls_stopped", "alerts_calls"),
    "crm_stopped": _stopped("crm_stopped", "alerts_crm"),
    "costs_stopped": _costs,
    "no_source_jumped": _no_source,
    "spend_without_requests": _spend,
    "low_romi": _romi,
    "pool_short": _pools,
}
