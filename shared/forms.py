"""Bodies of application/x-www-form-urlencoded: bytes → pairs. Pure, bounded, in linear time.

Escapes that are none stay as they are, bytes that are no UTF-8 (or whatever encoding is told) become U+FFFD. Empty values are
kept, so are repeated names.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

MOST_PAIRS = 10_000
MOST_NAME = 500  # bytes of a name as sent; amoCRM's longest are some 120


class FormRefused(ValueError):
    """A body beyond the limits: `reason` is too_many_fields, long_name, or what a reader of its own limits adds."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def pairs_of(body: bytes, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """Every `name=value`, decoded, in order, repeats included. FormRefused beyond MOST_PAIRS or MOST_NAME."""
    if body.count(b"&") >= MOST_PAIRS:
        raise FormRefused("too_many_fields", f"the form has more than {MOST_PAIRS:,} fields")
    pairs = []
    for part in body.split(b"&"):
        if not part:
            continue
        name, _, value = part.partition(b"=")
        if len(name) > MOST_NAME:
            raise FormRefused("long_name", f"a field's name is longer than {MOST_NAME} bytes")
        pairs.append((_text(name, encoding), _text(value, encoding)))
    return pairs


def _text(raw: bytes, encoding: str) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode(encoding, "replace")
