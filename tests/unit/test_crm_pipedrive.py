"""Pipedrive: its password, its webhooks, and what a deal's changelog becomes."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.pipedrive.hooks import PASSED_OVER, REASONS
from functions.crm_webhook.proofs import Sent, basic_where_set
from shared.errors import Unauthorized
from shared.http import Request
from shared.identity import keyed_hash
from shared.secrets import Secrets
from tests.api.crm_apis import KEY, site_of, standing, states, took

DATA = Path(__file__).parents[1] / "data" / "pipedrive"
COMPANY = "9047716"
CLIENT_ID, ORDER = "2baec1ea42ea764eb3ecdb51b973395680fb509f", "f2bf0d11cd47a1250f472ecf37f9969f7bdb30a2"
SITE = site_of("pipedrive", company_id=COMPANY, fields={"visitor_id": CLIENT_ID, "order_id": ORDER})
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("shop", "delivery-1", NOW, KEY)


# Proof


def sent(authorization: str, told: str = "kvartal:fake-pipedrive-basic") -> Sent:
    headers = {"authorization": authorization} if authorization else {}
    request = Request("POST /v1/crm", {}, {}, headers, {}, b"", "", NOW, "id")
    return Sent(request, "shop", {}, Secrets({"secret": told}.get), "secret", "crm-pipedrive")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_recorded_password_proves_its_sender() -> None:
    line = next(one for one in (DATA / "deal_change_won.headers.txt").read_text().splitlines() if one.startswith("Authorization"))
    assert basic_where_set(sent(line.partition(": ")[2])) == ""
    assert basic_where_set(sent(basic("kvartal:old"), "kvartal:new kvartal:old")) == ""


@pytest.mark.parametrize("wrong", ["", "Basic", "Basic ???", "Bearer abc", basic("kvartal:other"), basic("kvartal"), basic("")])
def test_a_wrong_or_missing_password_is_refused_where_one_is_set(wrong: str) -> None:
    with pytest.raises(Unauthorized, match="user and password"):
        basic_where_set(sent(wrong))
    assert basic_where_set(sent(wrong, "")) == ""


# Webhooks


def recorded(name: str, site: dict[str, Any] = SITE) -> Outcome:
    return took(site, "pipedrive", (DATA / f"{name}.json").read_bytes(), ARRIVAL)


def told(name: str, site: dict[str, Any] = SITE) -> list[dict[str, Any]]:
    outcome = recorded(name, site)
    assert outcome.rejected == []
    return states([outcome])


def take(told: Any, site: dict[str, Any] = SITE) -> Outcome:
    return took(site, "pipedrive", json.dumps(told).encode(), ARRIVAL)


def event(action: str = "change", entity: str = "deal", previous: Any = None, meta: Any = None, **data: Any) -> dict[str, Any]:
    head = {"action": action, "entity": entity, "company_id": COMPANY, "entity_id": "8817", "timestamp": "2026-10-14T09:15:40.500Z"}
    deal = {"id": 8817, "value": 100, "currency": "RUB", "status": "open", "stage_id": 72, "pipeline_id": 12, "person_id": 40977}
    deal |= {"add_time": "2026-10-12T07:56:02Z", "update_time": "2026-10-14T09:15:40Z"} | data
    return {"meta": head | (meta or {}), "data": None if action == "delete" else deal, "previous": previous}


def test_a_new_deal_is_told_whole_and_read_for_its_client() -> None:
    outcome = recorded("deal_create")
    (one,) = states([outcome])
    expected = {
        "occurred_at": "2026-10-12 07:56:02.000", "deal_created_at": "2026-10-12 07:56:02.000", "deal_id": "8817", "via": "crm",
        "provider": "pipedrive", "pipeline": "12", "stage": "71", "amount": 0.0, "currency": "RUB", "contact_id": "40977",
        "manager": "15530271", "visitor_id": "179179082645120937", "is_handmade": False, "is_deleted": False,
    }  # fmt: skip
    assert {name: one.get(name) for name in expected} == expected
    assert outcome.to_read == [Pointer("deal", "8817")]


def test_a_won_deal_on_its_second_attempt_is_won_at_its_own_time() -> None:
    (one,) = told("deal_change_won")
    assert (one["stage"], one["amount"], one["order_id"]) == ("won", 186400.0, "KV-2417")
    assert one["occurred_at"] == "2026-10-29 13:20:31.000"
    assert recorded("deal_change_won").to_read == []


def test_whole_numbers_in_place_of_text_and_seconds_in_place_of_iso_are_the_same_event() -> None:
    (one,) = told("deal_change_int_types")
    assert (one["deal_id"], one["stage"], one["occurred_at"], one["visitor_id"]) == (
        "8817", "72", "2026-10-14 09:15:40.000", "179179082645120937",
    )  # fmt: skip


def test_a_deal_deleted_by_a_merge_in_a_bulk_edit_names_its_survivor() -> None:
    (one,) = told("deal_delete_merged")
    assert (one["deal_id"], one["is_deleted"], one["merged_into"]) == ("8820", True, "8817")
    assert one["occurred_at"] == "2026-11-02 07:00:03.551"


def test_the_survivors_own_event_tells_the_same_merge() -> None:
    outcome = take(event(meta={"merged_from_id": "8820"}, previous={"update_time": "2026-10-13T00:00:00Z"}))
    found = states([outcome])
    assert standing(found, "8820")["merged_into"] == "8817"
    assert (standing(found, "8817")["is_deleted"], outcome.to_read) == (False, [Pointer("deal", "8817")])


@pytest.mark.parametrize("again", ["delivery-2", "delivery-3"])
def test_another_attempt_of_an_event_makes_the_same_records(again: str) -> None:
    first = json.loads((DATA / "deal_change_won.json").read_bytes())
    first["meta"]["attempt"] = 4
    later = took(SITE, "pipedrive", json.dumps(first).encode(), Arrival("shop", again, NOW + timedelta(seconds=150), KEY))
    assert [one["record_id"] for one in states([later])] == [one["record_id"] for one in told("deal_change_won")]


def test_a_deal_edited_after_its_closing_is_won_at_the_moment_of_its_closing() -> None:
    outcome = take(event(status="won", won_time="2026-10-13T08:00:00Z", update_time="2026-10-14T09:15:40Z", lost_time=None))
    assert [(one["occurred_at"][:19], one["stage"], one.get("amount")) for one in states([outcome])] == [
        ("2026-10-13 08:00:00", "won", None),
        ("2026-10-14 09:15:40", "won", 100.0),
    ]


def test_a_lost_deal_tells_why_by_the_settings_name_of_the_reason() -> None:
    site = site_of("pipedrive", company_id=COMPANY, loss_reasons={"no answer": "Не дозвонились"})
    (one,) = states([take(event(status="lost", lost_reason="no answer", lost_time="2026-10-14T09:15:40Z"), site)])
    assert (one["stage"], one["loss_reason"]) == ("lost", "Не дозвонились")


def test_a_deal_told_as_deleted_is_deleted_and_stands_at_no_stage() -> None:
    (one,) = states([take(event(status="deleted"))])
    assert (one["is_deleted"], one.get("stage")) == (True, None)


def test_changes_of_one_second_stand_by_their_milliseconds_whatever_comes_first() -> None:
    early = event(stage_id=72, meta={"timestamp": "2026-10-14T09:15:40.100Z"})
    late = event(stage_id=73, meta={"timestamp": "2026-10-14T09:15:40.900Z"})
    for order in itertools.permutations([early, late, early]):
        assert standing(states(take(one) for one in order), "8817")["stage"] == "73"


def test_a_deletion_within_the_second_of_a_change_holds() -> None:
    gone = event("delete", meta={"timestamp": 1791969340}, previous={"id": 8817})
    for order in itertools.permutations([event(), gone]):
        assert standing(states(take(one) for one in order), "8817")["is_deleted"] is True


@pytest.mark.parametrize(
    ("origin", "source", "action", "is_handmade"),
    [
        ("ManuallyCreated", "app", "change", True),
        ("API", "app", "create", False),
        (None, "app", "create", True),
        (None, "api", "create", False),
        (None, "app", "change", None),
    ],
)
def test_a_deal_is_handmade_by_its_origin_else_by_where_it_was_made(
    origin: str | None, source: str, action: str, is_handmade: bool | None
) -> None:
    (one,) = states([take(event(action, origin=origin, meta={"change_source": source}))])
    assert one.get("is_handmade") is is_handmade


def test_fields_of_the_account_come_in_every_shape() -> None:
    fields = {"order_id": "a", "cost_price": "b", "branch": "c", "product": "d", "source": "channel", "communications": "e"}
    own = {"a": "KV-7", "b": {"value": 109600.5, "currency": "RUB"}, "c": {"type": "enum", "id": 42},
           "d": {"type": "set", "values": [{"id": 1}, {"id": 2}]}, "e": 3}  # fmt: skip
    site = site_of("pipedrive", fields=fields, sources={"5": "Агрегатор"})
    (one,) = states([take(event(custom_fields=own, channel=5, label_ids=[8, 3]), site)])
    assert {name: one[name] for name in ("order_id", "branch", "product", "crm_source", "communications", "tags")} == {
        "order_id": "KV-7", "branch": "42", "product": "1, 2", "crm_source": "Агрегатор", "communications": 3, "tags": '["3","8"]',
    }  # fmt: skip
    assert one["cost_price"] == 109600.5


def test_a_company_is_the_client_where_no_person_is() -> None:
    (one,) = states([take(event(person_id=None, org_id=77))])
    assert one["contact_id"] == "organization:77"


@pytest.mark.parametrize(
    ("told", "pointers"),
    [
        (event(entity="person", previous={"phones": []}), [Pointer("person", "8817")]),
        (event(entity="person", meta={"merged_from_id": "5"}, previous={}), [Pointer("person", "8817")]),
        (event(entity="organization", meta={"merged_from_id": 5}), [Pointer("organization", "8817")]),
        (event(previous={"person_id": 5}), [Pointer("deal", "8817")]),
        (event(previous={"stage_id": 5}), []),
    ],
)
def test_what_concerns_the_client_is_read(told: dict[str, Any], pointers: list[Pointer]) -> None:
    assert take(told).to_read == pointers


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event(entity="lead"), "entity_not_read"),
        (event(entity="activity"), "entity_not_read"),
        (event("archive"), "action_not_read"),
        (event(entity="person", previous={"name": "x"}), "no_deal_concerned"),
        (event("create", entity="person"), "no_deal_concerned"),
        (event(entity="organization", previous={"name": "x"}), "no_deal_concerned"),
    ],
)
def test_what_changes_no_deal_is_passed_over_and_counted(told: dict[str, Any], reason: str) -> None:
    outcome = take(told)
    assert (outcome.records, outcome.to_read, outcome.rejected, dict(outcome.passed_over)) == ([], [], [], {reason: 1})
    assert reason in PASSED_OVER


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event(meta={"company_id": 1}), "wrong_company"),
        (event() | {"data": None}, "bad_field"),
        (event("create") | {"data": None}, "bad_field"),
        (event(stage_id="a/b"), "bad_field"),
        (event(person_id=[1]), "bad_field"),
        (event(id=None), "bad_field"),
        (event(update_time="yesterday"), "bad_field"),
        (event(update_time=None, meta={"timestamp": None}), "bad_field"),
        (event(update_time="2026-11-20T09:06:00Z"), "future"),
        (event(add_time="1970-01-01T00:00:00Z"), "bad_field"),
        (event("delete", meta={"entity_id": None}), "bad_field"),
        ({"v": 1, "current": {}, "event": "updated.deal"}, "no_event"),
        ([1], "no_event"),
        ({"meta": {"entity": "deal"}}, "no_event"),
    ],
)
def test_an_event_that_cannot_be_right_is_rejected_with_its_reason(told: Any, reason: str) -> None:
    outcome = take(told)
    assert ([one.reason for one in outcome.rejected], outcome.records) == ([reason], [])
    assert reason in REASONS


@pytest.mark.parametrize(
    ("value", "amount"),
    [(199.999, 200.0), (33.333333, 33.33), (0.1 + 0.2, 0.3), (1e-7, 0.0), (1e16, None), (10**17, None), ("1 200,50 ₽", None)],
)
def test_a_deal_with_an_odd_sum_counts_with_it_rounded_or_without_it(value: Any, amount: float | None) -> None:
    outcome = take(event(value=value))
    (one,) = states([outcome])
    assert (one["stage"], one.get("amount"), outcome.rejected) == ("72", amount, [])
    assert outcome.passed_over["unreadable_field"] == (amount is None)


PHONE_IDS = {"order_id": ORDER, "call_id": CLIENT_ID}


def test_ids_that_a_phone_is_in_are_hashed_as_the_calls_are() -> None:
    site = site_of("pipedrive", fields=PHONE_IDS)
    (one,) = states([take(event(custom_fields={ORDER: "79000000017", CLIENT_ID: "1760253000.79000000017"}), site)])
    assert one["order_id"] == keyed_hash("id", "79000000017", KEY)
    assert one["call_id"] == keyed_hash("id", "1760253000.79000000017", KEY)
    (other,) = states([take(event(custom_fields={ORDER: "KV-2417", CLIENT_ID: "1760253000.1233"}), site)])
    assert (other["order_id"], other["call_id"]) == ("KV-2417", "1760253000.1233")


def test_ids_that_a_phone_may_be_in_are_left_to_the_api_where_it_is_open() -> None:
    site = site_of("pipedrive", fields=PHONE_IDS, api={"url": "https://shop.pipedrive.com"})
    outcome = take(event(custom_fields={ORDER: "79000000017", CLIENT_ID: "1760253000.1233"}, person_id=None), site)
    (one,) = states([outcome])
    assert (one.get("order_id"), one.get("call_id"), outcome.to_read) == (None, None, [Pointer("deal", "8817")])
    short = take(event(custom_fields={ORDER: "KV-2417"}, person_id=None), site)
    assert (states([short])[0]["order_id"], short.to_read) == ("KV-2417", [])


def test_half_an_emoji_does_not_lose_the_event() -> None:
    (one,) = states([take(event(lost_reason="cut \ud83d", status="lost"))])
    assert (one["stage"], one["loss_reason"]) == ("lost", "cut \ufffd")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 2000])
def test_a_body_that_is_no_json_is_rejected(body: bytes) -> None:
    assert [one.reason for one in took(SITE, "pipedrive", body, ARRIVAL).rejected] == ["bad_json"]


def test_a_field_nested_a_thousand_deep_tells_nothing() -> None:
    deep = "[" * 900 + "]" * 900
    body = json.dumps(event()).replace('"id": 8817', f'"custom_fields": {{"{ORDER}": {deep}}}, "id": 8817').encode()
    (one,) = states([took(SITE, "pipedrive", body, ARRIVAL)])
    assert one.get("order_id") is None


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(event()["data"])), _JUNK),
    st.dictionaries(st.sampled_from(sorted(event()["meta"])), _JUNK),
)
def test_no_value_of_any_field_makes_more_than_a_rejection(data: dict[str, Any], meta: dict[str, Any]) -> None:
    told = event()
    told["data"] |= data
    told["meta"] |= meta
    outcome = take(told)
    assert {one.reason for one in outcome.rejected} <= set(REASONS)
