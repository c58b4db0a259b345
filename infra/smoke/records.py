"""A handful of raw records that make the refresh send every kind of statement: visits on two days, a leased
number, a call, requests and deals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.ids import derived_id
from shared.records import CALL, COST, CRM_EVENT, HIT, KINDS, LEASE, PAYMENT, REQUEST, encode
from shared.settings import SiteSettings

Told = tuple[str, datetime, dict[str, Any]]


def write(root: Path, sites: list[SiteSettings], arrival: datetime) -> None:
    """Store records of the day before `arrival` for every site, as Firehose would: one object a kind."""
    lines: dict[str, list[bytes]] = {}
    for site in sites:
        for kind, at, values in _told(site, arrival - timedelta(days=1)):
            head = {"site_id": site.site_id, "occurred_at": at, "received_at": at + timedelta(seconds=2), "via": "smoke"}
            record_id = derived_id(at, kind, repr((site.site_id, sorted(values.items(), key=lambda pair: pair[0]))))
            lines.setdefault(kind, []).append(encode(KINDS[kind], {**head, "record_id": record_id, **values}))
    for kind, encoded in lines.items():
        path = root / "raw" / kind / f"{arrival:%Y/%m/%d/%H}" / "smoke.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(encoded) + b"\n")


def _told(site: SiteSettings, at: datetime) -> Iterator[Told]:
    day = f"{at:%Y%m%d}"
    first, second = f"smoke-v1-{day}", f"smoke-v2-{day}"
    page = {"kind": "page_view", "page_host": site.hosts[0], "page_path": "/", "user_agent": "Mozilla/5.0 Firefox/140.0"}
    yield HIT.name, at - timedelta(days=1), {**page, "visitor_id": first, "utm_source": "yandex", "utm_medium": "cpc"}
    yield HIT.name, at, {**page, "visitor_id": first}
    yield HIT.name, at, {**page, "visitor_id": second, "referrer": "https://www.google.com/", "referrer_host": "www.google.com"}
    number = {"pool": "main", "kind": "dynamic", "number": "+74950000031", "held_numbers": 1, "pool_numbers": 2}
    lease = {**number, "reason": "new", "visitor_id": first, "lease_id": f"smoke-l1-{day}"}
    yield LEASE.name, at, lease
    ended = {"former_lease_id": lease["lease_id"], "former_until": at + timedelta(minutes=5), "former_is_confirmed": True}
    yield LEASE.name, at + timedelta(hours=1), {**lease, "visitor_id": second, "lease_id": f"smoke-l2-{day}", **ended}
    asked = {"contact_channel": "form", "phone_hash": "smoke-phone"}
    yield REQUEST.name, at + timedelta(hours=1), {**asked, "request_id": f"smoke-r1-{day}", "visitor_id": first}
    yield REQUEST.name, at + timedelta(hours=2), {**asked, "request_id": f"smoke-r2-{day}", "visitor_id": second}
    call = {"provider": "smoke", "call_id": f"smoke-{day}", "direction": "in", "number": "+74950000031", "is_answered": True}
    yield (
        CALL.name,
        at + timedelta(hours=1),
        {**call, "request_id": f"smoke-c-{day}", "talk_seconds": 90, "phone_hash": "smoke-call"},
    )
    deal = {"provider": "smoke", "deal_id": f"smoke-{day}", "stage": "won", "amount": "100", "request_id": f"smoke-r1-{day}"}
    yield CRM_EVENT.name, at + timedelta(hours=3), deal
    yield CRM_EVENT.name, at + timedelta(hours=3), {**deal, "deal_id": f"smoke-alone-{day}", "request_id": None}
    yield PAYMENT.name, at + timedelta(hours=4), {"provider": "smoke", "deal_id": f"smoke-{day}", "amount": "40"}
    cost = {"account": "smoke", "scope": f"smoke:{at:%Y-%m-%d}", "import_id": "smoke", "day": at.date(), "cost": "10"}
    yield COST.name, at + timedelta(hours=4), {**cost, "is_vat_included": True, "utm_source": "yandex", "utm_medium": "cpc"}
