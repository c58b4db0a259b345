"""DDL of the raw and rule tables for a Trino with a Hive catalog, rendered from the contracts of the records.

What lies in the lake as JSON lines must be made known to Trino; the marts are made by the refresh itself (Iceberg).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.records import KINDS, Column, RecordKind
from shared.trino_place import TrinoPlace

# Partitions are computed, not listed; a fixed end does not depend on the server's clock.
FIRST_ARRIVAL, LAST_ARRIVAL = "2026/01/01", "2039/12/31"

# A line that was cut short fails the query and names its file, as on the other engines: nothing is passed over in silence.
_READER = "format = 'OPENX_JSON'"
_ARRIVAL_DAY = (
    "arrival_day varchar WITH (partition_projection_type = 'DATE', partition_projection_format = 'yyyy/MM/dd', "
    f"partition_projection_range = ARRAY['{FIRST_ARRIVAL}', '{LAST_ARRIVAL}'])"
)


def lake_schema(place: TrinoPlace) -> str:
    """The schema that raw tables, rule tables and marts share."""
    return f"CREATE SCHEMA IF NOT EXISTS {place.lake_catalog}.{place.schema} WITH (location = '{place.location}/marts')"


def known_columns(place: TrinoPlace, kinds: Sequence[RecordKind]) -> str:
    """A query for `table_name`, `column_name` of those tables that are there."""
    names = ", ".join(f"'{table_of(kind)}'" for kind in kinds)
    return (
        f"SELECT table_name, column_name FROM {place.lake_catalog}.information_schema.columns "  # noqa: S608 (our own names)
        f"WHERE table_schema = '{place.schema}' AND table_name IN ({names})"
    )


def missing_tables(place: TrinoPlace, kinds: Sequence[RecordKind], known: Mapping[str, set[str]]) -> list[str]:
    """Statements that make the tables that are missing, and add columns that another version of Skvoz did not have.

    The marts' Iceberg catalog must share the metastore and hand names of Hive tables on (`iceberg.hive-catalog-name`).
    """
    statements = []
    for kind in kinds:
        table = f"{place.lake_catalog}.{place.schema}.{table_of(kind)}"
        if table_of(kind) not in known:
            statements.append(_create(place, kind, table))
            continue
        new = [column for column in kind.columns if column.name not in known[table_of(kind)]]
        statements += [f"ALTER TABLE {table} ADD COLUMN {_column(column)}" for column in new]
    return statements


def table_of(kind: RecordKind) -> str:
    """Name of its table; rule tables are called as their kind."""
    return kind.table if kind.name in KINDS else kind.name


def folder_of(kind: RecordKind) -> str:
    """Where the records of a kind lie, relative to the root of the lake."""
    return f"raw/{kind.name}" if kind.name in KINDS else f"rules/{kind.name}"


def _create(place: TrinoPlace, kind: RecordKind, table: str) -> str:
    location = f"{place.location}/{folder_of(kind)}"
    columns = [_column(column) for column in kind.columns]
    options = [_READER, f"external_location = '{location}'"]
    if kind.name in KINDS:
        columns.append(_ARRIVAL_DAY)
        options += [
            "partitioned_by = ARRAY['arrival_day']",
            "partition_projection_enabled = true",
            f"partition_projection_location_template = '{location}/${{arrival_day}}/'",
        ]
    listed = ",\n    ".join(columns)
    return f"CREATE TABLE IF NOT EXISTS {table} (\n    {listed}\n) WITH ({', '.join(options)})"


def _column(column: Column) -> str:
    comment = column.doc.replace("'", "''")
    return f"{column.name} {'timestamp(3)' if column.type == 'timestamp' else column.type} COMMENT '{comment}'"
