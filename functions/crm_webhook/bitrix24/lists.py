"""List methods of Bitrix24: fifty rows a page, the next page by the last id. An empty row (PHP writes one for an item that it
cannot tell) counts as a row: the page that has it is not the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.bitrix24.calls import Calls, Command, items_in, rows_in
from functions.crm_webhook.bitrix24.items import Item

ROWS = 50  # of one page, whatever is asked
_AT_ONCE = 10  # pages that one call asks for: Bitrix24 answers them one after another

T = TypeVar("T")


def listed(result: Any) -> list[Item]:
    """Rows of one answer that have an id."""
    return [item for item in map(Item, items_in(result)) if item.id("id")]


def last_of(result: Any) -> Item | None:
    """The row that the next page begins behind; None where this is the last page. CrmBusy where a whole page tells no id."""
    if len(rows_in(result)) < ROWS:
        return None
    rows = listed(result)
    if not rows:
        raise CrmBusy("Bitrix24 answers a page of rows without ids; asked again later")
    return rows[-1]


def rest_of(calls: Calls, commands: Mapping[str, Command], results: Mapping[str, Any], by: str) -> list[Item]:
    """Rows of these answers and of all pages after them. The commands order by `by`, rising."""
    found = [row for name in commands for row in listed(results[name])]
    further = {name: after(command, by, last) for name, command in commands.items() if (last := last_of(results[name]))}
    while further:
        asked = dict(list(further.items())[:_AT_ONCE])
        for name, result in calls.needed(asked).items():
            found += listed(result)
            last = last_of(result)
            if last is None:
                del further[name]
            else:
                further[name] = after(asked[name], by, last)
    return found


def after(command: Command, by: str, last: Item, sign: str = ">") -> Command:
    """The command for the rows beyond this one."""
    beyond: Mapping[str, Any] = {**command.parameters["filter"], f"{sign}{by}": last.id("id")}
    return Command(command.method, {**command.parameters, "filter": beyond})


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items, so many together."""
    for at in range(0, len(items), size):
        yield items[at : at + size]
