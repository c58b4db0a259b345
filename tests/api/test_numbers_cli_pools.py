"""`skvoz numbers`: test calls, files of numbers, the state of the pools, planning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from functions.numberpool.choice import Number
from functions.numberpool.rules import Rules
from infra.cli.main import app
from infra.cli.numbers import trying
from infra.cli.numbers.watching import _warnings, fill_of
from shared.pool_size import numbers_for
from tests.api.numbers_cli import NUMBER, added, numbers_of_commands, pool, run
from tests.api.numbers_door import FILES, SETTINGS, Numbers
from tests.api.test_calls import ringing


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with numbers_of_commands(monkeypatch) as door:
        yield door


# --- a test call before the first visitor -----------------------------------------------------------------------------------------


def test_a_number_is_leased_only_after_a_call_to_it_came(numbers: Numbers) -> None:
    numbers.now = datetime.now(UTC).replace(microsecond=0)
    run("add", "kvartal", NUMBER)
    numbers.later(seconds=5)
    assert numbers.lease(1)["reason"] == "no_pool"
    assert numbers.ring(ringing(numbers.now))["statusCode"] == 200
    assert numbers.stored()[-1]["is_test"] is True
    assert numbers.lease(1)["number"] == NUMBER
    numbers.later(seconds=20)
    numbers.ring(ringing(numbers.now), webhook_id="msg_9")
    assert not numbers.stored()[-1].get("is_test")
    assert numbers.stored()[-1]["resolved_by"] == "lease"
    assert "no number awaits" in run("test", "kvartal").stdout


def test_a_number_that_comes_back_awaits_a_test_again(numbers: Numbers) -> None:
    numbers.now = datetime.now(UTC).replace(microsecond=0)
    run("add", "kvartal", NUMBER)
    numbers.later(seconds=5)
    numbers.ring(ringing(numbers.now))
    run("retire", "kvartal", NUMBER)
    run("add", "kvartal", NUMBER)
    assert numbers.lease(1)["reason"] == "no_pool"
    numbers.later(seconds=30)
    numbers.ring(ringing(numbers.now), webhook_id="msg_9")
    assert numbers.stored()[-1]["is_test"] is True
    assert numbers.lease(1)["number"] == NUMBER


def test_a_retired_number_stays_out_whatever_calls_it(numbers: Numbers) -> None:
    numbers.now = datetime.now(UTC).replace(microsecond=0)
    run("add", "kvartal", NUMBER)
    run("retire", "kvartal", NUMBER)
    assert "no number awaits" in run("test", "kvartal", NUMBER).stdout
    numbers.later(seconds=5)
    numbers.ring(ringing(numbers.now))
    assert numbers.lease(1)["reason"] == "no_pool"


def test_who_waits_is_told_with_the_time_and_what_to_do(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, pools=[{"name": "spb", "regions": ["spb"]}])
    run("add", "kvartal", NUMBER)
    run("add", "kvartal", "+74950000032", "--pool", "spb")
    said = run("test", "kvartal").stdout
    assert f"{NUMBER} (pool main) awaits its test call since {datetime.now(UTC):%Y-%m-%d}" in said
    assert "+74950000032 (pool spb)" in said
    assert "call each of them now" in said
    assert NUMBER not in run("test", "kvartal", "--pool", "spb").stdout
    assert "+74950000032" not in run("test", "kvartal", NUMBER).stdout
    assert "awaits test since" in run("list", "kvartal").stdout


def test_waiting_ends_when_the_calls_came(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers.now = datetime.now(UTC).replace(microsecond=0)
    run("add", "kvartal", NUMBER)
    numbers.later(seconds=5)
    slept: list[float] = []

    def ring_meanwhile(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            numbers.ring(ringing(numbers.now))

    monkeypatch.setattr(trying, "sleep", ring_meanwhile)
    assert f"{NUMBER} is in" in run("test", "kvartal", "--wait", "60").stdout
    assert len(slept) == 3


def test_waiting_is_bounded_and_says_whose_call_did_not_come(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    run("add", "kvartal", NUMBER)
    clock = [0.0]
    monkeypatch.setattr(trying, "monotonic", lambda: clock[0])
    monkeypatch.setattr(trying, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    assert f"no call came within 7 s to: {NUMBER}" in run("test", "kvartal", "--wait", "7", status=1).stdout
    assert clock[0] == 7


def test_trust_lets_named_numbers_in_and_nothing_else(numbers: Numbers) -> None:
    run("add", "kvartal", NUMBER, "+74950000032")
    assert "name the numbers" in run("test", "kvartal", "--trust", status=2).stderr
    assert "is no number of kvartal" in run("test", "kvartal", "+74950000099", "--trust", status=2).stderr
    assert "let in without a call" in run("test", "kvartal", NUMBER, "--trust").stdout
    assert "none of them awaits" in run("test", "kvartal", NUMBER, "--trust").stdout
    assert {numbers.lease(visitor).get("number") for visitor in range(3)} == {NUMBER, "+74950000010"}


# --- files ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"number,pool\n+74950000031,main\n8 (495) 000-00-32,spb\n",
        "\ufeffNumber;Pool;\u0413\u043e\u0440\u043e\u0434\r\n+74950000031;;\u041c\u043e\u0441\u043a\u0432\u0430\r\n84950000032;spb;\r\n;;\r\n".encode(),
        "\u0413\u043e\u0440\u043e\u0434;number;pool\r\n\u041c\u043e\u0441\u043a\u0432\u0430;74950000031;main\r\n\u041f\u0438\u0442\u0435\u0440;74950000032;spb\r\n".encode(
            "cp1251"
        ),
        "number\tpool\n+74950000031\tmain\n+74950000032\tspb\n".encode("utf-16"),
    ],
)
def test_a_file_fills_the_pools(numbers: Numbers, tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(raw)
    run("import", "kvartal", str(file))
    assert (pool(numbers), pool(numbers, name="spb")) == ([NUMBER], ["+74950000032"])
    assert numbers.lease(1)["reason"] == "no_pool"  # they await their test calls


def test_a_file_with_a_wrong_line_adds_nothing_and_says_all_of_them(numbers: Numbers, tmp_path: Path) -> None:
    run("add", "other", "+74950000039")
    file = tmp_path / "numbers.csv"
    lines = ["number,pool", NUMBER, "7,4950E+10,x", "101,main", "+74950000032,a/b", "", "84950000031,spb", ",main"]
    file.write_text("\n".join(lines), "utf-8")
    said = run("import", "kvartal", str(file), status=2).stderr
    for line, what in [
        (3, "is no phone"),
        (4, "101 is no phone"),
        (5, "names of pools"),
        (7, "stands in line 2"),
        (8, "nothing is"),
    ]:
        assert re.search(rf"line {line}: .*{what}", said), (line, said)
    assert pool(numbers) == []
    file.write_text(f"number\n{NUMBER}\n+74950000039\n", "utf-8")
    assert "line 3: belongs to pool main of other" in run("import", "kvartal", str(file), status=2).stderr
    assert pool(numbers) == []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"phone,pool\n+74950000031,main\n", "the first line names the columns"), (b"number,pool\n", "no numbers"),
        (b'number\n"+7495\x00\n', "is no"), (b"\x00\xff\xfe" * 50, "the first line names"), (b"\n\n", "the first line names"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_numbers_is_refused(numbers: Numbers, tmp_path: Path, raw: bytes, said: str) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(raw)
    assert said in run("import", "kvartal", str(file), status=2).stderr


def test_a_file_that_is_not_there_is_told(numbers: Numbers, tmp_path: Path) -> None:
    assert "cannot be read" in run("import", "kvartal", str(tmp_path / "none.csv"), status=2).stderr


# --- the site's settings ----------------------------------------------------------------------------------------------------------


def test_static_and_default_numbers_are_nobodys_own(numbers: Numbers) -> None:
    for phone in ("+74950000041", "+74950000010"):
        assert "everybody sees it" in run("add", "kvartal", phone, "--bucket", FILES, status=2).stderr


def test_a_pool_that_the_settings_do_not_name_is_noted(numbers: Numbers) -> None:
    said = run("add", "kvartal", NUMBER, "--pool", "spb", "--bucket", FILES).stdout
    assert "the settings of kvartal have no pool spb" in said
    numbers.publish(SETTINGS, pools=[{"name": "spb", "regions": ["spb"]}])
    assert "note" not in run("add", "kvartal", "+74950000032", "--pool", "spb", "--bucket", FILES).stdout


def test_status_has_a_line_a_pool_and_warns_where_few_are_free(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, pools=[{"name": "spb", "regions": ["spb"]}], prefix_percent=100)
    added(NUMBER, "+74950000032", "+74950000033")
    run("add", "kvartal", "+74950000034")
    run("retire", "kvartal", "+74950000033")
    numbers.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=4)
    numbers.lease(1)  # cools down by now
    numbers.now = datetime.now(UTC).replace(microsecond=0)
    numbers.lease(2)
    said = run("status", "kvartal", "--bucket", FILES).stdout
    (row,) = [line for line in said.splitlines() if " main " in line and "\u2502" in line]
    assert [cell.strip() for cell in row.strip("\u2502").split("\u2502")] == ["main", "2", "1", "1", "0", "1", "1", "100%"]
    assert "pool main: only 0 of 2 numbers are free" in said
    assert "pool main: 1 numbers await their test call: skvoz numbers test kvartal --pool main" in said
    assert "pool spb: no number can be leased" in said


def test_a_pool_with_a_tenth_free_is_not_warned_of() -> None:
    free = [Number(str(place)) for place in range(1)]
    held = [Number(str(place), "l", "v", 0, 10, True) for place in range(9)]
    assert _warnings("kvartal", "main", fill_of([*free, *held], 0, Rules())) == []
    assert _warnings("kvartal", "main", fill_of([*free, *held, held[0]], 0, Rules())) != []


# --- planning ---------------------------------------------------------------------------------------------------------------------


def planned(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["numbers", "plan", *arguments])


def test_a_plan_says_how_many_numbers_are_enough() -> None:
    """200 visitors an hour, three minutes each, no lease after them and no cool-down: 10 erlang."""
    told = planned("--visitors-per-hour", "200", "--visit", "180", "--tail", "0", "--cooldown", "0", "--numbers", "10")
    assert (told.exit_code, "10.0 at a time" in told.output) == (0, True)
    assert "    18 numbers: at most 1 %" in told.output
    assert "    10 numbers: 21.5% of the visitors" in told.output


def test_a_plan_with_tail_and_cool_down() -> None:
    told = planned("--visitors-per-hour", "200", "--visit", "180", "--tail", "150", "--cooldown", "600")
    assert "hold a number for 930 s each: 51.7 at a time" in told.output
    assert f"{numbers_for(200 * 930 / 3600, 0.01):6d} numbers: at most 1 %" in told.output


def test_a_plan_that_no_pool_can_hold_is_told() -> None:
    assert "divide the visitors among pools by rules" in planned("--visitors-per-hour", "2000").output
    too_many = planned("--visitors-per-hour", "1000000")
    assert (too_many.exit_code, "a shorter cool-down needs fewer" in too_many.output) == (2, True)
