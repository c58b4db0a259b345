"""A real Trino for the proofs: its warehouse on the server's own folder, awake."""

from __future__ import annotations

from typing import TypeVar

from infra.servers.trino import TrinoServer
from infra.warehouse.trino import folder_writer
from shared.trino import TrinoWarehouse
from shared.trino_place import TrinoPlace

W = TypeVar("W", bound=TrinoWarehouse)


def place(server: TrinoServer, schema: str = "skvoz") -> TrinoPlace:
    """Without TLS and password; every schema may read the same lake."""
    return TrinoPlace(server.host, server.port, server.user, tls=False, schema=schema)


def warehouse(kind: type[W], server: TrinoServer, schema: str = "skvoz") -> W:
    """One whose server takes statements: a server that has just started has no node for its catalogs for some seconds."""
    engine = kind(place(server, schema), folder_writer(server.data_dir))
    engine.run("CREATE SCHEMA IF NOT EXISTS lake.awake WITH (location = 'local:///awake')")
    engine.run("CREATE TABLE IF NOT EXISTS marts.awake.awake AS SELECT 1 AS n")
    assert engine.rows("SELECT n FROM marts.awake.awake")
    return engine
