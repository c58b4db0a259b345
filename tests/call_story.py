"""The calls of A, B and D as each telephony tells them, through its door: what is sent, and the records that it leaves.

The story tells when A and B called, and that D did; D's call is that of tests/api/open_calls.py, after her visit of 28 October.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api import test_calls_asterisk as asterisk
from tests.api import test_calls_calltouch as calltouch
from tests.api import test_calls_mango as mango
from tests.api import test_calls_mikopbx as mikopbx
from tests.api import test_calls_twilio as twilio
from tests.api import test_calls_twilio_parts as twilio_parts
from tests.api import test_calls_uis as uis
from tests.api import test_calls_zadarma as zadarma
from tests.api.numbers_door import Numbers, moto_dynamodb, told
from tests.api.open_calls import CALLS, D_CALL, SECRET, at, example, publish, send_signed, sent, visits
from tests.api.signed_calls import open_door
from tests.lakes import Record

CLIENTS = "ABD"
BY_CLIENT: Mapping[str, Mapping[str, Any]] = {"A": CALLS["A"], "B": CALLS["B"], "D": D_CALL}


def records_of(provider: str, patch: pytest.MonkeyPatch) -> list[Record]:
    """Call records of the lake after the telephony told the three calls, each of somebody who had his number shown."""
    with moto_dynamodb(patch) as dynamodb:
        numbers = Numbers(patch, dynamodb)
        visits(numbers)
        TELL[provider](numbers)
        return [Record("call", record) for record in numbers.stored()]


def _generic(numbers: Numbers) -> None:
    named = {"call_id": "kv-pbx-43188960201", "our_number": "84950000034", "client_number": D_CALL["from"], "duration": 141}
    times = {"start_time": D_CALL["start"], "agent_answer_time": D_CALL["answer"], "hangup_time": D_CALL["end"]}
    for place, body in enumerate((told("answered"), told("missed"), told("answered", **named, **times))):
        assert numbers.ring(body, webhook_id=f"msg_{place}")["statusCode"] == 200


def _uis(numbers: Numbers) -> None:
    publish(numbers, "uis")
    for body in (example("uis/call_finished.json"), example("uis/lost_call.json"), uis.D):
        sent(numbers, "uis", body)


def _mango(numbers: Numbers) -> None:
    open_door(numbers, "mango", f"{mango.KEY}:{mango.SALT}")
    for name in ("events_summary_answered", "events_summary_missed"):
        mango.example(numbers, name, mango.SUMMARY)
    assert mango.post(numbers, mango.signed(mango.call_of_d()))["statusCode"] == 200


def _zadarma(numbers: Numbers) -> None:
    open_door(numbers, "zadarma", zadarma.SECRET)
    d = {"pbx_call_id": "in_d", "call_start": "2026-10-28 12:36:00", "caller_id": D_CALL["from"], "called_did": "74950000034"}
    for fields in (*(zadarma.FIELDS[name] for name in ("notify_start", "notify_answer", "notify_end", "notify_end_missed")),
                   zadarma.told("notify_end", **d, duration="141", internal="215")):  # fmt: skip
        zadarma.post(numbers, fields)


def _twilio(numbers: Numbers) -> None:
    open_door(numbers, "twilio", twilio.TOKEN)
    for client in CLIENTS:
        for moment, fields in twilio_parts.moments(client, f"CA-{client}"):
            numbers.now = moment
            twilio_parts.take(numbers, fields)


def _calltouch(numbers: Numbers) -> None:
    publish(numbers, "calltouch")
    for body in (example("calltouch/webhook_call_end.form.txt"), urlencode(calltouch.B), urlencode(calltouch.D)):
        sent(numbers, "calltouch", body)


def _mikopbx(numbers: Numbers) -> None:
    publish(numbers, "mikopbx")
    bodies = (example("asterisk/mikopbx_interception.form.txt"), urlencode(mikopbx.B), urlencode(mikopbx.D))
    for client, body in zip(CLIENTS, bodies, strict=True):
        numbers.now = began(client) + timedelta(seconds=1)
        sent(numbers, "mikopbx", body)


def _asterisk(numbers: Numbers) -> None:
    numbers.clients.ssm.parameters["/skvoz/test/kvartal/calls-asterisk"] = SECRET
    publish(numbers, "asterisk", contexts=["from-trunk"])
    assert send_signed(numbers, {"events": [*asterisk.A, *asterisk.B, *asterisk.D]})["statusCode"] == 200


def began(client: str) -> datetime:
    return at(BY_CLIENT[client]["start"])


TELL: Mapping[str, Callable[[Numbers], None]] = {
    "generic": _generic,
    "uis": _uis,
    "mango": _mango,
    "zadarma": _zadarma,
    "twilio": _twilio,
    "calltouch": _calltouch,
    "mikopbx": _mikopbx,
    "asterisk": _asterisk,
}
