"""The clients of tests/data/story.json (shop "Kvartal") as raw records. The story tells clicks, calls and deals; visits that it
leaves out are added so that they agree with it: B comes back before his late call, D clicks the second ad before hers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.settings import SiteSettings
from tests.lakes import Record, cost, deal, hit, payment, rang, request, shop

STORY: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "story.json").read_text(encoding="utf-8"))
SITE_ID = STORY["site"]["site_id"]
HOST = STORY["site"]["domain"]
DEFAULT_NUMBER = "+74950000010"
ADS = {"yandex_direct": "yandex/cpc", "google_ads": "google/cpc", "vk_ads": "vk/cpc", "meta": "facebook/cpc"}
CHANNELS = {"yandex_direct": "Yandex Direct", "google_ads": "Google Ads", "vk_ads": "VK Ads", "meta": "Meta Ads"}


def story_shop(**changes: Any) -> SiteSettings:
    """Settings of the shop: money counts when a deal is won."""
    return shop(**({"site_id": SITE_ID, "name": "Kvartal", "hosts": [HOST]} | changes))


def story_records() -> list[Record]:
    """Everything that happened from 12 October to 16 November."""
    records = [*_a(), *_b(), *_c(), *_d(), *_costs()]
    return [Record(r.kind, {**r.values, "site_id": SITE_ID}) for r in records]


def _a() -> list[Record]:
    person, talk, sale = STORY["clients"]["A"], STORY["calls"]["A"], STORY["deals"]["A"]
    start, won = _at(talk["start"]), _at(sale["won_at"])
    return [
        *_visit("A", _at(person["first_visit"]), "yandex/cpc/708815521", click_id_name="yclid", click_id=person["yclid"]),
        _call("A", talk["ids"]["uis"], start, talk["talk_s"], number=talk["to"], wait_seconds=talk["wait_s"]),
        deal(sale["ids"]["amocrm_lead"], start + timedelta(minutes=4), "working", phone="phone-A", contact="client-A"),
        deal(sale["ids"]["amocrm_lead"], won, "won", sale["amount"], cost_price=sale["cost"], order_id=sale["order"]),
    ]


def _b() -> list[Record]:
    person, talk, lost = STORY["clients"]["B"], STORY["calls"]["B"], STORY["deals"]["B"]
    start, reason = _at(talk["start"]), lost["loss_reason"]
    return [
        *_visit("B", _at(person["first_visit"]), "google/cpc/22381907754", click_id_name="gclid", click_id=person["gclid"]),
        *_visit("B", start - timedelta(minutes=6)),
        _call("B", talk["ids"]["uis"], start, talk["talk_s"], number=talk["to"], wait_seconds=talk["wait_s"]),
        rang("attempt-B", start + timedelta(minutes=28), 0, phone="phone-B", direction="out", number=DEFAULT_NUMBER),
        deal(lost["ids"]["amocrm_lead"], start + timedelta(minutes=2), "unsorted", call_id=talk["ids"]["uis"], contact="client-B"),
        deal(lost["ids"]["amocrm_lead"], _at(lost["lost_at"]), "lost", lost["amount"], loss_reason=reason),
    ]


def _c() -> list[Record]:
    first, sale = _at(STORY["clients"]["C"]["first_visit"]), STORY["deals"]["C"]
    lead, form = sale["ids"]["amocrm_lead"], first + timedelta(minutes=7)
    return [
        *_visit("C", first, "vk/cpc/15520873"),
        request("form-C", form, visitor="visitor-C", phone="phone-C", email="email-C", form_name="measure"),
        deal(lead, form + timedelta(minutes=1), "working", request_id="form-C", contact="client-C"),
        deal(lead, _at(sale["won_at"]), "won", sale["amount"], cost_price=sale["cost"], order_id=sale["order"]),
        payment(lead, _at(sale["returned_at"]), f"-{sale['returned']}", "return-C"),
    ]


def _d() -> list[Record]:
    person, sale = STORY["clients"]["D"], STORY["deals"]["D"]
    lead, again = sale["ids"]["amocrm_lead"], datetime(2026, 10, 28, 15, 30, tzinfo=UTC)
    start = again + timedelta(minutes=9)
    return [
        *_visit("D", _at(person["first_visit"]), "facebook/cpc/parquet", click_id_name="fbclid", click_id=person["fbclid"]),
        *_visit("D", again, "google/cpc/22381907754", click_id_name="gclid", click_id=person["gclid"]),
        _call("D", "uis-D", start, 240, number="+74950000034"),
        deal(lead, start + timedelta(minutes=5), "working", phone="phone-D", contact="client-D"),
        deal(lead, _at(sale["won_at"]), "won", sale["amount"], cost_price=sale["cost"], order_id=sale["order"]),
    ]


def _call(client: str, call_id: str, at: datetime, talk: int, **told: Any) -> Record:
    """A call of the client who held the number that was called."""
    who = {"visitor": f"visitor-{client}", "phone": f"phone-{client}", "lease_id": f"lease-{client}"}
    return rang(call_id, at, talk, provider="uis", request_id=f"call-{client}", resolved_by="lease", **who, **told)


def _visit(client: str, at: datetime, ad: str = "", **click: str) -> list[Record]:
    visitor, page = f"visitor-{client}", {"page_host": HOST}
    return [hit(visitor, at, ad, **click, **page), hit(visitor, at + timedelta(seconds=95), page_path="/contacts", **page)]


def _costs() -> list[Record]:
    return [
        cost(day[5:], ADS[account], amount, account=account, scope=f"{account}:{day}")
        for account, days in STORY["ad_cost"].items()
        for day, amount in days.items()
        if day != "total"
    ]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
