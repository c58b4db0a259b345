"""How wide figures are, and at which size of type they fit: one that breaks between its digits reads as two. Pure.

Widths are those of Arial and Segoe UI, the wider of the two, in em.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DIGIT, NARROW, WIDE, LETTER = 0.58, 0.3, 0.92, 0.68
NARROW_ONES = " .,\u00a0\u202f\u2009:;|()"
WIDE_ONES = "%—ЖМШЩЮжмшщюMWmw"
STEP = 0.5  # px
SMALLEST = 8.0
# Room for the figures of the table of channels (px): the names keep 170 of a mail of 600, and a phone is 360 wide.
WIDE_ROOM, PHONE_ROOM = 350, 308
WIDE_SIZE, PHONE_SIZE = 13, 12


def width(text: str) -> float:
    """Width of a text in em."""
    return sum(_width(character) for character in text)


def fitting(texts: Iterable[str], room: float, most: float) -> float:
    """The largest size of type (px, in halves) at most `most` at which each text fits into `room` pixels."""
    widest = max((width(text) for text in texts), default=0.0)
    return most if not widest else max(SMALLEST, min(most, math.floor(room / widest / STEP) * STEP))


def longest(text: str) -> str:
    """The widest piece of a text that does not break."""
    return max(text.split(" "), key=width)


def table_fit(rows: Sequence[Mapping[str, str]], heads: Mapping[str, str]) -> dict[str, Any]:
    """Of a table of figures: size of type on a wide screen (`wide`) and on a phone (`phone`, px), and which percentages of the line
    its columns take there (`shares`). `rows`: texts by column, `heads`: its heads, in the order of the columns."""
    widths = [max(width(longest(head)), *(width(row[name]) for row in rows), 1.0) for name, head in heads.items()]
    total = sum(widths)
    return {
        "wide": _size(WIDE_ROOM / total, WIDE_SIZE),
        "phone": _size(PHONE_ROOM / total, PHONE_SIZE),
        "shares": [math.floor(own / total * 1000) / 10 for own in widths],
    }


def _size(size: float, most: float) -> float:
    return max(SMALLEST, min(most, math.floor(size / STEP) * STEP))


def _width(character: str) -> float:
    if character.isdigit():
        return DIGIT
    if character in NARROW_ONES:
        return NARROW
    return WIDE if character in WIDE_ONES else LETTER
