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
# Figures that break between their digits, wherever they stand; and those that reach out of their cell or tile.
BROKEN = """() => {
  const broken = []
  const range = document.createRange()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const found of node.textContent.matchAll(/[+\u2212]?\d[\d.,\u00a0]*/g)) {
      range.setStart(node, found.index)
      range.setEnd(node, found.index + found[0].length)
      const lines = new Set([...range.getClientRects()].filter((box) => box.width > 1).map((box) => Math.round(box.top)))
      if (lines.size > 1) broken.push(found[0])
    }
  }
  for (const figure of document.querySelectorAll('table.ch td, div.t b, div.t span')) {
    const frame = figure.closest('td').getBoundingClientRect()
    range.selectNodeContents(figure)
    const boxes = [...range.getClientRects()]
    const isOut = boxes.some((box) => box.left < frame.left - 1 || box.right > frame.right + 1)
    if (isOut) broken.push(figure.textContent + ' reaches out')
    if (figure.tagName !== 'SPAN' && new Set(boxes.map((box) => Math.round(box.top))).size > 1) broken.push(figure.textContent)
  }
  return broken
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


@pytest.mark.parametrize("digits", [7, 9, 10, 12])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_figures_of_any_size_stay_whole_at_every_width(chromium: Any, tmp_path: Path, digits: int, language: str) -> None:
    big, before = Decimal("8" * digits), Decimal("3" * digits)
    rows = {
        "spend": [cost("Yandex Direct", "yandex", str(big / 3))],
        "results": [
            results(
                "Yandex Direct", "yandex", requests=40_419.6, qualified=9000.5, sales=14_327.6, revenue=big, gross_profit=big / 2
            ),
            results("Organic search", "google", requests=4_419.6, sales=4_327.6, revenue=big / 2, gross_profit=big / 4),
        ],
        "channels": [{"channel": "Yandex Direct", "is_ad": True, "is_unnamed": False}],
    }
    was = [results("Yandex Direct", "yandex", requests=4000.5, sales=1000.5, revenue=before, gross_profit=before / 2)]
    plan = [
        {"month": month, "revenue": str(min(big, Decimal(10) ** 12)), "cost": "1000000", "sales": 60}
        for month in ("2026-09", "2026-10")
    ]
    changes = {"report": {"language": language, "plan": plan}}
    past = {"spend": [cost("Yandex Direct", "yandex", str(before / 3))], "results": was}
    html = render.mail(figures_of(rows, past, **changes), settings_of(**changes), URL).html
    path = tmp_path / "mail.html"
    path.write_text(html, encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    found = {}
    for width in (360, 390, 500, 599, 600, 640, 700):
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate(BROKEN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
    assert {width: broken for width, broken in found.items() if broken} == {}
