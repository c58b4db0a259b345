"""Figures → mail (HTML and text) and page. The three show the same figures; the mail cuts long tables and says what it cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from functions.report.figures import MEASURES, added
from functions.report.view.formats import Formats, clean
from functions.report.view.model import View, cells, rest_of_models, view_of
from functions.report.view.words import texts

TEMPLATES = Path(__file__).parent / "templates"
MOST_MAIL_BYTES = 80_000  # Gmail clips at 102 KB
MOST_ROWS = 20
MOST_NAME = 60
MAIL_TABLES = (
    ("return", ("cost", "revenue", "romi", "margin_romi")),
    ("funnel", ("visits", "requests", "qualified", "sales")),
    ("prices", ("cpl", "cpo", "roas", "gross_profit")),
)
CAMPAIGN_LINES = (
    ("cost", "revenue", "gross_profit", "roas", "romi", "margin_romi"),
    ("visits", "requests", "qualified", "sales", "cpl", "cpo"),
)
MODELS_ACROSS = 4
Figures = Mapping[str, Any]


class Mail(NamedTuple):
    """What is sent: `html` at most 80,000 bytes."""

    subject: str
    html: str
    text: str


def page(figures: Figures, settings: Mapping[str, Any]) -> str:
    """The report as one self-contained HTML page: every row, no script, nothing loaded from elsewhere."""
    report = settings["report"]
    view = view_of(figures, report["language"], report["thresholds"])
    return _templates().get_template("page.html.j2").render(view, measures=MEASURES)


def mail(figures: Figures, settings: Mapping[str, Any], page_url: str) -> Mail:
    """The report as a mail. Tables have at most 20 rows, fewer where the mail would grow over its limit."""
    report = settings["report"]
    view = view_of(figures, report["language"], report["thresholds"], page_url)
    formats = Formats(report["language"], figures["site"]["currency"], figures["site"]["time_zone"])
    text = _templates().get_template("mail.txt.j2").render({**view, **_tables(figures, view, formats, MOST_ROWS)})
    html = ""
    for rows in (MOST_ROWS, 15, 10, 5, 3):
        html = _templates().get_template("mail.html.j2").render({**view, **_tables(figures, view, formats, rows)})
        html = "\n".join(line for line in map(str.strip, html.splitlines()) if line)
        if len(html.encode()) <= MOST_MAIL_BYTES:
            break
    return Mail(view["subject"], html, text)


def not_found_page(language: str = "ru") -> str:
    """What a browser shows for a link that leads to no report."""
    return _templates().get_template("not_found.html.j2").render(words=texts(language), language=language)


def _tables(figures: Figures, view: View, formats: Formats, most: int) -> View:
    words = view["words"]
    shown, rest = _cut(view["channels"], most)
    return {
        "tables": [
            {
                "title": words["sections"][name],
                "measures": measures,
                "rows": shown,
                "rest": _rest(rest, formats, words),
            }
            for name, measures in MAIL_TABLES
        ],
        "campaigns": _campaigns(view["channels"], formats, words, most),
        "campaign_lines": CAMPAIGN_LINES,
        "model_tables": _model_tables(figures, view, formats, most),
    }


def _cut(channels: Sequence[View], most: int) -> tuple[list[View], list[View]]:
    """The first rows and the rest; requests without a source are never among the rest."""
    if len(channels) <= most:
        return list(channels), []
    named = [channel for channel in channels if not channel["is_no_source"]]
    own = [channel for channel in channels if channel["is_no_source"]]
    return named[: most - len(own)] + own, named[most - len(own) :]


def _rest(rows: Sequence[View], formats: Formats, words: Mapping[str, Any]) -> View | None:
    if not rows:
        return None
    name = words["rest"].format(count=len(rows))
    return {"name": name, "above": "", "cells": cells(added(row["figures"] for row in rows), formats)}


def _campaigns(channels: Sequence[View], formats: Formats, words: Mapping[str, Any], most: int) -> View:
    """The deepest rows of all channels, dearest first."""
    leaves = [
        {**leaf, "above": " › ".join(above)}
        for channel in channels
        if not channel["is_no_source"]
        for source in channel["sources"]
        for leaf, above in _leaves(channel, source)
    ]
    leaves.sort(key=_weight)
    return {"rows": leaves[:most], "rest": _rest(leaves[most:], formats, words)}


def _leaves(channel: View, source: View) -> list[tuple[View, tuple[str, ...]]]:
    if not source["campaigns"]:
        return [(source, (channel["name"],))]
    return [(campaign, (channel["name"], source["name"])) for campaign in source["campaigns"]]


def _weight(leaf: View) -> tuple[Any, ...]:
    m = leaf["figures"]
    return -m["cost"], -m["revenue"], -m["requests"], -m["visits"], leaf["above"], leaf["name"]


def _model_tables(figures: Figures, view: View, formats: Formats, most: int) -> list[View]:
    """Seven models do not fit across a phone: tables of four columns at most."""
    models, words = view["models"], view["words"]
    shown, rest = models["rows"][:most], models["order"][most:]
    rest_cells = rest_of_models(figures, rest, formats, words) if rest else []
    tables = []
    for start in range(0, len(models["columns"]), MODELS_ACROSS):
        across = slice(start, start + MODELS_ACROSS)
        tables.append(
            {
                "columns": models["columns"][across],
                "rows": [{"name": row["name"], "cells": row["cells"][across]} for row in shown],
                "rest": {"name": words["rest"].format(count=len(rest)), "cells": rest_cells[across]} if rest else None,
                "totals": models["totals"][across],
            }
        )
    return tables


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    return environment


def _filters() -> dict[str, Callable[..., str]]:
    return {"short": lambda text: clean(text, MOST_NAME), "unlinked": _unlinked}


def _unlinked(text: str) -> str:
    """Mail programs turn addresses into links; a campaign's name must not become one that nobody of us wrote."""
    return text.replace("://", ":\u2060/\u2060/").replace("www.", "www\u2060.")
