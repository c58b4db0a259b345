"""Trino as a `Warehouse`, for those who run one: the same SQL as on Athena, nothing is translated.

Raw and rule tables live in a Hive catalog, marts in an Iceberg catalog; both share one metastore and one schema, as they share
one Glue database in AWS. Statements name tables without a catalog: the session stands in the marts' catalog, which hands names
of Hive tables on to the lake's (`iceberg.hive-catalog-name` of its configuration).

The id of a query here is the latest address that Trino told of it (shared/trino_client.py), so that any process can go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from typing import Any, NoReturn, TypeVar

from shared.errors import WarehouseBusy, WarehouseError
from shared.log import logger
from shared.query_errors import explain
from shared.records import RecordKind
from shared.sql import literal
from shared.trino_client import Answer, Failed, Lost, NotReady, TrinoClient, query_name
from shared.trino_place import Login, TrinoPlace
from shared.trino_tables import folder_of, known_columns, lake_schema, missing_tables
from shared.warehouse import QueryState, Row, within

WriteObject = Callable[[str, bytes], None]
T = TypeVar("T")

NOT_READY_SECONDS = 20  # a server that has just started
FOLLOW_SECONDS = 4.0  # of one `poll`: most statements end meanwhile, and the state machine waits only for long ones
MOST_WAIT_SECONDS = 240.0  # of `rows`, as in shared/athena.py
_FORGOTTEN = "Trino does not know this query any more; was it restarted?"


class TrinoWarehouse:
    """`write_object(key, body)` stores an object of the lake; `sleep` waits for a server that starts, `clock` gives seconds."""

    ddl_dialect = "iceberg_trino"
    most_partitions = 100  # iceberg.max-partitions-per-writer

    def __init__(
        self,
        place: TrinoPlace,
        write_object: WriteObject,
        login: Login | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._write_object, self._sleep, self._clock = TrinoClient(place, login), write_object, sleep, clock
        self._bytes_scanned = 0

    @property
    def bytes_scanned(self) -> int:
        return self._bytes_scanned

    def start(self, sql: str, token: str = "") -> str:
        """Hand one statement over; what is wrong with it, `poll` tells. `token` is not needed: only what is polled runs, and of
        two starts only one is."""
        answer = self._client.hand_over(sql)
        return answer.next or answer.name

    def poll(self, query_id: str) -> QueryState:
        """Follow a query for some seconds. While it runs, the state has the id to ask for next time. One that runs longer than the
        place allows is cancelled."""
        until, address = self._clock() + FOLLOW_SECONDS, query_id
        while True:
            try:
                answer = self._client.ask(address)
            except Lost:
                return self._look_up(query_name(address))
            except Failed as error:
                self._ended(error.name, "FAILED", 0)
                raise
            except WarehouseBusy:
                if address == query_id:
                    raise
                return QueryState(is_done=False, query_id=address)  # what is known by now must not be lost
            if answer.next is None:
                self._ended(answer.name, "FINISHED", answer.bytes_scanned)
                return QueryState(is_done=True, bytes_scanned=answer.bytes_scanned)
            address = answer.next
            if answer.seconds > 60 * self._client.place.most_minutes:
                self._time_out(answer, address, f"{self._client.place.most_minutes} minutes")
            if self._clock() >= until:
                return QueryState(is_done=False, bytes_scanned=answer.bytes_scanned, query_id=address)

    def cancel(self, query_id: str) -> None:
        """By its latest address, or by its name where that is not known."""
        try:
            self._client.cancel(query_id)
        except Lost:
            with suppress(Failed):  # it has ended, or never was
                self._run(
                    f"CALL system.runtime.kill_query(query_id => {literal(query_name(query_id))}, message => 'stopped by Skvoz')"
                )

    def run(self, sql: str) -> str:
        """One statement to its end, for setting up; gives Trino's name of the query."""
        return self._patiently(lambda: self._run(sql))

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        """Run one SELECT to its end, 240 s at most. Timestamps are aware UTC."""

        def read() -> Sequence[Row]:
            with closing(self._parts(sql)) as parts:
                return within(parts, most_characters)

        return self._patiently(read)

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        """Nothing to do: partitions are projected (shared/trino_tables.py)."""

    def open_lake(self, kinds: Sequence[RecordKind]) -> None:
        """Make schema, raw and rule tables where they are missing, and columns that another version did not have."""
        place = self._client.place
        self.run(lake_schema(place))
        known: dict[str, set[str]] = {}
        for row in self.rows(known_columns(place, kinds)):
            known.setdefault(row["table_name"], set()).add(row["column_name"])
        statements = missing_tables(place, kinds, known)
        if statements and place.location.startswith("local:"):  # where folders are real, Hive wants them to be there
            for kind in kinds:
                self._write_object(f"{folder_of(kind)}/.keep", b"")
        for sql in statements:
            self.run(sql)

    def write_rules(self, table: str, lines: Sequence[bytes]) -> None:
        """Replace the one object of a rule table."""
        self._write_object(f"rules/{table}/rules.jsonl", b"".join(line + b"\n" for line in lines))

    def _run(self, sql: str) -> str:
        query_id = self.start(sql)
        while not (state := self.poll(query_id)).is_done:
            query_id = state.query_id
        return query_name(query_id)

    def _parts(self, sql: str) -> Generator[Sequence[Row], None, None]:
        """An answer part by part. Who reads no further cancels the query."""
        query_id, until = self.start(sql), self._clock() + MOST_WAIT_SECONDS
        while True:
            try:
                answer = self._client.ask(query_id)
            except Lost:
                raise WarehouseError(explain(query_name(query_id), _FORGOTTEN)) from None
            except Failed as error:
                self._ended(error.name, "FAILED", 0)
                raise
            try:
                yield answer.rows
            except GeneratorExit:
                self._stop(answer)
                raise
            if answer.next is None:
                self._ended(answer.name, "FINISHED", answer.bytes_scanned)
                return
            query_id = answer.next
            if self._clock() >= until:
                self._time_out(answer, query_id, f"{MOST_WAIT_SECONDS:.0f} s")

    def _stop(self, answer: Answer) -> None:
        if answer.next is not None:
            self.cancel(answer.next)
            self._ended(answer.name, "CANCELED", answer.bytes_scanned)

    def _time_out(self, answer: Answer, address: str, after: str) -> NoReturn:
        self.cancel(address)
        self._ended(answer.name, "CANCELED", answer.bytes_scanned)
        raise WarehouseError(explain(answer.name, f"Query timeout: not done after {after}, stopped by us"))

    def _look_up(self, name: str) -> QueryState:
        """How a query stands whose latest address is not known: a process died between asking and keeping the answer."""
        sql = f"SELECT state, error_code FROM system.runtime.queries WHERE query_id = {literal(name)}"  # noqa: S608
        found = self.rows(sql)
        if not found:
            raise WarehouseError(explain(name, _FORGOTTEN))
        state = str(found[0]["state"])
        if state not in ("FINISHED", "FAILED"):
            return QueryState(is_done=False, query_id=name)
        self._ended(name, state, 0)
        if state == "FAILED":
            raise WarehouseError(explain(name, str(found[0]["error_code"] or "it failed")))
        return QueryState(is_done=True)

    def _patiently(self, action: Callable[[], T]) -> T:
        for _ in range(NOT_READY_SECONDS):
            try:
                return action()
            except NotReady:
                self._sleep(1.0)
        return action()

    def _ended(self, name: str, state: str, scanned: int) -> None:
        self._bytes_scanned += scanned
        logger().info("query ended", extra={"query_id": name, "state": state, "bytes_scanned": scanned})


def bucket_writer(s3: Any, bucket: str) -> WriteObject:
    """Objects in a bucket; `s3` is a client."""

    def write(key: str, body: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body)

    return write
