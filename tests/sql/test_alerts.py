"""Alerts asked of marts: what has stopped, of raw records that went through a refresh; the rest of rows put in by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.report.alerts.checks import Alert
from functions.report.alerts.facts import KINDS, Asked, alerts_of
from functions.report.marts.questions import SQL
from shared.errors import WarehouseError
from shared.settings import published
from shared.warehouse import Row
from tests.lakes import Marts, Record, cost, deal, hit, marts_of, rang, shop, utc
from tests.report_cases import settings_of
from tests.report_marts import SEARCH, YANDEX, SmallMarts

TUESDAYS = [utc(f"{day} 10:00") for day in ("10-20", "10-27", "11-03", "11-10")]
NOON = utc("11-17 12:00")  # a Tuesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 10, 12)
MODEL = "last_non_direct"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """A shop that had twelve hits, calls and CRM events each Tuesday from 10:00 to 10:11, and has none on 17 November."""
    records: list[Record] = []
    for week, day in enumerate(TUESDAYS):
        for n in range(12):
            at = day + n * MINUTE
            records += [hit(f"v{week}-{n}", at), rang(f"{week}-{n}", at), deal(f"{week}-{n}", at, "new")]
    robot = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"
    records.append(hit("robot", utc("11-17 10:30"), user_agent=robot))
    records.append(rang("out", utc("11-17 10:30"), direction="out"))
    for account, last in (("stopped", 13), ("goes-on", 16)):
        days = [f"11-{day:02}" for day in range(5, last + 1)]
        records += [cost(day, "vk/cpc", "100", f"{account}-{day}", account=account, scope=f"{account}:{day}") for day in days]
    return marts_of(tmp_path_factory.mktemp("quiet"), records, now=NOON + HOUR)


def stopped(marts: Marts, seen_to: datetime, **alerts: Any) -> list[Alert]:
    site = published(shop(report={"recipients": ["owner@shop.example"], "alerts": alerts}))
    found, failed = alerts_of(Asked(marts.warehouse, site, seen_to))
    assert failed == []
    return [alert for alert in found if alert.kind.endswith("_stopped")]


def kinds(found: list[Alert]) -> list[str]:
    return [alert.kind for alert in found]


def test_hits_calls_and_crm_events_that_usually_come_at_these_hours_ring(quiet: Marts) -> None:
    found = stopped(quiet, NOON)
    assert kinds(found) == ["hits_stopped", "calls_stopped", "crm_stopped", "costs_stopped"]
    assert [alert.seen["expected"] for alert in found[:3]] == [12, 12, 12]
    assert found[0].seen["last_at"] == TUESDAYS[-1] + 11 * MINUTE
    assert found[0].seen["from"] == NOON - timedelta(hours=24)


def test_hours_that_are_always_quiet_do_not_ring(quiet: Marts) -> None:
    assert kinds(stopped(quiet, utc("11-17 09:59"), costs_silent_days=9)) == []
    assert kinds(stopped(quiet, utc("11-11 22:00"), silent_hours=6, costs_silent_days=9)) == []
    assert kinds(stopped(quiet, utc("11-17 14:00"), silent_hours=6, costs_silent_days=9)) == [
        "hits_stopped",
        "calls_stopped",
        "crm_stopped",
    ]


def test_a_shop_with_few_arrivals_rings_after_a_longer_silence(tmp_path: Path) -> None:
    three = [day + n * MINUTE for day in (utc("10-06 10:00"), utc("10-13 10:00"), *TUESDAYS) for n in range(3)]
    records = [hit(f"v{n}", at + back * DAY) for back in range(4) for n, at in enumerate(three)]  # Tuesday to Friday
    marts = marts_of(tmp_path, records, now=NOON + 8 * DAY)
    assert kinds(stopped(marts, utc("11-19 12:00"))) == []  # six of 48 hours, nine of 72 are missing: too few
    (alert,) = stopped(marts, utc("11-20 12:00"))
    assert (alert.kind, alert.seen["expected"]) == ("hits_stopped", 12)
    assert alert.seen["from"] == utc("11-13 12:00")
    assert alert.seen["last_at"] == utc("11-13 10:02")


def test_webhooks_that_stopped_ring_while_the_api_tells_of_deals(quiet: Marts) -> None:
    site = published(shop(report={"recipients": ["owner@shop.example"]}))
    at = utc("11-10 11:30")  # deals came in the hour before
    weekly = {utc("11-10 10:00") - week * timedelta(weeks=1): 12 for week in range(1, 5)}
    found, _ = alerts_of(Asked(quiet.warehouse, site, at, lambda since: weekly))
    assert [(alert.kind, alert.form) for alert in found if "stopped" in alert.kind] == [("crm_stopped", "_hooks")]
    came = {**weekly, utc("11-10 10:00"): 1}
    assert "crm_stopped" not in kinds(alerts_of(Asked(quiet.warehouse, site, at, lambda since: came))[0])


def test_hours_with_arrivals_do_not_ring(quiet: Marts) -> None:
    assert kinds(stopped(quiet, TUESDAYS[-1] + 2 * HOUR)) == []


def test_a_silence_of_more_than_a_week_is_compared_with_spans_before_it(quiet: Marts) -> None:
    # Two weeks from 19 November on without any; of the spans of two weeks before them three had 12, 24 and 12.
    found = stopped(quiet, utc("12-03 12:00"), silent_hours=336)
    assert [(alert.kind, alert.seen["expected"]) for alert in found] == [
        ("hits_stopped", 12),
        ("calls_stopped", 12),
        ("crm_stopped", 12),
    ]
    assert kinds(stopped(quiet, utc("11-20 12:00"), silent_hours=336, costs_silent_days=20)) == []


def test_an_account_without_costs_for_whole_days_rings_and_one_that_goes_on_does_not(quiet: Marts) -> None:
    (alert,) = [alert for alert in stopped(quiet, NOON) if alert.kind == "costs_stopped"]
    assert (alert.subject, alert.seen) == (("stopped",), {"last_day": date(2026, 11, 13), "days": 3})
    assert "costs_stopped" not in kinds(stopped(quiet, utc("11-16 12:00")))


def test_kinds_that_nobody_wants_are_not_asked(quiet: Marts) -> None:
    assert kinds(stopped(quiet, NOON, muted=["hits_stopped", "costs_stopped"])) == ["calls_stopped", "crm_stopped"]


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def judged(marts: SmallMarts, kind: str, **report: Any) -> list[Alert]:
    settings = settings_of(report={"recipients": ["owner@kvartal.example"], **report}, numbers={"default": "+74950000001"})
    asked = Asked(marts.warehouse, settings, datetime(2026, 10, 12, 9, tzinfo=NOON.tzinfo))
    return KINDS[kind](asked)  # type: ignore[index]


def test_a_site_without_any_data_rings_nothing(marts: SmallMarts) -> None:
    settings = settings_of(report={"recipients": ["owner@kvartal.example"]})
    assert alerts_of(Asked(marts.warehouse, settings, NOON)) == ([], [])


def requests(marts: SmallMarts, day: date, number: int, lost: int) -> None:
    for n in range(number):
        reason = {"no_source_reason": "overwritten"} if n < lost else {}
        marts.request(f"{day}-{n}", day=day, is_counted=n % 2 == 0, **reason)


def test_the_share_without_a_source_of_a_week_is_held_against_the_four_before_it(marts: SmallMarts) -> None:
    requests(marts, date(2026, 8, 8), 500, 500)  # before the five weeks
    requests(marts, date(2026, 9, 8), 50, 5)  # the first day of the four weeks
    requests(marts, date(2026, 10, 5), 50, 5)  # and the last
    requests(marts, date(2026, 10, 6), 20, 10)
    requests(marts, TODAY, 20, 10)
    (alert,) = judged(marts, "no_source_jumped")
    assert alert.seen == {"without": 20, "requests": 40, "share": 0.5, "share_before": 0.1, "reason": "overwritten"}
    assert judged(marts, "no_source_jumped", alerts={"no_source_jump": "0.45"}) == []


def spend(marts: SmallMarts, day: date, source: dict[str, str], amount: str) -> None:
    sum_ = Decimal(amount)
    marts.add("costs", cost_id=f"{day}-{source}", day=day, **source, cost=sum_, original_cost=sum_, currency="RUB", account="a")


def test_spend_of_seven_days_without_any_request_rings(marts: SmallMarts) -> None:
    spend(marts, date(2026, 10, 11), YANDEX, "5000")
    spend(marts, date(2026, 10, 5), YANDEX, "4000")
    spend(marts, date(2026, 10, 4), YANDEX, "9000")  # the day before the seven
    (alert,) = judged(marts, "spend_without_requests", alerts={"spend_without_requests": "9000"})
    assert (alert.subject, alert.seen["cost"]) == (("Yandex Direct",), Decimal("9000.00"))
    assert judged(marts, "spend_without_requests", alerts={"spend_without_requests": "9000.01"}) == []
    assert judged(marts, "spend_without_requests") == []  # no request ever: nothing tells what is usual


def test_a_site_that_spends_on_three_days_and_has_no_request_at_all_rings_once(marts: SmallMarts) -> None:
    for day in (5, 6, 7):
        spend(marts, date(2026, 10, day), YANDEX, "5000")
    spend(marts, date(2026, 10, 7), SEARCH, "1000")
    (alert,) = judged(marts, "spend_without_requests")
    assert (alert.subject, alert.seen) == ((), {"cost": Decimal(16000)})
    marts.request("fresh", day=TODAY, is_counted=False, no_source_reason="not_determined")
    assert judged(marts, "spend_without_requests") == []


def test_a_request_that_nobody_sorted_yet_is_one(marts: SmallMarts) -> None:
    spend(marts, date(2026, 10, 11), YANDEX, "9000")
    marts.request("fresh", day=TODAY, is_counted=False, credits={MODEL: [(YANDEX, 0.5, "0.00", None), (SEARCH, 0.5, "0.00", None)]})
    assert judged(marts, "spend_without_requests", alerts={"spend_without_requests": "1"}) == []


def test_the_usual_limit_is_three_times_the_sites_cost_of_a_request(marts: SmallMarts) -> None:
    marts.request("one", day=date(2026, 9, 20), credits={MODEL: [(SEARCH, 1.0, "0.00", None)]})
    marts.request("lost", day=date(2026, 9, 20), no_source_reason="not_determined")
    spend(marts, date(2026, 10, 11), YANDEX, "9000")
    assert judged(marts, "spend_without_requests") == []  # 9,000 / 2 requests × 3 is more than was spent
    for n in range(2, 5):
        marts.request(f"more-{n}", day=date(2026, 9, 20), credits={MODEL: [(SEARCH, 1.0, "0.00", None)]})
    (alert,) = judged(marts, "spend_without_requests")
    assert alert.seen["limit"] == Decimal(5400)


def test_a_channel_whose_margin_does_not_pay_for_it_rings(marts: SmallMarts) -> None:
    for n in range(10):
        marts.request(f"sale-{n}", day=date(2026, 9, 20), sales=1, credits={MODEL: [(YANDEX, 1.0, "1000.00", "400.00")]})
    spend(marts, date(2026, 9, 20), YANDEX, "5000")
    (alert,) = judged(marts, "low_romi")
    assert (alert.subject, alert.seen["margin_romi"], alert.seen["least"]) == (("Yandex Direct",), -0.2, 0.0)
    assert judged(marts, "low_romi", alerts={"margin_romi": "-0.2"}) == []
    assert judged(marts, "low_romi", thresholds={"minimum_sales": 11}) == []
    assert judged(marts, "low_romi", days=7) == []  # by the report's own days


def test_a_pool_that_turns_visitors_away_rings(marts: SmallMarts) -> None:
    for n in range(12):
        is_refused = n < 3
        told = (
            {"kind": "default", "reason": "pool_full"} if is_refused else {"kind": "dynamic", "reason": "new", "lease_id": f"l{n}"}
        )
        at = datetime(2026, 10, 12, 8, n, tzinfo=NOON.tzinfo)
        held = {"held_numbers": 5, "pool_numbers": 5, "is_excluded": False}
        marts.add("leases", record_id=f"r{n}", asked_at=at, day=TODAY, visitor_id=f"v{n}", pool="main", **held, **told)
    (alert,) = judged(marts, "pool_short")
    assert (alert.subject, alert.seen["pool_full"], alert.seen["visitors"], alert.seen["numbers"]) == (("main",), 3, 12, 5)


def test_a_leased_number_that_nobody_rings_does(marts: SmallMarts) -> None:
    for number, calls in (("+74950000008", 0), ("+74950000009", 10)):
        for n in range(100):
            told = {"kind": "dynamic", "number": number, "lease_id": f"l{number}-{n}", "is_confirmed": True}
            marts.add("leases", record_id=f"{number}-{n}", day=TODAY, asked_at=NOON, **told)
        for n in range(calls):
            marts.add("calls", call_id=f"c{n}", day=TODAY, direction="in", number=number, is_spam=False, lease_id=f"l{n}",
                      resolved_by="lease", visitor_id="v")  # fmt: skip
    (alert,) = judged(marts, "number_silent")
    assert (alert.subject, alert.seen) == (("+74950000008",), {"leases": 100, "expected_calls": 5.0})


class Broken:
    """A warehouse that cannot answer one question."""

    def __init__(self, inner: Any, table: str) -> None:
        self._inner, self._table = inner, table

    def rows(self, sql: str) -> list[Row]:
        if f"FROM {self._table}" in sql:
            raise WarehouseError("the query was cut off: it wanted to read too much")
        return list(self._inner.rows(sql))


def test_a_kind_that_cannot_be_asked_is_named_and_silences_no_other(quiet: Marts) -> None:
    site = published(shop(report={"recipients": ["owner@shop.example"]}))
    found, failed = alerts_of(Asked(Broken(quiet.warehouse, "hits"), site, NOON))  # type: ignore[arg-type]
    assert failed == ["hits_stopped"]
    assert kinds(found)[:2] == ["calls_stopped", "crm_stopped"]


class Listening:
    """Remembers what it is asked."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.asked = inner, ""

    def rows(self, sql: str) -> list[Row]:
        self.asked += sql
        return list(self._inner.rows(sql))


def test_every_sql_file_of_alerts_is_asked(quiet: Marts) -> None:
    site = published(shop(report={"recipients": ["owner@shop.example"], "alerts": {"spend_without_requests": 1}}))
    listening = Listening(quiet.warehouse)
    assert alerts_of(Asked(listening, site, NOON))[1] == []  # type: ignore[arg-type]
    files = sorted(SQL.glob("alerts_*.sql"))
    assert [path.name for path in files if path.read_text("utf-8").splitlines()[0] not in listening.asked] == []
    assert len(files) == 6
