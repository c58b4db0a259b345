"""When each kind of alert rings and when it does not, and how it is told."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.alerts import checks, facts, words
from functions.report.alerts.checks import Alert, alerts_settings
from functions.report.marts.questions import Answers
from functions.report.marts.tree import Node, tree_of
from functions.report.view.words import LANGUAGES, texts
from shared.report_settings import AlertKind, Alerts
from tests.report_cases import cost, results, settings_of

ENDS = datetime(2026, 10, 12, 9, 0, tzinfo=UTC)
BEGINS = ENDS - timedelta(hours=24)
TODAY = date(2026, 10, 12)
SEEN: dict[str, dict[str, Any]] = {
    "hits_stopped": {"from": BEGINS, "to": ENDS, "expected": 4000, "last_at": BEGINS},
    "calls_stopped": {"from": BEGINS, "to": ENDS, "expected": 12.5, "last_at": BEGINS},
    "crm_stopped": {"from": BEGINS, "to": ENDS, "expected": 30, "last_at": None},
    "costs_stopped": {"last_day": date(2026, 10, 8), "days": 3},
    "no_source_jumped": {"without": 40, "requests": 100, "share": 0.4, "share_before": 0.1, "reason": "overwritten"},
    "spend_without_requests": {"cost": Decimal("30000.00"), "limit": Decimal("9000.00")},
    "low_romi": {
        "cost": Decimal("100000.00"),
        "revenue": Decimal("120000.00"),
        "gross_profit": Decimal("60000.00"),
        "sales": 12,
        "margin_romi": -0.4,
        "least": 0.0,
    },
    "number_silent": {"leases": 400, "expected_calls": 5.25},
    "pool_short": {"numbers": 10, "needed": 18, "visitors": 500, "with_number": 400, "pool_full": 120},
}
SUBJECTS: dict[str, tuple[str, ...]] = {
    "costs_stopped": ("yandex-main",),
    "spend_without_requests": ("Yandex Direct", "yandex", "kuhni_msk"),
    "low_romi": ("Yandex Direct",),
    "pool_short": ("main",),
    "number_silent": ("+74950000007",),
}


def alert(kind: Any, *subject: str, **seen: Any) -> Alert:
    return Alert(kind, subject or SUBJECTS.get(kind, ()), {**SEEN[kind], **seen})


def came(now: int, *weeks: int) -> list[dict[str, Any]]:
    return [{"last_at": BEGINS, "came_0": now, **{f"came_{week}": n for week, n in enumerate(weeks, 1)}}]


def is_stopped(*counts: int) -> bool:
    return bool(list(checks.stopped("hits_stopped", came(*counts), BEGINS, ENDS)))


def spent(last_day: str, days: int = 10, account: str = "main", weekdays: range = range(7)) -> list[dict[str, Any]]:
    """An account's days with spend, up to the last one, on these weekdays (0 = Monday)."""
    last = date.fromisoformat(last_day)
    told = [last - timedelta(days=n) for n in range(days)]
    return [{"account": account, "day": day} for day in told if day.weekday() in weekdays]


def silent_accounts(*rows: list[dict[str, Any]], days: int = 3, today: date = TODAY) -> list[tuple[str, int]]:
    return [(a.subject[0], a.seen["days"]) for a in checks.costs_stopped([r for told in rows for r in told], today, days)]


def shares(now: tuple[int, int], before: tuple[int, int], jump: float = 0.1) -> list[Alert]:
    """(without a source, all) of both spans."""
    rows = [
        {"reason": "", "requests": now[1] - now[0], "requests_before": before[1] - before[0]},
        {"reason": "overwritten", "requests": now[0], "requests_before": before[0]},
    ]
    return list(checks.no_source_jumped(rows, jump))


def tree(*told: Any) -> Node:
    """Rows of results and of spend."""
    spend = [row for row in told if "cost" in row]
    return tree_of(Answers({"results": [row for row in told if "cost" not in row], "spend": spend}))


def vain(limit: str | None, *told: Any) -> list[tuple[str, ...]]:
    return [a.subject for a in checks.spend_without_requests(tree(*told), None if limit is None else Decimal(limit))]


def low(*told: Any, limit: float = 0.0, minimum: int = 10) -> list[tuple[str, ...]]:
    return [a.subject for a in checks.low_romi(tree(*told), limit, minimum)]


def pool(**told: Any) -> dict[str, Any]:
    usual = {"pool": "main", "numbers": 20, "needed": 15, "visitors": 300, "with_number": 300, "pool_full": 0, "is_short": False}
    return {**usual, **told}


def test_every_kind_has_its_question_its_rest_its_view_and_its_words() -> None:
    kinds = set(get_args(AlertKind))
    assert set(facts.KINDS) == set(checks.RESTS) == set(words.VIEWS) == set(SEEN) == kinds
    for language in LANGUAGES:
        assert kinds <= texts(language)["alerts"].keys()


def test_settings_of_before_there_were_alerts_mean_what_new_ones_do() -> None:
    old = {"report": {}}
    assert {**alerts_settings(old), "muted": [], "recipients": []} == Alerts().model_dump(mode="json")


def test_silence_rings_where_the_same_hours_of_earlier_weeks_had_at_least_ten() -> None:
    assert is_stopped(0, 10, 10, 10, 10)
    assert not is_stopped(0, 9, 9, 9, 9)
    assert not is_stopped(1, 1000, 1000, 1000, 1000)


def test_quiet_nights_do_not_ring() -> None:
    assert not is_stopped(0, 0, 1, 0, 2)


def test_one_weeks_flood_or_outage_says_nothing() -> None:
    assert not is_stopped(0, 1000, 0, 0, 0)
    assert not is_stopped(0, 1000, 0, 0, 8)
    assert is_stopped(0, 0, 50, 60, 55)


def test_a_site_without_data_rings_nothing() -> None:
    nothing = [{"last_at": None, **dict.fromkeys(f"came_{n}" for n in range(5))}]
    assert list(checks.stopped("hits_stopped", nothing, BEGINS, ENDS)) == []
    assert silent_accounts() == []
    assert list(checks.no_source_jumped([], 0.1)) == []
    assert vain("1") == []
    assert checks.usual_limit(tree()) is None
    assert low() == []


def test_what_is_usual_is_that_of_the_weeks_since_the_first_data() -> None:
    (found,) = checks.stopped("hits_stopped", came(0, 21, 25, 0, 0), BEGINS, ENDS)
    assert found.seen["expected"] == 23
    assert not is_stopped(0, 21, 0, 0, 0)  # one week is no habit


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=4, max_size=4))
def test_silence_is_nothing_and_much_before(now: int, weeks: list[int]) -> None:
    middle = sum(sorted(weeks)[1:3]) / 2
    assert is_stopped(now, *weeks) == (now == 0 and middle >= 10)


def test_longer_silences_are_judged_where_less_is_usual() -> None:
    assert checks.spans_of(24) == [24, 48, 72, 168]
    assert checks.spans_of(6) == [6, 24, 48, 72, 168]
    assert checks.spans_of(72) == [72, 168]
    assert checks.spans_of(336) == [336]


def test_hits_that_are_all_excluded_are_told_as_such() -> None:
    (found,) = checks.stopped("hits_stopped", [{**came(0, 50, 50, 50, 50)[0], "excluded_0": 7}], BEGINS, ENDS)
    assert found.seen["excluded"] == 7
    assert "исключены" in told("ru", found).seen
    assert "Счётчик работает" in told("ru", found).do
    assert "excluded" in told("en", found).seen


def hooks(*weeks: int, now: int = 0) -> list[Alert]:
    """Webhooks of the hour before ENDS, and of the same hour of earlier weeks."""
    hour = timedelta(hours=1)
    came = {ENDS - hour - k * timedelta(weeks=1): n for k, n in enumerate((now, *weeks))}
    return list(checks.hooks_stopped(came, BEGINS, ENDS, timedelta(weeks=1)))


def test_webhooks_that_stopped_ring_whatever_else_tells_of_deals() -> None:
    (found,) = hooks(12, 14, 20, 12)
    assert (found.kind, found.seen["expected"], found.seen["last_at"]) == ("crm_stopped", 13, ENDS - timedelta(days=7, hours=1))
    assert "вебхука" in told("ru", found).seen
    assert told("en", found).title == "webhooks of the CRM have stopped coming in"
    assert hooks(12, 14, 20, 12, now=1) == []
    assert hooks(9, 9, 9, 9) == []
    assert hooks() == []  # of a site whose CRM sends none


def test_an_account_that_spent_of_late_rings_once_whole_days_are_missing() -> None:
    assert silent_accounts(spent("2026-10-08")) == [("main", 3)]  # 9, 10 and 11 October are over
    assert silent_accounts(spent("2026-10-09")) == []
    assert silent_accounts(spent("2026-10-09"), days=2) == [("main", 2)]


def test_an_account_that_ended_long_ago_hardly_spent_or_is_told_in_advance_does_not_ring() -> None:
    assert silent_accounts(spent("2026-09-27")) == []
    assert silent_accounts(spent("2026-10-08", days=2)) == []
    assert silent_accounts(spent("2026-10-31")) == []


def test_an_account_that_rests_at_weekends_is_silent_on_its_own_weekdays_alone() -> None:
    friday = spent("2026-10-09", days=30, weekdays=range(5))
    tuesday, wednesday, thursday = (date(2026, 10, day) for day in (13, 14, 15))
    assert silent_accounts(friday, today=tuesday) == []  # only Monday is missing
    assert silent_accounts(friday, today=wednesday) == []
    assert silent_accounts(friday, today=thursday) == [("main", 5)]


def test_an_account_that_stopped_is_marked_by_its_last_day() -> None:
    (one,) = checks.costs_stopped(spent("2026-10-08"), TODAY, 3)
    assert one.mark == "2026-10-08"


def test_each_account_rings_for_itself() -> None:
    assert silent_accounts(
        spent("2026-10-01", account="a"), spent("2026-10-11", account="b"), spent("2026-10-07", account="c")
    ) == [
        ("a", 10),
        ("c", 4),
    ]


def test_a_jump_of_the_share_without_a_source_rings_with_the_reason_that_grew() -> None:
    (found,) = shares((40, 100), (40, 400))
    assert (found.seen["share"], found.seen["share_before"], found.seen["reason"]) == (0.4, 0.1, "overwritten")


@pytest.mark.parametrize(
    ("now", "before", "why"),
    [
        ((19, 100), (40, 400), "less than the setting's points"),
        ((4, 10), (40, 400), "chance"),
        ((10, 100), (160, 400), "it fell"),
        ((9, 9), (0, 400), "too few"),
        ((9, 20), (0, 9), "too few before"),
        ((0, 0), (40, 400), "no requests at all"),
    ],
)
def test_a_share_that_says_nothing_does_not_ring(now: tuple[int, int], before: tuple[int, int], why: str) -> None:
    if why == "chance":
        now = (3, 10)
    assert shares(now, before) == [], why


def test_a_smaller_jump_rings_where_the_settings_ask_for_it() -> None:
    assert shares((190, 1000), (400, 4000), jump=0.08)


def test_a_channel_that_spent_over_the_limit_without_a_request_rings() -> None:
    told = [cost("Yandex Direct", "yandex", "9000.00", "kuhni"), cost("VK", "vk", "8999.99"), results("direct", "", requests=5.0)]
    assert vain("9000", *told) == [("Yandex Direct",)]


def test_of_a_channel_with_requests_its_campaigns_ring() -> None:
    told = [
        cost("Yandex Direct", "yandex", "9000.00", "kuhni"),
        cost("Yandex Direct", "yandex", "9000.00", "shkafy"),
        results("Yandex Direct", "yandex", "kuhni", requests=0.25),
    ]
    assert vain("9000", *told) == [("Yandex Direct", "yandex", "shkafy")]


def test_spend_that_is_not_split_is_no_campaign() -> None:
    told = [cost("Yandex Direct", "yandex", "90000.00"), results("Yandex Direct", "yandex", "kuhni", requests=1.0)]
    assert vain("9000", *told) == []


def test_the_usual_limit_is_three_requests_worth() -> None:
    root = tree(
        cost("Yandex Direct", "yandex", "12000.00"),
        results("Yandex Direct", "yandex", requests=3.0),
        results("direct", "", requests=1.0),
    )
    assert checks.usual_limit(root) == Decimal(9000)
    assert checks.usual_limit(tree(cost("VK", "vk", "1.00"))) is None
    assert checks.usual_limit(tree(results("VK", "vk", requests=1.0))) is None
    assert vain(None, cost("VK", "vk", "1000000.00")) == []


def sold(channel: str, sales: float, profit: str, spend: str) -> list[dict[str, Any]]:
    money = {"revenue": Decimal("1000000.00"), "gross_profit": Decimal(profit)}
    return [results(channel, "x", requests=sales, sales=sales, **money), cost(channel, "x", spend)]


def test_a_channel_with_sales_enough_and_a_return_under_the_threshold_rings() -> None:
    assert low(*sold("VK", 10, "99999.99", "100000.00"), *sold("Yandex Direct", 10, "100000.00", "100000.00")) == [("VK",)]
    assert low(*sold("VK", 10, "140000.00", "100000.00"), limit=0.5) == [("VK",)]


def test_revenue_without_a_cost_price_counts_as_profit_as_a_whole() -> None:
    unpriced = results("VK", "x", "k", requests=1.0, sales=1.0, revenue=Decimal("200.00"))
    part = [results("VK", "x", requests=20.0, sales=20.0, revenue=Decimal("900.00"), gross_profit=Decimal("300.00")), unpriced]
    assert low(*part, cost("VK", "x", "500.00")) == []
    (found,) = checks.low_romi(tree(*part, cost("VK", "x", "500.01")), 0.0, 10)
    assert found.seen["gross_profit"] == Decimal("500.00")
    assert "не выше" in told("ru", found).seen
    assert "at most" in told("en", found).seen


def test_the_dearest_of_a_kind_comes_first() -> None:
    spend = [cost("VK", "vk", "900.00", "a"), cost("VK", "vk", "950.00", "b"), results("VK", "vk", "ok", requests=1.0)]
    assert vain("500", *spend, cost("Yandex Direct", "yandex", "920.00")) == [
        ("VK", "vk", "b"),
        ("Yandex Direct",),
        ("VK", "vk", "a"),
    ]
    assert low(*sold("VK", 10, "1.00", "100.00"), *sold("Yandex Direct", 10, "1.00", "200.00")) == [("Yandex Direct",), ("VK",)]


def test_a_site_that_spends_without_any_request_rings_as_a_whole() -> None:
    (found,) = checks.no_requests(Decimal(5000), 3, 0)
    assert (found.subject, told("ru", found).title) == ((), "реклама тратит, а заявок нет ни одной")
    assert "{" not in told("en", found).seen + told("en", found).do
    assert list(checks.no_requests(Decimal(5000), 2, 0)) == []
    assert list(checks.no_requests(Decimal(5000), 3, 1)) == []
    assert list(checks.no_requests(Decimal(0), 3, 0)) == []


def test_each_silent_number_rings_for_itself() -> None:
    numbers = [{"number": f"+7495000000{n}", "leases": 400, "expected_calls": 5.25} for n in (1, 2)]
    found = list(checks.number_silent(numbers))
    assert [one.subject for one in found] == [("+74950000001",), ("+74950000002",)]
    assert "звонков: 5,3" in told("ru", found[0]).seen


def test_few_sales_no_cost_and_no_source_are_not_judged() -> None:
    assert low(*sold("VK", 9.5, "1.00", "100000.00")) == []
    assert low(*sold("VK", 20, "-5.00", "0.00")) == []
    assert low(*sold("no source", 20, "1.00", "100.00")) == []


def test_a_pool_that_turned_visitors_away_or_is_under_its_need_rings() -> None:
    found = checks.pool_short(
        [pool(pool="a", is_short=True, pool_full=9), pool(pool="b", needed=21), pool(pool="c"), pool(pool="d", needed=20)]
    )
    assert [a.subject for a in found] == [("a",), ("b",)]


def test_a_pool_of_which_too_little_is_known_does_not_ring() -> None:
    assert list(checks.pool_short([pool(is_short=True, visitors=9), pool(numbers=None, needed=30), pool(needed=None)])) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", SEEN)
def test_every_alert_says_what_is_seen_and_what_to_do(language: str, kind: str) -> None:
    settings = settings_of(report={"recipients": ["owner@kvartal.example"], "language": language})
    mail = words.mail_of(
        [alert(kind)], settings, "https://stats.example/v1/reports/t", "https://stats.example/v1/reports/t/unsubscribe"
    )
    assert "Квартал" in mail.subject
    assert not re.search(r"[{}]|None|Decimal|datetime", mail.text)
    assert f"https://stats.example/v1/reports/t#view={words.VIEWS[kind]}" in mail.text  # type: ignore[index]
    assert f"https://stats.example/v1/reports/t#view={words.VIEWS[kind]}" in mail.html  # type: ignore[index]
    assert texts(language)["alerts"]["todo"] in mail.text
    assert "https://stats.example/v1/reports/t/unsubscribe" in mail.html


def told(language: str, one: Alert) -> words.Told:
    settings = settings_of(report={"recipients": [], "language": language})
    formats = words.Formats(language, "RUB", "Europe/Moscow")
    return words.told_of(one, words.Names(settings), formats, "")


def test_figures_are_written_as_their_readers_write_them() -> None:
    assert told("ru", alert("no_source_jumped")).seen == (
        "За 7 дней без источника 40 из 100 заявок: 40\u00a0%, а за 28 дней до этого 10\u00a0%. Больше всего выросла причина «"
        + texts("ru")["reasons"]["overwritten"][0]
        + "»."
    )
    assert told("en", alert("low_romi")).title == "return under its threshold: Yandex Direct"
    assert "\u221240% against a threshold of 0%" in told("en", alert("low_romi")).seen
    assert "09.10.2026" not in told("ru", alert("costs_stopped")).seen
    assert "08.10.2026" in told("ru", alert("costs_stopped")).seen
    assert "11.10.2026 12:00 по 12.10.2026 12:00" in told("ru", alert("hits_stopped")).seen  # the site's own zone
    assert "неизвестно" in told("ru", alert("crm_stopped")).seen
    assert "120 раз" in told("ru", alert("pool_short")).seen
    assert "120" not in told("ru", alert("pool_short", pool_full=0)).seen


def test_names_from_outside_stay_harmless() -> None:
    one = alert("costs_stopped", "<script>alert(1)</script> https://evil.example \u202e" + "x" * 500)
    mail = words.mail_of([one], settings_of(), "", "")
    assert "<script>" not in mail.html
    assert "https://evil" not in mail.html
    assert "\u202e" not in mail.subject + mail.html + mail.text
    assert len(mail.subject) < 200


def test_several_alerts_are_one_mail_whose_subject_counts_them() -> None:
    alerts = [alert("hits_stopped"), alert("calls_stopped"), alert("low_romi")]
    mail = words.mail_of(alerts, settings_of(), "", "")
    assert mail.subject == "Квартал: посещения перестали поступать и ещё 2 предупреждения"
    assert mail.text.count(texts("ru")["alerts"]["todo"]) == 3
    assert "#view" not in mail.html


def test_hundreds_of_alerts_stay_under_the_size_that_mailboxes_clip() -> None:
    vain_ones = [alert("spend_without_requests", "Yandex Direct", "yandex", f"{n}-" + "Ж" * 300) for n in range(words.MOST_NAMED)]
    page_url = "https://stats.example/v1/reports/" + "t" * 43
    mail = words.mail_of(vain_ones, settings_of(), page_url, "https://stats.example/x", 338)
    assert len(mail.html.encode()) <= 80_000
    assert mail.text.count(texts("ru")["alerts"]["todo"]) == words.MOST_TOLD
    assert "Ещё 338 предупреждений не поместились в письмо: о них напишем" in mail.text
    assert all(f" {n}-Ж" in mail.text for n in range(words.MOST_NAMED))
