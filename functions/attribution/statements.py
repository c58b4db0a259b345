"""SQL texts: the files of `sql/` with their includes, DDL per engine, and the one way a table is written (MERGE)."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files

from functions.attribution.table import Table
from shared.records import Column

_CODE_OF_FIGURES = ("markov", "own_parameters", "path_steps", "steps", "work")
_INCLUDE = re.compile(r"^-- include: (:?\w+)((?: \w+=\w+)*)$", re.MULTILINE)


@cache
def sql_text(name: str) -> str:
    """A file of `sql/` without its includes resolved."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


@cache
def sql_version() -> str:
    """Changes with any file of `sql/`, and with the code that makes figures or parts of queries: what another version made of old
    records is then made anew."""
    package = files(__package__)
    names = sorted(entry.name for entry in package.joinpath("sql").iterdir() if entry.name.endswith(".sql"))
    texts = [name + "\0" + sql_text(name.removesuffix(".sql")) for name in names]
    texts += [package.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in _CODE_OF_FIGURES]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def render(name: str, **parts: str) -> str:
    """A query of `sql/` with its parts in place: see `render_text`."""
    return render_text(sql_text(name), **parts)


def render_text(text: str, **parts: str) -> str:
    """`-- include: part_x key=value` puts a part in, `{key}` in it becomes the value; `-- include: :scope` takes the part that the
    caller names; `{name}` elsewhere comes from `parts` (names of the table model only, never a value from outside)."""

    def put(match: re.Match[str]) -> str:
        target = match.group(1)
        included = render(parts[target[1:]] if target.startswith(":") else target, **parts)
        for pair in match.group(2).split():
            key, value = pair.split("=")
            included = included.replace("{" + key + "}", value)
        return included

    text = _INCLUDE.sub(put, text)
    for key, value in parts.items():
        text = text.replace("{" + key + "}", value)
    return text.rstrip()


def create_table(table: Table, dialect: str, location: str) -> str:
    """`CREATE TABLE IF NOT EXISTS` of a mart. `location` is the folder of all marts (Athena needs it in the statement)."""
    if dialect == "duckdb":
        columns = ",\n    ".join(f"{c.name} {_plain_type(c)}" for c in table.columns)
        return f"CREATE TABLE IF NOT EXISTS {table.name} (\n    {columns}\n)"
    if dialect == "iceberg_trino":
        columns = ",\n    ".join(f"{c.name} {_trino_type(c)}" for c in table.columns)
        partitioning = ", partitioning = ARRAY['day']" if table.by_day else ""
        options = f"format = 'PARQUET', format_version = 2{partitioning}"
        return f"CREATE TABLE IF NOT EXISTS {table.name} (\n    {columns}\n) WITH ({options})"
    if dialect == "iceberg_athena":
        columns = ",\n    ".join(f"{c.name} {athena_type(c)} COMMENT '{_quoted(c.doc)}'" for c in table.columns)
        partitioned = "\nPARTITIONED BY (day)" if table.by_day else ""
        return (
            f"CREATE TABLE IF NOT EXISTS {table.name} (\n    {columns}\n){partitioned}\nLOCATION '{location}{table.name}/'\n"
            "TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd')"
        )
    raise ValueError(f"no DDL for the dialect {dialect}")


def insert(table: Table, new_sql: str) -> str:
    """Fill a table that holds nothing of the site yet."""
    columns = ", ".join(table.column_names)
    return f"INSERT INTO {table.name} ({columns})\nSELECT {columns} FROM (\n{new_sql}\n) AS n"


def merge(table: Table, new_sql: str, old_sql: str) -> str:
    """Make the rows that `old_sql` selects from the table equal to `new_sql`, in one commit.

    Only what differs is written: changed rows, new rows, and rows that vanished (deleted in the same MERGE).
    """
    keys = list(table.key)
    rest = [c for c in table.column_names if c not in keys and c not in ("site_id", "refresh_id")]
    told = [*rest, *(["refresh_id"] if "refresh_id" not in keys else [])]
    first = table.key[0]
    on = " AND ".join(f"n.{k} = o.{k}" for k in keys)
    differs = " OR ".join([f"n.{first} IS NULL", f"o.{first} IS NULL", *(f"n.{c} IS DISTINCT FROM o.{c}" for c in rest)])
    both = ", ".join(f"coalesce(n.{c}, o.{c}) AS {c}" for c in ("site_id", *keys))
    new = ", ".join(f"n.{c}" for c in told)
    source = (
        f"SELECT {both}, {new}, n.{first} IS NULL AS is_gone\n"
        f"FROM (\n{new_sql}\n) AS n\nFULL OUTER JOIN (\n{old_sql}\n) AS o ON {on}\nWHERE {differs}"
    )
    return _merge(table, source, "WHEN MATCHED AND s.is_gone THEN DELETE\nWHEN MATCHED THEN", told)


def update(table: Table, changed_sql: str) -> str:
    """Put changed rows in place; nothing is added or deleted."""
    rest = [c for c in table.column_names if c not in table.key and c != "site_id"]
    return _merge(table, changed_sql, "WHEN MATCHED THEN", rest, with_insert=False)


def append(table: Table, arrived_sql: str) -> str:
    """Add records that are not there yet; of repeats the earliest arrival stands."""
    rest = [c for c in table.column_names if c not in table.key and c != "site_id"]
    return _merge(
        table,
        arrived_sql,
        "WHEN MATCHED AND (s.received_at < t.received_at\n"
        "    OR (s.received_at = t.received_at AND s.occurred_at < t.occurred_at)) THEN",
        rest,
    )


def _merge(table: Table, source: str, matched: str, updated: list[str], with_insert: bool = True) -> str:
    on = " AND ".join(f"t.{c} = s.{c}" for c in ("site_id", *table.key))
    sets = ", ".join(f"{c} = s.{c}" for c in updated)
    text = f"MERGE INTO {table.name} AS t USING (\n{source}\n) AS s\nON {on}\n{matched} UPDATE SET {sets}"
    if with_insert:
        columns = ", ".join(table.column_names)
        values = ", ".join(f"s.{c}" for c in table.column_names)
        text += f"\nWHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
    return text


def athena_type(column: Column) -> str:
    """Type of a column in Athena's DDL and in Glue."""
    return "string" if column.type == "varchar" else column.type


def _trino_type(column: Column) -> str:
    return "timestamp(6)" if column.type == "timestamp" else column.type


def _plain_type(column: Column) -> str:
    return column.type.upper()


def _quoted(text: str) -> str:
    """Athena's DDL is Hive's, where two quotes do not make one, and a semicolon may be taken for the end of the statement."""
    return text.replace("'", "’").replace(";", ",")
