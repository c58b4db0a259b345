"""The shop's numbers, put into its pool as `skvoz numbers add` does."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout

from infra.cli.numbers import add
from infra.local.stack import LocalStack


def add_numbers(stack: LocalStack, site_id: str, numbers: Iterable[str]) -> None:
    """Numbers in E.164; without the lines that the command prints."""
    with redirect_stdout(io.StringIO()):
        add(site_id, list(numbers), stack.environment["NUMBERS_TABLE"])
