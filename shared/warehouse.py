"""The interface of the SQL engines: Athena in production, DuckDB embedded, Trino of customers who run one.

DML is written once, in Athena's dialect; an engine translates where it must. Values reach SQL only through `shared/sql.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.errors import TooLarge
from shared.records import RecordKind

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueryState:
    """What `poll` knows of a query: `bytes_scanned` is what Athena bills; 0 where an engine does not count.

    `query_id`: the id to poll next time, where it changes with every answer (Trino); empty = as before.
    """

    is_done: bool
    bytes_scanned: int = 0
    query_id: str = ""


def within(parts: Iterable[Sequence[Row]], most_characters: int) -> list[Row]:
    """Parts of an answer as one. TooLarge once its texts have more than `most_characters` (0: any number); the rest is not read."""
    found: list[Row] = []
    size = 0
    for rows in parts:
        found += rows
        if most_characters:
            size += sum(len(value) for row in rows for value in row.values() if isinstance(value, (str, bytes)))
            if size > most_characters:
                raise TooLarge(f"its answer has more than {most_characters:,} characters; ask for fewer rows or shorter texts")
    return found


class Warehouse(Protocol):
    """`start` + `poll` for what may run long (a Lambda never waits it out), `rows` for answers that a person waits for."""

    @property
    def ddl_dialect(self) -> str:
        """`iceberg_athena`, `iceberg_trino` or `duckdb`: how tables are created (functions/attribution/tables.py)."""
        ...

    @property
    def most_partitions(self) -> int:
        """How many day partitions one statement may write (Athena: 100); 0 = no bound."""
        ...

    @property
    def bytes_scanned(self) -> int:
        """What all queries that ended here have read, failed ones and those of `rows` too; 0 where an engine does not count."""
        ...

    def start(self, sql: str, token: str = "") -> str:
        """Submit one statement; gives the query id. WarehouseError when it is refused.

        `token` (64 hex digits): where an engine can, asking again with the same token gives the same query, not a second one.
        """
        ...

    def poll(self, query_id: str) -> QueryState:
        """State of a submitted query. WarehouseError, worded for the person who must act, when it failed; WarehouseBusy when the
        engine did not answer."""
        ...

    def cancel(self, query_id: str) -> None:
        """Tell the engine to stop a query; `poll` tells when it has ended. Nothing happens to one that has, or is not known."""
        ...

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        """Run one SELECT to its end; rows as mappings of Python values (str, int, float, bool, Decimal, date, datetime UTC). Where
        its texts have more than `most_characters` together (0: any number), reading stops with TooLarge."""
        ...

    def open_raw(self, kind: str, first_arrival: str, last_arrival: str) -> None:
        """Make `raw_<kind>` readable for those arrival days (`YYYY/MM/DD`). Nothing to do where partitions are projected."""
        ...

    def open_lake(self, kinds: Sequence[RecordKind]) -> None:
        """Make raw and rule tables known. Nothing to do where something else does (Athena: template.yaml)."""
        ...

    def write_rules(self, table: str, lines: Sequence[bytes]) -> None:
        """Replace a small rule table (JSON lines under `rules/<table>/`) from settings and bundled lists."""
        ...
