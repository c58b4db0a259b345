"""Renewals of leased numbers that ride in batches of hits, on DynamoDB (moto)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.leases import pool_key
from shared.times import to_millis
from tests.api.collect_door import VISITOR, Collect, body_of, counted, now_of, token_of
from tests.api.dynamo import dynamodb, items

NOW = now_of("hits_post")
NUMBER, LEASE = "+74950000031", "01a12f0e-0000-7000-8000-00000000001e"
HELD = {"number": NUMBER, "id": LEASE}
KNOWN = "0199d7a1-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch, tables: Any) -> Collect:
    """The number is leased to KNOWN for 40 seconds more."""
    collect = Collect(monkeypatch)
    collect.clients.dynamodb = tables
    item = {
        "pk": {"S": pool_key("kvartal")},
        "sk": {"S": NUMBER},
        "lease_id": {"S": LEASE},
        "visitor_id": {"S": KNOWN},
        "until": {"N": str(to_millis(NOW + timedelta(seconds=40)))},
        "is_confirmed": {"BOOL": False},
    }
    tables.put_item(TableName="numbers", Item=item)
    return collect


def until(collect: Collect) -> int:
    [item] = items(collect.clients.dynamodb, "numbers")
    return int(item["until"])


def seconds_left(collect: Collect) -> float:
    return (until(collect) - to_millis(NOW)) / 1000


def test_a_batch_renews_the_lease_of_its_visitor(collect: Collect) -> None:
    answer = collect.hits(visitor=token_of(KNOWN), lease=HELD)
    assert body_of(answer)["lease"] == {"id": LEASE, "expires_in": 300}
    assert seconds_left(collect) == 300
    assert items(collect.clients.dynamodb, "numbers")[0]["is_confirmed"] is True


def test_the_visitor_of_the_cookie_renews_too(collect: Collect) -> None:
    answer = collect.hits(cookies=[f"skvoz_kvartal={token_of(KNOWN)}"], lease=HELD)
    assert body_of(answer)["lease"] == {"id": LEASE, "expires_in": 300}


def test_a_lease_lasts_as_long_as_the_settings_say(collect: Collect) -> None:
    numbers = {"lease_seconds": 900}
    collect.publish({"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"], "numbers": numbers})
    assert body_of(collect.hits(visitor=token_of(KNOWN), lease=HELD))["lease"]["expires_in"] == 900
    assert seconds_left(collect) == 900


def test_the_answer_speaks_of_a_lease_only_where_one_was_sent(collect: Collect) -> None:
    assert "lease" not in body_of(collect.hits(visitor=token_of(KNOWN)))
    assert seconds_left(collect) == 40


def test_a_lease_that_is_over_is_lost(collect: Collect) -> None:
    over = str(to_millis(NOW - timedelta(milliseconds=1)))
    key = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": NUMBER}}
    update = {"UpdateExpression": "SET #u = :u", "ExpressionAttributeNames": {"#u": "until"}}
    collect.clients.dynamodb.update_item(TableName="numbers", Key=key, ExpressionAttributeValues={":u": {"N": over}}, **update)
    assert body_of(collect.hits(visitor=token_of(KNOWN), lease=HELD))["lease"] is None
    assert until(collect) == int(over)


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param({"visitor": token_of(VISITOR)}, id="another visitor's token"),
        pytest.param({"visitor": VISITOR}, id="a proposal"),
        pytest.param({"visitor": KNOWN}, id="the bare id"),
        pytest.param({"visitor": token_of(KNOWN, secret="other")}, id="a forged token"),
        pytest.param({"visitor": token_of(KNOWN, site="other")}, id="another site's token"),
        pytest.param({"visitor": None}, id="nobody"),
        pytest.param({"visitor": token_of(KNOWN), "consent": "denied"}, id="denied consent"),
        pytest.param({"visitor": token_of(KNOWN), "lease": {**HELD, "id": VISITOR}}, id="another lease"),
        pytest.param({"visitor": token_of(KNOWN), "lease": {**HELD, "number": "+74950000032"}}, id="another number"),
    ],
)
def test_nobody_else_renews(collect: Collect, batch: dict[str, Any]) -> None:
    answer = collect.hits(**{"lease": HELD, **batch})
    assert body_of(answer)["accepted"] == 1
    assert body_of(answer)["lease"] is None
    assert seconds_left(collect) == 40
    assert len(items(collect.clients.dynamodb, "numbers")) == 1


@pytest.mark.parametrize(
    "lease",
    [
        7, "x", True, [], {}, [HELD], {"number": NUMBER}, {"id": LEASE}, {**HELD, "id": 7}, {**HELD, "number": 74950000031},
        {**HELD, "number": "74950000031"}, {**HELD, "number": "+٧٤٩٥٠٠٠٠٠٣١"}, {**HELD, "number": NUMBER + "\n"},
        {**HELD, "number": "+" + "7" * 3000}, {**HELD, "id": "x" * 3000}, {**HELD, "id": ""}, {**HELD, "id": LEASE + "\n"},
    ],
)  # fmt: skip
def test_a_lease_of_another_shape_is_no_lease_and_asks_no_store(collect: Collect, lease: object) -> None:
    collect.clients.dynamodb = None
    answer = collect.hits(visitor=token_of(KNOWN), lease=lease)
    assert (body_of(answer)["accepted"], body_of(answer)["lease"]) == (1, None)


def test_test_traffic_and_refused_hits_are_signs_of_life_too(collect: Collect) -> None:
    assert body_of(collect.hits(visitor=token_of(KNOWN), lease=HELD, test=True))["lease"] == {"id": LEASE, "expires_in": 300}
    assert body_of(collect.hits({"id": "bad"}, visitor=token_of(KNOWN), lease=HELD))["lease"] == {"id": LEASE, "expires_in": 300}


def test_a_store_that_fails_leaves_the_lease_out_and_loses_no_hit(
    collect: Collect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBERS_TABLE", "no-such-table")
    answer = collect.hits(visitor=token_of(KNOWN), lease=HELD)
    assert answer["statusCode"] == 202
    assert body_of(answer).keys() == {"accepted", "rejected", "visitor", "token"}
    assert len(collect.stored()) == 1
    printed = capsys.readouterr().out
    assert [line["RenewalFailed"] for line in counted(printed, "RenewalFailed")] == [1]
    assert NUMBER not in printed


def test_no_renewal_where_hits_could_not_be_stored(collect: Collect) -> None:
    collect.clients.firehose.fail("put_record")
    collect.clients.s3.fail("put_object")
    assert collect.hits(visitor=token_of(KNOWN), lease=HELD)["statusCode"] == 503
    assert seconds_left(collect) == 40


def test_a_lease_of_another_pool_is_renewed_there_for_its_own_time(collect: Collect) -> None:
    numbers = {"lease_seconds": 900, "pools": [{"name": "spb", "regions": ["spb"], "lease_seconds": 120}]}
    collect.publish({"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"], "numbers": numbers})
    item = dict(collect.clients.dynamodb.scan(TableName="numbers")["Items"][0], pk={"S": pool_key("kvartal", "spb")})
    collect.clients.dynamodb.put_item(TableName="numbers", Item=item)
    try:
        answer = collect.hits(visitor=token_of(KNOWN), lease={**HELD, "pool": "spb"})
        assert body_of(answer)["lease"] == {"id": LEASE, "expires_in": 120}
        ends = {each["pk"]: int(each["until"]) - to_millis(NOW) for each in items(collect.clients.dynamodb, "numbers")}
        assert ends == {pool_key("kvartal"): 40_000, pool_key("kvartal", "spb"): 120_000}
    finally:
        collect.clients.dynamodb.delete_item(TableName="numbers", Key={"pk": item["pk"], "sk": item["sk"]})


@pytest.mark.parametrize("pool", ["b2b", "", "main#x", "../x", "MAIN", "x" * 5000, 7, None, [], {}])
def test_a_lease_of_a_pool_that_is_not_there_is_lost(collect: Collect, pool: Any) -> None:
    answer = collect.hits(visitor=token_of(KNOWN), lease={**HELD, "pool": pool})
    assert body_of(answer)["lease"] is None
    assert seconds_left(collect) == 40
