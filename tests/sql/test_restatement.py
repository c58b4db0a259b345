"""What a refresh changes in days that were over before: noted once, with its reason, and told by the next day's report."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.refresh import MOST_RESUMES
from functions.attribution.standing import State
from functions.attribution.steps import STEPS
from functions.report.figures import Figures, build
from functions.report.marts.questions import ask, period_of
from shared.settings import SiteSettings, published
from shared.times import from_lake_text, lake_text
from tests.lakes import NOW, Marts, Record, assert_same, call, cost, deal, hit, marts_of, payment, request, shop, utc, write

DAY = timedelta(days=1)
FIFTH = date(2026, 11, 5)
WON: dict[str, Any] = {"stages": [{"stages": {"won": "won"}, "money_stage": "won"}]}
RULES = shop(**WON, margins=[{"valid_from": "2026-01-01", "percent": "40"}])


def story() -> list[Record]:
    """One sale of a visitor from Yandex, and its costs."""
    return [
        hit("v", utc("11-05 10:00"), "yandex/cpc"),
        request("r", utc("11-05 10:10"), visitor="v", phone="p"),
        deal("d", utc("11-05 11:00"), "won", "100", request_id="r"),
        cost("11-05", "yandex", "50"),
    ]


def later(marts: Marts, *records: Record, after: timedelta = DAY) -> list[tuple[Any, ...]]:
    """Records that come later, a refresh, and what that one noted: day, channel, figure, old, new, why."""
    write(marts.root, records, NOW + after)
    marts.refresh(NOW + after)
    return noted(marts)


def noted(marts: Marts) -> list[tuple[Any, ...]]:
    """What the last complete run noted."""
    last = marts.ledger.last_complete("shop")["refresh_id"]
    found = marts.rows("restatements", refresh_id=last)
    values = [[None if row[name] is None else f"{row[name].normalize():f}" for name in ("old_value", "new_value")] for row in found]
    return [(row["day"].day, row["channel"], row["metric"], *told, row["reason"]) for row, told in zip(found, values, strict=True)]


def test_the_first_refresh_restates_nothing(tmp_path: Path) -> None:
    assert noted(marts_of(tmp_path, story(), RULES)) == []


def test_daily_figures_add_up_to_the_totals_of_the_crm(tmp_path: Path) -> None:
    lost = [request("n", utc("11-05 12:00"), phone="n"), deal("n", utc("11-05 13:00"), "won", "30", request_id="n")]
    marts = marts_of(tmp_path, [*story(), *lost], RULES)
    rows = marts.rows("daily_figures", "channel", "visits", "requests", "sales", "revenue", "gross_profit", "cost")
    assert rows == [
        ("", 0, 1.0, 1.0, Decimal("30.00"), Decimal("12.00"), Decimal("0.000000")),
        ("Yandex Direct", 1, 1.0, 1.0, Decimal("100.00"), Decimal("40.00"), Decimal("50.000000")),
    ]
    assert sum(row[4] for row in rows) == sum(marts.rows("deals", "revenue"))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([cost("11-05", "yandex", "70", "import-2", at=utc("11-19 10:00"))], [(5, "Yandex Direct", "cost", "50", "70", "costs")]),
        ([hit("w", utc("11-05 09:00"), "vk/cpc")], [(5, "VK Ads", "visits", "0", "1", "visits")]),
        (
            [deal("d", utc("11-19 11:00"), "won", "150", request_id="r")],
            [
                (5, "Yandex Direct", "gross_profit", "40", "60", "records"),
                (5, "Yandex Direct", "revenue", "100", "150", "records"),
            ],
        ),
        (
            [hit("v", utc("11-05 10:08"), "google/cpc")],
            [
                (5, "Google Ads", "gross_profit", None, "40", "credits"),
                (5, "Google Ads", "qualified", "0", "1", "credits"),
                (5, "Google Ads", "requests", "0", "1", "credits"),
                (5, "Google Ads", "revenue", "0", "100", "credits"),
                (5, "Google Ads", "sales", "0", "1", "credits"),
                (5, "Google Ads", "visits", "0", "1", "visits"),
                (5, "Yandex Direct", "gross_profit", "40", None, "credits"),
                (5, "Yandex Direct", "qualified", "1", "0", "credits"),
                (5, "Yandex Direct", "requests", "1", "0", "credits"),
                (5, "Yandex Direct", "revenue", "100", "0", "credits"),
                (5, "Yandex Direct", "sales", "1", "0", "credits"),
            ],
        ),
    ],
    ids=["corrected costs", "a late visit", "a corrected deal", "a late visit that takes the credit"],
)
def test_a_change_of_a_closed_day_is_noted_with_its_reason(
    records: list[Record], expected: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    assert later(marts_of(tmp_path, story(), RULES), *records) == expected


def test_changed_rules_are_the_reason_of_all_that_they_change(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    marts.sites = [shop(**WON, margins=[{"valid_from": "2026-01-01", "percent": "50"}])]
    assert later(marts) == [(5, "Yandex Direct", "gross_profit", "40", "50", "rules")]


def test_a_day_that_was_not_over_for_the_refresh_before_is_no_closed_one(tmp_path: Path) -> None:
    """NOW is 06:00 of the 20th in Moscow. A day that had ended less than 15 minutes before was still being delivered."""
    late = [hit("a", utc("11-19 12:00"), "vk/cpc"), hit("b", utc("11-20 01:00"), "vk/cpc")]
    assert later(marts_of(tmp_path, story(), RULES), *late) == [(19, "VK Ads", "visits", "0", "1", "visits")]
    for minutes, expected in ((14, []), (16, [(19, "VK Ads", "visits", "0", "1", "visits")])):
        root = tmp_path / str(minutes)
        marts = marts_of(root, story(), RULES, now=utc("11-19 21:00") + timedelta(minutes=minutes))
        assert later(marts, *late) == expected


def test_what_nothing_changed_is_not_noted_again_and_earlier_notes_stay(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    later(marts, hit("w", utc("11-05 09:00"), "vk/cpc"))
    before = marts.rows("restatements")
    assert later(marts, after=2 * DAY) == []
    assert marts.rows("restatements") == before != []


def test_notes_are_kept_for_400_days(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    later(marts, hit("w", utc("11-05 09:00"), "vk/cpc"))
    later(marts, after=401 * DAY)
    assert len(marts.rows("restatements")) == 1
    later(marts, after=401 * DAY + timedelta(hours=1))
    assert marts.rows("restatements") == []


def go_to(marts: Marts, step: str, now: Any, state: State | None = None) -> State:
    """Walk a run until it has begun that step's statement."""
    machine = marts.machine()
    state = machine.advance(state or {}, now)
    while not (state.get("query_id") and state["site"] == 0 and STEPS[state["step"]].name == step):
        state = machine.advance(state, now)
    return state


@pytest.mark.parametrize("died_in", ["restatements", "daily_figures"])
def test_a_run_given_up_loses_nothing_and_leaves_nothing_false(died_in: str, tmp_path: Path) -> None:
    """Readers saw cost 50 and no visit of VK. The run that died found 70 and a visit; then costs were mended back."""
    marts = marts_of(tmp_path, story(), RULES)
    late = [cost("11-05", "yandex", "70", "import-2", at=utc("11-19 10:00")), hit("w", utc("11-05 09:00"), "vk/cpc")]
    write(tmp_path, late, NOW + DAY)
    go_to(marts, died_in, NOW + DAY)
    left = marts.ledger.load_run()
    assert left is not None
    left["resumes"] = MOST_RESUMES
    mended = cost("11-05", "yandex", "50", "import-3", at=utc("11-19 12:00"))
    assert later(marts, mended, after=2 * DAY) == [(5, "VK Ads", "visits", "0", "1", "visits")]
    assert len(marts.rows("restatements")) == 1


def test_a_row_that_only_a_run_given_up_removed_is_told_when_it_stays_away(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    clearing = cost("11-05", "", "0", "import-2", at=utc("11-19 10:00"), is_scope_mark=True)
    write(tmp_path, [clearing], NOW + DAY)
    go_to(marts, "daily_figures", NOW + DAY)
    left = marts.ledger.load_run()
    assert left is not None
    left["resumes"] = MOST_RESUMES
    assert later(marts, after=2 * DAY) == [(5, "Yandex Direct", "cost", "50", "0", "costs")]


def test_a_run_that_goes_on_under_other_rules_begins_anew(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    write(tmp_path, [hit("w", utc("11-05 09:00"), "vk/cpc")], NOW + DAY)
    died = go_to(marts, "deals", NOW + DAY)["refresh_id"]
    marts.sites = [shop(**WON)]
    assert marts.refresh(NOW + 2 * DAY)["refresh_id"] != died
    anew = marts_of(tmp_path / "anew", [*story(), hit("w", utc("11-05 09:00"), "vk/cpc")], shop(**WON))
    assert_same(marts.everything(), anew.everything())


def test_rules_tried_by_a_run_that_was_given_up_leave_nothing_behind_when_they_are_taken_back(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    expected = marts.everything()
    marts.sites = [shop(**WON, time_zone="Asia/Vladivostok", payment_hosts=["x.example"])]
    go_to(marts, "credits", NOW + DAY)
    marts.sites = [RULES]
    assert later(marts, after=2 * DAY) == []
    assert_same(marts.everything(), expected)


def test_a_run_that_died_right_after_it_had_completed_a_site_stays_complete_as_it_was(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    write(tmp_path, [hit("w", utc("11-19 09:00"), "vk/cpc")], NOW + DAY)
    state = go_to(marts, "daily_figures", NOW + DAY)
    marts.machine().advance(state, NOW + DAY)
    complete = dict(marts.ledger.last_complete("shop"))
    marts.ledger.save_run(state)
    marts.refresh(NOW + 2 * DAY)
    assert marts.ledger.last_complete("shop") == complete
    assert from_lake_text(complete["data_to"]) == utc("11-19 09:00:02")


def test_another_table_model_restates_nothing_because_it_holds_no_figures_of_before(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    marts.ledger.complete("*", {"version": "older"})
    marts.ledger.complete("shop", {**marts.ledger.last_complete("shop"), "fingerprint": "abc-older"})
    assert later(marts, hit("w", utc("11-05 09:00"), "vk/cpc")) == []


def report(marts: Marts, now: Any, settings: SiteSettings = RULES) -> Figures:
    """The report's block of restated figures, as of a moment."""
    told = published(settings)
    period = period_of(told, now)
    restated: Figures = build(told, period, *ask(marts.warehouse, told, period), now)["restated"]
    return restated


def test_the_report_sums_up_by_figure_and_reason_and_lists_days_and_channels(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    later(marts, hit("v", utc("11-05 10:08"), "google/cpc"), cost("11-05", "yandex", "70", "import-2", at=utc("11-19 10:00")))
    told = report(marts, NOW + DAY + timedelta(hours=1))
    assert told["since"] == lake_text(utc("11-19 21:00"))
    by_figure = {row["metric"]: row for row in told["figures"]}
    assert by_figure["cost"] == {
        "metric": "cost", "reason": "costs", "old": Decimal(50), "new": Decimal(70), "moved": None, "days": 1,
    }  # fmt: skip
    assert (by_figure["revenue"]["reason"], by_figure["revenue"]["moved"], by_figure["revenue"]["days"]) == ("credits", 100, 1)
    assert by_figure["visits"]["new"] == 1
    assert told["total"] == len(told["days"]) == 12
    row = next(r for r in told["days"] if (r["channel"], r["metric"]) == ("Google Ads", "revenue"))
    assert (row["day"], row["old"], row["new"], row["reason"]) == ("2026-11-05", 0, 100, "credits")


def test_changes_of_several_refreshes_are_told_as_one_and_what_was_taken_back_as_none(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    hour = timedelta(hours=1)
    for number, amount in enumerate(("70", "90")):
        change = cost("11-05", "yandex", amount, f"import-{number + 2}", at=utc("11-19 10:00") + number * hour)
        later(marts, change, after=DAY + number * hour)
    (told,) = report(marts, NOW + DAY + 3 * hour)["figures"]
    assert (told["old"], told["new"]) == (50, 90)
    later(marts, cost("11-05", "yandex", "50", "import-9", at=utc("11-19 20:00")), after=DAY + 4 * hour)
    assert report(marts, NOW + DAY + 5 * hour)["figures"] == []


def test_a_daily_report_tells_what_changed_since_the_day_before_and_no_more(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, story(), RULES)
    later(marts, call("late", utc("11-05 15:00"), phone="z"))
    assert len(report(marts, NOW + 2 * DAY)["figures"]) == 1
    assert report(marts, NOW + 3 * DAY)["figures"] == []
    running = shop(**WON, report={"until": "today"})
    assert len(report(marts, NOW + 2 * DAY, running)["figures"]) == 1


def test_a_payment_of_today_restates_the_day_of_its_request_if_it_changes_the_money(tmp_path: Path) -> None:
    """Payments outrank the sum that the CRM told; as long as they say the same, nothing changed."""
    marts = marts_of(tmp_path, story(), RULES)
    assert later(marts, payment("d", utc("11-20 05:00"), "100", "p1")) == []
    assert later(marts, payment("d", utc("11-21 05:00"), "40", "p2"), after=2 * DAY) == [
        (5, "Yandex Direct", "gross_profit", "40", "56", "records"),
        (5, "Yandex Direct", "revenue", "100", "140", "records"),
    ]
