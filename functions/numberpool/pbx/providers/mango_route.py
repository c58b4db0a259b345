"""Mango is told by its own API where a call goes, while the call is in its menu (VPBX API 1.9, commands/route).

The command is signed as its events are. Whatever fails is counted and logged, and the call goes where Mango puts it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from functions.numberpool.pbx.adapter import Reply
from functions.numberpool.pbx.proofs import form_of, key_pairs
from shared.log import count, logger
from shared.post import post
from shared.secrets import Secrets

DOOR = "calls-mango"
URL = "https://app.mango-office.ru/vpbx/commands/route"
SECONDS = 1.0  # the caller hears the menu


def tell_route(reply: Reply, secrets: Secrets) -> None:
    """Put the call where the site's routes say, where `calls.mango.tell_routes` is on. Never raises.

    A call that a command or an employee has moved already stays where it is: one whose destination is a menu would go in circles.
    """
    found = reply.found
    if not (reply.heard.own.get("tell_routes") and found and found.route):
        return
    try:
        told = orjson.loads(dict(form_of(reply.heard.request.body, DOOR))["json"])
        if not _is_new(told):
            return
        status = post(URL, _command(reply, secrets, str(told["call_id"]), found.route), _HEADERS, SECONDS)
        if status != 200:
            raise OSError(f"status {status}")
        count({"RouteTold": 1}, Door=DOOR)
    except Exception as error:
        count({"RouteNotTold": 1}, Door=DOOR)
        logger().error("the telephony was not told where a call goes", extra={"door": DOOR, "error": type(error).__name__})


_HEADERS = {"content-type": "application/x-www-form-urlencoded", "user-agent": "skvoz"}


def _is_new(told: Mapping[str, Any]) -> bool:
    caller = told.get("from")
    return not (isinstance(caller, dict) and caller.get("taken_from_call_id"))


def _command(reply: Reply, secrets: Secrets, call_id: str, to: str) -> bytes:
    key, salt = next(pair for pair in key_pairs(secrets, reply.heard.site, DOOR, reply.heard.now) if pair[0])
    text = orjson.dumps({"command_id": "skvoz", "call_id": call_id, "to_number": to}).decode()
    sign = hashlib.sha256(f"{key}{text}{salt}".encode()).hexdigest()
    return urlencode({"vpbx_api_key": key, "sign": sign, "json": text}).encode()
