"""Own sections of a report: asked once, shown, bounded, and named where they fail."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from functions.report.extras import extras_of
from functions.report.own import section
from functions.report.own.asking import MOST_SECONDS, Asking, check_inputs
from functions.report.own.cells import MOST_CELL, MOST_CHARACTERS
from functions.report.own.section import mail_tables, mistakes_of, own_sections_html, own_sections_of
from shared.errors import BadInput, WarehouseError
from shared.report_settings import OwnSection
from shared.warehouse import Row
from tests.own_cases import Answering, one, sections
from tests.report_cases import PERIOD, figures_of, settings_of, shop


def test_without_a_template_the_rows_are_a_table() -> None:
    (own,) = sections(
        [{"manager": "A&B", "n": 1200, "at": datetime(2026, 10, 1, 21, 30, tzinfo=UTC), "won": True, "share": 0.5}]
    ).made
    assert own.shown == (("A&B", "1\u00a0200", "02.10.2026 00:30", "да", "0,5"),)
    assert '<td class="name">A&amp;B</td><td>1\u00a0200</td>' in str(own.html)
    assert sections([]).made[0].html.strip() == "<p>Строк за этот период нет.</p>"


def test_a_thousand_rows_are_shown_and_the_rest_is_told() -> None:
    owns = sections([{"n": number} for number in range(1001)])
    assert (len(owns.made[0].rows), owns.made[0].is_cut) == (1000, True)
    assert "Показаны первые 1000 строк" in own_sections_html(owns.made, "ru")
    assert "first 1000 rows" in own_sections_html(owns.made, "en")


@pytest.mark.parametrize(
    "error", [WarehouseError("Athena: bytes scanned limit was exceeded"), WarehouseError("timeout"), RuntimeError("bug")]
)
def test_a_section_that_fails_is_named_and_counted_and_the_others_are_made(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []
    monkeypatch.setattr(section, "count", lambda metrics, **dimensions: counted.append((metrics, dimensions)))

    class Second(Answering):
        def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
            if "costs" in sql:
                raise error
            return [{"n": 1}]

    told = [one(name="bad", title="Плохая", sql="SELECT cost FROM costs"), one(name="good", title="Хорошая")]
    settings = settings_of(report={"own_sections": told})
    owns = own_sections_of(Second(), settings, PERIOD, Asking(lambda: 0.0))  # type: ignore[arg-type]
    assert ([own.title for own in owns.made], owns.failed) == (["Хорошая"], ("Плохая",))
    assert counted == [({"ReportSectionFailed": 1}, {"Section": "own"})]


def test_sections_that_took_too_long_leave_the_rest_out() -> None:
    seconds = iter([0.0, MOST_SECONDS + 1])
    settings = settings_of(report={"own_sections": [one(), one(name="b", title="Вторая", sql="SELECT 1 AS n")]})
    owns = own_sections_of(Answering([{"n": 1}]), settings, PERIOD, Asking(lambda: next(seconds)))  # type: ignore[arg-type]
    assert (len(owns.made), owns.failed) == (1, ("Вторая",))


def test_reports_of_one_run_ask_once_and_share_their_time() -> None:
    """Readers of another language see the same answer; an error is not met twice either."""
    seconds, engine = iter([0.0, 200.0, 200.0, 300.0]), Answering([{"n": 1}])
    asking = Asking(lambda: next(seconds))
    for language in ("ru", "en"):
        settings = settings_of(report={"own_sections": [one(), one(name="b", title="Другая", in_mail=True)], "language": language})
        assert len(own_sections_of(engine, settings, PERIOD, asking).made) == 2  # type: ignore[arg-type]
    assert (len(engine.asked), asking.seconds) == (1, 200.0)
    broken = Answering(error=WarehouseError("cut off"))
    told = [
        one(sql="SELECT cost FROM costs"),
        one(name="b", title="Тоже", sql="SELECT cost FROM costs"),
        one(name="c", sql="SELECT 1"),
    ]
    settings = settings_of(report={"own_sections": told})
    assert own_sections_of(broken, settings, PERIOD, asking).failed == ("Менеджеры", "Тоже", "Менеджеры")  # type: ignore[arg-type]
    assert (len(broken.asked), asking.seconds) == (1, 300.0)


def test_long_texts_are_cut_before_they_are_cleaned_and_an_answer_too_large_is_refused() -> None:
    class Long(str):
        """Too long to be walked through."""

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("the whole text was walked through")

    (own,) = sections([{"t": Long("x" * 100_000)}]).made
    assert len(str(own.rows[0][0])) == MOST_CELL
    assert sections([{"t": "x" * 1_000_000}] * (MOST_CHARACTERS // 1_000_000 + 1)).failed == ("Менеджеры",)


PLAN_ENTRY = {"table": {"catalog": "marts", "schemaTable": {"schema": "skvoz", "table": "deals"}}}


def plan_of(site_id: str = "kvartal", table: str = "deals", **changes: Any) -> dict[str, Any]:
    domain = {"nullsAllowed": False, "ranges": [{"low": {"value": site_id}, "high": {"value": site_id}}], **changes}
    named = {"table": {"catalog": "marts", "schemaTable": {"schema": "skvoz", "table": table}}}
    return {
        "inputTableColumnInfos": [{**named, "constraint": {"columnConstraints": [{"columnName": "site_id", "domain": domain}]}}]
    }


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (plan_of("other"), "deals beyond the rows of this site"),
        (plan_of(ranges=[]), "deals beyond the rows of this site"),
        (plan_of(ranges=[{"low": {"value": "kvartal"}, "high": {}}]), "deals beyond the rows of this site"),
        ({"inputTableColumnInfos": [{**PLAN_ENTRY, "constraint": {"none": False, "columnConstraints": []}}]}, "beyond the rows"),
        ({"inputTableColumnInfos": [{**PLAN_ENTRY, "columnConstraints": []}]}, "beyond the rows"),
        (plan_of(table="raw_hit"), "raw_hit, which is no mart"),
        (plan_of(table="deals$snapshots"), "which is no mart"),
    ],
)
def test_a_plan_that_reads_more_than_the_sites_marts_is_refused(plan: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why.replace("$", "[$]")):
        check_inputs(plan, "kvartal")


def test_a_plan_is_looked_at_before_its_query_runs() -> None:
    class Planning(Answering):
        ddl_dialect = "iceberg_athena"
        plan = ""

        def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
            if not sql.startswith("EXPLAIN (TYPE IO, FORMAT JSON) WITH deals AS (SELECT * FROM deals WHERE site_id = 'kvartal')"):
                return super().rows(sql, most_characters)
            return [{"Query Plan": line} for line in self.plan.split("\n")]  # Athena gives a row a line

    engine, settings = Planning([{"n": 1}]), settings_of(report={"own_sections": [one()]})
    for plan in ("", "no plan", "[]", "{}", json.dumps(plan_of("other"))):
        engine.plan = plan
        assert own_sections_of(engine, settings, PERIOD).failed == ("Менеджеры",), plan  # type: ignore[arg-type]
    assert engine.asked == []
    fine: dict[str, Any]
    for fine in (plan_of(), plan_of(nullsAllowed=True), {"inputTableColumnInfos": []}):
        engine.plan = json.dumps(fine, indent=1)
        assert own_sections_of(engine, settings, PERIOD).failed == ()  # type: ignore[arg-type]
    assert len(engine.asked) == 3


def test_settings_published_before_there_were_sections_have_none() -> None:
    settings = settings_of()
    settings = {**settings, "report": {name: value for name, value in settings["report"].items() if name != "own_sections"}}
    assert own_sections_of(Answering(), settings, PERIOD).made == ()  # type: ignore[arg-type]


def test_the_mail_has_ten_rows_of_six_columns_and_says_how_many_are_left() -> None:
    rows: list[Row] = [{f"c{place}": number for place in range(8)} for number in range(13)]
    owns = sections(rows, one(in_mail=True), one(name="b", title="Нет"))
    (table,) = mail_tables(owns.made, "ru")
    assert (len(table.rows), len(table.columns), {len(row) for row in table.rows}) == (10, 6, {6})
    assert table.note.startswith("Ещё 3 строки — на странице отчёта и в книге Excel.")
    assert mail_tables(sections([], one(in_mail=True)).made, "en")[0].note == "There are no rows for this period."


def test_the_mail_tells_columns_that_are_left_and_a_list_that_was_cut() -> None:
    wide: list[Row] = [{f"c{place}": 1 for place in range(8)}]
    (table,) = mail_tables(sections(wide, one(in_mail=True)).made, "ru")
    assert table.note == "Ещё 2 столбца — на странице отчёта и в книге Excel."
    many: list[Row] = [{f"c{place}": 1 for place in range(7)}] * 1001
    (table,) = mail_tables(sections(many, one(in_mail=True)).made, "en")
    assert table.note == (
        "The first 1000 rows are on the report's page and in the workbook; the query gives more. "
        "1 more column is on the report's page and in the workbook."
    )
    (table,) = mail_tables(sections([{"n": 1}] * 10, one(in_mail=True)).made, "ru")
    assert table.note == ""


def test_the_workbook_has_a_sheet_of_each_section_with_every_row() -> None:
    settings = settings_of()
    rows: list[Row] = [
        {"manager": "=cmd|' /C calc'!A0", "n": 5, "share": 0.25, "day": date(2026, 10, 1), "big": 2**60, "old": date(1, 1, 1)},
        {"manager": None, "n": None, "share": None, "day": None, "big": None, "old": None},
    ]
    told = [one(title="Сводка"), one(name="b", title="Мои: сделки [все]/2026 и ещё много слов о том же")]
    extras = extras_of(figures_of(shop()), settings, sections(rows, *told))
    assert extras.failed == ()
    book = CalamineWorkbook.from_filelike(io.BytesIO(extras.workbook or b""))
    first, second = book.sheet_names[-2:]
    assert (first, second) == ("Сводка 2", "Мои сделки все 2026 и ещё много")
    table = book.get_sheet_by_name(first).to_python()
    assert table[0] == ["manager", "n", "share", "day", "big", "old"]
    assert table[1] == ["=cmd|' /C calc'!A0", 5.0, 0.25, date(2026, 10, 1), str(2**60), "0001-01-01"]


def test_a_failed_section_is_named_among_what_could_not_be_made() -> None:
    extras = extras_of(figures_of(shop()), settings_of(), sections(error=WarehouseError("cut off")))
    assert extras.failed == ("Менеджеры",)
    assert extras.own == ()


def test_mistakes_of_a_section_name_the_part() -> None:
    told = OwnSection(name="x", title="X", sql="SELECT * FROM secret", template="{% set a = 1 %}")
    assert [mistake.split(":")[0] for mistake in mistakes_of(told)] == ["sql", "template"]
    assert mistakes_of(OwnSection(name="x", title="X", sql="SELECT 1 AS n", template="{{ rows|length }}")) == []


def test_a_made_section_is_marked_as_a_view_of_the_page() -> None:
    html = own_sections_html(sections([{"n": 1}], one(title="A <b>")).made, "ru")
    assert '<section data-view="own"' in html
    assert "A &lt;b&gt;" in html
    assert own_sections_html((), "ru") == ""


def test_names_that_are_equal_as_far_as_they_are_kept_are_no_columns() -> None:
    assert sections([{"x" * 70: 1, "x" * 71: 2}]).failed == ("Менеджеры",)
