"""Which pool a visit belongs to (settings `numbers.pools`; docs/method.md, numbers and calls). Pure.

The first pool is taken of whose every list that is not empty one entry fits; whom none takes is the pool `main`'s. Letter case and
spaces around words do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from functions.numberpool.rules import Rules
from shared.hosts import plain_host
from shared.leases import POOL

Device = Literal["phone", "tablet", "desktop"]
# An iPad says Mobile too; since iPadOS 13 its browser says Macintosh by default, as which it is taken. Android says Mobile on
# phones only. Internet Explorer wrote "Tablet PC" on every computer.
_TABLET = re.compile(r"ipad|tablet(?! pc)|playbook|kindle|silk/(?!.*mobile)|android(?!.*mobile)")
_PHONE = re.compile(r"mobi|iphone|ipod|windows phone|opera mini|blackberry")
_MARKS = (("sources", "utm_source"), ("media", "utm_medium"), ("campaigns", "utm_campaign"))


class Visit(NamedTuple):
    """What pools are chosen by. `marks`: utm columns; `host` as `plain_host` gives it and `path` as in the address, "" where the
    page did not tell its own; `region` in the words of the page or of the site's proxy."""

    marks: Mapping[str, str]
    host: str = ""
    path: str = ""
    region: str = ""
    device: Device = "desktop"


def pool_of(rules: Rules, visit: Visit) -> str:
    """Name of the visit's pool."""
    return next((str(pool["name"]) for pool in rules.pools if _takes(pool, visit)), POOL)


def is_per_page(rules: Rules) -> bool:
    """Whether another page of one visit may be another pool's."""
    return any(pool.get("pages") or pool.get("hosts") for pool in rules.pools)


def device_of(user_agent: str) -> Device:
    """Phone, tablet or desktop, by the words that browsers write there."""
    agent = user_agent.lower()
    if _TABLET.search(agent):
        return "tablet"
    return "phone" if _PHONE.search(agent) else "desktop"


def fits_path(path: str, pattern: str) -> bool:
    """Whether a path of the site fits; each `*` stands for any text, even none. Escapes are compared decoded, in linear time."""
    path = _plain(unquote(path))
    first, *others = (unquote(piece).casefold() for piece in pattern.strip().split("*"))
    if not others:
        return path == first
    if not path.startswith(first):
        return False
    place = len(first)
    for piece in others[:-1]:
        place = path.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return len(path) - place >= len(others[-1]) and path.endswith(others[-1])


def _takes(pool: Mapping[str, Any], visit: Visit) -> bool:
    words = [(pool.get(name), visit.marks.get(mark, "")) for name, mark in _MARKS]
    words += [(pool.get("regions"), visit.region), (pool.get("devices"), visit.device)]
    if not all(not wanted or _is_one_of(word, wanted) for wanted, word in words):
        return False
    hosts, pages = pool.get("hosts"), pool.get("pages")
    if hosts and visit.host not in map(plain_host, hosts):
        return False
    return not pages or any(fits_path(visit.path, pattern) for pattern in pages)


def _is_one_of(word: str, wanted: Iterable[str]) -> bool:
    return _plain(word) in map(_plain, wanted)


def _plain(text: str) -> str:
    return text.strip().casefold()
