"""Two evenings on which a blogger names the shop: more people at once than his campaign's small pool has numbers for. One who got a
number calls it hours later, when it is nobody's. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from urllib.parse import urlencode

from infra.demo.browsing import agent, hit, uuid_of
from infra.demo.deals import deal
from infra.demo.month import ZONE, Asked, Browser, Event, Month, Truth
from infra.demo.shop import BROADCAST, BROADCAST_POOL, FIRST_DAY, HOST
from shared.ids import uuid7

EVENINGS = (13, 20)  # days after the month's first one
HOUR = 20
VIEWERS = 5  # an evening, in as many minutes: less than a number is kept for its visitor
CALLS_AFTER = timedelta(hours=3)
MARKS = {"utm_source": "vk", "utm_medium": "cpc", "utm_campaign": BROADCAST}
PAGE = f"https://{HOST}/contacts/?{urlencode(MARKS)}"


def broadcast(made: Month, chance: random.Random) -> None:
    """Add both evenings to the month: their visits, one call and its deal."""
    for after in EVENINGS:
        begin = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, HOUR, tzinfo=ZONE) + timedelta(days=after)
        visitors = [_looks(made, chance, begin + timedelta(minutes=n), f"100.64.{n}.7") for n in range(VIEWERS)]
    _calls_late(made, chance, begin + CALLS_AFTER, visitors[0])


def refused() -> int:
    """How many of the viewers find no free number."""
    return len(EVENINGS) * (VIEWERS - len(BROADCAST_POOL))


def _looks(made: Month, chance: random.Random, at: datetime, address: str) -> str:
    visitor = uuid7(at, chance.randbytes(10))
    page = hit(chance, at, "page_view", url=PAGE, ref="https://vk.com/", title="Контакты")
    told = {"visitor": visitor, "browser": Browser(agent(chance), address=address), "hits": [page], "consent": "granted"}
    made.events.append(Event(at, "visit", {**told, "lease": "ask", "marks": MARKS}))
    made.visits += 1
    made.seen["VK Ads", "vk"] += 1
    return visitor


def _calls_late(made: Month, chance: random.Random, at: datetime, viewer: str) -> None:
    asked = Asked(uuid_of(chance), f"+7900{chance.randint(1000000, 9999999)}", is_call=True, ended_at=at + timedelta(seconds=90))
    told = {
        "request": asked.key,
        "call_id": f"call-{asked.key[:8]}",
        "phone": asked.phone,
        "wait": 10,
        "talk": 80,
        "started_at": at,
    }
    made.events.append(Event(asked.ended_at, "call", {**told, "visitor": "", "number": "", "held_by": viewer}))
    deal(made, chance, asked, Truth("", "VK Ads", "late_call"), buys=False)
