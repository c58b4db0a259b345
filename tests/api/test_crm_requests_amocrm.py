"""New requests become leads of amoCRM: once, with their client and their way, whatever happens in between."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from shared.lake import Rejected
from shared.new_requests import MARKS
from tests.api.new_requests import EMAIL, PHONE, REQUEST, WAY, Amo, World, world
from tests.api.numbers_door import counted

from infra.doubles.amocrm.server import AmoServer  # isort: skip

COMPLEX, PLAIN, LEADS = "POST /api/v4/leads/complex", "POST /api/v4/leads", "/api/v4/leads"


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def amo(made: World) -> Iterator[Amo]:
    with AmoServer(lambda: made.now) as server:
        double = Amo(made, server)
        double.settle()
        yield double


def test_a_request_becomes_one_lead_with_its_client_and_way(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    assert made.send(made.put(email=EMAIL, name="Вера Лугова")) is None
    (lead,) = amo.leads
    assert lead.lead.name == "Заявка с сайта: Квартал, Расчёт"
    assert lead.lead.creator_id == 0  # nobody made it by hand
    assert lead.lead.fields["skvoz_request_id"] == REQUEST
    assert lead.lead.fields["skvoz_visitor_id"] == WAY["visitor_id"]
    assert {name: lead.lead.fields.get(name) for name in MARKS[:3]} == {name: WAY[name] for name in MARKS[:3]}
    (contact,) = amo.server.account.contacts.values()
    assert (contact.name, list(contact.phones), contact.email) == ("Вера Лугова", [PHONE], EMAIL)
    assert contact.leads == [lead.lead.lead_id]
    (note,) = amo.notes
    assert note == (
        "Путь клиента\nПервый источник: vk.com (02.10.2026 11:00)\nПоследний источник: yandex / cpc / kuhni\n"
        "Страница входа: https://kvartal.example/akcii\nСтраница заявки: https://kvartal.example/kuhni\nФорма: Расчёт\n"
        f"Время заявки: 12.10.2026 10:52 (Europe/Moscow)\nПосетитель: {WAY['visitor_id']}\nЗаявка: {REQUEST}"
    )
    item = made.item()
    assert (item["state"], item["deal"], item["to"]) == ("made", str(lead.lead.lead_id), "amocrm")
    assert "held_until" not in item
    assert {"To": "amocrm", "RequestHandedOver": 1} in counted(capsys.readouterr().out)


def test_a_repeated_message_makes_nothing_and_asks_nothing(made: World, amo: Amo) -> None:
    order = made.put()
    assert made.send(order) is None
    before = len(amo.server.limit.calls)
    assert made.send(order) is None
    assert (len(amo.leads), len(amo.notes), len(amo.server.limit.calls)) == (1, 1, before)


@pytest.mark.parametrize("call", [COMPLEX, "GET /api/v4/contacts", "GET /api/v4/leads/custom_fields"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_answer_makes_no_second_lead(made: World, amo: Amo, call: str, times: int) -> None:
    amo.lose(call, times)
    assert made.until_done(made.put()) is None
    assert (len(amo.leads), len(amo.notes)) == (1, 1)
    assert made.item()["deal"] == str(amo.leads[0].lead.lead_id)


def test_a_lost_answer_to_the_note_writes_it_once(made: World, amo: Amo) -> None:
    order = made.put()
    assert made.send(order) is None
    amo.server.account.notes.clear()
    made.dynamodb.delete_item(TableName="crm", Key={"pk": {"S": "sent#kvartal"}, "sk": {"S": f"form#{REQUEST}"}})
    second = made.put("second", phone="+79000000018")
    amo.lose(f"POST /api/v4/leads/{amo.leads[0].lead.lead_id + 1}/notes")
    assert made.until_done(second) is None
    assert len([note for note in amo.notes if note.endswith("Заявка: second")]) == 1


@pytest.mark.parametrize("write", range(1, 6))
def test_a_crash_between_any_two_steps_makes_no_second_lead(
    made: World, amo: Amo, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """The process dies before its n-th write to the table: nothing after it is done, the hold included."""
    order = made.put()
    update, count = made.dynamodb.update_item, [0]

    def dying(**call: Any) -> Any:
        if call["TableName"] == "crm" and str(call["Key"]["pk"]["S"]).startswith("sent#"):
            count[0] += 1
            if count[0] >= write:
                raise OSError("the process is gone")
        return update(**call)

    monkeypatch.setattr(made.dynamodb, "update_item", dying)
    try:
        made.send(order)
    except OSError:
        assert write < 5
    monkeypatch.undo()
    if write > 1 and "held_until" in made.item():
        assert made.send(order) == "later"  # held by the one that died
    made.later(seconds=311)
    assert made.until_done(order) is None
    assert (len(amo.leads), len(amo.notes)) == (1, 1)


def test_two_invocations_at_once_make_one_lead(made: World, amo: Amo) -> None:
    order = made.put()
    outcomes: list[Any] = []

    def meanwhile(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/complex"):
            outcomes.append(made.send(order))

    amo.before = meanwhile
    assert made.send(order) is None
    assert outcomes == ["later"]
    assert len(amo.leads) == 1


@pytest.mark.parametrize("down", [503, 429, 500, 401, 403])
def test_a_day_without_the_crm_loses_and_doubles_nothing(made: World, amo: Amo, down: int) -> None:
    orders = [made.put(f"request-{place}", phone=f"+7900000002{place}") for place in range(3)]
    amo.down = down
    for _ in range(24):
        assert [made.send(order) for order in orders] == ["later"] * 3
        made.later(hours=1)
    amo.down = 0
    assert [made.until_done(order) for order in orders] == [None] * 3
    assert [lead.lead.fields["skvoz_request_id"] for lead in amo.leads] == ["request-0", "request-1", "request-2"]


def test_a_known_client_gets_a_second_lead_and_no_second_contact(made: World, amo: Amo) -> None:
    known = amo.server.account.add_contact("Вера", ["8 (900) 000-00-17"], "", [])
    amo.server.account.add_contact("Вера ещё раз", [PHONE], "", [])
    assert made.send(made.put()) is None
    assert made.send(made.put("second")) is None
    assert len(amo.server.account.contacts) == 2
    assert len(amo.server.account.contacts[known].leads) == 2
    assert amo.calls("POST", "/api/v4/leads/complex") == 0


def test_a_client_is_known_by_his_e_mail_where_the_phone_is_new(made: World, amo: Amo) -> None:
    known = amo.server.account.add_contact("Вера", [], "Vera@post.example", [])
    assert made.send(made.put(email=EMAIL)) is None
    assert list(amo.server.account.contacts) == [known]


def test_a_number_that_only_contains_the_phone_is_somebody_else(made: World, amo: Amo) -> None:
    amo.server.account.add_contact("Другой", ["+1 7900 000 0017"], "", [])
    assert made.send(made.put()) is None
    assert len(amo.server.account.contacts) == 2


def test_settings_place_the_lead_and_fill_its_fields(made: World, amo: Amo) -> None:
    amo.server.fields[77] = {"id": 77, "name": "Первый источник", "code": None, "type": "text"}
    amo.server.fields[78] = {"id": 78, "name": "Путь", "code": "WAY", "type": "textarea"}
    amo.settle(
        {"managers": {"8830152": "Игорь Соколов"}, "stages": {"58113404": "Первичный контакт"}},
        manager="игорь соколов", stage="Первичный контакт", pipeline=6904417,
        fields={"first_source": "Первый источник", "path": "way"}, note=False,
    )  # fmt: skip
    assert made.send(made.put()) is None
    (lead,) = amo.leads
    assert (lead.lead.manager_id, lead.lead.status_id, lead.lead.pipeline_id) == ("8830152", "58113404", "6904417")
    assert lead.lead.fields["Первый источник"] == "vk.com"
    assert lead.lead.fields["Путь"].endswith(f"Заявка: {REQUEST}")
    assert amo.notes == []


def test_fields_that_are_not_there_are_left_out_and_told(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    amo.settle(fields={"landing": "Страница входа"})
    assert made.send(made.put()) is None
    assert len(amo.leads) == 1
    printed = capsys.readouterr().out
    assert {"Provider": "amocrm", "CrmFieldsRefused": 1} in counted(printed)
    assert "Страница входа" in printed


def test_fields_that_are_refused_are_left_out_and_the_lead_is_made(
    made: World, amo: Amo, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list of fields is ten minutes old; meanwhile somebody deleted two of them."""
    assert made.send(made.put()) is None
    taken = [number for number, one in amo.server.fields.items() if one["name"] in ("utm_medium", "skvoz_visitor_id")]
    for number in taken:
        del amo.server.fields[number]
    assert made.send(made.put("second", phone="+79000000018")) is None
    _, second = amo.leads
    assert second.lead.fields["skvoz_request_id"] == "second"
    assert second.lead.fields["utm_source"] == "yandex"
    assert {"utm_medium", "skvoz_visitor_id"}.isdisjoint(second.lead.fields)
    assert {"Provider": "amocrm", "CrmFieldsRefused": 2} in counted(capsys.readouterr().out)


def test_an_account_without_our_field_gets_the_request_in_the_name_and_no_second_lead(made: World, amo: Amo) -> None:
    del amo.server.fields[next(n for n, one in amo.server.fields.items() if one["name"] == "skvoz_request_id")]
    amo.lose(COMPLEX)
    assert made.until_done(made.put()) is None
    (lead,) = amo.leads
    assert lead.lead.name.endswith(f"({REQUEST})")


def test_what_amocrm_never_takes_is_rejected_without_the_client(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    order, answer = made.put(), amo.server.answer

    def refusing(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        if method == "POST":
            errors = [{"code": "InvalidType", "path": "0.name", "detail": f"{PHONE} is wrong"}]
            return 400, {"validation-errors": [{"request_id": "0", "errors": errors}], "detail": PHONE}
        return answer(method, target, headers, body)

    amo.server.answer = refusing  # type: ignore[method-assign]
    refused = made.send(order)
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.content) == ("refused_by_crm", order.key)
    assert "InvalidType 0.name" in refused.message
    assert PHONE[2:] not in refused.message + capsys.readouterr().out


def test_a_note_that_is_refused_does_not_cost_the_lead(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    answer = amo.server.answer

    def refusing(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        if method == "POST" and target.endswith("/notes"):
            return 422, {"title": "no"}
        return answer(method, target, headers, body)

    amo.server.answer = refusing  # type: ignore[method-assign]
    assert made.send(made.put()) is None
    assert len(amo.leads) == 1
    assert {"What": "note", "Provider": "amocrm", "CrmExtraRefused": 1} in counted(capsys.readouterr().out)


def test_whom_the_vault_forgot_nobody_can_call_back(made: World, amo: Amo) -> None:
    order = made.put()
    for item in made.dynamodb.scan(TableName="contacts")["Items"]:
        made.dynamodb.delete_item(TableName="contacts", Key={name: item[name] for name in ("pk", "sk")})
    refused = made.send(order)
    assert isinstance(refused, Rejected)
    assert refused.reason == "no_contact"
    assert amo.leads == []


def test_another_sites_object_is_no_request_of_this_one(made: World, amo: Amo) -> None:
    order = made.put()
    other = copy.copy(made.site) | {"site_id": "other"}
    refused = made.sends.send(other, order)
    assert refused is not None
    assert refused.reason == "bad_request"
    assert amo.leads == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": 1}', b'{"data": {"request_id": "x"}}', b"\xff"])
def test_what_is_no_request_is_rejected(made: World, amo: Amo, body: bytes) -> None:
    order = made.put()
    made.clients.s3.put_object(Bucket="lake", Key=order.key, Body=body)
    refused = made.send(order)
    assert isinstance(refused, Rejected)
    assert refused.reason == "bad_request"


def test_plain_contacts_are_nowhere_but_in_the_vault(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    amo.lose(COMPLEX)
    made.until_done(made.put(email=EMAIL, name="Вера Лугова"))
    told = made.clients.s3.all_bytes("lake").decode() + str(made.clients.sqs.messages) + capsys.readouterr().out
    told += str(made.dynamodb.scan(TableName="crm")["Items"])
    for plain in (PHONE[2:], "vera@", "Лугова"):
        assert plain not in told
