"""400 days of a shop on a real Trino with its limit of 100 open partitions on: made whole, then rebuilt under other rules.

Raw records lie as Firehose leaves them: gzip, a folder for every day and hour, names of stream, moment and random id. Every table
equals DuckDB's row by row.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from functions.attribution.steps import STEPS
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.records import COST, KINDS, encode
from shared.settings import SiteSettings
from shared.trino import TrinoWarehouse
from tests.lakes import Marts, Record, assert_same, deal, hit, payment, rang, record, request, shop
from tests.real_trino import warehouse
from tests.requires import need_java, need_maven

pytestmark = [pytest.mark.proof, pytest.mark.trino]

FIRST = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
DAYS = 400
NOW = FIRST + timedelta(days=DAYS)
ADS = ("yandex/cpc/brand", "vk/cpc/spring", "google/cpc/shoes", "")


def before() -> SiteSettings:
    return shop(margins=[{"valid_from": "2026-01-01", "percent": 40}])


def after() -> SiteSettings:
    """Other rules: every visit is classified anew, every person's money is weighed anew."""
    own = [{"id": "vk", "channel": "ВК", "is_significant": True}]
    return shop(margins=[{"valid_from": "2026-01-01", "percent": 30}], sources={"own": own}, time_zone="Asia/Vladivostok")


def day_of_shop(number: int) -> Iterator[Record]:
    """A visit a day by 40 visitors in turn; some ask, some of those buy in parts, some give money back, some call."""
    at, visitor = FIRST + timedelta(days=number), f"v{number % 40}"
    yield hit(visitor, at, ADS[number % 4])
    yield hit(visitor, at + timedelta(minutes=3))
    if number % 3 == 0:
        yield request(f"r{number}", at + timedelta(minutes=5), visitor=visitor, phone=f"p{number % 40}")
        won = "won" if number % 2 else "working"
        yield deal(
            f"d{number}", at + timedelta(hours=1), won, f"{100 + number}.37", request_id=f"r{number}", phone=f"p{number % 40}"
        )
    if number % 9 == 3:
        yield payment(f"d{number}", at + timedelta(hours=2), f"{50 + number}.01", f"in{number}")
    if number % 27 == 3:
        yield payment(f"d{number}", at + timedelta(hours=5), "-10.10", f"out{number}")
    if number % 7 == 0:
        yield rang(f"c{number}", at + timedelta(minutes=30), visitor=visitor, phone=f"p{number % 40}")
    if number % 5 == 0:
        yield spend(at.date(), ADS[number % 3])


def spend(day: date, ad: str) -> Record:
    source, medium, campaign = ad.split("/")
    told = {
        "account": "main",
        "scope": f"main:{day}",
        "import_id": "i",
        "day": day,
        "cost": Decimal("33.33"),
        "is_vat_included": True,
    }
    at = datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
    return record(COST.name, at, "file", utm_source=source, utm_medium=medium, utm_campaign=campaign, **told)


def deliver(root: Path, number: int) -> None:
    """A day's records as Firehose leaves them, five minutes after the last one."""
    lines: dict[str, list[bytes]] = {}
    for kind, values in day_of_shop(number):
        lines.setdefault(kind, []).append(encode(KINDS[kind], values) + b"\n")
    arrival = FIRST + timedelta(days=number, hours=12)
    for kind, those in lines.items():
        name = f"skvoz-test-{kind}-1-{arrival:%Y-%m-%d-%H-%M-%S}-{UUID(int=number)}.gz"
        path = root / "raw" / kind / f"{arrival:%Y/%m/%d/%H}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"".join(those)))


class Watched(TrinoWarehouse):
    """A Trino that remembers what it was asked to write."""

    def start(self, sql: str, token: str = "") -> str:
        asked.append(sql)
        return super().start(sql, token)


asked: list[str] = []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("days")) as running:
        for number in range(DAYS):
            deliver(running.data_dir, number)
        yield running


@pytest.fixture(scope="module")
def engines(server: TrinoServer) -> tuple[Marts, Marts]:
    embedded = Marts(server.data_dir, before(), warehouse=DuckDbWarehouse(server.data_dir, threads=2))
    return embedded, Marts(server.data_dir, before(), warehouse=warehouse(Watched, server))


def test_the_limit_of_open_partitions_is_on(engines: tuple[Marts, Marts]) -> None:
    trino = engines[1].warehouse
    assert isinstance(trino, TrinoWarehouse)
    trino.run("CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 'local:///marts')")
    trino.run("CREATE TABLE many (day date) WITH (partitioning = ARRAY['day'])")
    days = "SELECT day FROM UNNEST(sequence(DATE '2026-01-01', DATE '2026-01-01' + INTERVAL '{}' DAY)) AS t (day)"
    trino.run("INSERT INTO many " + days.format(99))
    with pytest.raises(WarehouseError, match=r"writes more days than the engine takes at once|100 open writers"):
        trino.run("INSERT INTO many " + days.format(100))


def test_400_days_are_made_in_pieces_and_equal_duckdbs_row_by_row(engines: tuple[Marts, Marts]) -> None:
    for marts in engines:
        assert marts.refresh(NOW)["status"] == "complete"
    assert_same(engines[0].everything(), engines[1].everything(), approximate=True)
    assert len(set(engines[1].rows("hits", "day"))) == DAYS
    assert pieces("INSERT INTO hits") == 5
    assert {"hits", "sessions"} <= {step.name for step in STEPS}


def test_a_rebuild_of_400_days_under_other_rules_equals_duckdbs_row_by_row(engines: tuple[Marts, Marts]) -> None:
    made = engines[1].rows("sessions", "session_id", "channel", "day")
    asked.clear()
    for marts in engines:
        marts.sites = [after()]
        assert marts.refresh(NOW + timedelta(hours=1))["status"] == "complete"
    assert_same(engines[0].everything(), engines[1].everything(), approximate=True)
    rebuilt = engines[1].rows("sessions", "session_id", "channel", "day")
    assert {channel for _, channel, _ in rebuilt} - {channel for _, channel, _ in made} == {"ВК"}
    assert pieces("MERGE INTO hits") >= 5


def pieces(statement: str) -> int:
    return sum(sql.lstrip().startswith(statement) for sql in asked)
