"""Leases through the handler, on moto: a visitor's number over his visits, and what he sees when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.numberpool import lease as lease_module
from shared.leases import pool_key
from tests.api.numbers_door import POOL, SETTINGS, TABLE, Numbers, body_of, counted, moto_dynamodb, recorded, visitor_id


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    with moto_dynamodb(monkeypatch) as dynamodb:
        yield Numbers(monkeypatch, dynamodb)


class Broken:
    """A DynamoDB client whose operations fail, or fail first and then work."""

    def __init__(self, real: Any, failing: dict[str, list[ClientError]]) -> None:
        self._real, self._failing, self.exceptions, self.calls = real, failing, real.exceptions, 0

    def __getattr__(self, name: str) -> Any:
        if not self._failing.get(name):
            return getattr(self._real, name)

        def fail(**_: Any) -> None:
            self.calls += 1
            waiting = self._failing[name]
            raise waiting[0] if len(waiting) == 1 else waiting.pop(0)

        return fail


def refusal(code: str, *reasons: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "made up"}}
    if reasons:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, "TransactWriteItems")


def use(numbers: Numbers, **failing: list[ClientError]) -> Broken:
    broken = Broken(numbers.dynamodb, failing)
    numbers.clients.dynamodb = broken
    numbers.forget()
    return broken


def test_the_whole_life_of_a_lease(numbers: Numbers) -> None:
    """Leased, kept alive, over, back again to the same number, lost to another."""
    numbers.fill(POOL[0])
    first = numbers.lease(1)
    assert first["kind"] == "dynamic"
    assert first["number"] == POOL[0]
    assert first["shown"] == "+7 495 000-00-31"
    assert first["lease"]["expires_in"] == 90
    assert first["renew_every"] == 60
    assert first["replaces"] == ["+74950000010", "+74950000011"]
    numbers.later(seconds=60)
    assert numbers.renew(1, first) == {"id": first["lease"]["id"], "expires_in": 300}
    numbers.later(seconds=301)
    assert numbers.renew(1, first) is None
    again = numbers.lease(1)
    assert again["number"] == POOL[0]
    assert again["lease"]["id"] != first["lease"]["id"]
    assert numbers.lease(2)["reason"] == "pool_full"
    numbers.later(seconds=90 + 299)
    assert numbers.lease(2)["kind"] == "default"
    numbers.later(seconds=1)  # 300 s after a lease without a sign of life
    other = numbers.lease(2)
    assert other["number"] == POOL[0]
    assert numbers.renew(1, again) is None
    assert numbers.lease(1)["reason"] == "pool_full"
    history = sorted(numbers.items(f"history#{POOL[0]}"), key=lambda item: item["sk"]["S"])
    assert [item["visitor_id"]["S"] for item in history] == [visitor_id(1), visitor_id(1), visitor_id(2)]
    assert [item.get("is_confirmed", {}).get("BOOL") for item in history] == [True, False, None]
    assert ["until" in item for item in history] == [True, True, False]
    ends = [int(item.get("until", item["leased_at"])["N"]) for item in history]
    assert [int(item["expires_at"]["N"]) for item in history] == [end // 1000 + 400 * 86_400 for end in ends]


def test_a_second_request_of_the_visitor_keeps_his_lease_and_is_a_sign_of_life(numbers: Numbers) -> None:
    numbers.fill()
    first = numbers.lease(1)
    numbers.later(seconds=89)
    second = numbers.lease(1)
    assert (second["number"], second["lease"]["id"]) == (first["number"], first["lease"]["id"])
    assert second["lease"]["expires_in"] == 300
    assert len(numbers.items("history#")) == 1


def test_a_confirmed_number_cools_down_for_half_an_hour(numbers: Numbers) -> None:
    numbers.fill(POOL[0])
    given = numbers.lease(1)
    numbers.later(seconds=10)
    numbers.renew(1, given)
    numbers.later(seconds=300 + 1799)
    assert numbers.lease(2)["reason"] == "pool_full"
    numbers.later(seconds=1)
    assert numbers.lease(2)["number"] == POOL[0]


def test_never_used_numbers_go_first(numbers: Numbers) -> None:
    numbers.fill()
    numbers.publish(SETTINGS, prefix_percent=100)
    given = set()
    for visitor in range(len(POOL)):
        given.add(numbers.lease(visitor)["number"])
        numbers.later(hours=2)
    assert given == set(POOL)


def test_one_address_prefix_gets_one_number_of_a_small_pool(numbers: Numbers) -> None:
    numbers.fill()
    assert numbers.lease(1, ip="198.51.100.1")["kind"] == "dynamic"
    refused = numbers.lease(2, ip="198.51.100.200")
    assert (refused["kind"], refused["reason"], refused["lease"]) == ("default", "too_many_from_address", None)
    assert numbers.lease(3, ip="198.51.101.1")["kind"] == "dynamic"


def test_a_flood_from_one_address_drains_nothing(numbers: Numbers) -> None:
    numbers.fill()
    kinds = [numbers.lease(visitor, ip="203.0.113.9")["kind"] for visitor in range(30)]
    assert kinds == ["dynamic"] + ["default"] * 29
    assert numbers.lease(99)["kind"] == "dynamic"


def test_without_a_free_number_the_source_has_its_own(numbers: Numbers) -> None:
    given = numbers.lease(1, utm_source="VK", utm_medium="cpc", utm_campaign="15520873")
    assert (given["kind"], given["number"], given["reason"]) == ("static", "+74950000041", "no_pool")
    assert numbers.lease(1, utm_source="vk", utm_medium="organic")["kind"] == "default"
    by_page = numbers.lease(
        1,
        page_url="https://kvartal.example/?utm_source=banner&utm_medium=offline&utm_campaign=%D0%A2%D0%B2%D0%B5%D1%80%D1%81%D0%BA%D0%B0%D1%8F",
    )
    assert by_page["number"] == "+74950000051"
    assert by_page["shown"] == "+7 495 000-00-51"


def test_a_site_without_numbers_is_told_so(numbers: Numbers) -> None:
    numbers.publish({"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"]})
    given = numbers.lease(1)
    assert (given["number"], given["shown"], given["kind"], given["reason"], given["replaces"]) == (
        None,
        None,
        "none",
        "no_pool",
        [],
    )


# What makes a lease request end so, and the metric that the operator is told it by; the marks are those of a static number.
STATIC = {"utm_source": "vk", "utm_medium": "cpc"}


@pytest.mark.parametrize(
    ("pool", "before", "marks", "kind", "reason"),
    [
        (POOL, [], {}, "dynamic", "new"),
        (POOL, [1], {}, "dynamic", "kept"),
        ((), [], {}, "default", "no_pool"),
        ((), [], STATIC, "static", "no_pool"),
        (POOL[:1], [2], {}, "default", "pool_full"),
        (POOL[:1], [2], STATIC, "static", "pool_full"),
        (POOL, ["neighbour"], {}, "default", "too_many_from_address"),
        (POOL, ["neighbour"], STATIC, "static", "too_many_from_address"),
    ],
)
def test_each_number_given_is_counted_with_its_kind_and_reason(
    numbers: Numbers,
    capsys: pytest.CaptureFixture[str],
    pool: tuple[str, ...],
    before: list[Any],
    marks: dict[str, str],
    kind: str,
    reason: str,
) -> None:
    if pool:
        numbers.fill(*pool)
    for visitor in before:
        if visitor == "neighbour":
            numbers.lease(2, ip="198.51.100.200")
        else:
            numbers.lease(visitor, ip=f"203.0.{visitor}.9")
    capsys.readouterr()
    given = numbers.lease(1, ip="198.51.100.1", **marks)
    assert given["kind"] == kind
    told = [line for line in counted(capsys.readouterr().out) if "LeaseGiven" in line]
    assert told == [{"Kind": kind, "Reason": reason, "LeaseGiven": 1}]


def test_a_number_that_came_again_and_a_site_without_numbers_are_counted_too(
    numbers: Numbers, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers.fill(POOL[0])
    numbers.lease(1)
    numbers.later(seconds=91)
    numbers.lease(1)
    numbers.publish({"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"]})
    numbers.later(days=1)
    for number in POOL[:1]:
        numbers.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": pool_key("kvartal")}, "sk": {"S": number}})
    numbers.lease(1)
    told = [(line["Kind"], line["Reason"]) for line in counted(capsys.readouterr().out) if "LeaseGiven" in line]
    assert told == [("dynamic", "new"), ("dynamic", "again"), ("none", "no_pool")]


def test_a_retired_number_stays_with_its_visitor_and_goes_to_nobody_else(numbers: Numbers) -> None:
    numbers.fill(POOL[0], POOL[1])
    given = numbers.lease(1)
    key = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": given["number"]}}
    values = {":one": {"N": "1"}}
    numbers.dynamodb.update_item(
        TableName=TABLE, Key=key, UpdateExpression="SET retired_at = :one", ExpressionAttributeValues=values
    )
    numbers.later(seconds=30)
    assert numbers.lease(1)["number"] == given["number"]
    numbers.later(hours=5)
    assert numbers.lease(1)["number"] != given["number"]


def test_pools_of_sites_are_apart(numbers: Numbers) -> None:
    numbers.fill(POOL[0], site="other")
    assert numbers.lease(1)["reason"] == "no_pool"


# --- who may ask ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("forged", "token"), ("", "token"), (None, "token"), (17, "token"), (visitor_id(1), "token"), ("other site", "token"),
        ("changed", "token"), ("stale", "stale_token"),
    ],
)  # fmt: skip
def test_a_lease_needs_a_token_of_the_last_day(
    numbers: Numbers, token: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers.fill()
    made = {
        "other site": numbers.token(1, site="other"),
        "changed": numbers.token(1).replace(visitor_id(1), visitor_id(2)),
        "stale": numbers.token(1, age=timedelta(hours=24, seconds=1)),
    }
    answer = numbers.post("numbers_lease_post", {"site": "kvartal", "visitor": made.get(token, token)})
    assert answer["statusCode"] == 401
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"
    assert {"Door": "numbers", "Reason": reason, "Refused": 1} in counted(capsys.readouterr().out)
    assert numbers.items("history#") == []


def test_a_token_of_a_day_is_young_enough(numbers: Numbers) -> None:
    numbers.fill()
    body = {"site": "kvartal", "visitor": numbers.token(1, age=timedelta(hours=23, minutes=59))}
    assert body_of(numbers.post("numbers_lease_post", body))["kind"] == "dynamic"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400), ("[]", 400), ("", 400), ('"text"', 400), ('{"visitor": 1}', 400), ('{"site": 7}', 400),
        ('{"site": "nobody"}', 404), ('{"site": "../x"}', 404), ('{"site": "kvartal", "pad": "' + "x" * 33_000 + '"}', 413),
    ],
)  # fmt: skip
@pytest.mark.parametrize("event", ["numbers_lease_post", "numbers_renew_post"])
def test_bad_bodies_have_a_stated_answer(numbers: Numbers, event: str, body: str, status: int) -> None:
    answer = numbers.post(event, body)
    assert answer["statusCode"] == status
    assert body_of(answer)["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_wrong_headers_are_refused(numbers: Numbers, headers: dict[str, str], status: int) -> None:
    body = {"site": "kvartal", "visitor": numbers.token(1)}
    assert numbers.post("numbers_lease_post", body, headers=headers)["statusCode"] == status


@pytest.mark.parametrize("lease", [None, [], "x", {}, {"number": "+74950000031"}, {"number": 7, "id": "x"}])
def test_a_renewal_says_what_it_holds(numbers: Numbers, lease: Any) -> None:
    body = {"site": "kvartal", "visitor": numbers.token(1), "lease": lease}
    answer = numbers.post("numbers_renew_post", body)
    assert answer["statusCode"] == 400
    assert body_of(answer)["error"]["fields"][0]["path"] == "lease"


@pytest.mark.parametrize("number", ["", "x", "+74950000099", "+74950000031", "+" * 2000])
def test_a_made_up_lease_is_lost(numbers: Numbers, number: str) -> None:
    numbers.fill()
    numbers.lease(1)
    assert numbers.renew(1, {"number": number, "lease": {"id": visitor_id(5)}}) is None


def test_nobody_renews_the_lease_of_another(numbers: Numbers) -> None:
    numbers.fill()
    given = numbers.lease(1)
    assert numbers.renew(2, given) is None
    assert numbers.renew(1, given) is not None


def test_preflight_is_answered_for_the_site(numbers: Numbers) -> None:
    answer = numbers.call(recorded("numbers_lease_options"))
    assert answer["statusCode"] == 204
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"


# --- stores that fail, races ------------------------------------------------------------------------------------------------------


def test_a_page_keeps_a_number_while_the_table_fails(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    use(numbers, query=[refusal("InternalServerError")])
    given = numbers.lease(1)
    assert (given["kind"], given["number"], given["reason"]) == ("default", "+74950000010", "unavailable")
    assert {"Kind": "default", "Reason": "unavailable", "LeaseGiven": 1} in counted(capsys.readouterr().out)


def test_a_page_keeps_a_number_while_tokens_cannot_be_checked(numbers: Numbers) -> None:
    del numbers.clients.ssm.parameters["/skvoz/test/visitor"]
    numbers.forget()
    body = {"site": "kvartal", "visitor": "a.1.b"}
    assert body_of(numbers.post("numbers_lease_post", body))["reason"] == "unavailable"


def test_a_renewal_is_repeated_while_the_table_fails(numbers: Numbers, capsys: pytest.CaptureFixture[str]) -> None:
    numbers.fill()
    given = numbers.lease(1)
    use(numbers, update_item=[refusal("InternalServerError")])
    body = {"site": "kvartal", "visitor": numbers.token(1), "lease": {"number": given["number"], "id": given["lease"]["id"]}}
    assert numbers.post("numbers_renew_post", body)["statusCode"] == 503
    assert {"RenewalFailed": 1} in counted(capsys.readouterr().out)


@pytest.mark.parametrize(
    "error",
    [
        refusal("TransactionCanceledException", "None", "ConditionalCheckFailed", "None"),
        refusal("TransactionCanceledException", "TransactionConflict"),
        refusal("TransactionCanceledException", "ThrottlingError", "None"),
        refusal("ThrottlingException"),
        refusal("TransactionInProgressException"),
    ],
)
def test_a_lost_race_is_tried_four_times(numbers: Numbers, error: ClientError, capsys: pytest.CaptureFixture[str]) -> None:
    numbers.fill()
    broken = use(numbers, transact_write_items=[error])
    assert numbers.lease(1)["reason"] == "busy"
    assert broken.calls == lease_module.TRIES
    assert sum(line.get("LeaseConflict", 0) for line in counted(capsys.readouterr().out)) == lease_module.TRIES


def test_a_transaction_that_is_wrong_is_not_tried_again(numbers: Numbers) -> None:
    numbers.fill()
    broken = use(numbers, transact_write_items=[refusal("TransactionCanceledException", "None", "ValidationError")])
    assert numbers.lease(1)["reason"] == "unavailable"
    assert broken.calls == 1


def test_who_read_before_another_wrote_gets_another_number(numbers: Numbers) -> None:
    """The second visitor's view of the pool is the one before the first visitor's lease."""
    numbers.fill()
    numbers.publish(SETTINGS, prefix_percent=100)
    before = numbers.dynamodb.query(
        TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": pool_key("kvartal")}}
    )
    taken = {numbers.lease(visitor)["number"] for visitor in range(3)}

    class Stale:
        """The first query is answered as before."""

        exceptions, asked = numbers.dynamodb.exceptions, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(numbers.dynamodb, name)

        def query(self, **arguments: Any) -> Any:
            self.asked += 1
            return before if self.asked == 1 else numbers.dynamodb.query(**arguments)

    numbers.clients.dynamodb = Stale()
    numbers.forget()
    given = numbers.lease(7, ip="10.0.0.7")  # of the prefix of visitor 0: his lease was not seen either
    assert given["kind"] == "dynamic"
    assert given["number"] not in taken


def test_two_requests_of_one_visitor_at_once_give_one_lease(numbers: Numbers) -> None:
    numbers.fill()
    empty = {"Items": [{"pk": {"S": pool_key("kvartal")}, "sk": {"S": number}} for number in POOL]}
    first = numbers.lease(1)

    class Stale:
        exceptions, asked = numbers.dynamodb.exceptions, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(numbers.dynamodb, name)

        def query(self, **arguments: Any) -> Any:
            self.asked += 1
            return empty if self.asked == 1 else numbers.dynamodb.query(**arguments)

    numbers.clients.dynamodb = Stale()
    numbers.forget()
    second = numbers.lease(1)
    assert (second["number"], second["lease"]["id"]) == (first["number"], first["lease"]["id"])
    assert len(numbers.items("history#")) == 1


def test_a_lease_shorter_than_the_guard_can_follow_itself(numbers: Numbers) -> None:
    numbers.fill()
    numbers.publish(SETTINGS, first_lease_seconds=30)
    first = numbers.lease(1)
    numbers.later(seconds=31)
    again = numbers.lease(1)
    assert again["number"] == first["number"]
    assert again["lease"]["id"] != first["lease"]["id"]


def test_the_guard_of_a_short_lease_keeps_no_free_number_from_a_visitor(numbers: Numbers) -> None:
    """His number went to another as soon as his lease was over: he gets the other free one, though he leased half a minute ago."""
    numbers.fill(POOL[0])
    numbers.publish(SETTINGS, first_lease_seconds=30, unconfirmed_cool_down_seconds=0)
    numbers.lease(1)
    numbers.later(seconds=31)
    assert numbers.lease(2)["number"] == POOL[0]
    numbers.fill(POOL[1])
    numbers.later(seconds=4)
    assert numbers.lease(1)["number"] == POOL[1]


@pytest.mark.parametrize("name", ["visitor", "page_url", "utm_source", "lease", "site", "more"])
def test_a_deeply_nested_field_is_no_crash(numbers: Numbers, name: str) -> None:
    numbers.fill()
    body = {"site": "kvartal", "visitor": numbers.token(1), "lease": {"number": POOL[0], "id": "x"}, name: "DEEP"}
    text = json.dumps(body).replace('"DEEP"', "[" * 1000 + "]" * 1000)
    for route in ("numbers_lease_post", "numbers_renew_post"):
        assert numbers.post(route, text)["statusCode"] in (200, 400, 401)


def test_a_late_sign_of_life_does_not_bring_back_a_number_whose_visitor_got_another(numbers: Numbers) -> None:
    """His number was retired and its lease over by one request's clock; the sign's own time is before that end."""
    numbers.fill(POOL[0], POOL[1])
    former = numbers.lease(1)
    where = {"pk": {"S": pool_key("kvartal")}, "sk": {"S": former["number"]}}
    one = {":one": {"N": "1"}}
    numbers.dynamodb.update_item(
        TableName=TABLE, Key=where, UpdateExpression="SET retired_at = :one", ExpressionAttributeValues=one
    )
    numbers.later(seconds=91)
    assert numbers.lease(1)["number"] != former["number"]
    numbers.later(seconds=-2)
    assert numbers.renew(1, former) is None
    numbers.later(hours=2)
    numbers.dynamodb.update_item(TableName=TABLE, Key=where, UpdateExpression="REMOVE retired_at")
    again = [numbers.lease(visitor) for visitor in (2, 3)]
    assert former["number"] in {given["number"] for given in again}
    assert all(numbers.renew(visitor, given) for visitor, given in zip((2, 3), again, strict=True)), "a lease like any"
