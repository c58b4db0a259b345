"""DDL of the raw and rule tables for a Trino with a Hive catalog, rendered from the contracts of the records.

The marts are made by the refresh itself (Iceberg, functions/attribution/statements.py); what lies in the lake as JSON lines must
be made known once: `for sql in lake_tables("s3://bucket"): trino.start(sql)`. Each folder of `lake_folders()` must exist before.
"""

from __future__ import annotations

from functions.attribution.rules import RULE_TABLES
from shared.records import KINDS, Column, RecordKind

# Partitions are computed, not listed; a fixed end does not depend on the server's clock.
FIRST_ARRIVAL, LAST_ARRIVAL = "2026/01/01", "2039/12/31"

# A line that was cut short fails the query and names its file, as on the other engines: nothing is passed over in silence.
_READER = "format = 'OPENX_JSON'"
_ARRIVAL_DAY = (
    "arrival_day varchar WITH (partition_projection_type = 'DATE', partition_projection_format = 'yyyy/MM/dd', "
    f"partition_projection_range = ARRAY['{FIRST_ARRIVAL}', '{LAST_ARRIVAL}'])"
)


def lake_folders() -> list[str]:
    """Folders of the lake, relative to its root, that must exist before their tables are made."""
    return [f"raw/{kind.name}" for kind in KINDS.values()] + [f"rules/{kind.name}" for kind in RULE_TABLES]


def lake_tables(location: str, lake_catalog: str = "lake", schema: str = "skvoz") -> list[str]:
    """The schema, `raw_*` partitioned by arrival day and `rule_*`. `location` is the lake's root, such as `s3://bucket` or `local://`.

    The marts' Iceberg catalog must share the metastore and hand names of Hive tables on (`iceberg.hive-catalog-name`).
    """
    place = f"{lake_catalog}.{schema}"
    return [
        f"CREATE SCHEMA IF NOT EXISTS {place} WITH (location = '{location}/marts')",
        *(_raw_table(kind, location, place) for kind in KINDS.values()),
        *(_rule_table(kind, location, place) for kind in RULE_TABLES),
    ]


def _raw_table(kind: RecordKind, location: str, place: str) -> str:
    folder = f"{location}/raw/{kind.name}"
    return (
        f"CREATE TABLE IF NOT EXISTS {place}.{kind.table} (\n    {_columns(kind)},\n    {_ARRIVAL_DAY}\n) WITH ({_READER}, "
        f"external_location = '{folder}', partitioned_by = ARRAY['arrival_day'], partition_projection_enabled = true, "
        f"partition_projection_location_template = '{folder}/${{arrival_day}}/')"
    )


def _rule_table(kind: RecordKind, location: str, place: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {place}.{kind.name} (\n    {_columns(kind)}\n"
        f") WITH ({_READER}, external_location = '{location}/rules/{kind.name}')"
    )


def _columns(kind: RecordKind) -> str:
    return ",\n    ".join(f"{c.name} {_hive_type(c)} COMMENT '{_quoted(c.doc)}'" for c in kind.columns)


def _hive_type(column: Column) -> str:
    return "timestamp(3)" if column.type == "timestamp" else column.type


def _quoted(text: str) -> str:
    return text.replace("'", "''")
