"""amoCRM's API through its double: what reading tells, limits, keys, pages, walks that break off."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from functions.crm_webhook.amocrm import api as amocrm_api
from functions.crm_webhook.amocrm.v4.line import line_of
from functions.crm_webhook.api.crm import Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed
from functions.crm_webhook.outcome import Person, Pointer
from infra.doubles.amocrm import Hooks
from infra.shop.amocrm import COST_FIELD
from shared.aws import client
from shared.identity import email_hash, phone_hash
from tests.api.crm_amocrm_api import KEY, LOST, QUALIFIED, SECRET, START, WON, WORKING, World, stories, world

PIPELINE = "6904417"
SILENT: dict[str, Any] = {"is_worked": False}


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.000")


def lead(number: int) -> Pointer:
    return Pointer("lead", str(number))


def walk(told: World, span: Span, cursor: str = "") -> list[Any]:
    """All pages of a span."""
    reader, pages = amocrm_api.reader(told.site, told.tools), []
    while True:
        pages.append(reader.page(span, cursor, told.arrival("walk")))
        cursor = pages[-1].cursor
        if not cursor:
            return pages


def whole(told: World) -> Span:
    return Span(START - timedelta(days=1), told.now)


# What reading tells


def test_a_lead_tells_its_whole_history_at_the_historys_own_times() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(phone="8 900 000-00-17", email="Lugova@post.example", fields={"skvoz_request_id": "r-1"})
        for minutes, stage, price in ((10, WORKING, None), (30, QUALIFIED, 5000), (60, WON, None)):
            told.now = START + timedelta(minutes=minutes)
            told.account.move(number, stage, price=price)
        told.now = START + timedelta(minutes=90)
        told.account.change(number, price=4500, fields={COST_FIELD: "3 000"})
        outcome = told.read([lead(number)])
        records = told.records
    assert stories(records)[str(number)] == [
        (at(0), PIPELINE, "58113402", 0.0, False, None),
        (at(10), PIPELINE, WORKING, 0.0, False, None),
        (at(30), PIPELINE, QUALIFIED, 5000.0, False, None),
        (at(60), PIPELINE, "won", 5000.0, False, None),
        (at(90), PIPELINE, "won", 4500.0, False, None),
    ]
    (now,) = [one for one in records if one["via"] == "api"]
    assert (now["phone_hash"], now["email_hash"]) == (phone_hash("+79000000017", KEY), email_hash("lugova@post.example", KEY))
    assert (now["request_id"], now["contact_id"], now["is_handmade"]) == ("r-1", "52640917", False)
    assert {one["via"] for one in records} == {"api", "history"}
    assert outcome.people == [Person("Заявка", ("8 900 000-00-17",), ("Lugova@post.example",))]
    assert b"9000000017" not in b"".join(line for _, line in outcome.records)


def test_a_lead_read_twice_gives_the_same_records_and_read_later_loses_none() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(phone="8 900 000-00-17", price=100)
        first = told.read([lead(number)]).records
        told.after(hours=1)
        again = told.read([lead(number)]).records
        told.account.move(number, WORKING, price=200)
        told.after(days=2)
        later = told.read([lead(number)]).records
    ids = [[json.loads(line)["record_id"] for _, line in records] for records in (first, again, later)]
    assert ids[0] == ids[1]
    # The history only grows; how the lead stood, by its own time of change, is told anew after each change.
    history = [
        {one["record_id"] for one in map(json.loads, (line for _, line in records)) if one["via"] == "history"}
        for records in (first, later)
    ]
    assert history[0] < history[1]


def test_a_lead_read_in_the_second_in_which_it_moves_on_does_not_fall_back() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead()
        told.read([lead(number)])
        told.account.move(number, WON, price=700)  # within the same second
        told.after(days=1)
        told.account.change(number, fields={COST_FIELD: "1"})
        told.read([lead(number)])
        way = stories(told.records)[str(number)]
    assert way == [(at(0), PIPELINE, "won", 700.0, False, None)]


def test_a_lead_whose_events_amocrm_has_forgotten_stands_as_it_stands_now() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead()
        for day, stage in enumerate((WORKING, WON), 1):
            told.now = START + timedelta(days=day)
            told.account.move(number, stage, price=day * 100)
        events = told.account.events_of[number]
        events[:] = [event for event in events if event["created_at"] < int((START + timedelta(days=2)).timestamp())]
        told.read([lead(number)])
        way = stories(told.records)[str(number)]
    assert [(one[0], one[2], one[3]) for one in way] == [
        (at(0), "58113402", 0.0),
        (at(24 * 60), WORKING, 100.0),
        (at(48 * 60), "won", 200.0),
    ]


def test_the_first_usable_phone_of_the_main_contact_is_the_key_and_a_company_helps_out() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(person="Глеб")
        told.account.change_contact(told.account.leads[number].contacts[0], phones=["нет"])
        second = told.account.add_contact("Зоя", ["8 900 000-00-42", "8 900 000-00-58"], leads=[number])
        bare = told.account.add_lead()
        told.account.add_contact("ООО", ["+7 495 000-00-10"], "office@firm.example", [bare], is_company=True)
        outcome = told.read([lead(number), lead(bare)])
        states = {one["deal_id"]: one for one in told.records if one["via"] == "api"}
    assert second
    assert states[str(number)]["phone_hash"] == phone_hash("+79000000042", KEY)
    assert states[str(number)]["contact_id"] == "52640917"
    assert outcome.passed_over == Counter({"further_contact": 1})
    assert states[str(bare)]["phone_hash"] == phone_hash("+74950000010", KEY)
    assert states[str(bare)]["email_hash"] == email_hash("office@firm.example", KEY)
    assert "contact_id" not in states[str(bare)]


def test_a_contact_and_a_company_are_read_by_their_leads() -> None:
    with world(**SILENT) as told:
        one = told.account.add_lead(phone="8 900 000-00-17")
        two = told.account.add_lead()
        company = told.account.add_contact("ООО", ["8 900 000-00-42"], leads=[two], is_company=True)
        alone = told.account.add_contact("Один", ["8 900 000-00-99"])
        contact = told.account.leads[one].contacts[0]
        outcome = told.read([Pointer("contact", str(contact)), Pointer("company", str(company)), Pointer("contact", str(alone))])
    assert {record["deal_id"] for record in told.records} == {str(one), str(two)}
    assert outcome.passed_over == Counter({"contact_without_leads": 1})


def test_a_lead_that_is_gone_is_deleted_when_the_history_says_or_at_the_arrival() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead()
        told.after(minutes=5)
        told.account.move(number, WORKING)
        told.after(minutes=5)
        told.account.delete(number)
        told.after(hours=3)
        told.read([lead(number), lead(999)])
        ways = stories(told.records)
    assert ways[str(number)][-1] == (at(10), PIPELINE, WORKING, None, True, None)
    assert ways[str(number)][0][:3] == (at(0), PIPELINE, "58113402")
    assert ways["999"] == [((told.now).strftime("%Y-%m-%d %H:%M:%S.000"), None, None, None, True, None)]


def test_a_deleted_and_restored_lead_is_alive() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(price=10)
        for minutes, change in (
            (5, told.account.delete),
            (10, told.account.restore),
            (15, told.account.delete),
            (20, told.account.restore),
        ):
            told.now = START + timedelta(minutes=minutes)
            change(number)
        told.after(minutes=1)
        told.reconcile()
        deleted = [(one[0], one[4]) for one in stories(told.records)[str(number)]]
    assert deleted == [(at(0), False), (at(5), True), (at(10), False), (at(15), True), (at(20), False)]


def test_of_merged_leads_the_one_that_stays_took_over_the_other() -> None:
    with world(**SILENT) as told:
        staying = told.account.add_lead(phone="8 900 000-00-17")
        absorbed = told.account.add_lead(phone="8 900 000-00-42", fields={"skvoz_request_id": "r-2"})
        told.after(minutes=5)
        told.account.merge(staying, absorbed)
        told.after(minutes=5)
        told.reconcile()
        ways = stories(told.records)
    assert ways[str(absorbed)][-1][0] == at(5)
    assert ways[str(absorbed)][-1][4:] == (True, str(staying))
    assert ways[str(staying)][-1][4:] == (False, None)


def test_a_reason_of_loss_comes_with_its_name_and_a_source_by_the_settings() -> None:
    with world(**SILENT, sources={"77": "Авито"}, managers={"8830151": "Анна"}) as told:
        number = told.account.add_lead(source_id=77, creator_id=8830151, tags=["б", "а"])
        told.account.move(number, LOST, loss_reason_id="11938871")
        told.read([lead(number)])
        (now,) = [one for one in told.records if one["via"] == "api"]
    assert (now["loss_reason"], now["crm_source"], now["manager"]) == ("Не дозвонились", "Авито", "Анна")
    assert (now["tags"], now["is_handmade"]) == ('["а","б"]', False)


def test_customers_are_deals_and_their_purchases_payments() -> None:
    with world(**SILENT) as told:
        contact = told.account.add_contact("Вера", ["8 900 000-00-17"])
        number = told.account.add_customer("Вера", contacts=[contact])
        told.after(minutes=10)
        first = told.account.buy(number, 5000)
        told.after(minutes=10)
        told.account.buy(number, 700)
        told.reconcile()
        told.account.purchases[first]["is_deleted"] = True
        told.read([Pointer("customer", str(number)), Pointer("customer", "9")])
    deal = f"customer:{number}"
    state = next(one for one in told.records if one["deal_id"] == deal)
    assert (state["pipeline"], state["stage"], state["phone_hash"]) == ("customers", "4000001", phone_hash("+79000000017", KEY))
    assert "amount" not in state
    latest = {one["payment_id"]: (one["deal_id"], one["occurred_at"], one["amount"]) for one in told.payments}
    assert latest == {f"transaction:{first}": (deal, at(10), 0.0), f"transaction:{first + 1}": (deal, at(20), 700.0)}
    assert next(one for one in told.records if one["deal_id"] == "customer:9")["is_deleted"] is True


def test_customers_are_left_alone_where_the_settings_do_not_name_them() -> None:
    with world(**SILENT, customers=False) as told:
        told.account.add_customer("Вера")
        told.reconcile()
        assert told.records == []
        assert not any("customers" in call.path for call in told.amo.limit.calls)


# Pages


def test_600_leads_come_once_each_however_many_share_a_second() -> None:
    with world(**SILENT) as told:
        for number in range(600):
            if number % 100 == 0:
                told.after(seconds=1)
            told.account.add_lead(price=number)
        told.after(minutes=1)
        pages = walk(told, whole(told))
        api = [json.loads(line) for page in pages for _, line in page.outcome.records]
    assert len({one["deal_id"] for one in api}) == 600
    assert told.amo.limit.times(429) == 0


def test_a_mass_edit_within_one_second_is_read_whole_though_a_lead_leaves_it_meanwhile() -> None:
    with world(**SILENT) as told:
        numbers = [told.account.add_lead() for _ in range(600)]
        told.after(minutes=1)
        span = Span(START - timedelta(days=1), told.now)
        is_moved: list[bool] = []

        def meddle(path: str) -> None:
            if "page=2" in path and "/leads?" in path and not is_moved:
                is_moved.append(True)
                told.after(hours=1)
                for number in numbers[:40]:  # of the first page
                    told.account.change(number, price=1)

        told.amo.before = meddle
        pages = walk(told, span)
        found = {json.loads(line)["deal_id"] for page in pages for _, line in page.outcome.records}
    assert is_moved
    assert found == {str(number) for number in numbers}


def test_a_backfill_reads_leads_by_their_creation() -> None:
    with world(**SILENT) as told:
        old = told.account.add_lead()
        told.after(days=10)
        new = told.account.add_lead()
        told.account.move(old, WON)
        told.after(days=1)
        day = START.date()
        progress = told.reconciler().backfill(told.site, "amocrm", day, day, lambda: True)
        assert (progress.deals, progress.is_done) == (1, True)
        assert {one["deal_id"] for one in told.records} == {str(old)} != {str(new)}


def test_10000_deals_are_backfilled_without_breaching_the_limit() -> None:
    with world(**SILENT) as told:
        for number in range(10_000):
            if number % 7 == 0:
                told.after(seconds=3)
            told.account.add_lead(price=number)
        told.after(days=1)
        begun = told.beat.seconds
        progress = told.reconciler().backfill(told.site, "amocrm", START.date(), told.now.date(), lambda: True)
        calls = told.amo.limit.calls
    assert progress.is_done
    assert {call.status for call in calls} <= {200, 204}
    assert len({one["deal_id"] for one in told.records}) == 10_000
    assert len(calls) / (told.beat.seconds - begun) <= 7


def test_a_walk_that_breaks_off_between_pages_goes_on_where_it_was() -> None:
    with world(**SILENT) as told:
        for _ in range(600):
            told.after(seconds=1)
            told.account.add_lead()
        told.after(minutes=1)
        turns = iter([True, False])
        first = told.reconcile(has_time=lambda: next(turns))
        assert (first.is_done, first.deals) == (False, 250)
        before = len(told.amo.limit.calls)
        second = told.reconcile(told.new_tools(), "another")
        lists = [call.path for call in told.amo.limit.calls[before:] if "/leads?" in call.path]
        assert second.is_done
        assert len(lists) == 2
        assert len({one["deal_id"] for one in told.records}) == 600


def test_a_connection_that_breaks_loses_nothing() -> None:
    with world(**SILENT) as told:
        for _ in range(300):
            told.after(seconds=1)
            told.account.add_lead()
        told.after(minutes=1)
        broken: list[str] = []

        def break_once(path: str) -> None:
            if "/events" in path and len(broken) < 2:
                broken.append(path)
                raise ConnectionError

        told.amo.before = break_once
        assert not told.reconcile().is_done
        assert not told.reconcile().is_done
        assert told.reconcile().is_done
        assert len({one["deal_id"] for one in told.records}) == 300


def test_the_next_check_reads_what_changed_since_the_last_good_one() -> None:
    with world(**SILENT) as told:
        numbers = [told.account.add_lead() for _ in range(3)]
        told.after(minutes=20)
        assert told.reconcile().deals == 3
        told.after(minutes=20)
        told.account.move(numbers[1], WORKING)
        told.after(minutes=1)
        assert told.reconcile().deals == 1


def test_a_contact_that_changes_alone_is_found() -> None:
    with world(**SILENT) as told:
        number = told.account.add_lead(phone="8 900 000-00-17")
        told.after(minutes=20)
        told.reconcile()
        told.after(minutes=20)
        told.account.change_contact(told.account.leads[number].contacts[0], phones=["8 900 000-00-42"])
        told.after(minutes=1)
        told.reconcile()
        latest = max((one for one in told.records if "phone_hash" in one), key=lambda one: one["occurred_at"])
    assert (latest["occurred_at"], latest["phone_hash"]) == (at(40), phone_hash("+79000000042", KEY))


def test_a_contact_tells_by_the_api_what_its_hook_tells() -> None:
    heard = Hooks()
    with world(heard) as told:
        number = told.account.add_lead(phone="8 900 000-00-17")
        told.after(minutes=20)
        told.account.change_contact(told.account.leads[number].contacts[0], phones=["8 900 000-00-42"])
        before = {one["record_id"] for one in told.records if one["occurred_at"] == at(20)}
        told.after(minutes=1)
        told.reconcile()
        assert {one["record_id"] for one in told.records if one["occurred_at"] == at(20)} == before != set()


# Limits


def test_a_caller_that_is_told_to_wait_waits_and_a_blocked_one_long() -> None:
    with world(**SILENT) as told:
        told.account.add_lead()
        line = line_of(told.site, told.tools)
        told.amo.limit.per_second = 0
        with pytest.raises(CrmBusy):
            line.get("/api/v4/leads")
        told.amo.limit.per_second, begun = 7, told.beat.seconds
        assert line.get("/api/v4/leads")
        assert told.beat.seconds - begun >= 5
        told.amo.limit.is_blocked = True
        with pytest.raises(CrmClosed):
            line.get("/api/v4/leads")
        calls = len(told.amo.limit.calls)
        with pytest.raises(CrmBusy):
            line.get("/api/v4/leads")
        assert len(told.amo.limit.calls) == calls  # nobody calls while it is blocked
        told.beat.seconds += 901
        told.amo.limit.is_blocked = False
        assert line.get("/api/v4/leads")


def test_two_processes_share_the_limit() -> None:
    with world(**SILENT) as told:
        lines = [line_of(told.site, told.new_tools()) for _ in range(2)]
        for _ in range(40):
            for line in lines:
                line.get("/api/v4/users")
        assert told.amo.limit.times(429) == 0
        assert told.amo.limit.times(200) == 80


# Keys


def stored() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
    return told


def test_a_key_that_ends_in_the_middle_of_a_walk_is_renewed_and_stored() -> None:
    with world(**SILENT) as told:
        for _ in range(300):
            told.after(seconds=1)
            told.account.add_lead()
        first = stored()
        seen: list[str] = []

        def age(path: str) -> None:
            seen.append(path)
            if len(seen) == 10:
                told.amo.keys.access.clear()  # as if it had ended early: nobody's clock says so

        told.amo.before = age
        assert told.reconcile().is_done
        assert told.amo.limit.times(401) == 1
        assert told.amo.keys.exchanges == 2
        assert stored()["refresh_token"] == told.amo.keys.refresh != first["refresh_token"]
        assert len({one["deal_id"] for one in told.records}) == 300


def test_a_key_is_renewed_before_its_end_and_then_kept() -> None:
    with world(**SILENT) as told:
        told.account.add_lead()
        told.after(hours=24, seconds=-30)
        told.reconcile()
        assert told.amo.keys.exchanges == 2
        assert told.amo.limit.times(401) == 0
        reads = client("secretsmanager").get_secret_value
        told.reconcile()
        assert reads
        assert told.amo.keys.exchanges == 2


def test_two_who_renew_at_once_spend_the_refresh_token_once() -> None:
    with world(**SILENT) as told:
        told.account.add_lead()
        told.after(hours=25)
        tools = [told.new_tools() for _ in range(4)]
        for one in tools:
            one.pace.rest = lambda seconds: time.sleep(0.2)  # real threads wait for each other in real time
        lines = [line_of(told.site, one) for one in tools]
        failures: list[BaseException] = []

        def call(line: Any) -> None:
            try:
                line.get("/api/v4/users")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=call, args=(line,)) for line in lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert told.amo.keys.exchanges == 2
        assert told.amo.limit.times(400) == 0


def test_a_store_that_refuses_costs_no_refresh_token() -> None:
    with world(**SILENT) as told:
        told.after(hours=25)
        manager = Stubborn(refusals=1)
        line = line_of(told.site, with_manager(told, manager))
        with pytest.raises(CrmBusy):
            line.get("/api/v4/users")
        assert told.amo.keys.exchanges == 1
        assert line.get("/api/v4/users")
        assert stored()["refresh_token"] == told.amo.keys.refresh


def test_a_pair_that_cannot_be_stored_is_kept_and_stored_before_its_first_use() -> None:
    with world(**SILENT) as told:
        told.after(hours=25)
        manager = Stubborn(refusals=3, after=1)  # the first put shows that it writes, then it fails three times
        line = line_of(told.site, with_manager(told, manager))
        with pytest.raises(CrmBusy, match="could not be stored"):
            line.get("/api/v4/users")
        assert told.amo.keys.exchanges == 2
        assert told.amo.limit.times(200) == 1  # the exchange alone: nothing was called with the new key
        assert line.get("/api/v4/users")
        assert told.amo.keys.exchanges == 2
        assert stored()["refresh_token"] == told.amo.keys.refresh


def test_a_refused_refresh_token_says_what_to_do() -> None:
    with world(**SILENT) as told:
        told.after(hours=25)
        told.amo.keys.refresh = "another"
        with pytest.raises(CrmClosed, match="skvoz crm connect amocrm"):
            line_of(told.site, told.tools).get("/api/v4/users")
        client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
        with pytest.raises(CrmClosed, match="skvoz crm connect amocrm"):
            line_of(told.site, told.new_tools()).get("/api/v4/users")


def test_a_long_lived_token_is_used_as_it_is() -> None:
    with world(**SILENT) as told:
        client("secretsmanager").put_secret_value(
            SecretId=SECRET, SecretString=json.dumps({"access_token": told.amo.keys.long_lived()})
        )
        told.after(days=400)
        line = line_of(told.site, told.tools)
        assert line.get("/api/v4/users")
        told.amo.keys.access.clear()
        with pytest.raises(CrmClosed):
            line.get("/api/v4/users")


class Stubborn:
    """Secrets Manager that refuses some puts: `refusals` of them, after the first `after`."""

    def __init__(self, refusals: int, after: int = 0) -> None:
        self._real, self._refusals, self._after = client("secretsmanager"), refusals, after
        self.exceptions = self._real.exceptions

    def get_secret_value(self, **asked: Any) -> Any:
        return self._real.get_secret_value(**asked)

    def put_secret_value(self, **asked: Any) -> Any:
        self._after -= 1
        if self._after < 0 and self._refusals > 0:
            self._refusals -= 1
            raise ConnectionError("refused")
        return self._real.put_secret_value(**asked)


def with_manager(told: World, manager: Stubborn) -> Any:
    tools = told.new_tools()
    return type(tools)(tools.http, tools.pace, tools.secrets, tools.clock, tools.stage, lambda: manager)
