"""New requests become leads or deals of Bitrix24: once, with their client and their way, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from functions.crm_webhook.requests.bitrix24 import field_code
from infra.doubles.bitrix24 import methods
from infra.doubles.bitrix24.methods import RestError
from infra.doubles.bitrix24.portal import CONTACT, DEAL, LEAD, Portal
from infra.doubles.bitrix24.server import Bitrix24Server
from shared.lake import Rejected
from tests.api.new_requests import EMAIL, PHONE, REQUEST, WAY, Bitrix, World, world
from tests.api.numbers_door import counted

UTM = {"utmSource": "yandex", "utmMedium": "cpc", "utmCampaign": "kuhni"}


@pytest.fixture
def made() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def bitrix(made: World) -> Iterator[Bitrix]:
    server = Bitrix24Server(Portal(lambda: made.now))
    server.start()
    double = Bitrix(made, server)
    double.settle()
    yield double
    server.close()


def refusing(monkeypatch: pytest.MonkeyPatch, method: str, when: Any = lambda parameters: True, code: str = "ERROR_CORE") -> None:
    """The portal refuses a method."""
    own = methods.METHODS[method]

    def refused(portal: Portal, parameters: Any) -> Any:
        if when(parameters):
            raise RestError(code, description=f"{PHONE} is wrong")
        return own(portal, parameters)

    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, method: refused})


def test_a_request_of_somebody_unknown_becomes_a_lead_with_his_phone_and_way(
    made: World, bitrix: Bitrix, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made.send(made.put(email=EMAIL, name="Вера Лугова")) is None
    (lead,) = bitrix.items(LEAD)
    assert (lead["originatorId"], lead["originId"], lead["sourceId"]) == ("skvoz", REQUEST, "WEB")
    assert {name: lead[name] for name in UTM} == UTM
    assert lead["title"] == "Заявка с сайта: Квартал, Расчёт"
    assert lead["name"] == "Вера Лугова"
    assert lead["sourceDescription"] == "yandex / cpc / kuhni"
    assert {one["value"] for one in lead["fm"]} == {PHONE, EMAIL}
    assert bitrix.items(CONTACT) == []
    (comment,) = bitrix.portal.comments
    assert (int(comment["ENTITY_ID"]), comment["ENTITY_TYPE"]) == (lead["id"], "lead")
    assert comment["COMMENT"].startswith("Путь клиента\nПервый источник: vk.com")
    (trace,) = bitrix.portal.traces
    assert trace["TRACE"]["PAGES"] == [
        {"URL": WAY["landing"], "DATE": WAY["first_at"]},
        {"URL": WAY["page_url"], "DATE": "2026-10-12T07:52:00+00:00"},
    ]
    assert [(one["TYPE"], int(one["ID"])) for one in trace["ENTITIES"]] == [("LEAD", lead["id"])]
    assert made.item()["deal"] == str(lead["id"])
    assert {"To": "bitrix24", "RequestHandedOver": 1} in counted(capsys.readouterr().out)


def test_a_request_becomes_a_deal_with_a_new_contact_where_the_portal_works_without_leads(made: World, bitrix: Bitrix) -> None:
    bitrix.settle(
        {"managers": {"101": "Анна"}, "pipelines": {"4": "Кухни"}},
        as_lead=False, pipeline="Кухни", stage="C4:NEW", manager="Анна", fields={"first_source": "UF_CRM_FIRST", "path": "way"},
    )  # fmt: skip
    assert made.send(made.put(name="Вера Лугова")) is None
    (deal,), (contact,) = bitrix.items(DEAL), bitrix.items(CONTACT)
    assert (int(deal["categoryId"]), deal["stageId"], int(deal["assignedById"])) == (4, "C4:NEW", 101)
    assert (deal["originatorId"], deal["originId"], int(deal["contactId"])) == ("skvoz", REQUEST, contact["id"])
    assert {name: deal[name] for name in UTM} == UTM
    own = {name.replace("_", "").lower(): value for name, value in deal.items() if name.lower().startswith("ufcrm")}
    assert own["ufcrmskvozrequestid"] == REQUEST
    assert own["ufcrmfirst"] == "vk.com"
    assert own["ufcrmway"].endswith(f"Заявка: {REQUEST}")
    assert [one["value"] for one in contact["fm"]] == [PHONE]
    assert made.item()["contact"] == str(contact["id"])
    assert [one["TYPE"] for one in bitrix.portal.traces[0]["ENTITIES"]] == ["DEAL", "CONTACT"]


@pytest.mark.parametrize("as_lead", [True, False])
def test_a_known_client_gets_another_request_and_no_second_contact(made: World, bitrix: Bitrix, as_lead: bool) -> None:
    bitrix.settle(as_lead=as_lead)
    known = bitrix.portal.client(CONTACT, "Вера", ("8 (900) 000-00-17",))
    bitrix.portal.client(CONTACT, "Вера ещё раз", (PHONE,), (EMAIL,))
    assert made.send(made.put(email=EMAIL)) is None
    assert made.send(made.put("second", email=EMAIL)) is None
    assert len(bitrix.items(CONTACT)) == 2
    assert [int(one["contactId"]) for one in bitrix.items(LEAD if as_lead else DEAL)] == [known, known]


@pytest.mark.parametrize("as_lead", [True, False])
@pytest.mark.parametrize(
    "method",
    ["crm.lead.add", "crm.item.add", "crm.duplicate.findbycomm", "crm.timeline.comment.add", "crm.tracking.trace.add"],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_lost_answer_makes_nothing_twice(made: World, bitrix: Bitrix, as_lead: bool, method: str, times: int) -> None:
    bitrix.settle(as_lead=as_lead)
    bitrix.lose(method, times)
    assert made.until_done(made.put()) is None
    assert len(bitrix.items(LEAD if as_lead else DEAL)) == 1
    assert len(bitrix.items(CONTACT)) == (0 if as_lead else 1)
    assert (len(bitrix.portal.comments), len(bitrix.portal.traces)) == (1, 1)


@pytest.mark.parametrize("write", range(1, 8))
def test_a_crash_between_any_two_steps_makes_nothing_twice(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    bitrix.settle(as_lead=False)
    order, update, count = made.put(), made.dynamodb.update_item, [0]

    def dying(**call: Any) -> Any:
        if call["TableName"] == "crm" and str(call["Key"]["pk"]["S"]).startswith("sent#"):
            count[0] += 1
            if count[0] >= write:
                raise OSError("the process is gone")
        return update(**call)

    monkeypatch.setattr(made.dynamodb, "update_item", dying)
    with suppress(OSError):
        made.send(order)
    monkeypatch.undo()
    made.later(seconds=311)
    assert made.until_done(order) is None
    assert (len(bitrix.items(DEAL)), len(bitrix.items(CONTACT)), len(bitrix.portal.comments)) == (1, 1, 1)
    assert len(bitrix.portal.traces) <= 1  # it cannot be looked for, so it is tried once


@pytest.mark.parametrize("down", [503, 500, 401, 403])
def test_a_day_without_the_portal_loses_and_doubles_nothing(made: World, bitrix: Bitrix, down: int) -> None:
    order = made.put()
    bitrix.down = down
    for _ in range(24):
        assert made.send(order) == "later"
        made.later(hours=1)
    bitrix.down = 0
    assert made.until_done(order) is None
    assert len(bitrix.items(LEAD)) == 1


def test_what_the_portal_does_not_take_is_left_out_and_the_lead_is_made(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bitrix.settle({"managers": {}}, manager="999")
    refusing(monkeypatch, "crm.lead.add", lambda parameters: parameters["fields"].get("ASSIGNED_BY_ID") == "999")
    assert made.send(made.put()) is None
    (lead,) = bitrix.items(LEAD)
    assert (lead["originId"], [one["value"] for one in lead["fm"]]) == (REQUEST, [PHONE])
    printed = capsys.readouterr().out
    assert any(one.get("CrmFieldsRefused", 0) > 0 for one in counted(printed))
    assert "assignedById" in printed


def test_what_the_portal_never_takes_is_rejected_without_the_client(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing(monkeypatch, "crm.lead.add")
    order = made.put()
    refused = made.send(order)
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.content) == ("refused_by_crm", order.key)
    assert "ERROR_CORE" in refused.message
    assert PHONE[2:] not in refused.message + capsys.readouterr().out
    assert made.send(order) != "later"  # nothing is held


@pytest.mark.parametrize("method", ["crm.lead.add", "crm.duplicate.findbycomm", "crm.item.list"])
def test_a_webhook_without_the_right_waits_for_a_person(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    order = made.put()
    if method == "crm.item.list":
        bitrix.lose("crm.duplicate.findbycomm")
        assert made.send(order) == "later"
    with monkeypatch.context() as patch:
        refusing(patch, method, code="ACCESS_DENIED")
        assert made.send(order) == "later"
        made.later(seconds=60)
        assert made.send(order) == "later"
    made.later(seconds=120)
    assert made.until_done(order) is None
    assert len(bitrix.items(LEAD)) == 1


@pytest.mark.parametrize(("method", "what"), [("crm.timeline.comment.add", "note"), ("crm.tracking.trace.add", "trace")])
def test_a_refused_extra_does_not_cost_the_lead(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str, what: str
) -> None:
    refusing(monkeypatch, method)
    assert made.send(made.put()) is None
    assert len(bitrix.items(LEAD)) == 1
    assert {"What": what, "Provider": "bitrix24", "CrmExtraRefused": 1} in counted(capsys.readouterr().out)


def test_a_call_has_no_pages_and_so_no_trace(made: World, bitrix: Bitrix) -> None:
    nothing = dict.fromkeys(("page_url", "landing", "first_at", "first_source", "form_name", "last_source"), "")
    assert made.send(made.put(channel="call", number="+74950000031", **nothing)) is None
    (lead,) = bitrix.items(LEAD)
    assert (lead["sourceId"], lead["sourceDescription"], bitrix.portal.traces) == ("CALL", "yandex / cpc / kuhni", [])
    assert "Позвонил на номер: +74950000031" in bitrix.portal.comments[0]["COMMENT"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("skvoz_request_id", "UF_CRM_SKVOZ_REQUEST_ID"), ("UF_CRM_1790900000117", "UF_CRM_1790900000117"),
        ("ufCrm_1790900000117", "UF_CRM_1790900000117"), ("ufCrmSkvozRequestId", "UF_CRM_SKVOZ_REQUEST_ID"),
    ],
)  # fmt: skip
def test_a_field_is_called_as_the_portal_does_however_the_settings_write_it(told: str, code: str) -> None:
    assert field_code(told) == code
