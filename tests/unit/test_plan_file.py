"""Files that a settings file names: the plan as CSV and XLSX, the logo, SQL and templates of own sections."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from infra.cli.beside import with_files
from infra.cli.files import read_settings
from infra.cli.plan_file import plan_rows
from shared.errors import SettingsError

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
HEAD = "site_id: shop\nname: Shop\nhosts: [shop.example]\nreport:\n"


def csv(folder: Path, text: str, name: str = "plan.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def settings(folder: Path, report: str) -> Path:
    return csv(folder, HEAD + report, "shop.yaml")


def wrong(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        plan_rows(path)
    return str(caught.value)


def test_a_plan_is_read_beside_the_settings(tmp_path: Path) -> None:
    csv(tmp_path, "month,channel,cost,sales,cpo,margin_romi\n2026-10,,100000.50,20,1100,50%\n2026-10,Яндекс Директ,60000,,,\n")
    whole, channel = read_settings(settings(tmp_path, "  plan_file: plan.csv\n")).report.plan
    assert (whole.month, whole.channel, whole.sales) == ("2026-10", None, 20)
    assert (whole.cost, whole.cpo) == (Decimal("100000.50"), Decimal(1100))
    assert whole.margin_romi == Decimal("0.5")
    assert (channel.channel, channel.sales) == ("Яндекс Директ", None)
    assert channel.cost == Decimal(60000)


def test_columns_may_be_russian_in_any_order_with_semicolons_and_spaces(tmp_path: Path) -> None:
    rows = plan_rows(csv(tmp_path, "\ufeffРасход;Месяц;Валовая прибыль;Заявки\n1 234,50;10.2026;-5;\n\n;01.11.2026;;7\n"))
    assert rows == [{"cost": "1234.5", "month": "2026-10", "gross_profit": "-5"}, {"month": "2026-11", "requests": 7}]


def test_a_sheet_is_read_as_a_reader_of_the_settings_would_type_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for place, cell in enumerate(("Месяц", "Канал", "Расход", "Продажи", "ROMI с маржой")):
        sheet.write(0, place, cell)
    sheet.write_datetime(1, 0, datetime(2026, 10, 1), book.add_format({"num_format": "mm.yyyy"}))
    for place, value in enumerate(("VK Реклама", 50000.25, 12, 0.3), start=1):
        sheet.write(1, place, value)
    book.close()
    assert plan_rows(path) == [{"month": "2026-10", "channel": "VK Реклама", "cost": "50000.25", "sales": 12, "margin_romi": "0.3"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "plan.csv, row 1: the file is empty"),
        ("month,cost\n", "plan.csv, row 2: a plan has 1 to 2000 rows"),
        ("cost\n5\n", "plan.csv, row 1: there is no column month"),
        ("month,costt\n2026-10,5\n", "plan.csv, row 1, column costt: no such column"),
        ("month,cost,Расход\n2026-10,5,6\n", "plan.csv, row 1, column Расход: cost is told twice"),
        ("month,cost\n2026-10,a lot\n", "plan.csv, row 2, column cost: a lot: an amount must be a plain decimal number"),
        ("month,sales\n2026-10,2.5\n", "plan.csv, row 2, column sales: 2.5: a whole number is needed"),
        ("month,cost\nOctober,5\n", "plan.csv, row 2, column month: October: a month is written 2026-10 or 10.2026"),
        ("month,cost\n2026-13,5\n", "plan.csv, row 2, column month"),
        ("month,cost\n,5\n", "plan.csv, row 2, column month: Field required"),
        ("month,cost\n2026-10,-5\n", "plan.csv, row 2, column cost"),
        ("month,cost\n2026-10,1.005\n", "plan.csv, row 2, column cost"),
        ("month,cost\n2026-10,5\n2026-10,6\n", "plan.csv, row 3: the same month and channel as row 2"),
        ("month,cost\n2026-10,5,7\n", "plan.csv, row 2: has more cells than there are columns"),
        ('month,cost\n2026-10,"5\n', "plan.csv, (file): is no CSV"),
    ],
)
def test_every_mistake_is_named_with_its_file_row_and_column(tmp_path: Path, text: str, told: str) -> None:
    assert told in wrong(csv(tmp_path, text))


def test_all_mistakes_are_told_at_once_and_many_are_counted(tmp_path: Path) -> None:
    told = wrong(csv(tmp_path, "month,cost\n" + "".join(f"2026-10,x{n}\n" for n in range(30))))
    assert len(re.findall(r"plan\.csv, row", told)) == 20
    assert "plan.csv: and 10 more" in told


@pytest.mark.parametrize(("name", "body"), [("plan.xlsx", b"no sheet"), ("plan.csv", "расход".encode("cp1251"))])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / name).write_bytes(body)
    assert name in wrong(tmp_path / name)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ("  plan_file: none.csv\n", "report.plan_file: there is no file"),
        ("  plan_file: [a]\n", "report.plan_file: the name of a file"),
        ("  plan_file: plan.csv\n  plan: [{month: 2026-10, cost: 1}]\n", "report.plan_file: there is plan beside it"),
        ("  brand: {logo_file: none.png}\n", "report.brand.logo_file: there is no file"),
        ("  own_sections: [{name: a, title: A, sql_file: none.sql}]\n", "report.own_sections.0.sql_file: there is no file"),
    ],
)
def test_a_file_that_cannot_be_taken_is_named_with_its_place(tmp_path: Path, report: str, told: str) -> None:
    csv(tmp_path, "month,cost\n2026-10,5\n")
    with pytest.raises(SettingsError) as caught:
        read_settings(settings(tmp_path, report))
    assert told in str(caught.value)


def test_logo_sql_and_template_are_read_into_the_settings(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG)
    csv(tmp_path, "SELECT 1 AS one", "own.sql")
    csv(tmp_path, "{{ rows }}", "own.j2")
    own = "  own_sections: [{name: own, title: Own, sql_file: own.sql, template_file: own.j2}]\n"
    report = read_settings(settings(tmp_path, "  brand: {logo_file: logo.png}\n" + own)).report
    assert base64.b64decode(report.brand.logo) == PNG
    assert (report.own_sections[0].sql, report.own_sections[0].template) == ("SELECT 1 AS one", "{{ rows }}")


@pytest.mark.parametrize("raw", [None, [], {"report": None}, {"report": {"brand": 5, "own_sections": ["a"]}}])
def test_what_is_no_mapping_is_left_to_the_check_of_the_settings(raw: Any) -> None:
    assert with_files(raw, Path()) == raw
