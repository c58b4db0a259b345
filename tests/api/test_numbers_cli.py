"""`skvoz numbers` on moto: a number belongs to one pool anywhere, and its history outlives it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.leases import pool_key
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.times import to_millis
from tests.api.numbers_cli import NUMBER, added, numbers_of_commands, pool, run
from tests.api.numbers_door import FILES, TABLE, Numbers, body_of
from tests.api.test_calls import leased, ringing


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with numbers_of_commands(monkeypatch) as door:
        yield door


def aged(numbers: Numbers, **ago: float) -> None:
    """As if the number's last lease had ended so long ago."""
    until = to_millis(datetime.now(UTC) - timedelta(**ago))
    key = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": NUMBER}}
    numbers.dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET #until = :until",
        ExpressionAttributeNames={"#until": "until"},
        ExpressionAttributeValues={":until": {"N": str(until)}},
    )


def test_added_numbers_are_told_with_what_comes_next(numbers: Numbers) -> None:
    said = run("add", "kvartal", "8 (495) 000-00-31", "0074950000032", NUMBER).stdout
    assert said.splitlines()[:2] == [f"{NUMBER} added to pool main of kvartal", "+74950000032 added to pool main of kvartal"]
    assert "skvoz numbers test kvartal" in said.splitlines()[2]
    assert pool(numbers) == [NUMBER, "+74950000032"]


def test_adding_again_changes_nothing(numbers: Numbers) -> None:
    added(NUMBER)
    given = numbers.lease(1)
    assert "already" in run("add", "kvartal", NUMBER).stdout
    assert numbers.lease(1)["lease"]["id"] == given["lease"]["id"]


def test_a_number_of_another_site_is_refused_by_its_name_and_nothing_is_added(numbers: Numbers) -> None:
    run("add", "other", NUMBER)
    said = run("add", "kvartal", "+74950000032", NUMBER, status=2).stderr
    assert f"{NUMBER}: belongs to pool main of other" in said
    assert f"skvoz numbers retire other {NUMBER}" in said
    assert pool(numbers) == []


def test_a_number_belongs_to_one_pool_of_a_site(numbers: Numbers) -> None:
    run("add", "kvartal", NUMBER, "--pool", "b2b")
    assert "pool b2b of kvartal" in run("add", "kvartal", NUMBER, status=2).stderr
    assert pool(numbers, name="b2b") == [NUMBER]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "kvartal", "101"), "101: is no phone number"),
        (("add", "Kvartal!", NUMBER), "names of sites"),
        (("add", "kvartal", NUMBER, "--pool", "a/b"), "names of sites"),
        (("retire", "kvartal", NUMBER), "is not in pool main of kvartal"),
        (("list", "../x"), "names of sites"),
    ],
)
def test_mistakes_are_told_with_what_to_do(numbers: Numbers, arguments: tuple[str, ...], said: str) -> None:
    assert said in run(*arguments, status=2).stderr


def test_a_pool_has_at_most_1000_numbers(numbers: Numbers) -> None:
    many = [f"+7495{n:07d}" for n in range(1001)]
    assert "at most 1000" in run("add", "kvartal", *many, status=2).stderr
    assert pool(numbers) == []


def test_a_retired_number_lets_its_lease_run_out_and_still_resolves_calls(numbers: Numbers) -> None:
    added(NUMBER)
    numbers.now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)
    leased(numbers, 1)
    start = numbers.now
    assert "keeps it until he leaves" in run("retire", "kvartal", NUMBER).stdout
    numbers.later(seconds=60)
    assert numbers.lease(1)["number"] == NUMBER
    numbers.later(days=2)
    assert numbers.lease(1)["reason"] == "no_pool"
    assert body_of(numbers.ring(ringing(start + timedelta(seconds=5))))["resolved_by"] == "lease"
    assert pool(numbers) == []


def test_a_retired_number_comes_back_to_its_pool_with_its_past(numbers: Numbers) -> None:
    added(NUMBER)
    leased(numbers, 1)
    start = numbers.now
    run("retire", "kvartal", NUMBER)
    run("add", "kvartal", NUMBER)
    assert pool(numbers) == [NUMBER]
    numbers.later(minutes=30)
    assert numbers.lease(1)["reason"] == "no_pool"  # it awaits a test call again
    run("test", "kvartal", NUMBER, "--trust")
    assert numbers.lease(1)["number"] == NUMBER
    assert body_of(numbers.ring(ringing(start)))["resolved_by"] == "lease"


def test_a_retired_number_moves_to_another_site_a_day_after_its_last_lease(numbers: Numbers) -> None:
    added(NUMBER)
    leased(numbers, 1)
    start = numbers.now
    run("retire", "kvartal", NUMBER)
    assert "who may still call; add it after" in run("add", "other", NUMBER, status=2).stderr
    aged(numbers, hours=23, minutes=59)
    run("add", "other", NUMBER, status=2)
    aged(numbers, days=1, seconds=1)
    run("add", "other", NUMBER)
    assert (pool(numbers), pool(numbers, "other")) == ([], [NUMBER])
    assert "is not in pool" in run("retire", "kvartal", NUMBER, status=2).stderr
    assert "belongs to pool main of other" in run("add", "kvartal", NUMBER, status=2).stderr
    assert body_of(numbers.ring(ringing(start - timedelta(days=30))))["resolved_by"] == "nothing"


def test_the_list_tells_phases_and_times_and_no_visitors(numbers: Numbers) -> None:
    added("+74950000032", NUMBER, "+74950000033")
    numbers.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=4)
    given = {visitor: numbers.lease(visitor)["number"] for visitor in (1, 2)}  # over for two and a half minutes
    run("retire", "kvartal", given[2])
    lines = {line.split()[1]: line for line in run("list", "kvartal").stdout.splitlines() if "+7495" in line}
    assert "cooling" in lines[given[1]]
    assert f"{numbers.now:%Y-%m-%d %H:%M:%S}" in lines[given[1]]
    assert "retired, cooling" in lines[given[2]]
    (unused,) = set(lines) - set(given.values())
    assert "free" in lines[unused]
    assert "never" in lines[unused]
    assert "0199d7a1" not in "".join(lines.values())


def test_the_list_reckons_with_the_sites_own_cool_downs(numbers: Numbers) -> None:
    added(NUMBER)
    numbers.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=4)
    numbers.lease(1)
    settings = {"site_id": "kvartal", "name": "К", "hosts": ["k.example"], "numbers": {"unconfirmed_cool_down_seconds": 0}}
    body = orjson.dumps(published(parse_settings(settings)))
    numbers.clients.s3.put_object(Bucket=FILES, Key=current_key("kvartal"), Body=body)
    assert "free" in next(line for line in run("list", "kvartal", "--bucket", FILES).stdout.splitlines() if NUMBER in line)


def test_an_empty_pool_is_told(numbers: Any) -> None:
    assert "skvoz numbers add kvartal" in run("list", "kvartal").stdout
