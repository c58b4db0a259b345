"""`skvoz numbers` on moto, for its tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.cli.numbers import table
from shared.leases import pool_key
from tests.api.numbers_door import TABLE, Numbers, moto_dynamodb

NUMBER = "+74950000031"


@contextmanager
def numbers_of_commands(patch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """The doors of numbers and calls, an hour ago, over the table that the commands write."""
    with moto_dynamodb(patch) as dynamodb:
        door = Numbers(patch, dynamodb)
        patch.setattr(table, "client", door.clients)
        door.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        yield door


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["numbers", *arguments, "--table", TABLE])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def added(*phones: str) -> None:
    """Numbers in the pool, let in without a call."""
    run("add", "kvartal", *phones)
    run("test", "kvartal", *phones, "--trust")


def pool(numbers: Numbers, site: str = "kvartal", name: str = "main") -> list[str]:
    return sorted(item["sk"]["S"] for item in numbers.items(pool_key(site, name)) if "retired_at" not in item)
