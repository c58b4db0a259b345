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

from functions.attribution.rules import RULE_TABLES
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.trino import folder_writer
from shared.errors import WarehouseError
from shared.records import CRM_EVENT, HIT, KINDS, PAYMENT, encode
from shared.sql import Value, literal
from shared.trino import TrinoWarehouse
from shared.trino_client import query_name
from shared.trino_place import TrinoPlace
from shared.trino_tables import table_of
from shared.warehouse import Warehouse
from tests.real_trino import place
from tests.real_trino import warehouse as awake
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
    engine = awake(TrinoWarehouse, server)
    engine.run("CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 'local:///marts')")
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
    warehouse.run(RAW.format(table="raw_hit", kind="hit", columns="page_title varchar, is_test boolean"))
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
    warehouse.run(RAW.format(table="raw_crm_event", kind="crm_event", columns=columns))
    sql = f"SELECT record_id, amount FROM raw_crm_event WHERE {OCTOBER} AND record_id IS NOT NULL ORDER BY record_id"
    assert warehouse.rows(sql) == [
        {"record_id": "1", "amount": money},
        {"record_id": "3", "amount": Decimal("-0.10")},
    ]


def test_rules_are_replaced_and_read_at_once(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    (server.data_dir / "rules" / "rule_colour").mkdir(parents=True)
    warehouse.run(
        "CREATE TABLE lake.skvoz.rule_colour (name varchar, rank bigint)"
        " WITH (format = 'OPENX_JSON', external_location = 'local:///rules/rule_colour')"
    )
    for lines in ([b'{"name":"red","rank":1}', b'{"name":"blue","rank":2}'], [b'{"name":"green"}'], []):
        warehouse.write_rules("rule_colour", lines)
        rows = warehouse.rows("SELECT * FROM rule_colour ORDER BY rank")
        assert [row["name"].encode() in line for row, line in zip(rows, lines, strict=True)] == [True] * len(lines)


def test_a_mart_is_merged_in_one_commit_and_remembers_what_it_was(warehouse: TrinoWarehouse) -> None:
    warehouse.run(
        "CREATE TABLE mart (id varchar, day date, at timestamp(6), amount decimal(18,2), n bigint, weight double)"
        " WITH (format = 'PARQUET', partitioning = ARRAY['day'])"
    )
    warehouse.run(
        "INSERT INTO mart SELECT id, DATE '2026-10-01', TIMESTAMP '2026-10-01 07:40:26.123', DECIMAL '10.00', 1, 0.5e0"
        " FROM (VALUES 'gone', 'changed', 'kept') AS t (id)"
    )
    (before,) = warehouse.rows('SELECT max(committed_at) AS at FROM "mart$snapshots"')
    warehouse.run(
        "MERGE INTO mart USING (VALUES ('gone', 'drop'), ('changed', ''), ('new', '')) AS s (id, op) ON mart.id = s.id"
        " WHEN MATCHED AND s.op = 'drop' THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET n = 2, amount = DECIMAL '0.01'"
        " WHEN NOT MATCHED THEN INSERT (id, day, amount) VALUES (s.id, DATE '2026-10-02', DECIMAL '-5')"
    )
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
    warehouse.run(RAW.format(table="raw_request", kind="request", columns="request_id varchar"))
    warehouse.run("CREATE TABLE seen (id varchar)")
    warehouse.run("INSERT INTO seen VALUES 's'")
    warehouse.run(
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
        warehouse.run(sql)
    assert caught.value.message.startswith(expected)
    assert "What to do: " in caught.value.message
    if "SELEC " in sql:
        assert "line 1:1" in caught.value.message


def another(server: TrinoServer) -> TrinoWarehouse:
    """A warehouse of another process, whose polls ask once and no more."""
    ticks = iter(range(0, 10**9, 10))
    return TrinoWarehouse(place(server), lambda _key, _body: None, clock=lambda: float(next(ticks)))


def test_a_statement_runs_only_when_it_is_polled_and_any_process_may_go_on(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    warehouse.run("CREATE TABLE once (n bigint)")
    another(server).start("INSERT INTO once SELECT 1")  # its process died before anything was kept
    query_id = another(server).start("INSERT INTO once SELECT 1")
    assert warehouse.rows("SELECT count(*) AS n FROM once") == [{"n": 0}]
    asked = [query_id]
    while not (state := another(server).poll(query_id)).is_done:
        assert not another(server).poll(query_id).is_done  # asked twice, as after an answer that was lost: nothing is skipped
        query_id = state.query_id
        asked.append(query_id)
        assert len(asked) < 100
    assert len(asked) > 2
    assert warehouse.rows("SELECT count(*) AS n FROM once") == [{"n": 1}]


ENDLESS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a (x), UNNEST(sequence(1, 10000)) b (y), UNNEST(sequence(1, 10000)) c (z)"
)


def running(server: TrinoServer) -> str:
    """The id of a query that runs and will not end."""
    query_id = another(server).start(ENDLESS)
    while query_id.startswith("queued/"):
        query_id = another(server).poll(query_id).query_id
    return query_id


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_query_is_cancelled_by_its_address_or_its_name(server: TrinoServer, warehouse: TrinoWarehouse, is_lost: bool) -> None:
    query_id = running(server)
    name = query_name(query_id)
    assert not another(server).poll(name).is_done
    another(server).cancel(name if is_lost else query_id)
    with pytest.raises(WarehouseError, match="ADMINISTRATIVELY_KILLED" if is_lost else "USER_CANCELED"):
        warehouse.poll(query_id)
    with pytest.raises(WarehouseError, match="ADMINISTRATIVELY_KILLED" if is_lost else "USER_CANCELED"):
        another(server).poll(name)
    warehouse.cancel(query_id)


def test_a_query_whose_address_was_lost_is_looked_up(server: TrinoServer, warehouse: TrinoWarehouse) -> None:
    query_id = another(server).start("SELECT 1")
    assert warehouse.poll(query_id).is_done
    while not (state := another(server).poll(query_id)).is_done:  # the first address leads to the first answer, which is gone
        assert state.query_id != query_id
        query_id = state.query_id


def test_a_query_that_it_did_not_start_is_an_error(warehouse: TrinoWarehouse) -> None:
    with pytest.raises(WarehouseError, match="does not know this query any more"):
        warehouse.poll("20261122_000000_00000_aaaaa")
    with pytest.raises(WarehouseError, match="was not started on this Trino"):
        warehouse.poll("done")


def test_every_raw_and_rule_table_is_made_once_and_gets_the_columns_of_a_later_version(
    server: TrinoServer, warehouse: TrinoWarehouse
) -> None:
    kinds = [*KINDS.values(), *RULE_TABLES]
    earlier = [kind._replace(columns=kind.columns[:-1]) for kind in kinds]
    engine = TrinoWarehouse(place(server, "versions"), folder_writer(server.data_dir))
    for version in (earlier, kinds, kinds):
        engine.open_lake(version)
        for kind in version:
            where = "arrival_day = '2026/01/01'" if kind.name in KINDS else "TRUE"
            (row,) = engine.rows(f"SELECT count(*) AS n, count({kind.columns[-1].name}) AS m FROM {table_of(kind)} WHERE {where}")
            assert row["n"] >= row["m"]
    listed = engine.rows("SELECT count(*) AS n FROM lake.information_schema.columns WHERE table_schema = 'versions'")
    assert listed == [{"n": sum(len(kind.columns) for kind in kinds) + len(KINDS)}]


def test_gzip_is_read_as_firehose_leaves_it(server: TrinoServer) -> None:
    """Named by stream, moment and a random id, with .gz behind; several deliveries may be one object of several members."""
    engine = TrinoWarehouse(place(server, "firehose"), folder_writer(server.data_dir))
    engine.open_lake([PAYMENT])
    lines = [encode(PAYMENT, {"record_id": str(n), "amount": Decimal("0.10")}) + b"\n" for n in range(4)]
    name = "payment/2026/10/03/07/skvoz-test-PaymentStream-1-2026-10-03-07-40-26-0c6a8e7e-6f52-4a61-9d5b-1f5f7ab8c2f1.gz"
    path = server.data_dir / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(lines[:2])) + gzip.compress(b"".join(lines[2:])))
    counted = "SELECT count(*) AS n, sum(amount) AS amount FROM raw_payment WHERE arrival_day = '2026/10/03'"
    embedded = DuckDbWarehouse(server.data_dir)
    embedded.open_raw("payment", "2026/10/03", "2026/10/03")
    for warehouse in (engine, embedded):
        assert warehouse.rows(counted) == [{"n": 4, "amount": Decimal("0.40")}]
    embedded.close()


def test_no_answer_is_a_readable_error() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    warehouse = TrinoWarehouse(TrinoPlace("127.0.0.1", port, "skvoz", tls=False), lambda _key, _body: None)
    with pytest.raises(WarehouseError, match="What to do: check TRINO_HOST, TRINO_PORT, TRINO_TLS"):
        warehouse.rows("SELECT 1")


def test_a_second_server_starts_on_a_folder_of_a_first_one_and_leaves_nothing_running(tmp_path: Path) -> None:
    need_java(OLDEST_JAVA)
    need_maven()
    for round_number in range(2):
        with TrinoServer(tmp_path) as server:
            warehouse = awake(TrinoWarehouse, server)
            warehouse.run("CREATE SCHEMA IF NOT EXISTS lake.skvoz WITH (location = 'local:///marts')")
            warehouse.run("CREATE TABLE IF NOT EXISTS kept (n bigint)")
            warehouse.run(f"INSERT INTO kept VALUES {round_number}")
            assert len(warehouse.rows("SELECT * FROM kept")) == round_number + 1
        with socket.socket() as probe:
            assert probe.connect_ex((server.host, server.port)) != 0
