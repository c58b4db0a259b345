"""JSON from outside, whose texts somebody may have cut in the middle of an emoji."""

from __future__ import annotations

import re
from typing import Any

import orjson

# A pair of escapes, an escaped backslash, or half a pair: what cutting text in the middle of an emoji leaves behind.
_HALF_PAIR = re.compile(rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def json_of(body: bytes) -> Any:
    """JSON whose texts may hold halves of surrogate pairs, which become U+FFFD. ValueError when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        mended = _HALF_PAIR.sub(lambda match: match[1] or b"\\ufffd", body)
        if mended == body:
            raise
        return orjson.loads(mended)
