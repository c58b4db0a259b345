"""Fields as telephonies write them → values. Pure; what cannot be read is refused with a reason, nothing is guessed.

Telephonies differ in small things: numbers come as `00…`, `8…`, `+7…`, with the plus decoded to a space, or in a SIP address;
flags as 0/1, "0"/"1" or true/false; ids and seconds as text or numbers; times with an offset, without one, or as unix seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Refused
from shared.identity import normal_phone
from shared.times import parse_instant

MOST_ID = 100
MOST_TEXT = 100
MOST_RECORDING = 500
AHEAD = timedelta(minutes=5)
EARLIEST_YEAR = 2000
MOST_SECONDS = 7 * 86_400
_FLAGS: Mapping[object, bool] = {"0": False, "1": True, "false": False, "true": True}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_SCHEME = re.compile(r"\s*(?:sips?|tel):", re.IGNORECASE)
_AFTER_USER = re.compile(r"[@:;?]")
_LETTER = re.compile(r"[^\W\d_]")
_CODE = re.compile(r"[1-9][0-9]{5}")
_UNIX = re.compile(r"[0-9]{9,11}")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def read_id(value: object, name: str = "call_id") -> str:
    """Id of a call: text or a number. Refused otherwise."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Refused("bad_id", name, "must be text, the same in every event of the call")
    text = str(value).strip()
    if not text or len(text) > MOST_ID or _CONTROLS.search(text):
        raise Refused("bad_id", name, f"must have 1 to {MOST_ID} characters and no control characters")
    return text


def read_flag(value: object) -> bool | None:
    """0 or 1, as a number, text or JSON's true and false; None for anything else."""
    return _FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None


def read_phone(value: object) -> str | None:
    """Phone in any spelling, or the one in a `sip:` or `tel:` address → E.164; None for a hidden number, an extension, and what is
    no phone at all. Digits of a host, a port or a display name are none of the phone's."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    bracket = _IN_BRACKETS.search(text)
    address = _SCHEME.sub("", bracket[1] if bracket else text)
    user = unquote(_AFTER_USER.split(address, maxsplit=1)[0])
    return None if _LETTER.search(user) or _is_ip(user.strip()) else normal_phone(user)


def read_number(value: object, name: str) -> str:
    """Our number, as it was called. Refused where it is none: a wrong template in the telephony is then seen."""
    number = read_phone(value)
    if number is None:
        raise Refused("bad_number", name, "must be the number that was called, best in international form")
    return number


def read_time(value: object, name: str, now: datetime, zone: ZoneInfo | None) -> datetime | None:
    """Time with an offset, in `zone` without one, or unix seconds → UTC; None where it is not told (empty, null, 0). Without a zone
    a time needs its offset.

    Refused before the year 2000 and more than five minutes ahead of our clock.
    """
    if value is None or value == "" or (not isinstance(value, bool) and value in (0, "0")):
        return None
    try:
        instant = _instant(value, zone)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("bad_time", name, str(error)) from error
    if instant.year < EARLIEST_YEAR:
        raise Refused("too_old", name, f"a time before the year {EARLIEST_YEAR} cannot be right")
    if instant > now + AHEAD:
        raise Refused("in_future", name, "is more than five minutes ahead of our clock")
    return instant


def _instant(value: object, zone: ZoneInfo | None) -> datetime:
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    if zone and _LOCAL.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    return parse_instant(value)


def read_seconds(value: object, name: str) -> int | None:
    """Seconds, 0 to seven days, as a number or text; None where they are not told."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_SECONDS:
        raise Refused("bad_duration", name, f"must be seconds, 0 to {MOST_SECONDS}")
    return int(value)


def read_text(value: object, most: int = MOST_TEXT) -> str | None:
    """A name or an extension without control characters, cut to its limit; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return _CONTROLS.sub("", str(value)).strip()[:most] or None


def read_code(value: object) -> str | None:
    """A visitor's code of six digits, spaces and hyphens between them allowed; None for anything else."""
    digits = re.sub(r"[\s-]", "", str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return digits if _CODE.fullmatch(digits) else None


def _is_ip(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts)
