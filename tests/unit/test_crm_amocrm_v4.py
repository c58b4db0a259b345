"""amoCRM's API v4: typed answers are read like hooks; events become a history; what a merge names, whatever its shape."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.amocrm.adapter import PASSED_OVER
from functions.crm_webhook.amocrm.states import Reader, lead_values
from functions.crm_webhook.amocrm.v4.answers import item_of, linked_ids
from functions.crm_webhook.amocrm.v4.history import TYPES, Now, history, is_gone, left_to_tell, merges_of, read_events
from functions.crm_webhook.deals import state_record
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.reading import Private
from shared.settings import parse_settings, published
from tests.api.crm_amocrm import AMOCRM, DATA, payload

KEY = b"identity key of the tests"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARRIVAL = Arrival("kvartal", "delivery-1", NOW, KEY)
PAGE: list[dict[str, Any]] = json.loads((DATA / "api_v4_leads_page.json").read_text())["_embedded"]["leads"]
MADE = 1_791_791_762


def values(told: dict[str, Any], **amo: Any) -> dict[str, Any]:
    """What is told; what is not is left out."""
    raw = {"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"], "crm": {"amocrm": AMOCRM | amo}}
    section = published(parse_settings(raw))["crm"]["amocrm"]
    reader = Reader(ARRIVAL, "RUB", section, Private((), KEY), Counter())
    return {name: value for name, value in lead_values(item_of("leads", told), reader).items() if value is not None}


def event(kind: str, after_minutes: int, before: Any = None, after: Any = None, number: int = 0, lead: int = 7) -> dict[str, Any]:
    at = MADE + after_minutes * 60
    head = {"id": f"01{number:04d}", "type": kind, "entity_id": lead, "entity_type": "lead", "created_at": at}
    return {**head, "value_before": before, "value_after": after}


def status(stage: int, pipeline: int = 6904417) -> list[dict[str, Any]]:
    return [{"lead_status": {"id": stage, "pipeline_id": pipeline}}]


def sale(price: Any) -> list[dict[str, Any]]:
    return [{"sale_field_value": {"sale": price}}]


def told_by(*events: dict[str, Any], now: Now | None = None) -> list[tuple[int, dict[str, Any]]]:
    """(minutes after the creation, what was told), of the lead 7."""
    now = now or Now(datetime.fromtimestamp(MADE, UTC), "6904417", "won", Decimal("900.00"))
    counter: Counter[str] = Counter()
    states = history("7", now, list(read_events(events, counter)), "RUB", counter)
    assert set(counter) <= set(PASSED_OVER)
    made = datetime.fromtimestamp(MADE, UTC)
    return [(int((state.told_at - made).total_seconds() // 60), dict(state.values)) for state in states if state.told_at]


def test_the_recorded_page_is_read_with_its_traps() -> None:
    lost, won = values(PAGE[0]), values(PAGE[1])
    assert lost == {
        "deal_created_at": datetime.fromtimestamp(1791994405, UTC),
        "pipeline": "6904417",
        "stage": "lost",
        "amount": Decimal("0.00"),
        "currency": "RUB",
        "utm_source": "google",
        "loss_reason": "Не дозвонились",
        "manager": "Анна Серова",
        "tags": '["звонок"]',
        "is_handmade": False,
    }
    assert (won["stage"], won["amount"], won["is_handmade"]) == ("won", Decimal("186400.00"), False)
    assert "tags" not in won


def test_numeric_fields_dates_and_metricas_client_id_come_as_text() -> None:
    named = {"order_id": "2210471", "visitor_id": "_YM_UID", "attributes": {"channel": "Канал обращения", "visit": "Дата замера"}}
    told = values(PAGE[0], fields=named)
    assert (told["order_id"], told["visitor_id"]) == ("2419", "179194411830276415")
    assert json.loads(told["attributes"]) == {"channel": "Звонок", "visit": "1792098000"}


def test_the_api_and_a_hook_tell_a_lead_alike() -> None:
    """The won lead of the recorded hook, and of the page: what both know is the same."""
    from functions.crm_webhook.amocrm.adapter import records_of

    site = published(parse_settings({"site_id": "k", "name": "К", "hosts": ["k.example"], "crm": {"amocrm": AMOCRM}}))
    outcome = records_of(payload("lead_status_won_raw_brackets"), ARRIVAL, site)
    hook = json.loads(outcome.records[0][1])
    api = values(PAGE[1])
    assert all(hook[name] == api[name] for name in ("pipeline", "stage", "currency", "manager", "is_handmade"))
    assert hook["amount"] == float(api["amount"])


def test_an_unnamed_reason_has_the_crms_name_and_the_settings_name_wins() -> None:
    assert values(PAGE[0], loss_reasons={})["loss_reason"] == "Не дозвонились"
    assert values(PAGE[0], loss_reasons={"11938870": "Тишина"})["loss_reason"] == "Тишина"
    assert values(PAGE[0] | {"_embedded": {}}, loss_reasons={})["loss_reason"] == "11938870"


def test_objects_in_fields_are_told_by_their_name_and_the_main_contact_stands_first() -> None:
    fields = [{"field_id": 1, "field_name": "Юрлицо", "values": [{"value": {"name": "ООО Дом", "vat_id": "77"}}]}]
    told = values(PAGE[1] | {"custom_fields_values": fields}, fields={"branch": "Юрлицо"})
    assert told["branch"] == "ООО Дом"
    lead = {"_embedded": {"contacts": [{"id": 5}, {"id": 6, "is_main": True}, {"id": None}]}}
    assert linked_ids(lead, "contacts") == ["6", "5"]


def test_events_tell_stages_and_sums_at_their_own_times_from_the_first_on() -> None:
    events = [
        event("lead_added", 0),
        event("sale_field_changed", 5, sale(100), sale(900), 1),
        event("lead_status_changed", 5, status(58113402), status(58113406), 2),
        event("lead_status_changed", 60, status(58113406), status(142), 3),
    ]
    made = datetime.fromtimestamp(MADE, UTC)
    assert told_by(*events) == [
        (0, {"deal_created_at": made, "pipeline": "6904417", "stage": "58113402", "amount": Decimal("100.00"), "currency": "RUB"}),
        (5, {"amount": Decimal("900.00"), "currency": "RUB"}),
        (5, {"pipeline": "6904417", "stage": "58113406"}),
        (60, {"pipeline": "6904417", "stage": "won"}),
    ]


def test_a_lead_without_changes_stood_from_its_creation_as_it_stands() -> None:
    ((minutes, told),) = told_by()
    assert (minutes, told["stage"], told["amount"]) == (0, "won", Decimal("900.00"))


def test_a_sum_that_was_not_there_is_a_sum_of_nothing_and_an_unreadable_one_is_counted() -> None:
    for nothing in ([], None, sale(None), sale("")):
        assert told_by(event("sale_field_changed", 5, nothing, sale(7)))[0][1]["amount"] == 0
    counter: Counter[str] = Counter()
    events = list(read_events([event("sale_field_changed", 5, sale(1), [{"other": 1}])], counter))
    assert len(history("7", Now(), events, "RUB", counter)) == 0
    assert counter == Counter({"unreadable_event": 1})


def test_events_of_one_second_stand_in_the_order_of_their_ids_and_after_the_hooks() -> None:
    events = [event("lead_status_changed", 5, status(1), status(2 + n), n) for n in range(5)]
    states = history("7", Now(datetime.fromtimestamp(MADE, UTC)), list(read_events(events, Counter())), "RUB", Counter())
    ids = [json.loads(state_record(state, "amocrm", ARRIVAL)[1])["record_id"][:13] for state in states]
    assert ids == sorted(ids)
    assert len(set(ids)) == 6


def test_a_deletion_ends_its_second_whatever_else_happened_in_it() -> None:
    events = [event("lead_deleted", 5, number=1), event("lead_status_changed", 5, status(1), status(2), 2)]
    states = history("7", Now(), list(read_events(events, Counter())), "RUB", Counter())
    assert max(states, key=lambda state: state.rank).values == {"is_deleted": True}
    assert is_gone(list(read_events(events, Counter())))
    assert not is_gone(list(read_events([*events, event("lead_restored", 6)], Counter())))


def test_what_the_history_told_is_not_told_again_and_what_it_missed_is() -> None:
    made = datetime.fromtimestamp(MADE, UTC)
    states = history("7", Now(made, "1", "2", Decimal(5)), [], "RUB", Counter())
    now = {
        "pipeline": "1",
        "stage": "2",
        "amount": Decimal(5),
        "currency": "RUB",
        "cost_price": None,
        "receivable": None,
        "branch": "Юг",
    }
    assert left_to_tell(states, now, made) == now | {"pipeline": None, "stage": None, "amount": None, "currency": None}
    moved = now | {"stage": "won", "amount": Decimal(9)}
    assert left_to_tell(states, moved, made + timedelta(hours=1)) == moved
    assert left_to_tell(states, moved, made)["stage"] is None  # an event of that very second knows better


@pytest.mark.parametrize(
    ("lead", "before", "after"),
    [
        (8, [], [{"merge": {"entity": {"type": "lead", "id": 7}}}]),
        (7, [], [{"entity": {"id": 8, "type": "lead"}}]),
        (8, [{"entity_id": 7}], []),
        (8, [7], None),
        (8, None, {"leads": [{"lead_id": "7"}]}),
    ],
)
def test_leads_that_a_merge_names_are_found_in_whatever_shape(lead: int, before: Any, after: Any) -> None:
    (merge,) = merges_of(read_events([event("entity_merged", 5, before, after, lead=lead)], Counter()))
    assert sorted(merge.leads) == ["7", "8"]


def test_a_merge_that_names_nobody_tells_nothing() -> None:
    assert merges_of(read_events([event("entity_merged", 5, [], [])], Counter())) == []


NAMES = ("id", "lead_status", "sale_field_value", "sale", "x")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    events=st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from([*TYPES, "other"])},
            optional={
                "id": ANY,
                "entity_id": st.just(7) | ANY,
                "created_at": st.just(MADE) | ANY,
                "value_before": ANY,
                "value_after": ANY,
            },
        ),
        max_size=4,
    )
)
def test_any_event_is_read_or_counted(events: list[dict[str, Any]]) -> None:
    counter: Counter[str] = Counter()
    read = list(read_events(events, counter))
    for state in history("7", Now(), read, "RUB", counter):
        assert state_record(state, "amocrm", ARRIVAL)
    merges_of(read)
    assert set(counter) <= set(PASSED_OVER)
