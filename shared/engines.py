"""Which SQL engine runs here: `ENGINE` names it. `athena` and `trino` are built in; others register themselves before use
(infra/warehouse for DuckDB), so that nothing shipped knows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from shared.warehouse import Warehouse


def _athena() -> Warehouse:
    from shared.athena import AthenaWarehouse
    from shared.aws import client, env

    return AthenaWarehouse(
        athena=client("athena"),
        s3=client("s3"),
        database=env("DATABASE"),
        work_group=env("WORKGROUP"),
        lake_bucket=env("LAKE_BUCKET"),
    )


def _trino() -> Warehouse:
    from shared.aws import client, env
    from shared.secrets import Secrets, parameter_reader
    from shared.trino import TrinoWarehouse, bucket_writer
    from shared.trino_place import login_of, place_of

    place = place_of(os.environ, env("LAKE_BUCKET"))
    secrets = Secrets(lambda name: parameter_reader(client("ssm"), env("STAGE"))(name))

    def newest(name: str) -> str | None:
        return next(iter(secrets.get(name, datetime.now(UTC))), None)

    return TrinoWarehouse(place, bucket_writer(client("s3"), env("LAKE_BUCKET")), login_of(os.environ, newest))


_FACTORIES: dict[str, Callable[[], Warehouse]] = {"athena": _athena, "trino": _trino}
_MADE: dict[str, Warehouse] = {}


def register(name: str, factory: Callable[[], Warehouse]) -> None:
    """Offer an engine under a name; a later registration replaces an earlier one."""
    _FACTORIES[name] = factory
    _MADE.pop(name, None)


def engine() -> Warehouse:
    """The engine that `ENGINE` names (default athena), made on first use. LookupError names what is known."""
    name = os.environ.get("ENGINE", "athena")
    if name not in _FACTORIES:
        raise LookupError(f"ENGINE={name} is not known here; known: {', '.join(sorted(_FACTORIES))}")
    if name not in _MADE:
        _MADE[name] = _FACTORIES[name]()
    return _MADE[name]
