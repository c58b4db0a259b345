"""`skvoz numbers plan`: how many numbers a pool needs, before the first is bought (shared/pool_size.py)."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.numbers.adding import MOST_NUMBERS
from shared.errors import BadInput
from shared.pool_size import loss, numbers_for, offered_load


def plan(
    visitors_per_hour: Annotated[float, typer.Option(min=0, max=1_000_000, help="in the busiest hour, of pages with a number")],
    visit: Annotated[int, typer.Option(min=0, max=36_000, help="seconds that a visit lasts")] = 180,
    tail: Annotated[int, typer.Option(min=0, max=3600, help="seconds of lease after the last sign of life: lease_seconds")] = 300,
    cooldown: Annotated[int, typer.Option(min=0, max=86_400, help="seconds: cool_down_seconds of the settings")] = 1800,
    numbers: Annotated[int | None, typer.Option(min=0, max=100_000, help="say what so many numbers would lose")] = None,
) -> None:
    """How many numbers the pool needs, and what share of visitors would see the default number otherwise (Erlang B)."""
    hold = visit + tail + cooldown
    load = offered_load(visitors_per_hour, hold)
    print(f"{visitors_per_hour:g} visitors an hour hold a number for {hold} s each: {load:.1f} at a time")
    try:
        wanted = {percent: numbers_for(load, percent / 100) for percent in (10, 5, 1, 0.1)}
    except OverflowError as error:
        raise BadInput(f"that takes {error}; a shorter cool-down needs fewer") from error
    for percent, enough in wanted.items():
        print(f"  {enough:6d} numbers: at most {percent:g} % of the visitors see the default number")
    if numbers is not None:
        print(f"  {numbers:6d} numbers: {loss(load, numbers):.1%} of the visitors see the default number")
    if wanted[1] > MOST_NUMBERS:
        print(f"a pool has at most {MOST_NUMBERS} numbers: divide the visitors among pools by rules (settings, numbers.pools)")
