"""What is left of a request for a number: visitor codes, marks that a telephony is told, records of the lake; on moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.leases import pool_key
from shared.records import LEASE, column_names
from shared.times import lake_text
from tests.api.numbers_door import POOL, SETTINGS, Numbers, body_of, counted, moto_dynamodb, visitor_id
from tests.api.test_numbers_pools import POOLS, ROBOT, Stale, asked, spb


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        door = Numbers(monkeypatch, dynamodb)
        door.publish(SETTINGS, pools=POOLS)
        yield door


# --- codes ------------------------------------------------------------------------------------------------------------------------


def test_a_visitor_who_asks_for_a_code_gets_his_with_and_without_a_free_number(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, visitor_codes=True)
    without = numbers.lease(1, code=True)
    assert without["kind"] == "default"
    assert without["code"].isdigit()
    assert len(without["code"]) == 6
    numbers.fill()
    assert numbers.lease(1, code=True)["code"] == without["code"]
    assert numbers.lease(1, code=True)["code"] == without["code"]  # his lease is kept: the same again
    assert numbers.lease(2, code=True)["code"] != without["code"]


def test_no_code_is_given_that_nobody_asked_for_or_the_site_does_not_have(numbers: Numbers) -> None:
    assert "code" not in numbers.lease(1, code=True)
    numbers.publish(SETTINGS, visitor_codes=True)
    others: tuple[Any, ...] = (False, 1, "true", [], None)
    for sent in others:
        assert "code" not in numbers.lease(1, code=sent)
    assert "code" not in numbers.lease(1)
    assert "code" not in asked(numbers, 1, ROBOT, code=True)
    assert numbers.items("code#") == []


def test_a_code_that_cannot_be_stored_never_costs_the_number(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    numbers.publish(SETTINGS, visitor_codes=True)
    numbers.fill()
    broken = Stale(numbers, {})
    broken.asked = 1
    broken.update_item = lambda **_: 1 / 0  # type: ignore[attr-defined]
    numbers.clients.dynamodb = broken
    numbers.forget()
    given = numbers.lease(1, code=True)
    assert (given["kind"], "code" in given) == ("dynamic", False)
    assert {"CodeNotGiven": 1} in counted(capsys.readouterr().out)


# --- marks and records ------------------------------------------------------------------------------------------------------------


def test_a_telephony_is_told_the_ad_while_it_rings(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.lease(1, utm_source="google", utm_medium="cpc", utm_campaign="Осень", utm_content="7", utm_term="двери " + "x" * 200)
    told = body_of(numbers.ask(POOL[0]))
    assert (told["visitor_id"], told["utm_source"], told["utm_campaign"]) == (visitor_id(1), "google", "Осень")
    (item,) = numbers.items(pool_key("kvartal"))
    (opened,) = numbers.items("history#")
    assert item["marks"] == opened["marks"]
    assert len(item["marks"]["M"]["utm_term"]["S"]) == 100


def test_the_marks_of_a_former_visitor_do_not_stay_with_the_number_but_with_his_assignment(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.lease(1, utm_source="google")
    numbers.later(hours=1)
    numbers.lease(2)
    (item,) = numbers.items(pool_key("kvartal"))
    assert "marks" not in item
    history = sorted(numbers.items("history#"), key=lambda item: item["sk"]["S"])
    assert [each.get("marks") for each in history] == [{"M": {"utm_source": {"S": "google"}}}, None]
    assert "until" in history[0]


def test_each_new_lease_is_recorded_with_the_one_before_it(numbers: Numbers) -> None:
    numbers.fill(*POOL[:2])
    numbers.publish(SETTINGS, prefix_percent=100)
    given = numbers.lease(1, utm_source="google", utm_term="anna@shop.example двери")
    numbers.lease(1)
    numbers.renew(1, given)
    numbers.later(seconds=400)
    again = numbers.lease(1, test=True)
    first, second = numbers.answered()
    assert first == {
        "record_id": given["lease"]["id"],
        "site_id": "kvartal",
        "occurred_at": lake_text(numbers.now - timedelta(seconds=400)),
        "received_at": lake_text(numbers.now - timedelta(seconds=400)),
        "via": "tracker",
        "visitor_id": visitor_id(1),
        "pool": "main",
        "kind": "dynamic",
        "reason": "new",
        "number": given["number"],
        "lease_id": given["lease"]["id"],
        "held_numbers": 1,
        "pool_numbers": 2,
        "utm_source": "google",
        "utm_term": "[email] двери",
    }
    assert (second["reason"], second["lease_id"], second["is_test"]) == ("again", again["lease"]["id"], True)
    assert second["former_lease_id"] == given["lease"]["id"]
    assert second["former_until"] == lake_text(numbers.now - timedelta(seconds=100))
    assert second["former_is_confirmed"] is True
    assert second["held_numbers"] == 1
    assert second.keys() <= column_names(LEASE)


def test_whoever_got_no_lease_is_recorded_with_the_reason(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    numbers.lease(1)
    numbers.lease(2, utm_source="vk", utm_medium="cpc")
    numbers.lease(3, page_url=spb())
    asked(numbers, 4, ROBOT)
    told = [
        (r["pool"], r["kind"], r["reason"], r["number"], r.get("held_numbers"), r.get("pool_numbers")) for r in numbers.answered()
    ]
    assert told[1:] == [
        ("main", "static", "pool_full", "+74950000041", 1, 1),
        ("spb", "default", "no_pool", "+78120000010", 0, 0),
        ("main", "default", "robot", "+74950000010", None, None),
    ]
    assert not any("lease_id" in record for record in numbers.answered()[1:])


def test_the_same_request_at_the_same_instant_is_the_same_record(numbers: Numbers) -> None:
    numbers.lease(1)
    numbers.lease(1)
    numbers.later(seconds=1)
    numbers.lease(1)
    ids = [record["record_id"] for record in numbers.answered()]
    assert ids[0] == ids[1] != ids[2]


def test_a_lake_that_fails_costs_the_record_and_never_the_number(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    numbers.fill()
    numbers.clients.firehose.fail("put_record")
    numbers.clients.s3.fail("put_object")
    assert numbers.lease(1)["kind"] == "dynamic"
    assert {"LeaseRecordLost": 1} in counted(capsys.readouterr().out)


def test_a_record_goes_to_s3_where_firehose_refuses(numbers: Numbers) -> None:
    numbers.fill()
    numbers.clients.firehose.fail("put_record")
    given = numbers.lease(1)
    (key,) = numbers.clients.s3.keys("lake", "raw/lease/")
    assert given["lease"]["id"] in key


def test_a_visitor_whose_token_cannot_be_read_is_recorded_as_nobody(numbers: Numbers) -> None:
    del numbers.clients.ssm.parameters["/skvoz/test/visitor"]
    numbers.forget()
    body = {"site": "kvartal", "visitor": "a.1.b"}
    assert body_of(numbers.post("numbers_lease_post", body))["reason"] == "unavailable"
    (record,) = numbers.answered()
    assert (record["reason"], "visitor_id" in record) == ("unavailable", False)


@pytest.mark.parametrize("name", ["region", "page_url", "utm_source", "code", "test", "lease"])
@pytest.mark.parametrize("value", ["\x00" * 500, "'; DROP TABLE x; --", "=1+1", "я" * 3000, [], {}, 1e300, {"a": [None]}, True])
def test_hostile_fields_end_in_a_number_and_a_record(numbers: Numbers, name: str, value: Any) -> None:
    numbers.fill()
    assert numbers.lease(1, **{name: value})["kind"] == "dynamic"
    (record,) = numbers.answered()
    assert "\x00" not in str(record)


def test_a_lease_is_one_query_and_one_transaction_a_renewal_one_write_and_a_code_one_more(numbers: Numbers) -> None:
    numbers.publish(SETTINGS, visitor_codes=True)
    numbers.fill()
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    numbers.dynamodb.meta.events.register("before-call.dynamodb", note)
    try:
        given = numbers.lease(1)
        assert calls == ["Query", "TransactWriteItems"]
        numbers.renew(1, given)
        assert calls[2:] == ["UpdateItem"]
        numbers.lease(2, code=True)
        assert calls[3:] == ["Query", "TransactWriteItems", "UpdateItem"]
    finally:
        numbers.dynamodb.meta.events.unregister("before-call.dynamodb", note)
