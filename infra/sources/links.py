"""Links that somebody wants explained: one from the terminal, or a list, one a line or saved from a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from infra.given import separator, text_of
from shared.errors import BadInput

MOST_LINKS = 20_000
_COLUMNS = {
    "url": "url", "link": "url", "address": "url", "page_url": "url", "адрес": "url", "ссылка": "url",
    "referrer": "referrer", "referer": "referrer", "реферер": "referrer", "источник": "referrer",
    "user_agent": "user_agent", "user-agent": "user_agent",
}  # fmt: skip
# Without a header: a link, and after a comma, semicolon or space the address that led to it.
_LINE = re.compile(r"(\S+?)(?:(?:\s*[,;]\s*|\s+)((?:https?|android-app|ios-app)://\S+))?", re.IGNORECASE)


class Link(NamedTuple):
    """`place` names it in messages; `referrer` is the page that led to it; an empty `user_agent` is an ordinary browser's."""

    place: str
    url: str
    referrer: str = ""
    user_agent: str | None = None


def read_links(path: str) -> list[Link]:
    """Links of a file, `-` = standard input. BadInput when it cannot be read or has no links."""
    name = "standard input" if path == "-" else path
    text = text_of(path, name)
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    links = list(_table(text, name, first) if _is_header(first) else _plain(lines, name))
    if not links:
        raise BadInput(f"{name} has no links; write one a line, or a table with the columns url, referrer")
    if len(links) > MOST_LINKS:
        raise BadInput(f"{name} has {len(links):,} links; give at most {MOST_LINKS:,} at a time")
    return links


def _plain(lines: list[str], name: str) -> Iterator[Link]:
    for number, line in enumerate(lines, 1):
        if line := line.strip():
            found = _LINE.fullmatch(line)
            yield Link(f"{name}:{number}", found[1], found[2] or "") if found else Link(f"{name}:{number}", line)


def _table(text: str, name: str, header: str) -> Iterator[Link]:
    reader = csv.reader(StringIO(text.lstrip()), delimiter=separator(header))
    try:
        columns = [_COLUMNS.get(cell.strip().lower(), "") for cell in next(reader)]
        for cells in reader:
            told = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
            if any(told.values()):
                yield Link(
                    f"{name}:{reader.line_num}", told.get("url", ""), told.get("referrer", ""), told.get("user_agent") or None
                )
    except csv.Error as error:
        raise BadInput(f"{name}:{reader.line_num} is no line of a table: {error}") from error


def _is_header(line: str) -> bool:
    return "://" not in line and any(_COLUMNS.get(cell.strip().lower()) == "url" for cell in line.split(separator(line)))
