"""Lists of links as people have them: one a line, or a table saved from a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import NamedTuple

from infra.given import separator, text_of
from shared.errors import BadInput

MOST_ROWS = 50_000
COLUMNS = ("address", "system", "source", "medium", "campaign", "content", "term", "found_on")
_ADDRESS = ("address", "link", "url", "адрес", "ссылка")


class Row(NamedTuple):
    """One link: `place` for messages; `cells` by the names of COLUMNS."""

    place: str
    cells: dict[str, str]

    @property
    def address(self) -> str:
        return self.cells["address"]


def read_rows(path: str, *, others: bool = False) -> list[Row]:
    """Rows of a file, `-` = standard input. BadInput when it cannot be read.

    `others`: columns besides COLUMNS are passed over (an export of an ad system); else they are a mistake.
    """
    name = "standard input" if path == "-" else path
    lines = text_of(path, name).splitlines()
    first = next((line for line in lines if line.strip()), "")
    if "://" in first or not _is_header(first):
        rows = [Row(f"{name}:{number}", {"address": line.strip()}) for number, line in enumerate(lines, 1) if line.strip()]
    else:
        try:
            rows = list(_table("\n".join(lines), name, first, others))
        except csv.Error as error:
            raise BadInput(f"{name}: is no table that can be read ({error})") from error
    if len(rows) > MOST_ROWS:
        raise BadInput(f"{name}: has {len(rows):,} links; give at most {MOST_ROWS:,} at a time")
    if not rows:
        raise BadInput(f"{name}: has no links in it")
    return rows


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """CSV text. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in row] for row in rows)
    return out.getvalue()


def _is_header(line: str) -> bool:
    return any(cell.strip().strip('"').lower() in _ADDRESS for cell in line.split(separator(line)))


def _table(text: str, name: str, header: str, others: bool) -> Iterator[Row]:
    reader = csv.reader(StringIO(text.lstrip("\n")), delimiter=separator(header))
    names = [_known(cell.strip().lower(), name, others) for cell in next(reader)]
    for cells in reader:
        told = {column: cell.strip() for column, cell in zip(names, cells, strict=False) if column}
        if not any(told.values()):
            continue
        if not told.get("address"):
            raise BadInput(f"{name}:{reader.line_num}: has no address")
        yield Row(f"{name}:{reader.line_num}", told)


def _known(column: str, name: str, others: bool) -> str:
    plain = "address" if column in _ADDRESS else column.removeprefix("utm_")
    if plain in COLUMNS or not plain:
        return plain
    if others:
        return ""
    raise BadInput(f"{name}: nobody knows the column {column}; columns are {', '.join(COLUMNS)}")
