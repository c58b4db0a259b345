"""What the month has beside customers: robots, spam, the shop's own people, opened mails. Kept, told apart, never visits. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from infra.demo.browsing import PEOPLE, ROBOTS, hit, moment, uuid_of
from infra.demo.month import Browser, Event, Month
from infra.demo.shop import HOST, OFFICE, PAGES
from shared.ids import uuid7

SPAMMERS = ("https://100dollars-seo.com/", "https://1-free-share-buttons.com/")
FAST_PAGES = 75  # within one minute
DATACENTRE = "16509"
NAMED, HEADLESS, FAST, SPAM, OFFICE_VISITS, TESTS, MAILS = 300, 60, 3, 60, 90, 10, 200  # of a whole month
_BROWSER = PEOPLE[0]


def noise(made: Month, chance: random.Random, scale: float) -> None:
    """Add all of it to the month; `scale` as of the month, though at least one of each."""
    for _ in _times(NAMED, scale):
        _stray(made, chance, "bot", Browser(chance.choice(ROBOTS), language=""))
    for _ in _times(HEADLESS, scale):
        # An ordinary agent, but two of the weak signals: a data centre's network, and no language or a headless screen.
        signals: dict[str, Any] = {"screen": "800x600"} if chance.random() < 0.5 else {}
        _stray(made, chance, "bot", Browser(_BROWSER, "ru" if signals else "", asn=DATACENTRE), **signals)
    for _ in _times(FAST, scale):
        minute = moment(chance).replace(second=0, microsecond=0)
        seconds = [minute + timedelta(seconds=2, milliseconds=700 * n) for n in range(FAST_PAGES)]
        _left_out(made, chance, "speed", Browser(_BROWSER), [_page(chance, at) for at in seconds], seconds[-1])
    for _ in _times(SPAM, scale):
        _stray(made, chance, "spam_referrer", Browser(_BROWSER), ref=chance.choice(SPAMMERS))
    for _ in _times(OFFICE_VISITS, scale):
        _stray(made, chance, "own_address", Browser(_BROWSER, address=OFFICE))
    for _ in _times(TESTS, scale):
        _stray(made, chance, "test", Browser(_BROWSER))
    for _ in _times(MAILS, scale):
        made.events.append(Event(moment(chance), "email_open", {"id": uuid_of(chance), "visitor": uuid_of(chance)}))


def _times(number: int, scale: float) -> range:
    return range(max(1, round(number * scale)))


def _stray(made: Month, chance: random.Random, reason: str, browser: Browser, **more: str) -> None:
    at = moment(chance)
    _left_out(made, chance, reason, browser, [_page(chance, at, **more)], at)


def _page(chance: random.Random, at: datetime, **more: str) -> dict[str, Any]:
    return hit(chance, at, "page_view", **{"url": f"https://{HOST}{chance.choice(PAGES)}", "ref": "", **more})


def _left_out(made: Month, chance: random.Random, reason: str, browser: Browser, hits: list[dict[str, Any]], at: datetime) -> None:
    visitor = uuid7(at, chance.randbytes(10))
    told = {"visitor": visitor, "hits": hits, "browser": browser, "reason": reason}
    made.events.append(Event(at, "left_out", told))
