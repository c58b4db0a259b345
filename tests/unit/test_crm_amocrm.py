"""The amoCRM adapter: one form body → deal states, refusals with a reason, items passed over and counted."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.amocrm.adapter import PASSED_OVER, REASONS, records_of
from functions.crm_webhook.outcome import Arrival, Outcome, Person
from shared.crm_settings import CrmFields
from shared.forms import MOST_PAIRS
from shared.identity import email_hash, phone_hash
from shared.records import CRM_EVENT
from shared.settings import parse_settings, published
from tests.api.crm_amocrm import AMOCRM, DATA, custom, hook, payload, php_form

KEY = b"identity key of the tests"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("kvartal", "delivery-1", NOW, KEY)
HEAD = {"site_id": "kvartal", "received_at": "2026-11-20 09:00:00.000", "via": "crm", "provider": "amocrm"}


def site(**amo: Any) -> dict[str, Any]:
    crm = {"amocrm": AMOCRM | amo}
    return published(parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": crm}))


SITE = site()


def take(body: bytes, settings: dict[str, Any] = SITE, arrival: Arrival = ARRIVAL) -> Outcome:
    return records_of(body, arrival, settings)


def states(body: bytes, settings: dict[str, Any] = SITE, arrival: Arrival = ARRIVAL) -> list[dict[str, Any]]:
    """States of a body that was taken whole."""
    outcome = take(body, settings, arrival)
    assert outcome.rejected == []
    assert {kind for kind, _ in outcome.records} <= {CRM_EVENT}
    return [json.loads(line) for _, line in outcome.records]


def state(body: bytes, settings: dict[str, Any] = SITE, arrival: Arrival = ARRIVAL) -> dict[str, Any]:
    (one,) = states(body, settings, arrival)
    return one


def without_id(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "record_id"}


def refused(body: bytes, settings: dict[str, Any] = SITE) -> tuple[str, str]:
    outcome = take(body, settings)
    assert outcome.records == []
    (one,) = outcome.rejected
    assert one.reason in REASONS
    return one.reason, one.message


def lead(**more: Any) -> dict[str, Any]:
    return {"id": "7", "status_id": "58113402", "pipeline_id": "6904417", "last_modified": "1793280031"} | more


# The recorded bodies: each with its trap


def test_a_new_lead_with_a_date_field_long_ids_and_signs_in_its_values() -> None:
    told = state(payload("lead_add"))
    assert len(told["record_id"]) == 36
    assert without_id(told) == HEAD | {
        "occurred_at": "2026-10-12 07:56:02.000",
        "deal_id": "41870233",
        "deal_created_at": "2026-10-12 07:56:02.000",
        "pipeline": "6904417",
        "stage": "58113402",
        "amount": 0.0,
        "currency": "RUB",
        "utm_source": "yandex",
        "utm_campaign": "708815521",
        "manager": "Анна Серова",
        "is_handmade": False,
        "tags": '["kvartal.example","звонок"]',
    }


def test_a_contact_tells_each_of_its_leads_who_the_client_is() -> None:
    outcome = take(payload("contact_update"))
    told = [json.loads(line) for _, line in outcome.records]
    who = {
        "occurred_at": "2026-10-29 13:20:35.000",
        "contact_id": "52640917",
        "phone_hash": phone_hash("+79000000017", KEY),
        "email_hash": email_hash("lugova@post.example", KEY),
    }
    assert [without_id(one) for one in told] == [HEAD | who | {"deal_id": lead_id} for lead_id in ("41870233", "41903318")]
    assert len({one["record_id"] for one in told}) == 2
    assert outcome.passed_over == Counter({"further_contact": 1})
    assert outcome.people == [Person("Вера Лугова", ("+7 (900) 000-00-17", "8 900 000-00-18"), ("Lugova@post.example",))]


def test_a_note_whose_path_is_a_text_and_a_parent_fails_nothing_and_is_passed_over() -> None:
    outcome = take(payload("contacts_note_path_collision"))
    assert (outcome.records, outcome.rejected, outcome.people) == ([], [], [])
    assert outcome.passed_over == Counter({"note": 1, "path_collision": 1})


def test_a_won_lead_with_raw_brackets_and_without_the_accounts_id() -> None:
    assert without_id(state(payload("lead_status_won_raw_brackets"))) == HEAD | {
        "occurred_at": "2026-10-29 13:20:31.000",
        "deal_id": "41870233",
        "deal_created_at": "2026-10-12 07:56:02.000",
        "pipeline": "6904417",
        "stage": "won",
        "amount": 186400.0,
        "currency": "RUB",
        "manager": "Анна Серова",
        "order_id": "KV-2417",
        "is_handmade": False,
        "tags": '["звонок"]',
    }


def test_several_entities_in_one_body_stand_for_themselves() -> None:
    outcome = take(payload("multi_entity"))
    told = {one["deal_id"]: one for one in (json.loads(line) for _, line in outcome.records)}
    assert outcome.rejected == []
    assert outcome.passed_over == Counter({"contact_without_leads": 1})
    assert list(told) == ["41880716", "41872590", "41870233", "41860007"]
    assert told["41880716"]["utm_source"] == "vk_ads"
    assert told["41872590"]["occurred_at"] == "2026-10-14 16:13:25.000"
    assert (told["41870233"]["stage"], told["41870233"]["amount"]) == ("58113410", 186400.0)
    assert without_id(told["41860007"]) == HEAD | {
        "occurred_at": "2026-11-20 09:00:00.000",
        "deal_id": "41860007",
        "is_deleted": True,
        "pipeline": "6904417",
        "stage": "58113402",
    }
    assert outcome.people == [Person("Зоя Ракитина", ("9000000058",), ())]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.form.txt")), ids=lambda path: str(path.name).split(".")[0])
def test_every_recorded_body_is_taken_whole_and_keeps_no_plain_person(path: Path) -> None:
    outcome = take(path.read_bytes())
    assert outcome.rejected == []
    assert set(outcome.passed_over) <= set(PASSED_OVER)
    text = b"".join(line for _, line in outcome.records).decode() + str(outcome.passed_over)
    for plain in ("00-00-", "0000000", "post.example", "Вера", "Лугова", "Туманов", "Ракитина", "Ильмень", "Звонок", "Пропущенный"):
        assert plain not in text


# Leads


@pytest.mark.parametrize(("status", "stage"), [("142", "won"), ("143", "lost"), ("58113402", "58113402"), ("1142", "1142")])
def test_won_and_lost_are_the_same_in_every_pipeline_other_stages_keep_their_ids(status: str, stage: str) -> None:
    for pipeline in ("1", "6904417"):
        told = state(hook(**lead(status_id=status, pipeline_id=pipeline)))
        assert (told["pipeline"], told["stage"]) == (pipeline, stage)


def test_what_a_status_hook_does_not_tell_stays_empty() -> None:
    told = state(hook("leads", "status", id="7", status_id="142", old_status_id="5", pipeline_id="6", last_modified="1793280031"))
    assert without_id(told) == HEAD | {"occurred_at": "2026-10-29 13:20:31.000", "deal_id": "7", "pipeline": "6", "stage": "won"}


def test_a_sum_of_nothing_is_told_an_empty_one_is_not() -> None:
    assert state(hook(**lead(price="0")))["amount"] == 0
    assert "amount" not in state(hook(**lead(price="")))
    assert "currency" not in state(hook(**lead(price="")))


def test_amounts_are_in_the_sites_currency() -> None:
    assert state(hook(**lead(price="10")), SITE | {"currency": "KZT"})["currency"] == "KZT"


def test_a_deletion_may_be_the_bare_id() -> None:
    for items in ("41860007", {"0": "41860007"}, {"0": {"id": "41860007"}}):
        told = state(php_form({"leads": {"delete": items}}))
        assert (told["deal_id"], told["is_deleted"]) == ("41860007", True)


def test_a_restored_lead_is_there_again() -> None:
    assert state(hook("leads", "restore", **lead()))["is_deleted"] is False
    assert "is_deleted" not in state(hook("leads", "update", **lead()))


def test_responsible_tells_the_manager_and_robots_are_nobody() -> None:
    assert state(hook("leads", "responsible", **lead(responsible_user_id="55")))["manager"] == "55"
    assert state(hook(**lead(responsible_user_id="8830151")))["manager"] == "Анна Серова"
    assert "manager" not in state(hook(**lead(responsible_user_id="0")))


def test_the_reason_of_a_loss_is_the_field_of_the_settings_else_the_name_of_its_id_else_the_id() -> None:
    def reason(settings: dict[str, Any] = SITE, **more: Any) -> Any:
        return state(hook(**lead(status_id="143", **more)), settings).get("loss_reason")

    by_field = site(fields={"loss_reason": "Причина отказа"})
    fields = custom(("Причина отказа", "дорого, звонил +7 900 000-00-42"))
    assert reason(loss_reason_id="11938870") == "Не дозвонились"
    assert reason(loss_reason_id="5") == "5"
    assert reason(loss_reason_id="0") is None
    assert reason(by_field, loss_reason_id="5", custom_fields=fields) == "дорого, звонил [phone]"
    assert reason(by_field, loss_reason_id="11938870") == "Не дозвонились"


@pytest.mark.parametrize("name", ["Номер заявки", "НОМЕР ЗАЯВКИ", "9000", "REQUEST_CODE"])
def test_fields_are_found_by_code_id_or_name_in_any_case(name: str) -> None:
    fields = custom(("Номер заявки", "r-1"))
    fields["0"]["code"] = "request_code"
    assert state(hook(**lead(custom_fields=fields)), site(fields={"request_id": name}))["request_id"] == "r-1"


def test_a_code_is_stronger_than_a_name_and_the_first_value_counts() -> None:
    fields = custom(("Другое", "x"), ("SKVOZ_REQUEST_ID", "r-2"))
    fields["0"] |= {"name": "skvoz_request_id"}
    fields["1"]["values"] = {"0": {"value": ""}, "1": {"value": "r-2"}, "2": {"value": "r-3"}}
    assert state(hook(**lead(custom_fields=fields)))["request_id"] == "r-2"


def test_every_field_of_the_settings_is_read() -> None:
    sums = {"cost_price": "36660.50", "receivable": "100.25", "communications": "4"}
    plain = {name: sums.get(name, f"{name}-1") for name in CrmFields.model_fields if name != "attributes"}
    fields = custom(*((f"поле {name}", value) for name, value in plain.items()), ("Размер", "XL"))
    names: dict[str, Any] = {name: f"поле {name}" for name in plain} | {"attributes": {"size": "Размер", "colour": "Цвет"}}
    told = state(hook(**lead(custom_fields=fields)), site(fields=names))
    columns = {"source": "crm_source"}
    assert {name: str(told[columns.get(name, name)]) for name in plain} == plain | {"cost_price": "36660.5"}
    assert (told["currency"], told["attributes"]) == ("RUB", '{"size":"XL"}')


def test_the_crms_own_source_is_named_by_the_settings() -> None:
    named = site(fields={"source": "Откуда"}, sources={"Авито": "avito"})
    assert state(hook(**lead(custom_fields=custom(("Откуда", "Авито")))), named)["crm_source"] == "avito"
    assert state(hook(**lead(custom_fields=custom(("Откуда", "Соседи")))), named)["crm_source"] == "Соседи"
    assert "crm_source" not in state(hook(**lead()), named)


def test_a_lead_is_handmade_where_a_person_made_it_and_no_integration_wrote_into_it() -> None:
    def told(creator: str, *fields: tuple[str, str]) -> Any:
        return state(hook(**lead(created_user_id=creator, custom_fields=custom(*fields)))).get("is_handmade")

    assert (told("8830151"), told("0"), told("")) == (True, False, None)
    assert told("8830151", ("Филиал", "Юг")) is True
    assert told("8830151", ("skvoz_request_id", "r-1")) is False
    assert told("8830151", ("UTM_SOURCE", "yandex")) is False


def test_tags_are_a_sorted_list_without_phones() -> None:
    tags = {"0": {"id": "1", "name": "б"}, "1": {"name": "а +7 900 000-00-17"}, "2": {"name": "б"}, "3": {"name": ""}}
    assert state(hook(**lead(tags=tags)))["tags"] == '["а [phone]","б"]'


def test_marks_are_found_by_code_or_by_name() -> None:
    by_code = custom(("UTM_SOURCE", "google"), ("UTM_MEDIUM", "cpc"), ("UTM_CONTENT", "79001234567"))
    by_name = custom(("utm_source", "google"), ("Utm_Medium", "cpc"), ("utm_content", "79001234567"))
    for fields in (by_code, by_name):
        told = state(hook(**lead(custom_fields=fields)))
        assert (told["utm_source"], told["utm_medium"], told["utm_content"]) == ("google", "cpc", "79001234567")


def test_metricas_client_id_is_a_visitor_only_where_the_settings_say_so_and_only_with_15_to_20_digits() -> None:
    by_client_id = site(fields={"visitor_id": "_YM_UID"})
    body = payload("lead_add")
    assert "visitor_id" not in state(body)
    assert state(body, by_client_id)["visitor_id"] == "179179082645120937"
    for junk in ("2417", "1" * 14, "1" * 21, "KV-1234567890123456", "1" * 10 + "٣" * 8):
        outcome = take(hook(**lead(custom_fields=custom(("_YM_UID", junk)))), by_client_id)
        assert "visitor_id" not in json.loads(outcome.records[0][1])
        assert outcome.passed_over == Counter({"no_client_id": 1})


def test_what_people_wrote_into_a_field_wrongly_costs_that_field_alone() -> None:
    fields = custom(("Себестоимость", "тысяч сорок"), ("skvoz_request_id", "r" * 65), ("skvoz_call_id", "c-1"))
    outcome = take(hook(**lead(custom_fields=fields)))
    told = json.loads(outcome.records[0][1])
    assert outcome.passed_over == Counter({"unreadable_field": 2})
    assert (told["stage"], told["call_id"]) == ("58113402", "c-1")
    assert not {"cost_price", "request_id"} & told.keys()


def test_ids_stay_text_to_the_last_digit() -> None:
    told = state(hook(**lead(id="9007199254740993")))
    assert told["deal_id"] == "9007199254740993"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": ""}, "leads.update.0.id"),
        ({"id": "0"}, "leads.update.0.id"),
        ({"id": "7.0"}, "leads.update.0.id"),
        ({"id": "1" * 20}, "leads.update.0.id"),
        ({"id": {"x": "1"}}, "leads.update.0.id"),
        ({"status_id": "won"}, "leads.update.0.status_id"),
        ({"price": "many"}, "leads.update.0.price"),
        ({"price": "1" * 14}, "leads.update.0.price"),
        ({"last_modified": "yesterday"}, "leads.update.0.last_modified"),
        ({"last_modified": "315532800"}, "leads.update.0.last_modified"),
        ({"date_create": "9" * 12}, "leads.update.0.date_create"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_place(changes: dict[str, Any], place: str) -> None:
    reason, message = refused(hook(**lead(**changes)))
    assert reason == "bad_field"
    assert message.startswith(f"{place}: ")


def test_one_bad_item_does_not_take_the_others_with_it() -> None:
    outcome = take(php_form({"leads": {"update": {"0": lead(id="x"), "1": lead(id="8")}, "delete": {"0": {"id": "9"}}}}))
    assert [json.loads(line)["deal_id"] for _, line in outcome.records] == ["8", "9"]
    assert [one.reason for one in outcome.rejected] == ["bad_field"]


def test_times_ahead_of_our_clock_are_refused() -> None:
    def at(moment: datetime) -> str:
        return str(int(moment.timestamp()))

    assert state(hook(**lead(last_modified=at(NOW + timedelta(minutes=5)))))
    assert refused(hook(**lead(last_modified=at(NOW + timedelta(minutes=5, seconds=1)))))[0] == "future"
    assert refused(hook(**lead(date_create=at(NOW + timedelta(days=2)))))[0] == "future"
    contact: dict[str, Any] = {"id": "5", "last_modified": at(NOW + timedelta(hours=1)), "linked_leads_id": {"7": {"ID": "7"}}}
    assert refused(hook("contacts", "update", **contact))[0] == "future"


def test_a_phone_in_a_field_for_an_id_is_hashed_and_in_words_left_out() -> None:
    fields = custom(("skvoz_request_id", "+7 900 000-00-42"), ("Номер", "89000000042"), ("Филиал", "Юг, 8 900 000-00-42"))
    settings = site(fields={"order_id": "Номер", "branch": "Филиал"})
    contact = {"id": "5", "type": "contact", "custom_fields": custom(("PHONE", "+79000000042"))}
    body = php_form({"leads": {"update": {"0": lead(custom_fields=fields)}}, "contacts": {"add": {"0": contact}}})
    told = state(body, settings)
    assert told["branch"] == "Юг, [phone]"
    assert {len(told["request_id"]), len(told["order_id"])} == {32}


# Contacts


def test_the_first_usable_phone_is_the_deals_key_and_the_vault_gets_all() -> None:
    fields = custom(("PHONE", "нет"), ("EMAIL", "no mail"))
    fields["0"]["values"] |= {"1": {"value": "8 900 000-00-42"}, "2": {"value": "+79000000058"}}
    fields["1"]["values"] |= {"1": {"value": "Tumanov@post.example"}}
    outcome = take(hook("contacts", "add", id="5", name="Глеб", custom_fields=fields, linked_leads_id={"7": {"ID": "7"}}))
    told = json.loads(outcome.records[0][1])
    assert told["phone_hash"] == phone_hash("+79000000042", KEY)
    assert told["email_hash"] == email_hash("tumanov@post.example", KEY)
    assert outcome.passed_over == Counter({"further_contact": 1})
    assert outcome.people == [Person("Глеб", ("нет", "8 900 000-00-42", "+79000000058"), ("no mail", "Tumanov@post.example"))]


def test_linked_leads_are_read_from_the_id_or_from_its_key() -> None:
    linked = {
        "41870233": {"ID": "41870233"},
        "8": "",
        "0": "9",
        "x": {"ID": "10"},
        "no": {"ID": "none"},
        "11": {"ID": "11", "y": "z"},
    }
    told = states(hook("contacts", "update", id="5", linked_leads_id=linked))
    assert [one["deal_id"] for one in told] == ["41870233", "8", "9", "10", "11"]


def test_a_company_tells_its_leads_a_phone_like_a_contact() -> None:
    company: dict[str, Any] = {"id": "5", "type": "company", "name": "ООО", "linked_leads_id": {"7": {"ID": "7"}, "8": {"ID": "8"}}}
    told = states(hook("contacts", "update", custom_fields=custom(("PHONE", "8 900 000-00-17")), **company))
    assert [one["deal_id"] for one in told] == ["7", "8"]
    assert {one["phone_hash"] for one in told} == {phone_hash("+79000000017", KEY)}
    assert not any("contact_id" in one for one in told)
    assert take(hook("contacts", "update", **company)).passed_over == Counter({"company": 1})


# What must be read


API = site(api={"url": "https://kvartal-example.amocrm.ru"}, customers=True)


def pointers(body: bytes, settings: dict[str, Any] = API) -> list[tuple[str, str]]:
    return [(one.entity, one.id) for one in take(body, settings).to_read]


def test_what_lacks_something_is_read_through_the_api() -> None:
    whole: dict[str, Any] = lead(price="10")
    assert pointers(hook("leads", "update", **whole)) == []
    assert pointers(hook("leads", "add", **whole)) == [("lead", "7")]
    for lacking in ("price", "pipeline_id", "status_id"):
        assert pointers(hook("leads", "status", **{**whole, lacking: ""})) == [("lead", "7")]
    linked = hook("contacts", "update", id="5", linked_leads_id={"7": {"ID": "7"}})
    assert pointers(linked) == [("contact", "5")]
    assert take(linked, API).records == []  # it may be the lead's second contact: the API knows whose leads are its own
    assert pointers(hook("contacts", "update", id="5")) == [("contact", "5")]
    assert pointers(hook("contacts", "update", id="6", type="company", linked_leads_id={"7": {"ID": "7"}})) == [("company", "6")]
    assert pointers(hook("customers", "update", id="9")) == [("customer", "9")]


def test_a_leads_note_points_at_its_lead_where_notes_are_counted() -> None:
    counting = site(api={"url": "https://kvartal-example.amocrm.ru"}, count_notes=True)
    note = {
        "id": "97744120",
        "note_type": "10",
        "element_id": "41870233",
        "element_type": "2",
        "text": "Перезвонить 8 900 000-00-17",
    }
    outcome = take(hook("leads", "note", note=note), counting)
    assert ([tuple(one) for one in outcome.to_read], outcome.records, outcome.rejected) == ([("lead", "41870233")], [], [])
    for body, told in (
        (hook("leads", "note", note=note), API),  # not counted
        (hook("contacts", "note", note=note), counting),  # of no lead
        (payload("contacts_note_path_collision"), counting),
    ):
        outcome = take(body, told)
        assert (outcome.to_read, outcome.passed_over["note"]) == ([], 1)


@pytest.mark.parametrize("note", [{"text": ""}, {"element_id": "0"}, {"element_id": "Вера"}, "text"])
def test_a_note_that_does_not_say_whose_it_is_is_rejected(note: Any) -> None:
    counting = site(api={"url": "https://kvartal-example.amocrm.ru"}, count_notes=True)
    outcome = take(hook("leads", "note", note=note), counting)
    assert ([one.reason for one in outcome.rejected], outcome.to_read) == (["bad_field"], [])
    assert "Вера" not in outcome.rejected[0].message


def test_nothing_is_pointed_at_without_an_api() -> None:
    for body in (
        hook("leads", "add", **lead()),
        hook("leads", "delete", id="7"),
        hook("contacts", "add", id="5"),
        payload("multi_entity"),
    ):
        assert pointers(body, SITE) == []
    assert take(hook("customers", "add", id="9")).passed_over == Counter({"entity_not_read": 1})
    assert take(hook("customers", "add", id="9"), site(api={"url": "https://a.example"})).passed_over == Counter(
        {"entity_not_read": 1}
    )


def test_a_deletion_without_a_time_is_told_by_the_api_where_there_is_one() -> None:
    outcome = take(hook("leads", "delete", id="7"), API)
    assert (outcome.records, outcome.to_read) == ([], [("lead", "7")])
    timed = take(hook("leads", "delete", id="7", last_modified="1793280031"), API)
    assert json.loads(timed.records[0][1])["is_deleted"] is True


def test_a_reason_of_loss_that_the_settings_do_not_name_is_read_with_its_name() -> None:
    lost = lead(price="1", status_id="143", loss_reason_id="5")
    outcome = take(hook("leads", "status", **lost), API)
    assert "loss_reason" not in json.loads(outcome.records[0][1])
    assert outcome.to_read == [("lead", "7")]
    assert pointers(hook("leads", "status", **{**lost, "loss_reason_id": "11938870"})) == []


def test_companies_other_entities_and_actions_are_counted_not_read() -> None:
    body = php_form(
        {
            "contacts": {
                "add": {"0": {"id": "1", "type": "company"}},
                "delete": {"0": {"id": "2"}},
                "note": {"0": {"note": {"id": "3"}}},
            },
            "leads": {"note": {"0": {"note": {"id": "4", "text": "+79000000017"}}}, "merge": {"0": {"id": "5"}}},
            "customers": {"add": {"0": {"id": "6"}, "1": {"id": "7"}}},
            "task": "8",
        }
    )
    outcome = take(body)
    assert (outcome.records, outcome.rejected, outcome.people) == ([], [], [])
    assert outcome.passed_over == Counter({"company": 1, "action_not_read": 2, "note": 2, "entity_not_read": 3})


# Whole bodies


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"leads":{"add":[{"id":1}]}}', b"\x00\xff", b"account[id]=31720446", b"a=b", b"%PDF-1.7"]
)
def test_a_body_that_is_no_form_of_amocrm_is_refused(body: bytes) -> None:
    assert refused(body)[0] == "no_entity"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"leads[add][0][id]=7&" + b"&".join(b"x%d=" % n for n in range(MOST_PAIRS)), "too_many_fields"),
        (b"leads[add][0]" + b"[custom_fields]" * 20 + b"=1", "too_deep"),
        (b"leads[add][0][" + b"x" * 1000 + b"]=1", "long_name"),
    ],
)
def test_bracket_bombs_are_refused_with_their_reason(body: bytes, reason: str) -> None:
    assert refused(body)[0] == reason


def test_another_account_is_refused_where_both_sides_tell_theirs() -> None:
    for account in ({"id": "1"}, {"subdomain": "other"}, {"id": "31720446", "subdomain": "other"}):
        assert refused(hook(account=account, **lead()))[0] == "wrong_account"
    for account in ({"id": "31720446"}, {"subdomain": "Kvartal-Example"}, {"id": ""}, {}):
        assert state(hook(account=account, **lead()))
    assert state(hook(account={"id": "1", "subdomain": "other"}, **lead()), site(account_id=None, subdomain=None))


# Ids


def _timed(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without deletions, which have no time of their own."""
    return [one for one in told if not one.get("is_deleted")]


def test_a_deletion_without_a_time_is_told_by_its_delivery() -> None:
    """Deleted, restored and deleted again: the second deletion is no repeat of the first."""
    deletion = hook("leads", "delete", id="7")
    again = Arrival("kvartal", "delivery-2", NOW + timedelta(days=3), KEY)
    first, repeated, second = (state(deletion, arrival=one)["record_id"] for one in (ARRIVAL, ARRIVAL, again))
    assert first == repeated != second


def test_an_exact_repeat_gives_the_same_records_whenever_and_in_whatever_body_it_comes() -> None:
    later = Arrival("kvartal", "delivery-2", NOW + timedelta(hours=2), KEY)
    for name in ("lead_add", "contact_update", "multi_entity"):
        ids = [[one["record_id"] for one in _timed(states(payload(name), arrival=arrival))] for arrival in (ARRIVAL, later)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == len(ids[0])
    alone = state(hook(**lead()))
    beside = states(php_form({"leads": {"update": {"0": lead(id="8"), "5": lead()}}}))
    assert alone["record_id"] == beside[1]["record_id"]


def test_another_time_status_or_content_is_another_record() -> None:
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"last_modified": "1793280032"},
        {"status_id": "142"},
        {"price": "5"},
        {"id": "8"},
        {"custom_fields": custom(("Номер заказа", "b"))},
    )
    by_name = site(fields={"order_id": "Номер заказа"})
    assert len({state(hook(**lead(**change)), by_name)["record_id"] for change in changes}) == len(changes)
    # A field that nobody reads makes no other state.
    assert state(hook(**lead(custom_fields=custom(("a", "b")))))["record_id"] == state(hook(**lead()))["record_id"]
    other_site = Arrival("other", "d", NOW, KEY)
    assert state(hook(**lead()))["record_id"] != state(hook(**lead()), arrival=other_site)["record_id"]


def test_update_and_status_hooks_of_one_edit_agree() -> None:
    update, status = (without_id(state(hook("leads", action, **lead(price="10")))) for action in ("update", "status"))
    assert update == status


def test_states_of_one_second_stand_in_the_order_add_update_status_delete() -> None:
    told = [
        [state(hook("leads", action, **lead(id=str(number))))["record_id"] for number in range(1, 20)]
        for action in ("add", "update", "status", "delete")
    ]
    for earlier, later in itertools.pairwise(told):
        assert max(earlier) < min(later)


def test_a_contact_of_many_leads_costs_its_size_and_no_more() -> None:
    linked = {str(number): {"ID": str(number)} for number in range(1, 5001)}
    told = states(hook("contacts", "update", id="5", last_modified="1793280035", linked_leads_id=linked))
    assert len({one["record_id"] for one in told}) == 5000


# Any body


TEXT = (
    st.text(max_size=12) | st.integers(-5, 2_000_000_000).map(str) | st.sampled_from(["", "0", "142", "1793280031", "+79000000017"])
)
FIELD = st.fixed_dictionaries(
    {}, optional={"id": TEXT, "code": st.sampled_from(["PHONE", "EMAIL", "_YM_UID", "UTM_SOURCE", ""]), "name": TEXT}
    | {"values": TEXT | st.dictionaries(TEXT, TEXT | st.fixed_dictionaries({"value": TEXT}), max_size=3)},
)  # fmt: skip
NAMES = (
    "id",
    "status_id",
    "pipeline_id",
    "price",
    "last_modified",
    "date_create",
    "responsible_user_id",
    "loss_reason_id",
    "type",
    "name",
)
ITEM = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, TEXT)
    | {"custom_fields": TEXT | st.dictionaries(TEXT, TEXT | FIELD, max_size=3)}
    | {"linked_leads_id": TEXT | st.dictionaries(TEXT, TEXT | st.fixed_dictionaries({"ID": TEXT}), max_size=3)},
)
ACTIONS = st.sampled_from(["add", "update", "status", "delete", "restore", "responsible", "note", "x"])
ENTITY = TEXT | st.dictionaries(ACTIONS, TEXT | st.dictionaries(TEXT, TEXT | ITEM, max_size=3), max_size=3)
BODY = st.dictionaries(st.sampled_from(["leads", "contacts", "task", "account", "x"]), ENTITY, max_size=4).map(php_form)


@settings(max_examples=400, deadline=None)
@given(body=BODY | st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_body_becomes_records_or_reasons_of_the_closed_sets(body: bytes) -> None:
    outcome = take(body)
    assert {one.reason for one in outcome.rejected} <= set(REASONS)
    assert set(outcome.passed_over) <= set(PASSED_OVER)
    assert outcome.records or outcome.rejected or outcome.passed_over  # nothing is silent
    for kind, line in outcome.records:
        told = json.loads(line)
        limits = {column.name: column.limit for column in kind.columns if column.limit}
        assert all(len(told[name]) <= limit for name, limit in limits.items() if name in told)
        assert told["deal_id"].isdigit()
        assert "79000000017" not in line.decode()
