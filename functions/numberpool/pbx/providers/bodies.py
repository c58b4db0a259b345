"""Bodies of telephonies that cannot sign: bytes → what they tell. Pure.

Windows-1251 is read where the bytes are no UTF-8: old PBXs and hand-made scripts send it.
"""

from __future__ import annotations

from typing import Any

import orjson

from functions.numberpool.pbx.adapter import Refused
from shared.forms import FormRefused, pairs_of
from shared.http import Request

UNSET = frozenset({"", "none", "null", "undefined", "<unknown>"})  # how telephonies write that they have no value


def json_of(body: bytes) -> Any:
    """The JSON of a body. Refused (bad_body) where it is none: the raw bytes lie in quarantine by then."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("windows-1251", "replace")
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Refused("bad_body", "body", "is not valid JSON: placeholders must stand without quotes of their own") from error


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; Refused (bad_body) otherwise."""
    content = json_of(body)
    if not isinstance(content, dict):
        raise Refused("bad_body", "body", "must be a JSON object, one call")
    return content


def parameters_of(request: Request) -> dict[str, Any]:
    """What a GET's query or a POST's form tells, a JSON object too; where both tell a name, the body counts. Of repeated names the
    last."""
    try:
        told: dict[str, Any] = dict(pairs_of(request.raw_query.encode("utf-8", "surrogatepass")))
        if request.body.lstrip()[:1] == b"{":
            return told | object_of(request.body)
        return told | dict(pairs_of(request.body))
    except FormRefused as error:
        raise Refused("bad_body", "body", str(error)) from error


def value_of(told: object) -> Any:
    """A value as it is; None where the telephony writes that it has none."""
    return None if isinstance(told, str) and told.strip().casefold() in UNSET else told
