"""Bodies of any CRM → deal states and payments, by the map of the settings. The ready maps are those of docs/crm.md."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from functions.crm_webhook.mapped import hooks
from functions.crm_webhook.outcome import Arrival, Outcome
from shared.errors import SettingsError
from shared.identity import email_hash, phone_hash
from shared.settings import parse_settings, published

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "mapped"
KEY = b"identity key of the tests"
NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("kvartal", "webhook-1", NOW, KEY)
REQUEST = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"


def site_of(mapped: dict[str, Any], **more: Any) -> dict[str, Any]:
    raw = {"site_id": "kvartal", "name": "Kvartal", "hosts": ["kvartal.example"], "crm": {"mapped": mapped}, **more}
    return published(parse_settings(raw))


def documented(name: str) -> dict[str, Any]:
    """Published settings of an example of the manual."""
    text = (ROOT / "docs" / "crm.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- example: mapped {name} -->\n```yaml\n(.*?)```", text, re.DOTALL)
    head = {"site_id": "kvartal", "name": "Kvartal", "hosts": ["kvartal.example"]}
    return published(parse_settings({**head, **yaml.safe_load(block)}))


def read(body: bytes | dict[str, Any] | list[Any], site: dict[str, Any], name: str = "shop") -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return hooks.records_of(raw, ARRIVAL, site, name)


def made(outcome: Outcome, kind: str = "crm_event") -> list[dict[str, Any]]:
    return [json.loads(line) for one, line in outcome.records if one.name == kind]


def mapped(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return site_of({"shop": {"map": {"deal_id": "id", **fields}, **more}})


def one(body: dict[str, Any], fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The only state of a body that is read without a complaint."""
    outcome = read({"id": "7", **body}, mapped(fields, **more))
    assert outcome.rejected == []
    assert outcome.passed_over == {}
    (state,) = made(outcome)
    return state


def refused(body: bytes | dict[str, Any] | list[Any], site: dict[str, Any]) -> str:
    outcome = read(body, site)
    assert outcome.records == []
    (rejected,) = outcome.rejected
    assert rejected.reason in hooks.REASONS
    return f"{rejected.reason}: {rejected.message}"


# The ready maps


def test_an_order_of_retailcrm_is_a_deal_with_its_payments() -> None:
    outcome = read((DATA / "retailcrm_order.json").read_bytes(), documented("retailcrm"), "retailcrm")
    assert outcome.rejected == []
    assert outcome.passed_over == {"payment_not_paid": 1}
    (state,) = made(outcome)
    wanted = {
        "provider": "retailcrm", "deal_id": "5194", "via": "crm", "stage": "complete", "pipeline": "kvartal-example",
        "occurred_at": "2026-10-29 13:20:31.000", "deal_created_at": "2026-10-12 07:52:40.000", "amount": 186400, "currency": "RUB",
        "cost_price": 109600, "order_id": "KV-2417", "request_id": REQUEST, "contact_id": "17", "manager": "Анна Серова",
        "product": "Диван «Угол»", "utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "708815521", "is_handmade": True,
        "utm_term": "диван угловой", "phone_hash": phone_hash("+79000000017", KEY),
        "email_hash": email_hash("vera.lugova@post.example", KEY),
    }  # fmt: skip
    assert {name: state.get(name) for name in wanted} == wanted
    assert json.loads(state["tags"]) == ["VIP", "доставка"]
    assert json.loads(state["attributes"]) == {"city": "Москва"}
    assert "visitor_id" not in state
    assert "is_deleted" not in state
    paid = [(p["payment_id"], p["amount"], p["occurred_at"], p["currency"]) for p in made(outcome, "payment")]
    assert paid == [
        ("901", 100000, "2026-10-20 09:00:00.000", "RUB"),
        ("902", 86400, "2026-10-29 13:20:00.000", "RUB"),
    ]
    assert outcome.people[0].phones == ("8 900 000-00-17",)


def test_an_order_of_moysklad_is_told_in_kopecks_and_moscow_time_without_offset() -> None:
    outcome = read((DATA / "moysklad_customerorder.json").read_bytes(), documented("moysklad"), "moysklad")
    (state,) = made(outcome)
    wanted = {
        "deal_id": "e424b52b-8c25-5f33-96e8-8d533344277b", "occurred_at": "2026-10-29 12:12:48.310", "amount": 186400,
        "deal_created_at": "2026-10-14 09:40:00.000", "pipeline": "Заказы", "stage": "Доставлен", "order_id": "KV-2417",
        "request_id": REQUEST, "contact_id": "f4c05890-5c8e-5fb8-ae27-f5c7fa5db51b", "is_deleted": False, "currency": "RUB",
        "phone_hash": phone_hash("+79000000017", KEY),
    }  # fmt: skip
    assert {name: state.get(name) for name in wanted} == wanted
    assert outcome.rejected == []


def test_an_order_of_moysklad_without_expanded_links_is_told_by_their_ids() -> None:
    order = json.loads((DATA / "moysklad_customerorder.json").read_text(encoding="utf-8"))
    for link in ("state", "agent"):
        order[link] = {"meta": order[link]["meta"]}
    (state,) = made(read(order, documented("moysklad"), "moysklad"))
    assert state["stage"] == "220ecab6-dce2-5437-babc-0243e002c4a0"
    assert state["contact_id"] == "f4c05890-5c8e-5fb8-ae27-f5c7fa5db51b"


def test_moysklads_own_events_only_tell_deletions_of_the_same_deals() -> None:
    outcome = read((DATA / "moysklad_webhook_batch.json").read_bytes(), documented("moysklad"), "moysklad_events")
    (deleted,) = made(outcome)
    assert (deleted["deal_id"], deleted["is_deleted"]) == ("54b7b45d-f311-575f-9d78-b5927d9870bc", True)
    assert deleted["provider"] == "moysklad"
    assert outcome.passed_over == {"nothing_told": 1}  # a creation only points at its order
    assert deleted["occurred_at"] == "2026-11-09 09:04:10.000"


def test_moysklads_own_event_of_a_change_only_points_at_its_order_and_makes_nothing() -> None:
    body = (DATA / "moysklad_webhook_update.json").read_bytes()
    outcome = read(body, documented("moysklad"), "moysklad_events")
    assert (outcome.records, outcome.rejected, outcome.to_read) == ([], [], [])
    assert outcome.passed_over == {"nothing_told": 1}
    (refused,) = read(body, documented("moysklad"), "moysklad").rejected  # sent to the address of whole orders by mistake
    assert (refused.reason, "map.deal_id" in refused.message) == ("bad_field", True)


@pytest.mark.parametrize(("door", "reason"), [("moysklad", "bad_field"), ("moysklad_events", "no_deals")])
def test_an_error_of_moysklads_api_that_a_script_posts_on_is_rejected(door: str, reason: str) -> None:
    outcome = read((DATA / "moysklad_error_429.json").read_bytes(), documented("moysklad"), door)
    assert (outcome.records, [one.reason for one in outcome.rejected]) == ([], [reason])


# Paths

PATHS = {
    "a.b": {"a": {"b": "x"}},
    "a[b]": {"a": {"b": "x"}},
    "a[0].b": {"a": [{"b": "x"}, {"b": "y"}]},
    "a.1.b": {"a": [{"b": "y"}, {"b": "x"}]},
    "a.*.b": {"a": [{"c": 1}, {"b": ""}, {"b": "x"}, {"b": "y"}]},
    "a[*]": {"a": ["x"]},
    "['a.b'].c": {"a.b": {"c": "x"}},
    "Сумма заказа": {"Сумма заказа": "x"},
    "a[code=REQ].value": {"a": [{"code": "OTHER", "value": "y"}, {"code": "req", "value": "x"}]},
    "a[meta.type=x].v": {"a": {"17": {"meta": {"type": "x"}, "v": "x"}}},
    "$.id | last": {"id": "https://crm.example/deals/x"},
    "a": {"a": " x "},
    "=x": {},
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_to_its_value(path: str) -> None:
    assert one(PATHS[path], {"stage": path})["stage"] == "x"


@pytest.mark.parametrize("path", ["b", "a.b.c.d", "a[7]", "a.*.z", "a[code=no].v", "a.99999999999"])
def test_a_path_to_nothing_tells_nothing(path: str) -> None:
    state = one({"a": [{"b": 1}], "m": "m"}, {"stage": path, "manager": "m"})
    assert "stage" not in state


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"stag": "a"}, "map.stag: no field is called so; did you mean stage?"),
        ({"zzz": "a"}, "there are deal_id,"),
        ({"stage": "a..b"}, "map.stage: 'a..b': a name is missing before character 3"),
        ({"stage": "a["}, "is empty or does not close"),
        ({"stage": "a[x]b"}, "after ] stands . or ["),
        ({"stage": "a['x"}, "does not end"),
        ({"stage": "a[=x]"}, "is name=value"),
        ({"stage": "a | first"}, "after | stands last"),
        ({"stage": "="}, "after = stands the text itself"),
        ({"stage": "$."}, "leads nowhere"),
        ({"stage": "a." * 21 + "a"}, "at most 20 steps"),
        ({"stage": []}, "map.stage: is a list without a path"),
        ({"deal_id": "=7"}, "would make all deals one"),
        ({"payment.amount": "sum"}, "map.payment.at: is needed"),
        ({"payments": "p"}, "map.payment.id: is needed"),
        ({"attribute.City": "a"}, "map.attribute.City: an attribute is called by"),
        ({f"attribute.a{n}": "a" for n in range(11)}, "at most 10 attributes"),
    ],
)
def test_a_wrong_map_is_refused_with_its_place(fields: dict[str, Any], part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        mapped(fields)
    assert part in str(caught.value)
    assert "crm.mapped.shop" in str(caught.value)


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"time_zone": "Moscow"}, "no time zone is called Moscow"),
        ({"items": "a..b"}, "items: 'a..b'"),
        ({"deleted": {"=x": ["1"]}}, "deleted: '=x'"),
        ({"handmade": {"a[": ["1"]}}, "handmade: 'a['"),
        ({"deals_of": "nobody"}, "mapped.shop.deals_of: no CRM and no other map is called nobody"),
        ({"deals_of": "shop"}, "no other map"),
    ],
)
def test_wrong_settings_beside_the_map_are_refused(more: dict[str, Any], part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        mapped({}, **more)
    assert part in str(caught.value)


def test_a_map_without_the_deals_id_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"map\.deal_id: is needed"):
        site_of({"shop": {"map": {"stage": "s"}}})


def test_of_several_paths_the_first_filled_counts() -> None:
    assert one({"b": "", "c": [], "d": "x", "e": "y"}, {"stage": ["a", "b", "c", "d", "e"]})["stage"] == "x"


# Bodies


def test_a_form_with_brackets_is_read_like_json() -> None:
    body = "order[id]=7&order[phones][0]=8+900+000-00-17&order[phones][1]=x&order[status]=%D0%9D%D0%BE%D0%B2%D1%8B%D0%B9"
    site = site_of({"shop": {"body": "form", "map": {"deal_id": "order[id]", "phone": "order.phones.*", "stage": "order.status"}}})
    (state,) = made(read(body.encode(), site))
    assert (state["deal_id"], state["stage"], state["phone_hash"]) == ("7", "Новый", phone_hash("89000000017", KEY))


def test_a_form_whose_field_is_json_is_walked_into() -> None:
    body = "event=order&data=" + quote(json.dumps({"order": {"id": 7, "status": "new"}}))
    site = site_of({"shop": {"body": "form", "map": {"deal_id": "data.order.id", "stage": "data.order.status"}}})
    assert made(read(body.encode(), site))[0]["stage"] == "new"


def test_a_list_of_deals_is_read_each_by_itself() -> None:
    deals = [{"id": "1", "s": "new"}, {"s": "lost"}, {"id": "3", "s": "won"}]
    site = mapped({"stage": "s"}, items="result.deals")
    for body in ({"result": {"deals": deals}}, {"result": {"deals": dict(enumerate(deals))}}):
        outcome = read(body, site)
        assert [state["deal_id"] for state in made(outcome)] == ["1", "3"]
        assert [(r.reason, r.message) for r in outcome.rejected] == [
            ("bad_field", "deal 1: map.deal_id: nothing stands there, and it is needed")
        ]


def test_a_body_that_is_a_list_is_a_list_of_deals() -> None:
    assert [s["deal_id"] for s in made(read([{"id": 1, "s": "a"}, {"id": 2, "s": "b"}], mapped({"stage": "s"})))] == ["1", "2"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'"text"', "bad_json"),
        (b"[" * 200_000, "bad_json"),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "bad_json"),
        (b"[]", "no_deals"),
        (b'["x"]', "bad_field"),
        (b"[" + b"{}," * 1_000 + b"{}]", "too_many_deals"),
        (b'{"id": 1.5}', "bad_field"),
        (b'{"id": true}', "bad_field"),
        (b'{"id": {"x": 1}}', "bad_field"),
        (b'{"id": 123456789012345678901234567890}', "bad_field"),
        (b'{"id": "' + b"7" * 101 + b'"}', "bad_field"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    assert refused(body, mapped({"stage": "s"})).startswith(f"{reason}: ")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a=1&" * 10_000, "too_many_fields"),
        (b"x" * 501 + b"=1", "long_name"),
        (b"a" + b"[b]" * 100 + b"=1", "too_deep"),
    ],
)
def test_a_form_beyond_the_limits_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    assert refused(body, mapped({"stage": "s"}, body="form")).startswith(f"{reason}: ")


def test_a_name_that_is_a_text_and_a_parent_is_counted() -> None:
    outcome = read(b"id=7&s=new&s[x]=1", mapped({"stage": "s"}, body="form"))
    assert (made(outcome)[0]["stage"], outcome.passed_over) == ("new", {"path_collision": 1})


def test_a_notice_that_only_points_at_a_deal_is_counted_and_makes_no_record() -> None:
    outcome = read({"id": "7"}, mapped({"stage": "s"}))
    assert (outcome.records, outcome.rejected, outcome.passed_over) == ([], [], {"nothing_told": 1})


# Letters


def test_a_form_of_windows_1251_is_read_where_the_settings_say_so() -> None:
    body = b"id=7&s=" + quote("Оплачен".encode("cp1251")).encode() + b"&m=" + "Анна".encode("cp1251")
    state = made(read(body, mapped({"stage": "s", "manager": "m"}, body="form", encoding="windows-1251")))[0]
    assert (state["stage"], state["manager"]) == ("Оплачен", "Анна")


def test_letters_that_were_lost_refuse_the_deal_where_figures_hang_on_them() -> None:
    body = b"id=7&s=" + quote("Оплачен".encode("cp1251")).encode()
    told = refused(body, mapped({"stage": "s"}, body="form"))
    assert told.startswith("wrong_encoding: deal 0: map.stage: letters were lost: the body is not utf-8; set encoding")


def test_letters_that_were_lost_in_free_text_cost_that_text_alone() -> None:
    body = b'{"id": "7", "s": "won", "m": "' + "Анна".encode("cp1251") + b'"}'
    outcome = read(body, mapped({"stage": "s", "manager": "m"}))
    (state,) = made(outcome)
    assert (state["stage"], "manager" in state, outcome.passed_over) == ("won", False, {"wrong_encoding": 1})


def test_json_of_windows_1251_is_read_where_the_settings_say_so() -> None:
    body = '{"id": "7", "s": "Оплачен"}'.encode("cp1251")
    assert made(read(body, mapped({"stage": "s"}, encoding="windows-1251")))[0]["stage"] == "Оплачен"


# Sums and times


@pytest.mark.parametrize(
    ("told", "amount", "currency"),
    [
        ("1 200,50 ₽", 1200.5, "RUB"),
        ("1\u00a0200,50\u00a0руб.", 1200.5, "RUB"),
        ("1.200,50", 1200.5, "RUB"),
        ("1,234,567.5", 1234567.5, "RUB"),
        ("$1,200.50", 1200.5, "USD"),
        ("186 400 EUR", 186400, "EUR"),
        (186400.1, 186400.1, "RUB"),
        ("-5", -5, "RUB"),
        (0, 0, "RUB"),
    ],
)
def test_a_sum_may_be_spelled_as_people_do(told: Any, amount: float, currency: str) -> None:
    state = one({"sum": told}, {"amount": "sum"})
    assert (state["amount"], state["currency"]) == (amount, currency)


@pytest.mark.parametrize("told", ["1,234", "1.234", "договорная", "100 тыс", "5-", {"value": 5}, True, "." * 250_000, "10$ 20$"])
def test_a_sum_that_cannot_be_read_one_way_refuses_the_deal(told: Any) -> None:
    assert refused({"id": "7", "sum": told}, mapped({"amount": "sum"})).startswith("bad_field: deal 0: map.amount: ")


def test_a_currency_that_changes_with_the_deal_is_told_with_each_sum() -> None:
    site = mapped({"amount": "sum", "currency": "cur"})
    states = made(read([{"id": 1, "sum": 5, "cur": "руб."}, {"id": 1, "sum": 5, "cur": "usd"}], site))
    assert [state["currency"] for state in states] == ["RUB", "USD"]
    assert "is another than the one that stands beside the sum" in refused({"id": 1, "sum": "$5", "cur": "RUB"}, site)
    assert "is no currency" in refused({"id": 1, "sum": 5, "cur": "фантики"}, site)


def test_cents_are_hundredths_and_a_fraction_of_one_is_rounded() -> None:
    assert one({"sum": 18640000.0}, {"amount": "sum"}, money_unit="cents")["amount"] == 186400
    assert one({"sum": "3361311.5"}, {"amount": "sum"}, money_unit="cents")["amount"] == 33613.12


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("2026-10-29 15:12:48.310", "2026-10-29 12:12:48.310"),
        ("2026-10-29T15:12:48+05:00", "2026-10-29 10:12:48.000"),
        ("29.10.2026 15:12", "2026-10-29 12:12:00.000"),
        ("29.10.2026", "2026-10-28 21:00:00.000"),
        (1793279739, "2026-10-29 13:15:39.000"),
        ("1793279739123", "2026-10-29 13:15:39.123"),
    ],
)
def test_a_time_may_be_spelled_as_systems_do(told: Any, wanted: str) -> None:
    assert one({"at": told, "s": "x"}, {"told_at": "at", "stage": "s"})["occurred_at"] == wanted


def test_times_without_an_offset_are_of_the_maps_zone() -> None:
    state = one({"at": "2026-10-29 15:00", "s": "x"}, {"told_at": "at", "stage": "s"}, time_zone="Asia/Yekaterinburg")
    assert state["occurred_at"] == "2026-10-29 10:00:00.000"


@pytest.mark.parametrize("told", ["10/12/2026", "soon", "31.02.2026", {}, True, 1e300, "1899-12-30", "9999-12-31T23:59:59-23:00"])
def test_a_time_that_cannot_be_read_refuses_the_deal(told: Any) -> None:
    body = {"id": "7", "s": "x", "at": told}
    if told == {}:
        assert made(read(body, mapped({"told_at": "at", "stage": "s"})))  # an empty object is not filled
        return
    assert refused(body, mapped({"told_at": "at", "stage": "s"})).startswith("bad_field: deal 0: map.told_at: ")


def test_a_databases_zero_is_no_time() -> None:
    state = one({"at": "0000-00-00 00:00:00", "s": "x"}, {"created_at": "at", "stage": "s"})
    assert "deal_created_at" not in state


def test_a_time_ahead_of_our_clock_refuses_the_deal() -> None:
    assert refused({"id": 1, "s": "x", "at": "2026-11-10T12:06:00+03:00"}, mapped({"told_at": "at", "stage": "s"})).startswith(
        "future: "
    )


def test_a_state_without_a_time_of_its_own_is_of_its_arrival() -> None:
    assert one({"s": "x"}, {"stage": "s"})["occurred_at"] == "2026-11-10 09:00:00.000"


# Deals


def test_values_that_tell_a_deletion_are_compared_as_text() -> None:
    more = {"deleted": {"gone": [True, "1"], "action": ["DELETE"]}}
    fields = {"stage": "s"}
    assert one({"gone": True}, fields, **more)["is_deleted"] is True
    assert one({"gone": 1}, fields, **more)["is_deleted"] is True
    assert one({"action": "delete"}, fields, **more)["is_deleted"] is True
    assert one({"action": "UPDATE", "s": "x"}, fields, **more)["is_deleted"] is False
    assert "is_deleted" not in one({"s": "x"}, fields, **more)


def test_the_same_state_told_twice_is_one_record() -> None:
    body = {"id": "7", "s": "won", "at": "2026-10-29T15:12:48+03:00", "sum": 5}
    site = mapped({"stage": "s", "told_at": "at", "amount": "sum"})
    later = Arrival("kvartal", "webhook-2", NOW.replace(hour=10), KEY)
    first = made(read(body, site))
    again = made(hooks.records_of(json.dumps(body).encode(), later, site, "shop"))
    assert [s["record_id"] for s in first] == [s["record_id"] for s in again]


def test_payments_may_belong_to_another_crms_deals() -> None:
    fields = {"payment.id": "doc", "payment.amount": "sum", "payment.at": "at"}
    body = {"id": "41870233", "doc": "П-1", "sum": "1 200,50", "at": "29.10.2026"}
    outcome = read(body, mapped(fields, deals_of="amocrm"))
    (payment,) = made(outcome, "payment")
    assert (payment["provider"], payment["deal_id"], payment["amount"]) == ("amocrm", "41870233", 1200.5)
    assert made(outcome) == []


def test_a_refund_is_a_payment_below_nought() -> None:
    fields = {"payments": "p", "payment.id": "n", "payment.amount": "a", "payment.at": "at"}
    body = {"id": "7", "p": [{"n": 1, "a": 10, "at": "2026-10-01"}, {"n": 2, "a": "-4", "at": "2026-10-02"}, {"n": 3, "a": 0}]}
    assert [p["amount"] for p in made(read(body, mapped(fields)), "payment")] == [10, -4, 0]


def test_a_payment_that_cannot_be_right_refuses_its_deal() -> None:
    fields = {"payments": "p", "payment.id": "n", "payment.amount": "a", "payment.at": "at", "stage": "s"}
    body = {"id": "7", "s": "won", "p": [{"n": 1, "a": "много", "at": "2026-10-01"}]}
    assert refused(body, mapped(fields)).startswith("bad_field: deal 0: map.payment.amount: ")


def test_hand_filled_fields_that_cannot_be_read_cost_the_deal_nothing() -> None:
    fields = {"stage": "s", "cost_price": "c", "communications": "n", "request_id": "r", "receivable": "d", "amount": "sum"}
    body = {"id": 7, "s": "won", "c": "около ста", "n": "два", "r": "x" * 101, "d": "$5", "sum": 10}
    outcome = read(body, mapped(fields))
    (state,) = made(outcome)
    assert outcome.passed_over == {"unreadable_field": 4}
    assert {"cost_price", "communications", "request_id", "receivable"} & state.keys() == set()


def test_no_phone_and_no_email_enters_the_lake() -> None:
    fields = {name: name for name in ("stage", "product", "manager", "branch", "contact_id", "utm_source", "attribute.note")}
    fields |= {"tags": "tags", "phone": "phone", "attribute.note": "note"}
    text = "позвонить 8 900 000-00-17, vera@post.example"
    body = {
        "id": "89000000017",
        **dict.fromkeys(fields, text),
        "note": text,
        "phone": "+7 900 000-00-17",
        "contact_id": "9000000017",
    }
    outcome = read(body, mapped(fields))
    stored = b"".join(line for _, line in outcome.records).decode()
    assert outcome.records
    assert "000-00-17" not in stored
    assert "9000000017" not in stored
    assert "post.example" not in stored


def test_names_of_ids_come_from_the_settings() -> None:
    names = {"managers": {"12": "Анна"}, "loss_reasons": {"5": "Дорого"}, "sources": {"web": "Сайт"}}
    state = one({"m": 12, "l": "5", "w": "web"}, {"manager": "m", "loss_reason": "l", "crm_source": "w"}, **names)
    assert (state["manager"], state["loss_reason"], state["crm_source"]) == ("Анна", "Дорого", "Сайт")


def test_tags_are_a_list_or_one_text_with_commas() -> None:
    assert one({"t": "VIP, опт; VIP"}, {"tags": "t"})["tags"] == '["VIP","опт"]'
    assert one({"t": ["b", "a"]}, {"tags": "t"})["tags"] == '["a","b"]'


def test_a_merged_deal_names_the_one_that_took_it_over() -> None:
    assert one({"into": 9}, {"merged_into": "into"})["merged_into"] == "9"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda c: st.lists(c, max_size=4) | st.dictionaries(st.sampled_from(["id", "s", "p", "a", "at", "t", "0"]) | st.text(), c),
    max_leaves=20,
)
ALL = {
    **dict.fromkeys(("stage", "pipeline", "currency", "request_id", "manager", "merged_into", "utm_source"), "s"),
    "amount": "a",
    "cost_price": "p.a",
    "told_at": "at",
    "created_at": ["t", "at"],
    "phone": "p.*",
    "tags": "t",
    "name": "t",
    "payments": "p",
    "payment.id": "id",
    "payment.amount": "a",
    "payment.at": "at",
    "attribute.x": "*[id=1].t",
}


@given(JSON, st.sampled_from(["json", "form"]), st.sampled_from(["utf-8", "windows-1251"]))
def test_any_body_ends_in_records_or_reasons(body: Any, kind: str, encoding: str) -> None:
    site = mapped(ALL, body=kind, encoding=encoding, deleted={"s": ["1"]})
    outcome = read(json.dumps(body).encode(), site)
    assert {one.reason for one in outcome.rejected} <= set(hooks.REASONS)
    assert set(outcome.passed_over) <= set(hooks.PASSED_OVER)
    assert outcome.records or outcome.rejected or outcome.passed_over
