"""The mail's HTML skeleton is what its MJML says, and fit for mail programs: tables of layout are marked, nothing is loaded."""

from __future__ import annotations

import re

from functions.report import render
from functions.report.extras import Extras
from infra.build.mail import COMPILED, SOURCE, compiled
from tests.report_cases import figures_of, settings_of, shop
from tests.unit.test_report_render import OFF, URL, Tags
from tests.unit.test_report_sections import EXTRAS


def html(extras: Extras = EXTRAS, language: str = "ru") -> str:
    return render.mail(figures_of(shop()), settings_of(report={"language": language}), URL, extras, OFF).html


def test_the_compiled_skeleton_is_what_its_mjml_says() -> None:
    assert COMPILED.read_text("utf-8") == compiled(SOURCE.read_text("utf-8")), "run: .venv/bin/python -m infra.build.mail"


def test_marks_of_templates_pass_the_compiler_untouched() -> None:
    def marks(text: str) -> list[str]:
        return sorted(re.findall(r"{%.*?%}", text))

    assert marks(SOURCE.read_text("utf-8")) == marks(COMPILED.read_text("utf-8"))


def test_tables_of_layout_are_no_tables_to_screen_readers() -> None:
    tables = [attrs for tag, attrs in Tags(html()).found if tag == "table"]
    told = [attrs for attrs in tables if attrs.get("role") != "presentation"]
    assert [attrs.get("class") for attrs in told] == ["ch", "sc"]  # of channels, of source control
    heads = [attrs.get("scope") for tag, attrs in Tags(html()).found if tag == "th"]
    starts = [place for place, scope in enumerate(heads) if scope == "col" and heads[place - 1] != "col"]
    assert [heads[place : place + count] for place, count in zip(starts, (6, 5), strict=True)] == [["col"] * 6, ["col"] * 5]
    assert set(heads) == {"col", "row"}


def test_the_mail_tells_its_language_and_that_it_knows_the_dark() -> None:
    for language in ("ru", "en"):
        tags = Tags(html(language=language)).found
        assert next(attrs for tag, attrs in tags if tag == "html")["lang"] == language
        assert {attrs.get("name"): attrs.get("content") for tag, attrs in tags if tag == "meta"}["color-scheme"] == "light dark"
    assert "@media (prefers-color-scheme: dark)" in html()
    assert "<!--[if mso" in html()


def test_the_mail_loads_nothing_and_runs_nothing() -> None:
    found = Tags(html()).found
    assert not [tag for tag, _ in found if tag in ("script", "link", "iframe", "form", "svg", "base", "object")]
    assert [attrs["src"] for _, attrs in found if "src" in attrs] == [f"cid:{render.CHART_ID}"]
    assert not re.search(r"@import|url\(", html())


def test_every_picture_has_words() -> None:
    ((_, picture),) = [found for found in Tags(html()).found if found[0] == "img"]
    assert EXTRAS.chart is not None
    assert picture["alt"] == EXTRAS.chart.alt
