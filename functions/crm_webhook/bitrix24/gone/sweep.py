"""The daily sweep: of all items that were ever told, those that the portal does not list any more.

It is the last part of the regular check's walk, once a day. A page asks for up to 2,500 ids by one call. What is missing is asked
for by its id, since it may only be hidden; what the portal knows no more is told as deleted now, by two sweeps: the first page that
told it may have been lost on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from functions.crm_webhook.bitrix24.calls import Calls, Command
from functions.crm_webhook.bitrix24.gone.memory import Block, Memory
from functions.crm_webhook.bitrix24.lists import ROWS, chunks, listed

PHASE = "gone:"
EVERY = 86_400_000  # milliseconds
KEPT = 30 * EVERY  # so long an item that was told as deleted may be found alive

# (kind, ids) → told: those that are gone of these; those that are there.
Tell = Callable[[int, Sequence[str]], Sequence[str]]


class Swept(NamedTuple):
    """`cursor` "" at the end of the sweep."""

    cursor: str
    deals: int


class Sweep:
    """`missing` tells what is gone and gives it, `there` tells items that are there after all."""

    def __init__(self, calls: Calls, memory: Memory, kinds: Sequence[int], missing: Tell, there: Tell) -> None:
        self._calls, self._memory, self._kinds = calls, memory, kinds
        self._missing, self._there = missing, there

    def page(self, cursor: str, now: int) -> Swept:
        """The ids behind the cursor; `now` in unix milliseconds."""
        begun = self._memory.begun(now)
        blocks = self._memory.blocks(cursor.removeprefix(PHASE))
        told = sum(self._told(block, begun, now) for block in blocks if block.kind in self._kinds)
        if blocks:
            return Swept(f"{PHASE}{blocks[-1].place}", told)
        self._memory.finished(now)
        return Swept("", told)

    def _told(self, block: Block, begun: int, now: int) -> int:
        listed_now = self._listed(block.kind, sorted({*block.ids, *block.gone}, key=int))
        missing = sorted(block.ids - listed_now, key=int)
        gone = self._missing(block.kind, missing) if missing else []
        self._memory.drop(block.place, [one for one in gone if block.gone.get(one, begun) < begun])
        back = sorted(listed_now & block.gone.keys(), key=int)
        for some in chunks(back, ROWS):
            self._there(block.kind, some)
        old = [one for one, at in block.gone.items() if now - at > KEPT and (one in listed_now or one not in block.ids)]
        self._memory.forget(block.place, old)
        return len(gone) + len(back)

    def _listed(self, kind: int, numbers: Sequence[str]) -> set[str]:
        commands = {f"ids{at}": _ids(kind, some) for at, some in enumerate(chunks(numbers, ROWS))}
        results = self._calls.needed(commands) if commands else {}
        return {str(item.id("id")) for result in results.values() for item in listed(result)}


def _ids(kind: int, numbers: Sequence[str]) -> Command:
    parameters = {"entityTypeId": kind, "filter": {"@id": list(numbers)}, "select": ["id"], "order": {"id": "ASC"}, "start": -1}
    return Command("crm.item.list", parameters)
