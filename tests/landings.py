"""Addresses and referrers → what the marts make of them, the way of a hit: the door's reading, a raw record, the refresh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from functions.collect.hits import store_address, store_referrer
from shared.marks import read_address
from shared.settings import SiteSettings
from tests.lakes import Record, hit, marts_of, shop, utc


class Landing(NamedTuple):
    """One visit: where it landed and what it came from."""

    url: str
    referrer: str | None = None


class Verdict(NamedTuple):
    """The visit, and the row of `sources` that decided (None for a visit without marks and referrer)."""

    session: dict[str, Any]
    decided: dict[str, Any]

    @property
    def group(self) -> str:
        group: str = self.decided.get("channel_group", "Direct")
        return group


def landed(visitor: str, landing: Landing, number: int = 0, own: frozenset[str] = frozenset()) -> Record:
    """The raw hit that the door makes of it. `own`: the site's own parameters."""
    columns: dict[str, Any] = {}
    store_address(columns, read_address(landing.url, own_marks=own), [])
    if landing.referrer:
        store_referrer(columns, landing.referrer, [])
    return hit(visitor, utc("10-05 12:00") + timedelta(seconds=number), **columns)


def verdicts(root: Path, landings: Sequence[Landing], settings: SiteSettings | None = None) -> list[Verdict]:
    """What the marts say of each, in order. Every landing is a visitor of its own."""
    site = settings or shop()
    own = frozenset(site.sources.parameters.names()) | frozenset(site.sources.click_ids)
    records = [landed(f"visitor-{n:05}", landing, n, own) for n, landing in enumerate(landings)]
    marts = marts_of(root, records, site)
    keys = {row["visitor_id"]: row["entry_key"] for row in marts.rows("hits")}
    decided = {row["entry_key"]: row for row in marts.rows("sources")}
    sessions = {row["visitor_id"]: row for row in marts.rows("sessions")}
    names = [f"visitor-{n:05}" for n in range(len(landings))]
    return [Verdict(sessions.get(name, {}), decided.get(keys[name], {})) for name in names]
