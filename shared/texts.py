"""Text from outside: what is stored of it, and what becomes of text longer than its column (shared/records.py, `limit`).

Cut: free text, and marks, which the stored address still holds in full. Left out: a click id, of which a part is worth
nothing (its name stays, the address holds it). Refused: every id, because a cut id names something else. An import refuses
cut marks as well: nothing else holds them, and its sender can mend the line. What was cut is counted (metric `TextCut`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from shared.identity import redact, redact_emails
from shared.records import HIT, PAYMENT, REQUEST

Reason = Literal[
    "bad_item", "bad_json", "line_too_long", "unknown_type", "unknown_field", "missing_field", "bad_field", "too_long",
    "bad_id", "repeated_id", "unknown_kind", "bad_url", "bad_time", "too_old", "in_future", "bad_amount",
]  # fmt: skip

LIMITS: Mapping[str, int] = {c.name: c.limit for kind in (REQUEST, PAYMENT, HIT) for c in kind.columns if c.limit}
# What an import may cut; anything else that is too long refuses its line.
CUT = frozenset(
    {"page_title", "event_name", "form_name", "user_agent", "screen", "language", "region", "city", "referrer", "page_url"}
)
# Text in which people's phones and e-mails may turn up; addresses are read apart (marks.py).
ADDRESSES = frozenset({"referrer", "page_url"})
REDACTED = CUT - ADDRESSES
# Ids that name a person or a request to the whole world: a phone of any spelling is none of them. Deals and calls have ids of
# other systems, whose digits may look like a national phone.
OPEN_IDS = frozenset({"visitor_id", "request_id"})
# How ids of requests that deals imply begin, and of deals that stand alone (functions/attribution/sql).
OUR_REQUEST_IDS = ("crm:", "deal:")
# C0 controls and DEL say nothing in any of these fields, and NUL breaks readers of the lake further down.
_HALF_ESCAPE = re.compile(r"%[0-9A-Fa-f]?$")
_WORD = re.compile(r"[^\s\"'<>]+")
_SLASHES = re.compile(r"(?:\\?/){2}")
_AT = re.compile(r"@|%(?:25)*40")
_LONG_DIGITS = re.compile(r"\d(?:[\s().+\u2010-\u2015-]*\d){6,}")
_CONTROLS = dict.fromkeys([*range(32), 127], " ")


class Refused(Exception):
    """One item is not stored: `reason` is of a closed set (counted), `message` is for the sender and quotes no values."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message


def clean(text: str) -> str:
    """Text without control characters, halves of surrogate pairs become U+FFFD; trimmed."""
    if not text.isprintable():
        text = text.translate(_CONTROLS).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.strip()


def fitting(text: str, column: str, cuts: list[str]) -> str:
    """Clean text cut to its column; notes the column in `cuts` where something was lost. Redacts where people write freely."""
    text = clean(text)
    if column in REDACTED:
        text = redact(text)
    limit = LIMITS[column]
    if len(text) > limit:
        cuts.append(column)
        text = text[:limit].rstrip()
        return _HALF_ESCAPE.sub("", text) if column in ADDRESSES else text
    return text


def whole(text: str, column: str) -> str:
    """Clean text that must not be cut. Refused when it is longer than its column."""
    text = clean(text)
    if len(text) > LIMITS[column]:
        raise Refused("too_long", f"{column} takes at most {LIMITS[column]} characters and is never cut")
    return text


def identifier(text: str, column: str) -> str:
    """An id, whole. Refused also when it is somebody's e-mail or phone (of OPEN_IDS in any spelling, of others not as bare digits):
    those never enter the lake; and a request id that begins like the ids of requests that deals imply."""
    text = whole(text, column)
    if column == "request_id" and text.startswith(OUR_REQUEST_IDS):
        raise Refused("bad_field", f"{column} must not begin with {' or '.join(OUR_REQUEST_IDS)}: such ids are made by us")
    may_be_phone = column in OPEN_IDS or not text.isdigit()
    if redact_emails(text) != text or (may_be_phone and redact(text) != text):
        raise Refused("bad_field", f"{column} must not be an e-mail or a phone; send an id that means nothing elsewhere")
    return text


def outline(value: list[Any] | dict[Any, Any]) -> str:
    """What may be kept of a list or an object where none belongs: its kind and length. Writing it out would follow it as deep as
    its sender nested it, further than a writer of JSON goes."""
    return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"


def hidden(text: str) -> str:
    """What may be kept of refused text: no e-mails, no phones, no run of seven digits that could be one; of its addresses nothing
    up to the last @, for a password may have any letter."""
    return _LONG_DIGITS.sub("[digits]", redact(_WORD.sub(_perhaps_bare, clean(text))))


def after_at(text: str) -> str:
    """What stands behind the last @ of a text, plain or percent-encoded; the whole of it where there is none."""
    return text[max((found.end() for found in _AT.finditer(text)), default=0) :]


def _perhaps_bare(word: re.Match[str]) -> str:
    begin = _SLASHES.search(word[0])
    rest = word[0][begin.end() :] if begin else ""
    return f"{word[0][: begin.end()]}{after_at(rest)}" if begin else word[0]
