"""The shop's numbers, put into a pool as `skvoz numbers add` does, and let in without test calls: its telephony is made up."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout

from infra.cli.numbers import table
from infra.cli.numbers.adding import Wish, put_in
from infra.cli.numbers.trying import let_in
from infra.local.stack import LocalStack
from shared.leases import POOL


def add_numbers(stack: LocalStack, site_id: str, numbers: Iterable[str], pool: str = POOL) -> None:
    """Numbers in E.164; without the lines that the command prints."""
    store, now = table.store_of(stack.environment["NUMBERS_TABLE"]), table.now_millis()
    wishes = [Wish(number, pool, number) for number in numbers]
    with redirect_stdout(io.StringIO()):
        put_in(store, site_id, wishes, now, None)
    for wish in wishes:
        let_in(store, site_id, pool, wish.phone, now)
