"""`skvoz calls pull uis`: a gap is filled from UIS's own report, on a double of its Data API and the true door of calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.numberpool.pbx.providers.uis_report import MOST_ROWS
from infra.cli.calls import pulling
from infra.cli.calls.pulling import FIELDS, LIMIT_EXCEEDED, LIMIT_PAUSE, Place, pulled
from infra.cli.replay import TRIES
from shared.errors import BadInput
from tests.api.numbers_door import Numbers, moto_dynamodb
from tests.api.open_calls import TOKEN, at, calls, check_story, publish, send, visits
from tests.api.test_calls_uis import REPORT, ROW_D, A
from tests.terminal import run

API, KEY = "https://dataapi.example/v2.0", "key-of-the-uis-account"
DOOR = f"https://api.example/v1/calls/uis/kvartal/{TOKEN}/report"
PLACE = Place(API, KEY, DOOR)
SINCE, UNTIL = datetime(2026, 10, 12), datetime(2026, 10, 29)  # the account's time, without a zone
ROWS = [*REPORT["result"]["data"], ROW_D]


class Uis:
    """UIS's Data API and our door; `trouble` are answers to give first, an exception among them is raised."""

    def __init__(self, numbers: Numbers, rows: list[dict[str, Any]]) -> None:
        self.numbers, self.rows = numbers, rows
        self.asked: list[dict[str, Any]] = []
        self.trouble: dict[str, list[Any]] = {API: [], DOOR: []}
        self.slept: list[float] = []

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self.trouble[url]:
            answer = self.trouble[url].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer  # type: ignore[no-any-return]
        if url == DOOR:
            taken = send(self.numbers, "uis", body, rest=f"{TOKEN}/report")
            return taken["statusCode"], taken["body"].encode()
        asked = json.loads(body)
        assert (asked["jsonrpc"], asked["method"]) == ("2.0", "get.calls_report")
        told = asked["params"]
        assert (told["access_token"], told["limit"], told["fields"]) == (KEY, MOST_ROWS, list(FIELDS))
        assert told["sort"] == [{"field": "start_time", "order": "asc"}]
        self.asked.append(told)
        found = sorted(
            (r for r in self.rows if told["date_from"] <= r["start_time"] <= told["date_till"]), key=lambda r: r["start_time"]
        )
        page = [{name: row[name] for name in FIELDS if name in row} for row in found[told["offset"] : told["offset"] + MOST_ROWS]]
        return 200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"data": page, "metadata": {}}}).encode()

    def pull(self) -> pulling.Pulled:
        return pulled(PLACE, SINCE, UNTIL, self.post, self.slept.append)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        made = Numbers(monkeypatch, dynamodb)
        publish(made, "uis")
        made.now = at("2026-10-29T12:00:00+03:00")
        yield made


def test_the_story_s_calls_are_found_though_nobody_was_notified_of_them(numbers: Numbers) -> None:
    visits(numbers)
    uis = Uis(numbers, ROWS)
    assert uis.pull() == (3, [])
    check_story(numbers)
    spans = [(told["date_from"], told["date_till"]) for told in uis.asked]
    assert spans == [
        ("2026-10-12 00:00:00", "2026-10-19 00:00:00"),
        ("2026-10-19 00:00:00", "2026-10-26 00:00:00"),
        ("2026-10-26 00:00:00", "2026-10-29 00:00:00"),
    ]


def test_pulling_again_and_over_notifications_changes_nothing(numbers: Numbers) -> None:
    send(numbers, "uis", A)
    uis = Uis(numbers, ROWS)
    uis.pull()
    before = calls(numbers)
    assert uis.pull().calls == 3
    assert calls(numbers) == before
    assert len({record["call_id"] for record in numbers.stored()}) == 3


def test_pages_are_read_to_the_last_row_and_told_one_by_one(numbers: Numbers) -> None:
    began = datetime(2026, 10, 13, 10)
    many = [{**ROW_D, "id": 1000 + n, "start_time": f"{began + timedelta(minutes=n)}"} for n in range(2 * MOST_ROWS)]
    uis, told = Uis(numbers, many), []

    def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if url != DOOR:
            return uis.post(url, body, headers)
        told.append([row["id"] for row in json.loads(body)["result"]["data"]])
        return 200, json.dumps({"calls": len(told[-1]), "refused": []}).encode()

    assert pulled(PLACE, SINCE, UNTIL, post, uis.slept.append) == (2 * MOST_ROWS, [])
    assert [each["offset"] for each in uis.asked] == [0, MOST_ROWS, 2 * MOST_ROWS, 0, 0], "a full page may be the last one"
    assert told == [[row["id"] for row in many[:MOST_ROWS]], [row["id"] for row in many[MOST_ROWS:]]]


def test_a_row_that_cannot_be_read_is_named_by_its_call(numbers: Numbers) -> None:
    uis = Uis(numbers, [{**ROWS[0], "direction": "sideways"}, *ROWS[1:]])
    assert uis.pull() == (2, [f"call {ROWS[0]['id']}, direction: must be in or out"])


def test_whoever_is_busy_or_away_is_asked_again(numbers: Numbers) -> None:
    uis = Uis(numbers, ROWS)
    limit = json.dumps({"error": {"code": LIMIT_EXCEEDED, "message": "limit", "data": {"mnemonic": "limit_exceeded"}}}).encode()
    uis.trouble = {API: [ConnectionError("down"), (502, b""), (200, limit)], DOOR: [(503, b"{}"), TimeoutError("slow")]}
    assert uis.pull().calls == 3
    assert uis.slept == [1, 2, LIMIT_PAUSE, 1, 2]


@pytest.mark.parametrize(
    ("url", "answer", "said"),
    [
        (API, (200, b'{"error": {"code": -32001, "message": "Access token is invalid"}}'), "Access token is invalid"),
        (API, (200, b'{"result": null}'), "no list of calls"),
        (API, (200, b"<html>"), "UIS refused"),
        (DOOR, (401, b'{"error": {"message": "no valid token"}}'), "no valid token"),
    ],
)
def test_a_refusal_ends_it_and_says_why(numbers: Numbers, url: str, answer: Any, said: str) -> None:
    uis = Uis(numbers, ROWS)
    uis.trouble[url] = [answer]
    with pytest.raises(BadInput, match=said):
        uis.pull()


def test_who_stays_away_is_given_up_without_telling_the_token(numbers: Numbers) -> None:
    uis = Uis(numbers, ROWS)
    uis.trouble[DOOR] = [ConnectionError(f"no way to {DOOR}")] * TRIES
    with pytest.raises(BadInput, match="did not answer after 6 tries") as raised:
        uis.pull()
    assert TOKEN not in str(raised.value)


def test_the_command_tells_what_it_did(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    uis = Uis(numbers, ROWS)
    monkeypatch.setattr(pulling, "post_bytes", uis.post)
    monkeypatch.setenv("SKVOZ_UIS_TOKEN", KEY)
    monkeypatch.setenv("SKVOZ_CALLS_TOKEN", TOKEN)
    span = ("--from", "2026-10-12", "--to", "2026-10-29")
    addresses = ("--api", API, "--endpoint", "https://api.example/")
    done = run("calls", "pull", "uis", "kvartal", *span, *addresses)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "3 calls of 2026-10-12 00:00:00 to 2026-10-29 00:00:00 told, 0 not read"
    for wrong in (("kvartal!", *span), ("kvartal", "--from", "2026-10-29", "--to", "2026-10-12")):
        assert run("calls", "pull", "uis", *wrong, *addresses).exit_code == 2
    assert run("calls", "pull", "uis", "kvartal", *span, "--api", "http://dataapi.example", *addresses[2:]).exit_code == 2
