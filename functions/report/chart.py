"""The report's one chart: cost and revenue by channel. One Vega-Lite spec, drawn as SVG for the page and as PNG for the mail.

The biggest channels have bars of their own, the others are summed. Every bar carries its figure as text, and the two kinds differ
in lightness, so that the picture says the same in black and white. It never holds a figure that the report does not say in text.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from functions.report.figures import added
from functions.report.marts.tree import NO_SOURCE
from functions.report.view.formats import Formats, clean
from functions.report.view.names import Names

FONTS = Path(__file__).parent / "fonts"
FONT = "DejaVu Sans"  # has ₽ and Cyrillic; Lambda has no fonts at all
MOST_CHANNELS = 8
MOST_PNG_BYTES = 100_000
MOST_NAME = 28
TITLE_LINE = 40  # characters of a line of the title
PNG_SCALES = (2, 1.5, 1)  # the first at which the picture is small enough for a mail
BARS = (("cost", "#ffffff"), ("revenue", "#2b4c9b"))
INK, GREY = "#1a2130", "#3c4656"
BAR_WIDTH = 320  # px; a phone shows the picture at about its own size
ROOM_FOR_FIGURES = 1.38  # of the longest bar
TAGS = frozenset({"svg", "g", "path", "rect", "text", "tspan", "line", "defs", "clippath"})
Figures = Mapping[str, Any]


class Chart(NamedTuple):
    """`svg` to stand in a page, `png` at twice its size or less (at most 100,000 bytes), `alt` the message in words."""

    svg: str
    png: bytes
    alt: str


class ChartError(Exception):
    """The drawing is not what it should be; the report goes out without it and says so."""


def draw(figures: Figures, settings: Mapping[str, Any]) -> Chart | None:
    """The chart of some figures; None where there is neither cost nor revenue. Any error means: no chart."""
    spec = spec_of(figures, settings)
    if spec is None:
        return None
    import vl_convert

    _fonts()
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    _check(svg)
    png = b""
    for scale in PNG_SCALES:
        png = smaller(vl_convert.svg_to_png(svg, scale=scale))
        if len(png) <= MOST_PNG_BYTES:
            break
    else:
        raise ChartError(f"the picture has {len(png)} bytes; a mail takes {MOST_PNG_BYTES}")
    return Chart(svg, png, f"{' '.join(spec['title']['text'])}. {spec['title']['subtitle']}.")


def spec_of(figures: Figures, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Vega-Lite specification; None where there is nothing to draw."""
    names = Names(settings)
    words, site = names.words, figures["site"]
    formats = Formats(settings["report"]["language"], site["currency"], site["time_zone"])
    rows, left = _rows(figures, names)
    if not rows:
        return None
    values = [
        {
            "place": place,
            "channel": name,
            "measure": words["metrics"][measure],
            "value": float(row[measure]),
            "end": max(float(row[measure]), 0.0),
            "text": formats.money(row[measure]),
        }
        for place, (name, row) in enumerate(rows)
        for measure, _ in BARS
    ]
    subtitle = words["chart"]["rest"].format(count=MOST_CHANNELS, left=left) if left else words["chart"]["subtitle"]
    return _spec(values, _message(figures, formats, names), subtitle, [words["metrics"][measure] for measure, _ in BARS])


def smaller(png: bytes) -> bytes:
    """The same picture packed as tightly as deflate can (the drawing library packs quickly: three times the bytes)."""
    head, data, at = b"", b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        whole = png[at : at + 12 + length]
        if kind == b"IDAT":
            data += whole[8:-4]
        elif kind != b"IEND":
            head += whole
        at += 12 + length
    packed = zlib.compress(zlib.decompress(data), 9)
    return png[:8] + head + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _rows(figures: Figures, names: Names) -> tuple[list[tuple[str, Figures]], int]:
    """Shown name and figures of every row, biggest revenue first, "no source" then, and how many channels the last row sums up."""
    known = [channel for channel in figures["channels"] if channel["cost"] or channel["revenue"]]
    best = _best(figures)
    known.sort(key=lambda channel: (channel is not best, -max(channel["cost"], channel["revenue"])))
    shown, rest = known[:MOST_CHANNELS], known[MOST_CHANNELS:]
    shown.sort(key=lambda channel: (channel["channel"] == NO_SOURCE, -channel["revenue"], -channel["cost"], channel["channel"]))
    rows: list[tuple[str, Figures]] = []
    for channel in shown:
        name = clean(names.channel(channel["channel"]), MOST_NAME)
        same = sum(other.removesuffix("\u2060") == name for other, _ in rows)
        rows.append((name + "\u2060" * same, channel))  # the spec groups by name: two alike must stay two
    if rest:
        rows.append((names.words["rest"].format(count=len(rest)), added(rest)))
    return rows, len(rest)


def _best(figures: Figures) -> Figures:
    """The channel that the message names; it always has bars of its own. What has no source is no channel to boast of."""
    named = [channel for channel in figures["channels"] if channel["channel"] != NO_SOURCE and channel["revenue"] > 0]
    best: Figures = max(named or figures["channels"], key=lambda channel: channel["revenue"])
    return best


def _message(figures: Figures, formats: Formats, names: Names) -> list[str]:
    say = names.words["chart"]
    best = _best(figures)
    if best["revenue"] <= 0:
        return _lines(say["no_revenue"].format(cost=formats.money(figures["totals"]["cost"])))
    name = clean(names.channel(best["channel"]), MOST_NAME)
    # Requests without a source may have brought more than any channel.
    is_most = all(channel["revenue"] <= best["revenue"] for channel in figures["channels"])
    text = (say if is_most else names.words["chart_words"])["best" if best["cost"] else "best_free"]
    return _lines(text.format(channel=name, revenue=formats.money(best["revenue"]), cost=formats.money(best["cost"])))


def _lines(text: str) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > TITLE_LINE:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _spec(values: Sequence[Mapping[str, Any]], title: list[str], subtitle: str, measures: list[str]) -> dict[str, Any]:
    ends = [value["value"] for value in values]
    domain = [min(0.0, *ends), max(*ends, 1e-9) * ROOM_FOR_FIGURES]
    colour = {"scale": {"domain": measures, "range": [fill for _, fill in BARS]}, "legend": None}
    axis = {"title": None, "ticks": False, "domain": False, "labelFontSize": 11.5, "labelColor": INK, "labelPadding": 6}
    header = {"title": None, "labelOrient": "top", "labelAnchor": "start", "labelFontSize": 12.5}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "#ffffff",
        "padding": 12,
        "config": {"font": FONT, "view": {"stroke": None}},
        "title": {"text": title, "fontSize": 14, "color": INK, "anchor": "start", "frame": "bounds", "offset": 12}
        | {"subtitle": subtitle, "subtitleFontSize": 11.5, "subtitleColor": GREY, "subtitlePadding": 5},
        "data": {"values": list(values)},
        "facet": {
            "field": "channel",
            "type": "nominal",
            "sort": {"op": "min", "field": "place"},
            "header": {**header, "labelFontWeight": "bold", "labelColor": INK, "labelPadding": 2, "labelLimit": BAR_WIDTH},
        },
        "columns": 1,
        "spacing": 9,
        "spec": {
            "width": BAR_WIDTH,
            "height": {"step": 17},
            "encoding": {"y": {"field": "measure", "type": "nominal", "sort": measures, "axis": axis}},
            "layer": [
                {
                    "mark": {"type": "bar", "stroke": INK, "strokeWidth": 0.8},
                    "encoding": {
                        "x": {"field": "value", "type": "quantitative", "axis": None, "scale": {"domain": domain, "nice": False}},
                        "color": {"field": "measure", "type": "nominal", **colour},
                    },
                },
                {
                    "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11.5, "color": INK},
                    "encoding": {
                        "x": {"field": "end", "type": "quantitative", "axis": None},
                        "text": {"field": "text", "type": "nominal"},
                    },
                },
            ],
        },
    }


class _Tags(HTMLParser):
    """Finds in a drawing what is no drawing."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.foreign.append(tag)
        self.foreign += [name for name, _ in attrs if name.startswith("on") or name.endswith("href") or name == "style"]


def _check(svg: str) -> None:
    """Into the page goes a drawing and nothing else: names of others are its texts, and a library could err in writing them."""
    tags = _Tags()
    tags.feed(svg)
    tags.close()
    if tags.foreign or not svg.startswith("<svg ") or not svg.rstrip().endswith("</svg>"):
        raise ChartError(f"the drawing holds what no drawing holds: {', '.join(sorted(set(tags.foreign))[:5]) or 'other text'}")


@cache
def _fonts() -> None:
    import vl_convert

    vl_convert.register_font_directory(str(FONTS))
