"""The mail in a real browser, as programs show it: phones, the dark, contrast, and pictures of it to look at."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.report import render
from functions.report.extras import extras_of
from functions.report.mailing.dress import READABLE, contrast
from tests.report_cases import cost, figures_of, results, settings_of, shop, shop_before

pytestmark = pytest.mark.browser

URL = "https://stats.example/v1/reports/" + "A1b_" * 10 + "xyz"
LONG = "Оченьдлинноеназваниеканалабезпробелов" * 13
PLAN = [{"month": month, "revenue": "2000000", "sales": 60, "cpo": "1100"} for month in ("2026-09", "2026-10")]
# What a text is seen with: its own colour on the nearest ground above it that has one.
UNREADABLE = """() => {
  const byte = (part) => Math.round(part).toString(16).padStart(2, '0')
  const hex = (text) => '#' + text.match(/[\\d.]+/g).slice(0, 3).map(byte).join('')
  const clear = (text) => text === 'transparent' || /rgba\\(.*, 0\\)/.test(text)
  const pairs = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement
    if (!node.textContent.trim() || element.getAttribute('aria-hidden') || element.getClientRects().length === 0) continue
    let ground = element
    while (ground && clear(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement
    pairs.add(hex(getComputedStyle(element).color) + ' ' + (ground ? hex(getComputedStyle(ground).backgroundColor) : '#ffffff'))
  }
  return [...pairs]
}"""


@pytest.fixture(scope="module", params=["ru", "en"])
def mail(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = shop()
    rows["spend"].append(cost(LONG, LONG, "123456.78", LONG))
    rows["results"].append(results(LONG, LONG, LONG, revenue=Decimal("98765432.10"), requests=3.3))
    brand = {"name": "Агентство «Ромашка»", "colour": "#ffe600"}
    changes = {"report": {"language": request.param, "brand": brand, "plan": PLAN}}
    figures, settings = figures_of(rows, {**shop(), **shop_before()}, **changes), settings_of(**changes)
    made = render.mail(figures, settings, URL, extras_of(figures, settings), f"{URL}/unsubscribe")
    assert made.picture is not None
    picture = f"data:image/png;base64,{base64.b64encode(made.picture).decode()}"
    path = tmp_path_factory.mktemp("mail") / f"{request.param}.html"
    path.write_text(made.html.replace(f"cid:{render.CHART_ID}", picture), encoding="utf-8")
    return path


@pytest.fixture
def shown(chromium: Any, mail: Path, width: int, scheme: str) -> Iterator[Any]:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(mail.as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("scheme", ["light"])
@pytest.mark.parametrize("width", [320, 360, 390, 700])
def test_nothing_reaches_beyond_the_screen(shown: Any, width: int) -> None:
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


@pytest.mark.parametrize("width", [360, 700])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_by_day_and_by_night(shown: Any) -> None:
    pairs = [pair.split() for pair in shown.evaluate(UNREADABLE)]
    assert len(pairs) > 5
    assert [pair for pair in pairs if contrast(*pair) < READABLE] == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light")])
def test_on_a_phone_a_channel_has_a_line_of_its_own_over_its_figures(shown: Any) -> None:
    row = shown.locator("table.ch tr", has_text="Google Ads").first
    name, figure = row.locator("th").bounding_box(), row.locator("td").first.bounding_box()
    assert name["y"] + name["height"] <= figure["y"] + 1
    assert name["width"] > 250


@pytest.mark.parametrize(("width", "scheme"), [(700, "light")])
def test_the_five_figures_stand_side_by_side_on_a_wide_screen(shown: Any) -> None:
    boxes = [tile.bounding_box() for tile in shown.locator("div.t").all()]
    assert len(boxes) == 5
    assert len({round(box["y"]) for box in boxes}) == 1


@pytest.mark.parametrize(("width", "scheme"), [(700, "light")])
def test_the_verdict_and_the_figures_are_seen_without_turning_the_page(shown: Any) -> None:
    last = shown.locator("div.t").last.bounding_box()
    assert last["y"] + last["height"] < 900
