"""MikoPBX's call tracking module: a form or a query while a call rings, `caller`, `called`, `linkedid`, `channel`.

It tells only that a call arrived, once, and looks at nothing but a 200: how calls end is told by the poster of Asterisk, which
stands beside MikoPBX as well (providers/asterisk.py; one of the two, or each call is two). It gives up after two seconds and asks
once; what it told is stored all the same. The token comes in the path, or as the password of Basic authentication, which the module
has fields for.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from functions.numberpool.pbx.adapter import Adapter, Heard, Question, Reading, refused
from functions.numberpool.pbx.event import CallEvent
from functions.numberpool.pbx.providers.bodies import parameters_of, value_of
from functions.numberpool.pbx.reading import read_code, read_id, read_number, read_phone, read_time
from shared.http import Request
from shared.secrets import Secrets
from shared.security import token_fits
from shared.times import to_millis

DOOR = "calls-mikopbx"
_BEGAN = re.compile(r"(?:^|[^0-9])([0-9]{10})\.[0-9]+$")


def _verify(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    """Unauthorized unless the path or the password of Basic authentication is a valid token."""
    hashes = site["calls"]["mikopbx"].get("token_sha256") or ()
    given = [token for token in (rest.partition("/")[0], _password(request.headers.get("authorization", ""))) if token]
    if not any([token_fits(token, hashes) for token in given]):
        raise refused(DOOR, "token", "neither the address nor the password has a valid token of this site's telephony")
    return ""


def _password(header: str) -> str:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _read(heard: Heard) -> Reading:
    told = {name: value_of(value) for name, value in parameters_of(heard.request).items()}
    call_id, number = read_id(told.get("linkedid"), "linkedid"), read_number(told.get("called"), "called")
    caller, code = read_phone(told.get("caller")), read_code(told.get("code"))
    event = CallEvent(
        call_id=call_id,
        event_id="\x1f".join((call_id, number, str(caller), str(code))),
        order=(0, -to_millis(heard.now)),  # the first telling has the truest time
        number=number,
        caller=caller,
        is_incoming=True,
        started_at=_began(call_id, heard),
        visitor_code=code,
    )
    return Reading([event], Question(number, caller, code))


def _began(linked_id: str, heard: Heard) -> datetime:
    """The unix second in the id of the call's first channel; else the moment of telling, since it is told while it rings."""
    second = _BEGAN.search(linked_id)
    told = read_time(datetime.fromtimestamp(int(second[1]), UTC).isoformat(), "linkedid", heard.now, None) if second else None
    return told or heard.now


MIKOPBX = Adapter(
    name="mikopbx",
    setting="mikopbx",
    has_token=False,
    verify=_verify,
    read=_read,
    content_type="application/x-www-form-urlencoded",
    suffix="form",
    answers_within=1.5,
)
