"""Cost files: what is read, and what each mistake is called."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.costs.cells import BadCell
from functions.costs.cells import cost as cost_cell
from functions.costs.columns import FIELD_OF, NAMES, plain_name
from functions.costs.messages import TEXTS, Problem, error_text
from functions.costs.parse import MOST_ROWS, CostRow, parse

TODAY = date(2026, 11, 2)


def rows(text: str | bytes) -> list[CostRow]:
    parsed = parse(text.encode() if isinstance(text, str) else text, TODAY)
    assert not parsed.problems, [p.sentence("en") for p in parsed.problems]
    return list(parsed.rows)


def problems(text: str | bytes) -> list[tuple[int, str, str]]:
    """(line, column, code) of every mistake."""
    parsed = parse(text.encode() if isinstance(text, str) else text, TODAY)
    assert not parsed.rows
    return [(p.line, p.column, p.code) for p in parsed.problems]


ENGLISH = "day,account,source,medium,campaign,ad,keyword,clicks,impressions,cost,currency,vat_included,vat_percent\n"
RUSSIAN = "Дата;Кабинет;Источник;Канал;Кампания;Объявление;Ключ;Клики;Показы;Расход;Валюта;С НДС;Ставка НДС\n"
WANTED = CostRow(
    line=2,
    account="direct-1",
    day=date(2026, 10, 31),
    last_day=None,
    marks={
        "utm_source": "yandex",
        "utm_medium": "cpc",
        "utm_campaign": "Диваны",
        "utm_content": "15620471938264051729",
        "utm_term": "купить диван",
    },
    clicks=1200,
    impressions=45000,
    cost=Decimal("1234.560000"),
    currency="RUB",
    is_vat_included=True,
    vat_percent=Decimal("22.00"),
)


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH + "2026-10-31,direct-1,yandex,cpc,Диваны,15620471938264051729,купить диван,1200,45000,1234.56,RUB,yes,22\n",
        RUSSIAN + "31.10.2026;direct-1;yandex;cpc;Диваны;15620471938264051729;купить диван;1 200;45 000;1 234,56;руб.;да;22%\n",
        (
            RUSSIAN + "31.10.2026;direct-1;yandex;cpc;Диваны;15620471938264051729;купить диван;1200,0;45000;1234,56;₽;да;22,0"
        ).replace(";", "\t"),
    ],
    ids=["english, comma", "russian, semicolon", "russian, tab"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_same_line_in_every_spelling_gives_the_same_row(text: str, encoding: str, line_end: str) -> None:
    if "₽" in text and encoding == "cp1251":
        text = text.replace("₽", "р.")
    assert rows(text.replace("\n", line_end).encode(encoding)) == [WANTED]


@pytest.mark.parametrize("header", sorted(FIELD_OF))
def test_every_listed_name_of_a_column_is_found_as_written_by_people(header: str) -> None:
    for written in (header.upper(), header.replace("_", " "), f" {header.title()} "):
        assert FIELD_OF[plain_name(written)] == FIELD_OF[header]


def test_no_name_stands_for_two_fields() -> None:
    names = [name for listed in NAMES.values() for name in listed]
    assert len(names) == len(set(names))
    assert all(plain_name(name) == name for name in names)


@pytest.mark.parametrize(
    ("head", "cells", "first", "last"),
    [
        ("month", "2026-10", date(2026, 10, 1), date(2026, 10, 31)),
        ("месяц", "02.2024", date(2024, 2, 1), date(2024, 2, 29)),
        ("period_from,period_to", "2026-10-05,11.10.2026", date(2026, 10, 5), date(2026, 10, 11)),
        ("from,to", "2026-10-05,2026-10-05", date(2026, 10, 5), date(2026, 10, 5)),
        ("day,month", ",2026-10", date(2026, 10, 1), date(2026, 10, 31)),
    ],
)
def test_months_and_periods_keep_their_first_and_last_day(head: str, cells: str, first: date, last: date) -> None:
    (row,) = rows(f"{head},source,cost\n{cells},vk,10\n")
    assert (row.day, row.last_day) == (first, last)


def test_the_account_is_the_source_where_none_is_told() -> None:
    assert [row.account for row in rows("day,account,source,cost\n2026-10-01,,vk,1\n2026-10-01,a,vk,1")] == ["vk", "a"]


def test_a_dash_is_no_figure() -> None:
    (row,) = rows("day,source,clicks,impressions,cost\n2026-10-01,vk,--,-,5\n")
    assert (row.clicks, row.impressions) == (None, None)


@pytest.mark.parametrize(("line", "deletes"), [("0,0,0", True), ("0,,", True), ("0,3,0", False), ("-1,,", False)])
def test_only_a_row_with_nothing_in_it_deletes(line: str, deletes: bool) -> None:
    (row,) = rows(f"day,source,cost,clicks,impressions\n2026-10-01,vk,{line}\n")
    assert row.deletes is deletes


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "<script>alert(1)</script>", "'; DROP TABLE costs; --", '=HYPERLINK("x")']
)
def test_formulas_and_html_in_text_are_text(text: str) -> None:
    line = io.StringIO()
    csv.writer(line).writerow(["2026-10-01", text, text, "5"])
    (row,) = rows("day,source,campaign,cost\n" + line.getvalue())
    assert (row.account, row.marks["utm_source"], row.marks["utm_campaign"]) == (text, text, text)


def test_excels_separator_hint_and_blank_lines_are_passed_over_and_lines_still_count() -> None:
    assert [row.line for row in rows("sep=;\r\nday;source;cost\r\n\r\n2026-10-01;vk;5\r\n;;\r\n2026-10-02;vk;5\r\n")] == [4, 6]
    assert problems("sep=;\nday;source;cost\n\n2026-10-01;vk;x\n") == [(4, "cost", "bad_cost")]


def test_a_row_is_named_by_the_line_it_begins_on() -> None:
    text = 'day,source,campaign,cost\n2026-10-01,vk,"two\nlines",5\n2026-10-02,vk,c,x\n'
    assert problems(text) == [(4, "cost", "bad_cost")]


def test_cells_beyond_the_header_may_be_empty_only() -> None:
    assert len(rows("day,source,cost\n2026-10-01,vk,5,,\n")) == 1
    assert problems("day,source,cost\n2026-10-01,vk,5,6\n") == [(2, "", "cell_count")]


def test_a_columns_nobody_reads_are_named_not_refused() -> None:
    parsed = parse(b"day,source,CTR,cost,# cost,\n2026-10-01,vk,1,5,7,\n", TODAY)
    assert not parsed.problems
    assert list(parsed.unused) == ["CTR"]


@pytest.mark.parametrize(
    ("header", "column", "code"),
    [
        ("day,source", "cost", "no_cost_column"),
        ("source,cost", "day", "no_day_column"),
        ("period_from,source,cost", "day", "no_day_column"),
        ("day,cost", "account", "no_account_column"),
        ("day,source,cost,расход", "расход", "column_twice"),
        ("day,source,cost,campain", "campain", "mistyped_column"),
        ("day,source,cost,Кампаня", "Кампаня", "mistyped_column"),
        ("day,source,cost,clikcs", "clikcs", "mistyped_column"),
    ],
)
def test_a_header_that_would_lose_figures_is_refused(header: str, column: str, code: str) -> None:
    assert problems(header + "\n") == [(1, column, code)]


@pytest.mark.parametrize(
    "extra", ["ctr", "cpc", "Отказы", "Средняя цена клика", "device", "Ad group", "Campaign type", "Конверсии"]
)
def test_usual_columns_of_ad_systems_are_not_taken_for_typing_errors(extra: str) -> None:
    assert parse(f"day,source,{extra},cost\n2026-10-01,vk,1,5\n".encode(), TODAY).rows


@pytest.mark.parametrize(
    ("head", "cells", "column", "code"),
    [
        ("day,source,cost", "2026-10-01,vk,", "cost", "cost_needed"),
        ("day,source,cost", "2026-10-01,vk,--", "cost", "cost_needed"),
        ("day,source,cost", "2026-10-01,vk,1000000000000", "cost", "cost_too_large"),
        ("day,source,cost", "2026-10-01,vk,-9999999999999.99", "cost", "cost_too_large"),
        ("day,account,cost", "2026-10-01,ivan@mail.ru,1", "account", "personal_account"),
        ("day,account,cost", "2026-10-01,ivan%2540mail.ru,1", "account", "personal_account"),
        ("day,account,cost", "2026-10-01,+7 916 123-45-67,1", "account", "personal_account"),
        ("day,source,cost", "2026-10-01,vk,free", "cost", "bad_cost"),
        ("day,source,cost", "2026-10-01,vk,=1+1", "cost", "bad_cost"),
        ("day,source,cost", "2026-10-01,vk,1e5", "cost", "bad_cost"),
        ("day,source,cost", "2026-10-01,vk,NaN", "cost", "bad_cost"),
        ("day,source,cost", "2026-10-01,vk,0.1234567", "cost", "bad_cost"),
        ("day,source,cost", "2026-10-01,vk,100 руб", "cost", "bad_cost"),
        ("day,source,cost", '2026-10-01,vk,"1.234,50"', "cost", "bad_cost"),
        ("day,source,cost", '2026-10-01,vk,"1,234"', "cost", "two_readings"),
        ("day,source,cost", ",vk,5", "day", "day_needed"),
        ("day,source,cost", "Итого,,5", "day", "bad_day"),
        ("day,source,cost", "2026-02-30,vk,5", "day", "bad_day"),
        ("day,source,cost", "10/01/2026,vk,5", "day", "bad_day"),
        ("day,source,cost", "01.10.26,vk,5", "day", "bad_day"),
        ("day,source,cost", "٢٠٢٦-١٠-٠١,vk,5", "day", "bad_day"),
        ("day,source,cost", "1926-10-01,vk,5", "day", "bad_year"),
        ("day,source,cost", "2062-10-01,vk,5", "day", "bad_year"),
        ("month,source,cost", "2026-13,vk,5", "month", "bad_month"),
        ("month,source,cost", "октябрь,vk,5", "month", "bad_month"),
        ("day,month,source,cost", "2026-10-01,2026-10,vk,5", "month", "days_twice"),
        ("from,to,source,cost", "2026-10-01,,vk,5", "from", "day_needed"),
        ("from,to,source,cost", "2026-10-02,2026-10-01,vk,5", "to", "period_backwards"),
        ("from,to,source,cost", "2025-01-01,2026-01-02,vk,5", "to", "period_too_long"),
        ("day,source,cost", "2026-10-01,,5", "source", "account_needed"),
        ("day,source,cost", f"2026-10-01,{'x' * 201},5", "source", "too_long"),
        ("day,account,cost", f"2026-10-01,{'x' * 101},5", "account", "too_long"),
        ("day,source,cost,clicks", "2026-10-01,vk,5,-1", "clicks", "bad_count"),
        ("day,source,cost,clicks", "2026-10-01,vk,5,1.5", "clicks", "bad_count"),
        ("day,source,cost,показы", "2026-10-01,vk,5,many", "показы", "bad_count"),
        ("day,source,cost,currency", "2026-10-01,vk,5,roubles", "currency", "bad_currency"),
        ("day,source,cost,vat_included", "2026-10-01,vk,5,maybe", "vat_included", "bad_yes_no"),
        ("day,source,cost,vat_percent", "2026-10-01,vk,5,101", "vat_percent", "bad_percent"),
        ("day,source,cost,vat_percent", "2026-10-01,vk,5,x", "vat_percent", "bad_percent"),
        ("day,source,cost", "2026-10-01,vk", "", "cell_count"),
        ("day,source,cost", "2026-10-01,vk,1,5", "", "cell_count"),
        ("day,source,cost", '2026-10-01,"vk,5', "", "bad_quotes"),
        ("day,source,cost", '2026-10-01,"vk"x,5', "", "bad_quotes"),
    ],
)
def test_a_broken_row_is_named_by_line_column_and_reason_and_refuses_the_file(
    head: str, cells: str, column: str, code: str
) -> None:
    good = next(line for line in ("2026-10,vk,1", "2026-10-01,vk,1") if ("month,s" in head) == ("10," in line[:8]))
    lead = good if head.count(",") == 2 else ""
    text = f"{head}\n{lead}\n{cells}\n"
    assert problems(text) == [(3, column, code)]


def test_all_mistakes_of_a_file_are_named_at_once() -> None:
    text = "day,source,clicks,cost\nx,vk,y,z\n2026-10-01,vk,1,1\n2026-10-01,,1,w\n"
    assert problems(text) == [(2, "day", "bad_day"), (2, "clicks", "bad_count"), (2, "cost", "bad_cost"), (4, "cost", "bad_cost")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"sep=;\n", "empty"),
        (b"day,source,cost\n", "only_header"),
        (b"day,source,cost\n,,\n\n", "only_header"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
        ("day,source,cost\n".encode("utf-16"), "not_text"),
        (b"day,source,cost\n2026-10-01,\x98,5\n", "not_text"),
        ("day,source,cost\n2026-10-01,яндекс,5\n".encode() + b"\xff", "damaged_text"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused_with_what_to_do(raw: bytes, code: str) -> None:
    assert [found for _, _, found in problems(raw)] == [code]


def test_100_000_rows_are_read_and_one_more_is_refused() -> None:
    head, line = "day,source,cost\n", "2026-10-01,vk,1\n"
    assert len(rows(head + line * MOST_ROWS)) == 100_000
    assert problems(head + line * (MOST_ROWS + 1)) == [(0, "", "too_many_rows")]


def test_ten_megabytes_are_the_most() -> None:
    assert problems(b"day,source,cost\n" + b"\n" * 10 * 1024 * 1024) == [(0, "", "too_large")]


def test_an_endless_list_of_mistakes_is_cut_and_says_so() -> None:
    parsed = parse(("day,source,cost\n" + "x,vk,1\n" * 50_000).encode(), TODAY)
    assert len(parsed.problems) == 1001
    text = error_text("a.csv", parsed.problems, ["en"])
    assert text.count("\n") < 1010
    assert "the first 1000 are shown" in text


@pytest.mark.parametrize(
    ("cell", "value"), [("0,125", "0.125"), ("1234,567", "1234.567"), ("1 234,5", "1234.5"), ("-5", "-5"), ("1.234", "1.234")]
)
def test_sums_with_one_reading_are_read(cell: str, value: str) -> None:
    assert cost_cell(cell) == Decimal(value)


def test_a_sum_with_two_readings_is_asked_about() -> None:
    with pytest.raises(BadCell) as caught:
        cost_cell("1,234")
    assert caught.value.values == {"cell": "1,234", "plain": "1234", "decimal": "1.234"}


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_every_message_exists_in_both_languages(code: str) -> None:
    russian, english = TEXTS[code]
    assert any("а" <= letter <= "я" for letter in russian.lower())
    assert russian != english


def test_the_error_file_says_line_column_and_reason_in_the_sites_language() -> None:
    found = [Problem(3, "Расход", "bad_cost", {"cell": "сто\nрублей" + "!" * 90})]
    russian, english = error_text("окт.csv", found, ["ru"]), error_text("окт.csv", found, ["en"])
    assert "строка 3, столбец «Расход»: «сто рублей!!!" in russian
    assert "line 3, column «Расход»: «сто рублей!!!" in english
    assert "окт.csv" in russian
    assert all(len(line) < 220 for line in (russian + english).splitlines())


CELL = st.sampled_from(
    ["2026-10-01", "31.10.2026", "2026-10", "vk", "5", "0", "1,5", "", "да", "RUB", "22%", '"', "=1", "x" * 300]
) | st.text(max_size=12)


@settings(max_examples=300, deadline=None)
@given(
    header=st.lists(st.sampled_from(sorted(FIELD_OF)) | st.text(max_size=8), max_size=8),
    lines=st.lists(st.lists(CELL, max_size=8), max_size=5),
)
def test_any_table_gives_rows_or_named_mistakes_never_both(header: list[str], lines: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([header, *lines])
    parsed = parse(text.getvalue().encode("utf-8", "surrogatepass"), TODAY)
    assert bool(parsed.rows) != bool(parsed.problems)
    for language in ("ru", "en"):
        assert all(p.sentence(language) for p in parsed.problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_named_mistakes(raw: bytes) -> None:
    parsed = parse(raw, TODAY)
    assert bool(parsed.rows) != bool(parsed.problems)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.dates(date(2025, 1, 1), date(2026, 12, 31)), st.text(min_size=1, max_size=30), st.decimals(-(10**9), 10**9, places=6)
        ),
        min_size=1,
        max_size=10,
    )
)
def test_what_a_csv_writer_wrote_is_read_back_exactly(given_rows: list[tuple[date, str, Decimal]]) -> None:
    wanted = [(day, text.strip(), cost) for day, text, cost in given_rows if text.strip() and "\x00" not in text]
    if not wanted:
        return
    text = io.StringIO()
    csv.writer(text).writerows([["day", "source", "cost"], *wanted])
    read = [(row.day, row.marks["utm_source"], row.cost) for row in rows(text.getvalue())]
    assert read == wanted


def test_emails_in_marks_are_taken_out_and_ids_stay() -> None:
    (row,) = rows("day,account,source,campaign,term,cost\n2026-10-01,916-123-4567,ivan@mail.ru,9161234567,to ivan%40mail.ru,1\n")
    assert row.account == "916-123-4567"
    assert {name: text for name, text in row.marks.items() if text} == {
        "utm_source": "[email]",
        "utm_campaign": "9161234567",
        "utm_term": "to [email]",
    }


def test_the_largest_cost_that_the_column_holds_is_read() -> None:
    (row,) = rows("day,source,cost\n2026-10-01,vk,999999999999.999999\n")
    assert row.cost == Decimal("999999999999.999999")
