"""Mango's own API is told where a call goes: what is sent, when nothing is, and that a failure costs nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from functions.numberpool.pbx.providers import mango_route
from tests.api.numbers_door import Numbers, counted, moto_dynamodb
from tests.api.signed_calls import gateway_event, open_door, payload, vectors

VECTORS = vectors("mango")
KEY, SALT = VECTORS["vpbx_api_key"], VECTORS["vpbx_api_salt"]
ROUTES = [{"to": "215"}]
APPEARED: dict[str, Any] = json.loads(dict(parse_qsl(payload("mango", "events_call_1_appeared.form.txt").decode()))["json"])
AT = datetime.fromtimestamp(APPEARED["timestamp"], UTC)


class Mango:
    """Stands in for `post`."""

    def __init__(self) -> None:
        self.answer: int | Exception = 200
        self.came: list[tuple[str, dict[str, str], float]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
        self.came.append((url, dict(parse_qsl(body.decode())), seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        open_door(made, "mango", f"{KEY}:{SALT}", ROUTES, tell_routes=True)
        made.now = AT + timedelta(seconds=1)
        yield made


@pytest.fixture
def mango(monkeypatch: pytest.MonkeyPatch) -> Mango:
    made = Mango()
    monkeypatch.setattr(mango_route, "post", made)
    return made


def tell(numbers: Numbers, **changes: Any) -> int:
    text = json.dumps(APPEARED | changes, ensure_ascii=False)
    sign = hashlib.sha256(f"{KEY}{text}{SALT}".encode()).hexdigest()
    body = urlencode({"vpbx_api_key": KEY, "sign": sign, "json": text}).encode()
    return int(numbers.call(gateway_event("mango", body, rest="events/call"))["statusCode"])


def test_a_call_in_the_menu_is_put_where_the_route_says(numbers: Numbers, mango: Mango, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(numbers) == 200
    ((url, form, seconds),) = mango.came
    assert url == "https://app.mango-office.ru/vpbx/commands/route"
    assert json.loads(form["json"]) == {"command_id": "skvoz", "call_id": APPEARED["call_id"], "to_number": "215"}
    assert form["vpbx_api_key"] == KEY
    assert form["sign"] == hashlib.sha256(f"{KEY}{form['json']}{SALT}".encode()).hexdigest()
    assert seconds == 1
    assert {"Door": "calls-mango", "RouteTold": 1} in counted(capsys.readouterr().out)


def test_without_the_setting_or_a_fitting_route_mango_is_not_called(numbers: Numbers, mango: Mango) -> None:
    open_door(numbers, "mango", f"{KEY}:{SALT}", ROUTES)
    assert tell(numbers) == 200
    open_door(numbers, "mango", f"{KEY}:{SALT}", [{"to": "215", "sources": ["vk"]}], tell_routes=True)
    assert tell(numbers) == 200
    open_door(numbers, "mango", f"{KEY}:{SALT}", tell_routes=True)
    assert tell(numbers) == 200
    assert mango.came == []


@pytest.mark.parametrize(
    "changes",
    [
        {"command_id": "skvoz"},
        {"command_id": "skvoz", "from": {**APPEARED["from"], "taken_from_call_id": "1"}},
        {"from": {**APPEARED["from"], "taken_from_call_id": "1"}},
        {"location": "abonent", "to": {**APPEARED["to"], "extension": "215"}},
        {"call_state": "Disconnected"},
    ],
)
def test_a_call_that_was_moved_already_or_rings_somewhere_stays_there(
    numbers: Numbers, mango: Mango, changes: dict[str, Any]
) -> None:
    assert tell(numbers, **changes) == 200
    assert mango.came == []


def test_an_event_that_came_before_moves_nothing(numbers: Numbers, mango: Mango) -> None:
    assert [tell(numbers), tell(numbers)] == [200, 200]
    assert len(mango.came) == 1


def test_an_event_that_was_held_up_moves_nothing(numbers: Numbers, mango: Mango) -> None:
    numbers.now = AT + timedelta(seconds=31)
    assert tell(numbers) == 200
    assert mango.came == []
    numbers.now = AT + timedelta(seconds=30)
    assert tell(numbers, entry_id="another") == 200
    assert len(mango.came) == 1


@pytest.mark.parametrize("answer", [500, 401, TimeoutError("slow"), OSError("down")])
def test_a_failure_is_counted_and_the_event_is_taken(
    numbers: Numbers, mango: Mango, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    mango.answer = answer
    assert tell(numbers) == 200
    out = capsys.readouterr().out
    assert {"Door": "calls-mango", "RouteNotTold": 1} in counted(out)
    assert '"level":"ERROR"' in out
    assert SALT not in out
    assert len(numbers.stored()) == 1
