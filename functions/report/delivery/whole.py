"""Whether a refresh knows a report's days whole. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from functions.report.delivery.due import Due, is_running
from functions.report.marts.quality import is_complete
from functions.report.marts.questions import Period
from functions.report.store import Refresh
from shared.times import local_day


def missing_days(settings: Mapping[str, Any], period: Period, refresh: Refresh) -> int:
    """How many days at the period's end the marts do not know whole, up to all of them; 0 where they know them."""
    if is_complete(settings, period, refresh.data_to, refresh.completed_at):
        return 0
    first = min(max(local_day(refresh.data_to, settings["time_zone"]), period.first), period.last)
    return (period.last - first + timedelta(days=1)).days


def lacks(settings: Mapping[str, Any], due: Due, refresh: Refresh) -> int:
    """`missing_days` of a report that is due; 0 where it ends with the running day, which nobody expects to be whole."""
    return 0 if is_running(settings, due.kind) else missing_days(settings, due.period, refresh)
