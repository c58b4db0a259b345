"""List methods of Bitrix24: fifty rows a page, the next page by the last id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from functions.crm_webhook.bitrix24.calls import Calls, Command, items_in
from functions.crm_webhook.bitrix24.items import Item

ROWS = 50  # of one page, whatever is asked

T = TypeVar("T")


def listed(result: Any) -> list[Item]:
    """Rows of one answer that have an id."""
    return [item for item in map(Item, items_in(result)) if item.id("id")]


def rest_of(calls: Calls, command: Command, result: Any, by: str) -> Iterator[Item]:
    """Rows of the answer and of all pages after it. The command orders by `by`, rising."""
    rows = listed(result)
    yield from rows
    while len(rows) >= ROWS:
        following = after(command, by, rows[-1])
        rows = listed(calls.needed({"rows": following})["rows"])
        yield from rows


def after(command: Command, by: str, last: Item, sign: str = ">") -> Command:
    """The command for the rows beyond this one."""
    beyond: Mapping[str, Any] = {**command.parameters["filter"], f"{sign}{by}": last.id("id")}
    return Command(command.method, {**command.parameters, "filter": beyond})


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items, so many together."""
    for at in range(0, len(items), size):
        yield items[at : at + size]
