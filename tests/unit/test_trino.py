"""TrinoWarehouse against a Trino that speaks the protocol alone: who may go on with a query, what is lost, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from infra.servers.trino_security import Security
from infra.warehouse.trino import folder_writer
from shared.errors import TooLarge, WarehouseBusy, WarehouseError
from shared.records import COST, HIT, Column, RecordKind
from shared.trino import MOST_WAIT_SECONDS, NOT_READY_SECONDS, TrinoWarehouse
from shared.trino_place import Login, TrinoPlace
from shared.warehouse import Warehouse
from tests.fake_trino import FakeTrino, Script

RULE = RecordKind("rule_colour", "Colours.", (Column("name", "varchar", "it's a name"), Column("at", "timestamp", "when")))


class Clock:
    """Every look takes a second."""

    def __init__(self, step: float = 1.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def trino() -> Iterator[FakeTrino]:
    with FakeTrino() as fake:
        yield fake


def warehouse(trino: FakeTrino, step: float = 1.0, naps: list[float] | None = None) -> TrinoWarehouse:
    """One of another process each time."""
    naps = [] if naps is None else naps
    place = TrinoPlace("127.0.0.1", trino.port, "skvoz", tls=False, location="s3://lake")
    return TrinoWarehouse(place, lambda _key, _body: None, sleep=naps.append, clock=Clock(step))


def finish(trino: FakeTrino, query_id: str) -> list[str]:
    """Poll to the end, each time from another process; the ids that were asked for."""
    asked = [query_id]
    while not (state := warehouse(trino, step=10).poll(asked[-1])).is_done:
        asked.append(state.query_id)
        assert len(asked) < 50
    return asked


def test_it_is_a_warehouse(trino: FakeTrino) -> None:
    engine: Warehouse = warehouse(trino)
    assert (engine.ddl_dialect, engine.most_partitions, engine.bytes_scanned) == ("iceberg_trino", 100, 0)


def test_a_long_query_is_followed_from_process_to_process(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=7, bytes_read=42))
    asked = finish(trino, warehouse(trino).start("MERGE INTO t"))
    assert len(set(asked)) == len(asked) == 8
    assert trino.ran == ["MERGE INTO t"]
    assert trino.state_of("20261122_000000_00000_abcde") == "FINISHED"


def test_one_poll_follows_a_query_for_some_seconds_only(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=100))
    engine = warehouse(trino)
    state = engine.poll(engine.start("MERGE INTO t"))
    assert not state.is_done
    assert len(trino.seen) == 5  # handed over, then a second each


def test_a_short_query_ends_within_the_first_poll(trino: FakeTrino) -> None:
    trino.will("SELECT", Script(answers=2, bytes_read=7))
    engine = warehouse(trino)
    state = engine.poll(engine.start("SELECT 1"))
    assert (state.is_done, state.bytes_scanned, engine.bytes_scanned) == (True, 7, 7)


def test_nothing_runs_before_it_is_polled_so_two_starts_run_once(trino: FakeTrino) -> None:
    warehouse(trino).start("INSERT INTO t SELECT 1")  # its process dies here
    again = warehouse(trino).start("INSERT INTO t SELECT 1")
    assert trino.ran == []
    finish(trino, again)
    assert trino.ran == ["INSERT INTO t SELECT 1"]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_answer_lost_on_the_way_is_asked_for_again(trino: FakeTrino, method: str) -> None:
    trino.will("INSERT", Script(answers=3))
    trino.lose = {method}
    finish(trino, warehouse(trino).start("INSERT INTO t SELECT 1"))
    assert trino.ran == ["INSERT INTO t SELECT 1"]


def test_a_repeated_poll_gets_the_answer_of_the_first_one(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=1))
    query_id = warehouse(trino).start("MERGE INTO t")
    first, second = (warehouse(trino, step=10).poll(query_id) for _ in range(2))
    assert first == second
    assert not first.is_done


def test_a_query_whose_latest_address_was_lost_is_looked_up(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=9))
    query_id = warehouse(trino).start("MERGE INTO t")
    warehouse(trino).poll(query_id)  # goes on for some answers, then its process dies with what it knew
    state = warehouse(trino).poll(query_id)
    assert (state.is_done, state.query_id) == (False, "20261122_000000_00000_abcde")
    trino.end(state.query_id)
    assert warehouse(trino).poll(state.query_id).is_done
    assert trino.ran[0] == "MERGE INTO t"
    assert trino.ran.count("MERGE INTO t") == 1


def test_a_lost_query_that_failed_says_why(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=9))
    engine = warehouse(trino, step=10)
    state = engine.poll(engine.start("MERGE INTO t"))
    engine.cancel(state.query_id)
    with pytest.raises(WarehouseError, match="USER_CANCELED"):
        warehouse(trino).poll("20261122_000000_00000_abcde")


def test_a_query_that_the_server_forgot_is_an_error(trino: FakeTrino) -> None:
    with pytest.raises(WarehouseError, match="does not know this query any more"):
        warehouse(trino).poll("executing/20261122_000000_00077_abcde/slug/3")


@pytest.mark.parametrize("query_id", ["done", "", "../../ui/api", "executing/a/b/c", "http://elsewhere/v1/statement/queued/a/b/1"])
def test_an_id_that_is_none_of_trinos_is_never_asked(trino: FakeTrino, query_id: str) -> None:
    with pytest.raises(WarehouseError, match="was not started on this Trino"):
        warehouse(trino).poll(query_id)
    assert trino.seen == []


def test_a_cancelled_query_ends_and_polling_says_so(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=9))
    engine = warehouse(trino, step=10)
    state = engine.poll(engine.start("MERGE INTO t"))
    warehouse(trino).cancel(state.query_id)
    assert trino.seen[-1] == ("DELETE", "/v1/statement/executing/20261122_000000_00000_abcde/slug/2")
    with pytest.raises(WarehouseError, match="USER_CANCELED"):
        warehouse(trino).poll(state.query_id)


def test_a_query_whose_latest_address_was_lost_is_cancelled_by_its_name(trino: FakeTrino) -> None:
    warehouse(trino).cancel("20261122_000000_00077_abcde")
    assert trino.ran == ["CALL system.runtime.kill_query(query_id => '20261122_000000_00077_abcde', message => 'stopped by Skvoz')"]


def test_cancelling_what_has_ended_or_is_not_known_does_nothing(trino: FakeTrino) -> None:
    trino.will("kill_query", Script(error=("NOT_FOUND", "Target query not found")))
    warehouse(trino).cancel("executing/20261122_000000_00077_abcde/slug/3")
    assert trino.seen[0] == ("DELETE", "/v1/statement/executing/20261122_000000_00077_abcde/slug/3")


def test_rows_come_as_python_values_with_instants_in_utc(trino: FakeTrino) -> None:
    columns = {"n": "bigint", "money": "decimal", "at": "timestamp with time zone", "none": "varchar"}
    trino.will("SELECT", Script(columns=columns, rows=[[9007199254740993, "12.30", "2026-10-01 10:40:26.123 Europe/Moscow", None]]))
    at = datetime(2026, 10, 1, 7, 40, 26, 123000, tzinfo=UTC)
    (row,) = warehouse(trino).rows("SELECT …")
    assert row == {"n": 9007199254740993, "money": Decimal("12.30"), "at": at, "none": None}
    assert row["at"].tzinfo is UTC


def test_an_answer_that_is_too_large_is_read_no_further_and_cancelled(trino: FakeTrino) -> None:
    trino.will("SELECT", Script(columns={"t": "varchar"}, rows=[["x" * 300]], answers=9, is_in_parts=True))
    with pytest.raises(TooLarge, match="more than 1,000 characters"):
        warehouse(trino).rows("SELECT …", 1000)
    assert trino.seen[-1][0] == "DELETE"
    assert len(warehouse(trino).rows("SELECT …", 300 * 10)) == 10


def test_an_answer_that_takes_too_long_is_cancelled(trino: FakeTrino) -> None:
    trino.will("SELECT", Script(answers=10_000))
    with pytest.raises(WarehouseError, match="not done after 240 s, stopped by us") as caught:
        warehouse(trino, step=MOST_WAIT_SECONDS / 3).rows("SELECT 1")
    assert "What to do: " in caught.value.message
    assert trino.state_of("20261122_000000_00000_abcde") == "FAILED"


@pytest.mark.parametrize(("minutes", "is_cancelled"), [(60, False), (61, True)])
def test_a_statement_that_runs_too_long_is_cancelled(trino: FakeTrino, minutes: int, is_cancelled: bool) -> None:
    trino.will("MERGE", Script(answers=99, minutes=minutes))
    engine = warehouse(trino)
    query_id = engine.start("MERGE INTO t")
    if is_cancelled:
        with pytest.raises(WarehouseError, match="not done after 60 minutes, stopped by us"):
            engine.poll(query_id)
    else:
        assert not engine.poll(query_id).is_done
    assert ("DELETE" in [method for method, _ in trino.seen]) is is_cancelled


def test_a_failed_query_says_what_to_do_and_is_logged(trino: FakeTrino, capsys: pytest.CaptureFixture[str]) -> None:
    trino.will("MERGE", Script(error=("EXCEEDED_TIME_LIMIT", "Query exceeded the maximum run time limit")))
    engine = warehouse(trino)
    with pytest.raises(WarehouseError, match=r"What to do: .*EXCEEDED_TIME_LIMIT"):
        engine.poll(engine.start("MERGE INTO t"))
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["query_id"], told["state"]) == ("20261122_000000_00000_abcde", "FAILED")


def test_id_and_bytes_of_every_query_are_logged(trino: FakeTrino, capsys: pytest.CaptureFixture[str]) -> None:
    trino.will("SELECT", Script(bytes_read=1234, columns={"n": "bigint"}, rows=[[1]]))
    engine = warehouse(trino)
    engine.rows("SELECT 1")
    engine.poll(engine.start("SELECT 2"))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "query ended" in line]
    assert [(t["query_id"][-11:], t["state"], t["bytes_scanned"]) for t in told] == [
        ("00000_abcde", "FINISHED", 1234),
        ("00001_abcde", "FINISHED", 1234),
    ]
    assert "slug" not in str(told)
    assert engine.bytes_scanned == 2468


def test_a_server_that_has_just_started_is_waited_for(trino: FakeTrino) -> None:
    starting = Script(error=("NO_NODES_AVAILABLE", "No nodes available to run query"))
    trino.will("SELECT", starting)
    naps: list[float] = []
    with pytest.raises(WarehouseError, match="NO_NODES_AVAILABLE"):
        warehouse(trino, naps=naps).rows("SELECT 1")
    assert naps == [1.0] * NOT_READY_SECONDS
    starting.error, starting.columns, starting.rows = None, {"n": "bigint"}, [[1]]
    assert warehouse(trino).rows("SELECT 1") == [{"n": 1}]


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_what_to_compare(trino: FakeTrino, status: int) -> None:
    trino.refuses = status
    with pytest.raises(WarehouseError, match=r"does not let user skvoz in .*TRINO_PASSWORD_SECRET or TRINO_TOKEN_SECRET"):
        warehouse(trino).start("SELECT 1")


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_is_no_trino_is_told(trino: FakeTrino, status: int) -> None:
    trino.refuses = status
    with pytest.raises(WarehouseError, match=r"did not answer as it should: .*check TRINO_HOST, TRINO_PORT, TRINO_TLS"):
        warehouse(trino).start("SELECT 1")


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"[]", b"{}", b'{"id": "x", "nextUri": "http://x/elsewhere"}', b""])
def test_an_answer_that_is_none_of_a_trino_is_told(trino: FakeTrino, body: bytes) -> None:
    trino.body = body
    with pytest.raises(WarehouseError, match="did not answer as it should"):
        warehouse(trino).start("SELECT 1")


def test_no_answer_at_all_is_a_reason_to_ask_again_later(trino: FakeTrino) -> None:
    engine = warehouse(trino)
    query_id = engine.start("SELECT 1")
    trino.__exit__(None, None, None)
    with pytest.raises(WarehouseBusy, match="What to do: check TRINO_HOST"):
        warehouse(trino).poll(query_id)


def test_what_a_poll_learnt_is_kept_when_the_server_falls_silent(trino: FakeTrino) -> None:
    trino.will("MERGE", Script(answers=9))
    query_id = warehouse(trino).start("MERGE INTO t")
    engine = warehouse(trino)
    real = engine._client.ask

    def ask(address: str):  # type: ignore[no-untyped-def]
        if address.endswith("/3"):
            raise WarehouseBusy("silent")
        return real(address)

    engine._client.ask = ask  # type: ignore[method-assign]
    state = engine.poll(query_id)
    assert (state.is_done, state.query_id) == (False, "executing/20261122_000000_00000_abcde/slug/3")


def secured(tmp_path: Path) -> Security:
    security = Security({"skvoz": "s3cret"}, b"k" * 32, datetime.now(UTC))
    security.write(tmp_path, 0, "127.0.0.1")
    return security


def test_secrets_go_to_the_host_of_the_settings_whatever_an_answer_names(tmp_path: Path) -> None:
    secured(tmp_path)
    with FakeTrino(tmp_path / "server.pem") as trino:
        trino.host_told = "https://evil.example"
        place = TrinoPlace("127.0.0.1", trino.port, "skvoz", ca=str(tmp_path / "ca.pem"))
        engine = TrinoWarehouse(place, folder_writer(tmp_path), Login("password", lambda: "s3cret"))
        assert engine.poll(engine.start("SELECT 1")).is_done
        assert set(trino.authorizations) == {"Basic c2t2b3o6czNjcmV0"}


def test_a_changed_secret_is_taken_up(tmp_path: Path) -> None:
    secured(tmp_path)
    tokens = ["one", "one", "two", "two", "two"]
    with FakeTrino(tmp_path / "server.pem") as trino:
        place = TrinoPlace("127.0.0.1", trino.port, "skvoz", ca=str(tmp_path / "ca.pem"))
        engine = TrinoWarehouse(place, folder_writer(tmp_path), Login("token", lambda: tokens.pop(0) if tokens else "two"))
        engine.run("SELECT 1")
        assert list(dict.fromkeys(trino.authorizations)) == ["Bearer one", "Bearer two"]


def test_a_certificate_that_is_not_trusted_is_told_with_the_setting(tmp_path: Path) -> None:
    secured(tmp_path)
    with FakeTrino(tmp_path / "server.pem") as trino:
        place = TrinoPlace("127.0.0.1", trino.port, "skvoz")
        with pytest.raises(WarehouseError, match=r"certificate.*TRINO_CA"):
            TrinoWarehouse(place, folder_writer(tmp_path)).rows("SELECT 1")
        missing = place._replace(ca=str(tmp_path / "no.pem"))
        with pytest.raises(WarehouseError, match="TRINO_CA cannot be used"):
            TrinoWarehouse(missing, folder_writer(tmp_path)).rows("SELECT 1")


def test_a_secret_is_never_sent_without_tls(trino: FakeTrino) -> None:
    place = TrinoPlace("127.0.0.1", trino.port, "skvoz", tls=False)
    with pytest.raises(ValueError, match="over TLS only"):
        TrinoWarehouse(place, lambda _key, _body: None, Login("token", lambda: "secret"))


def test_an_empty_catalog_gets_schema_and_tables(trino: FakeTrino) -> None:
    warehouse(trino).open_lake([HIT, RULE])
    schema, listed, hits, rules = trino.ran
    assert schema == "CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 's3://lake/marts')"
    assert "table_schema = 'skvoz' AND table_name IN ('raw_hit', 'rule_colour')" in listed
    assert hits.startswith("CREATE TABLE IF NOT EXISTS lake.skvoz.raw_hit (")
    assert "'s3://lake/raw/hit/${arrival_day}/'" in hits
    assert rules == (
        "CREATE TABLE IF NOT EXISTS lake.skvoz.rule_colour (\n    name varchar COMMENT 'it''s a name',\n"
        "    at timestamp(3) COMMENT 'when'\n) WITH (format = 'OPENX_JSON', external_location = 's3://lake/rules/rule_colour')"
    )


def test_a_table_of_an_earlier_version_gets_its_new_columns_and_no_other_is_touched(trino: FakeTrino) -> None:
    known = [["rule_colour", "name"], *(["raw_cost", column.name] for column in COST.columns), ["raw_cost", "arrival_day"]]
    trino.will("information_schema", Script(columns={"table_name": "varchar", "column_name": "varchar"}, rows=known))
    warehouse(trino).open_lake([COST, RULE])
    assert trino.ran[2:] == ["ALTER TABLE lake.skvoz.rule_colour ADD COLUMN at timestamp(3) COMMENT 'when'"]


def test_folders_are_made_where_folders_are_real(trino: FakeTrino, tmp_path: Path) -> None:
    place = TrinoPlace("127.0.0.1", trino.port, "skvoz", tls=False, location="local://")
    TrinoWarehouse(place, folder_writer(tmp_path)).open_lake([HIT, RULE])
    assert (tmp_path / "raw/hit").is_dir()
    assert (tmp_path / "rules/rule_colour").is_dir()
