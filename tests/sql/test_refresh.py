"""The refresh as a whole: whatever came when, in whatever order and however often it broke, the marts say the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.attribution.refresh import LEASE, MOST_RESUMES
from functions.attribution.standing import State
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import walk
from shared.errors import WarehouseError
from shared.records import HIT
from shared.settings import SiteSettings
from shared.warehouse import Row
from tests.histories import without_rounds
from tests.lakes import (
    COMPARED,
    NOW,
    Marts,
    Record,
    assert_same,
    cost,
    deal,
    hit,
    leased,
    marts_of,
    payment,
    rang,
    request,
    shop,
    utc,
    write,
)
from tests.random_lakes import random_records, random_shop, shuffled

DAY = timedelta(days=1)
_WHOLE: dict[int, tuple[list[Record], dict[str, list[Row]]]] = {}


def whole(seed: int, visitors: int = 12) -> tuple[list[Record], dict[str, list[Row]]]:
    """A random lake and its tables after one full rebuild."""
    if seed not in _WHOLE:
        records = random_records(seed, visitors)
        with TemporaryDirectory() as folder:
            _WHOLE[seed] = records, marts_of(Path(folder), records, random_shop()).everything()
    return _WHOLE[seed]


def arrive(marts: Marts, deliveries: Sequence[Sequence[Record]], pause: timedelta = DAY) -> None:
    """A refresh after each delivery; the last one is at NOW."""
    for place, records in enumerate(deliveries):
        now = NOW - pause * (len(deliveries) - 1 - place)
        write(marts.root, records, now, packed=place % 2 == 0)
        marts.refresh(now)


@pytest.mark.proof  # in every test run: the orders of the next test
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(100, 107), st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([DAY / 24, DAY, 3 * DAY]))
def test_any_order_of_arrival_makes_the_tables_of_one_rebuild(seed: int, order: int, batches: int, pause: timedelta) -> None:
    records, expected = whole(seed)
    with TemporaryDirectory() as folder:
        marts = Marts(Path(folder), random_shop())
        arrive(marts, shuffled(records, order, batches), pause)
        assert_same(marts.everything(), expected)


@pytest.mark.parametrize("seed", [200, 201, 202, *(pytest.param(n, marks=pytest.mark.proof) for n in (203, 204, 205))])
def test_arrivals_in_random_order_over_a_week_make_the_tables_of_one_rebuild(seed: int, tmp_path: Path) -> None:
    records, expected = whole(seed, visitors=40)
    marts = Marts(tmp_path, random_shop())
    arrive(marts, shuffled(records, seed, 2 + seed % 4), timedelta(days=7))
    assert_same(marts.everything(), expected)


def test_a_second_refresh_of_the_same_records_writes_nothing(tmp_path: Path) -> None:
    records, _ = whole(101)
    marts = marts_of(tmp_path, records, random_shop())
    anew = {"joints", "deal_merges"}  # these start anew each time, so their rows are written again
    written = {table: [row.get("refresh_id") for row in marts.rows(table)] for table in COMPARED if table not in anew}
    marts.refresh(NOW + DAY)
    assert {table: [row.get("refresh_id") for row in marts.rows(table)] for table in written} == written


def standing(marts: Marts) -> State:
    """The run that was left."""
    left = marts.ledger.load_run()
    assert left is not None
    return left


class Broken(Exception):
    """The process died."""


class Fragile(DuckDbWarehouse):
    """Dies at its k-th statement: before it ran, or after it ran and before anybody was told."""

    dies_at = -1
    dies_after = False

    def start(self, sql: str, token: str = "") -> str:
        self.dies_at -= 1
        if self.dies_at == 0 and not self.dies_after:
            raise Broken
        answer = super().start(sql, token)
        if self.dies_at == 0:
            raise Broken
        return answer


@pytest.mark.parametrize("place", [*range(7), *(pytest.param(n, marks=pytest.mark.proof) for n in range(7, 14))])
def test_a_run_that_died_anywhere_goes_on_under_its_own_id_to_the_same_tables(place: int, tmp_path: Path) -> None:
    random = Random(place)
    records, expected = whole(101)
    warehouse = Fragile(tmp_path, None, threads=1)
    marts = Marts(tmp_path, random_shop(), warehouse=warehouse)
    first, second = shuffled(records, place, 2)
    write(tmp_path, first, NOW - DAY)
    if place % 2:  # a full run dies, else an incremental one
        marts.refresh(NOW - DAY)
    write(tmp_path, second, NOW)
    deaths = [random.randrange(1, 40), *(random.randrange(1, 8) for _ in range(place % MOST_RESUMES))]
    for died, warehouse.dies_at in enumerate(deaths):
        warehouse.dies_after = random.random() < 0.5
        with pytest.raises(Broken):
            marts.refresh(NOW + LEASE * 2 * died)
    refresh_id = standing(marts)["refresh_id"]
    state = marts.refresh(NOW + LEASE * 2 * len(deaths))
    assert state["refresh_id"] == refresh_id == marts.ledger.last_complete("shop")["refresh_id"]
    assert_same(without_rounds(marts.everything()), without_rounds(expected))


def test_every_statement_may_run_twice(tmp_path: Path) -> None:
    """A statement that ran, but whose end nobody heard of, is started again."""
    records, expected = whole(102)
    warehouse = Fragile(tmp_path, None, threads=1)
    warehouse.dies_after = True
    marts = Marts(tmp_path, random_shop(), warehouse=warehouse)
    write(tmp_path, records, NOW)
    died, is_done = 0, False
    while not is_done:
        warehouse.dies_at = 1 if died % 2 == 0 else 2  # the repeated statement passes, the next one dies
        try:
            marts.refresh(NOW + LEASE * 2 * died)
            is_done = True
        except Broken:
            died += 1
            standing(marts)["resumes"] = 0  # a run that died too often would be begun anew
    assert died > 20
    assert_same(without_rounds(marts.everything()), without_rounds(expected))


def test_a_second_runner_is_kept_out_while_the_lease_runs_and_takes_over_after_it(tmp_path: Path) -> None:
    write(tmp_path, [hit("v", utc("10-05 10:00"))], NOW)
    marts = Marts(tmp_path)
    machine = marts.machine()
    first = machine.advance({}, NOW)
    other = Marts(tmp_path, warehouse=marts.warehouse)
    other.ledger = marts.ledger
    random = other.machine().__class__(marts.warehouse, marts.ledger, lambda: [shop()], "", lambda: bytes([1]) * 16)
    kept_out = random.advance({}, NOW + LEASE / 2)
    assert (kept_out["status"], kept_out["note"]) == ("complete", "another refresh is running")
    assert marts.ledger.last_complete("shop") == {}
    taken_over = walk(random, NOW + LEASE + timedelta(seconds=1))
    assert (taken_over["status"], taken_over["refresh_id"]) == ("complete", first["refresh_id"])
    assert len(marts.rows("sessions")) == 1


def test_the_first_runner_stops_when_it_comes_back_and_finds_itself_replaced(tmp_path: Path) -> None:
    marts = Marts(tmp_path)
    first = marts.machine().advance({}, NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    assert marts.ledger.acquire("another", later, later + LEASE)
    stopped = marts.machine().advance(first, later)
    assert (stopped["status"], stopped["note"]) == ("complete", "another refresh has taken over")


@pytest.mark.parametrize(
    ("before", "after", "table", "column", "then", "now"),
    [
        (shop(), shop(payment_hosts=["bank.example"]), "sessions", "channel", ["Referral"], ["direct"]),
        (shop(), shop(time_zone="Asia/Vladivostok"), "hits", "day", ["2026-10-05"], ["2026-10-06"]),
        (shop(), shop(stages=[{"stages": {"won": "lost"}}]), "deals", "meaning", ["won"], ["lost"]),
        (shop(), shop(costs={"show": "net", "vat_percent": 20}), "costs", "cost", ["120.000000"], ["100.000000"]),
    ],
)
def test_a_changed_rule_rewrites_the_history(
    before: SiteSettings, after: SiteSettings, table: str, column: str, then: list[str], now: list[str], tmp_path: Path
) -> None:
    records = [
        hit("v", utc("10-05 19:00"), referrer_host="bank.example"),
        deal("d", utc("10-05 20:00"), "won", "10"),
        cost("10-05", "yandex", "120"),
    ]
    marts = marts_of(tmp_path, records, before)
    assert [str(value) for value in marts.rows(table, column)] == then
    marts.sites = [after]
    marts.refresh(NOW + 30 * DAY)
    assert [str(value) for value in marts.rows(table, column)] == now
    assert_same(marts.everything(), marts_of(tmp_path / "anew", records, after).everything())


def test_rows_that_vanished_are_deleted(tmp_path: Path) -> None:
    """A cost that a later import clears, a credit whose touch a late hit swallows, an implied request whose deal finds its own."""
    marts = marts_of(
        tmp_path,
        [
            cost("10-05", "yandex", "5"),
            hit("v", utc("10-05 10:25"), "vk/cpc"),
            request("r", utc("10-05 11:00"), visitor="v", phone="p"),
            deal("d", utc("10-05 12:00"), phone="other"),
        ],
    )
    assert (len(marts.rows("costs")), marts.rows("requests", "request_id")) == (1, ["crm:crm:d", "r"])
    (old,) = marts.rows("sessions", "session_id")
    clearing = cost("10-05", "", "0", "import-2", at=utc("10-06 20:00"), is_scope_mark=True)
    late = [clearing, hit("v", utc("10-05 10:00"), "vk/cpc"), deal("d", utc("10-05 13:00"), request_id="r")]
    write(tmp_path, late, NOW + DAY)
    marts.refresh(NOW + DAY)
    assert (marts.rows("costs"), marts.rows("requests", "request_id")) == ([], ["r"])
    assert old not in marts.rows("sessions", "session_id")
    assert set(marts.rows("credits", "touch_id")) == set(marts.rows("sessions", "session_id"))


def test_a_full_refresh_forgets_what_the_lake_does_not_hold_any_more(tmp_path: Path) -> None:
    records, _ = whole(101)
    marts = marts_of(tmp_path, records, random_shop())
    rmtree(tmp_path / "raw")
    marts.sites = [random_shop(attribution={"lookback_days": 8})]
    marts.refresh(NOW + DAY)
    assert [table for table, rows in marts.everything().items() if rows] == []


def test_a_hit_whose_earlier_copy_shows_it_ahead_of_its_time_leaves_its_visit(tmp_path: Path) -> None:
    at = utc("10-05 10:20")
    late = hit("v", at, received_at=at)
    marts = marts_of(tmp_path, [hit("v", utc("10-05 10:00")), late, hit("v", utc("10-05 10:40"))])
    assert marts.rows("sessions", "hits") == [3]
    early = Record(late.kind, {**late.values, "received_at": at - timedelta(minutes=6)})
    write(tmp_path, [early], NOW + DAY)
    marts.refresh(NOW + DAY)
    assert marts.rows("sessions", "hits") == [1, 1]


def test_an_id_used_again_on_another_day_is_another_hit_and_breaks_nothing(tmp_path: Path) -> None:
    """Ids are made by browsers, which anybody can be."""
    same = "01890000-0000-7000-8000-000000000000"
    marts = marts_of(tmp_path, [hit("v", utc("10-05 10:00"), record_id=same), hit("w", utc("10-06 10:00"), record_id=same)])
    write(tmp_path, [hit("x", utc("10-07 10:00"), record_id=same), request("r", utc("10-07 12:00"), visitor="x")], NOW + DAY)
    marts.refresh(NOW + DAY)
    marts.sites = [shop(time_zone="UTC")]
    marts.refresh(NOW + 2 * DAY)
    assert marts.rows("sessions", "visitor_id") == ["v", "w", "x"]


@pytest.mark.parametrize("name", ["crm:crm:d", "deal:crm:d"])
def test_a_request_cannot_take_the_name_of_an_implied_one_or_of_a_joint(name: str, tmp_path: Path) -> None:
    records = [deal("d", utc("10-05 10:00"), "won", contact="c"), request(name, utc("10-05 09:00"), phone="stranger")]
    assert marts_of(tmp_path, records).rows("requests", "request_id") == ["crm:crm:d"]


def test_a_clock_set_back_does_not_hide_what_arrives(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [hit("v", utc("10-05 10:00"))])
    first = marts.ledger.last_complete("shop")["refresh_id"]
    write(tmp_path, [hit("w", utc("10-05 10:00"))], NOW - timedelta(hours=1))
    marts.refresh(NOW - timedelta(hours=1))
    assert marts.ledger.last_complete("shop")["refresh_id"] > first
    assert marts.rows("sessions", "visitor_id") == ["v", "w"]


def test_a_broken_line_is_never_passed_over_in_silence(tmp_path: Path) -> None:
    write(tmp_path, [hit("v", utc("10-05 10:00"))], NOW)
    cut = tmp_path / "raw" / HIT.name / f"{NOW:%Y/%m/%d/%H}" / "cut.jsonl"
    cut.write_bytes(b'{"record_id": "x", "site_id": "sh\n\n')
    marts = Marts(tmp_path)
    with pytest.raises(WarehouseError, match=r"cut\.jsonl.*line 2"):
        marts.refresh()
    cut.unlink()
    marts.refresh()
    assert len(marts.rows("hits")) == 1


def test_a_lake_without_any_record_makes_empty_tables(tmp_path: Path) -> None:
    marts = Marts(tmp_path)
    assert marts.refresh()["status"] == "complete"
    assert all(rows == [] for rows in marts.everything().values())


def test_sites_do_not_see_each_other(tmp_path: Path) -> None:
    records = [
        hit("v", utc("10-05 10:00"), "yandex/cpc"),
        request("r", utc("10-05 10:10"), visitor="v", phone="p"),
        deal("d", utc("10-05 11:00"), "won", "100", phone="p", contact="c"),
        payment("d", utc("10-05 12:00"), "100", "p"),
        cost("10-05", "yandex", "10"),
        rang("a", utc("10-05 10:20"), visitor="v"),
        leased("v", utc("10-05 10:00"), "l1"),
        leased("w", utc("10-05 11:00"), "l2", "l1"),
        hit("s", utc("10-05 10:00"), referrer="https://semalt.com/", referrer_host="semalt.com"),
        hit("w", utc("10-05 08:00"), "yandex/cpc"),
        hit("w", utc("10-05 09:00"), "vk/cpc"),
        request("r2", utc("10-05 09:30"), visitor="w"),
        deal("d2", utc("10-05 10:00"), "won", "50", request_id="r2"),
        deal("d3", utc("10-05 10:00"), is_deleted=True, merged_into="d2"),
    ]
    other = [Record(r.kind, {**r.values, "site_id": "other"}) for r in records]
    write(tmp_path, [*records, *other], NOW)
    marts = Marts(tmp_path, shop(), shop(site_id="other", currency="USD"))
    marts.refresh()
    alone = marts_of(tmp_path / "alone", records).everything()
    found = marts.everything()
    assert_same({table: [row for row in rows if row["site_id"] == "shop"] for table, rows in found.items()}, alone)
    assert all({row["site_id"] for row in rows} == {"shop", "other"} for name, rows in found.items() if name != "hub_keys")
