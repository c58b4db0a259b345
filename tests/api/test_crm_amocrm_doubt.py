"""amoCRM's API at odds with itself: lists that are behind, late events, closed sections, odd answers, keys changed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.crm_webhook.amocrm.v4.leads import MOST_LEADS_OF_CLIENT
from functions.crm_webhook.amocrm.v4.line import line_of
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed
from functions.crm_webhook.outcome import Pointer
from infra.doubles.amocrm import Hooks
from shared.aws import client
from shared.identity import phone_hash
from tests.api.crm_amocrm_api import KEY, LOST, SECRET, START, WON, WORKING, World, clients, stories, world

SILENT: dict[str, Any] = {"is_worked": False}
Got = Callable[[str, Any], tuple[int, Any]]


def lead(number: int) -> Pointer:
    return Pointer("lead", str(number))


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.000")


@contextmanager
def answering(told: World, other: Callable[[Got, str, Any], tuple[int, Any]]) -> Iterator[None]:
    """The double answers GET as `other(own, path, query)` says."""
    own = told.amo._got
    told.amo._got = lambda path, query: other(own, path, query)  # type: ignore[method-assign]
    try:
        yield
    finally:
        told.amo._got = own  # type: ignore[method-assign]


def not_shown(*paths: str) -> Callable[[Got, str, Any], tuple[int, Any]]:
    return lambda own, path, query: (204, None) if any(path.startswith(one) for one in paths) else own(path, query)


# Gone, or not shown yet


def test_a_new_lead_that_the_list_does_not_show_yet_is_read_by_its_own_address() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(price=100)

        def behind(own: Got, path: str, query: Any) -> tuple[int, Any]:
            return (204, None) if path == "/api/v4/leads" else own(path, query)

        with answering(told, behind):
            told.read([lead(number)])
        way = stories(told.records)[str(number)]
    assert way == [(at(0), "6904417", "58113402", 100.0, False, None)]


def test_a_new_lead_that_is_not_shown_at_all_is_waited_for() -> None:
    with world(**SILENT) as told:
        told.account.add_lead()
        told.after(hours=1)
        number = told.account.add_lead(price=100)
        with answering(told, not_shown("/api/v4/")), pytest.raises(CrmBusy, match="does not show 1 lead"):
            told.read([lead(number)])
        assert told.records == []
        told.after(seconds=30)
        told.read([lead(number)])
        assert [one[4] for one in stories(told.records)[str(number)]] == [False]


def test_a_customer_that_is_not_shown_yet_is_waited_for_and_one_deleted_by_its_event_is_not() -> None:
    with world(**SILENT) as told:
        number = told.account.add_customer("Вера")
        with answering(told, not_shown("/api/v4/")), pytest.raises(CrmBusy, match="customer"):
            told.read([Pointer("customer", str(number))])
        told.account.delete_customer(number)
        told.read([Pointer("customer", str(number))])
        assert [one["is_deleted"] for one in told.records] == [True]


def test_a_lead_told_deleted_though_it_lived_comes_alive_in_whatever_order_it_is_read() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(price=100)
        told.after(hours=1)
        with answering(told, not_shown("/api/v4/leads")):  # its events say that it is old
            told.read([lead(number)])
        assert stories(told.records)[str(number)][-1][4] is True
        told.after(hours=1)
        told.read([lead(number)])
        once = told.records
        assert stories(once)[str(number)][-1][4] is False
        told.after(hours=1)
        told.tools = told.new_tools()
        told.read([lead(number)])
        assert {one["record_id"] for one in told.records} == {one["record_id"] for one in once}
        assert stories(list(reversed(told.records))) == stories(once)
        # A late event of a deletion that was before: it is gone after all.
        told.account.delete(number)
        told.account.events[-1]["created_at"] = int((START + timedelta(minutes=50)).timestamp())
        told.after(minutes=1)
        told.reconcile()
        told.read([lead(number)])
        assert stories(told.records)[str(number)][-1][4] is True


def test_a_walk_tells_no_deletion_that_no_event_tells_and_waits_for_nobody() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead()
        told.account.events.append({**told.account.events[-1], "id": "02", "type": "entity_merged", "value_after": [999_999_999]})
        told.after(minutes=1)
        assert told.reconcile().is_done
        assert {one["deal_id"] for one in told.records} == {str(number)}


# Clients


def second_contact(*, is_dropped: bool) -> tuple[Any, Any]:
    with world(Hooks(drop=lambda entity, what: is_dropped and what.startswith("contacts"))) as told:
        number = told.account.add_lead(phone="+79000000017")
        told.after(seconds=10)
        second = told.account.add_contact("Бухгалтер", ["+79000000099"], "", [number])
        told.after(minutes=1)
        told.account.change(number, fields={"x": "1"})
        told.after(minutes=1)
        told.account.change_contact(second, phones=["+79000000088"])
        told.after(minutes=30)
        assert told.reconcile().is_done
        return clients(told.records)[str(number)], stories(told.records)


def test_a_second_contacts_hook_does_not_take_the_deal_over() -> None:
    heard, checked = second_contact(is_dropped=False), second_contact(is_dropped=True)
    assert heard == checked
    assert heard[0]["phone_hash"] == phone_hash("+79000000017", KEY)


def test_a_client_of_thousands_of_leads_costs_a_few_calls() -> None:
    with world(**SILENT) as told:
        numbers = [told.account.add_lead() for _ in range(2000)]
        company = told.account.add_contact("Розница", ["+79000000017"], "", numbers, is_company=True)
        before = len(told.amo.limit.calls)
        outcome = told.read([Pointer("company", str(company))])
        assert len(told.amo.limit.calls) - before <= 4
        assert {one["deal_id"] for one in told.records} == set(map(str, numbers[-MOST_LEADS_OF_CLIENT:]))
        assert outcome.passed_over["further_lead"] == 2000 - MOST_LEADS_OF_CLIENT


# Late events, merges, tags


def test_a_stage_whose_event_comes_late_is_not_told_at_the_creation() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(price=100)
        told.after(minutes=1)
        told.account.move(number, WON, price=900)
        events = told.account.events_of[number]
        late, events[1:] = events[1:], []
        told.read([lead(number)])
        early = stories(told.records)[str(number)]
        events += late
        told.after(hours=1)
        told.read([lead(number)])
        way = stories(told.records)[str(number)]
    assert early == [(at(0), None, None, None, None, None), (at(1), "6904417", "won", 900.0, False, None)]
    assert way == [(at(0), "6904417", "58113402", 100.0, False, None), (at(1), "6904417", "won", 900.0, False, None)]


@pytest.mark.parametrize("seconds", [-1, 1, 5])
def test_a_merge_whose_events_are_seconds_apart_keeps_its_survivor(seconds: int) -> None:
    with world(**SILENT) as told:
        absorbed, staying = told.account.add_lead(), told.account.add_lead()
        told.after(hours=1)
        told.account.merge(staying, absorbed)
        for event in told.account.events:
            event["created_at"] += seconds if event["type"] == "lead_deleted" else 0
        told.after(minutes=30)
        told.reconcile()
        assert stories(told.records)[str(absorbed)][-1][5] == str(staying)
        told.account.delete(staying)
        told.after(minutes=30)
        told.reconcile()
        ways = stories(told.records)
    assert ways[str(absorbed)][-1][5] == str(staying)
    assert ways[str(staying)][-1][4:] == (True, None)


@pytest.mark.parametrize("is_early", [True, False])
def test_tags_that_were_taken_off_are_told_as_none(is_early: bool) -> None:
    with world(is_worked=is_early) as told:
        number = told.account.add_lead(price=100, tags=["vip"])
        told.after(minutes=1)
        told.account.move(number, LOST, loss_reason_id="11938870")
        told.after(minutes=10)
        told.account.leads[number].lead.tags = []
        told.account.move(number, WORKING)
        told.after(minutes=30)
        told.reconcile()
        assert clients(told.records)[str(number)]["tags"] == "[]"


# Odd answers


def closed(section: str, status: int) -> Callable[[Got, str, Any], tuple[int, Any]]:
    return lambda own, path, query: (status, {"status": status}) if path == f"/api/v4/{section}" else own(path, query)


@pytest.mark.parametrize("status", [402, 403])
@pytest.mark.parametrize("section", ["customers", "companies"])
def test_one_closed_section_keeps_no_lead_from_being_checked_and_nobody_waits(section: str, status: int) -> None:
    with world(**SILENT) as told, answering(told, closed(section, status)):
        number = told.account.add_lead(phone="+79000000017")
        told.after(minutes=1)
        begun = told.beat.seconds
        assert told.reconcile().is_done
        told.read([lead(number), Pointer("customer", "1")] if section == "customers" else [lead(number)])
        assert told.beat.seconds - begun < 60
        assert {one["deal_id"] for one in told.records} == {str(number)}


def test_without_the_right_to_leads_nothing_is_checked_and_it_is_said() -> None:
    with world(**SILENT) as told, answering(told, closed("leads", 403)):
        progress = told.reconcile()
        assert not progress.is_done
        assert progress.walk is not None
        assert "one section" in progress.walk.failed


@pytest.mark.parametrize(
    "odd", [{"_links": None}, {"_links": []}, {"_embedded": []}, {"_embedded": None}, {"_embedded": {"events": 5}}]
)
def test_an_answer_of_wrong_types_ends_no_check(odd: dict[str, Any]) -> None:
    def answer(own: Got, path: str, query: Any) -> tuple[int, Any]:
        status, body = own(path, query)
        return status, body | odd if body and path in ("/api/v4/contacts", "/api/v4/events") else body

    with world(**SILENT) as told, answering(told, answer):
        number = told.account.add_lead(phone="+79000000017")
        told.after(minutes=1)
        assert told.reconcile().is_done
        assert {one["deal_id"] for one in told.records} == {str(number)}


def test_a_lead_without_an_id_or_with_odd_times_takes_no_other_along() -> None:
    def answer(own: Got, path: str, query: Any) -> tuple[int, Any]:
        status, body = own(path, query)
        if body and path == "/api/v4/leads":
            body["_embedded"]["leads"] += [{"id": None}, {"id": 77, "updated_at": "soon"}, {"id": 78, "updated_at": [1]}]
        return status, body

    with world(**SILENT) as told, answering(told, answer):
        number = told.account.add_lead()
        told.after(minutes=1)
        assert told.reconcile().is_done
        assert str(number) in {one["deal_id"] for one in told.records}
        assert {one["reason"] for one in told.rejects} == {"bad_field"}


def test_one_odd_purchase_is_refused_alone() -> None:
    with world(**SILENT) as told:
        customer = told.account.add_customer("Вера")
        told.account.buy(customer, 500)
        ahead, unreadable = told.account.buy(customer, 700), told.account.buy(customer, 1)
        told.account.purchases[ahead]["completed_at"] += 3 * 86_400
        told.account.purchases[unreadable]["price"] = "много"
        told.after(minutes=1)
        assert told.reconcile().is_done
        assert [one["amount"] for one in told.payments] == [500.0]
        assert sorted(one["reason"] for one in told.rejects) == ["bad_field", "future"]
        assert {one["deal_id"] for one in told.records} == {f"customer:{customer}"}


def test_of_a_purchase_the_latest_change_counts_and_read_twice_it_is_told_once() -> None:
    with world(**SILENT) as told:
        customer = told.account.add_customer("Вера")
        number = told.account.buy(customer, 500)
        purchase, pointer = told.account.purchases[number], Pointer("customer", str(customer))
        for price in (500, 700, 500):
            told.after(minutes=1)
            if purchase["price"] != price:
                purchase |= {"price": price, "updated_at": int(told.now.timestamp())}
            told.read([pointer], told.arrival(f"read {price} {told.now}"))
            told.read([pointer], told.arrival(f"again {price} {told.now}"))
        purchase["is_deleted"] = True
        told.read([pointer])
        once = {one["record_id"]: one for one in told.payments}
    ordered = [once[one] for one in sorted(once, key=lambda one: one[:13])]
    assert [one["amount"] for one in ordered] == [500.0, 700.0, 500.0, 0.0]
    assert {one["occurred_at"] for one in ordered} == {at(0)}


# Keys


class Manager:
    """Secrets Manager whose puts a test may refuse."""

    def __init__(self, is_refused: Callable[[str], bool] = lambda text: False) -> None:
        self._real, self._is_refused = client("secretsmanager"), is_refused
        self.exceptions = self._real.exceptions

    def get_secret_value(self, **asked: Any) -> Any:
        return self._real.get_secret_value(**asked)

    def put_secret_value(self, **asked: Any) -> Any:
        if self._is_refused(asked["SecretString"]):
            raise ConnectionError("refused")
        return self._real.put_secret_value(**asked)


def versions() -> int:
    return len(client("secretsmanager").list_secret_version_ids(SecretId=SECRET, IncludeDeprecated=True)["Versions"])


def test_a_refused_refresh_token_makes_no_version_of_the_secret_a_try() -> None:
    with world(**SILENT) as told:
        told.amo.keys.access.clear()
        told.amo.keys.refresh = "revoked"
        before = versions()
        for _ in range(20):
            told.after(minutes=15)
            with pytest.raises(CrmClosed):
                told.read([lead(1)])
        assert versions() - before <= 1


def test_a_pair_that_was_not_stored_gives_way_to_a_new_connection() -> None:
    with world(**SILENT) as told:
        refused: list[str] = []
        old = json.loads(client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])["access_token"]

        def is_refused(text: str) -> bool:
            if json.loads(text)["access_token"] != old and len(refused) < 3:
                refused.append(text)
                return True
            return False

        manager = Manager(is_refused)
        told.tools = replace(told.tools, secrets_manager=lambda: manager)
        told.after(days=2)
        line = line_of(told.site, told.tools)
        with pytest.raises(CrmBusy, match="could not be stored"):
            line.get("/api/v4/users")
        connected = told.amo.keys.secret()
        client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(connected))
        assert line.get("/api/v4/users")
        kept = json.loads(client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
        assert kept == connected
        assert line.get("/api/v4/users")


@pytest.mark.parametrize("token", ["long-1\n", "long 1", "лонг"])
def test_a_stored_key_that_cannot_be_sent_is_refused_without_being_told(token: str) -> None:
    with world(**SILENT) as told:
        client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps({"access_token": token}))
        with pytest.raises(CrmClosed) as failure:
            told.read([lead(1)])
        assert token.strip() not in str(failure.value)
        assert told.amo.limit.calls == []
