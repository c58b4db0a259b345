"""The generic CRM adapter: a body in, records or one reason out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.generic import REASONS, TYPES, Arrival, records_of
from shared.identity import email_hash, phone_hash
from shared.lake import Rejected
from shared.records import KINDS, column_names

DATA = Path(__file__).parents[1] / "data" / "standard_webhooks"
KEY = b"identity key of the tests"
NOW = datetime(2026, 10, 29, 13, 20, 41, tzinfo=UTC)
ARRIVAL = Arrival("kvartal", "msg-1", NOW, KEY)


def result_of(body: bytes | dict[str, Any], arrival: Arrival) -> Any:
    """The records, or the one refusal."""
    outcome = records_of(body if isinstance(body, bytes) else json.dumps(body).encode(), arrival, {})
    assert len(outcome.rejected) + bool(outcome.records) == 1
    return outcome.rejected[0] if outcome.rejected else outcome.records


def read(body: bytes | dict[str, Any], arrival: Arrival = ARRIVAL) -> dict[str, dict[str, Any]]:
    """Records of a body by kind; fails when it was refused."""
    result = result_of(body, arrival)
    assert not isinstance(result, Rejected), result
    return {kind.name: json.loads(line) for kind, line in result}


def refused(body: bytes | dict[str, Any], arrival: Arrival = ARRIVAL) -> Rejected:
    result = result_of(body, arrival)
    assert isinstance(result, Rejected), result
    assert result.reason in REASONS
    return result


def event(kind: str = "deal.updated", **data: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": "2026-10-29T13:20:31Z", "data": {"deal_id": "7", **data}}


def test_the_won_vector_becomes_the_deals_state() -> None:
    records = read((DATA / "deal_won.json").read_bytes())
    state = records.pop("crm_event")
    assert records == {}
    assert len(state.pop("record_id")) == 36
    assert state == {
        "site_id": "kvartal",
        "occurred_at": "2026-10-29 13:20:31.000",
        "received_at": "2026-10-29 13:20:41.000",
        "via": "crm",
        "provider": "generic",
        "deal_id": "41870233",
        "stage": "won",
        "amount": 186400.00,
        "currency": "RUB",
        "phone_hash": phone_hash("+79000000017", KEY),
        "email_hash": email_hash("lugova@post.example", KEY),
        "order_id": "KV-2417",
    }


def test_the_lost_vector_becomes_a_loss_with_its_reason() -> None:
    state = read((DATA / "deal_lost.json").read_bytes())["crm_event"]
    assert (state["stage"], state["loss_reason"], state["deal_id"]) == ("lost", "Не дозвонились", "41872590")
    assert "amount" not in state


def test_every_field_of_the_data_reaches_its_column() -> None:
    body = event(
        "deal.updated",
        created_at="2026-10-12T10:52:30+03:00",
        pipeline="Продажи",
        stage=142,
        amount=186400,
        currency="rub",
        cost_price="109 600,00",
        products=[{"price": 100, "cost": "10.00", "quantity": 3}, {"price": 1, "cost": 2.5}],
        request_id="r-1",
        call_id="c-1",
        visitor_id="v-1",
        contact={"id": 991, "name": "Вера", "phones": ["call me", "8 (900) 000-00-17"], "emails": [None, "LUGOVA@post.example "]},
        utm={"source": "yandex", "medium": "cpc", "campaign": 70881552112, "content": "ad-1", "term": "диван"},
        manager="Иванова",
        branch="Центр",
        order_id="KV-1",
    )
    state = read(body)["crm_event"]
    assert state | {"record_id": ""} == {
        "record_id": "",
        "site_id": "kvartal",
        "occurred_at": "2026-10-29 13:20:31.000",
        "received_at": "2026-10-29 13:20:41.000",
        "via": "crm",
        "provider": "generic",
        "deal_id": "7",
        "deal_created_at": "2026-10-12 07:52:30.000",
        "pipeline": "Продажи",
        "stage": "142",
        "amount": 186400,
        "currency": "RUB",
        "cost_price": 109600,
        "products_cost": 32.5,
        "request_id": "r-1",
        "call_id": "c-1",
        "visitor_id": "v-1",
        "phone_hash": phone_hash("+79000000017", KEY),
        "email_hash": email_hash("lugova@post.example", KEY),
        "contact_id": "991",
        "utm_source": "yandex",
        "utm_medium": "cpc",
        "utm_campaign": "70881552112",
        "utm_content": "ad-1",
        "utm_term": "диван",
        "manager": "Иванова",
        "branch": "Центр",
        "order_id": "KV-1",
    }


def test_sums_are_written_as_decimals_not_floats() -> None:
    result = result_of(event(amount="9007199254740.93"), ARRIVAL)
    assert not isinstance(result, Rejected)
    assert b'"amount":9007199254740.93' in result[0][1]


@pytest.mark.parametrize(
    ("kind", "stage"), [("deal.won", "won"), ("deal.lost", "lost"), ("deal.updated", None), ("deal.created", None)]
)
def test_only_won_and_lost_say_a_stage_by_themselves(kind: str, stage: str | None) -> None:
    assert read(event(kind))["crm_event"].get("stage") == stage
    assert read(event(kind, stage="Оплачено"))["crm_event"]["stage"] == "Оплачено"


def test_a_deal_told_as_created_was_created_then_unless_it_says_when() -> None:
    assert read(event("deal.created"))["crm_event"]["deal_created_at"] == "2026-10-29 13:20:31.000"
    assert read(event("deal.created", created_at=1791790000))["crm_event"]["deal_created_at"] == "2026-10-12 07:26:40.000"
    assert "deal_created_at" not in read(event("deal.updated"))["crm_event"]


def test_a_deleted_deal_is_marked() -> None:
    assert read(event("deal.deleted"))["crm_event"]["is_deleted"] is True
    assert "is_deleted" not in read(event("deal.updated"))["crm_event"]


def test_empty_texts_are_not_told_and_change_nothing() -> None:
    body = event(amount="", stage="", request_id="", created_at="", currency="", contact={"id": "", "phones": "", "emails": None})
    assert read(body)["crm_event"].keys() == {"record_id", "site_id", "occurred_at", "received_at", "via", "provider", "deal_id"}


# Payments


def test_a_payment_received_is_a_payment_and_no_deal_state() -> None:
    records = read(event("payment.received", payment={"id": 5, "amount": "1 000,50"}, currency="RUB"))
    assert records.keys() == {"payment"}
    assert {k: records["payment"][k] for k in ("payment_id", "amount", "currency", "deal_id")} == {
        "payment_id": "5",
        "amount": 1000.5,
        "currency": "RUB",
        "deal_id": "7",
    }


def test_the_amount_beside_a_payment_without_one_is_the_payments() -> None:
    records = read(event("payment.received", amount=100, currency="USD", request_id="r-1"))
    assert (records["payment"]["amount"], records["payment"]["currency"]) == (100, "USD")
    assert not records["crm_event"].keys() & {"amount", "currency"}
    assert records["crm_event"]["request_id"] == "r-1"


def test_a_deal_event_may_carry_a_payment_too() -> None:
    records = read(event("deal.won", amount=500, currency="RUB", payment={"id": "p", "amount": 200}))
    assert (records["crm_event"]["amount"], records["payment"]["amount"]) == (500, 200)


@pytest.mark.parametrize("amount", [30, -30])
def test_a_refund_is_negative_and_never_replaces_its_payment(amount: int) -> None:
    refund = read(event("payment.refunded", payment={"id": "p", "amount": amount}))["payment"]
    assert refund["amount"] == -30
    assert refund["payment_id"] != "p"


def test_a_payment_without_an_id_gets_one_that_repeats_with_the_webhook() -> None:
    body = event("payment.received", amount=10)
    first, again = read(body)["payment"], read(body)["payment"]
    other = read(body, Arrival("kvartal", "msg-2", NOW, KEY))["payment"]
    assert first["payment_id"] == again["payment_id"] != other["payment_id"]


@pytest.mark.parametrize(
    "data",
    [{}, {"payment": {"id": "p"}}, {"payment": {"id": "p", "amount": -1}}, {"payment": {"id": "p", "amount": "many"}}],
)
def test_a_payment_needs_a_right_amount(data: dict[str, Any]) -> None:
    rejected = refused(event("payment.received", **data))
    assert rejected.reason == "bad_field"
    assert "payment.amount" in rejected.message


# Identity and privacy


def test_a_retry_gives_the_same_records_and_another_webhook_others() -> None:
    body = (DATA / "deal_won.json").read_bytes()
    later = Arrival("kvartal", "msg-1", NOW + timedelta(hours=9), KEY)
    assert read(body)["crm_event"]["record_id"] == read(body, later)["crm_event"]["record_id"]
    assert read(body)["crm_event"]["record_id"] != read(body, Arrival("kvartal", "msg-2", NOW, KEY))["crm_event"]["record_id"]


def test_a_deals_state_and_its_payment_have_different_record_ids() -> None:
    records = read(event("deal.won", payment={"amount": 1}))
    assert records["crm_event"]["record_id"] != records["payment"]["record_id"]


def test_no_name_phone_or_email_reaches_a_record_whatever_field_carries_it() -> None:
    phone, email = "+79000000017", "lugova@post.example"
    text = f"Вере Луговой, {phone} или {email}"
    body = event(
        "deal.lost",
        reason=text,
        manager=email,
        branch=text,
        stage=text,
        pipeline=text,
        order_id=email,
        payment={"id": phone, "amount": 1},
        contact={"id": "79000000017", "name": "Вера Лугова", "phones": [phone], "emails": [email]},
        utm={"source": email, "content": f"from {phone}"},
        visitor_id=email,
    )
    result = result_of(body, ARRIVAL)
    assert not isinstance(result, Rejected)
    stored = b"\n".join(line for _, line in result).decode()
    for plain in ("79000000017", "lugova@", "Лугова"):
        assert plain not in stored


def test_an_id_that_is_an_email_still_names_the_same_contact() -> None:
    first = read(event(contact={"id": "a@b.example"}))["crm_event"]["contact_id"]
    assert first == read(event(stage="x", contact={"id": "a@b.example"}))["crm_event"]["contact_id"]
    assert first != read(event(contact={"id": "c@b.example"}))["crm_event"]["contact_id"]


@pytest.mark.parametrize("text", ["79161234567", "89161234567", "9161234567", "(916) 123-45-67", "+7 916 123-45-67", "a@b.example"])
def test_a_phone_or_email_as_an_id_is_hashed_though_the_contact_lists_none(text: str) -> None:
    state = read(event(contact={"id": text}, visitor_id=text, request_id=text))["crm_event"]
    assert state["contact_id"] == state["visitor_id"] == state["request_id"]
    assert len(state["contact_id"]) == 32
    assert text not in json.dumps(state)


def test_a_deals_own_id_stays_though_its_digits_look_like_a_phone() -> None:
    assert read(event(deal_id="79161234567"))["crm_event"]["deal_id"] == "79161234567"


def test_a_phone_written_as_people_write_it_is_hashed_in_any_id_though_the_contact_lists_none() -> None:
    text = "8 (916) 123-45-67"
    state = read(event(deal_id=text, order_id=text, call_id=text))["crm_event"]
    assert {len(state[name]) for name in ("deal_id", "order_id", "call_id")} == {32}
    assert "123-45-67" not in json.dumps(state)


def test_a_deal_may_be_created_a_day_ahead_of_our_clock() -> None:
    assert read(event(created_at="2026-10-30T13:20:41Z"))["crm_event"]["deal_created_at"] == "2026-10-30 13:20:41.000"


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    body = event(amount="secret-text", deal_id=None, contact={"phones": [{"secret-text": 1}]}, created_at="secret-text")
    rejected = refused(body)
    assert "secret-text" not in rejected.message + rejected.content


# Refusals


@pytest.mark.parametrize(
    ("body", "reason", "place"),
    [
        (b"{", "bad_json", "JSON"),
        (b"[]", "bad_json", "object"),
        ({}, "unknown_type", "deal.created"),
        ({"type": ["deal.won"]}, "unknown_type", "deal.created"),
        (event("deal.exploded"), "unknown_type", "deal.created"),
        ({"type": "deal.won", "data": {"deal_id": "1"}}, "bad_field", "timestamp"),
        ({"type": "deal.won", "timestamp": "2026-10-29T13:20:31Z"}, "bad_field", "data"),
        ({"type": "deal.won", "timestamp": "2026-10-29T13:20:31", "data": {"deal_id": "1"}}, "bad_field", "offset"),
        ({"type": "deal.won", "timestamp": None, "data": {"deal_id": "1"}}, "bad_field", "timestamp"),
        ({"type": "deal.won", "timestamp": "0001-01-01T00:00:00Z", "data": {"deal_id": "1"}}, "bad_field", "2000"),
        (event(deal_id=None), "bad_field", "data.deal_id"),
        (event(deal_id=" "), "bad_field", "data.deal_id"),
        (event(deal_id=1.5), "bad_field", "data.deal_id"),
        (event(deal_id=True), "bad_field", "data.deal_id"),
        (event(deal_id="9" * 101), "bad_field", "data.deal_id"),
        (event(request_id="9" * 65), "bad_field", "data.request_id"),
        (event(amount="12.345"), "bad_field", "data.amount"),
        (event(amount=True), "bad_field", "data.amount"),
        (event(amount={"sum": 1}), "bad_field", "data.amount"),
        (event(currency="рубли"), "bad_field", "data.currency"),
        (event(created_at="вчера"), "bad_field", "data.created_at"),
        (event(stage=1.5), "bad_field", "data.stage"),
        (event(contact="Вера"), "bad_field", "data.contact"),
        (event(utm=[1]), "bad_field", "data.utm"),
        (event(products={"a": 1}), "bad_field", "data.products"),
        (event(products=[{"cost": "9999999999999", "quantity": "9999999"}]), "bad_field", "data.products"),
        (event(site_id="another"), "wrong_site", "kvartal"),
        ({**event(), "timestamp": "2026-10-29T13:25:42Z"}, "future", "five minutes"),
        (event(created_at="2026-10-30T13:20:42Z"), "future", "data.created_at"),
        (event(created_at=4_000_000_000), "future", "data.created_at"),
        (event(created_at="1989-12-31T23:59:59Z"), "bad_field", "data.created_at"),
    ],
)
def test_a_body_that_cannot_be_right_is_refused_with_its_reason(body: Any, reason: str, place: str) -> None:
    rejected = refused(body)
    assert rejected.reason == reason
    assert place in rejected.message


def test_an_id_beyond_64_bits_must_be_text() -> None:
    assert (
        refused(b'{"type":"deal.won","timestamp":"2026-10-29T13:20:31Z","data":{"deal_id":184467440737095516150}}').reason
        == "bad_field"
    )
    assert read(event(deal_id="184467440737095516150"))["crm_event"]["deal_id"] == "184467440737095516150"
    assert read(event(deal_id=18446744073709551615))["crm_event"]["deal_id"] == "18446744073709551615"


def test_five_minutes_ahead_is_still_the_present() -> None:
    assert read({**event(), "timestamp": "2026-10-29T13:25:41Z"})


def test_products_cost_needs_the_cost_of_every_product() -> None:
    assert "products_cost" not in read(event(products=[{"cost": 1}, {"price": 5}]))["crm_event"]
    assert "products_cost" not in read(event(products=[]))["crm_event"]
    assert read(event(products=[{"cost": "0.333", "quantity": "0.5"}]))["crm_event"]["products_cost"] == 0.17


def test_long_words_are_cut_to_what_the_lake_keeps() -> None:
    assert len(read(event(reason="я" * 1000))["crm_event"]["loss_reason"]) == 300


def test_unknown_fields_are_passed_over() -> None:
    body = event(client_ids={"ym": "1"}, colour="red") | {"extra": 1}
    assert read(body)["crm_event"]["deal_id"] == "7"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just("=1+1"),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "deal_id",
    "created_at",
    "amount",
    "products",
    "contact",
    "utm",
    "payment",
    "reason",
    "stage",
    "currency",
    "site_id",
    "order_id",
)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(TYPES)) | VALUES,
    timestamp=st.just("2026-10-29T13:20:31Z") | VALUES,
    data=st.dictionaries(st.sampled_from(FIELDS), VALUES) | VALUES,
)
def test_any_json_gives_records_of_the_contract_or_one_known_reason(kind: Any, timestamp: Any, data: Any) -> None:
    if isinstance(data, dict):
        data.setdefault("deal_id", "7")
    body = json.dumps({"type": kind, "timestamp": timestamp, "data": data}).encode()
    result = result_of(body, ARRIVAL)
    if isinstance(result, Rejected):
        assert result.reason in REASONS
        return
    assert result
    for record_kind, line in result:
        assert json.loads(line).keys() <= column_names(record_kind)
        assert record_kind in KINDS.values()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_one_known_reason(body: bytes) -> None:
    result = result_of(body, ARRIVAL)
    assert isinstance(result, Rejected)
    assert result.reason in REASONS
