"""Asks the marts what the checks judge. Every kind is asked apart, so that one that cannot be asked silences no other.

Marts are hourly at best, so an alert comes `silent_hours` after the last arrival plus the time to the next complete refresh and a
quarter of an hour. What is fresher does not tell sites apart: raw objects and streams hold all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.report.alerts import checks
from functions.report.alerts.checks import DAY, HABIT_DAYS, Alert, alerts_settings
from functions.report.marts.call_tracking import call_tracking_of
from functions.report.marts.questions import SQL, Answers, Period, answers_of, period_of
from functions.report.marts.tree import tree_of
from shared.errors import WarehouseError
from shared.identity import redact
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
    """A site's marts as they stood at `seen_to`: everything that came before it is in them. `heard` tells, from an instant on, how
    many webhooks of its CRM came in each hour (shared/heard.py)."""

    warehouse: Warehouse
    settings: Mapping[str, Any]
    seen_to: datetime
    heard: Callable[[datetime], Mapping[datetime, int]] = field(default=lambda since: {})

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
        except (WarehouseError, BotoCoreError, ClientError) as error:
            logger().error("an alert could not be judged", extra={"kind": kind, "why": redact(str(error))})
            count({"AlertsNotJudged": 1}, Kind=kind)
            failed.append(kind)
    return found, failed


def _stopped(kind: AlertKind, question: str) -> Callable[[Asked], list[Alert]]:
    """Asks of the first span that usually brings enough; only small sites are asked of longer ones."""

    def ask(asked: Asked) -> list[Alert]:
        for span in _spans(asked):
            windows = _windows(asked.seen_to, span)
            (row,) = rows = _came(asked, question, windows, windows)
            if row["came_0"]:
                return []
            if found := list(checks.stopped(kind, rows, *windows[0])):
                # Only now it matters what came last, which may be between the spans compared.
                whole = [(windows[-1][0], windows[0][1])] * len(windows)
                (last,) = _came(asked, question, windows, whole)
                return [alert._replace(seen={**alert.seen, "last_at": last["last_at"]}) for alert in found]
        return []

    return ask


def _crm(asked: Asked) -> list[Alert]:
    """Webhooks, where they used to come; else any events, of sites whose CRM is only read."""
    ends = asked.seen_to.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    spans = _spans(asked)
    came = asked.heard(_windows(ends, spans[-1])[-1][0])
    for span in spans:
        (begins, _), (begun_before, _), *_ = _windows(ends, span)
        if found := list(checks.hooks_stopped(came, begins, ends, begins - begun_before)):
            return found
    return _stopped("crm_stopped", "alerts_crm")(asked)


def _spans(asked: Asked) -> list[timedelta]:
    hours = int(alerts_settings(asked.settings)["silent_hours"])
    return [timedelta(hours=span) for span in checks.spans_of(hours)]


def _windows(ends: datetime, span: timedelta) -> list[tuple[datetime, datetime]]:
    """The span that is judged, and the same hours of four weeks before; one of more than a week is compared with spans beyond
    it."""
    week = timedelta(weeks=-(-span // timedelta(weeks=1)))
    return [(ends - place * week - span, ends - place * week) for place in range(WEEKS + 1)]


def _came(
    asked: Asked, question: str, windows: Sequence[tuple[datetime, datetime]], read: Sequence[tuple[datetime, datetime]]
) -> Sequence[Row]:
    """Arrivals in each window; of the days of the windows `read` alone."""
    zone = asked.settings["time_zone"]
    values: dict[str, Value] = {}
    for place, ((begins, ends), (first, last)) in enumerate(zip(windows, read, strict=True)):
        values |= {f"from_{place}": begins, f"to_{place}": ends}
        values |= {f"first_day_{place}": local_day(first, zone), f"last_day_{place}": local_day(last, zone)}
    return asked.rows(question, asked.today, asked.today, **values)


def _costs(asked: Asked) -> list[Alert]:
    silent = int(alerts_settings(asked.settings)["costs_silent_days"])
    # Spend of a month told in one sum stands on days to come, too.
    rows = _spending_days(asked, asked.today - (HABIT_DAYS + max(HABIT_DAYS, 2 * silent)) * DAY, asked.today + 31 * DAY)
    return list(checks.costs_stopped(rows, asked.today, silent))


def _spending_days(asked: Asked, first: date, last: date) -> Sequence[Row]:
    return asked.rows("alerts_costs", first, last)


def _no_source(asked: Asked) -> list[Alert]:
    recent = asked.today - (RECENT_DAYS - 1) * DAY
    rows = asked.rows("alerts_no_source", recent - BEFORE_DAYS * DAY, asked.today, recent_from=recent)
    return list(checks.no_source_jumped(rows, float(alerts_settings(asked.settings)["no_source_jump"])))


def _spend(asked: Asked) -> list[Alert]:
    told = alerts_settings(asked.settings)["spend_without_requests"]
    limit = checks.usual_limit(tree_of(asked.report)) if told is None else Decimal(str(told))
    week = Period(asked.today - RECENT_DAYS * DAY, asked.today - DAY)
    spend = asked.answers(week, "spend")["spend"]
    if limit is None:
        return _no_requests(asked, week, sum((Decimal(row["cost"]) for row in spend), Decimal(0)))
    # Requests of the running day count: spend without any must not be an alert on the day on which they come.
    model = asked.settings["attribution"]["default_model"]
    requests = asked.rows("alerts_requests", week.first, asked.today, model=model)
    rows = {"spend": spend, "results": [{**ZERO, **row} for row in requests]}
    return list(checks.spend_without_requests(tree_of(Answers(rows)), limit))


def _no_requests(asked: Asked, week: Period, cost: Decimal) -> list[Alert]:
    """Nothing tells what a request costs: either nothing was spent, or none came."""
    if not cost:
        return []
    days = {row["day"] for row in _spending_days(asked, week.first, week.last)}
    rows = asked.rows("alerts_no_source", week.first, asked.today, recent_from=week.first)
    return list(checks.no_requests(cost, len(days), sum(int(row["requests"] or 0) for row in rows)))


def _romi(asked: Asked) -> list[Alert]:
    thresholds, told = asked.settings["report"]["thresholds"], alerts_settings(asked.settings)["margin_romi"]
    limit = float(thresholds["normal"] if told is None else told)
    return list(checks.low_romi(tree_of(asked.report), limit, int(thresholds["minimum_sales"])))


def _pools(asked: Asked) -> list[Alert]:
    week = Period(asked.today - (RECENT_DAYS - 1) * DAY, asked.today)
    tracking = call_tracking_of(asked.settings, asked.answers(week, "lease_pools"))
    return list(checks.pool_short(tracking["pools"] if tracking else ()))


def _numbers(asked: Asked) -> list[Alert]:
    week = Period(asked.today - (RECENT_DAYS - 1) * DAY, asked.today)
    tracking = call_tracking_of(asked.settings, asked.answers(week, "call_numbers"))
    return list(checks.number_silent(tracking["silent_numbers"] if tracking else ()))


KINDS: Mapping[AlertKind, Callable[[Asked], list[Alert]]] = {
    "hits_stopped": _stopped("hits_stopped", "alerts_hits"),
    "calls_stopped": _stopped("calls_stopped", "alerts_calls"),
    "crm_stopped": _crm,
    "costs_stopped": _costs,
    "no_source_jumped": _no_source,
    "spend_without_requests": _spend,
    "low_romi": _romi,
    "pool_short": _pools,
    "number_silent": _numbers,
}
