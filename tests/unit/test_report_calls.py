"""Calls and call tracking as readers see them: page, workbook, and one line in the mail where something must be done."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from functions.report import render
from functions.report.figures import Figures, to_json
from functions.report.workbook.book import workbook
from shared.pool_size import loss, numbers_for
from tests.report_cases import (
    call_number,
    calls,
    figures_of,
    lease_pool,
    listed_call,
    settings_of,
    shop,
    unanswered_call,
)
from tests.unit.test_report_render import outputs, plain

Table = list[list[Any]]
NUMBERS: dict[str, Any] = {
    "numbers": {"default": "+74950000010", "static": [{"number": "+74950000011", "source": "flyer", "medium": "offline"}]}
}


def shown(figures: Figures, name: str = "page", **changes: Any) -> str:
    return re.sub(r"\s+", " ", plain(outputs(figures, **changes)[name])).replace("\u00a0", " ")


def sheets_of(figures: Figures, language: str = "en", **changes: Any) -> dict[str, Table]:
    opened = CalamineWorkbook.from_filelike(io.BytesIO(workbook(figures, settings_of(report={"language": language}, **changes))))
    return {name: opened.get_sheet_by_name(name).to_python() for name in opened.sheet_names}


class TestFigures:
    def test_a_pool_needs_what_erlang_b_asks_for_in_its_busiest_hour(self) -> None:
        main, north = figures_of(shop())["call_tracking"]["pools"]
        # 52 arrivals an hour × half an hour.
        assert (main["load"], main["needed"], main["loss"]) == (26.0, numbers_for(26.0, 0.01), loss(26.0, 10))
        assert main["is_short"]
        assert (north["pool"], north["busiest_hour"], north["load"], north["needed"], north["is_short"]) == (
            "spb", None, None, None, False,
        )  # fmt: skip

    def test_a_load_beyond_all_measure_has_no_number(self) -> None:
        row = lease_pool("main", 1, 1, busiest_arrivals=10**9)
        assert figures_of({"lease_pools": [row]})["call_tracking"]["pools"][0]["needed"] is None

    def test_the_file_tells_call_tracking_as_null_where_there_is_none(self) -> None:
        assert b'"call_tracking": null' in to_json(figures_of({}))

    @pytest.mark.parametrize(("leases", "is_silent"), [(46, False), (47, True)])
    def test_silence_must_have_a_probability_of_at_most_one_percent(self, leases: int, is_silent: bool) -> None:
        """A tenth of a call for each lease: 46 × 0.1 = 4.6, 47 × 0.1 = 4.7, and e to the power of −4.605 is 1 %."""
        rung = call_number("+74950000031", 100, 1000 - leases)
        rows = {"call_numbers": [rung, call_number("+74950000032", 0, leases)], "lease_pools": [lease_pool("main", 1, 1)]}
        told = figures_of(rows)["call_tracking"]
        assert told["calls_per_lease"] == 0.1
        assert [row["number"] for row in told["silent_numbers"]] == ["+74950000032"] * is_silent

    def test_where_no_lease_was_confirmed_no_number_is_silent(self) -> None:
        rows = {
            "call_numbers": [call_number("+74950000031", 0, 50, confirmed_leases=0)],
            "lease_pools": [lease_pool("main", 1, 1)],
        }
        told = figures_of(rows)["call_tracking"]
        assert (told["calls_per_lease"], told["silent_numbers"]) == (None, [])


class TestPage:
    def test_the_section_tells_coverage_pools_and_what_found_no_visitor(self) -> None:
        page = shown(figures_of(shop(), **NUMBERS))
        for text in (
            "Свой номер видели 640 из 720 посетителей, запросивших номер (88,9 %).",
            "Роботов и исключённых посетителей, не посчитано: 31.",
            "main 10 600 86,7 % 520 60 9 90 % 52 07.10.2026 12:00 30 мин 37 сейчас теряется 63,",
            "нет свободных номеров (показан общий номер) 60",
            "Без посетителя: 19 звонков из 87",
            "на номер источника 7",
            "на общий номер сайта 12",
            "+74950000011 · flyer / offline 7",
        ):
            assert text in page, text

    def test_it_warns_of_short_pools_and_silent_numbers_and_the_mail_says_so_in_one_line(self) -> None:
        figures = figures_of(shop(), **NUMBERS)
        line = (
            "Номеров не хватило: пул main (отказов 60; номеров 10, нужно 37). Номера показывали, но на них ни разу не позвонили: "
            "+74950000032 (аренд 100). Проверьте, позвонив на них."
        )
        assert line in shown(figures, "html")
        assert line in shown(figures, "text")
        assert line in shown(figures)
        assert "Самый занятый час" not in shown(figures, "html")

    def test_nothing_is_said_where_no_numbers_are_set_up(self) -> None:
        rows = {name: answer for name, answer in shop().items() if not name.startswith("lease_")}
        for output in outputs(figures_of(rows)).values():
            assert "Подмена номеров" not in plain(output)

    def test_numbers_that_nobody_asked_for_are_told(self) -> None:
        page = shown(figures_of({}, **NUMBERS))
        assert "За период номера никто не запрашивал" in page
        assert "Самый занятый час" not in page

    def test_the_latest_calls_that_nobody_answered_say_whether_somebody_talked_later(self) -> None:
        page = shown(figures_of(shop()))
        section = page[page.index("Последние неотвеченные") :]
        late = "12.10.2026 19:15 +74950000031 Звонивший не дождался 33 с Яндекс Директ › Яндекс › yandex_kuhni_msk_0 поговорили"
        early = "12.10.2026 10:15 +74950000031 Не ответили 33 с Без источника не поговорили"
        assert 0 < section.index(late) < section.index(early)

    def test_of_many_unanswered_calls_ten_are_shown_and_no_spam(self) -> None:
        rows = [unanswered_call(str(n), 10, calls_total=31) for n in range(30)]
        rows.insert(0, unanswered_call("spam", 11, is_spam=True, number="+74950000099"))
        page = shown(figures_of({"calls": [calls("lease", 31, 0, 0, 0)], "call_list": rows}))
        assert page.count("не поговорили") == 10
        assert "+74950000099" not in page

    def test_further_counts_are_shown_where_there_are_any(self) -> None:
        row = {**calls("lease", 9, 3, 0, 0), "abandoned": 2, "busy": 1, "repeats": 4, "spam": 5, "two_candidates": 1}
        page = shown(figures_of({"calls": [row]}))
        assert "Не ответили 3 Звонивший не дождался 2 Занято 1 Повторные 4 Спам 5 Подошли два посетителя 1" in page
        assert "Не соединились" not in page
        assert "Ещё о входящих" not in shown(figures_of({"calls": [calls("lease", 9, 3, 0, 0)]}))

    def test_who_answered_is_told_unless_they_are_many_or_the_list_is_cut(self) -> None:
        row = {"calls": [calls("lease", 30, 30, 0, 0)]}
        few = [listed_call(str(n), 9, answered_by="Анна" if n else "104", calls_total=3) for n in range(3)]
        assert "Кто отвечал Анна 2, 3 мин 10 с 104 1, 1 мин 35 с" in shown(figures_of({**row, "call_list": few}))
        many = [listed_call(str(n), 9, answered_by=str(n), calls_total=30) for n in range(30)]
        assert "Кто отвечал" not in shown(figures_of({**row, "call_list": many}))
        cut = [{**call, "calls_total": 9000} for call in few]
        assert "Кто отвечал" not in shown(figures_of({**row, "call_list": cut}))

    def test_codes_are_told_where_somebody_told_one(self) -> None:
        assert "звонивший назвал код" not in shown(figures_of(shop()))
        assert "звонивший назвал код 2" in shown(figures_of({"calls": [calls("code", 2, 2, 0, 0)]}))


class TestWorkbook:
    def test_every_call_is_a_row_with_its_source_and_the_other_candidate(self) -> None:
        rows = sheets_of(figures_of(shop()))["Call list"]
        head = rows[0]
        told = [dict(zip(head, row, strict=True)) for row in rows[1:]]
        assert [row["Call in the telephony"] for row in told] == ["4", "3", "2", "1"]
        assert (told[0]["Outcome"], told[0]["Talked later"], told[0]["Wait, s"]) == ("The caller hung up first", "yes", 33)
        assert (told[1]["Direction"], told[1]["Source"]) == ("outgoing", "")
        assert told[2]["Another visitor fits"] == "the caller was known"
        assert told[2]["Source"] == "Yandex Direct › Yandex › yandex_kuhni_msk_0"
        assert (told[3]["Source"], told[3]["How the source was found"]) == ("No source", "no source found")

    def test_a_list_that_is_cut_says_of_how_many(self) -> None:
        rows = sheets_of(figures_of({"call_list": [listed_call("1", 9, calls_total=7123)]}))["Call list"]
        assert rows[-1][0] == "Shown: 1 of 7,123, the newest."

    def test_pools_have_all_their_figures_and_the_total_counts_people_once(self) -> None:
        rows = sheets_of(figures_of(shop(), **NUMBERS), **NUMBERS)["Call tracking"]
        pool = dict(zip(rows[0], rows[1], strict=True))
        assert (pool["Pool"], pool["Numbers"], pool["Visitors"], pool["Refused: none free"]) == ("main", 10, 600, 60)
        assert (pool["Load"], pool["Numbers needed"], pool["A number is held, s"]) == (26, 37, 1800)
        told = {row[0]: row[1:] for row in rows}
        assert told["Total"][1:3] == [720, pytest.approx(640 / 720)]
        assert told["Why a visitor saw no number of his own: none was free (saw the common number)"][0] == 60
        assert told["Calls without a visitor: to a source's number"][0] == 7
        assert told["Calls to the sources' numbers: +74950000011 · flyer / offline"][0] == 7
        assert told["Silent numbers: +74950000032 (leases: 100), calls expected"][0] == pytest.approx(100 * 60 / 700)

    @pytest.mark.parametrize("language", ["ru", "en"])
    def test_without_numbers_there_is_no_sheet_and_no_definition_of_them(self, language: str) -> None:
        found, word = sheets_of(figures_of({}), language), {"ru": "Подмена номеров", "en": "Call tracking"}[language]
        assert word not in found
        assert "Erlang B" not in str(found)
        assert "Эрланга B" not in str(found)

    def test_the_definitions_say_how_each_figure_is_made(self) -> None:
        found = {row[0]: row[1:] for row in sheets_of(figures_of(shop()))["Definitions"]}
        assert found["Numbers needed"] == ["Fewest numbers that lose at most 1% of arrivals under that load by Erlang B.", "pieces"]
        assert "4.605" in found["Silent numbers"][0]


class TestRecordings:
    def test_the_page_behind_the_link_lists_the_latest_recordings(self) -> None:
        rows = [unanswered_call("3", 12), listed_call("2", 11, request_id="a&b"), listed_call("1", 9)]
        page = render.page(figures_of({**shop(), "call_list": rows}), settings_of(), links=render.PAGE_LINKS)
        assert re.findall(r'href="(\?recording=[^"]*)" target="_blank" rel="noopener"', page) == [
            "?recording=a%26b", "?recording=call-1",
        ]  # fmt: skip
        assert page.count("download>") == 1, "a recording is no form of the report"

    def test_a_page_without_a_route_and_a_month_without_recordings_list_none(self) -> None:
        assert "?recording=" not in render.page(figures_of({**shop(), "call_list": [listed_call("1", 9)]}), settings_of())
        silent = figures_of({**shop(), "call_list": [unanswered_call("3", 12)]})
        assert "?recording=" not in render.page(silent, settings_of(), links=render.PAGE_LINKS)
