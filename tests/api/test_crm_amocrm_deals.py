"""Deals of amoCRM from the site's form to the money, on the local stack: the story's clients A to D in its hooks, and one deal more
that is followed step by step. Every hook comes twice, as amoCRM repeats those that it thinks lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.security import token_sha256
from shared.settings import parse_settings
from shared.times import from_millis
from shared.warehouse import Row
from tests.api.crm_amocrm import AMOCRM, STAGES, custom, hook, payload, story
from tests.api.product_doors import TOKEN, Doors, read_json

STORY = read_json(Path(__file__).parents[1] / "data/story.json")
SETTINGS = {
    "site_id": "kvartal",
    "name": "Квартал",
    "hosts": ["kvartal.example"],
    "pii": "vault",
    "stages": [{"money_stage": "won", "stages": STAGES}],
}
FORM_ID = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"
SENT = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # the form of the deal that is followed
PHONE = "+79000000099"


class Told(NamedTuple):
    """What lies where in the end."""

    deals: dict[str, Row]
    requests: dict[str, Row]
    states: list[Row]
    open: bytes  # everything but the quarantine and the vault: lake, marts, files, logs
    raw: list[dict[str, Any]]  # deal states as the lake has them, repeats included
    queued: int


def call_of(client: str, told: dict[str, Any], **more: Any) -> dict[str, Any]:
    line = {"type": "request", "request_id": f"call-{client}", "contact_channel": "call", "occurred_at": told["start"]}
    return line | {"is_answered": told["answered"], "talk_seconds": told["talk_s"], "call_id": told["ids"]["uis"]} | more


def requests() -> list[dict[str, Any]]:
    clients, calls = STORY["clients"], STORY["calls"]
    d = {"start": "2026-10-28T12:36:00+03:00", "answered": True, "talk_s": 141, "ids": {"uis": "7135520931"}}
    form = {"type": "request", "contact_channel": "form"}
    return [
        call_of("A", calls["A"]),
        call_of("B", calls["B"], phone=clients["B"]["phone_e164"]),
        call_of("D", d, visitor_id=clients["D"]["metrika_client_id"]),
        form | {"request_id": "form-C", "occurred_at": "2026-10-20T09:43:40+03:00"},
        form | {"request_id": FORM_ID, "occurred_at": SENT.isoformat()},
    ]


def followed() -> list[tuple[datetime, bytes]]:
    """The deal 900: the form's lead, its contact, two stages, won, and the cost price that is told afterwards."""

    def lead(action: str, minutes: int, status: str, **more: Any) -> tuple[datetime, bytes]:
        at = SENT + timedelta(minutes=minutes)
        fixed = {"id": "900", "pipeline_id": "6904417", "date_create": str(int(SENT.timestamp()) + 2)}
        told = {"status_id": status, "last_modified": str(int(at.timestamp()) + 2)}
        return at, hook("leads", action, **fixed, **told, **more)

    contact = {
        "id": "901",
        "type": "contact",
        "name": "Тест Тестов",
        "last_modified": str(int(SENT.timestamp()) + 2),
        "custom_fields": custom(("PHONE", "8 900 000-00-99"), ("EMAIL", "test@post.example")),
        "linked_leads_id": {"900": {"ID": "900"}},
    }
    name = "Заявка: 8 900 000-00-99"
    return [
        lead("add", 0, "58113402", name=name, price="0", custom_fields=custom(("skvoz_request_id", FORM_ID))),
        (SENT, hook("contacts", "add", **contact)),
        lead("status", 10, "58113406", old_status_id="58113402"),
        lead("status", 30, "58113410", old_status_id="58113406", price="5000"),
        lead("update", 30, "58113410", name=name, price="5000"),
        lead("status", 60, "142", old_status_id="58113410"),
        lead("update", 90, "142", name=name, price="5000", custom_fields=custom(("Себестоимость", "3 000"))),
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    hooks = sorted([*((from_millis(one.at * 1000), one.body) for one in story()), *followed()], key=lambda one: one[0])
    root = tmp_path_factory.mktemp("amocrm")
    with LocalStack(root, SimulatedClock(hooks[0][0])) as stack:
        doors, queued = Doors(stack, SETTINGS), 0
        stack.publish(parse_settings(SETTINGS | {"crm": {"token_sha256": [token_sha256(TOKEN)], "amocrm": AMOCRM}}))
        for at, body in hooks:
            doors.at(at + timedelta(seconds=3))
            for _ in range(2):
                doors.at(stack.clock.now() + timedelta(milliseconds=250))
                headers = {"content-type": "application/x-www-form-urlencoded"}
                answer = stack.call("POST", f"/v1/crm/amocrm/kvartal/{TOKEN}", headers, body)
                assert answer.status == 202, answer.body
            queued += stack.pump()
        doors.at(datetime(2026, 11, 21, 6, 0, tzinfo=UTC))
        doors.import_(requests())
        doors.refresh()
        kept = {**stack.objects("LakeBucket"), **stack.objects("FilesBucket")}
        files = [path.read_bytes() for path in root.rglob("*") if path.is_file() and "quarantine" not in str(path)]
        deals = {row["deal_id"]: row for row in doors.rows("SELECT * FROM deals")}
        yield Told(
            deals,
            {row["request_id"]: row for row in doors.rows("SELECT * FROM requests")},
            list(doors.rows("SELECT * FROM deal_states ORDER BY deal_id, place")),
            b"\n".join([body for key, body in kept.items() if not key.startswith("quarantine/")] + files),
            [json.loads(line) for body in stack.objects("LakeBucket", "raw/crm_event/").values() for line in body.splitlines()],
            queued,
        )


def of(told: Told, client: str) -> Row:
    return told.deals[f"amocrm:{STORY['deals'][client]['ids']['amocrm_lead']}"]


def test_the_storys_deals_find_their_requests_by_the_key_that_amocrm_kept(told: Told) -> None:
    assert {client: (of(told, client)["match_method"], of(told, client)["request_id"]) for client in "ABCD"} == {
        "A": ("call_id", "call-A"),
        "B": ("phone", "call-B"),
        "C": ("request_id", "form-C"),
        "D": ("visitor", "call-D"),
    }


def test_the_storys_deals_end_as_the_story_says(told: Told) -> None:
    for client in "ACD":
        row, deal = of(told, client), STORY["deals"][client]
        assert (row["meaning"], row["stage"], row["manager"]) == ("won", "won", "Анна Серова")
        assert row["revenue"] == Decimal(deal["amount"])
        assert row["gross_profit"] == Decimal(deal["amount"]) - Decimal(deal["cost"])
        assert row["order_id"] == deal["order"]
        assert row["sale_day"] == date.fromisoformat(deal["won_at"][:10])
    lost = of(told, "B")
    assert (lost["meaning"], lost["loss_reason"], lost["sale_day"]) == ("lost", "Не дозвонились", None)
    assert lost["revenue"] in (None, Decimal(0))


def test_a_deal_is_followed_from_its_form_to_the_money(told: Told) -> None:
    deal = told.deals["amocrm:900"]
    assert (deal["match_method"], deal["request_id"]) == ("request_id", FORM_ID)
    assert deal["created_at"].replace(tzinfo=UTC) == SENT + timedelta(seconds=2)
    assert (deal["meaning"], deal["was_qualified"], deal["revenue"], deal["gross_profit"]) == (
        "won",
        True,
        Decimal(5000),
        Decimal(2000),
    )
    assert told.requests[FORM_ID]["is_counted"]
    meanings = [row["meaning"] for row in told.states if row["deal_id"] == "amocrm:900"]
    # The contact's own state comes between the lead's first and second, and changes nothing.
    assert meanings == ["unsorted", "unsorted", "working", "qualified", "qualified", "won", "won"]


def test_repeated_hooks_are_counted_once(told: Told) -> None:
    assert told.queued == 2 * (len(story()) + len(followed()))
    kept = Counter(one["record_id"] for one in told.raw)
    deletions = {one["record_id"] for one in told.raw if one.get("is_deleted")}
    # A deletion has no time of its own: each delivery of it is one, and one is as good as two.
    assert {kept[one] for one in kept.keys() - deletions} == {2}
    assert (len(deletions), {kept[one] for one in deletions}) == (2, {1})
    assert {row["record_id"] for row in told.states} == kept.keys()
    assert len(told.states) == len(kept)


def test_a_deleted_lead_is_cleaning(told: Told) -> None:
    assert told.deals["amocrm:41860007"]["meaning"] == "cleaning"


def test_no_plain_person_lies_outside_quarantine_and_vault(told: Told) -> None:
    assert b"amocrm:900" in told.open or b'"deal_id":"900"' in told.open
    people = [(c["phone_e164"][1:], c["email"], c["name"].split()[1]) for c in STORY["clients"].values()]
    for phone, email, name in [*people, (PHONE[1:], "test@post.example", "Тестов")]:
        for plain in (phone, phone[1:], email, email.title(), name):
            assert plain.encode() not in told.open, plain
    assert payload("contact_update")[:60] not in told.open
