"""What a portal was seen to have, and when an item of it was missed: lists show only what is there, so a deletion whose event is
lost is found by what is not there any more.

Items of the table `crm`: pk `ids#{site}`, sk `bitrix24#{kind}#{block}`, a block being 2,500 ids: `ids` (those that were told), and
`gone_{id}` (unix milliseconds of the last time that it was told as deleted). Sets grow and shrink in one write, so readers do not
undo each other. The item `bitrix24` has `begun` and `finished` of the last sweep (unix milliseconds).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from functions.crm_webhook.api.pace import Pace

BLOCK = 2500  # ids of an item: some 15 KB, and asked for by one call
_PREFIX, _MARK = "bitrix24#", "gone_"
_END = "bitrix24$"  # behind all that begin with the prefix
_PAGE = 20
_DIGITS = 19


class Block(NamedTuple):
    """Ids of one kind that lie together. `gone`: id → when it was told as deleted, unix milliseconds."""

    place: str
    kind: int
    ids: frozenset[str]
    gone: Mapping[str, int]


class Memory:
    """Of one site. Ids are whole numbers as text; others are not kept."""

    def __init__(self, pace: Pace, site_id: str) -> None:
        self._pace, self._site_id = pace, site_id

    def seen(self, kind: int, numbers: Iterable[str]) -> dict[str, int]:
        """These are there. Gives those that were told as deleted, and when."""
        gone: dict[str, int] = {}
        for place, some in _by_place(kind, numbers).items():
            block = _block(place, self._get(place))
            gone |= {number: block.gone[number] for number in some if number in block.gone}
            if new := [number for number in some if number not in block.ids]:
                self._update(place, "ADD ids :new", {":new": {"NS": new}})
        return gone

    def missed(self, kind: int, numbers: Iterable[str], at: int) -> None:
        """These are told as deleted at that time."""
        for place, some in _by_place(kind, numbers).items():
            names = {f"#{number}": f"{_MARK}{number}" for number in some}
            parts = ", ".join(f"{name} = :at" for name in names)
            self._update(place, f"SET {parts}", {":at": {"N": str(at)}}, names)

    def drop(self, place: str, numbers: Sequence[str]) -> None:
        """These are not asked for any more."""
        if numbers:
            self._update(place, "DELETE ids :old", {":old": {"NS": list(numbers)}})

    def forget(self, place: str, numbers: Sequence[str]) -> None:
        """That these were told as deleted is of no use any more."""
        if numbers:
            names = {f"#{number}": f"{_MARK}{number}" for number in numbers}
            self._update(place, f"REMOVE {', '.join(names)}", None, names)

    def blocks(self, after: str) -> list[Block]:
        """The next ones behind this place, as many as one call asks for, one at least; none at the end."""
        dynamodb, table = self._pace.table()
        answer = dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": self._pk},
                ":first": {"S": f"{after}!" if after else _PREFIX},
                ":last": {"S": _END},
            },
            Limit=_PAGE,
            ConsistentRead=True,
        )
        found: list[Block] = []
        left = BLOCK
        for item in answer["Items"]:
            block = _block(item["sk"]["S"], item)
            left -= len(block.ids | block.gone.keys())
            if found and left < 0:
                break
            found.append(block)
        return found

    def is_due(self, at: int, every: int) -> bool:
        """The last whole sweep is older than `every` milliseconds, or there was none."""
        finished = _number(self._get("bitrix24"), "finished")
        return finished is None or at - finished >= every

    def begun(self, at: int) -> int:
        """When the sweep that is under way began; now, where none is."""
        item = self._get("bitrix24")
        begun, finished = _number(item, "begun"), _number(item, "finished")
        if begun is None or (finished is not None and finished >= begun):
            self._update("bitrix24", "SET begun = :at", {":at": {"N": str(at)}})
            return at
        return begun

    def finished(self, at: int) -> None:
        """The sweep is through."""
        self._update("bitrix24", "SET finished = :at", {":at": {"N": str(at)}})

    @property
    def _pk(self) -> str:
        return f"ids#{self._site_id}"

    def _get(self, place: str) -> dict[str, Any]:
        dynamodb, table = self._pace.table()
        key = {"pk": {"S": self._pk}, "sk": {"S": place}}
        item: dict[str, Any] = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item") or {}
        return item

    def _update(
        self, place: str, expression: str, values: Mapping[str, Any] | None, names: Mapping[str, str] | None = None
    ) -> None:
        dynamodb, table = self._pace.table()
        more: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        more |= {"ExpressionAttributeNames": names} if names else {}
        dynamodb.update_item(TableName=table, Key={"pk": {"S": self._pk}, "sk": {"S": place}}, UpdateExpression=expression, **more)


def _by_place(kind: int, numbers: Iterable[str]) -> dict[str, list[str]]:
    """Ids by their blocks; blocks come in the order of kinds and ids."""
    found: dict[str, list[str]] = {}
    for number in dict.fromkeys(numbers):
        if number.isascii() and number.isdigit() and len(number) <= _DIGITS:
            found.setdefault(f"{_PREFIX}{kind:06}#{int(number) // BLOCK:0{_DIGITS}}", []).append(str(int(number)))
    return found


def _block(place: str, item: Mapping[str, Any]) -> Block:
    gone = {name.removeprefix(_MARK): int(value["N"]) for name, value in _marks(item)}
    return Block(place, int(place.split("#")[1]), frozenset(item.get("ids", {}).get("NS", ())), gone)


def _marks(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in item.items() if name.startswith(_MARK))


def _number(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
