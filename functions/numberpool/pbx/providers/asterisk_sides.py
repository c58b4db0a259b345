"""Who called whom, as a channel of Asterisk shows it, and what its words for the course of a call mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from functions.numberpool.pbx.adapter import Refused
from functions.numberpool.pbx.event import Outcome
from functions.numberpool.pbx.reading import read_phone, read_text, read_time

# Dial's results. ANSWER is the call's, whatever other legs say; of the others the last leg's counts.
RESULTS: Mapping[str, Outcome] = {
    "ANSWER": "answered", "BUSY": "busy", "NOANSWER": "missed", "CANCEL": "abandoned", "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
}  # fmt: skip
# Q.931 causes at the end of the first channel, where no Dial told more. Those that are missing (16: normal) tell nothing.
CAUSES: Mapping[str, Outcome] = {
    "17": "busy", "18": "missed", "19": "missed", "1": "failed", "3": "failed", "27": "failed", "34": "failed", "38": "failed",
    "41": "failed", "42": "failed", "44": "failed", "58": "failed",
}  # fmt: skip
_EXTENSION = re.compile(r"[0-9]{1,7}")
_BEGAN = re.compile(r"(?:^|[^0-9])([0-9]{10})\.[0-9]+$")


class Lines(NamedTuple):
    """What the settings know of the site's telephony: its numbers, its default one, and the dialplan contexts that calls from
    outside enter by (settings name at least one; what enters by any other is outgoing or passed over)."""

    ours: frozenset[str]
    default: str | None
    contexts: frozenset[str]


class Sides(NamedTuple):
    """`number` is ours, `caller` the other side's. `is_line_told`: an outgoing call's number is told, not the default one."""

    is_incoming: bool
    number: str | None
    caller: str | None
    is_line_told: bool = False


def sides_of(dialled: object, calling: object, context: object, lines: Lines, *, is_first: bool) -> Sides | str:
    """Sides of the call by its first channel: the extension that it dialled, its caller id, its context.

    `is_first`: it has just been made, so that its context is the one it came in by. An extension that dials a phone is an outgoing
    call, and so is one of our own numbers that does; who dials an extension or our own number from inside is `internal`.
    What entered by one of `contexts` came from outside (`unclear`: it cannot be told from here).
    """
    number, caller = read_phone(dialled), read_phone(calling)
    is_inside = is_extension(calling) or caller in lines.ours
    if not is_inside and context not in lines.contexts:
        if not is_first:
            return "unclear"
        is_inside = True
    if context in lines.contexts:
        return Sides(True, number, caller)
    if number and number not in lines.ours:
        return Sides(False, caller or lines.default, number, caller is not None)
    return "internal" if number or is_extension(dialled) else "unclear"


def is_extension(told: object) -> bool:
    return isinstance(told, str) and _EXTENSION.fullmatch(told.strip()) is not None


def extension_of(told: object) -> str | None:
    """Who talked: an extension or a name; never a phone, which may be the client's."""
    return None if read_phone(told) else read_text(told)


def began(linked_id: str, now: datetime) -> datetime | None:
    """The unix second at which the call's first channel was made, as its id tells it; None where ids are made otherwise."""
    second = _BEGAN.search(linked_id)
    return read_time(datetime.fromtimestamp(int(second[1]), UTC).isoformat(), "Linkedid", now, None) if second else None


def heard_at(told: object, name: str, now: datetime) -> datetime:
    """When the event was heard; Refused without."""
    at = read_time(told, name, now, None)
    if at is None:
        raise Refused("bad_time", name, "is needed: events have no time of their own")
    return at
