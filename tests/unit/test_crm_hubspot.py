"""HubSpot: its webhooks, and what a deal of its API becomes."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.hubspot.hooks import PASSED_OVER, REASONS
from functions.crm_webhook.hubspot.states import Reader, contact_of, deal_states
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.identity import email_hash, phone_hash
from tests.api.crm_apis import KEY, site_of, states, took

DATA = Path(__file__).parents[1] / "data" / "hubspot"
PORTAL = "47120938"
SITE = site_of("hubspot", portal_id=PORTAL)
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("shop", "delivery-1", NOW, KEY)


# Webhooks


def take(*events: Any, site: dict[str, Any] = SITE) -> Outcome:
    return took(site, "hubspot", json.dumps(list(events)).encode(), ARRIVAL)


def event(kind: str, deal_id: int = 7, at: datetime = NOW - timedelta(days=1), **more: Any) -> dict[str, Any]:
    head = {"eventId": 1, "subscriptionId": 2, "portalId": int(PORTAL), "appId": 3, "occurredAt": int(at.timestamp() * 1000)}
    return {**head, "subscriptionType": kind, "objectId": deal_id, **more}


def recorded(name: str) -> Outcome:
    return took(SITE, "hubspot", (DATA / f"{name}.json").read_bytes(), ARRIVAL)


def test_an_array_whose_objects_have_other_keys_in_other_orders_points_at_its_deals() -> None:
    outcome = recorded("deal_property_change_batch")
    assert outcome.to_read == [Pointer("deal", "30417725518"), Pointer("deal", "30417725518"), Pointer("deal", "30431190027")]
    assert (outcome.records, outcome.rejected, outcome.passed_over) == ([], [], {})


def test_a_creation_without_attempt_number_is_read_and_a_deletion_is_told_at_its_own_time() -> None:
    outcome = recorded("deal_creation_and_deletion")
    assert outcome.to_read == [Pointer("deal", "30417725518")]
    (gone,) = states([outcome])
    assert (gone["deal_id"], gone["is_deleted"], gone["occurred_at"]) == ("30417700406", True, "2026-10-12 08:31:08.012")
    assert (gone["via"], gone["provider"], gone["site_id"]) == ("crm", "hubspot", "shop")


def test_the_same_event_in_another_delivery_makes_the_same_record() -> None:
    body = (DATA / "deal_creation_and_deletion.json").read_bytes()
    again = took(SITE, "hubspot", body, Arrival("shop", "delivery-2", NOW + timedelta(hours=20), KEY))
    (first,), (second,) = states([recorded("deal_creation_and_deletion")]), states([again])
    assert first["record_id"] == second["record_id"]


def test_a_merge_makes_a_new_deal_that_took_over_both() -> None:
    outcome = take(event("deal.merge", 30, primaryObjectId=10, mergedObjectIds=[20], newObjectId=30))
    assert {(one["deal_id"], one["is_deleted"], one["merged_into"]) for one in states([outcome])} == {
        ("10", True, "30"),
        ("20", True, "30"),
    }
    assert outcome.to_read == [Pointer("deal", "30")]


def test_a_merge_into_an_older_deal_leaves_that_one_alive() -> None:
    outcome = take(event("deal.merge", 10, primaryObjectId=10, mergedObjectIds=[20, 10]))
    assert [(one["deal_id"], one["merged_into"]) for one in states([outcome])] == [("20", "10")]


def test_a_restored_deal_is_told_alive_and_read() -> None:
    outcome = take(event("deal.restore"))
    assert [(one["deal_id"], one["is_deleted"]) for one in states([outcome])] == [("7", False)]
    assert outcome.to_read == [Pointer("deal", "7")]


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (event("deal.associationChange", fromObjectId=5, toObjectId=6) | {"objectId": None}, Pointer("deal", "5")),
        (event("contact.creation"), Pointer("contact", "7")),
        (event("contact.propertyChange", propertyName="phone"), Pointer("contact", "7")),
        (event("contact.merge", primaryObjectId=8, mergedObjectIds=[7], newObjectId=9), Pointer("contact", "9")),
        (event("object.propertyChange", objectTypeId="0-3", propertyName="amount"), Pointer("deal", "7")),
        (event("object.creation", objectTypeId="0-1"), Pointer("contact", "7")),
        (event("deal.propertyChange", propertyName="skvoz_request_id"), Pointer("deal", "7")),
    ],
)
def test_what_may_change_a_deals_record_is_read(told: dict[str, Any], pointer: Pointer) -> None:
    assert take(told).to_read == [pointer]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event("company.creation"), "entity_not_read"),
        (event("object.creation", objectTypeId="2-99"), "entity_not_read"),
        (event("deal.somethingNew"), "action_not_read"),
        (event("contact.somethingNew"), "action_not_read"),
        (event("deal.propertyChange", propertyName="dealname"), "property_not_read"),
        (event("contact.propertyChange", propertyName="jobtitle"), "property_not_read"),
        (event("contact.deletion"), "contact_deleted"),
    ],
)
def test_what_changes_no_deal_is_passed_over_and_counted(told: dict[str, Any], reason: str) -> None:
    outcome = take(told)
    assert (outcome.to_read, outcome.records, outcome.rejected, dict(outcome.passed_over)) == ([], [], [], {reason: 1})
    assert reason in PASSED_OVER


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event("deal.deletion", portalId=1), "wrong_portal"),
        (event("deal.deletion", occurredAt="yesterday"), "bad_field"),
        (event("deal.deletion", occurredAt=None), "bad_field"),
        (event("deal.deletion", occurredAt=5), "bad_field"),
        (event("deal.deletion", objectId="../7"), "bad_field"),
        (event("deal.deletion", objectId=True), "bad_field"),
        (event("deal.deletion", objectId=7.5), "bad_field"),
        (event("deal.deletion", at=NOW + timedelta(minutes=6)), "future"),
        ({"objectId": 7}, "bad_field"),
        ("deal.creation", "bad_field"),
    ],
)
def test_an_event_that_cannot_be_right_is_rejected_and_the_others_count(told: Any, reason: str) -> None:
    outcome = take(told, event("deal.creation", 8))
    assert [one.reason for one in outcome.rejected] == [reason]
    assert reason in REASONS
    assert outcome.to_read == [Pointer("deal", "8")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "bad_json"), (b"{", "bad_json"), (b"[]", "no_events"), (b"7", "no_events"), (b"\xff\xfe", "bad_json")],
)
def test_a_body_without_events_is_rejected(body: bytes, reason: str) -> None:
    assert [one.reason for one in took(SITE, "hubspot", body, ARRIVAL).rejected] == [reason]


_NAMES = st.sampled_from(["subscriptionType", "objectId", "portalId", "occurredAt", "mergedObjectIds", "x"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["deal.merge", "deal.deletion", "contact.creation", "½"])


@settings(max_examples=60, deadline=None)
@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner), max_leaves=12))
def test_no_json_makes_more_than_a_rejection(told: Any) -> None:
    took(SITE, "hubspot", json.dumps(told).encode(), ARRIVAL)


def test_permuted_and_repeated_events_make_the_same_records() -> None:
    events = [
        event("deal.deletion", 5, NOW - timedelta(hours=3)),
        event("deal.restore", 5, NOW - timedelta(hours=2)),
        event("deal.merge", 30, primaryObjectId=5, mergedObjectIds=[6], newObjectId=30),
    ]
    made = {json.dumps(states([take(*order, order[0])])) for order in itertools.permutations(events)}
    assert len(made) == 1


# A deal of the API


def reading(**section: Any) -> Reader:
    return Reader(ARRIVAL, site_of("hubspot", **section)["crm"]["hubspot"], {"closedwon": "won"}, Outcome())


def version(value: str, at: str) -> dict[str, str]:
    return {"value": value, "timestamp": f"2026-10-{at}Z", "sourceType": "CRM_UI"}


DEAL: dict[str, Any] = {
    "id": "30417725518",
    "properties": {
        "createdate": "2026-10-12T07:56:02.640Z",
        "hs_lastmodifieddate": "2026-10-29T13:20:31.417Z",
        "dealstage": "closedwon",
        "pipeline": "default",
        "amount": "186400",
        "deal_currency_code": "RUB",
        "hubspot_owner_id": "60218844",
        "hs_object_source": "INTEGRATION",
        "skvoz_request_id": "form-A",
        "utm_source": "yandex",
    },
    "propertiesWithHistory": {
        "dealstage": [version("closedwon", "29T13:20:31.093"), version("appointmentscheduled", "12T07:56:02.640")],
        "pipeline": [version("default", "12T07:56:02.640")],
        "amount": [version("186400", "29T13:20:31.417"), version("0", "12T07:56:02.640")],
    },
}


def test_each_version_is_a_state_at_its_own_time_and_what_has_no_history_one_as_it_stands() -> None:
    told = deal_states(DEAL, (), reading(managers={"60218844": "Анна Серова"}))
    found = [(state.via, state.told_at, dict(state.values)) for state in told]
    begun, won, summed = (
        datetime.fromisoformat(f"2026-10-{at}Z") for at in ("12T07:56:02.640", "29T13:20:31.093", "29T13:20:31.417")
    )
    assert found[:3] == [
        ("history", begun, {"stage": "appointmentscheduled", "pipeline": "default", "amount": Decimal("0.00")}),
        ("history", won, {"stage": "won"}),
        ("history", summed, {"amount": Decimal("186400.00")}),
    ]
    ((via, told_at, values),) = found[3:]
    assert (via, told_at, values["deal_created_at"]) == ("api", summed, begun)
    assert {name: values[name] for name in ("stage", "amount", "currency", "manager", "request_id", "utm_source")} == {
        "stage": "won",
        "amount": Decimal("186400.00"),
        "currency": "RUB",
        "manager": "Анна Серова",
        "request_id": "form-A",
        "utm_source": "yandex",
    }
    assert (values["is_handmade"], values["is_deleted"]) == (False, False)


def test_the_oldest_contact_that_can_be_reached_is_the_client() -> None:
    own = {"mobilephone": "8 900 000-00-17", "email": "Lugova@post.example ", "hs_additional_emails": "a@b.example;"}
    contacts = [
        contact_of({"id": "100", "properties": {"phone": "+7 900 000-00-42"}}),
        contact_of({"id": "9", "properties": {"firstname": "Вера"}}),
        contact_of({"id": "20", "properties": own}),
    ]
    reader = reading()
    values = deal_states(DEAL, contacts, reader)[-1].values
    assert (values["contact_id"], values["phone_hash"]) == ("20", phone_hash("+79000000017", KEY))
    assert values["email_hash"] == email_hash("lugova@post.example", KEY)
    assert reader.outcome.passed_over == {"further_contact": 2}


def test_names_of_the_settings_stand_for_ids_and_fields_of_the_settings_are_read() -> None:
    deal = {
        **DEAL,
        "properties": {**DEAL["properties"], "closed_lost_reason": "12", "cost": "1 200,50", "where": "3", "place": "Юг"},
    }
    names = {"loss_reasons": {"12": "Дорого"}, "sources": {"3": "Агрегатор"}}
    reader = reading(fields={"cost_price": "cost", "source": "where", "attributes": {"district": "place"}}, **names)
    values = deal_states(deal, (), reader)[-1].values
    assert (str(values["cost_price"]), values["crm_source"], values["loss_reason"]) == ("1200.50", "Агрегатор", "Дорого")
    assert json.loads(values["attributes"]) == {"district": "Юг"}


@pytest.mark.parametrize("odd", ["1 200,50 ₽", "1e16", "99999999999999999"])
def test_a_sum_that_is_none_is_counted_and_the_deal_counts_without_it(odd: str) -> None:
    reader = reading()
    history = {"amount": [version(odd, "13T07:00:00.000")]}
    told = deal_states({**DEAL, "properties": {**DEAL["properties"], "amount": odd}, "propertiesWithHistory": history}, (), reader)
    assert (reader.outcome.passed_over, reader.outcome.rejected) == ({"unreadable_field": 2}, [])
    assert [(one.via, one.values["stage"], one.values["amount"]) for one in told] == [("api", "won", None)]


@pytest.mark.parametrize(("told", "kept"), [("333.333333", "333.33"), ("199.999", "200.00"), ("0.30000000000000004", "0.30")])
def test_a_sum_with_fractions_of_a_kopeck_is_rounded(told: str, kept: str) -> None:
    history = {"amount": [version(told, "13T07:00:00.000")]}
    deal = {**DEAL, "properties": {**DEAL["properties"], "amount": told}, "propertiesWithHistory": history}
    assert [str(one.values["amount"]) for one in deal_states(deal, (), reading())] == [kept, kept]


def test_a_creation_days_ahead_is_left_out_and_the_deal_stands() -> None:
    reader = reading()
    deal = {**DEAL, "properties": {**DEAL["properties"], "createdate": (NOW + timedelta(days=3)).isoformat()}}
    values = deal_states(deal, (), reader)[-1].values
    assert (values["deal_created_at"], values["stage"], reader.outcome.passed_over) == (None, "won", {"unreadable_field": 1})


@pytest.mark.parametrize(
    ("source", "is_handmade"),
    [("CRM_UI", True), ("MOBILE_IOS", True), ("MOBILE_ANDROID", True), ("CLONE_OBJECTS", True), ("IMPORT", False), ("", None)],
)
def test_a_deal_is_handmade_where_a_person_made_it_in_a_screen_of_hubspots(source: str, is_handmade: bool | None) -> None:
    deal = {**DEAL, "properties": {**DEAL["properties"], "hs_object_source": source}}
    assert deal_states(deal, (), reading())[-1].values["is_handmade"] is is_handmade


def test_a_clients_keys_stand_by_the_last_change_of_the_deal_or_of_a_contact() -> None:
    def keys(changed: str, phone: str) -> tuple[datetime | None, Any]:
        contact = contact_of({"id": "9", "properties": {"phone": phone, "lastmodifieddate": f"2026-{changed}Z"}})
        state = deal_states(DEAL, [contact], reading())[-1]
        return state.told_at, state.values["phone_hash"]

    deal_at = datetime(2026, 10, 29, 13, 20, 31, 417_000, tzinfo=UTC)
    assert keys("10-01T00:00:00", "+79000000017") == (deal_at, phone_hash("+79000000017", KEY))
    assert keys("11-01T00:00:00", "+79000000017")[0] == datetime(2026, 11, 1, tzinfo=UTC)


def test_half_an_emoji_in_one_event_does_not_lose_the_others() -> None:
    cut = json.dumps([event("deal.propertyChange", 6, propertyName="dealname", propertyValue="cut \ud83d"), event("deal.deletion")])
    outcome = took(SITE, "hubspot", cut.encode(), ARRIVAL)
    assert (outcome.rejected, [one["is_deleted"] for one in states([outcome])]) == ([], [True])


def test_deals_that_were_merged_into_one_are_told_gone_at_the_time_of_the_merge() -> None:
    history = {"hs_merged_object_ids": [version("1;2;3", "20T10:00:00.000"), version("1;2", "19T10:00:00.000")]}
    deal = {**DEAL, "properties": {**DEAL["properties"], "hs_merged_object_ids": "1;2;3;4"}, "propertiesWithHistory": history}
    told = {
        one.deal_id: (one.told_at, one.values["merged_into"]) for one in deal_states(deal, (), reading()) if one.via == "history"
    }
    first, second = datetime(2026, 10, 19, 10, tzinfo=UTC), datetime(2026, 10, 20, 10, tzinfo=UTC)
    changed = datetime(2026, 10, 29, 13, 20, 31, 417_000, tzinfo=UTC)
    assert told == {one: (at, "30417725518") for one, at in {"1": first, "2": first, "3": second, "4": changed}.items()}
