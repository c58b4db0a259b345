"""The shipped functions on a real Trino: the refresh through its state machine, then the report and its mail, as on DuckDB.

The states travel as JSON between the calls, so each poll goes on from what the last one left.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.warehouse.trino import folder_writer
from shared.aws import client
from shared.records import KINDS, encode
from shared.settings import SiteSettings
from shared.trino import TrinoWarehouse
from shared.warehouse import Warehouse
from tests.lakes import NOW, Record
from tests.random_lakes import random_records, random_shop
from tests.real_trino import place
from tests.requires import need_java, need_maven

pytestmark = [pytest.mark.proof, pytest.mark.trino]

RECORDS = random_records(seed=5, visitors=30)


def site() -> SiteSettings:
    return random_shop(report={"recipients": ["owner@shop.example"], "days": 60})


class OnTrino(TrinoWarehouse):
    """A Trino over the mirror's folder, which ends with the stack; a poll asks twice at most, so that many calls share a query."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = TrinoServer(folder).__enter__()
        ticks = iter(range(0, 10**9, 3))
        super().__init__(place(self._server), folder_writer(folder), clock=lambda: float(next(ticks)))
        self.polled: list[str] = []

    def poll(self, query_id: str) -> Any:
        self.polled.append(query_id)
        return super().poll(query_id)

    def close(self) -> None:
        self._server.__exit__(None, None, None)


def put(stack: LocalStack, records: list[Record]) -> None:
    lines: dict[str, list[bytes]] = {}
    for kind, values in records:
        lines.setdefault(kind, []).append(encode(KINDS[kind], values) + b"\n")
    for kind, those in lines.items():
        key = f"raw/{kind}/{NOW:%Y/%m/%d/%H}/all.jsonl"
        client("s3").put_object(Bucket=stack.environment["LAKE_BUCKET"], Key=key, Body=b"".join(those))


def reported(root: Path, warehouse: Callable[[Path], Warehouse] | None) -> tuple[dict[str, Any], int]:
    """Figures of the report, and how many mails went out."""
    with LocalStack(root, SimulatedClock(NOW), warehouse=warehouse) as stack:
        stack.publish(site())
        put(stack, RECORDS)
        assert stack.refresh()["status"] == "complete"
        assert isinstance(stack.clock, SimulatedClock)
        stack.clock.advance(timedelta(hours=8))
        stack.send_report()
        (figures,) = [
            json.loads(content) for key, content in stack.objects("FilesBucket", "reports/").items() if key.endswith(".json")
        ]
        return figures, len(stack.sent_mail())


def test_refresh_and_report_of_the_shipped_functions_are_the_same(tmp_path: Path) -> None:
    need_java(OLDEST_JAVA)
    need_maven()
    made: list[OnTrino] = []

    def on_trino(folder: Path) -> Warehouse:
        made.append(OnTrino(folder))
        return made[0]

    (embedded, mails), (on_server, as_many) = reported(tmp_path / "duckdb", None), reported(tmp_path / "trino", on_trino)
    assert mails == as_many == 1
    assert differences(embedded, on_server) == []
    assert len(made[0].polled) > 200
    assert len({query_id.split("/")[1] for query_id in made[0].polled}) < len(set(made[0].polled))


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two JSON values differ, but for ids of the runs and the last digits of a number."""
    if at.rpartition(".")[2] in ("refresh_id", "generated_at"):
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        found = [f"{at}: {sorted(one.keys() ^ other.keys())}"] if one.keys() != other.keys() else []
        return found + [d for name in one.keys() & other.keys() for d in differences(one[name], other[name], f"{at}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [d for n, (a, b) in enumerate(zip(one, other, strict=True)) for d in differences(a, b, f"{at}[{n}]")]
    if isinstance(one, float) and isinstance(other, float):
        return [] if abs(one - other) <= 1e-9 * max(1.0, abs(one)) else [f"{at}: {one} ≠ {other}"]
    return [] if one == other else [f"{at}: {one} ≠ {other}"]
