"""Visitors left out by day (speed, spam referrers): whatever comes late, the marts say what one rebuild would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.attribution import work
from infra.warehouse.duckdb import DuckDbWarehouse
from tests.lakes import NOW, Marts, Record, assert_same, hit, marts_of, request, utc, write
from tests.random_lakes import random_records, random_shop, shuffled

DAY = timedelta(days=1)
MOST = 2  # page views a minute in these tests
BURST = [hit("v", utc(f"10-05 12:00:{second:02d}")) for second in (1, 2, 3)]
MORNING = [hit("v", utc("10-05 08:00"), "vk/cpc"), request("r", utc("10-05 08:10"), visitor="v", phone="p")]
OVER_MIDNIGHT = [hit("v", utc("10-04 20:50"), "vk/cpc"), hit("v", utc("10-04 21:10"))]  # midnight is at 21:00 UTC
AHEAD = Record(BURST[2].kind, {**BURST[2].values, "received_at": BURST[2].values["occurred_at"] - timedelta(minutes=6)})


class Chunked(DuckDbWarehouse):
    """DuckDB that writes as few days a statement as an engine that bounds partitions."""

    most_partitions = 3


@pytest.fixture(autouse=True, scope="module")
def _few_pages_are_fast() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "MOST_PAGES_A_MINUTE", MOST)
        yield


@pytest.mark.parametrize(
    ("first", "late", "reason"),
    [
        (MORNING, BURST, "speed"),
        ([*MORNING, *BURST[:2]], BURST[2:], "speed"),
        (MORNING, [hit("v", utc("10-05 12:00"), referrer_host="semalt.com")], "spam_referrer"),
        (OVER_MIDNIGHT, BURST, "speed"),
        ([*MORNING, *BURST], [AHEAD], None),
        ([*OVER_MIDNIGHT, *BURST], [AHEAD], None),
    ],
    ids=["a burst at noon", "half a burst", "spam at noon", "a visit over midnight", "no burst after all", "no burst, midnight"],
)
def test_a_late_hit_changes_the_whole_day_of_its_visitor(
    first: Sequence[Record], late: Sequence[Record], reason: str | None, tmp_path: Path
) -> None:
    marts = marts_of(tmp_path / "a", first, random_shop())
    write(marts.root, late, NOW + DAY)
    marts.refresh(NOW + DAY)
    assert marts.rows("excluded_visitors", "reason") == ([reason] if reason else [])
    assert_same(marts.everything(), marts_of(tmp_path / "b", [*first, *late], random_shop()).everything())


def suspicious_records(seed: int) -> list[Record]:
    """A random lake with bursts, spam referrers and own addresses, many on days and beside midnights of other visits."""
    random = Random(seed)
    records = random_records(seed, visitors=8)
    seen = [r for r in records if r.kind == "hit" and r.values.get("visitor_id")]
    for base in random.sample(seen, min(14, len(seen))):
        visitor, at = base.values["visitor_id"], base.values["occurred_at"]
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=random.choice((-600, -31, -1, 0, 1, 29, 31, 300, 1440)))
        kind = random.choice(("burst", "burst", "nearly", "spam", "own"))
        if kind == "spam":
            records.append(hit(visitor, at, referrer_host="semalt.com"))
        elif kind == "own":
            records.append(hit(visitor, at, is_own=True))
        else:
            pages = MOST + (1 if kind == "burst" else 0)
            records += [hit(visitor, at + timedelta(seconds=n), page_path=f"/{n}") for n in range(pages)]
    return records


_REBUILT: dict[int, tuple[list[Record], dict[str, list[dict[str, object]]]]] = {}


def rebuilt(seed: int) -> tuple[list[Record], dict[str, list[dict[str, object]]]]:
    """A suspicious lake and its tables after one rebuild."""
    if seed not in _REBUILT:
        records = suspicious_records(seed)
        with TemporaryDirectory() as folder:
            marts = marts_of(Path(folder), records, random_shop())
            assert marts.rows("excluded_visitors")
            _REBUILT[seed] = records, {name: list(map(dict, rows)) for name, rows in marts.everything().items()}
    return _REBUILT[seed]


# Without shrinking: a smaller order of arrival tells no more, and takes minutes.
@pytest.mark.proof
@settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@given(st.integers(300, 303), st.integers(0, 2**32), st.integers(1, 4), st.booleans())
def test_any_order_of_arrival_leaves_out_the_same_visitors(seed: int, order: int, batches: int, chunked: bool) -> None:
    records, expected = rebuilt(seed)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        marts = Marts(root, random_shop(), warehouse=(Chunked if chunked else DuckDbWarehouse)(root, None, threads=1))
        for place, batch in enumerate(shuffled(records, order, batches)):
            now = NOW - DAY * (batches - 1 - place)
            write(root, batch, now)
            marts.refresh(now)
        assert_same(marts.everything(), expected)
