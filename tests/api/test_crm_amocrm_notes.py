"""Calls, messages and letters of a lead, counted from amoCRM's notes; their text stays where it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.crm_webhook.amocrm import api as amocrm_api
from functions.crm_webhook.amocrm.v4.notes import MOST_LEADS
from functions.crm_webhook.api.crm import Span
from functions.crm_webhook.outcome import Pointer
from infra.doubles.amocrm import Hooks
from tests.api.crm_amocrm_api import START, WORKING, World, world

COUNTED: dict[str, Any] = {"count_notes": True}
PHONE = "+7 900 000-00-42"
LIST = "/api/v4/leads/notes"


def standing(told: World, lead: int) -> int | None:
    """How many the lead took, after all records of it in the order in which the marts read them."""
    ordered = sorted(told.records, key=lambda one: (one["occurred_at"], one["record_id"][:13], one["received_at"]))
    told_of = [one["communications"] for one in ordered if one["deal_id"] == str(lead) and "communications" in one]
    return told_of[-1] if told_of else None


def lists(told: World) -> list[str]:
    return [call.path for call in told.amo.limit.calls if call.path.startswith(LIST)]


def test_calls_messages_and_letters_are_counted_and_other_notes_are_not() -> None:
    with world(**COUNTED) as told:
        lead, other = told.account.add_lead(), told.account.add_lead()
        for kind in ("call_in", "call_out", "sms_in", "sms_out", "amomail_message", "common", "service_message", "call_in"):
            told.now += timedelta(minutes=1)
            told.account.note(lead, kind, f"Перезвонить: {PHONE}")
        assert (standing(told, lead), standing(told, other)) == (6, 0)
        stored = f"{told.records} {told.rejects} {told.fakes.s3.all_bytes('lake').decode()}"
        assert not any(text in stored for text in ("Перезвонить", "000-00-42", "9000000042"))


def test_a_note_that_leaves_its_leads_time_alone_is_told_at_its_own_time() -> None:
    with world(**COUNTED) as told:
        lead = told.account.add_lead()
        told.now += timedelta(hours=1)
        told.account.note(lead, "call_in", moves=False)
        assert standing(told, lead) == 1
        (own,) = [one for one in told.records if one.get("communications") == 1]
        assert own["occurred_at"][:19] == f"{told.now:%Y-%m-%d %H:%M:%S}"
        before = len(told.records)
        told.now += timedelta(hours=1)
        told.read([Pointer("lead", str(lead))])
        assert len(told.records) == before  # read twice, the same
        told.account.move(lead, WORKING)
        assert standing(told, lead) == 1


@pytest.mark.parametrize(("moves", "found"), [(True, 1), (False, 0)])
def test_a_note_whose_hook_was_dropped_is_found_by_the_check_where_it_moved_its_lead(moves: bool, found: int) -> None:
    with world(Hooks(drop=lambda entity, what: what == "leads.note"), **COUNTED) as told:
        lead = told.account.add_lead()
        told.now += timedelta(hours=1)
        told.reconcile()
        told.now += timedelta(hours=1)
        told.account.note(lead, "call_out", moves=moves)
        told.now += timedelta(hours=1)
        told.reconcile()
        assert standing(told, lead) == found
        told.account.move(lead, WORKING)  # the lead's next change tells it in any case
        told.now += timedelta(hours=1)
        told.reconcile()
        assert standing(told, lead) == 1


def test_without_the_setting_nobody_asks_for_notes_and_their_hooks_are_passed_over() -> None:
    with world() as told:
        lead = told.account.add_lead()
        told.account.note(lead, "call_in")
        told.reconcile()
        assert (lists(told), standing(told, lead)) == ([], None)


def test_fifty_leads_share_a_list_which_is_read_to_its_end() -> None:
    with world(is_worked=False, **COUNTED) as told:
        leads = [told.account.add_lead() for _ in range(MOST_LEADS + 10)]
        for _ in range(6):
            for lead in leads[:MOST_LEADS]:
                told.account.note(lead, "sms_out")
        told.now += timedelta(minutes=5)
        page = amocrm_api.reader(told.site, told.tools).page(Span(START - timedelta(days=1), told.now), "", told.arrival("walk"))
        told.write(page.outcome, told.arrival("walk"))
        assert [standing(told, lead) for lead in leads] == [6] * MOST_LEADS + [0] * 10
        assert len(lists(told)) == 3  # 300 notes are two pages of the first list, then the second list


def test_where_notes_are_closed_to_us_the_deals_still_count() -> None:
    with world(is_worked=False, **COUNTED) as told:
        lead = told.account.add_lead(price=5000)
        answer = told.amo.answer

        def closed(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
            return (403, {"title": "Forbidden"}) if target.startswith(LIST) else answer(method, target, headers, body)

        told.amo.answer = closed  # type: ignore[method-assign]
        outcome = told.read([Pointer("lead", str(lead))])
        assert (outcome.passed_over["section_closed"], standing(told, lead)) == (1, None)
        assert [one["amount"] for one in told.records if "amount" in one] == [5000]
