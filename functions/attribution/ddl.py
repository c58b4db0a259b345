"""Statements about whole tables: making them, dropping them for another model, and keeping them small."""

from __future__ import annotations

import hashlib
from functools import cache

from functions.attribution.statements import create_table
from functions.attribution.tables import MARTS, TOUCHES_VIEW
from functions.attribution.working_tables import WORKING

ALL = (*WORKING, *MARTS)


def create_statements(dialect: str, location: str) -> list[str]:
    """Statements that make every table and view of the marts where they are missing; each model has a folder of its own, because
    Athena refuses to make a table where an earlier one left files."""
    return [create_table(table, dialect, f"{location}{model_version(dialect)}/") for table in ALL] + [TOUCHES_VIEW]


def drop_statements() -> list[str]:
    """Marts are made of raw records alone, so another table model begins them anew instead of migrating them."""
    return ["DROP VIEW IF EXISTS touches", *(f"DROP TABLE IF EXISTS {table.name}" for table in ALL)]


@cache
def model_version(dialect: str) -> str:
    """Changes with the name, type or partitioning of any column of any table."""
    text = "\n".join(create_table(table, dialect, "") for table in ALL) + TOUCHES_VIEW
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def upkeep_statements(dialect: str) -> list[str]:
    """Many small commits leave small files and old snapshots: join the files, forget what is older than the engine's default."""
    if dialect == "iceberg_athena":
        return [s for t in ALL for s in (f"OPTIMIZE {t.name} REWRITE DATA USING BIN_PACK", f"VACUUM {t.name}")]
    if dialect == "iceberg_trino":
        commands = ("optimize", "expire_snapshots(retention_threshold => '7d')")
        return [f"ALTER TABLE {t.name} EXECUTE {command}" for t in ALL for command in commands]
    return []
