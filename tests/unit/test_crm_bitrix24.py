"""Bitrix24's events → what must be read, and deletions; its items → deal states. Both pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.crm_webhook.bitrix24 import hooks
from functions.crm_webhook.bitrix24.calls import Failed, items_in, php_query
from functions.crm_webhook.bitrix24.items import CONTACT, DEAL, LEAD, Item, client_of, deal_id_of, pipeline_of
from functions.crm_webhook.bitrix24.states import Teller, is_handmade
from functions.crm_webhook.outcome import Outcome, Pointer
from infra.doubles.bitrix24.php import camel, parameters_of
from shared.identity import email_hash, phone_hash
from tests.api.crm_bitrix24 import DATA, KEY, arrival_at, payload, site_of, told

SENT_AT = datetime(2026, 10, 29, 13, 20, 38, tzinfo=UTC)
NOW = SENT_AT + timedelta(seconds=2)
AUTH = {"auth[member_id]": "3579cec3152226ccb7d4dcc830e69c52", "auth[domain]": "kvartal-example.bitrix24.ru"}


def body(event: str, number: str = "5194", **fields: str) -> bytes:
    pairs = {"event": event, "data[FIELDS][ID]": number, "ts": str(int(SENT_AT.timestamp())), **AUTH, **fields}
    return urlencode(pairs).encode()


def heard(raw: bytes, now: datetime = NOW, **section: Any) -> Outcome:
    return hooks.records_of(raw, arrival_at(now), site_of(**section), "bitrix24")


def reason_of(outcome: Outcome) -> str:
    assert outcome.records == []
    assert outcome.to_read == []
    (rejected,) = outcome.rejected
    return rejected.reason


# Events


@pytest.mark.parametrize("name", ["deal_update_app", "deal_add_outgoing_webhook"])
def test_both_kinds_of_webhooks_point_at_the_deal(name: str) -> None:
    outcome = heard((DATA / f"{name}.form.txt").read_bytes())
    assert outcome.to_read == [Pointer("deal", "5194")]
    assert (outcome.records, outcome.rejected, dict(outcome.passed_over)) == ([], [], {})


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ("ONCRMDEALADD", ("deal", "5194")),
        ("onCrmDealUpdate", ("deal", "5194")),
        ("ONCRMDEALMOVETOCATEGORY", ("deal", "5194")),
        ("ONCRMLEADADD", ("lead", "5194")),
        ("ONCRMCONTACTUPDATE", ("contact", "5194")),
        ("ONCRMCOMPANYADD", ("company", "5194")),
    ],
)
def test_an_event_points_at_what_it_is_about(event: str, pointer: tuple[str, str]) -> None:
    assert heard(body(event)).to_read == [Pointer(*pointer)]


@pytest.mark.parametrize(
    "raw", [body("ONCRMDYNAMICITEMUPDATE", **{"data[FIELDS][ENTITY_TYPE_ID]": "1220"}), body("ONCRMDYNAMICITEMUPDATE_1220")]
)
def test_items_of_a_named_smart_process_are_read(raw: bytes) -> None:
    assert heard(raw, processes=[1220]).to_read == [Pointer("T1220", "5194")]
    assert heard(raw, processes=[1222]).passed_over == {"process_not_read": 1}


@pytest.mark.parametrize(
    ("event", "fields", "deal_id"),
    [
        ("ONCRMDEALDELETE", {}, "5194"),
        ("ONCRMLEADDELETE", {}, "lead:5194"),
        ("ONCRMDYNAMICITEMDELETE", {"data[FIELDS][ENTITY_TYPE_ID]": "1220"}, "T1220:5194"),
    ],
)
def test_a_deletion_is_told_at_the_time_of_its_event(event: str, fields: dict[str, str], deal_id: str) -> None:
    (state,) = told(heard(body(event, **fields), processes=[1220]))
    assert (state["deal_id"], state["is_deleted"], state["via"], state["provider"]) == (deal_id, True, "crm", "bitrix24")
    assert state["occurred_at"] == "2026-10-29 13:20:38.000"


def test_an_answer_of_the_offline_list_is_no_webhook() -> None:
    """Events are read from webhooks, and what these missed by the regular check; event.offline.get is not called (docs/crm.md)."""
    outcome = heard((DATA / "event_offline_get.json").read_bytes())
    assert (outcome.records, outcome.to_read, [one.reason for one in outcome.rejected]) == ([], [], ["long_name"])


def test_a_deletion_that_comes_again_is_the_same_record() -> None:
    first, again = (heard(body("ONCRMDEALDELETE"), now) for now in (NOW, NOW + timedelta(hours=3)))
    assert told(first)[0]["record_id"] == told(again)[0]["record_id"]


@pytest.mark.parametrize(
    ("event", "section", "reason"),
    [
        ("ONTASKADD", {}, "event_not_read"),
        ("ONAPPINSTALL", {}, "event_not_read"),
        ("ONCRMDEALRECURRINGADD", {}, "event_not_read"),
        ("ONCRMCONTACTDELETE", {}, "client_deleted"),
        ("ONCRMLEADUPDATE", {"leads": False}, "leads_not_used"),
        ("ONCRMLEADDELETE", {"leads": False}, "leads_not_used"),
    ],
)
def test_what_holds_no_deal_is_passed_over_by_its_reason(event: str, section: dict[str, Any], reason: str) -> None:
    outcome = heard(body(event), **section)
    assert dict(outcome.passed_over) == {reason: 1}
    assert (outcome.records, outcome.rejected, outcome.to_read) == ([], [], [])
    assert reason in hooks.PASSED_OVER


@pytest.mark.parametrize(
    "fields",
    [
        {"auth[member_id]": "0" * 32},
        {"auth[domain]": "evil.example"},
        {"auth[member_id]": ""},
        {"auth": "3579cec3152226ccb7d4dcc830e69c52"},
    ],
)
def test_an_event_of_another_portal_is_rejected(fields: dict[str, str]) -> None:
    assert reason_of(heard(body("ONCRMDEALUPDATE", **fields))) == "wrong_account"


def test_the_address_that_a_body_names_is_not_what_is_read() -> None:
    raw = body(
        "ONCRMDEALUPDATE",
        **{"auth[client_endpoint]": "https://evil.example/rest/", "auth[server_endpoint]": "https://evil.example/"},
    )
    outcome = heard(raw)
    assert outcome.to_read == [Pointer("deal", "5194")]
    assert "evil" not in repr(outcome)


@pytest.mark.parametrize("number", ["", "0", "-5", "5194x", "٥", "9" * 20, " ", "1.5"])
def test_an_id_that_is_none_is_rejected(number: str) -> None:
    for event in ("ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMCONTACTADD"):
        assert reason_of(heard(body(event, number))) == "bad_field"


@pytest.mark.parametrize("ts", ["soon", "-1", "1", "999999999999"])
def test_a_deletion_with_an_impossible_time_is_rejected(ts: str) -> None:
    assert reason_of(heard(body("ONCRMDEALDELETE", ts=ts))) == "bad_field"


def test_a_deletion_ahead_of_our_clock_is_rejected() -> None:
    assert reason_of(heard(body("ONCRMDEALDELETE"), SENT_AT - timedelta(minutes=6))) == "future"
    assert told(heard(body("ONCRMDEALDELETE"), SENT_AT - timedelta(minutes=4)))


def test_a_deletion_without_a_time_counts_from_its_arrival() -> None:
    (state,) = told(heard(body("ONCRMDEALDELETE", ts="")))
    assert state["occurred_at"] == "2026-10-29 13:20:40.000"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "wrong_account"),
        (b"\xff\xfe\x00", "wrong_account"),
        (b'{"event": "ONCRMDEALADD"}', "wrong_account"),
        (urlencode(AUTH).encode(), "no_event"),
        (body("ONCRMDEALADD") + b"&x=1" * 10_001, "too_many_fields"),
        (b"a" * 600 + b"=1", "long_name"),
        (b"a" + b"[b]" * 40 + b"=1", "too_deep"),
        (b"data" + b"[" * 200 + b"=1&" + urlencode(AUTH).encode(), "no_event"),
    ],
)
def test_bodies_that_cannot_be_read_have_a_reason(raw: bytes, reason: str) -> None:
    assert reason_of(heard(raw)) == reason
    assert reason in hooks.REASONS


def test_five_megabytes_are_refused_or_read_without_delay() -> None:
    assert reason_of(heard(b"a[b][c]=1&" * 500_000)) == "too_many_fields"
    assert heard(body("ONCRMDEALADD") + b"&note=" + b"%D0%94" * 800_000).to_read == [Pointer("deal", "5194")]


def test_a_name_that_is_text_and_parent_is_counted() -> None:
    outcome = heard(body("ONCRMDEALADD") + b"&data=1")
    assert reason_of(Outcome(rejected=outcome.rejected)) == "bad_field"
    assert outcome.passed_over["path_collision"] == 1


@given(st.binary(max_size=300))
def test_no_body_breaks_the_adapter(raw: bytes) -> None:
    outcome = heard(raw)
    assert {one.reason for one in outcome.rejected} <= set(hooks.REASONS)
    assert set(outcome.passed_over) <= set(hooks.PASSED_OVER)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["event", "ts", "data[FIELDS][ID]", "data", "auth[domain]", "data[FIELDS]", "data[FIELDS][ENTITY_TYPE_ID]"]
            ),
            st.sampled_from(["ONCRMDEALDELETE", "ONCRMDYNAMICITEMDELETE", "7", "1793280038", "", "\x00", "💥", "9" * 30]),
        ),
        max_size=12,
    )
)
def test_no_order_or_repetition_of_fields_breaks_the_adapter(pairs: list[tuple[str, str]]) -> None:
    outcome = hooks.records_of(urlencode(pairs).encode(), arrival_at(NOW), site_of(member_id=None, domain=None, processes=[1220]))
    assert {one.reason for one in outcome.rejected} <= set(hooks.REASONS)


# Items


def teller(now: datetime = NOW, **section: Any) -> Teller:
    site = site_of(**section)
    return Teller(site["crm"]["bitrix24"], site["currency"], arrival_at(now), Outcome())


def states_of(raw: dict[str, Any], kind: int = DEAL, **section: Any) -> list[dict[str, Any]]:
    made, item = teller(**section), Item(raw)
    client = client_of(item, {})
    made.item(kind, item, client)
    made.client(kind, item, client)
    return told(made.outcome)


def state_of(changes: dict[str, Any] | None = None, kind: int = DEAL, **section: Any) -> dict[str, Any]:
    return states_of({**payload("crm_item_get")["result"]["item"], **(changes or {})}, kind, **section)[0]


def rejected_of(changes: dict[str, Any]) -> list[str]:
    made, item = teller(), Item({**payload("crm_item_get")["result"]["item"], **changes})
    made.item(DEAL, item, client_of(item, {}))
    assert made.outcome.records == []
    return [f"{one.reason} {one.message}" for one in made.outcome.rejected]


def test_both_spellings_of_a_deal_tell_the_same() -> None:
    camel_case = state_of({"ufCrm_1790900000125": "15620471938264051729", "ufCrm_1790900000133": ["Двери", "Монтаж"]})
    upper_case = states_of(payload("crm_deal_get")["result"])[0]
    assert upper_case == camel_case


def test_a_deal_is_told_as_it_stands_at_its_last_change() -> None:
    state = states_of(payload("crm_deal_get")["result"])[0]
    assert {name: state.get(name) for name in ("occurred_at", "deal_created_at", "via", "deal_id", "pipeline", "stage")} == {
        "occurred_at": "2026-10-29 13:20:31.000",
        "deal_created_at": "2026-10-12 07:56:02.000",
        "via": "api",
        "deal_id": "5194",
        "pipeline": "4",
        "stage": "C4:WON",
    }
    assert (state["amount"], state["currency"]) == (186400, "RUB")
    assert (state["crm_source"], state["manager"], state["order_id"]) == ("Звонок", "Анна Серова", "KV-2417")
    assert (state["utm_source"], state["utm_medium"], state["utm_campaign"]) == ("yandex", "cpc", "708815521")
    assert "utm_content" not in state
    assert (state["visitor_id"], state["product"]) == ("179179082645120937", "Двери, Монтаж")
    assert orjson.loads(state["attributes"]) == {"yclid": "15620471938264051729"}
    assert state["is_handmade"] is False


def test_the_client_is_told_apart_from_the_deal() -> None:
    state, client = states_of(payload("crm_deal_get")["result"])
    assert "contact_id" not in state
    assert (client["contact_id"], client["occurred_at"], client["via"]) == ("3382", "2026-10-29 13:20:31.000", "api")


def test_the_first_funnel_is_called_0() -> None:
    assert state_of({"categoryId": 0})["pipeline"] == "0"
    assert pipeline_of(DEAL, "0") == "0"
    assert (pipeline_of(LEAD, None), pipeline_of(1220, 0), pipeline_of(1220, 9)) == ("lead", "T1220", "T1220:9")
    assert [deal_id_of(kind, "7") for kind in (DEAL, LEAD, 1220)] == ["7", "lead:7", "T1220:7"]


@pytest.mark.parametrize(
    ("told_sum", "amount"),
    [
        (0, 0), (186400, 186400), (186400.5, 186400.5), (186400.30000000001, 186400.3), (0.1 + 0.2, 0.3), ("186400.00", 186400),
        ("1 200,50", 1200.5), (None, None), ("", None), (False, None), (-50, -50),
    ],
)  # fmt: skip
def test_sums_are_read_as_they_are_written(told_sum: Any, amount: float | None) -> None:
    assert state_of({"opportunity": told_sum}).get("amount") == amount


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"opportunity": "1 200,50 ₽"}, "5194.opportunity"),
        ({"opportunity": 1.23456}, "5194.opportunity"),
        ({"opportunity": True}, "5194.opportunity"),
        ({"opportunity": {"sum": 1}}, "5194.opportunity"),
        ({"currencyId": "рубли"}, "5194.currencyId"),
        ({"createdTime": "yesterday"}, "5194.createdTime"),
        ({"updatedTime": None}, "5194.updatedTime"),
        ({"updatedTime": "1999-01-01T00:00:00+03:00"}, "5194.updatedTime"),
        ({"stageId": 1.5}, "5194.stageId"),
    ],
)
def test_a_standard_field_that_cannot_be_right_is_named(changes: dict[str, Any], place: str) -> None:
    (message,) = rejected_of(changes)
    assert message.startswith(f"bad_field {place}: ")


def test_a_time_ahead_of_our_clock_is_rejected() -> None:
    assert rejected_of({"updatedTime": "2026-10-29T16:30:00+03:00"})[0].startswith("future 5194: ")


def test_a_foreign_currency_and_the_old_code_of_the_rouble() -> None:
    assert state_of({"currencyId": "USD"})["currency"] == "USD"
    assert state_of({"currencyId": "RUR"})["currency"] == "RUB"
    assert state_of({"currencyId": None})["currency"] == "RUB"


@pytest.mark.parametrize(
    ("told_cost", "cost"),
    [
        ("109600|RUB", 109600),
        ("109600.50|RUB", 109600.5),
        (109600, 109600),
        ("109600", 109600),
        ("109600|USD", None),
        ("много", None),
        (False, None),
    ],
)
def test_a_money_field_counts_in_the_deals_own_currency_alone(told_cost: Any, cost: float | None) -> None:
    assert state_of({"ufCrm_1790900000150": told_cost}).get("cost_price") == cost


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("skvoz_request_id", "ufCrmSkvozRequestId"),
        ("skvoz_request_id", "UF_CRM_SKVOZ_REQUEST_ID"),
        ("skvoz_request_id", "ufCrm5SkvozRequestId"),
        ("UF_CRM_3_1747309727", "ufCrm3_1747309727"),
        ("UF_CRM_1747309879", "ufCrm_1747309879"),
        ("UF_CRM_3_DIGIT_10", "ufCrm_3_DIGIT_10"),
        ("ufCrm3Digit", "UF_CRM_3_DIGIT"),
        ("SOURCE_DESCRIPTION", "sourceDescription"),
    ],
)
def test_a_field_is_found_by_any_of_its_names(field: str, key: str) -> None:
    assert state_of({key: "form-C"}, fields={"request_id": field})["request_id"] == "form-C"


def test_fields_whose_numbers_run_together_stay_apart() -> None:
    item = Item({"ufCrm1_12": "a", "ufCrm11_2": "b"})
    assert (item.text("UF_CRM_1_12"), item.text("UF_CRM_11_2")) == ("a", "b")


@pytest.mark.parametrize("empty", [False, None, "", [], [""], {"id": 1, "url": "https://kvartal.example/f"}])
def test_an_empty_field_tells_nothing(empty: Any) -> None:
    assert "branch" not in state_of({"ufCrm_1": empty}, fields={"branch": "UF_CRM_1"})


def test_a_request_of_our_own_is_no_order() -> None:
    assert "order_id" not in state_of({"originatorId": "skvoz", "originId": "form-C"})
    assert "order_id" not in state_of({"originId": None})


def test_a_loss_reason_is_the_fields_or_that_of_the_stage() -> None:
    lost = {"stageId": "C4:APOLOGY", "stageSemanticId": "F"}
    assert (
        state_of({**lost, "ufCrm_9": "45"}, fields={"loss_reason": "UF_CRM_9"}, loss_reasons={"45": "Дорого"})["loss_reason"]
        == "Дорого"
    )
    assert (
        state_of({**lost, "ufCrm_9": "46"}, fields={"loss_reason": "UF_CRM_9"}, loss_reasons={"45": "Дорого"})["loss_reason"]
        == "46"
    )
    assert state_of(lost, loss_reasons={"C4:APOLOGY": "Передумал"})["loss_reason"] == "Передумал"
    assert "loss_reason" not in state_of(lost)
    assert "loss_reason" not in state_of({"stageId": "C4:APOLOGY"}, loss_reasons={"C4:APOLOGY": "Передумал"})


@pytest.mark.parametrize(
    ("changes", "is_by_hand"),
    [
        ({}, False),  # of another system
        ({"originatorId": None}, False),  # a call
        ({"originatorId": None, "sourceId": "RECOMMENDATION", "leadId": 0, "utmSource": None}, True),
        ({"originatorId": None, "sourceId": None, "leadId": 0, "utmSource": None}, True),
        ({"originatorId": None, "sourceId": "1|WZ_WHATSAPP", "leadId": 0, "utmSource": None}, False),
        ({"originatorId": None, "sourceId": None, "leadId": 0, "utmSource": None, "webformId": 3}, False),
        ({"originatorId": None, "sourceId": None, "leadId": 6021, "utmSource": None}, False),
        ({"createdBy": 0}, None),
    ],
)
def test_a_deal_is_handmade_where_no_machine_shows(changes: dict[str, Any], is_by_hand: bool | None) -> None:
    assert is_handmade(Item({**payload("crm_item_get")["result"]["item"], **changes})) is is_by_hand


def test_phones_in_free_fields_are_not_stored() -> None:
    state = state_of({"ufCrm_7": "звонить +7 900 000-00-17, lugova@post.example"}, fields={"branch": "UF_CRM_7"})
    assert state["branch"] == "звонить [phone], [email]"


def test_a_client_has_his_first_usable_phone_and_email() -> None:
    contact = Item({
        "id": 3382, "updatedTime": "2026-11-02T10:00:00+03:00",
        "fm": [
            {"typeId": "PHONE", "value": "нет"}, {"typeId": "PHONE", "value": "8 900 000-00-17"},
            {"typeId": "WEB", "value": "x.example"}, {"typeId": "EMAIL", "value": "Lugova@post.example"},
        ],
    })  # fmt: skip
    made, item = teller(NOW + timedelta(days=9)), Item(payload("crm_item_get")["result"]["item"])
    made.client(DEAL, item, client_of(item, {CONTACT: {"3382": contact}}))
    (state,) = told(made.outcome)
    assert state["phone_hash"] == phone_hash("+79000000017", KEY)
    assert state["email_hash"] == email_hash("lugova@post.example", KEY)
    assert state["occurred_at"] == "2026-11-02 07:00:00.000"  # whichever changed last


def test_a_contact_of_the_older_method_has_phones_too() -> None:
    contact = Item({"ID": "3382", "PHONE": [{"ID": "1", "VALUE": "+79000000017", "TYPE_ID": "PHONE"}], "EMAIL": []})
    assert contact.numbered("PHONE") == ("+79000000017",)
    assert contact.numbered("EMAIL") == ()


def test_history_stands_at_its_own_times() -> None:
    made = teller()
    made.stages(DEAL, "5194", [Item(row) for row in payload("crm_stagehistory_list")["result"]["items"]])
    assert [(one["occurred_at"], one["pipeline"], one["stage"], one["via"]) for one in told(made.outcome)] == [
        ("2026-10-12 07:56:02.000", "4", "C4:NEW", "history"),
        ("2026-10-14 09:15:40.000", "4", "C4:PREPARATION", "history"),
        ("2026-10-16 14:03:11.000", "4", "C4:FINAL_INVOICE", "history"),
        ("2026-10-29 13:20:31.000", "4", "C4:WON", "history"),
    ]


def test_moves_of_one_second_keep_their_order_and_come_before_the_deal_as_it_stands() -> None:
    rows = [{**payload("crm_stagehistory_list")["result"]["items"][3], "ID": 9 + n, "STAGE_ID": f"C4:{n}"} for n in range(3)]
    made = teller()
    made.stages(DEAL, "5194", [Item(row) for row in reversed(rows)])
    item = Item(payload("crm_item_get")["result"]["item"])
    made.item(DEAL, item, client_of(item, {}))
    states = told(made.outcome)
    assert [one["stage"] for one in sorted(states, key=lambda one: (one["occurred_at"], one["record_id"][:13]))] == [
        "C4:0", "C4:1", "C4:2", "C4:WON",
    ]  # fmt: skip


def test_a_leads_history_tells_its_status() -> None:
    made = teller()
    made.stages(
        LEAD, "lead:1", [Item({"ID": 1, "OWNER_ID": 1, "CREATED_TIME": "2026-10-12T10:56:02+03:00", "STATUS_ID": "IN_PROCESS"})]
    )
    (state,) = told(made.outcome)
    assert (state["pipeline"], state["stage"]) == ("lead", "IN_PROCESS")


@given(
    st.dictionaries(
        st.sampled_from(["id", "opportunity", "currencyId", "stageId", "updatedTime", "createdTime", "contactId", "fm", "sourceId",
                         "categoryId", "ufCrm_1790900000117", "ufCrm_1790900000150", "originId", "assignedById"]),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=150)
        | st.lists(st.text(max_size=5), max_size=3),
    )
)  # fmt: skip
def test_no_item_breaks_the_reader(changes: dict[str, Any]) -> None:
    made, item = teller(), Item({**payload("crm_item_get")["result"]["item"], **changes})
    client = client_of(item, {})
    made.item(DEAL, item, client)
    made.client(DEAL, item, client)
    assert {one.reason for one in made.outcome.rejected} <= set(hooks.REASONS)
    assert set(made.outcome.passed_over) <= set(hooks.PASSED_OVER)


# Calls


def test_parameters_are_written_as_php_reads_them() -> None:
    query = php_query(
        {"entityTypeId": 2, "filter": {"@id": ["1", "2"], ">=updatedTime": "2026-10-12T07:56:02+00:00"}, "order": {"id": "ASC"}}
    )
    assert query == (
        "entityTypeId=2&filter[%40id][0]=1&filter[%40id][1]=2&filter[%3E%3DupdatedTime]=2026-10-12T07%3A56%3A02%2B00%3A00&order[id]=ASC"
    )
    assert parameters_of(query)["filter"] == {"@id": ["1", "2"], ">=updatedTime": "2026-10-12T07:56:02+00:00"}


def test_empty_items_of_php_are_left_out() -> None:
    assert items_in({"items": [{"id": 1}, [], {}]}) == [{"id": 1}]
    assert items_in([]) == items_in(Failed("NOT_FOUND")) == []


def test_names_of_user_fields_are_written_as_the_portal_does() -> None:
    names = {
        "UF_CRM_3_DIGIT": "ufCrm3Digit", "UF_CRM_3_1747309727": "ufCrm3_1747309727", "UF_CRM_1747309879": "ufCrm_1747309879",
        "UTM_SOURCE": "utmSource", "ASSIGNED_BY_ID": "assignedById", "stageId": "stageId",
    }  # fmt: skip
    assert {name: camel(name) for name in names} == names
