"""The worked cases of docs/method.md as records of a small shop, and the figures that they make in lake and marts.

For the tests of the figures and of everything that shows them: `figures_of(folder, case)`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from functions.report.figures import Figures, build
from functions.report.marts.questions import Period, ask
from shared.settings import SiteSettings, published
from tests.lakes import Record, cost, deal, hit, marts_of, request, shop, utc

NOW = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
AT = utc("10-12 09:00")
# Channel → (ad, revenue): 100,000 was spent on each.
M1 = {
    "Yandex Direct": ("yandex/cpc/doors", "200000"),
    "Google Ads": ("google/cpc/doors", "244000"),
    "Meta Ads": ("instagram/cpc/doors", "160000"),
}
M1_ROMI = {"Yandex Direct": 1.0, "Google Ads": 1.44, "Meta Ads": 0.6}
M1_MARGIN_ROMI = {"Yandex Direct": 0.0, "Google Ads": 0.22, "Meta Ads": -0.2}
M2_REVENUE = "1000.00"
# Model → share of the ad, the search and the direct visit.
M2 = {
    "position": (0.4, 0.2, 0.4),
    "last_non_direct": (0.0, 1.0, 0.0),
    "last_significant": (1.0, 0.0, 0.0),
    "first": (1.0, 0.0, 0.0),
    "last": (0.0, 0.0, 1.0),
    "linear": (1 / 3, 1 / 3, 1 / 3),
}
M2_CHANNELS = ("Yandex Direct", "Organic search", "direct")


class Case(NamedTuple):
    """What happened in October, and the settings of the shop."""

    records: list[Record]
    settings: SiteSettings


def m1(with_margin: bool = False, **changes: Any) -> Case:
    """Three channels of 100,000 each; with one margin of 50 % or without a cost price."""
    records = [r for ad, revenue in M1.values() for r in (cost("10-12", ad, "100000", account=ad, scope=ad), *_sale(ad, revenue))]
    margins = [{"valid_from": "2026-01-01", "percent": "50"}] if with_margin else []
    return Case(records, shop(margins=margins, **changes))


def m2(model: str, **changes: Any) -> Case:
    """A visitor comes by an ad, two days later by search, a day later directly, asks and buys."""
    visits = [
        hit("v", AT, "yandex/cpc/doors"),
        hit("v", AT + timedelta(days=2), referrer_host="www.google.com"),
        hit("v", AT + timedelta(days=3)),
    ]
    bought = _deal("v", AT + timedelta(days=3, minutes=5), M2_REVENUE)
    return Case([*visits, *bought], shop(attribution={"default_model": model}, **changes))


def m3(**changes: Any) -> Case:
    """50,000 for search engine optimisation brings 100,000."""
    return Case([cost("10-12", "google/organic", "50000"), *_sale("", "100000", referrer_host="www.google.com")], shop(**changes))


def m4(revenue: str, **changes: Any) -> Case:
    """One rouble in; "2" out is one more, "1" is the same rouble back."""
    return Case([cost("10-12", "yandex/cpc/doors", "1"), *_sale("yandex/cpc/doors", revenue)], shop(**changes))


def over_admissible(**changes: Any) -> Case:
    """A sale that cost 1,800 where the plan admits 1,100."""
    plan = [{"month": "2026-10", "cpo": "1100"}]
    return Case(
        [cost("10-12", "yandex/cpc/doors", "1800"), *_sale("yandex/cpc/doors", "5000")], shop(report={"plan": plan}, **changes)
    )


def figures_of(folder: Path, case: Case) -> Figures:
    """Figures of October from the marts of the case's records."""
    marts = marts_of(folder, case.records, case.settings, NOW)
    settings = published(case.settings)
    return build(settings, OCTOBER, *ask(marts.warehouse, settings, OCTOBER), NOW)


def _sale(ad: str, revenue: str, **visit: Any) -> list[Record]:
    visitor = f"visitor-{ad}"
    return [hit(visitor, AT, ad, **visit), *_deal(visitor, AT + timedelta(minutes=5), revenue)]


def _deal(visitor: str, at: datetime, revenue: str) -> list[Record]:
    request_id = f"request-{visitor}"
    won = deal(f"deal-{visitor}", at + timedelta(days=1), "won", revenue, request_id=request_id)
    return [request(request_id, at, visitor=visitor), won]
