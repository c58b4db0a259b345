"""Forms that anybody may post: floods become no leads, made-up touches, addresses and names do not reach people, and a store that
fails once costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.collect.people.bounds import MOST_OF_ADDRESS, MOST_OF_SITE, SAME_CONTACT
from functions.crm_webhook.requests.plain import shown
from infra.doubles.amocrm.server import AmoServer
from shared.records import HIT
from tests.api.new_requests import Amo, World, world
from tests.api.test_crm_requests_doors import FIRST, FORM, NOW, Doors, refusals
from tests.api.test_crm_requests_hostile import drained, form


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
        double.settle(channels=["form"])
        yield double


# --- floods -----------------------------------------------------------------------------------------------------------------------


def test_an_address_hands_over_so_many_forms_an_hour(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(MOST_OF_ADDRESS + 3):
        doors.hits(form(number, f"+7900111{number:04}", request_id=f"f-{number}"))
    assert len(doors.queued) == MOST_OF_ADDRESS
    assert refusals(capsys.readouterr().out) == [("too_many", 1)] * 3
    assert len(doors.stored("request")) == MOST_OF_ADDRESS + 3


def test_a_site_hands_over_so_many_forms_an_hour_whatever_their_addresses(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert MOST_OF_SITE > MOST_OF_ADDRESS
    monkeypatch.setattr("functions.collect.people.bounds.MOST_OF_SITE", 3)
    monkeypatch.setattr("functions.collect.people.bounds.MOST_OF_ADDRESS", 2)
    for number in range(4):
        doors.hits(form(number, f"+7900111{number:04}", request_id=f"f-{number}"))
    assert len(doors.queued) == 2
    assert refusals(capsys.readouterr().out) == [("too_many", 1)] * 2
    monkeypatch.setattr("functions.collect.people.bounds.MOST_OF_ADDRESS", 20)
    for number in range(4, 6):
        doors.hits(form(number, f"+7900111{number:04}", request_id=f"f-{number}"))
    assert len(doors.queued) == 3


def test_one_contact_is_one_lead_for_a_while(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    doors.hits(form(1, request_id="a"))
    doors.hits(form(2, request_id="b"))
    assert len(doors.queued) == 1
    assert refusals(capsys.readouterr().out) == [("known_contact", 1)]
    key = {"pk": {"S": "asked#kvartal"}, "sk": {"S": f"contact#{doors.objects[0]['phone_hash']}"}}
    before = int((NOW - SAME_CONTACT - timedelta(seconds=1)).timestamp() * 1000)
    doors.world.dynamodb.update_item(
        TableName="numbers", Key=key, UpdateExpression="SET #at = :at", ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":at": {"N": str(before)}},
    )  # fmt: skip
    doors.hits(form(3, request_id="c"))
    assert len(doors.queued) == 2


def test_a_form_that_no_store_took_does_not_shut_the_next_one_out(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    doors.clients.sqs.fail("send_message", times=2)
    doors.hits(form(1, request_id="a"))
    assert refusals(capsys.readouterr().out) == [("store", 1)]
    doors.hits(form(2, request_id="b"))
    assert [one["webhook_id"] for one in doors.queued] == ["b"]


@pytest.mark.parametrize(("service", "operation"), [("s3", "put_object"), ("sqs", "send_message")])
def test_one_failure_of_a_store_costs_no_request(doors: Doors, service: str, operation: str) -> None:
    doors.clients(service).fail(operation, times=1)
    doors.hits(FORM)
    assert len(doors.queued) == 1


@pytest.mark.parametrize("table", ["contacts", "numbers"])
def test_one_failure_of_a_table_costs_no_request(doors: Doors, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    update, failures = doors.clients.dynamodb.update_item, list[dict[str, Any]]()

    def failing_once(**call: Any) -> Any:
        if call["TableName"] == table and not failures:
            failures.append(call)
            raise OSError("busy")
        return update(**call)

    monkeypatch.setattr(doors.clients.dynamodb, "update_item", failing_once)
    doors.hits(FORM)
    assert (len(doors.queued), len(failures)) == (1, 1)
    assert {"phone_hash", "email_hash"} <= doors.objects[0].keys()


# --- made-up touches, addresses, names --------------------------------------------------------------------------------------------

PAY = "https://evil.example/pay-here"


@pytest.mark.parametrize("at", [253402300799000, -62135596800000, 0, int((NOW + timedelta(minutes=6)).timestamp() * 1000)])
def test_a_touch_of_no_possible_time_is_none(doors: Doors, at: int) -> None:
    doors.hits({**FORM, "first": {**FIRST, "t": at}})
    assert {"first_at", "first_source", "landing"}.isdisjoint(doors.objects[0])


def test_pages_of_other_hosts_are_shown_to_nobody(doors: Doors) -> None:
    doors.hits({**FORM, "url": "https://evil.example/x", "first": {**FIRST, "url": f"{PAY}?utm_source=vk"}})
    (told,) = doors.objects
    assert {"landing", "page_url"}.isdisjoint(told)
    assert told["first_source"] == "vk"
    assert doors.stored("request")[0]["page_url"] == "https://evil.example/x"  # the lake keeps what was seen


def test_marks_are_as_long_as_the_contract_has_them(doors: Doors) -> None:
    began = int((NOW - timedelta(minutes=20)).timestamp() * 1000)
    url = f"https://kvartal.example/{'a' * 5000}?utm_source={'x' * 20000}"
    doors.hits({**FORM, "t": None, "ref": "https://kvartal.example/akcii", "first": {"t": began, "url": url, "ref": ""}})
    (told,) = doors.objects
    limits = {column.name: column.limit for column in HIT.columns}
    assert len(told["utm_source"]) == limits["utm_source"]
    assert len(told["landing"]) == limits["page_url"]
    assert max(len(told["first_source"]), len(told["last_source"])) <= 300


def test_a_lead_shows_no_made_up_links_or_markup(doors: Doors, made: World, amo: Amo) -> None:
    name = f"[url={PAY}]счёт[/url] http://evil.example/pay www.evil.example evil.example/pay"
    doors.hits(
        {**FORM, "form": name, "url": "https://kvartal.example/kuhni?a=[url=x]&utm_source=[b]vk<i>", "request_id": f"[{PAY}]"}
    )
    amo.settle(channels=["form"])
    del amo.server.fields[next(n for n, one in amo.server.fields.items() if one["name"] == "skvoz_request_id")]
    assert drained(doors, made) == [None]
    shown_to_people = amo.leads[0].lead.name + amo.notes[0]
    assert "evil.example" not in shown_to_people
    assert not set("[]<>") & set(shown_to_people)
    assert "счёт" in shown_to_people


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Расчёт кухни", "Расчёт кухни"), ("Форма [низ]", "Форма (низ)"), ("vk.com", "vk.com"), ("vk / cpc / b", "vk / cpc / b"),
        ("a https://x.y/z?b=1 c", "a c"), ("ftp://x", ""), ("см. evil.example/pay", "см."), ("a\nb\u2028c\u202ed", "a b c d"),
        ("1/2 кухни", "1/2 кухни"),
    ],
)  # fmt: skip
def test_what_people_read_is_one_plain_line(text: str, plain: str) -> None:
    assert shown(text) == plain


def test_pages_of_the_sites_other_origins_are_its_own(doors: Doors) -> None:
    doors.settle("form", origins=["https://kvartal.example", "https://app.other.example:8443"])
    doors.hits({**FORM, "url": "https://app.other.example:8443/kuhni"})
    assert doors.objects[0]["page_url"] == "https://app.other.example:8443/kuhni"


def test_the_sites_own_people_fill_in_as_many_forms_as_they_like(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.collect.people.bounds.MOST_OF_ADDRESS", 1)
    doors.settle("form", sources={"own_addresses": ["0.0.0.0/0"]})
    for number in range(3):
        doors.hits(form(number, f"+7900111{number:04}", request_id=f"f-{number}"))
    assert len(doors.queued) == 3
