"""How the people and robots of the demo browse: moments, hits and user agents. Pure."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.demo.month import DAYS, ZONE
from infra.demo.shop import FIRST_DAY, HOST

# Browsers of people, common ones first; the last are people's too, whatever their names look like: a phone named Cubot, a TV.
PEOPLE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; arm_64; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.7339.207 "
    "YaBrowser/25.10.2.89.00 SA/3 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 "
    "Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 YaBrowser/25.10.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Linux; Android 13; CUBOT_NOTE_50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/3.0 Chrome/94.0.4606.31 "
    "TV Safari/537.36",
)
_SHARES = (34, 24, 18, 14, 6, 2, 2)
ROBOTS = (
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bots.example/about)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
    "python-requests/2.32.5",
    "",
)


def agent(chance: random.Random) -> str:
    """Somebody's browser."""
    return chance.choices(PEOPLE, _SHARES)[0]


def hit(chance: random.Random, at: datetime, kind: str, **more: str) -> dict[str, Any]:
    """One hit as the tracker tells it; on the contacts page unless `more` says otherwise."""
    contacts = {"url": f"https://{HOST}/contacts/", "ref": f"https://{HOST}/"}
    return {"id": uuid_of(chance), "t": millis(at), "kind": kind, **contacts, **more}


def moment(chance: random.Random) -> datetime:
    """A moment of the month by local habits: few at night, most from morning to evening."""
    hour = min(23.99, max(0.0, chance.gauss(14.5, 4.2)))
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE)
    found = start + timedelta(days=chance.randrange(DAYS), hours=hour)
    return found.astimezone(UTC).replace(microsecond=found.microsecond // 1000 * 1000)


def millis(at: datetime) -> int:
    """As browsers tell the time."""
    return int(at.timestamp() * 1000)


def uuid_of(chance: random.Random) -> str:
    """A UUID as browsers make it."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
