"""AthenaWarehouse on moto's Athena; states that moto never reaches are told by botocore's Stubber."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws
from moto.athena.models import QueryResults, athena_backends
from moto.core import DEFAULT_ACCOUNT_ID

from shared.athena import MOST_QUERY_TIME, AthenaWarehouse
from shared.errors import TooLarge, WarehouseBusy, WarehouseError
from shared.patient import MOST_ATTEMPTS
from shared.query_errors import explain
from shared.sql import bind
from shared.warehouse import Warehouse

REGION = "eu-central-1"
BUCKET = "lake"
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def client(service: str) -> Any:
    return botocore.session.get_session().create_client(
        service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def warehouse(pauses: list[float]) -> Iterator[AthenaWarehouse]:
    with mock_aws():
        athena, s3 = client("athena"), client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        output = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena/"}}
        athena.create_work_group(Name="skvoz", Configuration=output)
        yield AthenaWarehouse(athena, s3, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append)


@pytest.fixture
def stubbed(pauses: list[float]) -> Iterator[tuple[AthenaWarehouse, Stubber]]:
    athena = client("athena")
    with Stubber(athena) as stub:
        yield AthenaWarehouse(athena, None, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append, now=lambda: NOW), stub
        stub.assert_no_pending_responses()


def will_answer(columns: dict[str, str], *rows: list[str | None]) -> None:
    """Queue a result as Athena tells it: the first row holds the labels, an absent value has no VarCharValue."""
    labels: list[str | None] = list(columns)
    cells = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in (labels, *rows)]
    info = [{"Name": name, "Type": kind, "Precision": 0, "Scale": 0, "Nullable": "UNKNOWN"} for name, kind in columns.items()]
    athena_backends[DEFAULT_ACCOUNT_ID][REGION].query_results_queue.append(QueryResults(rows=cells, column_info=info))


def execution(state: str, reason: str | None = None, scanned: int = 0, age: timedelta = timedelta(0)) -> dict[str, Any]:
    status = {"State": state, "SubmissionDateTime": NOW - age} | ({"StateChangeReason": reason} if reason else {})
    return {
        "QueryExecution": {
            "QueryExecutionId": "q-1",
            "Query": "SELECT 1",
            "Status": status,
            "Statistics": {"DataScannedInBytes": scanned, "TotalExecutionTimeInMillis": 4200, "QueryQueueTimeInMillis": 1200},
        }
    }


def test_it_is_a_warehouse(warehouse: AthenaWarehouse) -> None:
    engine: Warehouse = warehouse
    assert (engine.ddl_dialect, engine.most_partitions) == ("iceberg_athena", 100)


def test_rows_come_as_python_values_with_instants_in_utc(warehouse: AthenaWarehouse) -> None:
    columns = {
        "name": "varchar", "empty": "varchar", "absent": "varchar", "n": "bigint", "weight": "double", "is_test": "boolean",
        "amount": "decimal", "day": "date", "at": "timestamp", "zoned": "timestamp with time zone", "no_time": "timestamp",
    }  # fmt: skip
    row: list[str | None] = [
        "Ёлка, \"q\" 😀\nтекст", "", None, "9007199254740993", "0.1", "true",
        "1234567890123456.78", "2026-10-01", "2026-10-01 07:40:26.123", "2026-10-01 10:40:26.123 Europe/Moscow", None,
    ]  # fmt: skip
    will_answer(columns, row)
    instant = datetime(2026, 10, 1, 7, 40, 26, 123000, tzinfo=UTC)
    assert warehouse.rows("SELECT …") == [
        {
            "name": 'Ёлка, "q" 😀\nтекст',
            "empty": "",
            "absent": None,
            "n": 9007199254740993,
            "weight": 0.1,
            "is_test": True,
            "amount": Decimal("1234567890123456.78"),
            "day": date(2026, 10, 1),
            "at": instant,
            "zoned": instant,
            "no_time": None,
        }
    ]


def test_instants_with_a_zone_come_in_utc(warehouse: AthenaWarehouse) -> None:
    will_answer({"at": "timestamp with time zone"}, ["2026-10-01 10:00:00.000 +03:00"])
    (row,) = warehouse.rows("SELECT …")
    assert row["at"].tzinfo is UTC
    assert row["at"] == datetime(2026, 10, 1, 7, 0, tzinfo=UTC)


def test_a_result_without_rows_is_empty(warehouse: AthenaWarehouse) -> None:
    will_answer({"n": "bigint"})
    assert warehouse.rows("SELECT …") == []


def test_waiting_for_rows_uses_the_given_sleep(warehouse: AthenaWarehouse, pauses: list[float]) -> None:
    from moto.moto_api import state_manager

    state_manager.set_transition("athena::execution", {"progression": "manual", "times": 3})
    try:
        will_answer({"n": "bigint"}, ["1"])
        assert warehouse.rows("SELECT 1 AS n") == [{"n": 1}]
    finally:
        state_manager.unset_transition("athena::execution")
    assert len(pauses) >= 2
    assert all(0 < pause <= 1 for pause in pauses)


def test_a_statement_is_submitted_in_the_work_group_and_database_exactly_as_bound(warehouse: AthenaWarehouse) -> None:
    hostile = "'); DROP TABLE hits; -- \\ \" 😀 :site\n"
    sql = bind("SELECT * FROM hits WHERE term = :term AND site_id = :site", {"term": hostile, "site": "kvartal"})
    query_id = warehouse.start(sql)
    told = client("athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    assert told["Query"] == "SELECT * FROM hits WHERE term = '''); DROP TABLE hits; -- \\ \" 😀 :site\n' AND site_id = 'kvartal'"
    assert told["WorkGroup"] == "skvoz"
    assert told["QueryExecutionContext"]["Database"] == "skvoz_test"
    assert "ExecutionParameters" not in told


def test_a_submitted_statement_is_polled_to_its_end(warehouse: AthenaWarehouse) -> None:
    query_id = warehouse.start("MERGE …")
    assert any(warehouse.poll(query_id).is_done for _ in range(5))


def test_an_unknown_work_group_is_a_readable_error(warehouse: AthenaWarehouse) -> None:
    wrong = AthenaWarehouse(client("athena"), None, "skvoz_test", "nobody", BUCKET, sleep=lambda _: None)
    with pytest.raises(WarehouseError, match="compare WORKGROUP of the function with the stack"):
        wrong.start("SELECT 1")


@pytest.mark.parametrize("lines", [[b'{"a":1}', b'{"a":2}'], []])
def test_rules_replace_the_one_object_of_their_table(warehouse: AthenaWarehouse, lines: list[bytes]) -> None:
    warehouse.write_rules("rule_channel", [b'{"old":true}', b'{"old":true}', b'{"old":true}'])
    warehouse.write_rules("rule_channel", lines)
    s3 = client("s3")
    (found,) = s3.list_objects_v2(Bucket=BUCKET, Prefix="rules/")["Contents"]
    assert found["Key"] == "rules/rule_channel/rules.jsonl"
    assert s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read().splitlines() == lines


@pytest.mark.parametrize("code", ["SlowDown", "503", "InternalError"])
def test_a_bucket_that_is_too_busy_for_the_rules_is_waited_for(pauses: list[float], code: str) -> None:
    s3 = client("s3")
    with Stubber(s3) as stub:
        for _ in range(2):
            stub.add_client_error("put_object", code, "Please reduce your request rate.")
        stub.add_response("put_object", {}, {"Bucket": BUCKET, "Key": "rules/rule_rates/rules.jsonl", "Body": b'{"a":1}\n'})
        AthenaWarehouse(None, s3, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append).write_rules("rule_rates", [b'{"a":1}'])
        stub.assert_no_pending_responses()
    assert pauses == [0.5, 1.0]


def test_a_bucket_that_may_not_be_written_is_a_readable_error(pauses: list[float]) -> None:
    s3 = client("s3")
    warehouse = AthenaWarehouse(None, s3, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append)
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", "AccessDenied", "Access Denied")
        with pytest.raises(WarehouseError, match="the right that is named") as caught:
            warehouse.write_rules("rule_rates", [])
    assert not isinstance(caught.value, WarehouseBusy)
    assert pauses == []


def test_a_running_query_is_not_done_and_tells_what_it_scanned(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution("QUEUED"))
    stub.add_response("get_query_execution", execution("RUNNING", scanned=7))
    stub.add_response("get_query_execution", execution("SUCCEEDED", scanned=12_000_000))
    states = [warehouse.poll("q-1") for _ in range(3)]
    assert [(s.is_done, s.bytes_scanned) for s in states] == [(False, 0), (False, 7), (True, 12_000_000)]


def test_the_end_of_a_query_is_logged_with_its_id_seconds_and_bytes(
    stubbed: tuple[AthenaWarehouse, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []

    class Log:
        def info(self, _message: str, extra: dict[str, Any]) -> None:
            logged.append(extra)

    monkeypatch.setattr("shared.athena.logger", Log)
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution("RUNNING", scanned=1))
    stub.add_response("get_query_execution", execution("SUCCEEDED", scanned=10_485_760))
    warehouse.poll("q-1")
    warehouse.poll("q-1")
    took = {"seconds": 4.2, "queued_seconds": 1.2}
    assert logged == [{"query_id": "q-1", "state": "SUCCEEDED", "bytes_scanned": 10_485_760, **took}]


def test_bytes_of_all_queries_that_ended_are_counted_failed_and_cut_off_ones_too(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution("RUNNING", scanned=5))
    stub.add_response("get_query_execution", execution("SUCCEEDED", scanned=10))
    stub.add_response("get_query_execution", execution("CANCELLED", "Bytes scanned limit was exceeded", scanned=700))
    warehouse.poll("q-1")
    warehouse.poll("q-1")
    with pytest.raises(WarehouseError):
        warehouse.poll("q-2")
    assert warehouse.bytes_scanned == 710


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING"])
def test_a_query_that_never_ends_is_stopped_and_says_what_becomes_of_its_site(
    stubbed: tuple[AthenaWarehouse, Stubber], state: str
) -> None:
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution(state, age=MOST_QUERY_TIME))
    assert not warehouse.poll("q-1").is_done
    stub.add_response("get_query_execution", execution(state, age=MOST_QUERY_TIME + timedelta(seconds=1)))
    stub.add_response("stop_query_execution", {}, {"QueryExecutionId": "q-1"})
    with pytest.raises(WarehouseError, match=r"took longer.*next report waits.*tries it again by itself.*40 minutes"):
        warehouse.poll("q-1")


def test_a_query_that_took_long_and_is_done_is_done(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution("SUCCEEDED", age=2 * MOST_QUERY_TIME))
    assert warehouse.poll("q-1").is_done


def test_a_cancelled_query_does_not_run_any_more(warehouse: AthenaWarehouse) -> None:
    query_id = warehouse.start("MERGE …")
    warehouse.cancel(query_id)
    with pytest.raises(WarehouseError, match="CANCELLED"):
        warehouse.poll(query_id)


def test_the_token_of_a_start_goes_along_each_time_so_that_athena_starts_it_once(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    asked = {
        "QueryString": "MERGE …",
        "ClientRequestToken": "f" * 64,
        "WorkGroup": "skvoz",
        "QueryExecutionContext": {"Database": "skvoz_test", "Catalog": "AwsDataCatalog"},
    }
    stub.add_client_error("start_query_execution", "TooManyRequestsException", "busy", expected_params=asked)
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"}, asked)
    assert warehouse.start("MERGE …", "f" * 64) == "q-1"


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("CANCELLED", "Bytes scanned limit was exceeded", "raise the parameter MostBytesPerQuery of the stack"),
        ("FAILED", "Query exhausted resources at this scale factor", "shorten attribution.lookback_days"),
        ("FAILED", "Query timeout", "took longer than it may"),
        (
            "FAILED",
            "QUERY_HAS_TOO_MANY_STAGES: Number of stages in the query (178) exceeds the allowed maximum (150)",
            "more stages",
        ),
        ("FAILED", "EXCEEDED_TIME_LIMIT: Query exceeded maximum time limit", "took longer than it may"),
        ("FAILED", "EXCEEDED_MEMORY_LIMIT: Query exceeded per-node memory limit", "needs more memory"),
        (
            "FAILED",
            "ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: skvoz.hits",
            "run it again; nothing was written",
        ),
        ("FAILED", "SYNTAX_ERROR: line 1:8: Column 'nope' cannot be resolved", "a column does not exist"),
        ("FAILED", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.skvoz.hits' does not exist", "a table does not exist"),
        ("FAILED", "Insufficient permissions to execute the query", "the right that is named"),
        ("FAILED", "HIVE_BAD_DATA: Error parsing s3://lake/raw/hit/x.jsonl", "take the named file out of raw/"),
        ("FAILED", "something nobody foresaw", "the query failed"),
        ("CANCELLED", None, "the query failed"),
    ],
)
def test_a_failed_query_says_what_happened_and_what_to_do(
    stubbed: tuple[AthenaWarehouse, Stubber], state: str, reason: str | None, expected: str
) -> None:
    warehouse, stub = stubbed
    stub.add_response("get_query_execution", execution(state, reason))
    with pytest.raises(WarehouseError) as caught:
        warehouse.poll("q-1")
    assert expected in caught.value.message
    assert "q-1" in caught.value.message
    assert "What to do: " in caught.value.message
    assert (reason or "state CANCELLED") in caught.value.message


def test_a_cut_off_query_tells_its_owner_what_was_guarded_what_it_costs_and_what_to_do() -> None:
    message = explain("q-1", "Bytes scanned limit was exceeded", 100 * 2**30)
    assert message == (
        "the guard against a large AWS bill stopped the query, which wanted to read more than MostBytesPerQuery allows; nothing of"
        " it was written, and the site's next report waits for a complete refresh (query q-1, 100.0 GiB read). What to do: if the"
        " data have simply grown, or a whole history is read for the first time, raise the parameter MostBytesPerQuery of the stack"
        " (100 GiB more let one query cost about $0.50 more) and start the refresh; if it came overnight, look first for what sends"
        " so many records. The engine said: Bytes scanned limit was exceeded"
    )


def test_the_parameter_that_the_cutoff_message_names_is_one_of_the_stack() -> None:
    message = explain("q-1", "Bytes scanned limit was exceeded")
    named = re.search(r"the parameter (\w+) of the stack", message)
    assert named is not None
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    assert f"BytesScannedCutoffPerQuery: !Ref {named[1]}\n" in template


def test_rows_of_a_failed_query_are_the_same_readable_error(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"})
    stub.add_response("get_query_execution", execution("CANCELLED", "Bytes scanned limit was exceeded"))
    with pytest.raises(WarehouseError, match="MostBytesPerQuery"):
        warehouse.rows("SELECT 1")


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException", "InternalServerException"])
def test_throttling_is_waited_out(stubbed: tuple[AthenaWarehouse, Stubber], pauses: list[float], code: str) -> None:
    warehouse, stub = stubbed
    for _ in range(3):
        stub.add_client_error("start_query_execution", code, "Rate exceeded")
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"})
    assert warehouse.start("SELECT 1") == "q-1"
    assert pauses == [0.5, 1.0, 2.0]


def test_throttling_without_end_becomes_a_readable_error(stubbed: tuple[AthenaWarehouse, Stubber], pauses: list[float]) -> None:
    warehouse, stub = stubbed
    for _ in range(MOST_ATTEMPTS):
        stub.add_client_error("get_query_execution", "ThrottlingException", "Rate exceeded")
    with pytest.raises(WarehouseBusy, match=r"Athena refused get_query_execution.*busy.*What to do: run it again in some minutes"):
        warehouse.poll("q-1")
    assert sum(pauses) == 15.5


def test_throttling_while_reading_the_result_is_waited_out_too(
    stubbed: tuple[AthenaWarehouse, Stubber], pauses: list[float]
) -> None:
    warehouse, stub = stubbed
    info = {"Name": "n", "Type": "bigint", "Precision": 19, "Scale": 0, "Nullable": "UNKNOWN"}
    page = {
        "ResultSet": {
            "Rows": [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "5"}]}],
            "ResultSetMetadata": {"ColumnInfo": [info]},
        }
    }
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"})
    stub.add_response("get_query_execution", execution("SUCCEEDED"))
    stub.add_client_error("get_query_results", "TooManyRequestsException", "Rate exceeded")
    stub.add_response("get_query_results", page)
    assert warehouse.rows("SELECT 5 AS n") == [{"n": 5}]
    assert pauses == [0.5]


def test_an_answer_that_is_too_large_is_read_no_further(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    info = {"Name": "t", "Type": "varchar", "Precision": 9, "Scale": 0, "Nullable": "UNKNOWN"}
    rows = [{"Data": [{"VarCharValue": text}]} for text in ("t", *["x" * 30] * 99)]
    page = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": [info]}}, "NextToken": "more"}
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"})
    stub.add_response("get_query_execution", execution("SUCCEEDED"))
    stub.add_response("get_query_results", page, {"QueryExecutionId": "q-1", "MaxResults": 100})
    stub.add_response("get_query_results", page, {"QueryExecutionId": "q-1", "MaxResults": 100, "NextToken": "more"})
    with pytest.raises(TooLarge, match="more than 2,000 characters"):
        warehouse.rows("SELECT t FROM deals", 2000)


def test_a_refused_read_of_the_result_is_a_readable_error(stubbed: tuple[AthenaWarehouse, Stubber]) -> None:
    warehouse, stub = stubbed
    stub.add_response("start_query_execution", {"QueryExecutionId": "q-1"})
    stub.add_response("get_query_execution", execution("SUCCEEDED"))
    stub.add_client_error("get_query_results", "AccessDeniedException", "not authorized to perform: s3:GetObject")
    with pytest.raises(WarehouseError, match="the right that is named"):
        warehouse.rows("SELECT 1")


def test_rows_are_given_up_and_the_query_stopped_after_four_minutes(pauses: list[float]) -> None:
    class NeverDone:
        stopped: list[str] = []  # noqa: RUF012

        def start_query_execution(self, **_: Any) -> dict[str, str]:
            return {"QueryExecutionId": "q-1"}

        def get_query_execution(self, **_: Any) -> dict[str, Any]:
            return execution("RUNNING")

        def stop_query_execution(self, QueryExecutionId: str) -> None:
            self.stopped.append(QueryExecutionId)

    warehouse = AthenaWarehouse(NeverDone(), None, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append)
    with pytest.raises(WarehouseError, match="took longer than it may"):
        warehouse.rows("SELECT 1")
    assert NeverDone.stopped == ["q-1"]
    assert 240 <= sum(pauses) < 242


def test_athena_out_of_reach_is_a_readable_error(pauses: list[float]) -> None:
    athena = botocore.session.get_session().create_client(
        "athena",
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    warehouse = AthenaWarehouse(athena, None, "skvoz_test", "skvoz", BUCKET, sleep=pauses.append)
    with pytest.raises(WarehouseBusy, match="Athena could not be asked"):
        warehouse.start("SELECT 1")
