"""Source control in figures and words: shares that jumped, what to mend and where, names of the CRM's ids, a small table in the
mail."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report import render
from functions.report.figures import Figures, build
from functions.report.marts.control.shares import jumped, share_of
from functions.report.marts.questions import Answers, Period
from functions.report.view.words import texts
from tests.report_cases import DATA_TO, PERIOD, came, deal, figures_of, made_by, settings_of, shop, shop_before, standing
from tests.unit.test_report_render import HOSTILE, Tags, outputs, plain

COUNTS = st.integers(0, 5000)


def control(rows: dict[str, Any], before: dict[str, Any] | None = None, **changes: Any) -> Figures:
    found: Figures = figures_of(rows, before, **changes)["source_control"]
    return found


def codes(found: Figures) -> list[str]:
    return [finding["code"] for finding in found["findings"]]


class TestJumps:
    @pytest.mark.parametrize(
        ("count", "of", "before", "of_before", "is_jump"),
        [
            (50, 100, 30, 100, True),
            (30, 100, 50, 100, True),
            (34, 100, 30, 100, False),  # under five points
            (12, 50, 8, 50, False),  # eight points of fifty are chance
            (9, 9, 0, 9, False),  # fewer than ten say nothing
            (10, 10, 0, 10, True),
            (0, 100, 0, 100, False),
            (100, 100, 100, 100, False),
            (4400, 100_000, 1000, 100_000, False),  # certain, and small
            (5, 0, 5, 10, False),
        ],
    )
    def test_a_share_jumps_by_five_points_and_more_than_chance(
        self, count: int, of: int, before: int, of_before: int, is_jump: bool
    ) -> None:
        assert jumped(count, of, before, of_before) is is_jump

    @given(COUNTS, COUNTS, COUNTS, COUNTS)
    def test_it_is_the_same_both_ways_and_for_the_rest(self, a: int, b: int, c: int, d: int) -> None:
        of, of_before = a + b, c + d
        assert jumped(a, of, c, of_before) is jumped(c, of_before, a, of)
        assert jumped(a, of, c, of_before) is jumped(b, of, d, of_before)

    def test_a_share_of_nothing_is_empty(self) -> None:
        assert share_of(0, 0, 3, 12) == {"share": None, "share_before": 0.25, "is_jump": False}


class TestFindings:
    def test_the_shop_has_one_of_nearly_everything(self) -> None:
        found = control(shop(), shop_before())
        assert codes(found) == [
            "channel_silent", "not_passed", "overwritten", "not_determined", "handmade", "unsorted", "unknown_stage", "slow_stage",
            "new_sources",
        ]  # fmt: skip
        silent, lost = found["findings"][:2]
        assert (silent["channel"], silent["requests_before"]) == ("Meta Ads", 30)
        assert (lost["requests"], lost["is_jump"]) == (15, True)

    def test_where_all_is_well_nothing_is_found_and_the_report_says_so(self) -> None:
        days = [came(PERIOD.first + timedelta(days=n), "direct", "(direct)", 2, 1) for n in range(30)]
        rows = {"source_days": days, "deals_matched": [{"method": "request_id", "deals": 30}]}
        figures = figures_of(rows)
        assert figures["source_control"]["findings"] == []
        for output in outputs(figures).values():
            assert "Замечаний нет: источники есть у всех обращений" in plain(output)

    def test_without_requests_and_deals_the_section_says_so_and_has_no_table(self) -> None:
        for output in outputs(figures_of({})).values():
            assert "Ни обращений, ни сделок ещё не было." in plain(output)
            assert "По каналам и источникам" not in plain(output)

    def test_a_period_in_which_nothing_came_is_the_first_finding(self) -> None:
        found = control({}, shop_before())
        assert found["findings"] == [{"code": "silent", "requests_before": found["requests_before"]}]
        page = plain(outputs(figures_of({}, shop_before()))["page"])
        assert "За период не пришло ни одного обращения, раньше было" in page

    def test_a_channel_whose_share_fell_because_others_grew_is_no_finding(self) -> None:
        before = {"source_days": [came(PERIOD.previous.first, "direct", "d", 50), came(PERIOD.previous.first, "VK Ads", "vk", 50)]}
        grown = {"source_days": [came(PERIOD.first, "direct", "d", 50), came(PERIOD.first, "VK Ads", "vk", 500)]}
        assert codes(control(grown, before)) == []
        fallen = {"source_days": [came(PERIOD.first, "direct", "d", 5), came(PERIOD.first, "VK Ads", "vk", 50)]}
        (finding,) = control(fallen, before)["findings"]
        assert (finding["code"], finding["channel"], finding["requests"]) == ("channel_fell", "direct", 5)

    @pytest.mark.parametrize(
        ("now", "before", "code"),
        [
            ({"request_id": 50, "phone": 50}, {"request_id": 90, "phone": 10}, "match_fell"),
            ({"request_id": 90, "implied": 60}, {"request_id": 148, "implied": 2}, "match_fell"),
            ({"phone": 90, "implied": 60}, {"phone": 148, "implied": 2}, "match_rose"),
        ],
    )
    def test_matching_that_grew_weaker_is_told(self, now: dict[str, int], before: dict[str, int], code: str) -> None:
        rows = ({"deals_matched": [{"method": name, "deals": n} for name, n in some.items()]} for some in (now, before))
        assert codes(control(*rows))[0] == code

    def test_matching_that_grew_stronger_is_not(self) -> None:
        now, before = ([{"method": "request_id", "deals": n}, {"method": "implied", "deals": 100 - n}] for n in (90, 40))
        assert codes(control({"deals_matched": now}, {"deals_matched": before})) == []

    def test_a_stage_of_minutes_is_not_slow_after_an_hour(self) -> None:
        assert codes(control({"stages_standing": [standing("Новая", 3, 0.9, 0.01, late=3)]})) == []

    def test_many_slow_stages_are_told_by_five_and_a_number(self) -> None:
        rows = {"stages_standing": [standing(f"Этап {n}", 10 - n, 30, 2, late=1) for n in range(9)], **_one()}
        shown = plain(outputs(figures_of(rows))["page"])
        assert sum(f"Этап Этап {n} ·" in shown for n in range(9)) == 5
        assert "и ещё 4." in shown


def _one() -> dict[str, Any]:
    return {"source_days": [came(PERIOD.first, "direct", "(direct)", 1, 1)]}


SENTENCES = {
    "ru": (
        "Без источника обращений: 23 (8,6 %). За прошлый период: 1,5 %.",
        "Meta Ads: ни одного обращения, раньше было 30 (11,3 %).",
        "Источник не передан: 15 (5,6 %). Раньше было 0 %.",
        "Заведено руками без источника: 7 из 7 (Борис <b> 4, Анна 3).",
        "В неразобранном сделок: 9, самая старая ждёт 9 дн. (Неразобранное · Входящие).",
        "Этап Замер · Продажи: сделок 12, стоят в среднем 21 дн., обычно 6,4 дн.; дольше двух обычных сроков — 7.",
    ),
    "en": (
        "Contacts without a source: 23 (8.6%). In the period before: 1.5%.",
        "Meta Ads: not one contact, there were 30 before (11.3%).",
        "Source not passed: 15 (5.6%). It was 0% before.",
        "Made by hand without a source: 7 of 7 (Борис <b> 4, Анна 3).",
        "Unsorted deals: 9, the oldest has been waiting 9 d (Неразобранное · Входящие).",
        "12 deals have been standing for 21 d on average, usually it is 6.4 d; more than twice as long: 7.",
    ),
}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_tells_what_to_mend_and_where(language: str) -> None:
    shown = plain(outputs(figures_of(shop(), shop_before()), report={"language": language})["page"])
    advice = [pair[1] for code, pair in texts(language)["control"]["findings"].items() if code in ("not_passed", "unsorted")]
    assert [sentence for sentence in (*SENTENCES[language], *advice) if sentence not in shown] == []


def test_branches_are_compared_by_communications_of_a_deal() -> None:
    branches = {row["name"]: row["mean_communications"] for row in control(shop())["branches"]}
    assert branches == {"Москва": 3, "Казань": 23}


def test_other_traffic_is_one_channel_here_as_everywhere() -> None:
    found = control(shop(), shop_before())
    (row,) = (row for row in found["channels"] if row["channel"] == "other traffic")
    assert [source["source"] for source in row["sources"]] == ["katalog-mebeli / promo"]


NAMES: dict[str, Any] = {"stages": {"7": "Замер"}, "pipelines": {"1": "Розница"}, "managers": {"3": "Анна"}}


@pytest.mark.parametrize(
    ("crm", "provider"),
    [
        ({"amocrm": NAMES}, "amocrm"),
        ({"pipedrive": NAMES}, "pipedrive"),
        ({"mapped": {"erp": {"map": {"deal_id": "id"}, **NAMES}}}, "erp"),
    ],
)
def test_ids_of_every_crm_have_the_names_of_its_settings(crm: dict[str, Any], provider: str) -> None:
    row = {**deal("5", 3, stage="7", pipeline="1", manager="3"), "deal_id": f"{provider}:5"}
    (told,) = figures_of({"deals": [row]}, crm=crm)["deals"]
    assert (told["stage"], told["pipeline"], told["manager"]) == ("Замер", "Розница", "Анна")
    (other,) = figures_of({"deals": [{**row, "deal_id": "hubspot:5"}]}, crm=crm)["deals"]
    assert (other["stage"], other["pipeline"], other["manager"]) == ("7", "1", "3")


def hostile() -> dict[str, Any]:
    long = HOSTILE + "ё" * 200
    day = PERIOD.last
    return {
        "source_days": [
            *(came(day, f"{n}{long}", f"{long}{n}", 40, 2, handmade=1) for n in range(40)),
            *(came(day, "", "", 9, 9, reason, handmade=5) for reason in ("not_passed", "overwritten", "not_determined")),
        ],
        "stages_standing": [standing(f"{n}{long}", 9, 30, 2, pipeline=long, late=9, unsorted=9) for n in range(40)],
        "unknown_stages": [{"pipeline": long, "stage": f"{n}{long}", "deals": 3} for n in range(20)],
        "deal_dimensions": [
            made_by(name, f"{n}{long}", 9, 5, handmade_without_source=5)
            for name in ("manager", "branch", "product", "tags")
            for n in range(60)
        ],
        "deals_lost": [
            {"provider": "x", "loss_group": long, "loss_reason": f"{n}{long}", "deals": 1, "disqualified": 1} for n in range(9)
        ],
        "pipelines_apart": [{"provider": "x", "pipeline": long, "kind": long, "deals": 1}],
        "receivables": [{"currency": "<b>", "deals": 1, "amount": 5}],
        "new_sources": [
            {"kind": kind, "provider": "x", "channel": long, "source": long, "arrivals": 1, "sources_total": 9}
            for kind in ("crm", "visits")
        ],
        "deals_matched": [{"method": HOSTILE, "deals": 5}],
    }  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
def test_names_from_the_crm_stay_text_and_the_mail_stays_small(language: str) -> None:
    rows = shop(scale=20) | hostile()
    before = {"source_days": [came(PERIOD.previous.first, f"silent{n}{HOSTILE}", "x", 200) for n in range(6)]}
    found = outputs(figures_of(rows, before), report={"language": language})
    assert len(found["html"].encode()) <= render.MOST_MAIL_BYTES
    for name in ("html", "page"):
        tags = Tags(found[name]).found
        assert not [tag for tag, attrs in tags if tag in ("img", "script", "u") or any(a.startswith("on") for a in attrs)]
        assert "49=HYPERLINK" not in found[name]


def test_the_page_lists_31_days_and_says_how_many_are_left() -> None:
    first = PERIOD.last - timedelta(days=89)
    rows = {"source_days": [came(first + timedelta(days=n), "direct", "(direct)", 1) for n in range(90)]}
    figures = build(settings_of(), Period(first, PERIOD.last), Answers(rows), Answers({}), DATA_TO)
    page = outputs(figures)["page"]
    assert len(re.findall(r'id="y\d+"', page)) == 31
    assert "И ещё строк: 59." in plain(page)
    assert len(figures["source_control"]["days"]) == 90
    assert figures["source_control"]["days"][0]["day"] == date(2026, 10, 12).isoformat()
