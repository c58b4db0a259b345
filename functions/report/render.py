"""Figures → mail (HTML and text) and page. The three show the same figures; the mail cuts long tables and says what it cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from functions.report.extras import MOST_ATTACHED_BYTES, Extras
from functions.report.figures import MEASURES, added
from functions.report.view.deals import deal_rows, top_deals
from functions.report.view.formats import Formats, clean
from functions.report.view.model import View, cells, view_of
from functions.report.view.words import texts

TEMPLATES = Path(__file__).parent / "templates"
MOST_MAIL_BYTES = 80_000  # Gmail clips at 102 KB
MOST_ROWS = 20
MOST_NAME = 60
LONG_WORD = 9  # characters; longer ones may be wider than a column of a mail on a phone
MOST_FINDINGS = 8  # of source control, in the mail
MAIL_TABLES = (
    ("return", ("cost", "revenue", "romi", "margin_romi")),
    ("funnel", ("visits", "requests", "qualified", "sales")),
    ("prices", ("cpl", "cpo", "roas", "gross_profit")),
)
CAMPAIGN_LINES = (
    ("cost", "revenue", "gross_profit", "roas", "romi", "margin_romi"),
    ("visits", "requests", "qualified", "sales", "cpl", "cpo"),
)
CHART_ID = "chart@skvoz"  # Content-ID of the mail's picture
OPEN_DEALS = 30  # a longer list of deals is folded on the page
NO_EXTRAS = Extras()
# To the page's own route; other forms of the report lie beside it.
PAGE_LINKS = {"xlsx": "?format=xlsx", "json": "?format=json", "recording": "?recording="}
Figures = Mapping[str, Any]


class Mail(NamedTuple):
    """What is sent: `html` at most 80,000 bytes; `picture` is the PNG that the HTML shows under `CHART_ID`."""

    subject: str
    html: str
    text: str
    picture: bytes | None = None


def page(figures: Figures, settings: Mapping[str, Any], extras: Extras = NO_EXTRAS, links: Mapping[str, str] | None = None) -> str:
    """The report as one self-contained HTML page: every row, no script, nothing loaded from elsewhere.

    `links` are addresses of the workbook (`xlsx`), of the figures (`json`) and what a recording's begins with (`recording`):
    `PAGE_LINKS`, file names, or none.
    """
    view = view_of(figures, settings)
    deals = deal_rows(figures["deals"], figures["site"], _formats(figures, settings), view["names"])
    links = {name: url for name, url in (links or {}).items() if name != "xlsx" or extras.workbook}
    listen = links.pop("recording", "")
    more = {
        "measures": MEASURES,
        "deals": deals,
        "open_deals": OPEN_DEALS,
        "links": links,
        "listen": listen,
        **_extras(extras, view),
    }
    return _templates().get_template("page.html.j2").render({**view, **more})


def mail(
    figures: Figures, settings: Mapping[str, Any], page_url: str, extras: Extras = NO_EXTRAS, unsubscribe_url: str = ""
) -> Mail:
    """The report as a mail. Tables have at most 20 rows (deals 10), fewer where the mail would grow over its limit."""
    view = view_of(figures, settings, page_url)
    formats = _formats(figures, settings)
    deals = deal_rows(top_deals(figures["deals"]), figures["site"], formats, view["names"])
    view |= {"deals": deals, "unsubscribe_url": unsubscribe_url, "chart_id": CHART_ID, **_extras(extras, view)}
    text = _templates().get_template("mail.txt.j2").render({**view, **_tables(figures, view, formats, MOST_ROWS)})
    html = ""
    for rows in (MOST_ROWS, 17, 15, 12, 10, 7, 5, 3):
        html = _templates().get_template("mail.html.j2").render({**view, **_tables(figures, view, formats, rows)})
        html = "\n".join(line for line in map(str.strip, html.splitlines()) if line)
        if len(html.encode()) <= MOST_MAIL_BYTES:
            break
    return Mail(view["subject"], html, text, extras.chart.png if extras.chart else None)


def not_found_page(language: str = "ru") -> str:
    """What a browser shows for a link that leads to no report."""
    return _templates().get_template("not_found.html.j2").render(words=texts(language), language=language)


def message_page(title: str, text: str, language: str) -> str:
    """A page of one sentence, in the dress of the one for a missing report."""
    words = {"not_found_title": title, "not_found": text}
    return _templates().get_template("not_found.html.j2").render(words=words, language=language)


def unsubscribe_page(site_name: str, language: str, state: str) -> str:
    """`ask` before anything is done, `off` after unsubscribing, `on` after taking that back."""
    words = texts(language)
    say = {name: text.format(site=clean(site_name, 120)) for name, text in words["unsubscribe"].items()}
    return _templates().get_template("unsubscribe.html.j2").render(say=say, language=words["language"], state=state)


def _formats(figures: Figures, settings: Mapping[str, Any]) -> Formats:
    return Formats(settings["report"]["language"], figures["site"]["currency"], figures["site"]["time_zone"])


def _extras(extras: Extras, view: View) -> View:
    """What templates need of chart and workbook."""
    words = view["words"]
    failed = ", ".join(words["parts"].get(name, name) for name in extras.failed)
    attached = ""
    if extras.attachment:
        attached = words["workbook_attached"]
    elif extras.workbook:
        attached = words["workbook_too_big"].format(limit=MOST_ATTACHED_BYTES // 1_000_000)
    return {"chart": extras.chart, "failed": words["failed"].format(list=failed) if failed else "", "attached": attached}


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
        "ranges": {"rows": view["models"]["ranges"][:most], "left": max(len(view["models"]["ranges"]) - most, 0)},
        "findings": view["control"]["findings"][:MOST_FINDINGS],
        "findings_left": max(len(view["control"]["findings"]) - MOST_FINDINGS, 0),
        "deals": view["deals"][: max(most // 2, 3)],
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
    return {"name": name, "above": "", "colour": "", "cells": cells(added(row["figures"] for row in rows), formats)}


def _campaigns(channels: Sequence[View], formats: Formats, words: Mapping[str, Any], most: int) -> View:
    """The deepest rows of all channels, dearest first."""
    leaves = [
        {**leaf, "above": " › ".join(above), "colour": channel["colour"]}
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
    return {"short": lambda text: clean(text, MOST_NAME), "cut": clean, "unlinked": _unlinked, "breaking": _breaking}


def _breaking(text: str) -> str:
    """The style that lets long words break, only where there are any: a mail over 102 KB is clipped."""
    return ";word-break:break-word" if any(len(word) > LONG_WORD for word in text.split()) else ""


def _unlinked(text: str) -> str:
    """Mail programs turn addresses into links; a campaign's name must not become one that nobody of us wrote."""
    return text.replace("://", ":\u2060/\u2060/").replace("www.", "www\u2060.")
