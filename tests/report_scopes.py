"""A site of four channels whose names, sources, campaigns and people nobody could mix up, and readers of one of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from infra.warehouse.duckdb import DuckDbWarehouse

SITE = "kvartal"
OURS = "Yandex Direct"
# (channel, source, campaign): ours, two strangers that the rules name, and one that none does.
PLACES = (
    (OURS, "yandex", "ours-kuhni"),
    ("Google Ads", "google", "strangers-search"),
    ("Maps", "yandex-maps", "strangers-card"),
    ("strangers-partner / cpa", "strangers-partner", "strangers-cpa"),
)
# What must not be found in anything that our reader gets.
STRANGERS = ("google", "strangers", "yandex-maps", "карты", "977", "no source")
DAY = date(2026, 10, 5)
AT = datetime(2026, 10, 5, 9, 0)


def fill(warehouse: DuckDbWarehouse) -> None:
    """Each channel has visits, spend and a request with a sale of 977,000 ₽, but ours has one of 1,000 ₽, and half of a second
    request of 600 ₽ that Google Ads has the other half of."""
    for number, place in enumerate(PLACES):
        channel, source, campaign = place
        is_ours, where = channel == OURS, {"channel": channel, "source": source}
        medium = channel.partition(" / ")[2] or "cpc"
        _insert(warehouse, "sessions", session_id=f"s{number}", day=DAY, campaign=campaign, **where)
        _insert(warehouse, "costs", day=DAY, campaign=campaign, cost=Decimal(100 if is_ours else 9770), **where)
        _insert(warehouse, "sources", entry_key=f"e{number}", medium=medium, is_ad=True, is_direct=False, **where)
        _request(warehouse, f"r{number}", Decimal(1000 if is_ours else 977_000), [(place, 1.0)])
    _request(warehouse, "r-shared", Decimal(600), [(PLACES[0], 0.5), (PLACES[1], 0.5)])
    _request(warehouse, "r-lost", Decimal(977_000), [])


def _request(warehouse: DuckDbWarehouse, request: str, revenue: Decimal, path: list[tuple[tuple[str, str, str], float]]) -> None:
    is_ours = any(place[0] == OURS for place, _ in path)
    money = {"revenue": revenue, "gross_profit": revenue / 2}
    known = {"request_id": request, "created_at": AT, "day": DAY}
    told = {"contact_channel": "form", "is_counted": True, "is_qualified": True, "sales": 1}
    _insert(warehouse, "requests", **known, **told, **money, no_source_reason=None if path else "no_visits")
    deal = {"deal_id": f"crm:{request}-deal", "pipeline": "retail", "stage": "won", "meaning": "won", "match_method": "request"}
    deal |= {"manager": "our-manager" if is_ours else "strangers-manager", "crm_source": "strangers-google"}
    owed = Decimal(12) if is_ours and len(path) == 1 else Decimal(9770)
    more = {"amount": revenue, "currency": "RUB", "sale_day": DAY, "tags": '["strangers-tag"]', "receivable": owed}
    _insert(warehouse, "deals", **known, **deal, **more, **money)
    for position, ((channel, source, campaign), weight) in enumerate(path, 1):
        touch = {"request_id": request, "touch_id": f"{request}-t{position}", "position": position, "path_length": len(path)}
        touch |= {"channel": channel, "source": source, "medium": "cpc", "campaign": campaign, "touched_at": AT, "day": DAY}
        part = {name: amount * Decimal(weight) for name, amount in money.items()}
        _insert(warehouse, "paths", **touch, is_significant=True)
        _insert(warehouse, "credits", **touch, **part, model="linear", weight=weight)


def _insert(warehouse: DuckDbWarehouse, table: str, **row: Any) -> None:
    told = {"site_id": SITE, **row}
    marks = ", ".join("?" for _ in told)
    warehouse.connection.execute(f"INSERT INTO {table} ({', '.join(told)}) VALUES ({marks})", list(told.values()))
