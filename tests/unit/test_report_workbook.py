"""The workbook, opened as a reader's program would: every row, numbers as numbers, text that never becomes a formula."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from functions.report.figures import MEASURES, Figures
from functions.report.view.words import texts
from functions.report.workbook.book import file_name, workbook
from shared.report_settings import SECTIONS
from tests.report_cases import contact, cost, deal, figures_of, lease_pool, listed_call, path, results, settings_of, shop

Table = list[list[Any]]
FORMULAS = ('=HYPERLINK("http://evil.example";"x")', "+7 495", "-2+3", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1+1", "\u202e=1+1")


def sheets_of(book: bytes) -> dict[str, Table]:
    opened = CalamineWorkbook.from_filelike(io.BytesIO(book))
    return {name: opened.get_sheet_by_name(name).to_python() for name in opened.sheet_names}


def opened(figures: Figures, language: str = "en", **changes: Any) -> dict[str, Table]:
    return sheets_of(workbook(figures, settings_of(report={"language": language}, **changes)))


def raw_of(book: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/"))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_workbook_has_all_its_sheets_in_the_readers_language(language: str) -> None:
    words = texts(language)
    names, own = words["workbook"]["sheets"], [words[part]["sheet"] for part in ("drivers", "plan", "payback", "income", "funnel")]
    own += [words["funnel"]["sections_sheet"], words["qualification"]["sheet"], words["qualification"]["reasons_sheet"]]
    own += [words["team"]["sheet"], words["budget"]["sheet"], words["budget"]["points_sheet"]]
    found = list(opened(figures_of(shop()), language))
    assert [name for name in found if name not in own] == list(names.values())
    assert [name for name in found if name in own] == own


@pytest.mark.parametrize("scale", [1, 25])
def test_every_row_of_the_figures_is_a_row_of_the_workbook(scale: int) -> None:
    figures = figures_of(shop(scale))
    found = {name: len(rows) - 1 for name, rows in opened(figures).items()}
    tree = sum(1 + sum(1 + len(s["campaigns"]) for s in c["sources"]) for c in figures["channels"])
    assert found["Summary"] == len(MEASURES) + 1  # ROMI on the scale of Bitrix24, too
    assert found["Channels"] == tree + 3  # advertising, not advertising, total
    assert found["Models"] == sum(len(rows) for rows in figures["models"].values())
    assert found["Range of models"] == len(figures["model_range"]) > 5
    assert found["Contact channels"] == len(figures["contact_channels"]) + 1
    assert found["Deals"] == len(figures["deals"]) == 5
    assert found["Call list"] == len(figures["calls"]["list"]) == 4


def test_the_definitions_state_how_many_rows_every_other_sheet_has() -> None:
    book = opened(figures_of(shop(3)))
    told = {row[0]: row[1] for row in book["Definitions"]}
    for name, rows in book.items():
        if name != "Definitions":
            assert told[f"Rows of the sheet “{name}”"] == len(rows) - 1


def test_the_definitions_name_every_measure_its_formula_and_what_the_report_was_made_with() -> None:
    found = {row[0]: row[1:] for row in opened(figures_of(shop()))["Definitions"]}
    assert found["ROMI"] == ["(Revenue − cost) ÷ cost", "fraction: 1 = 100%"]
    assert found["Revenue"][1] == "RUB"
    assert found["Period"][0] == "2026-09-13 … 2026-10-12"
    assert found["Default model"][0] == "Last non-direct"
    assert found["Data to"][0] == "2026-10-13 05:40"
    assert {texts("en")["metrics"][measure] for measure in MEASURES} <= found.keys()


def test_figures_are_numbers_days_are_days_and_nothing_known_is_an_empty_cell() -> None:
    figures = figures_of(shop())
    rows = {row[0]: row for row in opened(figures)["Deals"]}
    assert rows["amocrm:2"][1] == date(2026, 10, 9)
    assert rows["amocrm:2"][2] == datetime(2026, 10, 9, 12, 32)  # the site's clock
    head = rows["Deal"]
    assert rows["amocrm:2"][head.index("Revenue")] == 40000.0
    assert rows["amocrm:3"][head.index("Gross profit")] == ""
    summary = {row[0]: row for row in opened(figures)["Summary"]}
    assert summary["ROMI"][1] == pytest.approx(figures["totals"]["romi"], abs=1e-12)
    assert summary["ROMI"][2] == ""


def test_numbers_carry_their_formats() -> None:
    raw = raw_of(workbook(figures_of(shop()), settings_of()))
    for number_format in ("#,##0.00 &quot;₽&quot;", "+0.0%;-0.0%;0.0%", "dd.mm.yyyy"):
        assert f'formatCode="{number_format}"' in raw


def test_a_deal_has_its_path_its_match_and_why_in_words() -> None:
    rows = {row[0]: row for row in opened(figures_of(shop()), "ru")["Сделки"]}
    head = rows["Сделка"]

    def cell(deal_id: str, name: str) -> Any:
        return rows[deal_id][head.index(name)]

    assert cell("amocrm:4", "Путь") == "VK Реклама › Яндекс Директ › Прямые заходы"
    assert cell("amocrm:4", "Почему этот источник") == "Последнее непрямое касание: № 2 из 3 касаний."
    assert cell("amocrm:4", "Связь с заявкой") == "по номеру заявки"
    assert cell("amocrm:1", "Путь").endswith("(всего 23 касания)")
    assert cell("amocrm:1", "Причина отказа") == "Дорого"
    assert cell("amocrm:3", "Канал") == "Без источника"
    assert cell("amocrm:3", "Почему этот источник") == "Не передан: сделка пришла из CRM без источника."


@pytest.mark.parametrize("text", FORMULAS)
def test_text_from_outside_never_becomes_a_formula(text: str) -> None:
    rows = {
        "spend": [cost(text, text, "5", text)],
        "results": [results(text, text, text, requests=1.0, revenue=Decimal(5))],
        "deals": [deal(text, 3, request_id="r", stage=text, manager=text, loss_reason=text, pipeline=text, order_id=text)],
        "deal_paths": [{**touch, "request_id": "r"} for touch in path("x", 3, (f"{text.replace('/', '')}/a", 1.0))],
        "contact_channels": [contact(text, 1, 1, 0.0, Decimal(0), None)],
        "unknown_stages": [{"pipeline": text, "stage": text, "deals": 1}],
        "call_list": [listed_call(text, 9, provider=text, answered_by=text, number=text, channel=text, calls_total=1)],
        "lease_pools": [lease_pool(None, 9, 8), lease_pool(text, 9, 8, 1)],
        "lease_reasons": [{"kind": text, "reason": text, "visitors": 1}],
    }
    book = workbook(figures_of(rows, name=text), settings_of(name=text))
    assert "<f>" not in raw_of(book)
    assert "<f " not in raw_of(book)
    assert "hyperlink" not in raw_of(book).replace("HYPERLINK", "")
    shown = " ".join(text.replace("\u202e", "").split())
    assert shown in {row[19] for row in sheets_of(book)["Сделки"]}
    assert 'quotePrefix="1"' in raw_of(book)


def test_heads_are_frozen_rows_can_be_filtered_and_the_tree_folds() -> None:
    book = workbook(figures_of(shop()), settings_of())
    raw = raw_of(book)
    assert raw.count('state="frozen"') == len(sheets_of(book))
    assert raw.count("<autoFilter ") == 15
    assert 'outlineLevel="2"' in raw


def test_the_total_stands_outside_the_filter_and_equals_the_totals() -> None:
    figures = figures_of(shop())
    last = opened(figures)["Channels"][-1]
    assert last[0] == "Total"
    shown = last[4 : 4 + len(MEASURES)]
    assert shown == pytest.approx([float(figures["totals"][measure]) for measure in MEASURES])


def test_an_empty_period_makes_a_workbook_of_empty_tables() -> None:
    book = opened(figures_of({}))
    assert len(book["Deals"]) == 1
    assert len(book["Contact channels"]) == 2
    assert {row[1] for row in book["Calls"][1:]} <= {0.0, ""}


def test_the_same_figures_give_the_same_bytes_whenever_they_are_made() -> None:
    assert workbook(figures_of(shop()), settings_of()) == workbook(figures_of(shop()), settings_of())


def test_the_file_is_named_after_site_and_period() -> None:
    assert file_name(figures_of({})) == "skvoz-kvartal-2026-09-13-2026-10-12.xlsx"


def test_thousands_of_campaigns_and_deals_are_all_there_and_fit_into_a_mail() -> None:
    rows = shop(scale=167)
    rows["deals"] = [deal(str(n), n % 12 + 1, manager="=Анна", deals_total=7123) for n in range(5000)]
    touches = [("Yandex Direct/yandex/cpc/yandex_kuhni_msk_0", 1.0), *[("direct", 0.0)] * 4]
    rows["deal_paths"] = [touch for n in range(5000) for touch in path(str(n), n % 12 + 1, *touches)]
    figures = figures_of(rows)
    book = workbook(figures, settings_of(report={"language": "en"}))
    found = sheets_of(book)
    assert len(found["Deals"]) == 5001
    assert sum(row[3] == "campaign" for row in found["Channels"]) > 2000
    assert ["Deals", "Shown: 5,000 of 7,123, the newest.", ""] in found["Definitions"]
    assert len(book) < 7_000_000


# Sections of the reader


def titles(language: str, *sections: str) -> list[str]:
    report = {"language": language, "sections": list(sections)}
    return list(sheets_of(workbook(figures_of(shop()), settings_of(report=report))))


def test_sheets_are_those_of_the_chosen_sections_in_their_order_and_the_definitions() -> None:
    assert titles("ru", "deals", "summary") == ["Сделки", "Сводка", texts("ru")["drivers"]["sheet"], "Определения"]
    assert titles("en", "quality") == ["Restated", "Data quality", "Definitions"]
    assert titles("en", "method") == titles("en", "traffic") == ["Definitions"]


def test_every_section_can_be_chosen_alone_and_all_of_them_are_the_whole_workbook() -> None:
    apart = [title for section in SECTIONS for title in titles("en", section)[:-1]]
    assert [*apart, "Definitions"] == titles("en", *SECTIONS) == titles("en")


def test_definitions_explain_the_chosen_sections_alone() -> None:
    def explained(*sections: str) -> set[Any]:
        report = {"language": "en", "sections": list(sections)}
        return {row[0] for row in sheets_of(workbook(figures_of(shop()), settings_of(report=report)))["Definitions"]}

    whole, cut = explained(), explained("summary", "funnel")
    words = texts("en")
    assert {words["funnel"]["sheet"], words["team"]["sheet"], words["budget"]["sheet"]} <= whole
    assert words["funnel"]["sheet"] in cut
    assert not {words["team"]["sheet"], words["budget"]["sheet"]} & cut
    control = words["sections"]["source_control"]
    assert any(str(name).startswith(control) for name in whole)
    assert not any(str(name).startswith(control) for name in cut)


def test_the_workbook_of_a_scope_begins_with_its_name_and_has_no_sections_of_the_site() -> None:
    figures, report = {**figures_of(shop()), "scope": "=Агентство"}, {"language": "ru", "sections": ["funnel", "deals"]}
    found = sheets_of(workbook(figures, settings_of(report=report)))
    assert list(found) == ["Срез", texts("ru")["funnel"]["sheet"], "Сделки", "Определения"]
    assert found["Срез"][1] == ["Срез", "=Агентство"]
    assert found["Срез"][2] == ["Что это значит", texts("ru")["snapshot"]["scope"]["note"]]


@pytest.mark.parametrize(
    ("scope", "name"),
    [("Агентство «Щука»", "agentstvo-schuka-"), ("Team A/B", "team-a-b-"), ("中文", "scope-"), ("x" * 200, "x" * 40 + "-")],
)
def test_the_file_of_a_scope_has_its_name_in_plain_letters(scope: str, name: str) -> None:
    assert file_name({**figures_of({}), "scope": scope}) == f"skvoz-kvartal-{name}2026-09-13-2026-10-12.xlsx"
