"""Cases for the tests of the report: settings as published and answers of the marts, small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from functions.report.figures import MODELS, Figures, build
from functions.report.marts.questions import Answers, Period
from shared.settings import parse_settings, published

PERIOD = Period(date(2026, 9, 13), date(2026, 10, 12))
NOW = datetime(2026, 10, 13, 3, 0, tzinfo=UTC)
DATA_TO = datetime(2026, 10, 13, 2, 40, tzinfo=UTC)


def settings_of(**changes: Any) -> Mapping[str, Any]:
    """Published settings of the shop; `changes` replace parts of them."""
    raw = {
        "site_id": "kvartal",
        "name": "Квартал",
        "hosts": ["kvartal.example"],
        "report": {"recipients": ["owner@kvartal.example"]},
    }
    return published(parse_settings({**raw, **changes}))


def results(channel: str, source: str, campaign: str = "", **figures: Any) -> dict[str, Any]:
    """A row of `results`: nothing but what is given."""
    row = {"requests": 0.0, "qualified": 0.0, "sales": 0.0, "revenue": Decimal("0.00"), "gross_profit": None}
    row |= {"priced_parts": 0, "unpriced_parts": 0, "unpriced_revenue": Decimal("0.00")} | figures
    if row["revenue"] and row["gross_profit"] is None:
        row |= {"unpriced_parts": 1, "unpriced_revenue": row["revenue"]}
    elif row["revenue"]:
        row["priced_parts"] = 1
    return {"channel": channel, "source": source, "campaign": campaign, **row}


def cost(channel: str, source: str, amount: str, campaign: str = "") -> dict[str, Any]:
    """A row of `spend`."""
    return {"channel": channel, "source": source, "campaign": campaign, "cost": Decimal(amount)}


def figures_of(rows: Mapping[str, Any], previous: Mapping[str, Any] | None = None, **changes: Any) -> Figures:
    """Figures of some answers."""
    return build(settings_of(**changes), PERIOD, Answers(rows), Answers(previous or {}), DATA_TO)


def place(rows: list[Figures], name: str) -> Figures:
    """The row of that name."""
    return next(row for row in rows if name in (row.get("channel"), row.get("source"), row.get("campaign")))


def shop(scale: int = 1) -> dict[str, Any]:
    """A month of a furniture shop with all that a report can say; `scale` multiplies the campaigns."""
    spend, found, visits = [], [], []
    ads = [("Yandex Direct", "yandex", 61234.56), ("Google Ads", "google", 34210.0), ("VK Ads", "vk", 28000.5)]
    for number, (channel, source, amount) in enumerate(ads):
        for place_ in range(4 * scale):
            campaign = f"{source}_kuhni_msk_{place_}"
            money = Decimal(f"{amount * (4 - place_ % 4) * (1.1 - 0.35 * number):.2f}")
            spend.append(cost(channel, source, f"{amount / (place_ % 4 + 2):.6f}", campaign))
            visits.append({"channel": channel, "source": source, "campaign": campaign, "visits": 1800 // (place_ % 4 + 1 + number)})
            parts = {"requests": 14.4 - place_ % 4, "qualified": 9.0, "sales": 5.4 - number, "revenue": money}
            found.append(results(channel, source, campaign, **parts, gross_profit=money * Decimal("0.55")))
        visits.append({"channel": channel, "source": source, "campaign": "", "visits": 212})
    spend.append(cost("Yandex Direct", "yandex", "4500"))
    spend.append(cost("Offline ads", "flyers", "15000", "весна"))
    for channel, source, count, revenue in (
        ("Organic search", "yandex", 4210, "412300.00"),
        ("Organic search", "google", 2105, "98120.40"),
        ("direct", "(direct)", 3020, "150000.00"),
        ("Referral", "otzovik.example", 310, "0.00"),
        ("newsletter / partner", "newsletter", 44, "12000.00"),
    ):
        visits.append({"channel": channel, "source": source, "campaign": "", "visits": count})
        earned = Decimal(revenue)
        parts = {"requests": count / 200, "qualified": count / 400, "sales": count / 600 if earned else 0.0, "revenue": earned}
        found.append(results(channel, source, **parts, gross_profit=earned / 2))
    lost = [
        {"reason": "not_passed", "requests": 5, "qualified": 3, "sales": 2, "revenue": Decimal("54000.00"), "gross_profit": None},
        {"reason": "overwritten", "requests": 1, "qualified": 0, "sales": 0, "revenue": Decimal("0.00"), "gross_profit": None},
    ]
    for row in lost:
        row |= {"priced_parts": 0, "unpriced_parts": int(row["revenue"] > 0), "unpriced_revenue": row["revenue"]}
    models = [
        {"model": model, "channel": row["channel"], "sales": row["sales"] * (1 + shift / 20), "revenue": row["revenue"]}
        for shift, model in enumerate(MODELS)
        for row in _by_channel(found)
    ]
    return {
        "visits": visits,
        "results": found,
        "spend": spend,
        "no_source": lost,
        "models": models,
        "hits": [{"reason": "", "hits": 61200}, {"reason": "bot", "hits": 4210}, {"reason": "test", "hits": 12}],
        "requests_made": [
            {"day": date(2026, 10, day), "made": 22, "counted": 15, "repeats": 2, "duplicates": 3, "disqualified": 1}
            for day in range(1, 13)
        ],
        "deals_matched": [
            {"method": "request_id", "deals": 140},
            {"method": "implied", "deals": 8},
            {"method": "phone", "deals": 21},
        ],
        "unknown_stages": [{"pipeline": "Продажи", "stage": "Замер назначен", "deals": 4}],
        "unnamed_sources": [{"channel": "newsletter / partner", "source": "newsletter", "medium": "partner", "visits": 44}],
        "money_without_rate": [{"currency": "USD", "lines": 1, "amount": Decimal("450.00")}],
        "sale_delays": [{"days": 2, "sales": 10}, {"days": 6, "sales": 12}, {"days": 20, "sales": 5}],
        "hub_keys": [{"hubs": 1}],
    }


def _by_channel(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = sums.setdefault(row["channel"], {"channel": row["channel"], "sales": 0.0, "revenue": Decimal(0)})
        total["sales"] += row["sales"]
        total["revenue"] += row["revenue"]
    return list(sums.values())
