"""Forms that anybody may post: made-up ids, contacts, touches and floods take nothing from others and put nothing into the CRM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.crm_webhook.tasks import send
from functions.crm_webhook.tasks.orders import order_of
from infra.doubles.amocrm.server import AmoServer
from infra.doubles.bitrix24.portal import CONTACT, DEAL, LEAD, Portal
from infra.doubles.bitrix24.server import Bitrix24Server
from shared.lake import Rejected
from tests.api.collect_door import body_of, counted
from tests.api.new_requests import EMAIL, PHONE, REQUEST, Amo, Bitrix, World, world
from tests.api.test_crm_requests_doors import FORM, QUEUE, Doors, line

OTHER = "+79006660066"


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch, made: World) -> Doors:
    return Doors(monkeypatch, made)


@pytest.fixture
def amo(made: World) -> Iterator[Amo]:
    with AmoServer(lambda: made.now) as server:
        double = Amo(made, server)
        double.settle(channels=["call", "form", "email"])
        yield double


@pytest.fixture
def bitrix(made: World) -> Iterator[Bitrix]:
    server = Bitrix24Server(Portal(lambda: made.now))
    server.start()
    double = Bitrix(made, server)
    double.settle()
    yield double
    server.close()


class Address:
    """Stands in for `post`: what came under which webhook-id, and what it answers."""

    def __init__(self, made: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer, self.came = 201, list[tuple[str, Mapping[str, Any]]]()
        made.secrets["kvartal/crm-outgoing"] = "whsec_c2VjcmV0LW9mLW91ci1vdXRnb2luZy1ldmVudHM="
        made.settle({"url": "https://crm.example/new", "channels": ["call", "form"]})
        monkeypatch.setattr(send, "post", self.take)

    def take(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        for value in headers.values():
            value.encode("ascii")  # as the real one has to
        if self.answer < 300:
            self.came.append((headers["webhook-id"], json.loads(body)["data"]))
        return self.answer


@pytest.fixture
def address(made: World, monkeypatch: pytest.MonkeyPatch) -> Address:
    return Address(made, monkeypatch)


def form(number: int = 0, phone: str = PHONE, **changes: Any) -> dict[str, Any]:
    """A form's hit of its own."""
    contact = {"phones": [phone], "emails": []}
    return {**FORM, "id": f"0199d7a1-5c30-7d44-8a55-7f0a1b{number:06}", "contact": contact, **changes}


def drained(doors: Doors, made: World, skip: int = 0) -> list[Rejected | None]:
    orders = [order_of(text) for text in list(doors.clients.sqs.messages[QUEUE])[skip:]]
    return [made.until_done(order) for order in orders if not isinstance(order, Rejected)]


def phones(amo: Amo) -> list[list[str]]:
    return [list(contact.phones) for contact in amo.server.account.contacts.values()]


# --- the same request with other contacts -----------------------------------------------------------------------------------------


def test_a_corrected_phone_reaches_the_lead_as_a_note_once(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    assert made.send(made.put(phone=OTHER, door="hits")) is None
    corrected = made.put(phone=PHONE, door="hits")
    amo.lose(f"POST /api/v4/leads/{amo.leads[0].lead.lead_id}/notes")
    assert made.until_done(corrected) is None
    assert made.send(corrected) is None
    assert (len(amo.leads), phones(amo)) == (1, [[OTHER]])
    assert [note for note in amo.notes if PHONE in note] == [f"Другой контакт той же заявки: {PHONE}\nЗаявка: {REQUEST}"]
    assert len(amo.notes) == 2
    assert {"To": "amocrm", "RequestCorrected": 1} in counted(capsys.readouterr().out, "RequestCorrected")


def test_a_corrected_phone_is_told_where_nobody_knows_whose_try_made_the_lead(made: World, amo: Amo) -> None:
    first = made.put(phone=OTHER, door="hits")
    amo.lose("POST /api/v4/leads/complex")
    assert made.send(first) == "later"
    made.later(seconds=60)
    assert made.until_done(made.put(phone=PHONE, door="hits")) is None
    assert made.until_done(first) is None
    assert (len(amo.leads), phones(amo)) == (1, [[OTHER]])
    assert len([note for note in amo.notes if PHONE in note]) == 1
    assert [note for note in amo.notes if OTHER in note] == []


def test_a_corrected_phone_that_comes_before_anything_was_made_makes_the_lead(made: World, amo: Amo) -> None:
    amo.down = 503
    first, corrected = made.put(phone=OTHER, door="hits"), made.put(phone=PHONE, door="hits")
    assert [made.send(first), made.send(corrected)] == ["later", "later"]
    amo.down = 0
    made.later(hours=1)
    assert [made.until_done(corrected), made.until_done(first)] == [None, None]
    assert (len(amo.leads), phones(amo)) == (1, [[PHONE]])
    assert len([note for note in amo.notes if OTHER in note]) == 1


@pytest.mark.parametrize("as_lead", [True, False])
def test_a_corrected_phone_reaches_the_portal_as_a_comment_once(made: World, bitrix: Bitrix, as_lead: bool) -> None:
    bitrix.settle(as_lead=as_lead)
    assert made.send(made.put(phone=OTHER, door="hits")) is None
    corrected = made.put(phone=PHONE, email=EMAIL, door="hits")
    bitrix.lose("crm.timeline.comment.add")
    assert made.until_done(corrected) is None
    assert len(bitrix.items(LEAD if as_lead else DEAL)) == 1
    assert len([one for one in bitrix.portal.comments if f"{PHONE}, {EMAIL}" in one["COMMENT"]]) == 1
    assert len(bitrix.portal.comments) == 2


def test_a_deal_is_not_made_with_the_contact_of_the_mistyped_phone(made: World, bitrix: Bitrix) -> None:
    bitrix.settle(as_lead=False)
    first, corrected = made.put(phone=OTHER, door="hits"), made.put(phone=PHONE, door="hits")
    bitrix.lose("crm.item.add")
    assert made.send(first) == "later"  # the contact is made, the deal is not
    made.later(seconds=60)
    assert made.until_done(corrected) is None
    (deal,) = bitrix.items(DEAL)
    contact = next(one for one in bitrix.items(CONTACT) if one["id"] == int(deal["contactId"]))
    assert [one["value"] for one in contact["fm"]] == [PHONE]


def test_a_corrected_phone_comes_to_an_address_as_another_event(made: World, address: Address) -> None:
    first, corrected = made.put(phone=OTHER, channel="call"), made.put(phone=PHONE, channel="call")
    for order in (first, corrected, first, corrected):
        assert made.send(order) is None
    (one, two) = address.came
    assert (one[0], one[1]["phone"], two[1]["phone"]) == (f"request_{REQUEST}", OTHER, PHONE)
    assert two[0].startswith(f"request_{REQUEST}_")
    assert two[1]["request_id"] == REQUEST


@pytest.mark.parametrize("own", ["заявка-17", "\U0001f600" * 16, "a b\u2028c", "кв: 17"])
def test_ids_that_no_header_takes_do_not_stand_in_the_queue_for_days(made: World, address: Address, own: str) -> None:
    assert made.send(made.put(own, door="hits")) is None
    assert made.send(made.put(own, channel="call", phone=OTHER)) is None
    assert [data["request_id"] for _, data in address.came] == [own, own]
    assert len({name for name, _ in address.came}) == 2


# --- made-up ids ------------------------------------------------------------------------------------------------------------------


def test_a_form_cannot_take_the_place_of_a_letter(doors: Doors, made: World, amo: Amo) -> None:
    doors.hits(form(request_id="letter-1", phone=OTHER))
    assert body_of(doors.lines(line()))["handed_over"] == 1
    amo.settle(channels=["form", "email"])
    assert drained(doors, made) == [None, None]
    assert len(amo.leads) == 2
    assert {contact.email for contact in amo.server.account.contacts.values()} >= {EMAIL}


def test_a_lost_answer_to_a_letter_finds_no_strangers_lead(doors: Doors, made: World, amo: Amo) -> None:
    doors.hits(form(request_id="letter-1", phone=OTHER))
    doors.lines(line())
    amo.settle(channels=["form", "email"])
    assert drained(doors, made) == [None, None]
    made.dynamodb.delete_item(TableName="crm", Key={"pk": {"S": "sent#kvartal"}, "sk": {"S": "email#letter-1"}})
    (own,) = [lead for lead in amo.leads if "letter-1" in str(lead.lead.fields) and lead.lead.name.startswith("Письмо")]
    order = order_of(doors.clients.sqs.messages[QUEUE][1])
    assert not isinstance(order, Rejected)
    amo.down = 503
    assert made.send(order) == "later"
    amo.down = 0
    made.later(hours=1)
    assert made.until_done(order) is None
    assert made.item("letter-1", "email")["deal"] == str(own.lead.lead_id)


def test_a_strangers_form_with_the_same_id_is_a_lead_of_its_own(doors: Doors, made: World, amo: Amo) -> None:
    doors.hits(form(1), visitor=None)
    doors.hits(form(2, phone=OTHER), visitor=None)
    assert len({one["visitor_id"] for one in doors.objects}) == 2
    amo.settle(channels=["form"])
    assert drained(doors, made) == [None, None]
    assert sorted(phones(amo)) == sorted([[PHONE], [OTHER]])
    assert all(PHONE not in note and OTHER not in note for note in amo.notes)


def test_the_same_visitors_second_contact_is_the_same_request(doors: Doors, made: World, amo: Amo) -> None:
    doors.hits(form(1, phone=OTHER))
    doors.hits(form(2))
    assert len({one["key"] for one in doors.queued}) == 2
    assert len({one["visitor_id"] for one in doors.objects}) == 1
    amo.settle(channels=["form"])
    assert drained(doors, made) == [None, None]
    assert len(amo.leads) == 1
    assert len([note for note in amo.notes if PHONE in note]) == 1


def test_a_house_number_is_no_request(made: World, amo: Amo) -> None:
    assert made.send(made.put("1001")) is None
    amo.leads[0].lead.fields["Номер дома"] = "kv-77"
    order = made.put("kv-77", phone="+79000000099")
    amo.down = 503
    assert made.send(order) == "later"
    amo.down = 0
    made.later(seconds=600)
    assert made.until_done(order) is None
    assert len(amo.leads) == 2
    assert made.item("kv-77")["deal"] == str(amo.leads[1].lead.lead_id)


@pytest.mark.parametrize("first_at", ["9999-12-31T23:59:59+00:00", "yesterday"])
def test_a_request_that_cannot_be_told_is_rejected_and_holds_nothing(made: World, amo: Amo, first_at: str) -> None:
    refused = made.send(made.put(first_at=first_at))
    assert isinstance(refused, Rejected)
    assert refused.reason == "bad_request"
    assert amo.leads == []
    assert made.item() == {}


# --- leads that were deleted meanwhile --------------------------------------------------------------------------------------------


def test_a_note_to_a_deleted_lead_ends(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    assert made.send(made.put(phone=OTHER)) is None
    lead = amo.leads[0].lead.lead_id
    answer = amo.server.answer

    def gone(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        return (404, {"title": "Not found"}) if f"/leads/{lead}/" in target else answer(method, target, headers, body)

    amo.server.answer = gone  # type: ignore[method-assign]
    corrected = made.put(phone=PHONE)
    assert made.send(corrected) is None
    assert made.send(corrected) is None
    printed = capsys.readouterr().out
    assert len(list(counted(printed, "CrmExtraRefused"))) == 1


def test_a_comment_to_a_deleted_lead_ends_and_a_lacking_right_waits(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.api.test_crm_requests_bitrix24 import refusing

    assert made.send(made.put(phone=OTHER)) is None
    corrected = made.put(phone=PHONE)
    refusing(monkeypatch, "crm.timeline.comment.list", code="ACCESS_DENIED")
    assert made.send(corrected) == "later"
    bitrix.portal.items[LEAD].clear()
    assert made.until_done(corrected) is None
