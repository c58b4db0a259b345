"""`skvoz doctor` as somebody types it, for its tests."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from infra.cli.main import app


def run(*arguments: object, status: int = 0) -> str:
    """What was printed, and with which end."""
    result = CliRunner().invoke(app, ["doctor", *(str(a) for a in arguments)], env={"COLUMNS": "400"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


def findings(*arguments: object, status: int = 0) -> list[dict[str, str]]:
    return [json.loads(line) for line in run(*arguments, "--json", status=status).splitlines()]
