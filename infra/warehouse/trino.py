"""Trino as a `Warehouse`, for customers who run one: the same SQL as on Athena, nothing is translated.

Raw and rule tables live in a Hive catalog, marts in an Iceberg catalog; both share one metastore and one schema, as they share
one Glue database in AWS. Statements name tables without a catalog: the session stands in the marts' catalog, which hands names
of Hive tables on to the lake's (`iceberg.hive-catalog-name` of its configuration).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from shared.errors import WarehouseError
from shared.query_errors import explain
from shared.warehouse import QueryState, Row

WriteObject = Callable[[str, bytes], None]

# A server that has just started has no node for a catalog yet, for some seconds; nothing of the query has run then.
NOT_READY = frozenset({"NO_NODES_AVAILABLE", "SERVER_STARTING_UP"})
NOT_READY_SECONDS = 20
REQUEST_SECONDS = 60.0
MOST_ATTEMPTS = 3


class TrinoPlace(NamedTuple):
    """Where a Trino is and what to use there. A password or a token is sent over TLS only."""

    host: str
    port: int
    user: str
    password: str | None = None
    token: str | None = None
    tls: bool = True
    lake_catalog: str = "lake"
    marts_catalog: str = "marts"
    schema: str = "skvoz"


class TrinoWarehouse:
    """`write_object(key, body)` stores an object of the lake (`folder_writer`, `bucket_writer`); `sleep` waits for a new server."""

    ddl_dialect = "iceberg_trino"
    most_partitions = 100  # iceberg.max-partitions-per-writer

    def __init__(self, place: TrinoPlace, write_object: WriteObject, sleep: Callable[[float], None] = time.sleep) -> None:
        if (place.password or place.token) and not place.tls:
            raise ValueError("a password or token for Trino is sent over TLS only; set tls, or leave it out")
        self.place, self._write_object, self._sleep = place, write_object, sleep
        self._scanned: dict[str, int] = {}

    def start(self, sql: str, token: str = "") -> str:
        """Run one statement to its end; gives its query id. WarehouseError when it is refused or fails."""
        query_id, _, _ = self._run(sql)
        return query_id

    def poll(self, query_id: str) -> QueryState:
        """Always done: `start` waited. WarehouseError for an id that this warehouse did not start."""
        if query_id not in self._scanned:
            raise WarehouseError(f"query {query_id} was not started here; start the step again")
        return QueryState(is_done=True, bytes_scanned=self._scanned[query_id])

    def rows(self, sql: str) -> Sequence[Row]:
        """Run one SELECT. Timestamps are aware UTC."""
        _, names, rows = self._run(sql)
        return [dict(zip(names, map(_plain, row), strict=True)) for row in rows]

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        """Nothing to do: partitions are projected (functions/attribution/ddl.py)."""

    def write_rules(self, table: str, lines: Sequence[bytes]) -> None:
        """Replace the one object of a rule table."""
        self._write_object(f"rules/{table}/rules.jsonl", b"".join(line + b"\n" for line in lines))

    def _run(self, sql: str) -> tuple[str, list[str], list[Sequence[Any]]]:
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError, TrinoQueryError

        for second in range(NOT_READY_SECONDS + 1):
            cursor = self._connection.cursor()
            try:
                cursor.execute(sql)
                rows = cursor.fetchall()
                break
            except TrinoQueryError as error:
                if error.error_name not in NOT_READY or second == NOT_READY_SECONDS:
                    raise WarehouseError(explain(error.query_id or "", f"{error.error_name}: {error.message}")) from error
            except (Error, HttpError, RequestException) as error:
                self._unreachable(error)
            self._sleep(1.0)
        query_id = str(cursor.query_id)
        self._scanned[query_id] = int((cursor.stats or {}).get("physicalInputBytes", 0))
        return query_id, [column.name for column in cursor.description or ()], rows

    def _unreachable(self, error: Exception) -> NoReturn:
        where = f"{self.place.host}:{self.place.port}"
        raise WarehouseError(
            f"Trino at {where} did not answer as it should: {error}. "
            f"What to do: check host, port, tls and the rights of user {self.place.user}, then run it again"
        ) from error

    @cached_property
    def _connection(self) -> Any:
        from trino import auth, dbapi

        place = self.place
        login: Any = None
        if place.token:
            login = auth.JWTAuthentication(place.token)
        elif place.password:
            login = auth.BasicAuthentication(place.user, place.password)
        connect: Any = dbapi.connect
        return connect(
            host=place.host,
            port=place.port,
            user=place.user,
            auth=login,
            http_scheme="https" if place.tls else "http",
            catalog=place.marts_catalog,
            schema=place.schema,
            source="skvoz",
            timezone="UTC",
            max_attempts=MOST_ATTEMPTS,
            request_timeout=REQUEST_SECONDS,
            # A day on which nothing arrived has no folder; that is no error.
            session_properties={f"{place.lake_catalog}.ignore_absent_partitions": "true"},
        )


def folder_writer(root: Path) -> WriteObject:
    """Objects as files under a local folder; each appears whole (a name with a dot in front is not read by Hive)."""

    def write(key: str, body: bytes) -> None:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(body)
        fresh.replace(path)

    return write


def bucket_writer(s3: Any, bucket: str) -> WriteObject:
    """Objects in a bucket; `s3` is a client."""

    def write(key: str, body: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body)

    return write


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
