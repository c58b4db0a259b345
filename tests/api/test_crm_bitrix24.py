"""Bitrix24's API through the portal's double over HTTP: reading, pages, limits, errors, lost events; and the story's deal A."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.crm_webhook.api.crm import Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused
from functions.crm_webhook.bitrix24.calls import AT_ONCE, Calls, Command, Failed
from functions.crm_webhook.bitrix24.hooks import PASSED_OVER, records_of
from functions.crm_webhook.outcome import Outcome, Pointer
from infra.doubles.bitrix24.portal import COMPANY, CONTACT, DEAL, LEAD, multifields
from shared.identity import email_hash, phone_hash
from shared.secrets import Secrets
from tests.api.crm_bitrix24 import BEGIN, CODE, KEY, SECRET, WON_AT, World, arrival_at, opened, play_deal_a, site_of, told
from tests.api.dynamo import dynamodb

DAY = timedelta(days=1)


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as made:
        yield made


@pytest.fixture
def table() -> Iterator[Any]:
    """One for all examples of a property: making it costs more than an example."""
    with dynamodb(("crm",)) as made:
        yield made


def by_deal(states: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(state.get(name) for name in ("deal_id", *names)) for state in states]


def ids(states: list[dict[str, Any]]) -> set[str]:
    return {state["record_id"] for state in states}


# Reading


def test_deal_a_of_the_story_is_told_with_its_whole_history(world: World) -> None:
    play_deal_a(world)
    states = told(world.at(WON_AT + timedelta(seconds=7)).read(("deal", "5194")))
    assert by_deal(states, "via", "occurred_at", "stage") == [
        ("5194", "history", "2026-10-12 07:56:02.000", "C4:NEW"),
        ("5194", "history", "2026-10-14 09:15:40.000", "C4:PREPARATION"),
        ("5194", "history", "2026-10-16 14:03:11.000", "C4:FINAL_INVOICE"),
        ("5194", "history", "2026-10-29 13:20:31.000", "C4:WON"),
        ("5194", "api", "2026-10-29 13:20:31.000", None),  # its stage and funnel are told by the history
        ("5194", "api", "2026-10-29 13:20:31.000", None),
        ("lead:6021", "history", "2026-10-12 07:56:02.000", None),
    ]
    state, client, lead = states[4:]
    assert (state["amount"], state["cost_price"], state["currency"], state["order_id"]) == (186400, 109600, "RUB", "KV-2417")
    assert (states[3]["pipeline"], state["visitor_id"], state["crm_source"]) == ("4", "179179082645120937", "Звонок")
    assert (client["phone_hash"], client["contact_id"]) == (phone_hash("+79000000017", KEY), "3382")
    assert client["email_hash"] == email_hash("lugova@post.example", KEY)
    assert lead["merged_into"] == "5194"


def test_what_is_read_twice_or_late_is_the_same(world: World) -> None:
    play_deal_a(world)
    first = told(world.read(("deal", "5194")))
    late = told(world.at(WON_AT + 40 * DAY).read(("deal", "5194")))
    assert ids(first) == ids(late)


def test_hooks_in_any_order_and_any_number_leave_the_deals_the_same(world: World) -> None:
    bodies: list[str] = []
    world.portal.deliver = lambda body, headers: bodies.append(body)
    play_deal_a(world)
    other = world.portal.add(DEAL, {}, 5195)
    world.sleep(60)
    world.portal.delete(DEAL, other)
    world.sleep(600)
    for seed in range(8):
        chance = random.Random(seed)
        heard = [*bodies, *chance.choices(bodies, k=4)]
        chance.shuffle(heard)
        outcomes = [records_of(body.encode(), arrival_at(world.now, body), world.site()) for body in heard]
        pointers = {pointer: None for outcome in outcomes for pointer in outcome.to_read}
        outcomes.append(world.reader().read(list(pointers), arrival_at(world.now)))
        assert all(outcome.rejected == [] for outcome in outcomes)
        stand = _as_told([state for outcome in outcomes for state in told(outcome)])
        assert {number: deal for number, deal in stand.items() if not deal["merged_into"]} == _as_it_is(world)  # 5195 is gone
        assert (stand["5194"]["stage"], stand["lead:6021"]["merged_into"]) == ("C4:WON", "5194")


def test_people_are_for_the_vault_alone(world: World) -> None:
    play_deal_a(world)
    outcome = world.read(("deal", "5194"))
    assert [(one.name, one.phones, one.emails) for one in outcome.people] == [
        ("Вера Лугова", ("8 900 000-00-17",), ("lugova@post.example",))
    ]
    text = b"".join(line for _, line in outcome.records).decode()
    assert "Лугова" not in text
    assert "0000017" not in text
    assert "lugova" not in text


def test_a_lead_has_its_own_pipeline_and_phones(world: World) -> None:
    world.portal.add(LEAD, {"sourceId": "WEB", "name": "Зоя", "fm": multifields(("+79000000058",))}, 6021)
    outcome = world.read(("lead", "6021"))
    states = told(outcome)
    assert by_deal(states, "via", "pipeline", "stage") == [
        ("lead:6021", "history", "lead", "NEW"), ("lead:6021", "api", None, None), ("lead:6021", "api", None, None),
    ]  # fmt: skip
    assert states[2]["phone_hash"] == phone_hash("+79000000058", KEY)
    assert outcome.people[0].phones == ("+79000000058",)


def test_a_converted_lead_becomes_its_first_deal_by_whichever_is_read(world: World) -> None:
    lead = world.portal.add(LEAD, {})
    world.sleep(60)
    first = world.portal.convert(lead, {"categoryId": 4, "stageId": "C4:NEW"}, 5194)
    world.sleep(60)
    second = world.portal.add(DEAL, {"leadId": lead})
    by_lead, by_first, by_second = (
        [state for state in told(world.read(pointer)) if state.get("merged_into")]
        for pointer in (("lead", str(lead)), ("deal", str(first)), ("deal", str(second)))
    )
    assert by_deal(by_first, "merged_into", "occurred_at") == [(f"lead:{lead}", "5194", "2026-10-12 07:57:02.000")]
    assert ids(by_first) == ids(by_second) < ids(by_lead)
    # With the stage as well: one that is told later without it would mean that the lead stands for itself again.
    assert {(state.get("stage"), state["merged_into"]) for state in by_lead} == {(None, "5194"), ("CONVERTED", "5194")}


def test_a_lead_that_is_taken_up_again_stands_for_itself(world: World) -> None:
    lead = world.portal.add(LEAD, {})
    world.portal.convert(lead, {}, 5194)
    world.sleep(60)
    world.portal.move(lead, "IN_PROCESS", LEAD)
    assert not any(state.get("merged_into") for state in told(world.read(("lead", str(lead)))))


def test_a_portal_without_leads_is_never_asked_for_them(world: World) -> None:
    world.portal.add(DEAL, {"leadId": 6021}, 5194)
    outcome = world.read(("deal", "5194"), ("lead", "6021"), leads=False)
    assert {state["deal_id"] for state in told(outcome)} == {"5194"}
    assert outcome.passed_over == {"leads_not_used": 1}


def test_smart_processes_count_for_themselves(world: World) -> None:
    world.portal.add(1220, {"categoryId": 9, "stageId": "DT1220_9:NEW"}, 24)
    outcome = world.read(("T1220", "24"), ("T1222", "24"), processes=[1220])
    assert {(state["deal_id"], state.get("pipeline")) for state in told(outcome)} == {("T1220:24", "T1220:9"), ("T1220:24", None)}
    assert outcome.passed_over == {"process_not_read": 1}


def test_a_deal_that_is_gone_is_told_as_deleted_at_the_arrival(world: World) -> None:
    (state,) = told(world.at(WON_AT).read(("deal", "5194")))
    assert (state["deal_id"], state["is_deleted"], state["occurred_at"]) == ("5194", True, "2026-10-29 13:20:31.000")


def test_a_deal_that_is_hidden_from_us_is_passed_over_and_holds_up_no_other(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.portal.add(DEAL, {}, 2)
    world.portal.hidden.add((DEAL, 1))
    outcome = world.read(("deal", "1"), ("deal", "2"))
    assert {state["deal_id"] for state in told(outcome)} == {"2"}
    assert dict(outcome.passed_over) == {"no_access": 1}


def test_a_deal_that_was_missed_by_mistake_is_alive_again_by_the_next_read(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    world.sleep(1)
    lagging = world.portal.items[DEAL].pop(1)  # a copy of the portal's memory that is behind
    states = told(world.read(("deal", "1")))
    assert [state.get("is_deleted") for state in states] == [True]
    world.portal.items[DEAL][1] = lagging
    world.sleep(1)
    first = told(world.read(("deal", "1")))
    states += first
    assert _as_told(states)["1"]["stage"] == "NEW"
    world.sleep(86_400)
    assert ids(told(world.read(("deal", "1")))) == ids(first)
    world.sleep(60)
    world.portal.delete(DEAL, 1)
    assert "1" not in _as_told(states + told(world.read(("deal", "1"))) + first)


def test_who_asked_for_a_deal_before_it_was_missed_does_not_bring_it_back(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    early = arrival_at(world.now)
    world.sleep(1)
    there = world.portal.items[DEAL].pop(1)
    gone = told(world.read(("deal", "1")))
    world.portal.items[DEAL][1] = there  # as it was when the other asked
    slow = world.reader().read([Pointer("deal", "1")], early)
    assert _as_told(gone + told(slow)) == {}


def test_a_lead_whose_only_deal_is_gone_stands_for_itself_whenever_it_is_read(world: World) -> None:
    world.portal.add(LEAD, {}, 7)
    world.sleep(60)
    world.portal.convert(7, {}, 5)
    world.sleep(60)
    early = told(world.read(("lead", "7"), ("deal", "5")))
    assert _as_told(early)["lead:7"]["merged_into"] == "5"
    world.portal.delete(DEAL, 5)
    world.sleep(60)
    late = told(world.read(("lead", "7")))
    for states in (early + late, late + early, late):
        lead = _as_told(states)["lead:7"]
        assert (lead["stage"], lead["merged_into"]) == ("CONVERTED", None)
    world.portal.add(DEAL, {"leadId": 7}, 6)
    world.sleep(60)
    assert _as_told(early + late + told(world.read(("lead", "7"))))["lead:7"]["merged_into"] == "6"


def test_moves_of_one_second_are_told_once_each_however_early_they_are_read(world: World) -> None:
    world.portal.add(DEAL, {"opportunity": 1000}, 1)
    world.sleep(3600)
    world.portal.move(1, "WON")
    states = told(world.read(("deal", "1")))
    world.sleep(0.3)
    world.portal.move(1, "LOSE")
    world.sleep(60)
    states += told(world.read(("deal", "1")))
    staged = {state["record_id"]: state["stage"] for state in states if state.get("stage")}
    assert sorted(staged.values()) == ["LOSE", "NEW", "WON"]
    assert _as_told(states)["1"]["stage"] == "LOSE"


def test_no_phone_of_the_client_is_stored_as_an_order(world: World) -> None:
    phones = ("+79000000017", "+79000000058")
    world.portal.add(CONTACT, {"fm": multifields(phones)}, 5)
    world.portal.add(LEAD, {"fm": multifields(phones), "originatorId": "wazzup", "originId": "79000000058"}, 3)
    for number, origin in ((1, "79000000058"), (2, "79000000017")):
        world.portal.add(DEAL, {"contactId": 5, "originatorId": "wazzup", "originId": origin}, number)
    text = b"".join(line for _, line in world.read(("deal", "1"), ("deal", "2"), ("lead", "3")).records)
    assert b"order_id" in text
    assert b"9000000058" not in text
    assert b"9000000017" not in text


def test_history_of_many_moves_is_read_to_its_end(world: World) -> None:
    for number in (1, 2):
        world.portal.add(DEAL, {}, number)
    for move in range(130):
        world.sleep(60)
        world.portal.move(1, f"STAGE_{move}")
    stages = [state for state in told(world.read(("deal", "1"), ("deal", "2"))) if state["via"] == "history"]
    assert len(stages) == 132
    assert [state["stage"] for state in stages if state["deal_id"] == "1"][-1] == "STAGE_129"


def test_a_changed_contact_tells_all_his_deals_whose_they_are(world: World) -> None:
    world.portal.client(name="Вера", phones=("+79000000017",))
    for number in range(1, 61):
        world.portal.add(DEAL, {"contactId": 1}, number)
    world.portal.add(LEAD, {"contactId": 1}, 7)
    world.portal.add(DEAL, {"contactId": 2}, 99)
    world.sleep(3600)
    world.portal.change(CONTACT, 1, {"fm": multifields(("+79000000042",))})
    states = told(world.read(("contact", "1")))
    assert {state["deal_id"] for state in states} == {*map(str, range(1, 61)), "lead:7"}
    assert {(state["phone_hash"], state["occurred_at"]) for state in states} == {
        (phone_hash("+79000000042", KEY), "2026-10-12 08:56:02.000")
    }
    assert not any("stage" in state for state in states)


def test_a_company_stands_for_a_client_without_a_contact(world: World) -> None:
    world.portal.client(COMPANY, phones=("+74950000099",))
    world.portal.client(CONTACT, phones=("+79000000017",))
    world.portal.add(DEAL, {"companyId": 1}, 1)
    world.portal.add(DEAL, {"companyId": 1, "contactId": 1}, 2)
    whose = {
        state["deal_id"]: state["contact_id"] for state in told(world.read(("deal", "1"), ("deal", "2"))) if "contact_id" in state
    }
    assert whose == {"1": "company:1", "2": "1"}
    assert by_deal(told(world.read(("company", "1"))), "contact_id") == [("1", "company:1")]


def test_a_client_of_more_than_a_thousand_deals_tells_the_newest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.crm_webhook.bitrix24.clients.MOST_DEALS", 100)
    world.portal.client(name="Розничный покупатель", phones=("+79000000017",))
    for number in range(1, 171):
        world.portal.add(DEAL, {"contactId": 1}, number)
    outcome = world.read(("contact", "1"))
    assert {state["deal_id"] for state in told(outcome)} == set(map(str, range(71, 171)))
    assert outcome.passed_over["further_deal"] == 50  # a page more is seen


def test_a_client_of_very_many_deals_takes_no_room_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.crm_webhook.bitrix24.clients.MOST_DEALS", 100)
    for phone in ("+79000000017", "+79000000058", "+79000000099"):
        world.portal.client(phones=(phone,))
    world.portal.add(DEAL, {"contactId": 2}, 1)
    for number in range(2, 172):
        world.portal.add(DEAL, {"contactId": 1}, number)
    outcome = world.read(("contact", "1"), ("contact", "2"), ("contact", "3"))
    whose = {state["deal_id"]: state["contact_id"] for state in told(outcome)}
    assert whose == {"1": "2", **{str(number): "1" for number in range(72, 172)}}
    assert outcome.passed_over["further_deal"] == 50


def test_a_smart_process_without_clients_holds_up_no_contact(world: World) -> None:
    world.portal.client()
    world.portal.add(DEAL, {"contactId": 1}, 5)
    world.portal.add(1220, {}, 24)
    del world.portal.items[1220][24]["contactId"]
    assert {state["deal_id"] for state in told(world.read(("contact", "1"), processes=[1220]))} == {"5"}


# Pages


def walk(world: World, span: Span, between: Any = lambda: None, **section: Any) -> list[dict[str, Any]]:
    reader, cursor, states = world.reader(**section), "", []
    for _ in range(100):
        page = reader.page(span, cursor, arrival_at(world.now))
        states += told(page.outcome)
        cursor = page.cursor
        if not cursor:
            return states
        between()
    raise AssertionError("the pages do not end")


def test_pages_give_every_kind_of_the_span_and_nothing_else(world: World) -> None:
    world.at(BEGIN - DAY).portal.add(DEAL, {}, 1)
    world.at(BEGIN)
    for number in range(2, 122):
        world.portal.add(DEAL, {}, number)
    world.portal.add(LEAD, {}, 5)
    world.portal.add(1220, {}, 24)
    world.at(BEGIN + DAY).portal.add(DEAL, {}, 200)
    states = walk(world, Span(BEGIN, BEGIN + DAY), processes=[1220])
    assert {state["deal_id"] for state in states} == {*map(str, range(2, 122)), "lead:5", "T1220:24"}
    again = walk(world, Span(BEGIN, BEGIN + DAY, "created"), processes=[1220])
    assert ids(again) == ids(states)


def test_changed_clients_bring_their_deals(world: World) -> None:
    world.portal.client(phones=("+79000000017",))
    world.portal.add(DEAL, {"contactId": 1}, 5)
    world.at(BEGIN + DAY).portal.change(CONTACT, 1, {"name": "Вера"})
    assert by_deal(walk(world, Span(BEGIN + DAY, BEGIN + 2 * DAY)), "contact_id") == [("5", "1")]
    assert walk(world, Span(BEGIN + DAY, BEGIN + 2 * DAY, "created")) == []


def test_parts_of_a_second_lose_nothing(world: World) -> None:
    world.portal.add(DEAL, {}, 5)
    half = timedelta(milliseconds=500)
    assert walk(world, Span(BEGIN - half, BEGIN + half))
    assert walk(world, Span(BEGIN + half, BEGIN + DAY))


def test_an_empty_row_does_not_end_the_walk(world: World) -> None:
    for number in range(1, 121):
        world.portal.add(DEAL, {"contactId": 1}, number)
    world.portal.client(phones=("+79000000017",))
    world.portal.blank |= {(DEAL, 20), (DEAL, 101)}
    numbers = {*map(str, range(1, 121))} - {"20", "101"}
    assert {state["deal_id"] for state in walk(world, Span(BEGIN, BEGIN + DAY, "created"))} == numbers
    assert {state["deal_id"] for state in told(world.read(("contact", "1")))} == numbers


def test_a_page_that_tells_no_ids_is_asked_again_later(world: World) -> None:
    for number in range(1, 61):
        world.portal.add(DEAL, {}, number)
        world.portal.blank.add((DEAL, number))
    with pytest.raises(CrmBusy, match="without ids"):
        walk(world, Span(BEGIN, BEGIN + DAY, "created"))


def test_what_changes_while_pages_are_turned_is_not_left_out(world: World) -> None:
    for number in range(1, 161):
        world.portal.add(DEAL, {}, number)
    world.at(BEGIN + DAY)
    moving = iter(range(1, 161, 7))

    def between() -> None:
        for _ in range(6):
            if (number := next(moving, None)) is not None:
                world.portal.move(number, "EXECUTING")

    first = walk(world, Span(BEGIN, BEGIN + DAY), between)
    then = walk(world, Span(BEGIN + DAY, BEGIN + 2 * DAY))
    assert {state["deal_id"] for state in first + then} == set(map(str, range(1, 161)))


@pytest.mark.parametrize("cursor", ["1220:5", "x", "2:", "2:x", "9:9"])
def test_a_cursor_of_other_settings_begins_anew(world: World, cursor: str) -> None:
    world.portal.add(LEAD, {}, 6021)
    page = world.reader().page(Span(BEGIN, BEGIN + DAY), cursor, arrival_at(world.now))
    assert {state["deal_id"] for state in told(page.outcome)} == {"lead:6021"}


# Limits and errors


def test_calls_keep_to_the_portals_limit(world: World) -> None:
    calls, begun = Calls(world.site(), world.tools), world.now
    for _ in range(200):
        calls.call("crm.item.list", {"entityTypeId": 2})
    assert world.portal.bucket.refused == 0
    assert world.portal.bucket.highest <= 50
    assert (world.now - begun).total_seconds() <= (200 - AT_ONCE) / 2 + 1


def test_a_portal_whose_limit_others_use_is_waited_for(world: World) -> None:
    while world.portal.bucket.takes():
        pass
    with pytest.raises(CrmBusy) as refused:
        world.read(("deal", "5194"))
    assert refused.value.seconds == 5
    begun = world.now
    assert told(world.read(("deal", "5194")))  # the next call waits for itself
    assert world.now - begun >= timedelta(seconds=5) - timedelta(seconds=AT_ONCE / 2)


def test_a_blocked_method_is_waited_for_until_the_portal_counts_anew(world: World) -> None:
    world.portal.add(DEAL, {}, 5194)
    world.portal.operating.spend("crm.stagehistory.list", 481)
    with pytest.raises(CrmBusy, match="OPERATION_TIME_LIMIT") as refused:
        world.read(("deal", "5194"))
    wait = world.portal.operating.reset_at("crm.stagehistory.list") - world.now.timestamp()
    assert refused.value.seconds == pytest.approx(wait)
    with pytest.raises(CrmBusy, match="used up by others"):
        world.read(("deal", "5194"))
    world.sleep(wait + 1)
    assert told(world.read(("deal", "5194")))


def test_a_portal_that_blocks_the_whole_call_is_waited_for_as_long_as_it_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_time = {"operating_reset_at": int(world.now.timestamp()) + 240}
    answers = [{"error": "OPERATION_TIME_LIMIT", "time": told_time}, {"error": "OPERATION_TIME_LIMIT"}]
    monkeypatch.setattr(world.server, "answer", lambda path, parameters: (429, answers.pop(0)))
    with pytest.raises(CrmBusy, match="OPERATION_TIME_LIMIT") as refused:
        world.read(("deal", "5194"))
    assert refused.value.seconds == pytest.approx(240, abs=1)
    world.sleep(600)
    with pytest.raises(CrmBusy, match="OPERATION_TIME_LIMIT") as refused:
        world.read(("deal", "5194"))
    assert refused.value.seconds == 60


def test_a_method_that_nearly_ran_its_time_is_left_alone_before_it_is_blocked(world: World) -> None:
    world.portal.add(DEAL, {}, 5194)
    world.portal.cost = 95
    for _ in range(8):
        _busy_or_read(world)
    assert world.portal.operating.spent("crm.item.list") == 5 * 95
    assert world.portal.operating.blocked == 0


def _busy_or_read(world: World) -> None:
    with contextlib.suppress(CrmBusy):
        world.read(("deal", "5194"))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_outage_is_tried_later(world: World, status: int) -> None:
    world.portal.add(DEAL, {}, 5194)
    world.portal.outages = [status]
    with pytest.raises(CrmBusy):
        world.read(("deal", "5194"))
    assert told(world.read(("deal", "5194")))


def test_an_error_of_one_command_leaves_the_others(world: World) -> None:
    world.portal.add(DEAL, {}, 1)
    commands = {
        "good": Command("crm.item.get", {"entityTypeId": 2, "id": 1}),
        "gone": Command("crm.item.get", {"entityTypeId": 2, "id": 2}),
        "none": Command("crm.no.such", {}),
    }
    results = Calls(world.site(), world.tools).batch(commands)
    assert results["good"]["item"]["id"] == 1
    assert (results["gone"], results["none"]) == (Failed("NOT_FOUND"), Failed("ERROR_METHOD_NOT_FOUND"))


def test_more_than_fifty_commands_are_several_calls(world: World) -> None:
    commands = {f"c{n}": Command("crm.item.list", {"entityTypeId": 2}) for n in range(120)}
    results = Calls(world.site(), world.tools).batch(commands)
    assert list(results) == list(commands)
    assert world.portal.bucket.calls == 3


def test_a_refused_write_says_so(world: World) -> None:
    with pytest.raises(CrmRefused):
        Calls(world.site(), world.tools).call("crm.timeline.comment.add", {"fields": {}})


def test_a_process_that_is_none_must_be_mended_in_the_settings(world: World) -> None:
    with pytest.raises(CrmClosed, match=r"crm\.item\.list: NOT_FOUND"):
        walk(world, Span(BEGIN, BEGIN + DAY), processes=[1999])


@pytest.mark.parametrize(
    "code",
    ["", "https://kvartal-example.bitrix24.ru/rest/17/kvartalFAKEcode00000/", "kvartalFAKEcode 1", "wrongFAKEcode999", "\x7f[код"],
)  # fmt: skip
def test_a_wrong_code_closes_the_api_and_is_not_told_to_anybody(
    world: World, code: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    world.secrets = Secrets({SECRET: code}.get)
    with caplog.at_level(logging.INFO), pytest.raises(CrmClosed) as refused:
        world.read(("deal", "5194"))
    said = _everything(refused.value) + caplog.text + "".join(capsys.readouterr())
    assert "FAKE" not in said
    assert "код" not in said


@pytest.mark.parametrize("trouble", ["down", 500, 404, 302, 400, "limit", "text"])
def test_no_error_tells_the_code(
    world: World,
    trouble: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if trouble == "down":
        world.server.close()
    elif trouble == "limit":
        world.portal.bucket.most = 0
    elif trouble == "text":
        monkeypatch.setattr(world.server, "answer", lambda path, parameters: (200, f"<html>{path}"))
    else:
        world.portal.outages = [trouble] * 3
    with caplog.at_level(logging.INFO), pytest.raises((CrmBusy, CrmClosed)) as refused:
        world.read(("deal", "5194"))
    assert CODE not in _everything(refused.value) + caplog.text + "".join(capsys.readouterr())
    if trouble == "down":
        world.server = type(world.server)(world.portal)
        world.server.start()


def test_a_broken_header_of_the_portal_is_not_logged_with_the_address(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.wfile.write(b"HTTP/1.1 500 Sorry\r\nno header at all\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        site = site_of(f"http://127.0.0.1:{server.server_address[1]}/rest/17")
        with caplog.at_level(logging.DEBUG), pytest.raises(CrmBusy):
            Calls(site, world.tools).call("crm.item.list", {"entityTypeId": 2})
        assert CODE not in caplog.text
    finally:
        server.shutdown()
        server.server_close()


def _everything(error: BaseException | None) -> str:
    """What a log would say of an error: it and what it came from."""
    text = ""
    while error is not None:
        text += f"{error!r} {error} "
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return text


# Events that are lost, repeated, late


def test_events_that_are_lost_are_made_up_for_by_the_regular_check(world: World) -> None:
    site = world.site()
    world.portal.deliver = lambda body, headers: world.hear(body, site)
    world.portal.policy = lambda number, event: 0 if number % 3 == 2 else 1
    world.portal.client(phones=("+79000000017",))
    for number in range(1, 31):
        world.sleep(600)
        world.portal.add(DEAL, {"contactId": 1}, number)
        world.portal.move(number, "WON" if number % 3 else "LOSE")
    world.sleep(60)
    heard = world.stored()
    lost = {str(number) for number in range(1, 31)} - {state["deal_id"] for state in heard if state.get("stage") in ("WON", "LOSE")}
    assert lost
    assert world.reconciler().check(site, "bitrix24", lambda: True).is_done
    final = {number: deal["stage"] for number, deal in _as_told(world.stored()).items()}
    assert final == {str(number): "WON" if number % 3 else "LOSE" for number in range(1, 31)}


def test_a_backfill_goes_on_after_the_portal_was_down(world: World) -> None:
    for number in range(1, 171):
        world.portal.add(DEAL, {}, number)
    world.at(BEGIN + DAY)
    site, day = world.site(), BEGIN.date()
    world.portal.outages = [0, 0, 0, 502]
    first = world.reconciler().backfill(site, "bitrix24", day, day, lambda: True)
    assert not first.is_done
    world.sleep(30)
    second = world.reconciler().backfill(site, "bitrix24", day, day, lambda: True)
    assert second.is_done
    assert first.deals + second.deals == 170
    assert {state["deal_id"] for state in world.stored()} == set(map(str, range(1, 171)))


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "move", "sum", "contact", "lead", "convert", "delete"]), st.integers(1, 4), st.integers(0, 5),
        st.integers(0, 2), st.booleans(),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, shuffling=st.randoms())
def test_any_order_repetition_and_loss_of_events_ends_with_the_portals_own_state(
    table: Any, actions: list[Any], shuffling: Any
) -> None:
    for item in table.scan(TableName="crm")["Items"]:  # of the example before
        table.delete_item(TableName="crm", Key={name: item[name] for name in ("pk", "sk")})
    with opened(table) as world:
        due: list[str] = []
        site = world.site()
        world.portal.deliver = lambda body, headers: due.append(body)
        for what, number, value, seconds, is_heard in actions:
            world.sleep(seconds)
            _act(world, what, number, value)
            if is_heard and due:
                heard = [*due, shuffling.choice(due)]
                shuffling.shuffle(heard)
                due.clear()
                for body in heard:
                    world.sleep(0.01)
                    world.hear(body, site)
        world.sleep(1)
        world.reconciler().check(site, "bitrix24", lambda: True)
        states = world.stored()
        known = ids(states)
        assert [state for state in _all(world) if state["record_id"] not in known] == []  # nothing is left to be told
        _one_id_tells_one_thing(states)
        assert _as_told(states) == _as_it_is(world)


def _act(world: World, what: str, number: int, value: int) -> None:
    portal = world.portal
    deals, leads, contacts = (portal.items[kind] for kind in (DEAL, LEAD, CONTACT))
    if what == "add" and number not in portal.history[DEAL] and number not in world.gone:
        portal.add(DEAL, {"contactId": value}, number)
    elif what == "delete" and number in deals:
        world.gone.add(number)
        portal.delete(DEAL, number)
    elif what == "move" and number in deals:
        portal.move(number, ("NEW", "PREPARATION", "EXECUTING", "WON", "LOSE", "NEW")[value])
    elif what == "sum" and number in deals:
        portal.change(DEAL, number, {"opportunity": value * 100.5})
    elif what == "contact" and number not in contacts:
        portal.add(CONTACT, {"fm": multifields((f"+7900000000{value}",))}, number)
    elif what == "contact":
        portal.change(CONTACT, number, {"fm": multifields((f"+7900000001{value}",))})
    elif what == "lead" and number not in leads:
        portal.add(LEAD, {}, number)
    elif what == "convert" and number in leads and leads[number]["stageId"] != "CONVERTED":
        portal.convert(number, {}, 10 + number)


def _all(world: World) -> list[dict[str, Any]]:
    states: list[dict[str, Any]] = []
    for kind, entity in ((DEAL, "deal"), (LEAD, "lead")):
        numbers = list(world.portal.items[kind])
        states += told(world.read(*[(entity, str(number)) for number in numbers])) if numbers else []
    return states


def _one_id_tells_one_thing(states: list[dict[str, Any]]) -> None:
    content: dict[str, Any] = {}
    for state in states:
        plain = {name: value for name, value in state.items() if name != "received_at"}
        assert content.setdefault(state["record_id"], plain) == plain


def _as_told(states: list[dict[str, Any]]) -> dict[str, Any]:
    """Deals by the rule of the marts: in the order of time, id's time, arrival; what is not told stays."""
    deals: dict[str, dict[str, Any]] = {}
    for state in sorted(states, key=lambda one: (one["occurred_at"], one["record_id"][:13], one["received_at"])):
        deal = deals.setdefault(state["deal_id"], {})
        if "stage" in state or state.get("is_deleted") is False:
            deal.update(is_deleted=False, merged_into=None)
        deal.update({name: state[name] for name in COMPARED if name in state})
    return {number: {name: deal.get(name) for name in COMPARED} for number, deal in deals.items() if not deal.get("is_deleted")}


COMPARED = ("is_deleted", "stage", "amount", "phone_hash", "merged_into")


def _as_it_is(world: World) -> dict[str, Any]:
    found = {}
    for kind, name in ((DEAL, ""), (LEAD, "lead:")):
        for number, item in world.portal.items[kind].items():
            contact = world.portal.items[CONTACT].get(item["contactId"])
            is_merged = kind == LEAD and item["stageId"] == "CONVERTED"
            found[f"{name}{number}"] = {
                "is_deleted": False,
                "stage": item["stageId"],
                "amount": item["opportunity"],
                "phone_hash": phone_hash(contact["fm"][0]["value"], KEY) if contact else None,
                "merged_into": str(10 + number) if is_merged else None,
            }
    return found


# The double


def test_the_double_creates_what_the_handover_needs(world: World) -> None:
    calls = Calls(world.site(), world.tools)
    fields = {
        "TITLE": "Звонок",
        "STATUS_ID": "NEW",
        "PHONE": [{"VALUE": "+79000000017", "VALUE_TYPE": "WORK"}],
        "UF_CRM_SKVOZ_REQUEST_ID": "r1",
    }
    lead = calls.call("crm.lead.add", {"fields": fields})
    contact = calls.call("crm.contact.add", {"fields": {"NAME": "Вера", "PHONE": [{"VALUE": "8 (900) 000-00-17"}]}})
    deal = calls.call("crm.item.add", {"entityTypeId": 2, "fields": {"contactId": contact, "ufCrmSkvozRequestId": "r2"}})["item"][
        "id"
    ]
    assert calls.call("crm.timeline.comment.add", {"fields": {"ENTITY_TYPE": "lead", "ENTITY_ID": lead, "COMMENT": "Путь"}}) == 1
    found = calls.call("crm.duplicate.findbycomm", {"type": "PHONE", "values": ["+79000000017"]})
    assert found == {"LEAD": [lead], "CONTACT": [contact]}
    assert calls.call("crm.duplicate.findbycomm", {"type": "PHONE", "values": ["+79000000099"]}) == []
    requests = {state["deal_id"]: state["request_id"] for state in _all(world) if "request_id" in state}
    assert requests == {f"lead:{lead}": "r1", str(deal): "r2"}


def test_the_double_repeats_and_loses_events_as_it_is_told(world: World) -> None:
    heard: list[str] = []
    world.portal.deliver = lambda body, headers: heard.append(body)
    world.portal.policy = lambda number, event: (1, 0, 2)[number]
    for number in (1, 2, 3):
        world.portal.add(DEAL, {}, number)
    assert len(world.portal.sent) == 3
    assert [body.partition("%5BID%5D=")[2].partition("&")[0] for body in heard] == ["1", "3", "3"]


def test_reasons_of_the_reader_are_those_of_the_adapter(world: World) -> None:
    outcome: Outcome = world.read(("deal", "1"))
    assert set(outcome.passed_over) <= set(PASSED_OVER)
    assert datetime(2026, 10, 12, tzinfo=UTC) < world.now
