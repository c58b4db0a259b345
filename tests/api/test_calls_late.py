"""Calls that are told months late, by every telephony: the history decides as long as it is kept, and nothing is invented after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.api import test_calls_asterisk as asterisk
from tests.api import test_calls_mango as mango
from tests.api import test_calls_twilio as twilio
from tests.api import test_calls_zadarma as zadarma
from tests.api.numbers_door import TABLE, Numbers, moto_dynamodb, told, visitor_id
from tests.api.open_calls import CALLS, SECRET, VISITORS, at, example, publish, sees, send, send_signed
from tests.api.signed_calls import open_door, rejected

A = CALLS["A"]
OPEN = {
    "uis": "uis/call_finished.json",
    "calltouch": "calltouch/webhook_call_end.form.txt",
    "mikopbx": "asterisk/mikopbx_interception.form.txt",
}


def _open_one(provider: str) -> Callable[[Numbers], dict[str, Any]]:
    def tell(numbers: Numbers) -> dict[str, Any]:
        publish(numbers, provider)
        return send(numbers, provider, example(OPEN[provider]))

    return tell


def _asterisk(numbers: Numbers) -> dict[str, Any]:
    numbers.clients.ssm.parameters["/skvoz/test/kvartal/calls-asterisk"] = SECRET
    publish(numbers, "asterisk", contexts=["from-trunk"])
    return send_signed(numbers, {"events": asterisk.A})


def _mango(numbers: Numbers) -> dict[str, Any]:
    open_door(numbers, "mango", f"{mango.KEY}:{mango.SALT}")
    return mango.post(numbers, mango.ANSWERED)


def _zadarma(numbers: Numbers) -> dict[str, Any]:
    open_door(numbers, "zadarma", zadarma.SECRET)
    return numbers.call(zadarma.sent(zadarma.END))


def _twilio(numbers: Numbers) -> dict[str, Any]:
    open_door(numbers, "twilio", twilio.TOKEN)
    return numbers.call(twilio.sent(twilio.COMPLETED))


# What each telephony tells of client A's call. A signature that knows no time of sending is believed for a month only.
TELL: Mapping[str, Callable[[Numbers], dict[str, Any]]] = {
    "generic": lambda numbers: numbers.ring(told("answered")),
    **{provider: _open_one(provider) for provider in OPEN},
    "asterisk": _asterisk,
}
TELL_WITHIN_A_MONTH = {"mango": _mango, "zadarma": _zadarma, "twilio": _twilio}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """Client A was on the site until his call."""
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        sees(made, "A", A["to"], at(A["start"]) - timedelta(minutes=3), at(A["start"]))
        yield made


def pass_days(numbers: Numbers, days: int) -> None:
    """The clock, and what DynamoDB's TTL takes away."""
    numbers.later(days=days)
    for item in numbers.items(""):
        if int(item.get("expires_at", {"N": "9" * 12})["N"]) < numbers.now.timestamp():
            numbers.dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


@pytest.mark.parametrize("provider", TELL)
@pytest.mark.parametrize(("days", "by", "visitor"), [(90, "lease", visitor_id(VISITORS["A"])), (401, "nothing", None)])
def test_a_call_told_months_late_is_its_lease_s_and_nobody_s_once_the_history_is_over(
    numbers: Numbers, provider: str, days: int, by: str, visitor: str | None
) -> None:
    pass_days(numbers, days)
    answer = TELL[provider](numbers)
    assert answer["statusCode"] == 200, answer["body"]
    record = numbers.stored()[-1]
    assert (record["resolved_by"], record.get("visitor_id"), record["number"]) == (by, visitor, A["to"])
    assert record["occurred_at"][:19] == at(A["start"]).strftime("%Y-%m-%d %H:%M:%S"), "it began when it began"


@pytest.mark.parametrize("provider", TELL_WITHIN_A_MONTH)
@pytest.mark.parametrize(("days", "by"), [(30, "lease"), (90, "too_old"), (401, "too_old")])
def test_a_call_whose_signature_knows_no_time_is_refused_after_a_month(numbers: Numbers, provider: str, days: int, by: str) -> None:
    pass_days(numbers, days)
    status = TELL_WITHIN_A_MONTH[provider](numbers)["statusCode"]
    if by == "lease":
        assert (status, [record["resolved_by"] for record in numbers.stored()]) == (200, ["lease"])
    else:
        assert (status, rejected(numbers, provider), numbers.stored()) == (400, [by], [])
