"""Opens the demo shop on a running stack: settings, secrets, numbers, some spend of today, all through the product's own ways."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from typing import Any

from infra.demo.advertising import CAMPAIGNS
from infra.demo.shop import POOL, SITE, settings
from infra.local.stack import LocalStack
from infra.shop.pool import add_numbers
from infra.shop.server import ShopServer
from shared.security import token_sha256
from shared.settings import parse_settings
from shared.times import local_day

NUMBERS = POOL[:6]
DAYS = 7  # of the report: a newcomer's week
SPENT = {"tp-poisk-msk": 12, "g-search": 9, "vk-remont": 15}  # campaign → clicks that today's advertising has cost so far


def open_shop(stack: LocalStack, port: int, randomness: Callable[[int], bytes], language: str = "ru") -> ShopServer:
    """The shop, serving; close it before the stack. `randomness(n)` gives n random bytes, for the secrets; `language` is the
    report's, ru or en (the shop itself speaks Russian)."""
    token = base64.urlsafe_b64encode(randomness(24)).decode()
    secret = "whsec_" + base64.b64encode(randomness(32)).decode()
    shop = ShopServer(stack, SITE, token, secret, port)
    for name in ("import", "crm-generic", "calls-generic"):
        stack.put_secret(f"{SITE}/{name}", secret)
    stack.publish(parse_settings(shop_settings(token, language, shop.url, stack.url)))
    add_numbers(stack, SITE, NUMBERS)
    _spend(stack)
    shop.start()
    return shop


def shop_settings(token: str, language: str, *pages: str) -> dict[str, Any]:
    """The shop's own settings, on this machine's addresses and with today in the report."""
    raw = settings(token_sha256(token))
    origins = [*pages, *(page.replace("127.0.0.1", "localhost") for page in pages)]
    report = {**raw["report"], "days": DAYS, "until": "today", "hour": 0, "language": language}
    return {**raw, "hosts": ["127.0.0.1", "localhost"], "origins": origins, "report": report}


def _spend(stack: LocalStack) -> None:
    """Today's clicks as an ad system's file: without spend the report would have no ROMI to show."""
    today = local_day(stack.clock.now(), "Europe/Moscow")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("day", "account", "source", "medium", "campaign", "clicks", "cost"))
    for one in CAMPAIGNS:
        if clicks := SPENT.get(one.campaign):
            writer.writerow((today, one.channel, one.source, one.medium, one.campaign, clicks, one.click_cost * clicks))
    stack.put_file(f"costs/inbox/{SITE}/ads-today.csv", text.getvalue().encode())
