"""Rows → files of a snapshot: columns, days, and JSON that is small enough to be fetched. Pure."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

MOST_BYTES = 3_000_000  # of a packed file
REST = "…"  # stands for all names beyond the most that a list has
Columns = dict[str, list[Any]]

TRAFFIC = ("day", "place", "visits", "clicks", "impressions", "cost")
RESULTS = (
    "day", "place", "dim", "requests", "qualified", "sales", "repeat_sales", "on_visit", "revenue", "profit", "priced",
    "unpriced",
)  # fmt: skip
LANDINGS = ("day", "channel", "landing", "visits", "requests", "sales", "revenue")
SECTIONS = ("day", "section", "visits", "requests", "sales")
REQUESTS = (
    "id", "day", "at", "contact", "dim", "counted", "qualified", "disqualified", "sales", "revenue", "profit", "deals", "order",
    "loss_reason", "loss_group", "match", "reason", "left_out", "communications", "receivable", "path_length", "source",
)  # fmt: skip
PLACES = ("parent", "level", "id", "name", "colour", "is_ad", "kind")
DIMS = ("pipeline", "manager", "branch", "product", "contact")


class Days(NamedTuple):
    """The days that a snapshot tells of, both ends included; files count them from `first`."""

    first: date
    last: date

    def place(self, day: date) -> int:
        """Its number: 0 is the first day."""
        return (day - self.first).days

    def has(self, day: date) -> bool:
        return self.first <= day <= self.last

    @property
    def months(self) -> list[str]:
        """`2026-09`, oldest first."""
        return list(dict.fromkeys(map(month_of, self._days())))

    def windows(self, sizes: Mapping[date, int], most: int) -> Iterator[Days]:
        """Oldest first, as many days at a time as have `most` rows together; at least one."""
        start, rows = self.first, 0
        for day in self._days():
            size = sizes.get(day, 0)
            if rows and rows + size > most:
                yield Days(start, day - timedelta(days=1))
                start, rows = day, 0
            rows += size
        yield Days(start, self.last)

    def _days(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1))


class Files(Mapping[str, bytes]):
    """Name → JSON, kept packed: those of a big shop are ten times as big unpacked."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}

    def put(self, files: Mapping[str, bytes]) -> None:
        """Add files; one of the same name is replaced."""
        for name, body in files.items():
            self._packed[name], self.sizes[name] = pack(body), len(body)

    def packed(self, name: str) -> bytes:
        """A file as it is stored."""
        return self._packed[name]

    @property
    def packed_bytes(self) -> int:
        """What all of them take."""
        return sum(map(len, self._packed.values()))

    def copy(self) -> Files:
        """The same files, to which others can be added."""
        other = Files()
        other._packed, other.sizes = dict(self._packed), dict(self.sizes)
        return other

    def __getitem__(self, name: str) -> bytes:
        return gzip.decompress(self._packed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


class Table:
    """Rows of one file with the columns named first as their key: what comes twice is added up."""

    def __init__(self, columns: tuple[str, ...], keys: int) -> None:
        """The first `keys` columns tell rows apart, the others are numbers; None where nothing is known."""
        self._names, self._keys = columns, keys
        self._rows: dict[tuple[Any, ...], list[Any]] = {}

    def add(self, key: tuple[Any, ...], values: list[Any]) -> None:
        """Add numbers to the row of that key; the sum of nothing known and a number is the number."""
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = values
            return
        for place, value in enumerate(values):
            if value is not None:
                row[place] = value if row[place] is None else row[place] + value

    def columns(self) -> Columns:
        """Sorted by key, so that the same marts make the same bytes; rows that say nothing are left out."""
        rows = [(*key, *values) for key, values in sorted(self._rows.items()) if any(values)]
        cut = zip(*rows, strict=True) if rows else ((),) * len(self._names)
        return {name: [_told(v) for v in column] for name, column in zip(self._names, cut, strict=True)}


class Months:
    """A kind of table of many months, a file each, whose rows come window by window of days, oldest first. A month's rows are
    kept as JSON, a tenth of what they take as objects, until its last day is over."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, str], dict[str, list[bytes]]] = {}

    def add(self, name: str, month: str, columns: Columns) -> None:
        """Rows of that month under `name`, all of them of later days than those before."""
        if next(iter(columns.values())):
            found = self._columns.setdefault((month, name), {column: [] for column in columns})
            for column, values in columns.items():
                found[column].append(to_json(values)[1:-1])

    def add_tables(self, name: str, tables: Mapping[str, Table]) -> None:
        """Tables of one window, by month."""
        for month, table in tables.items():
            self.add(name, month, table.columns())

    def files(self, days: Days, window: Days) -> dict[str, bytes]:
        """`{name}-{month}` of the months that are over with that window."""
        following = window.last + timedelta(days=1)
        open_month = month_of(following) if following <= days.last else "9999"
        found: dict[str, bytes] = {}
        for month, name in sorted(key for key in self._columns if key[0] < open_month):
            parts = self._columns.pop((month, name))
            body = b",".join(b'"%b":[%b]' % (column.encode(), b",".join(told)) for column, told in parts.items())
            found |= _cut(f"{name}-{month}", b"{%b}" % body)
        return found


def month_of(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def kopecks(amount: Decimal | int | None) -> int | None:
    """Money of the marts, exact to the kopeck, in hundredths."""
    return None if amount is None else int(amount * 100)


def micros(cost: Decimal | int | None) -> int:
    """Spend of the marts in millionths."""
    return int((cost or 0) * 1_000_000)


def weight(count: float | int | Decimal | None) -> float | int:
    """A sum of weights without the noise of binary fractions."""
    rounded = round(float(count or 0), 9)
    return int(rounded) if rounded.is_integer() else rounded


def to_json(value: Any) -> bytes:
    """One file's bytes."""
    return orjson.dumps(value)


def pack(body: bytes) -> bytes:
    """As it is stored: the same bytes for the same body."""
    return gzip.compress(body, 6, mtime=0)


def is_small(body: bytes) -> bool:
    """Whether a file is at most MOST_BYTES packed."""
    return len(body) <= MOST_BYTES or len(pack(body)) <= MOST_BYTES


def files_of(name: str, columns: Columns) -> dict[str, bytes]:
    """The rows under that name; what is too big is cut into halves, `…-a` and `…-b`, as often as it takes. No rows: no file."""
    return _cut(name, to_json(columns)) if next(iter(columns.values())) else {}


def _cut(name: str, body: bytes) -> dict[str, bytes]:
    if is_small(body):
        return {name: body}
    columns: Columns = orjson.loads(body)
    rows = len(next(iter(columns.values())))
    if rows == 1:
        return {name: body}
    joint = "" if name[-2:-1] in ("-", "a", "b") and name[-1:] in "ab" else "-"
    one, other = ({key: column[part] for key, column in columns.items()} for part in (slice(rows // 2), slice(rows // 2, None)))
    return _cut(f"{name}{joint}a", to_json(one)) | _cut(f"{name}{joint}b", to_json(other))


def _told(value: Any) -> Any:
    return weight(value) if isinstance(value, float) else value
