"""A real Trino on a local folder: raw JSON lines through Hive, marts through Iceberg, values through the one literal encoder."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.warehouse.trino import TrinoPlace, TrinoWarehouse, folder_writer
from shared.errors import WarehouseError
from shared.records import CRM_EVENT, HIT, encode
from shared.sql import Value, literal
from shared.warehouse import Warehouse
from tests.requires import need_java, need_maven
from tests.unit.test_sql import HOSTILE, texts

pytestmark = [pytest.mark.proof, pytest.mark.trino]

RAW = """
CREATE TABLE lake.skvoz.{table} (
  record_id varchar, site_id varchar, occurred_at timestamp(3), {columns},
  arrival_day varchar WITH (
    partition_projection_type = 'DATE', partition_projection_format = 'yyyy/MM/dd',
    partition_projection_range = ARRAY['2026/01/01', 'NOW+1DAY'])
) WITH (
  format = 'OPENX_JSON', external_location = 'local:///raw/{kind}', partitioned_by = ARRAY['arrival_day'],
  partition_projection_enabled = true, partition_projection_location_template = 'local:///raw/{kind}/${{arrival_day}}/',
  extra_properties = MAP(ARRAY['ignore.malformed.json'], ARRAY['true']))
"""
OCTOBER = "arrival_day BETWEEN '2026/09/20' AND '2026/10/31'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("trino")) as running:
        yield running


@pytest.fixture(scope="module")
def warehouse(server: TrinoServer) -> TrinoWarehouse:
    place = TrinoPlace(server.host, server.port, server.user, tls=False)
    engine = TrinoWarehouse(place, folder_writer(server.data_dir))
    engine.start("CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 'local:///marts')")
    return engine


def put(server: TrinoServer, key: str, body: bytes) -> None:
    path = server.data_dir / "raw" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(body) if key.endswith(".gz") else body)


def read_back(warehouse: TrinoWarehouse, values: list[Value]) -> list[object]:
    (row,) = warehouse.rows("SELECT " + ", ".join(f"{literal(value)} AS c{n}" for n, value in enumerate(values)))
    return list(row.values())


def test_it_is_a_warehouse(warehouse: TrinoWarehouse) -> None:
    engine: Warehouse = warehouse
    assert (engine.ddl_dialect, engine.most_partitions) == ("iceberg_trino", 100)


def test_hostile_texts_come_back_as_they_were(warehouse: TrinoWarehouse) -> None:
    assert read_back(warehouse, list(HOSTILE)) == HOSTILE


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=20))
def test_any_texts_come_back_as_they_were(warehouse: TrinoWarehouse, values: list[str]) -> None:
    assert read_back(warehouse, list(values)) == values


@settings(max_examples=30, deadline=None)
@given(
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(min_value=Decimal("-9999999999999999.99"), max_value=Decimal("9999999999999999.99"), places=2),
    st.dates(),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_numbers_days_and_instants_come_back_exactly(
    warehouse: TrinoWarehouse, whole: int, real: float, money: Decimal, day: date, instant: datetime
) -> None:
    to_the_millisecond = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    values: list[Value] = [whole, real, money, day, instant, None, True]
    assert read_back(warehouse, values) == [whole, real, money, day, to_the_millisecond, None, True]


def test_decimals_keep_their_digits(warehouse: TrinoWarehouse) -> None:
    values: list[Value] = [Decimal("0.000001"), Decimal("-0.10"), Decimal("12345678901234567890.123456")]
    assert [str(value) for value in read_back(warehouse, values)] == ["0.000001", "-0.10", "12345678901234567890.123456"]


def test_instants_with_a_zone_come_in_utc(warehouse: TrinoWarehouse) -> None:
    moscow = datetime(2026, 10, 1, 10, 40, 26, 123000, tzinfo=timezone(timedelta(hours=3)))
    (row,) = warehouse.rows("SELECT TIMESTAMP '2026-10-01 10:40:26.123 Europe/Moscow' AS at")
    assert row["at"] == moscow
    assert row["at"].tzinfo is UTC


def test_in_compares_with_a_list_and_an_empty_list_holds_nothing(warehouse: TrinoWarehouse) -> None:
    listed = literal(["x", "a'b"])
    assert warehouse.rows(f"SELECT 1 AS n WHERE 'a''b' IN {listed}") == [{"n": 1}]
    assert warehouse.rows(f"SELECT 1 AS n WHERE 'a' IN {literal([])}") == []


def test_raw_hits_are_read_plain_and_gzipped_by_arrival_day(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    def line(record_id: str, minute: int, **more: object) -> bytes:
        at = datetime(2026, 10, 1, 7, minute, 26, 123000, tzinfo=UTC)
        return encode(HIT, {"record_id": record_id, "site_id": "s", "occurred_at": at, **more}) + b"\n"

    put(server, "hit/2026/10/01/07/stream-1-uuid", line("a", 40, is_test=True) + line("b", 41, page_title='Ёлка "q" \\ \n😀'))
    put(server, "hit/2026/10/01/08/import.jsonl", line("c", 42))
    put(server, "hit/2026/10/02/23/spill.jsonl.gz", line("d", 43))
    warehouse.start(RAW.format(table="raw_hit", kind="hit", columns="page_title varchar, is_test boolean"))
    warehouse.open_raw("hit", "2026/10/01", "2026/10/02")
    rows = warehouse.rows(f"SELECT * FROM raw_hit WHERE {OCTOBER} ORDER BY record_id")
    assert [row["record_id"] for row in rows] == ["a", "b", "c", "d"]
    assert [row["arrival_day"] for row in rows] == ["2026/10/01"] * 3 + ["2026/10/02"]
    assert rows[0]["occurred_at"] == datetime(2026, 10, 1, 7, 40, 26, 123000, tzinfo=UTC)
    assert [row["is_test"] for row in rows] == [True, None, None, None]
    assert rows[1]["page_title"] == 'Ёлка "q" \\ \n😀'
    assert warehouse.rows("SELECT record_id FROM raw_hit WHERE arrival_day = '2026/10/02'") == [{"record_id": "d"}]


def test_raw_money_is_exact_and_a_broken_line_costs_only_itself(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    money = Decimal("1234567890123456.78")
    good = encode(CRM_EVENT, {"record_id": "1", "amount": money, "deal_created_at": datetime(2026, 10, 1, tzinfo=UTC)})
    put(server, "crm_event/2026/10/01/00/a.jsonl", good + b'\n{"record_id": "2", "amou\n\n{"record_id": "3", "amount": -0.10}\n')
    columns = "amount decimal(18,2), deal_created_at timestamp(3)"
    warehouse.start(RAW.format(table="raw_crm_event", kind="crm_event", columns=columns))
    sql = f"SELECT record_id, amount FROM raw_crm_event WHERE {OCTOBER} AND record_id IS NOT NULL ORDER BY record_id"
    assert warehouse.rows(sql) == [
        {"record_id": "1", "amount": money},
        {"record_id": "3", "amount": Decimal("-0.10")},
    ]


def test_rules_are_replaced_and_read_at_once(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    (server.data_dir / "rules" / "rule_colour").mkdir(parents=True)
    warehouse.start(
        "CREATE TABLE lake.skvoz.rule_colour (name varchar, rank bigint)"
        " WITH (format = 'OPENX_JSON', external_location = 'local:///rules/rule_colour')"
    )
    for lines in ([b'{"name":"red","rank":1}', b'{"name":"blue","rank":2}'], [b'{"name":"green"}'], []):
        warehouse.write_rules("rule_colour", lines)
        rows = warehouse.rows("SELECT * FROM rule_colour ORDER BY rank")
        assert [row["name"].encode() in line for row, line in zip(rows, lines, strict=True)] == [True] * len(lines)


def test_a_mart_is_merged_in_one_commit_and_remembers_what_it_was(warehouse: TrinoWarehouse) -> None:
    warehouse.start(
        "CREATE TABLE mart (id varchar, day date, at timestamp(6), amount decimal(18,2), n bigint, weight double)"
        " WITH (format = 'PARQUET', partitioning = ARRAY['day'])"
    )
    warehouse.start(
        "INSERT INTO mart SELECT id, DATE '2026-10-01', TIMESTAMP '2026-10-01 07:40:26.123', DECIMAL '10.00', 1, 0.5e0"
        " FROM (VALUES 'gone', 'changed', 'kept') AS t (id)"
    )
    (before,) = warehouse.rows('SELECT max(committed_at) AS at FROM "mart$snapshots"')
    query_id = warehouse.start(
        "MERGE INTO mart USING (VALUES ('gone', 'drop'), ('changed', ''), ('new', '')) AS s (id, op) ON mart.id = s.id"
        " WHEN MATCHED AND s.op = 'drop' THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET n = 2, amount = DECIMAL '0.01'"
        " WHEN NOT MATCHED THEN INSERT (id, day, amount) VALUES (s.id, DATE '2026-10-02', DECIMAL '-5')"
    )
    assert warehouse.poll(query_id).is_done
    kept = {"at": datetime(2026, 10, 1, 7, 40, 26, 123000, tzinfo=UTC), "weight": 0.5, "day": date(2026, 10, 1)}
    assert warehouse.rows("SELECT * FROM mart ORDER BY id") == [
        {"id": "changed", "amount": Decimal("0.01"), "n": 2, **kept},
        {"id": "kept", "amount": Decimal("10.00"), "n": 1, **kept},
        {"id": "new", "amount": Decimal("-5.00"), "n": None, "at": None, "weight": None, "day": date(2026, 10, 2)},
    ]
    moment = f"TIMESTAMP '{before['at']:%Y-%m-%d %H:%M:%S.%f} UTC'"
    rows = warehouse.rows(f"SELECT id FROM mart FOR TIMESTAMP AS OF {moment} ORDER BY id")
    assert [row["id"] for row in rows] == ["changed", "gone", "kept"]
    assert len(warehouse.rows(f'SELECT snapshot_id FROM "mart$snapshots" WHERE committed_at > {moment}')) == 1


def test_a_view_may_stand_on_marts_and_raw_tables(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    put(server, "request/2026/10/01/00/a.jsonl", b'{"record_id": "r", "occurred_at": "2026-10-01 00:00:00.001"}\n')
    warehouse.start(RAW.format(table="raw_request", kind="request", columns="request_id varchar"))
    warehouse.start("CREATE TABLE seen (id varchar)")
    warehouse.start("INSERT INTO seen VALUES 's'")
    warehouse.start(
        f"CREATE OR REPLACE VIEW everything AS SELECT id FROM seen UNION ALL SELECT record_id FROM raw_request WHERE {OCTOBER}"
    )
    assert warehouse.rows("SELECT id FROM everything ORDER BY id") == [{"id": "r"}, {"id": "s"}]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELEC 1", "the engine does not understand the statement"),
        ("SELECT 1 FROM nowhere", "a table does not exist"),
        ("SELECT nothing FROM (VALUES 1) AS t (n)", "a column does not exist"),
        ("SELECT 1 / (n - 1) FROM (VALUES 1) AS t (n)", "the statement divided by zero"),
        ("SELECT CAST(s AS bigint) FROM (VALUES 'x') AS t (s)", "a value has not the form that its column promises"),
    ],
)
def test_a_failed_query_says_what_happened_and_what_to_do(warehouse: TrinoWarehouse, sql: str, expected: str) -> None:
    with pytest.raises(WarehouseError) as caught:
        warehouse.start(sql)
    assert caught.value.message.startswith(expected)
    assert "What to do: " in caught.value.message
    if "SELEC " in sql:
        assert "line 1:1" in caught.value.message


def test_a_query_that_it_did_not_start_is_an_error(warehouse: TrinoWarehouse) -> None:
    with pytest.raises(WarehouseError, match="was not started here"):
        warehouse.poll("20261122_000000_00000_aaaaa")


def test_no_answer_is_a_readable_error() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    warehouse = TrinoWarehouse(TrinoPlace("127.0.0.1", port, "skvoz", tls=False), lambda _key, _body: None)
    with pytest.raises(WarehouseError, match="What to do: check host, port, tls"):
        warehouse.rows("SELECT 1")


def test_a_second_server_starts_on_a_folder_of_a_first_one_and_leaves_nothing_running(tmp_path: Path) -> None:
    need_java(OLDEST_JAVA)
    need_maven()
    for round_number in range(2):
        with TrinoServer(tmp_path) as server:
            warehouse = TrinoWarehouse(TrinoPlace(server.host, server.port, server.user, tls=False), folder_writer(tmp_path))
            warehouse.start("CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 'local:///marts')")
            warehouse.start("CREATE TABLE IF NOT EXISTS kept (n bigint)")
            warehouse.start(f"INSERT INTO kept VALUES {round_number}")
            assert len(warehouse.rows("SELECT * FROM kept")) == round_number + 1
        with socket.socket() as probe:
            assert probe.connect_ex((server.host, server.port)) != 0
