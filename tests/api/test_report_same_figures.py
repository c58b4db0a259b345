"""One set of figures in four forms: what page, mail, workbook and figures.json show is read back and compared; the worked cases of
docs/method.md as their readers see them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook

from functions.report import render
from functions.report.extras import Extras, extras_of
from functions.report.figures import MEASURES, Figures, to_json
from functions.report.view.formats import Formats
from functions.report.view.mail import MEASURES as MAIL_MEASURES
from functions.report.view.mail_control import MEASURES as CONTROL_MEASURES
from functions.report.view.model import view_of
from functions.report.view.words import texts
from shared.settings import published
from tests import worked_cases as worked
from tests.report_cases import figures_of, settings_of, shop, shop_before

Rows = dict[str, list[str]]
NO_SOURCE = {"ru": "Без источника", "en": "No source"}
M2_CHANNELS = ("Яндекс Директ", "Органический поиск", "Прямые заходы")


class Tables(HTMLParser):
    """Rows of cells of every table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in ("td", "th") or self._cell
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell and self.rows and self.rows[-1]:
            self.rows[-1][-1] += " ".join(data.replace("\u00a0", " ").split())


class Shown:
    """The four forms of one report, read back as texts and numbers."""

    def __init__(self, figures: Figures, settings: Mapping[str, Any]) -> None:
        extras: Extras = extras_of(figures, settings)
        assert extras.failed == ()
        assert extras.workbook is not None
        mail = render.mail(figures, settings, "https://stats.example/v1/reports/t", extras)
        self.words = texts(settings["report"]["language"])
        self.page = Tables(render.page(figures, settings, extras)).rows
        self.mail = Tables(mail.html).rows
        self.html = " ".join(unescape(re.sub(r"<[^>]+>", " ", mail.html)).split())
        self.text = re.sub(r"\n {4}", " ", mail.text).replace("\u00a0", " ")  # long lines of figures, as one
        self.book = CalamineWorkbook.from_filelike(io.BytesIO(extras.workbook))
        self.json = orjson.loads(to_json(figures))

    def on_page(self, channel: str) -> dict[str, str]:
        row = next(row for row in self.page if row and row[0] == channel and len(row) == len(MEASURES) + 2)
        return dict(zip(MEASURES, row[1:], strict=False))

    def in_mail(self, channel: str) -> dict[str, str]:
        """The measures of the mail's one table; verdict and interval stand in the channel's cell."""
        verdicts = "|".join(map(re.escape, self.words["verdicts"].values()))
        rows = [row for row in self.mail if len(row) == 6 and re.sub(f"^■|(({verdicts}).*)?$", "", row[0]) == channel]
        return dict(zip(MAIL_MEASURES, rows[0][1:], strict=True))

    def control_in_mail(self, place: str) -> list[str]:
        """Cells of the mail's table of source control, the only one of five columns."""
        return next(row[1:] for row in self.mail if len(row) == 5 and row[0].removeprefix("■").strip() == place)

    def control_in_text(self, place: str) -> list[str]:
        names = [self.words["control"]["columns"][name] for name in CONTROL_MEASURES]
        pattern = "; ".join(rf"{re.escape(name)} ([^;\n]+)" for name in names)
        found = re.search(rf"^ *- {re.escape(place)}: {pattern}$", re.sub(r"\n +(?![- ])", " ", self.text), re.M)
        assert found, place
        return list(found.groups())

    def in_text(self, channel: str) -> dict[str, str]:
        line = re.search(rf"^\* {re.escape(channel)}(?: \[[^\]]+\])?\n +(.+)$", self.text, re.M)
        assert line
        metrics = sorted(self.words["metrics"].values(), key=len, reverse=True)  # "ROMI с маржой" before "ROMI"
        told = {}
        for part in line[1].split("; "):
            name = next(name for name in metrics if part.startswith(f"{name} "))
            told[name] = part.removeprefix(name).strip()
        return {measure: told[self.words["metrics"][measure]] for measure in MEASURES}

    def in_book(self, channel: str) -> dict[str, Any]:
        rows = self.book.get_sheet_by_name(self.words["workbook"]["sheets"]["channels"]).to_python()
        row = next(row for row in rows if row[0] == channel and row[1] == "")
        return dict(zip(MEASURES, row[4:], strict=False))


def number(text: str) -> Decimal | None:
    """A shown figure as a number: fractions of percents, empty for a dash."""
    if text == "—":
        return None
    plain = text.replace(" ", "").replace("−", "-").replace(",", ".")
    return Decimal(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)


def step(measure: str, value: Decimal) -> Decimal:
    """How finely a shown figure tells its value."""
    if measure in ("romi", "margin_romi"):
        return Decimal("0.001")
    return Decimal(1) if abs(value) >= 1000 else Decimal("0.1")


@pytest.mark.parametrize("channel", ["Итого", "Яндекс Директ", "Без источника", "Офлайн-реклама"])
def test_mail_page_workbook_and_json_tell_the_same_figures(channel: str) -> None:
    shown = Shown(figures_of(shop()), settings_of())
    names = {"Яндекс Директ": "Yandex Direct", "Без источника": "no source", "Офлайн-реклама": "Offline ads"}
    told = shown.json["totals"]
    if channel != "Итого":
        told = next(row for row in shown.json["channels"] if row["channel"] == names[channel])
    page = shown.on_page(channel)
    assert page == shown.in_text(channel)
    assert {measure: page[measure] for measure in MAIL_MEASURES} == shown.in_mail(channel)
    for measure in MEASURES:
        read, exact, cell = number(shown.on_page(channel)[measure]), told[measure], shown.in_book(channel)[measure]
        if exact is None:
            assert (read, cell) == (None, ""), measure
            continue
        assert cell == pytest.approx(exact, abs=0.005), measure
        assert read is not None, measure
        assert abs(read - Decimal(repr(exact))) <= step(measure, read), measure


@pytest.mark.parametrize("language", ["ru", "en"])
def test_source_control_is_the_same_in_every_form(language: str) -> None:
    shown = Shown(figures_of(shop(), shop_before()), settings_of(report={"language": language}))
    words, told = shown.words["control"], shown.json["source_control"]
    page = {row[0]: row[1:] for row in shown.page if len(row) == 6}
    sheets = shown.words["workbook"]["sheets"]
    book = shown.book.get_sheet_by_name(sheets["source_control"]).to_python()
    by_place = {(row[0], row[1]): row for row in book}
    names = {"Yandex Direct": "Яндекс Директ", "VK Ads": "VK Реклама"} if language == "ru" else {}
    for channel in ("Yandex Direct", "Google Ads", "VK Ads", "Meta Ads"):
        name = names.get(channel, channel)
        row = next(row for row in told["channels"] if row["channel"] == channel)
        cells = [number(re.sub("[▲▼]", "", cell).replace(",", ".").strip()) for cell in page[name][:4]]
        assert cells[:2] == [row["requests"], row["deals"]]
        assert [float(cell or 0) for cell in cells[2:]] == pytest.approx([row["share"], row["share_before"]], abs=0.0006)
        assert by_place[(name, "")][2:6] == [
            row["requests"],
            row["deals"],
            pytest.approx(row["share"]),
            pytest.approx(row["share_before"]),
        ]
        assert ("▲" in page[name][2] or "▼" in page[name][2]) == row["is_jump"] == bool(by_place[(name, "")][6])
    for place in [row[0].removeprefix("■").strip() for row in shown.mail if len(row) == 5][1:]:
        assert shown.control_in_mail(place) == shown.control_in_text(place)
        if place in page:
            assert shown.control_in_mail(place) == page[place][:4]
    for place in (names.get("Yandex Direct", "Yandex Direct"), "Google Ads", shown.words["total"]):
        assert shown.control_in_mail(place)[:2] == page[place][:2]
    lost = told["channels"][-1]
    assert shown.control_in_mail(NO_SOURCE[language])[:2] == [str(lost["requests"]), str(lost["deals"])]
    reasons = [row for row in lost["sources"] if row["requests"] or row["requests_before"]]
    for row in reasons:
        name = shown.words["reasons"][row["source"]][0]
        assert shown.control_in_mail(name)[:2] == shown.control_in_text(name)[:2] == [str(row["requests"]), str(row["deals"])]
    total = [str(told["requests"]), str(told["deals"])]
    assert page[shown.words["total"]][:2] == total == [str(cell)[:-2] for cell in book[-1][2:4]]
    share = Formats(language, "RUB", "UTC").share(told["without_source"]["share"]).replace("\u00a0", " ")
    lead = words["lead"].format(requests=total[0], deals=total[1], lost=told["without_source"]["requests"], share=share)
    assert lead in shown.html
    assert lead in " ".join(shown.text.split())
    days = shown.book.get_sheet_by_name(sheets["source_days"]).to_python()[1:]
    assert (
        sum(int(str(row[3]).removesuffix(".0")) for row in days) == told["requests"] == sum(row["requests"] for row in told["days"])
    )
    assert (
        sum(int(str(row[4]).removesuffix(".0")) for row in days) == told["deals"] == sum(row["deals"] for row in told["channels"])
    )


def test_contact_channels_add_up_to_the_totals_in_every_form() -> None:
    shown = Shown(figures_of(shop()), settings_of())
    total = shown.on_page("Итого")
    page = next(row for row in shown.page if row and row[0] == "Итого" and len(row) == 7)
    assert (page[2], page[4], page[5]) == (total["requests"], total["sales"], total["revenue"])
    book = shown.book.get_sheet_by_name("Способы обращения").to_python()[-1]
    assert book[5] == pytest.approx(shown.json["totals"]["revenue"])
    assert sum(row["requests"] for row in shown.json["contact_channels"]) == pytest.approx(shown.json["totals"]["requests"])


class TestWorkedCases:
    """M1–M4 from records through marts to what people see."""

    def shown(self, folder: Path, case: worked.Case) -> Shown:
        return Shown(worked.figures_of(folder, case), published(case.settings))

    @pytest.mark.parametrize("with_margin", [False, True])
    def test_m1(self, tmp_path: Path, with_margin: bool) -> None:
        shown = self.shown(tmp_path, worked.m1(with_margin))
        names = {"Yandex Direct": "Яндекс Директ"}
        expected = {"Yandex Direct": "+100 %", "Google Ads": "+144 %", "Meta Ads": "+60 %"}
        margins = {"Yandex Direct": "0 %", "Google Ads": "+22 %", "Meta Ads": "−20 %"}
        for channel in worked.M1:
            name = names.get(channel, channel)
            for found in (shown.on_page(name), shown.in_text(name)):
                assert found["romi"] == expected[channel]
            for found in (shown.on_page(name), shown.in_mail(name), shown.in_text(name)):
                assert found["margin_romi"] == (margins[channel] if with_margin else "—")
            assert shown.in_book(name)["romi"] == pytest.approx(worked.M1_ROMI[channel])
            assert shown.in_book(name)["margin_romi"] == (pytest.approx(worked.M1_MARGIN_ROMI[channel]) if with_margin else "")

    @pytest.mark.parametrize("model", worked.M2)
    def test_m2_by_each_model(self, tmp_path: Path, model: str) -> None:
        """The report's tables of channels where the site's settings choose the model."""
        shown = self.shown(tmp_path, worked.m2(model))
        for read in (shown.on_page, shown.in_mail, shown.in_text):
            parts = [number(read(channel)["revenue"]) for channel in M2_CHANNELS]
            assert sum(part or Decimal(0) for part in parts) == 1000
            assert [float(part or 0) for part in parts] == pytest.approx([1000 * share for share in worked.M2[model]], abs=0.01)
        for channel, share in zip(M2_CHANNELS, worked.M2[model], strict=True):
            assert shown.in_book(channel)["revenue"] == pytest.approx(1000 * share, abs=0.01)
        for found in (shown.on_page("Итого"), shown.in_mail("Итого"), shown.in_text("Итого")):
            assert found["revenue"] == "1 000"

    def test_m2(self, tmp_path: Path) -> None:
        shown = self.shown(tmp_path, worked.m2("position"))
        rows = shown.book.get_sheet_by_name("Модели").to_python()
        by_model = {(row[0], row[1]): row[5] for row in rows}
        for model in ("last_non_direct", "last_significant", "first", "last", "position"):
            for channel, share in zip(M2_CHANNELS, worked.M2[model], strict=True):
                assert by_model.get((shown.words["models"][model], channel), 0) == pytest.approx(1000 * share)
        deals = shown.book.get_sheet_by_name("Сделки").to_python()
        assert deals[1][deals[0].index("Путь")] == "Яндекс Директ › Органический поиск › Прямые заходы"
        assert any("Яндекс Директ" in cell and "Органический поиск" in cell for row in shown.page for cell in row)

    def test_m3(self, tmp_path: Path) -> None:
        shown = self.shown(tmp_path, worked.m3())
        for found in (shown.on_page("Итого"), shown.in_text("Итого")):
            assert (found["cost"], found["revenue"], found["romi"], found["roas"]) == ("50 000", "100 000", "+100 %", "2,00")
        mail = shown.in_mail("Итого")
        assert (mail["cost"], mail["revenue"]) == ("50 000", "100 000")
        book = shown.in_book("Итого")
        assert (book["romi"], book["roas"]) == (1.0, 2.0)
        summary = shown.book.get_sheet_by_name("Сводка").to_python()
        assert [row[1] for row in summary if str(row[0]).startswith("ROI ")] == [2.0]
        for text in (shown.html, shown.text):
            assert "ROAS 2,00; ROMI +100 % (ROI по шкале Битрикс24 200 %)" in " ".join(text.split())

    @pytest.mark.parametrize(("revenue", "romi"), [("2", "+100 %"), ("1", "0 %")])
    def test_m4(self, tmp_path: Path, revenue: str, romi: str) -> None:
        shown = self.shown(tmp_path, worked.m4(revenue))
        for found in (shown.on_page("Итого"), shown.in_text("Итого")):
            assert found["romi"] == romi
        assert f"ROMI {romi} (ROI по шкале" in shown.html
        assert shown.in_book("Итого")["romi"] == float(revenue) - 1

    def test_a_sale_over_its_admissible_cost(self, tmp_path: Path) -> None:
        """1,800 where 1,100 is admissible: 700 over, on the page, in the mail and its text, in the workbook and in figures.json."""
        case = worked.over_admissible()
        figures, settings = worked.figures_of(tmp_path, case), published(case.settings)
        shown = Shown(figures, settings)
        line = "Допустимая цена продажи 1 100 ₽, по факту 1 800 ₽: на 700 ₽ больше."
        mail = render.mail(figures, settings, "https://stats.example/v1/reports/t", extras_of(figures, settings))
        for text in (render.page(figures, settings), mail.html, mail.text):
            assert line in " ".join(text.replace("\u00a0", " ").split())
        assert shown.json["plan"]["cpo"] == [{"channel": "", "admissible": 1100.0, "actual": 1800.0, "over": 700.0}]
        rows = shown.book.get_sheet_by_name("План и факт").to_python()
        assert [row[1:] for row in rows if row[1] == "CPO"] == [["CPO", 1100.0, 1800.0, pytest.approx(18 / 11), 700.0]]
        income = shown.book.get_sheet_by_name("Доходы и расходы").to_python()
        total = dict(zip(income[0], income[-1], strict=True))
        assert (total["Цена продажи"], total["Допустимая"], total["Сверх допустимой"]) == (1800.0, 1100.0, 700.0)


NEW_TABLES = ("payback", "income", "funnel", "qualification", "team")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_figure_of_the_new_sections_is_one_of_figures_json(language: str) -> None:
    """Numbers that the page shows in these tables are those of figures.json, rounded as formats round, and nothing else."""
    settings = settings_of(report={"language": language})
    figures = figures_of(shop(), shop())
    told = [value for name in (*NEW_TABLES, "site_sections", "tiles") for value in _numbers(figures[name])]
    formats = Formats(language, "RUB", "Europe/Moscow")
    known = {text for value in told for text in _as_shown(value, formats)}
    view = view_of(figures, settings)
    tables = [view["payback"]["table"], view["income"]["table"], view["funnel"]["steps"], view["funnel"]["channels"]]
    tables += [view["qualification"]["table"], *(part["table"] for part in view["team"]["parts"])]
    checked = 0
    for table in tables:
        for row in (*table["rows"], *([table["total"]] if table["total"] else [])):
            for key, cell in row["cells"].items():
                if key not in table["texts"] and re.search(r"\d", cell["text"]):
                    assert cell["text"].lstrip("+").removesuffix("\u00a0RUB").removesuffix(" RUB") in known, (row["name"], key)
                    checked += 1
    assert checked > 100
    page = render.page(figures, settings)
    assert all(tile["value"] in page for tile in view["tiles"])


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [found for inner in value.values() for found in _numbers(inner)]
    if isinstance(value, (list, tuple)):
        return [found for inner in value for found in _numbers(inner)]
    return [value] if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else []


def _as_shown(value: Any, formats: Formats) -> set[str]:
    texts_ = {formats.amount(value), formats.count(value), formats.share(value), formats.percent(value), formats.decimal(value, 1)}
    return {text.lstrip("+") for text in texts_}
