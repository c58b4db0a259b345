"""The chart: says what the tables say, is a drawing and nothing else, and fits into a mail."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from functions.report import chart
from functions.report.chart import ChartError, draw, spec_of
from functions.report.figures import Figures
from tests.report_cases import cost, figures_of, results, settings_of, shop


def drawn(figures: Figures, language: str = "ru") -> chart.Chart:
    made = draw(figures, settings_of(report={"language": language}))
    assert made is not None
    return made


def words_of(svg: str) -> list[str]:
    return [unescape(text).replace("\u00a0", " ") for text in re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg)]


def many(count: int) -> dict[str, Any]:
    return {
        "spend": [cost(f"Канал {n:02}", "a", str(100 + n)) for n in range(count)],
        "results": [results(f"Канал {n:02}", "a", requests=1.0, revenue=Decimal(1000 + n)) for n in range(count)],
    }


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("ru", "Больше всего выручки: Яндекс Директ — 673 580 ₽ при расходе 83 084 ₽. Расход и выручка по каналам."),
        ("en", "Most revenue: Yandex Direct, ₽673,580 for ₽83,084 spent. Cost and revenue by channel."),
    ],
)
def test_the_title_says_the_message_and_the_alternative_text_repeats_it(language: str, message: str) -> None:
    made = drawn(figures_of(shop()), language)
    assert made.alt.replace("\u00a0", " ") == message
    drawn_words = " ".join(words_of(made.svg))
    assert all(sentence in drawn_words for sentence in message.removesuffix(".").split(". "))


def test_every_bar_carries_its_figure_in_the_readers_format() -> None:
    shown = words_of(drawn(figures_of(shop())).svg)
    for text in ("673 580 ₽", "83 084 ₽", "Яндекс Директ", "Без источника", "Расход", "Выручка"):
        assert text in shown
    assert "₽673,580" in words_of(drawn(figures_of(shop()), "en").svg)


def test_the_biggest_eight_have_bars_and_the_rest_is_summed_and_said() -> None:
    figures = figures_of(many(20))
    shown = words_of(drawn(figures).svg)
    assert sum(text.startswith("Канал ") for text in shown) == 8
    assert "Остальные (12)" in shown
    assert "Расход и выручка: 8 крупнейших каналов, остальные (12) вместе" in shown
    spec = spec_of(figures, settings_of())
    assert spec is not None
    values = spec["data"]["values"]
    assert sum(v["value"] for v in values if v["measure"] == "Выручка") == pytest.approx(float(figures["totals"]["revenue"]))
    assert sum(v["value"] for v in values if v["measure"] == "Расход") == pytest.approx(float(figures["totals"]["cost"]))


def test_the_channel_of_the_message_is_among_the_bars() -> None:
    rows = {"spend": [cost(f"Канал {n}", "a", "9000") for n in range(9)], "results": [results("Тихий", "a", revenue=Decimal(10))]}
    shown = words_of(drawn(figures_of(rows)).svg)
    assert "Тихий" in shown
    assert sum(text.startswith("Канал ") for text in shown) == 7


def test_the_two_kinds_of_bars_differ_in_lightness() -> None:
    def lightness(colour: str) -> float:
        return sum(weight * int(colour[at : at + 2], 16) for weight, at in ((0.299, 1), (0.587, 3), (0.114, 5)))

    first, second = (lightness(colour) for _, colour in chart.BARS)
    assert abs(first - second) > 128


def test_the_picture_is_twice_the_drawing_and_light_enough_for_a_mail() -> None:
    made = drawn(figures_of(many(20)))
    width, height = struct.unpack(">II", made.png[16:24])
    size = re.search(r'width="(\d+)" height="(\d+)"', made.svg)
    assert size is not None
    assert (width, height) == (2 * int(size[1]), 2 * int(size[2]))
    assert len(made.png) <= 100_000


@pytest.mark.parametrize("letter", ['"', "Щ", "&"])
def test_the_longest_names_do_not_cost_the_mail_its_picture(letter: str) -> None:
    names = [f"{n}-{letter * 290}" for n in range(12)]
    rows: dict[str, Any] = {"spend": [cost(name, "s", "123456.78") for name in names]}
    rows["results"] = [results(name, "s", revenue=Decimal("98765432.10") + n) for n, name in enumerate(names)]
    assert len(drawn(figures_of(rows)).png) <= chart.MOST_PNG_BYTES


def test_packing_tighter_keeps_every_pixel() -> None:
    import vl_convert

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="30" height="9" fill="#2b4c9b"/></svg>'
    png = vl_convert.svg_to_png(svg)
    tight = chart.smaller(png)
    assert len(tight) <= len(png)
    assert vl_convert.svg_to_png(svg) == png
    assert chart.smaller(tight) == tight


def test_the_font_is_bundled_with_its_license_and_asked_for_by_name() -> None:
    assert {path.name for path in chart.FONTS.glob("*.ttf")} == {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf"}
    assert "Bitstream" in (chart.FONTS / "LICENSE.txt").read_text("utf-8")
    assert set(re.findall(r'font-family="([^"]*)"', drawn(figures_of(shop())).svg)) == {chart.FONT}


# Letters, the rouble sign, a character that no font has, nothing at all: each drawn alone, as the chart draws its texts.
LETTERS = {"letter": "Ж", "rouble": "\u20bd", "unknown": "\U0001fffd", "nothing": ""}
DRAWS = """
import hashlib, json, sys
import vl_convert
from functions.report import chart
from tests.report_cases import figures_of, settings_of, shop

told = json.loads(sys.argv[1])
assert chart.draw(figures_of(shop()), settings_of())  # as the report draws: this brings in the fonts
pictures = {}
for name, text in told["letters"].items():
    for weight in ("normal", "bold"):
        style = f'x="5" y="30" font-family="{chart.FONT}" font-size="24" font-weight="{weight}"'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><text {style}>{text}</text></svg>'
        pictures[f"{name} {weight}"] = vl_convert.svg_to_png(svg)
print(json.dumps({name: hashlib.sha256(png).hexdigest() for name, png in pictures.items()}))
"""


def drawn_without_system_fonts(folder: Path) -> dict[str, str]:
    """Hashes of pictures that a process draws where no font is installed, as in Lambda: the bundled ones are all it has."""
    empty = folder / "fonts"
    empty.mkdir()
    settings = folder / "fonts.conf"
    settings.write_text(f'<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{empty}</dir></fontconfig>')
    home = {"FONTCONFIG_FILE": str(settings), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    run = subprocess.run(
        [sys.executable, "-c", DRAWS, json.dumps({"letters": LETTERS})],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    hashes: dict[str, str] = json.loads(run.stdout)
    return hashes


def test_where_no_font_is_installed_letters_and_the_rouble_sign_come_from_the_bundled_ones(tmp_path: Path) -> None:
    found = drawn_without_system_fonts(tmp_path)
    for weight in ("normal", "bold"):
        blank = {found[f"unknown {weight}"], found[f"nothing {weight}"]}
        assert found[f"rouble {weight}"] not in blank
        assert found[f"letter {weight}"] not in blank
    assert found["rouble normal"] != found["rouble bold"]


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "</text><script>", '"><image href="x"/>', "{{7*7}}", "datum.value", "a\x00b\u202ec", "я" * 300],
)
def test_names_from_outside_stay_text_of_the_drawing(name: str) -> None:
    rows = {"spend": [cost(name, "a", "5")], "results": [results(name, "a", requests=1.0, revenue=Decimal(9))]}
    svg = drawn(figures_of(rows)).svg
    assert "<script" not in svg
    assert "<image" not in svg


def test_a_drawing_with_anything_else_in_it_is_refused() -> None:
    for foreign in ("<script>x</script>", '<a href="x">y</a>', '<g onload="x"/>', '<image xlink:href="x"/>', "<foreignObject/>"):
        with pytest.raises(ChartError):
            chart._check(f'<svg xmlns="http://www.w3.org/2000/svg">{foreign}</svg>')


def test_channels_whose_shown_names_are_alike_stay_two() -> None:
    names = ["А" * 60 + tail for tail in "бв"]
    rows = {"results": [results(name, "a", requests=1.0, revenue=Decimal(9)) for name in names]}
    assert sum(text.startswith("ААА") for text in words_of(drawn(figures_of(rows)).svg)) == 3  # with the title's


def test_without_cost_and_revenue_there_is_nothing_to_draw() -> None:
    assert draw(figures_of({}), settings_of()) is None


def test_cost_alone_and_money_given_back_can_be_drawn() -> None:
    spent = drawn(figures_of({"spend": [cost("A", "a", "500")]}))
    assert spent.alt.startswith("Расход 500\u00a0₽, выручки пока нет")
    given_back = {"results": [results("A", "a", requests=1.0, revenue=Decimal(-700))]}
    assert "−700 ₽" in words_of(drawn(figures_of(given_back)).svg)


def test_what_has_no_source_is_no_message_while_a_channel_earns() -> None:
    lost = {"reason": "not_determined", **results("", "", requests=1.0, revenue=Decimal(10**7))}
    made = drawn(figures_of({**many(2), "no_source": [lost]}))
    assert "Больше всего выручки среди каналов с источником: Канал 01" in made.alt  # most of all came without one
    assert "Больше всего выручки: Канал 01" in drawn(figures_of(many(2))).alt
    named = [text for text in words_of(made.svg) if text.startswith(("Канал", "Без источника"))]
    assert named[-1] == "Без источника"
