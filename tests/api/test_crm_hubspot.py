"""HubSpot's API through its double: deals with history, contacts, pages, what webhooks missed, limits and refusals."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.crm_webhook.api.crm import CrmReader, Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused
from functions.crm_webhook.misses import LAG
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from infra.doubles.hubspot import server
from infra.doubles.hubspot.server import TOKEN, HubSpot
from infra.doubles.listening import Answered
from shared.identity import phone_hash
from tests.api.crm_apis import FIRST, KEY, Clock, arrival, read_on, reader, site_of, standing, states, took, tools_of, walk
from tests.api.dynamo import dynamodb

ALL = Span(FIRST - timedelta(days=1), FIRST + timedelta(days=90))


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    with dynamodb(("crm",)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> Iterator[HubSpot]:
    with HubSpot(clock) as made:
        yield made


@pytest.fixture
def api(crm: HubSpot, clock: Clock, table: Any) -> CrmReader:
    return api_of(crm, clock, table)


def api_of(crm: HubSpot, clock: Clock, table: Any, key: str = TOKEN) -> CrmReader:
    table.delete_item(TableName="crm", Key={"pk": {"S": "pace#shop"}, "sk": {"S": "hubspot"}})
    return reader(site_of("hubspot", api={"url": crm.url}), "hubspot", tools_of(table, clock, hubspot=key))


def sell(crm: HubSpot, clock: Clock, deal_id: str = "5001") -> None:
    """A deal of one client: made, summed, won."""
    crm.account.put_contact("9", phone="+7 900 000-00-17", email="lugova@post.example", firstname="Вера")
    crm.account.put_deal(deal_id, contacts=("9",), dealstage="appointmentscheduled", pipeline="default", skvoz_request_id="form-A")
    clock.wait(86_400)
    crm.account.put_deal(deal_id, amount="186400")
    clock.wait(60.5)
    crm.account.move(deal_id, "closedwon")
    clock.wait(60)


def pointed(crm: HubSpot) -> list[Pointer]:
    """What the webhooks sent so far point at."""
    site = site_of("hubspot", portal_id="47120938")
    at = Arrival("shop", "hook", datetime(2027, 1, 1, tzinfo=UTC), KEY)
    return [pointer for body, _ in crm.hooks for pointer in took(site, "hubspot", body.encode(), at).to_read]


def test_a_deal_is_read_with_the_time_of_every_change_and_with_its_client(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    outcome = api.read(pointed(crm), arrival(clock))
    told = [(one["via"], one["occurred_at"][:19], one.get("stage"), one.get("amount")) for one in states([outcome])]
    assert told == [
        ("history", "2026-10-12 07:00:00", "appointmentscheduled", None),
        ("history", "2026-10-13 07:00:00", None, 186400.00),
        ("history", "2026-10-13 07:01:00", "won", None),
        ("api", "2026-10-13 07:01:00", None, None),  # its client
        ("api", "2026-10-13 07:01:00", "won", 186400.00),
    ]
    deal = standing(states([outcome]), "5001")
    assert (deal["contact_id"], deal["phone_hash"], deal["request_id"]) == ("9", phone_hash("+79000000017", KEY), "form-A")
    assert [person.phones for person in outcome.people] == [("+7 900 000-00-17",)]
    assert "7 900" not in json.dumps(states([outcome]))


def test_reading_twice_gives_equal_records_and_reading_late_loses_none(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    early = api.read([Pointer("deal", "5001")], arrival(clock))
    clock.wait(3600)
    late = api.read([Pointer("deal", "5001")], arrival(clock, "another"))
    assert {one["record_id"] for one in states([early])} == {one["record_id"] for one in states([late])}


def test_a_contacts_change_reads_its_deals(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    crm.account.put_contact("9", phone="+7 900 000-00-42")
    assert pointed(crm)[-1] == Pointer("contact", "9")
    outcome = api.read([Pointer("contact", "9")], arrival(clock))
    assert standing(states([outcome]), "5001")["phone_hash"] == phone_hash("+79000000042", KEY)


def test_a_deal_of_the_bin_was_deleted_then_and_one_that_stays_nowhere_is_gone_too(
    crm: HubSpot, clock: Clock, api: CrmReader
) -> None:
    sell(crm, clock)
    crm.account.delete("5001", FIRST + timedelta(days=1, hours=2))
    clock.wait(86_400)
    asked_at = clock.now
    told = states(read_on(api, [Pointer("deal", "5001"), Pointer("deal", "404")], clock))
    gone = [(one["deal_id"], one["occurred_at"][:19]) for one in told if one.get("is_deleted")]
    assert gone == [("5001", "2026-10-13 09:00:00"), ("404", (asked_at + LAG).strftime("%Y-%m-%d %H:%M:%S"))]
    assert (standing(told, "5001")["is_deleted"], standing(told, "5001")["stage"]) == (True, "won")


def test_a_deal_that_was_merged_is_told_as_taken_over_by_the_new_one(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    other = crm.account.put_deal(dealstage="qualifiedtobuy")
    made = crm.account.merge("5001", other)
    clock.wait(5)
    told = states([api.read([Pointer("deal", "5001"), Pointer("deal", other)], arrival(clock))])
    assert {deal: (standing(told, deal)["is_deleted"], standing(told, deal)["merged_into"]) for deal in ("5001", other)} == {
        "5001": (True, made),
        other: (True, made),
    }
    assert (standing(told, made)["stage"], standing(told, made)["contact_id"]) == ("won", "9")


def test_deals_are_paged_in_full_without_breaching_a_limit(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    for number in range(330):
        crm.account.put_deal(str(7000 + number), dealstage="appointmentscheduled", amount=str(number))
    pages = walk(api, Span(FIRST, FIRST + timedelta(seconds=1)), clock)
    told = states(page.outcome for page in pages)
    assert {one["deal_id"] for one in told} == {str(7000 + number) for number in range(330)}
    assert sum(page.deals for page in pages) == 330
    assert (len(pages), crm.refused) == (6, 0)  # four of deals, the bin, contacts


def test_ten_thousand_deals_of_one_import_are_all_found_though_search_ends_there(
    crm: HubSpot, clock: Clock, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All changed at one moment, so no window of time could be moved; here the search ends at 150 results."""
    monkeypatch.setattr(server, "MOST_RESULTS", 150)
    for number in range(420):
        crm.account.put_deal(str(9_900 + number), dealstage="appointmentscheduled")
    pages = walk(api_of(crm, clock, table), ALL, clock)
    assert len({one["deal_id"] for one in states(page.outcome for page in pages)}) == 420


def test_a_deal_that_leaves_the_span_while_pages_are_turned_hides_no_other(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    for number in range(150):
        crm.account.put_deal(str(7000 + number), dealstage="appointmentscheduled")
    clock.wait(60)
    span = Span(FIRST, clock.now)
    first = api.page(span, "", arrival(clock))
    for number in range(0, 100, 2):
        crm.account.move(str(7000 + number), "qualifiedtobuy")
    second = api.page(span, first.cursor, arrival(clock))
    assert {one["deal_id"] for one in states([first.outcome, second.outcome])} == {str(7000 + number) for number in range(150)}


def test_a_span_tells_what_changed_in_it_or_what_was_made_in_it_and_the_bin(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    first_day, second_day = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
    crm.account.put_deal("1", FIRST, dealstage="appointmentscheduled")
    crm.account.put_deal("2", first_day, dealstage="appointmentscheduled")
    crm.account.put_deal("3", FIRST, dealstage="appointmentscheduled")
    crm.account.move("1", "closedwon", second_day)
    crm.account.delete("3", second_day)
    clock.wait(5 * 86_400)

    def found(span: Span) -> set[tuple[str, bool]]:
        told = states(page.outcome for page in walk(api, span, clock))
        return {(one["deal_id"], standing(told, one["deal_id"])["is_deleted"]) for one in told}

    hour = timedelta(hours=1)
    assert found(Span(second_day, second_day + hour)) == {("1", False), ("3", True)}
    assert found(Span(FIRST, FIRST + hour, "created")) == {("1", False), ("3", True)}
    assert found(Span(first_day, first_day + hour, "created")) == {("2", False)}
    assert found(Span(FIRST, FIRST + hour)) == set()


def test_a_cursor_may_be_kept_and_goes_on_where_it_was(crm: HubSpot, clock: Clock, table: Any) -> None:
    for number in range(120):
        crm.account.put_deal(str(7000 + number), dealstage="appointmentscheduled")
    first = api_of(crm, clock, table).page(ALL, "", arrival(clock))
    clock.wait(3 * 86_400)
    second = api_of(crm, clock, table).page(ALL, first.cursor, arrival(clock))
    assert (first.deals, second.deals, first.cursor) == (100, 20, "deals:7099")


def test_what_lost_webhooks_did_not_tell_is_found_by_the_check(clock: Clock, table: Any) -> None:
    def played(lost: int) -> dict[str, dict[str, Any]]:
        """Every `lost`-th webhook is lost (1: all of them), every third comes twice; then the span is checked. One client's phone
        changes after all that happened to his deal, and alone."""
        moment = Clock()
        with HubSpot(moment, drop=lambda number: number % lost == 0, repeat=lambda number: number % 3 == 0) as crm:
            api, outcomes = api_of(crm, moment, table), list[Outcome]()
            for number in range(12):
                crm.account.put_contact(str(number + 1), phone=f"+7900000{number:04d}")
                crm.account.put_deal(str(5000 + number), contacts=(str(number + 1),), dealstage="appointmentscheduled")
                moment.wait(100)
                crm.account.move(str(5000 + number), "closedwon" if number % 2 else "closedlost", amount=str(1000 * number))
                moment.wait(100)
            crm.account.delete("5003")
            made = crm.account.merge("5004", "5005")
            moment.wait(100)
            site = site_of("hubspot", api={"url": crm.url})

            def caught_up(first: datetime) -> None:
                """What the webhooks told, what they point at, and what the check finds."""
                bodies, crm.hooks[:] = [body.encode() for body, _ in crm.hooks], []
                told = [took(site, "hubspot", body, arrival(moment)) for body in bodies]
                pointers = list(dict.fromkeys(one for outcome in told for one in outcome.to_read))
                pages = walk(api, Span(first, moment.now), moment)
                outcomes.extend([*told, api.read(pointers, arrival(moment)), *(page.outcome for page in pages)])

            caught_up(FIRST)
            first = moment.now
            moment.wait(3600)
            crm.account.put_contact("8", phone="+79000000777")
            moment.wait(100)
            caught_up(first)
            told = states(outcomes)
            assert crm.refused == 0
            names = ("stage", "amount", "phone_hash", "is_deleted", "merged_into")
            return {
                one["deal_id"]: {name: standing(told, one["deal_id"]).get(name) for name in names} | {"made": made} for one in told
            }

    told = played(10**9)
    assert told["5007"]["phone_hash"] == phone_hash("+79000000777", KEY)
    assert told == played(1) == played(2) == played(5)


def test_a_contact_that_changed_alone_tells_its_deals_and_those_of_many_are_left_for_later(
    crm: HubSpot, clock: Clock, api: CrmReader
) -> None:
    crm.account.put_contact("9", phone="+79000000017")
    crm.account.put_contact("10", phone="+79000000018")
    for number in range(120):
        crm.account.put_deal(str(7000 + number), contacts=("9",), dealstage="appointmentscheduled")
    clock.wait(86_400)
    before = clock.now
    for contact in ("9", "10"):
        crm.account.put_contact(contact, phone="+79000000042")
    clock.wait(60)
    pages = walk(api, Span(before, clock.now), clock)
    left = [pointer for page in pages for pointer in page.outcome.to_read]
    assert (sum(page.deals for page in pages), len(left)) == (100, 20)
    told = states([*(page.outcome for page in pages), *read_on(api, left, clock)])
    phones = {standing(told, str(7000 + number))["phone_hash"] for number in range(120)}
    assert phones == {phone_hash("+79000000042", KEY)}
    assert walk(api, Span(before, clock.now, "created"), clock)[-1].cursor == ""
    assert not any("contacts/search" in call for call in crm.calls[-4:])  # nobody was made


def test_contacts_are_paged_by_their_ids(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    for number in range(205):
        crm.account.put_contact(str(number + 1), phone=f"+7900000{number:04d}")
    clock.wait(60)
    cursors = [page.cursor for page in walk(api, Span(FIRST, clock.now), clock)]
    assert cursors == ["bin:", "contacts:", "contacts:100", "contacts:200", ""]


def test_hooks_in_any_order_and_any_number_leave_the_same_records(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    other = crm.account.put_deal(dealstage="qualifiedtobuy")
    crm.account.delete(other)
    site = site_of("hubspot")
    bodies = [body.encode() for body, _ in crm.hooks][-3:]
    made = set()
    for order in itertools.permutations(bodies):
        outcomes = [took(site, "hubspot", body, arrival(clock)) for body in (*order, order[0])]
        pointers = list(dict.fromkeys(one for outcome in outcomes for one in outcome.to_read))
        outcomes.append(api.read(pointers, arrival(clock)))
        told = states(outcomes)
        made.add(json.dumps([standing(told, deal) | {"received_at": ""} for deal in ("5001", other)], default=str))
    assert len(made) == 1


def test_no_answer_is_taken_for_nothing(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    """Whatever is no whole answer is tried again later; a deal is told gone by HubSpot's own word alone."""
    sell(crm, clock)
    other = {"status": "error", "category": "INTERNAL_ERROR", "context": {"ids": ["5001"]}}
    for bad in (
        Answered(500),
        Answered(429, {"errorType": "RATE_LIMIT"}, {"retry-after": "3"}),
        Answered(200, "maintenance"),
        Answered(200, None),
        Answered(204),
        Answered(200, {}),
        Answered(200, {"status": "PENDING", "results": []}),
        Answered(200, {"status": "COMPLETE", "results": []}),
        Answered(200, {"status": "COMPLETE", "results": None}),
        Answered(200, {"status": "error", "message": "oops"}),
        Answered(207, {"status": "COMPLETE", "results": [], "errors": [other]}),
    ):
        crm.failing = [bad]
        with pytest.raises(CrmBusy):
            api.read([Pointer("deal", "5001")], arrival(clock))
    clock.wait(10)
    assert standing(states([api.read([Pointer("deal", "5001")], arrival(clock))]), "5001")["stage"] == "won"


def test_a_list_without_an_answer_is_not_an_empty_one(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    for cursor, bad in itertools.product(("", "bin:"), (Answered(200, {}), Answered(200, {"results": None}), Answered(200, None))):
        crm.failing = [bad]
        with pytest.raises(CrmBusy):
            api.page(ALL, cursor, arrival(clock))
    answers = [Answered(207, {"status": "PENDING", "results": []}), Answered(200, {"status": "COMPLETE"})]
    for bad in answers:  # whose contact it is
        crm.failing = [bad]
        with pytest.raises(CrmBusy):
            api.read([Pointer("contact", "9")], arrival(clock))


def test_a_new_deal_that_is_not_visible_at_once_is_told_alive(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    made_at = clock.now
    clock.wait(2)
    early = api.read([Pointer("deal", "7")], arrival(clock))
    assert (early.records, [pointer.entity for pointer in early.to_read]) == ([], ["missing"])
    with pytest.raises(CrmBusy):
        api.read(early.to_read, arrival(clock))
    crm.account.put_deal("7", made_at, dealstage="appointmentscheduled")
    clock.wait(900)
    told = states(read_on(api, early.to_read, clock))
    assert (standing(told, "7")["is_deleted"], standing(told, "7")["stage"]) == (False, "appointmentscheduled")


def test_another_address_than_hubspots_closes_the_way_and_loses_nothing(crm: HubSpot, clock: Clock, table: Any) -> None:
    sell(crm, clock)
    site = site_of("hubspot", api={"url": crm.url})
    site["crm"]["hubspot"]["api"]["url"] += "/wrong"
    table.delete_item(TableName="crm", Key={"pk": {"S": "pace#shop"}, "sk": {"S": "hubspot"}})
    made = reader(site, "hubspot", tools_of(table, clock, hubspot=TOKEN))
    for ask in (
        lambda: made.read([Pointer("deal", "5001")], arrival(clock)),
        lambda: made.read([Pointer("contact", "9")], arrival(clock)),
        lambda: made.page(ALL, "", arrival(clock)),
        lambda: made.page(ALL, "bin:", arrival(clock)),
    ):
        with pytest.raises(CrmClosed, match=r"api\.url"):
            ask()


def test_an_id_that_hubspot_refuses_is_rejected_alone(crm: HubSpot, clock: Clock, table: Any) -> None:
    for number in range(5):
        crm.account.put_deal(str(7000 + number), dealstage="appointmentscheduled")
    clock.wait(60)
    crm.refused_ids = {"7003"}
    outcome = api_of(crm, clock, table).read([Pointer("deal", str(7000 + number)) for number in range(5)], arrival(clock))
    assert {one["deal_id"] for one in states([outcome])} == {"7000", "7001", "7002", "7004"}
    assert [(one.reason, one.message) for one in outcome.rejected] == [("refused", "deals 7003: HubSpot refuses to tell it")]


def test_what_is_refused_for_every_deal_is_no_deals_fault(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    crm.refused_ids = {"1", "2", "3"}
    with pytest.raises(CrmRefused):
        api.read([Pointer("deal", number) for number in "123"], arrival(clock))


def test_a_phone_that_changes_there_and_back_again_stands_as_it_is(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    outcomes = []
    for phone in ("+79000000017", "+79000000071", "+79000000017"):
        crm.account.put_contact("9", phone=phone)
        clock.wait(600)
        outcomes.append(api.read([Pointer("contact", "9")], arrival(clock)))
    for order in itertools.permutations(outcomes):
        assert standing(states(order), "5001")["phone_hash"] == phone_hash("+79000000017", KEY)
    assert len(states(outcomes)) == len(states([*outcomes, api.read([Pointer("contact", "9")], arrival(clock))]))


def test_half_an_emoji_of_an_answer_is_read(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    crm.account.put_deal("7", dealstage="closedlost", closed_lost_reason="cut \ud83d")
    clock.wait(60)
    assert standing(states([api.read([Pointer("deal", "7")], arrival(clock))]), "7")["loss_reason"] == "cut \ufffd"


def test_a_contact_of_many_deals_leaves_most_of_them_for_later(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    crm.account.put_contact("9", phone="+79000000017")
    for number in range(130):
        crm.account.put_deal(str(7000 + number), contacts=("9",), dealstage="appointmentscheduled")
    clock.wait(60)
    first = api.read([Pointer("contact", "9")], arrival(clock))
    assert (len({one["deal_id"] for one in states([first])}), len(first.to_read)) == (100, 30)
    told = states([first, *read_on(api, first.to_read, clock)])
    assert len({one["deal_id"] for one in told}) == 130


def test_a_limit_of_the_account_that_others_use_up_makes_us_wait(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    crm.failing = [Answered(429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, {"retry-after": "7"})]
    with pytest.raises(CrmBusy) as error:
        api.read([Pointer("deal", "5001")], arrival(clock))
    assert error.value.seconds == 7
    before = clock.now
    api.read([Pointer("deal", "5001")], arrival(clock))
    assert clock.now - before >= timedelta(seconds=7)


def test_a_wrong_key_closes_the_way_and_says_so_and_a_new_one_opens_it(crm: HubSpot, clock: Clock, table: Any) -> None:
    sell(crm, clock)
    for key in ("wrong", ""):
        with pytest.raises(CrmClosed, match="key"):
            api_of(crm, clock, table, key).read([Pointer("deal", "5001")], arrival(clock))
    outcome = api_of(crm, clock, table, f"not-yet-known {TOKEN}").read([Pointer("deal", "5001")], arrival(clock))
    assert outcome.records


def test_nothing_to_read_asks_nothing(crm: HubSpot, clock: Clock, api: CrmReader) -> None:
    outcome: Outcome = api.read([], arrival(clock))
    assert (outcome.records, crm.calls) == ([], [])
