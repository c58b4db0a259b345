"""Where requests and deals came from: by channel and source, by day, those without a source by reason, and how deals were tied.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from functions.report.marts.control.shares import share_of
from functions.report.marts.questions import Answers, Period
from functions.report.marts.ratios import divide
from functions.report.marts.tree import NO_SOURCE, channel_of
from shared.warehouse import Row

REASONS = ("not_passed", "overwritten", "not_determined")
STRONG = ("request_id", "call_id", "visitor", "phone", "email", "implied", "unmatched")  # strongest first
Arrived = dict[str, Any]
Place = tuple[str, ...]


@dataclass(slots=True)
class Sum:
    """Whole requests and deals."""

    requests: int = 0
    deals: int = 0
    handmade: int = 0
    communications: int = 0
    communicated: int = 0
    last_day: date | None = None

    def add(self, row: Row) -> None:
        """Add an answer of `source_days`."""
        for name in ("requests", "deals", "handmade", "communications", "communicated"):
            setattr(self, name, getattr(self, name) + int(row[name] or 0))
        self.last_day = max(self.last_day or row["day"], row["day"])


@dataclass(slots=True)
class Arrivals:
    """What came in a period. `places` are (channel,) and (channel, source); the channel "no source" has the reasons as sources."""

    total: Sum = field(default_factory=Sum)
    places: dict[Place, Sum] = field(default_factory=dict)
    days: dict[date, dict[Place, Sum]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], together: Collection[str]) -> Arrivals:
        """Rows of `source_days`. The channels `together` are one, each a source of it."""
        found = cls()
        for row in rows:
            channel = NO_SOURCE if row["reason"] else channel_of(row["channel"], together)
            source = row["reason"] or (row["channel"] if row["channel"] in together else row["source"])
            day = found.days.setdefault(row["day"], {})
            for sums in (
                found.total,
                found.places.setdefault((channel,), Sum()),
                found.places.setdefault((channel, source), Sum()),
                day.setdefault((channel, source), Sum()),
            ):
                sums.add(row)
        return found

    def at(self, *place: str) -> Sum:
        """What came from there; of the channel "no source" what has none."""
        return self.places.get(place, Sum())


def channels_of(now: Arrivals, before: Arrivals) -> list[Arrived]:
    """A row a channel with its sources, most requests first; "no source" last, with all its reasons. A channel that brought
    something before and nothing now is there as well."""
    names = {place[0] for place in (*now.places, *before.places)} - {NO_SOURCE}
    rows = [{"channel": name, **_share((name,), now, before), "sources": _sources(name, now, before)} for name in names]
    rows.sort(key=_most)
    reasons = [{"source": reason, **_share((NO_SOURCE, reason), now, before)} for reason in REASONS]
    return [*rows, {"channel": NO_SOURCE, **_share((NO_SOURCE,), now, before), "sources": reasons}]


def days_of(period: Period, now: Arrivals, before: Arrivals) -> list[Arrived]:
    """A row for every day of the period, the newest first, also those on which nothing came. A day's share without source is
    compared with that of the whole period before."""
    days = [period.last - timedelta(days=n) for n in range((period.last - period.first).days + 1)]
    return [_day(day, now.days.get(day, {}), before) for day in days]


def methods_of(now: Answers, before: Answers) -> list[Arrived]:
    """By what deals found their requests, the strongest way first."""
    counts, old = ({row["method"]: int(row["deals"]) for row in answers["deals_matched"]} for answers in (now, before))
    of, of_before = sum(counts.values()), sum(old.values())
    names = sorted({*counts, *old}, key=lambda name: (STRONG.index(name) if name in STRONG else len(STRONG), name))
    return [
        {"method": name, "deals": counts.get(name, 0), **share_of(counts.get(name, 0), of, old.get(name, 0), of_before)}
        for name in names
    ]


def handmade_of(now: Arrivals, before: Arrivals) -> Arrived:
    """Deals that people made in the CRM by hand, and those of them that have no source."""
    told = share_of(now.total.handmade, now.total.deals, before.total.handmade, before.total.deals)
    return {"deals": now.total.handmade, **told, "without_source": now.at(NO_SOURCE).handmade}


def communications_of(now: Arrivals) -> Arrived:
    """Communications of the period's deals whose number the CRM told; the mean is unrounded."""
    deals, total = now.total.communicated, now.total.communications
    return {"deals": deals, "total": total, "mean": divide(total, deals)}


def _share(place: Place, now: Arrivals, before: Arrivals) -> Arrived:
    part, old = now.at(*place), before.at(*place)
    return {
        "requests": part.requests,
        "deals": part.deals,
        "requests_before": old.requests,
        **share_of(part.requests, now.total.requests, old.requests, before.total.requests),
        "last_day": part.last_day.isoformat() if part.last_day else None,
    }


def _sources(channel: str, now: Arrivals, before: Arrivals) -> list[Arrived]:
    places = {place for place in (*now.places, *before.places) if place[0] == channel and len(place) > 1}
    return sorted(({"source": place[1], **_share(place, now, before)} for place in places), key=_most)


def _most(row: Arrived) -> tuple[Any, ...]:
    return -row["requests"], -row["deals"], -row["requests_before"], row.get("channel", ""), row.get("source", "")


def _day(day: date, places: dict[Place, Sum], before: Arrivals) -> Arrived:
    requests, deals = (sum(getattr(part, name) for part in places.values()) for name in ("requests", "deals"))
    reasons = {reason: places.get((NO_SOURCE, reason), Sum()).requests for reason in REASONS}
    lost = sum(reasons.values())
    told = share_of(lost, requests, before.at(NO_SOURCE).requests, before.total.requests)
    sources = [
        {"channel": channel, "source": source, "requests": part.requests, "deals": part.deals}
        for (channel, source), part in places.items()
    ]
    return {
        "day": day.isoformat(),
        "requests": requests,
        "deals": deals,
        "without_source": lost,
        **reasons,
        "share": told["share"],
        "is_jump": told["is_jump"],
        "handmade": sum(part.handmade for part in places.values()),
        "sources": sorted(
            sources, key=lambda row: (row["channel"] == NO_SOURCE, -row["requests"], -row["deals"], row["channel"], row["source"])
        ),
    }
