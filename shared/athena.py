"""Athena as a `Warehouse`: statements are submitted in the stack's work group (byte cutoff), results come through PyAthena.

Values are literals of `shared/sql.py` in the text: Athena's execution parameters are literals that the caller must quote anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NoReturn, cast

from shared.errors import WarehouseError
from shared.log import logger
from shared.patient import Patient
from shared.query_errors import explain
from shared.records import RecordKind
from shared.warehouse import QueryState, Row, within

# Of a statement, its time in the queue included. Athena ends one after 30 minutes of running (its quota "DML query timeout").
MOST_QUERY_TIME = timedelta(minutes=40)
MOST_WAIT_SECONDS = 240.0  # of `rows`; two such waits fit into the 600 s of the refresh's function, three into the report's 900 s
LONGEST_POLL_SECONDS = 1.0
MOST_PAGE_ROWS = 1000  # Athena's own bound of one page of an answer
FEW_ROWS = 100  # a page, where an answer may be too large to be kept


class AthenaWarehouse:
    """`athena` and `s3` are clients; `sleep` is how it waits: between throttled calls, and in `rows` for the end of a query; `now`
    tells when a query has run for too long."""

    ddl_dialect = "iceberg_athena"
    most_partitions = 100

    def __init__(
        self,
        athena: Any,
        s3: Any,
        database: str,
        work_group: str,
        lake_bucket: str,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._athena, self._s3 = Patient(athena, "Athena", sleep), Patient(s3, "S3", sleep)
        self._database, self._work_group, self._bucket, self._sleep = database, work_group, lake_bucket, sleep
        self._now = now
        self._bytes_scanned = 0

    @property
    def bytes_scanned(self) -> int:
        return self._bytes_scanned

    def start(self, sql: str, token: str = "") -> str:
        """Submit one statement; gives Athena's query id."""
        answer = self._athena.start_query_execution(
            **({"ClientRequestToken": token} if token else {}),
            QueryString=sql,
            WorkGroup=self._work_group,
            QueryExecutionContext={"Database": self._database, "Catalog": "AwsDataCatalog"},
        )
        return str(answer["QueryExecutionId"])

    def poll(self, query_id: str) -> QueryState:
        """State of a query; its id, seconds and bytes (Athena bills them) are logged at its end. WarehouseError when it failed, or
        was stopped because it was not done in 40 minutes."""
        execution = self._execution(query_id)
        state = self._state(query_id, execution)
        submitted = execution["QueryExecution"]["Status"].get("SubmissionDateTime")
        if not state.is_done and submitted is not None and self._now() - submitted > MOST_QUERY_TIME:
            self._give_up(query_id, f"{MOST_QUERY_TIME // timedelta(minutes=1)} minutes")
        return state

    def cancel(self, query_id: str) -> None:
        self._athena.stop_query_execution(QueryExecutionId=query_id)

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        """Run one SELECT to its end, 240 s at most. Timestamps are aware UTC."""
        query_id = self.start(sql)
        for seconds in _pauses():
            execution = self._execution(query_id)
            if self._state(query_id, execution).is_done:
                return self._read(execution, most_characters)
            self._sleep(seconds)
        return self._give_up(query_id, f"{MOST_WAIT_SECONDS:.0f} s")

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        """Nothing to do: partitions are projected (template.yaml)."""

    def open_lake(self, kinds: Sequence[RecordKind]) -> None:
        """Nothing to do: template.yaml makes the tables."""

    def write_rules(self, table: str, lines: Sequence[bytes]) -> None:
        """Replace the one object of a rule table."""
        body = b"".join(line + b"\n" for line in lines)
        self._s3.put_object(Bucket=self._bucket, Key=f"rules/{table}/rules.jsonl", Body=body)

    def _give_up(self, query_id: str, after: str) -> NoReturn:
        self.cancel(query_id)
        raise WarehouseError(explain(query_id, f"Query timeout: not done after {after}, stopped by us"))

    def _execution(self, query_id: str) -> dict[str, Any]:
        execution: dict[str, Any] = self._athena.get_query_execution(QueryExecutionId=query_id)
        return execution

    def _state(self, query_id: str, execution: dict[str, Any]) -> QueryState:
        told = execution["QueryExecution"]
        status, statistics = told["Status"], told.get("Statistics", {})
        scanned = int(statistics.get("DataScannedInBytes", 0))
        if status["State"] in ("QUEUED", "RUNNING"):
            return QueryState(is_done=False, bytes_scanned=scanned)
        self._bytes_scanned += scanned
        seconds = {"seconds": "TotalExecutionTimeInMillis", "queued_seconds": "QueryQueueTimeInMillis"}
        took = {name: int(statistics.get(key, 0)) / 1000 for name, key in seconds.items()}
        logger().info("query ended", extra={"query_id": query_id, "state": status["State"], "bytes_scanned": scanned, **took})
        if status["State"] == "SUCCEEDED":
            return QueryState(is_done=True, bytes_scanned=scanned)
        reason = status.get("StateChangeReason") or status.get("AthenaError", {}).get("ErrorMessage") or f"state {status['State']}"
        raise WarehouseError(explain(query_id, reason, scanned))

    def _read(self, execution: dict[str, Any], most_characters: int) -> Sequence[Row]:
        from pyathena.error import Error
        from pyathena.model import AthenaQueryExecution
        from pyathena.result_set import AthenaDictResultSet

        connection, converter, once = self._pyathena
        try:
            size = FEW_ROWS if most_characters else MOST_PAGE_ROWS
            result = AthenaDictResultSet(connection, converter, AthenaQueryExecution(execution), arraysize=size, retry_config=once)
            return within(iter(lambda: cast("list[Row]", result.fetchmany(size)), []), most_characters)
        except Error as error:
            if isinstance(error.__cause__, WarehouseError):
                raise error.__cause__ from error
            raise WarehouseError(explain(execution["QueryExecution"]["QueryExecutionId"], str(error))) from error

    @cached_property
    def _pyathena(self) -> tuple[Any, Any, Any]:
        """Connection over the given client, converter with aware instants, and a policy without retries (`_Patient` has them)."""
        from pyathena.connection import Connection
        from pyathena.converter import DefaultTypeConverter
        from pyathena.util import RetryConfig

        converter = DefaultTypeConverter()
        for type_name in ("timestamp", "timestamp with time zone"):
            converter.set(type_name, _in_utc(converter.get(type_name)))
        once = RetryConfig(attempt=1)
        connection: Any = Connection(
            session=_Session(self._athena),  # type: ignore[call-overload]  # it wants a boto3 session and calls only `client`
            s3_staging_dir="",
            work_group=self._work_group,
            schema_name=self._database,
            retry_config=once,
        )
        return connection, converter, once


class _Session:
    """What PyAthena asks of a boto3 session: the client, here the one that we were given."""

    def __init__(self, athena: Any) -> None:
        self._athena = athena

    def client(self, _service: str, **_settings: Any) -> Any:
        return self._athena


def _pauses() -> Iterator[float]:
    """Between polls: 0.1 s at first, growing to 1 s, 240 s in all."""
    waited, pause = 0.0, 0.1
    while waited < MOST_WAIT_SECONDS:
        yield pause
        waited, pause = waited + pause, min(pause * 1.5, LONGEST_POLL_SECONDS)


def _in_utc(convert: Callable[[str | None], datetime | None]) -> Callable[[str | None], datetime | None]:
    """Instants in the tables are UTC without a zone; those with a zone are moved to UTC."""

    def to_utc(text: str | None) -> datetime | None:
        instant = convert(text)
        if instant is None:
            return None
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

    return to_utc
