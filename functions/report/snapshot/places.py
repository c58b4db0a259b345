"""The tree of places: channel → source → campaign → ad → keyword, each with what readers see of it. Pure: rows in, columns out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from functions.report.marts.kinds import NOTHING_TOLD, Kinds
from functions.report.marts.tree import NO_SOURCE, UNSET, channel_of
from functions.report.snapshot.build import PLACES, Columns
from functions.report.snapshot.scope import EVERYTHING, Seen
from functions.report.view.formats import clean
from functions.report.view.names import Names
from shared.sources import OTHER_TRAFFIC
from shared.warehouse import Row

MOST_PLACES = 20_000
MOST_NAME = 200
LEVELS = ("channel", "source", "campaign", "content", "term")
CHANNEL, SOURCE, CAMPAIGN = 1, 2, 3
Path = tuple[str, ...]
Size = tuple[Decimal, Decimal, float, int]
NOTHING: Size = (Decimal(0), Decimal(0), 0.0, 0)
DIRECT = "direct"
KINDS = {NO_SOURCE: "no_source", OTHER_TRAFFIC: "other", DIRECT: "direct"}


class Places:
    """Paths and their numbers. Row 0 is the root; parents stand before their children.

    What is not among the places counts at the deepest ancestor that is; a channel that came without a row of its own is added.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        kinds: Kinds,
        names: Names,
        *,
        is_together: bool,
        seen: Seen = EVERYTHING,
        most: int = MOST_PLACES,
    ) -> None:
        """`rows` of snapshot_places.sql; those that the reader may not see are passed over."""
        self._kinds, self._names = kinds, names
        self.together = kinds.unnamed if is_together else frozenset()
        self._index: dict[Path, int] = {(): 0}
        self._pairs: set[str] = set()
        rows = [row for row in rows if seen.has(row["channel"])]
        self._take(rows, most)
        total = max((int(row["places_total"]) for row in rows), default=0)
        self.folded = sum(self.path(row) not in self._index for row in rows) + (total - len(rows) if seen.is_all else 0)

    def path(self, row: Mapping[str, Any]) -> Path:
        """Where a row of the marts stands: as deep as it tells. Spend that names no source stands at its channel."""
        channel, source, *below = (row[level] or "" for level in LEVELS)
        path = [channel_of(channel, self.together), channel if channel in self.together else source, *below]
        if source in UNSET and not any(below) and channel not in self.together:
            return (path[0],)
        while len(path) > 1 and path[-1] == "":
            path.pop()
        return tuple(path)

    def place(self, row: Mapping[str, Any]) -> int:
        """Number of a row's place."""
        return self._deepest(self.path(row))

    def no_source(self, reason: str) -> int:
        """Number of a reason why requests have no source."""
        return self._add((NO_SOURCE, reason))

    def channel(self, channel: str) -> int:
        """Number of the channel that stands for this one in the report."""
        return self._add((channel_of(channel, self.together),))

    def columns(self) -> Columns:
        """The file `places`."""
        columns: Columns = {name: [] for name in PLACES}
        for path in self._index:
            parent = self._index[path[:-1]] if path else -1
            told = (parent, len(path), clean(path[-1], 500) if path else "", self._name(path), *self._looks(path))
            for name, value in zip(PLACES, told, strict=True):
                columns[name].append(value)
        return columns

    def _take(self, rows: Iterable[Row], most: int) -> None:
        """Level by level, the weightiest first, while there is room; a place is taken only below one that was."""
        sizes: list[dict[Path, Size]] = [{} for _ in LEVELS]
        for row in rows:
            path = self.path(row)
            size = (Decimal(row["cost"]), Decimal(row["revenue"]), float(row["requests"]), int(row["visits"]))
            for level in range(len(path)):
                found = sizes[level]
                found[path[: level + 1]] = _sum(found.get(path[: level + 1], NOTHING), size)
        for by_path in sizes:
            for path in sorted(by_path, key=lambda path: (*(-value for value in by_path[path]), path)):
                if path[:-1] in self._index and (len(self._index) < most or len(path) == CHANNEL):
                    self._add(path)

    def _deepest(self, path: Path) -> int:
        for end in range(len(path), 0, -1):
            found = self._index.get(path[:end])
            if found is not None:
                return found
        return self._add(path[:1])

    def _add(self, path: Path) -> int:
        if len(path) > 1:
            self._add(path[:-1])
        if path[:1] == (OTHER_TRAFFIC,) and len(path) == SOURCE:
            self._pairs.add(path[1])
        return self._index.setdefault(path, len(self._index))

    def _name(self, path: Path) -> str:
        if not path:
            return str(self._names.words["total"])
        if len(path) == CHANNEL:
            name = self._names.channel(path[0])
        elif len(path) == SOURCE:
            name = self._names.source(path[0], {"source": path[1]})
        else:
            name = self._names.campaign({"campaign": path[-1]})
        return clean(name, MOST_NAME)

    def _looks(self, path: Path) -> tuple[str, bool | None, str]:
        """Colour, whether it is advertising, and its channel's kind."""
        if not path:
            return "", None, ""
        colour = ""
        if len(path) == CHANNEL:
            colour = self._names.channel_colour(path[0])
        elif len(path) == SOURCE:
            colour = self._names.source_colour(path[0], path[1])
        return colour, self._is_ad(path), KINDS.get(path[0], "")

    def _is_ad(self, path: Path) -> bool | None:
        """None for "no source", and where other traffic is both."""
        if path[0] == NO_SOURCE:
            return None
        if path[0] != OTHER_TRAFFIC:
            return self._told_ad(path[0])
        told = {self._told_ad(pair) for pair in (path[1:2] or self._pairs)}
        return told.pop() if len(told) == 1 else None

    def _told_ad(self, channel: str) -> bool:
        return self._kinds.ads.get(channel, channel == NOTHING_TOLD)


def _sum(one: Size, other: Size) -> Size:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]
