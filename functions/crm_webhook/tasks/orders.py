"""Messages in the queue of tasks: `read` (something of the CRM, through its API), `send` (a new request, shared/new_requests.py),
`note` (for a deal, shared/deal_notes.py) and `upload` (a call for UIS, shared/call_uploads.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from functions.crm_webhook.outcome import Pointer
from shared import call_uploads, deal_notes
from shared.call_uploads import EndedCall
from shared.crm_settings import DOOR_NAME
from shared.ids import is_site_id
from shared.lake import Rejected
from shared.new_requests import PLACE, TASK
from shared.times import parse_instant

MOST_POINTERS = 50  # of one message: what is read within one run of the function


class Order(NamedTuple):
    """`read`: `provider` and `pointers`; `send`: `key`, where the request lies; `note`: `provider`, `deal`, and the `lines` of its
    request; `upload`: `provider` and `call`. `cause` is the id of the event behind it."""

    task: Literal["read", "send", "note", "upload"]
    site_id: str
    cause: str
    received_at: datetime
    provider: str = ""
    pointers: tuple[Pointer, ...] = ()
    key: str = ""
    deal: str = ""
    request_id: str = ""
    lines: tuple[str, ...] = ()
    call: EndedCall | None = None


def read_orders(site_id: str, provider: str, pointers: Sequence[Pointer], cause: str, received_at: datetime) -> Iterator[str]:
    """The messages for these pointers, each of them once; a queue's message holds 256 KB."""
    once = list(dict.fromkeys(pointers))
    head = {"task": "read", "site_id": site_id, "provider": provider, "webhook_id": cause, "received_at": received_at.isoformat()}
    for at in range(0, len(once), MOST_POINTERS):
        yield orjson.dumps({**head, "pointers": [list(pointer) for pointer in once[at : at + MOST_POINTERS]]}).decode()


def order_of(text: object) -> Order | Rejected:
    """The message, checked: anything else in the queue must not circle in it."""
    try:
        told = orjson.loads(str(text))
        head = {"site_id": told["site_id"], "cause": told["webhook_id"], "received_at": parse_instant(told["received_at"])}
        if not is_site_id(head["site_id"]) or not isinstance(head["cause"], str):
            raise ValueError("no site is called so")
        if told["task"] == TASK:
            return Order(TASK, **head, key=_key(told["key"]))
        if told["task"] == deal_notes.TASK:
            return _note(told, head)
        if told["task"] == call_uploads.TASK:
            return Order(call_uploads.TASK, **head, provider=call_uploads.PROVIDER, call=call_uploads.call_of(told["call"]))
        if told["task"] != "read" or not DOOR_NAME.fullmatch(told["provider"]):
            raise ValueError("no such task")
        pointers = tuple(Pointer(_text(entity), _text(number)) for entity, number in told["pointers"])
        return Order("read", **head, provider=told["provider"], pointers=pointers)
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("bad_message", f"the queue holds something that is no task ({type(error).__name__})")


def _note(told: Any, head: dict[str, Any]) -> Order:
    provider, deal, lines = _text(told["provider"]), _text(told["deal"]), tuple(map(_text, told["lines"]))
    if provider not in deal_notes.PROVIDERS or not deal_notes.DEAL.fullmatch(deal) or len(lines) > deal_notes.MOST_LINES:
        raise ValueError("no such note")
    return Order(deal_notes.TASK, **head, provider=provider, deal=deal, request_id=_text(told["request_id"]), lines=lines)


def _key(told: Any) -> str:
    if not _text(told).startswith(PLACE):
        raise ValueError("a request does not lie there")
    return str(told)


def _text(told: Any) -> str:
    if not isinstance(told, str) or not told:
        raise ValueError("must be text")
    return told
