"""Where a call should go while it rings, and what the telephony is told of it (settings `calls.routes`). Pure.

The first route that fits: of every list that it has one entry must fit, and the site's clock must be between `begin` and `end`
(`end` before `begin`: over midnight; the day is that of the beginning). `manager` is the client's own, where he has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

Kind = Literal["dynamic", "static", "default", "unknown"]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MANAGER = "manager"


class Found(NamedTuple):
    """Whose call it is. `marks`: utm columns of the caller's visit, or of a static number; `manager`: where the client's own
    manager answers; `route`: where the call should go; None: as the telephony would without us."""

    number: str
    kind: Kind
    visitor_id: str | None
    resolved_by: str
    marks: Mapping[str, str]
    manager: str | None = None
    route: str | None = None

    def told(self) -> dict[str, Any]:
        """As JSON: marks beside the other fields, nothing that is not known."""
        known = self._asdict()
        marks = known.pop("marks")
        return {name: value for name, value in known.items() if value is not None or name == "visitor_id"} | dict(marks)

    def hint(self) -> str:
        """A line for the operator's screen: source, medium and campaign of the visit; "" where nothing is known."""
        return " / ".join(self.marks[name] for name in ("utm_source", "utm_medium", "utm_campaign") if self.marks.get(name))


def route_of(
    routes: Sequence[Mapping[str, Any]], at: datetime, number: str, marks: Mapping[str, str], manager: str | None
) -> str | None:
    """Destination of the first route that fits, or None. `at` is the site's local time."""
    for route in routes:
        if _fits(route, at, number, marks):
            to = manager if route["to"] == MANAGER else str(route["to"])
            if to:
                return to
    return None


def _fits(route: Mapping[str, Any], at: datetime, number: str, marks: Mapping[str, str]) -> bool:
    wanted = ((route.get("sources"), marks.get("utm_source")), (route.get("media"), marks.get("utm_medium")))
    if any(told and not _among(value, told) for told, value in wanted):
        return False
    if route.get("numbers") and number not in route["numbers"]:
        return False
    return _is_open(route, at)


def _among(value: str | None, told: Sequence[str]) -> bool:
    return (value or "").strip().casefold() in {one.strip().casefold() for one in told}


def _is_open(route: Mapping[str, Any], at: datetime) -> bool:
    begin, end, clock = route.get("begin", "00:00"), route.get("end", "24:00"), f"{at:%H:%M}"
    day = at
    if begin <= end:
        if not begin <= clock < end:
            return False
    elif clock < end:
        day = at - timedelta(days=1)  # the night that began yesterday
    elif clock < begin:
        return False
    return not route.get("days") or DAYS[day.weekday()] in route["days"]
