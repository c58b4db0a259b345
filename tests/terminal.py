"""`skvoz` as somebody types it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from infra.cli.main import app


def run(group: str, *arguments: object, told: str | bytes = "") -> Result:
    """What a command of that group (`source`, `utm`) did; what nobody foresaw is raised. `told` is its standard input."""
    result = CliRunner().invoke(app, [group, *(str(a) for a in arguments)], input=told)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def mistake(group: str, *arguments: object, told: str = "") -> str:
    """What is said on standard error of a command that did nothing."""
    result = run(group, *arguments, told=told)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr
