"""Visits of random hits, with many at one moment and marks in every place, against the definition written down plainly."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.lakes import NOW, Marts, Record, hit, marts_of, utc, write

VISITORS = 200
# "" has no mark at all, "(direct)/(none)" one that counts as none.
ADS = [*[""] * 5, "(direct)/(none)", "vk/cpc", "yandex/cpc/a", "yandex/cpc/b"]
STEPS = [0, 0, 0, 0.001, 1, 60, 899.999, 1799.999, 1800, 1800.001, 4000]  # seconds to the hit before
Visit = tuple[str, datetime, datetime, datetime, int, str]


def hits_of(number: int, chance: random.Random) -> list[Record]:
    """One visitor's hits, from near the turn of a half-hour on; ids and pages tell them apart, not their order."""
    at, made = utc("10-05 10:00") + timedelta(minutes=30 * chance.randrange(3), milliseconds=chance.choice([-1, 0, 1])), []
    ads = chance.sample(ADS, 3)
    for _ in range(chance.randrange(1, 14)):
        at += timedelta(seconds=chance.choice(STEPS))
        name = f"{chance.randrange(10**6):06}-{number}"
        made.append(hit(f"v{number}", at, chance.choice(ads), record_id=name, page_path=f"/{name}"))
    return made


def plainly(hits: Sequence[Record]) -> list[Visit]:
    """(first page, start, end, start of the chain, hits, source and campaign) of each visit of one visitor."""
    visits: list[Visit] = []
    for values in sorted((h.values for h in hits), key=lambda v: (v["occurred_at"], v["record_id"])):
        at, mark = values["occurred_at"], _mark(values)
        is_silent = not visits or at >= visits[-1][2] + timedelta(seconds=1800)
        if is_silent or (mark and mark != visits[-1][5]):
            visits.append((values["page_path"], at, at, at if is_silent else visits[-1][3], 1, mark))
        else:
            page, start, _, chain, count, own = visits[-1]
            visits[-1] = (page, start, at, chain, count + 1, own)
    return visits


def _mark(values: Mapping[str, Any]) -> str:
    source = values.get("utm_source") or ""
    return "" if source in ("", "(direct)") else f"{source} {values.get('utm_campaign') or ''}"


def told(marts: Marts) -> list[Visit]:
    names = ("landing_path", "started_at", "last_hit_at", "group_started_at", "hits", "source", "campaign")
    rows = marts.rows("sessions", *names)
    return sorted((*row[:5], "" if row[5] == "(direct)" else f"{row[5]} {row[6] or ''}") for row in rows)


def test_visits_are_those_of_the_definition_however_hits_tie_and_arrive(tmp_path: Path) -> None:
    chance = random.Random(1)
    visitors = [hits_of(number, chance) for number in range(VISITORS)]
    every = [each for hits in visitors for each in hits]
    expected = sorted(visit for hits in visitors for visit in plainly(hits))
    assert told(marts_of(tmp_path / "once", every)) == expected

    late = {each.values["record_id"] for each in every if chance.random() < 0.3}
    marts = marts_of(tmp_path / "twice", [each for each in every if each.values["record_id"] not in late])
    later = NOW + timedelta(days=1)
    write(tmp_path / "twice", [each for each in every if each.values["record_id"] in late], later)
    marts.refresh(later)
    assert told(marts) == expected
