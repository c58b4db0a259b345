"""Pipedrive's API through its double: deals with their changelog, persons, pages, what webhooks missed, limits and refusals."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.crm_webhook.api.crm import CrmReader, Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.api.line import CrmClosed
from functions.crm_webhook.misses import LAG
from functions.crm_webhook.outcome import Outcome, Pointer
from infra.doubles.listening import Answered
from infra.doubles.pipedrive.server import TOKEN, Pipedrive
from shared.identity import email_hash, keyed_hash, phone_hash
from tests.api.crm_apis import FIRST, KEY, Clock, arrival, read_on, reader, site_of, standing, states, took, tools_of, walk
from tests.api.dynamo import dynamodb

REQUEST = "2baec1ea42ea764eb3ecdb51b973395680fb509f"
FIELDS = {"request_id": REQUEST}


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    with dynamodb(("crm",)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> Iterator[Pipedrive]:
    with Pipedrive(clock) as made:
        yield made


@pytest.fixture
def api(crm: Pipedrive, clock: Clock, table: Any) -> CrmReader:
    return api_of(crm, clock, table)


def api_of(crm: Pipedrive, clock: Clock, table: Any, key: str = TOKEN, **fields: str) -> CrmReader:
    table.delete_item(TableName="crm", Key={"pk": {"S": "pace#shop"}, "sk": {"S": "pipedrive"}})
    site = site_of("pipedrive", api={"url": crm.url}, fields={**FIELDS, **fields})
    return reader(site, "pipedrive", tools_of(table, clock, pipedrive=key))


def sell(crm: Pipedrive, clock: Clock, deal_id: int = 8817) -> None:
    """A deal of one client: made, moved, summed, won, edited a day later."""
    crm.company.put_person(40977, ("8 (900) 000-00-17", "+79000000018"), ("lugova@post.example",))
    crm.company.put_deal(deal_id, person_id=40977, stage_id=71, custom_fields={REQUEST: "form-A"})
    clock.wait(3600)
    crm.company.move(deal_id, 72)
    clock.wait(86_400)
    crm.company.put_deal(deal_id, value=186400, status="won")
    clock.wait(86_400)
    crm.company.put_deal(deal_id, title="other")
    clock.wait(60)


def test_a_deal_is_read_with_the_time_of_every_change_and_with_its_client(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    outcome = api.read([Pointer("deal", "8817")], arrival(clock))
    told = [(one["via"], one["occurred_at"][:19], one.get("stage"), one.get("amount")) for one in states([outcome])]
    assert told == [
        ("history", "2026-10-12 07:00:00", "71", 0.0),
        ("history", "2026-10-12 08:00:00", "72", None),
        ("history", "2026-10-13 08:00:00", None, 186400.0),
        ("history", "2026-10-13 08:00:00", "won", None),
        ("api", "2026-10-14 08:00:00", None, None),  # its client
        ("api", "2026-10-14 08:00:00", "won", 186400.0),
    ]
    deal = standing(states([outcome]), "8817")
    assert (deal["contact_id"], deal["request_id"], deal["is_handmade"]) == ("40977", "form-A", True)
    assert deal["phone_hash"] == phone_hash("+79000000017", KEY)
    assert deal["email_hash"] == email_hash("lugova@post.example", KEY)
    assert (outcome.passed_over["further_contact"], len(outcome.people)) == (1, 1)
    assert "900" not in json.dumps([{**one, "phone_hash": "", "email_hash": "", "record_id": ""} for one in states([outcome])])


def test_the_key_goes_into_a_header_and_never_into_an_address(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    api.read([Pointer("deal", "8817")], arrival(clock))
    assert crm.calls
    assert not any(TOKEN in call for call in crm.calls)


def test_reading_twice_gives_equal_records_and_reading_late_loses_none(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    early = api.read([Pointer("deal", "8817")], arrival(clock))
    clock.wait(3600)
    late = api.read([Pointer("deal", "8817")], arrival(clock, "another"))
    assert {one["record_id"] for one in states([early])} == {one["record_id"] for one in states([late])}


def test_a_long_changelog_is_read_to_its_end(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    deal = crm.company.put_deal()
    for number in range(1, 701):
        clock.wait(1)
        crm.company.put_deal(deal, value=number)
    told = states([api.read([Pointer("deal", str(deal))], arrival(clock))])
    assert [one["amount"] for one in told if one["via"] == "history"] == [float(number) for number in range(701)]


def test_persons_and_organizations_stand_for_their_deals(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    other = crm.company.put_deal(org_id=7)
    hidden = crm.company.put_deal(person_id=40977)
    crm.company.archive(hidden)
    clock.wait(5)
    told = states([api.read([Pointer("person", "40977"), Pointer("organization", "7")], arrival(clock))])
    assert {one["deal_id"] for one in told} == {"8817", str(other), str(hidden)}


def test_archived_deals_stand_deleted_ones_were_deleted_then_and_those_that_stay_nowhere_are_gone_too(
    crm: Pipedrive, clock: Clock, api: CrmReader
) -> None:
    archived, deleted, purged = (crm.company.put_deal(stage_id=75) for _ in range(3))
    clock.wait(60)
    crm.company.archive(archived)
    crm.company.delete(deleted)
    crm.company.delete(purged)
    crm.company.purge(purged)
    gone_at = clock.now
    clock.wait(86_400)
    asked_at = clock.now
    told = states(read_on(api, [Pointer("deal", str(one)) for one in (archived, deleted, purged)], clock))
    assert standing(told, str(archived))["is_deleted"] is False
    for one, at in ((deleted, gone_at), (purged, asked_at + LAG)):
        deal = standing(told, str(one))
        assert (deal["is_deleted"], deal["occurred_at"][:19]) == (True, f"{at:%Y-%m-%d %H:%M:%S}")


def test_deals_are_paged_in_full_without_breaching_a_limit(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    for number in range(120):
        crm.company.put_deal(7000 + number, value=number)
    pages = walk(api, Span(FIRST, FIRST + timedelta(seconds=1)), clock)
    assert {one["deal_id"] for one in states(page.outcome for page in pages)} == {str(7000 + number) for number in range(120)}
    assert (sum(page.deals for page in pages), crm.refused) == (120, 0)


def test_deals_that_change_while_pages_are_turned_hide_no_other(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    for number in range(60):
        crm.company.put_deal(7000 + number)
        clock.wait(1)
    span = Span(FIRST, clock.now)
    first = api.page(span, "", arrival(clock))
    for number in range(0, 50, 2):
        crm.company.move(7000 + number, 73)
    second = api.page(span, first.cursor, arrival(clock))
    assert {one["deal_id"] for one in states([first.outcome, second.outcome])} == {str(7000 + number) for number in range(60)}


def test_a_span_tells_what_changed_in_it_or_what_was_made_in_it_archived_and_deleted_too(
    crm: Pipedrive, clock: Clock, api: CrmReader
) -> None:
    first_day, second_day = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
    crm.company.put_deal(1, FIRST)
    crm.company.put_deal(2, first_day)
    crm.company.put_deal(3, FIRST)
    crm.company.put_deal(4, FIRST)
    crm.company.put_deal(1, second_day, status="won")
    crm.company.delete(3, second_day)
    crm.company.archive(4, second_day)
    clock.wait(5 * 86_400)

    def found(span: Span) -> set[tuple[str, bool]]:
        told = states(page.outcome for page in walk(api, span, clock))
        return {(one["deal_id"], standing(told, one["deal_id"])["is_deleted"]) for one in told}

    hour = timedelta(hours=1)
    changed = {("1", False), ("3", True), ("4", False)}
    assert found(Span(second_day, second_day + hour)) == changed
    assert found(Span(FIRST, FIRST + hour, "created")) == changed
    assert found(Span(first_day, first_day + hour, "created")) == {("2", False)}
    assert found(Span(first_day + hour, first_day + 2 * hour)) == set()


def test_a_backfill_of_days_long_ago_pages_back_to_them(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    for number in range(110):
        crm.company.put_deal(7000 + number, FIRST + timedelta(hours=number))
    clock.wait(30 * 86_400)
    span = Span(FIRST + timedelta(hours=10), FIRST + timedelta(hours=80), "created")
    pages = walk(api, span, clock)
    assert {one["deal_id"] for one in states(page.outcome for page in pages)} == {str(7000 + number) for number in range(10, 80)}
    assert sum(page.deals for page in pages) == 70


def test_fields_that_are_told_on_demand_are_asked_for(crm: Pipedrive, clock: Clock, table: Any) -> None:
    deal = crm.company.put_deal(done_activities_count=4)
    api = api_of(crm, clock, table, communications="done_activities_count")
    clock.wait(5)
    assert standing(states([api.read([Pointer("deal", str(deal))], arrival(clock))]), str(deal))["communications"] == 4


def test_a_merge_whose_webhooks_were_lost_leaves_no_deal_alive_that_is_none(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    survivor, other = crm.company.put_deal(), crm.company.put_deal(person_id=5)
    clock.wait(60)
    crm.company.merge(survivor, other)
    clock.wait(60)
    told = states(page.outcome for page in walk(api, Span(FIRST, clock.now), clock))
    assert (standing(told, str(survivor))["is_deleted"], standing(told, str(other))["is_deleted"]) == (False, True)
    assert standing(told, str(survivor))["contact_id"] == "5"


def test_what_lost_webhooks_did_not_tell_is_found_by_the_check(clock: Clock, table: Any) -> None:
    def played(lost: int) -> dict[str, dict[str, Any]]:
        """Every `lost`-th webhook is lost (1: all of them), every third comes twice; then the span is checked. One client's phone
        changes after all that happened to his deal, and alone."""
        moment = Clock()
        with Pipedrive(moment, drop=lambda number: number % lost == 0, repeat=lambda number: number % 3 == 0) as crm:
            api, outcomes = api_of(crm, moment, table), list[Outcome]()
            for number in range(12):
                crm.company.put_person(number + 1, (f"+7900000{number:04d}",))
                crm.company.put_deal(5000 + number, person_id=number + 1)
                moment.wait(100)
                crm.company.put_deal(5000 + number, status="won" if number % 2 else "lost", value=1000 * number)
                moment.wait(100)
            crm.company.put_deal(5002, status="open")
            crm.company.delete(5003)
            moment.wait(100)
            site = site_of("pipedrive", api={"url": crm.url}, fields=FIELDS)

            def caught_up(first: datetime) -> None:
                """What the webhooks told, what they point at, and what the check finds."""
                bodies, crm.hooks[:] = [body.encode() for body, _ in crm.hooks], []
                told = [took(site, "pipedrive", body, arrival(moment)) for body in bodies]
                pointers = list(dict.fromkeys(one for outcome in told for one in outcome.to_read))
                pages = walk(api, Span(first, moment.now), moment)
                outcomes.extend([*told, api.read(pointers, arrival(moment)), *(page.outcome for page in pages)])

            caught_up(FIRST)
            first = moment.now
            moment.wait(3600)
            crm.company.put_person(8, ("+79000000777",))
            moment.wait(100)
            caught_up(first)
            told = states(outcomes)
            assert crm.refused == 0
            names = ("stage", "amount", "phone_hash", "is_deleted")
            return {one["deal_id"]: {name: standing(told, one["deal_id"]).get(name) for name in names} for one in told}

    told = played(10**9)
    assert told["5007"]["phone_hash"] == phone_hash("+79000000777", KEY)
    assert told == played(1) == played(2) == played(5)


def test_a_person_who_changed_alone_tells_his_deals_and_those_of_many_are_left_for_later(
    crm: Pipedrive, clock: Clock, api: CrmReader
) -> None:
    crm.company.put_person(9, ("+79000000017",))
    for number in range(120):
        crm.company.put_deal(7000 + number, person_id=9)
    crm.company.archive(7000)
    clock.wait(86_400)
    before = clock.now
    crm.company.put_person(9, ("+79000000042",))
    clock.wait(60)
    pages = walk(api, Span(before, clock.now), clock)
    left = [pointer for page in pages for pointer in page.outcome.to_read]
    assert (sum(page.deals for page in pages), len(left)) == (100, 20)
    told = states([*(page.outcome for page in pages), *read_on(api, left, clock)])
    phones = {standing(told, str(7000 + number))["phone_hash"] for number in range(120)}
    assert phones == {phone_hash("+79000000042", KEY)}
    assert not any("persons" in page.cursor for page in walk(api, Span(before, clock.now, "created"), clock))


def test_hooks_in_any_order_and_any_number_leave_the_same_records(crm: Pipedrive, clock: Clock) -> None:
    deal = crm.company.put_deal(stage_id=71)
    clock.wait(0.25)
    crm.company.move(deal, 72)
    clock.wait(0.25)
    crm.company.put_deal(deal, status="won", value=7)
    clock.wait(100)
    crm.company.delete(deal)
    site = site_of("pipedrive")
    made = set()
    for order in itertools.permutations(body.encode() for body, _ in crm.hooks):
        told = states(took(site, "pipedrive", body, arrival(clock)) for body in (*order, *order[::2]))
        made.add(json.dumps(told))
    assert len(made) == 1
    assert standing(json.loads(made.pop()), str(deal))["is_deleted"] is True


def test_no_answer_is_taken_for_nothing(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    sell(crm, clock)
    nothing = (
        Answered(500),
        Answered(429, None, {"retry-after": "3"}),
        Answered(200, None),
        Answered(200, "maintenance"),
        Answered(200, {"data": 7}),
        Answered(200, {"success": True, "data": None}),
        Answered(200, {"success": False, "error": "x"}),
    )
    for bad in nothing:
        crm.failing = [bad]
        with pytest.raises(CrmBusy):
            api.read([Pointer("deal", "8817")], arrival(clock))
        crm.failing = [bad]
        with pytest.raises(CrmBusy):
            api.page(Span(FIRST, clock.now), "", arrival(clock))
    empty = Answered(200, {"success": True, "data": []})
    for bad in (*nothing, empty):  # the list does not have it, and what it is asked for alone tells nothing
        crm.failing = [empty, bad]
        with pytest.raises(CrmBusy):
            api.read([Pointer("deal", "8817")], arrival(clock))
    assert standing(states([api.read([Pointer("deal", "8817")], arrival(clock))]), "8817")["stage"] == "won"


def test_a_wrong_key_closes_the_way_and_says_so_and_a_new_one_opens_it(crm: Pipedrive, clock: Clock, table: Any) -> None:
    sell(crm, clock)
    for key in ("wrong", ""):
        with pytest.raises(CrmClosed, match="key"):
            api_of(crm, clock, table, key).read([Pointer("deal", "8817")], arrival(clock))
    assert api_of(crm, clock, table, f"not-yet-known {TOKEN}").read([Pointer("deal", "8817")], arrival(clock)).records


def test_a_new_deal_that_is_not_visible_at_once_is_told_alive(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    made_at = clock.now
    clock.wait(2)
    early = api.read([Pointer("deal", "8817")], arrival(clock))
    assert (early.records, [pointer.entity for pointer in early.to_read]) == ([], ["missing"])
    crm.company.put_deal(8817, made_at, stage_id=71)
    clock.wait(900)
    told = states(read_on(api, early.to_read, clock))
    assert (standing(told, "8817")["is_deleted"], standing(told, "8817")["stage"]) == (False, "71")


def test_another_address_than_pipedrives_closes_the_way_and_loses_nothing(crm: Pipedrive, clock: Clock, table: Any) -> None:
    sell(crm, clock)
    site = site_of("pipedrive", api={"url": crm.url})
    site["crm"]["pipedrive"]["api"]["url"] += "/v1"
    table.delete_item(TableName="crm", Key={"pk": {"S": "pace#shop"}, "sk": {"S": "pipedrive"}})
    made = reader(site, "pipedrive", tools_of(table, clock, pipedrive=TOKEN))
    span = Span(FIRST, clock.now)
    for ask in (
        lambda: made.read([Pointer("deal", "8817")], arrival(clock)),
        lambda: made.read([Pointer("person", "40977")], arrival(clock)),
        lambda: made.page(span, "", arrival(clock)),
        lambda: made.page(span, "archived:", arrival(clock)),
    ):
        with pytest.raises(CrmClosed, match=r"api\.url"):
            ask()


def test_a_deal_whose_changelog_is_refused_stands_without_its_history_and_stops_nobody(
    crm: Pipedrive, clock: Clock, api: CrmReader
) -> None:
    sell(crm, clock)
    crm.company.put_deal(8818, stage_id=73)
    clock.wait(60)
    crm.refused_ids = {8817}
    (page, _, _) = walk(api, Span(FIRST, clock.now), clock)
    told = states([page.outcome])
    assert {one["via"] for one in told if one["deal_id"] == "8817"} == {"api"}
    assert (standing(told, "8817")["stage"], standing(told, "8818")["stage"]) == ("won", "73")
    assert (page.outcome.passed_over["no_history"], page.outcome.rejected) == (1, [])


def test_a_person_that_is_refused_is_rejected_alone(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    for number in (1, 2, 3):
        crm.company.put_person(number, (f"+7900000000{number}",))
        crm.company.put_deal(8800 + number, person_id=number)
    clock.wait(60)
    crm.refused_ids = {2}
    outcome = api.read([Pointer("deal", str(8800 + number)) for number in (1, 2, 3)], arrival(clock))
    told = states([outcome])
    assert [standing(told, str(8800 + number)).get("phone_hash") is not None for number in (1, 2, 3)] == [True, False, True]
    assert [(one.reason, one.message[:9]) for one in outcome.rejected] == [("refused", "persons 2")]


def test_a_phone_that_changes_there_and_back_again_stands_as_it_is(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    crm.company.put_person(40977, ("+79000000017",))
    crm.company.put_deal(8817, person_id=40977)
    outcomes = []
    for phone in ("+79000000017", "+79000000071", "+79000000017"):
        crm.company.put_person(40977, (phone,))
        clock.wait(600)
        outcomes.append(api.read([Pointer("person", "40977")], arrival(clock)))
    for order in itertools.permutations(outcomes):
        assert standing(states(order), "8817")["phone_hash"] == phone_hash("+79000000017", KEY)


def test_an_organization_of_many_deals_leaves_most_of_them_for_later(crm: Pipedrive, clock: Clock, api: CrmReader) -> None:
    for number in range(130):
        crm.company.put_deal(9000 + number, org_id=5)
    clock.wait(60)
    first = api.read([Pointer("organization", "5")], arrival(clock))
    assert (len({one["deal_id"] for one in states([first])}), len(first.to_read)) == (100, 30)
    told = states([first, *read_on(api, first.to_read, clock)])
    assert len({one["deal_id"] for one in told}) == 130


def test_a_phone_within_an_id_is_plain_in_no_record_and_the_read_tells_the_id(crm: Pipedrive, clock: Clock, table: Any) -> None:
    order, call = "f2bf0d11cd47a1250f472ecf37f9969f7bdb30a2", "a" * 40
    crm.company.put_person(40977, ("8 (900) 000-00-17",))
    crm.company.put_deal(8817, person_id=40977, custom_fields={order: "79000000017", call: "1760253000.79000000017"})
    clock.wait(60)
    site = site_of("pipedrive", api={"url": crm.url}, fields={"order_id": order, "call_id": call})
    hook = took(site, "pipedrive", crm.hooks[-1][0].encode(), arrival(clock))
    read = api_of(crm, clock, table, order_id=order, call_id=call).read(hook.to_read, arrival(clock))
    assert b"9000000017" not in b"".join(line for outcome in (hook, read) for _, line in outcome.records)
    deal = standing(states([hook, read]), "8817")
    assert deal["order_id"] == keyed_hash("id", "79000000017", KEY)
    assert deal["call_id"] == keyed_hash("id", "1760253000.79000000017", KEY)
