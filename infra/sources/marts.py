"""The marts of a refreshed folder, read only, or of a stack in AWS: for commands that look and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger
from shared.athena import AthenaWarehouse
from shared.aws import client
from shared.errors import BadInput
from shared.warehouse import Warehouse


@contextmanager
def folder_marts(lake: Path, site_id: str) -> Iterator[DuckDbWarehouse]:
    """Marts of a folder that `skvoz refresh` has brought up to date. BadInput where they are not there or in use."""
    database = lake / "marts" / "warehouse.duckdb"
    if not FileLedger(lake / "marts" / "ledger.json").last_complete(site_id) or not database.exists():
        raise BadInput(f"{lake} has no complete refresh of {site_id}; run first: skvoz refresh --lake {lake} --settings FILE")
    warehouse = DuckDbWarehouse(lake)
    try:
        _attach(warehouse, database)
        yield warehouse
    finally:
        warehouse.close()


@contextmanager
def stack_marts(stack: str) -> Iterator[Warehouse]:
    """Marts of a stack in AWS, through its own Athena work group (with its bound of bytes a query)."""
    names = ("Database", "WorkGroup", "LakeBucket")
    database, work_group, bucket = (_resource(stack, name) for name in names)
    yield AthenaWarehouse(client("athena"), client("s3"), database, work_group, bucket)


def _attach(warehouse: DuckDbWarehouse, database: Path) -> None:
    place = str(database).replace("'", "''")
    try:
        warehouse.connection.execute(f"ATTACH '{place}' AS lake (READ_ONLY); USE lake")
    except duckdb.Error as error:
        raise BadInput(f"{database} cannot be read, perhaps a refresh is running; try again when it is done ({error})") from error


def _resource(stack: str, logical_id: str) -> str:
    answer: Any = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])
