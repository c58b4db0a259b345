"""Figures → page; the mail is made in `mailing/`. Both show the same figures; the mail cuts long tables and says what it cut."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.report.extras import MOST_ATTACHED_BYTES, Extras
from functions.report.figures import MEASURES
from functions.report.mailing.making import CHART_ID, LOGO_ID, MOST_MAIL_BYTES, Mail, mail
from functions.report.own.section import own_sections_html
from functions.report.templating import templates
from functions.report.view.deals import deal_rows
from functions.report.view.formats import Formats, clean
from functions.report.view.model import MOST_PAGE_DEALS, View, view_of
from functions.report.view.words import texts

if TYPE_CHECKING:
    from functions.report.snapshot.snapshot import Snapshot

__all__ = ["CHART_ID", "LOGO_ID", "MOST_MAIL_BYTES", "Mail", "mail", "message_page", "not_found_page", "page", "unsubscribe_page"]
APP = Path(__file__).parent / "app" / "report.js"
OPEN_DEALS = 30  # a longer list of deals is folded on the page
NO_EXTRAS = Extras()
# To the page's own route; other forms of the report lie beside it.
PAGE_LINKS = {"xlsx": "?format=xlsx", "json": "?format=json", "recording": "?recording="}
Figures = Mapping[str, Any]


def page(
    figures: Figures,
    settings: Mapping[str, Any],
    extras: Extras = NO_EXTRAS,
    links: Mapping[str, str] | None = None,
    snapshot: Snapshot | None = None,
) -> str:
    """The report as an HTML page that loads nothing from elsewhere. Without script it is the whole report of its period; with a
    snapshot the app (`app/report.js`) takes over and shows any other period, model and date basis. A hosted snapshot's files are
    asked for from the page's own address; else they stand in the page, which then opens from a folder.

    `links` are addresses of the workbook (`xlsx`), of the figures (`json`) and what a recording's begins with (`recording`):
    `PAGE_LINKS`, file names, or none.
    """
    view = view_of(figures, settings)
    deals = deal_rows(figures["deals"][:MOST_PAGE_DEALS], figures["site"], _formats(figures, settings), view["names"])
    links = {name: url for name, url in (links or {}).items() if name != "xlsx" or extras.workbook}
    listen = links.pop("recording", "")
    more = {
        "measures": MEASURES,
        "deals": deals,
        "open_deals": OPEN_DEALS,
        "links": links,
        "listen": listen,
        "app": _app(snapshot),
        "own": own_sections_html(extras.own, settings["report"]["language"]),
        **_extras(extras, view),
    }
    return templates().get_template("page.html.j2").render({**view, **more})


def _app(snapshot: Snapshot | None) -> str:
    """The app as the end of a page; nothing without a snapshot."""
    if snapshot is None:
        return ""
    if snapshot.is_hosted:
        return '<script src="?data=app.js" defer></script>'
    script = APP.read_text("utf-8").replace("</script", "<\\/script")
    return f"{snapshot.inlined()}\n<script>{script}</script>"


def not_found_page(language: str = "ru") -> str:
    """What a browser shows for a link that leads to no report."""
    return templates().get_template("not_found.html.j2").render(words=texts(language), language=language)


def message_page(title: str, text: str, language: str) -> str:
    """A page of one sentence, in the dress of the one for a missing report."""
    words = {"not_found_title": title, "not_found": text}
    return templates().get_template("not_found.html.j2").render(words=words, language=language)


def unsubscribe_page(site_name: str, language: str, state: str) -> str:
    """`ask` before anything is done, `off` after unsubscribing, `on` after taking that back."""
    words = texts(language)
    say = {name: text.format(site=clean(site_name, 120)) for name, text in words["unsubscribe"].items()}
    return templates().get_template("unsubscribe.html.j2").render(say=say, language=words["language"], state=state)


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
