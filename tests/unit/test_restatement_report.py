"""What changed in closed days, as page, mail and workbook show it."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from functions.report.figures import Figures, build, to_json
from functions.report.marts.questions import Answers
from functions.report.render import mail, page
from functions.report.workbook.book import workbook
from tests.report_cases import DATA_TO, PERIOD, kind, settings_of, shop


def changed(
    metric: str, reason: str, old: str | None, new: str | None, channel: str = "Yandex Direct", **told: Any
) -> dict[str, Any]:
    """A row of `restated`: one change of a day, the only one of its figure and reason unless told otherwise."""
    values = [None if value is None else Decimal(value) for value in (old, new)]
    row = {"day": date(2026, 10, 3), "channel": channel, "metric": metric, "reason": reason}
    row |= dict(zip(("old_value", "new_value"), values, strict=True))
    low, high = (value or Decimal(0) for value in values)
    row |= {"old_total": low, "new_total": high, "moved": abs(high - low), "days": 1, "rows_total": 3}
    return {**row, **told}


def figures(*rows: dict[str, Any], more: dict[str, Any] | None = None, **changes: Any) -> Figures:
    return build(settings_of(**changes), PERIOD, Answers({**shop(), "restated": rows, **(more or {})}), Answers({}), DATA_TO)


LATE = changed("revenue", "records", "412300.00", "455300.00", days=3)
MOVED = changed("requests", "credits", "0", "0.4", channel="")


def test_figures_tell_counts_as_numbers_and_money_to_the_kopeck() -> None:
    told = figures(LATE, MOVED)["restated"]
    assert told["since"] == "2026-10-11 21:00:00.000"
    assert [(row["metric"], row["reason"], row["old"], row["new"], row["moved"], row["days"]) for row in told["figures"]] == [
        ("requests", "credits", 0, 0.4, 0.2, 1),
        ("revenue", "records", Decimal("412300.00"), Decimal("455300.00"), None, 3),
    ]
    assert [row["channel"] for row in told["days"]] == ["Yandex Direct", "no source"]
    assert b'"new": 455300.00' in to_json(figures(LATE))


def test_what_moved_within_other_traffic_is_no_change() -> None:
    unnamed = {"channels": [kind("a / b", is_unnamed=True), kind("c / d", is_unnamed=True)]}
    rows = [changed("requests", "credits", "0", "1", channel="a / b"), changed("requests", "credits", "1", "0", channel="c / d")]
    assert figures(*rows, more=unnamed)["restated"]["days"] == []


LINES = {
    "ru": "Изменилось задним числом с 00:00, 12 октября 2026: "
    "Заявки: перешло 0,2 между каналами (другое распределение, 1 день); "
    "Выручка 412 300 ₽ → 455 300 ₽ (поздние или исправленные данные, 3 дня).",
    "en": "Changed after the fact since 00:00, October 12, 2026: "
    "Requests: 0.2 moved between channels (credited otherwise, 1 day); "
    "Revenue ₽412,300 → ₽455,300 (late or corrected data, 3 days).",
}


@pytest.mark.parametrize(("language", "line"), LINES.items())
def test_the_mail_tells_it_in_one_line_and_the_page_as_a_table(language: str, line: str) -> None:
    settings = settings_of(report={"recipients": [], "language": language})
    made = figures(LATE, MOVED, report={"recipients": [], "language": language})
    written = mail(made, settings, "https://api.example/r")
    assert line in " ".join(written.text.replace("\u00a0", " ").split())  # the text part is wrapped
    assert line.split(":")[0] in written.html
    shown = page(made, settings)
    assert 'class="small restated"' in shown
    assert line.split(" ")[0] in shown


def test_nothing_is_said_where_nothing_changed() -> None:
    made = figures()
    assert made["restated"]["figures"] == []
    assert "restated" not in page(made, settings_of()).replace("table.restated", "")
    assert "задним числом" not in mail(made, settings_of(), "").text


def test_an_empty_gross_profit_counts_as_nothing_in_the_difference() -> None:
    row = changed("gross_profit", "records", None, "900.00", rows_total=1)
    assert "+900" in page(figures(row), settings_of())


def test_the_workbook_lists_every_change_and_says_when_there_are_more() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(figures(LATE, MOVED), settings_of())))
    head, first, second, last = book.get_sheet_by_name("Изменения").to_python()
    assert head == ["День", "Канал", "Показатель", "Было", "Стало", "Разница", "Почему"]
    assert first == [date(2026, 10, 3), "Яндекс Директ", "Выручка", 412300, 455300, 43000, "поздние или исправленные данные"]
    assert second[1:6] == ["Без источника", "Заявки", 0, 0.4, 0.4]
    assert last[0] == "Показаны самые крупные изменения, всего строк: 3."
