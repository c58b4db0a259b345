"""The text part in lines that every mail program shows whole."""

from __future__ import annotations

import re
import textwrap

COLUMNS = 78  # RFC 5322, 2.1.1
INDENT = 2
MARK = re.compile(r"(?:[-!*•▲▼] | +)")


def wrapped(text: str) -> str:
    """Long lines broken at spaces; what follows a mark (`- `, `! `, `▲ `) hangs under its words, what follows an indent stands two
    further in. Figures stay whole, as the spaces within them are no-break ones, and so do addresses, however long."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    if len(line) <= COLUMNS:
        return line.rstrip()
    mark = MARK.match(line)
    hang = " " * (len(mark[0]) + (INDENT if mark[0].isspace() else 0)) if mark else ""
    lines = textwrap.wrap(
        line, COLUMNS, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(lines)
