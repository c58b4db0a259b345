"""The whole path of a new deal as a note: from the queue's message into amoCRM and Bitrix24, once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.crm_webhook.tasks.orders import Order, order_of
from infra.doubles.amocrm.server import AmoServer
from infra.doubles.bitrix24 import methods
from infra.doubles.bitrix24.methods import RestError
from infra.doubles.bitrix24.portal import DEAL, LEAD, Portal
from infra.doubles.bitrix24.server import Bitrix24Server
from shared.deal_notes import message
from shared.errors import TryLater
from shared.lake import Rejected
from tests.api.new_requests import NOW, REQUEST, Amo, Bitrix, World, world
from tests.api.numbers_door import counted

LINES = ("Путь: 2 касания.", "1. 02.10.2026: ВКонтакте › vk (первое касание)", "2. 12.10.2026: Яндекс Директ › yandex › kuhni")
NOTE = "\n".join(["Все касания до заявки", *LINES, f"Заявка: {REQUEST}"])


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


@pytest.fixture
def bitrix(made: World) -> Iterator[Bitrix]:
    server = Bitrix24Server(Portal(lambda: made.now))
    server.start()
    double = Bitrix(made, server)
    double.settle()
    yield double
    server.close()


def order(deal: str, provider: str = "amocrm", lines: tuple[str, ...] = LINES) -> Order:
    made = order_of(message("kvartal", provider, deal, REQUEST, lines, NOW))
    assert isinstance(made, Order)
    return made


def write(made: World, deal: str, provider: str = "amocrm", lines: tuple[str, ...] = LINES) -> None:
    """As the queue does it: again and again, later and later."""
    for attempt in range(40):
        try:
            return made.sends.note(made.site, order(deal, provider, lines))
        except TryLater:
            made.later(seconds=min(30 * 2**attempt, 3600))
    raise AssertionError("it never ended")


def a_lead(made: World, amo: Amo) -> str:
    """A lead that a request of ours became, with the note of that moment."""
    assert made.send(made.put()) is None
    return str(amo.leads[0].lead.lead_id)


# --- amoCRM -----------------------------------------------------------------------------------------------------------------------


def test_the_whole_path_stands_beside_the_note_of_the_request(made: World, amo: Amo, capsys: pytest.CaptureFixture[str]) -> None:
    lead = a_lead(made, amo)
    write(made, lead)
    first, second = amo.notes
    assert first.startswith("Путь клиента\n")
    assert second == NOTE
    assert {"Provider": "amocrm", "PathNoteWritten": 1} in counted(capsys.readouterr().out)


def test_a_repeated_message_and_one_that_knows_more_write_no_second_note(made: World, amo: Amo) -> None:
    lead = a_lead(made, amo)
    write(made, lead)
    write(made, lead)
    write(made, lead, lines=("Путь: 3 касания.", *LINES[1:]))
    assert amo.notes[1:] == [NOTE]


def test_a_lost_answer_writes_the_note_once(made: World, amo: Amo) -> None:
    lead = a_lead(made, amo)
    amo.lose(f"POST /api/v4/leads/{lead}/notes", 3)
    write(made, lead)
    assert amo.notes[1:] == [NOTE]


def test_a_crm_that_is_down_gets_the_note_when_it_is_back(made: World, amo: Amo) -> None:
    lead = a_lead(made, amo)
    amo.down = 503
    with pytest.raises(TryLater):
        made.sends.note(made.site, order(lead))
    amo.down = 0
    made.later(hours=1)
    write(made, lead)
    assert amo.notes[1:] == [NOTE]


def test_a_deleted_lead_and_one_of_another_account_take_no_note_and_end_it(
    made: World, amo: Amo, capsys: pytest.CaptureFixture[str]
) -> None:
    lead = a_lead(made, amo)
    amo.server.account.delete(int(lead))
    write(made, lead)
    write(made, "7")
    assert len(amo.notes) == 1
    assert counted(capsys.readouterr().out).count({"What": "path", "Provider": "amocrm", "CrmExtraRefused": 1}) == 2


@pytest.mark.parametrize("told", [{"note": False}, {"to": "url", "url": "https://crm.example/new"}])
def test_a_site_that_asks_for_no_notes_any_more_gets_none(made: World, amo: Amo, told: dict[str, Any]) -> None:
    lead = a_lead(made, amo)
    amo.settle(**told)
    before = len(amo.server.limit.calls)
    write(made, lead)
    assert (len(amo.notes), len(amo.server.limit.calls)) == (1, before)


def test_the_note_speaks_the_language_of_the_sites_reports(made: World, amo: Amo) -> None:
    lead = a_lead(made, amo)
    made.site["report"] = {**made.site.get("report", {}), "language": "en"}
    write(made, lead, lines=("Path: 2 touches.",))
    assert amo.notes[1] == f"All touches before the request\nPath: 2 touches.\nRequest: {REQUEST}"


def test_what_visitors_made_up_stands_without_addresses_and_markup(made: World, amo: Amo) -> None:
    lead = a_lead(made, amo)
    write(made, lead, lines=("1. 02.10.2026: https://evil.example/x [url=y]",))
    assert amo.notes[1].splitlines()[1] == "1. 02.10.2026: (url=y)"


# --- Bitrix24 ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_lead", [True, False])
def test_leads_and_deals_of_bitrix24_get_their_comment_once(made: World, bitrix: Bitrix, as_lead: bool) -> None:
    bitrix.settle(as_lead=as_lead)
    assert made.send(made.put()) is None
    kind, name = (LEAD, "lead") if as_lead else (DEAL, "deal")
    (item,) = bitrix.items(kind)
    deal = f"lead:{item['id']}" if as_lead else str(item["id"])
    bitrix.lose("crm.timeline.comment.add", 2)
    write(made, deal, "bitrix24")
    write(made, deal, "bitrix24")
    whole = [one for one in bitrix.portal.comments if one["COMMENT"] == NOTE]
    assert [(str(one["ENTITY_ID"]), one["ENTITY_TYPE"]) for one in whole] == [(str(item["id"]), name)]


def test_a_deleted_deal_of_bitrix24_takes_no_comment_and_ends_it(
    made: World, bitrix: Bitrix, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(portal: Portal, parameters: object) -> None:
        raise RestError("ACCESS_DENIED", description="Access denied.")  # as the portal calls what is not there

    monkeypatch.setitem(methods.METHODS, "crm.timeline.comment.list", denied)
    write(made, "lead:700001", "bitrix24")
    assert bitrix.portal.comments == []
    assert {"What": "path", "Provider": "bitrix24", "CrmExtraRefused": 1} in counted(capsys.readouterr().out)


# --- messages ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "deal", "lines"),
    [("hubspot", "7", LINES), ("amocrm", "T137:5", LINES), ("amocrm", "../7", LINES), ("amocrm", "7", ("x",) * 41)],
)
def test_what_is_no_note_is_rejected(provider: str, deal: str, lines: tuple[str, ...]) -> None:
    assert isinstance(order_of(message("kvartal", provider, deal, REQUEST, lines, NOW)), Rejected)
