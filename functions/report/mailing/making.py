"""Figures → mail: subject, preheader, HTML made of the MJML skeleton, the text part, and the pictures that the HTML shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from functions.report.extras import Extras
from functions.report.figures import MEASURES
from functions.report.mailing.attached import attached_words
from functions.report.mailing.dress import dress_of
from functions.report.mailing.lines import wrapped
from functions.report.own.section import MailTable, mail_tables
from functions.report.templating import MOST_NAME, templates
from functions.report.view.formats import Formats, clean
from functions.report.view.mail import mail_view, parts_of
from functions.report.view.model import View, view_of

MOST_MAIL_BYTES = 80_000  # Gmail clips at 102 KB
CHART_ID = "chart@skvoz"  # Content-IDs of the mail's pictures
LOGO_ID = "logo@skvoz"
NO_EXTRAS = Extras()
Figures = Mapping[str, Any]


class Mail(NamedTuple):
    """What is sent: `html` at most 80,000 bytes; `picture` and `logo` are PNGs that the HTML shows under `CHART_ID`, `LOGO_ID`."""

    subject: str
    html: str
    text: str
    picture: bytes | None = None
    logo: bytes | None = None
    preheader: str = ""


def mail(
    figures: Figures, settings: Mapping[str, Any], page_url: str, extras: Extras = NO_EXTRAS, unsubscribe_url: str = ""
) -> Mail:
    """The report as a mail, in the language of `settings`. `page_url` is "" where there is no page. Every table says what it sums
    up; a part that could not be made is named. Where the customer's own sections would make the mail too large, it has less of
    them."""
    site = figures["site"]
    formats = Formats(settings["report"]["language"], site["currency"], site["time_zone"])
    view = view_of(figures, settings, page_url)
    view |= mail_view(figures, settings, view, formats, page_url)
    dress = dress_of(settings, view["site"])
    view |= {
        "dress": dress,
        "chart": extras.chart,
        "chart_id": CHART_ID,
        "logo_id": LOGO_ID,
        "all_measures": MEASURES,
        "attached": attached_words(figures, extras, parts_of(settings), formats, view["words"]),
        "notices": _notices(figures, extras, view),
        "unsubscribe_url": unsubscribe_url,
    }
    own = mail_tables(extras.own, settings["report"]["language"])
    text = wrapped(templates().get_template("mail.txt.j2").render({**view, "own": own}))
    html = _fitting(view, own)
    picture = extras.chart.png if extras.chart and "channels" in view["parts"] else None
    return Mail(view["subject"], html, text, picture, dress.logo, view["preheader"])


def _fitting(view: View, own: Sequence[MailTable]) -> str:
    """The HTML with the customer's tables; where it were too large, with their titles alone, or with a word on all of them."""
    say = view["words"]["mail"]
    titles = [table._replace(columns=(), rows=(), note=say["own_on_page"]) for table in own]
    word = [MailTable(say["own_title"], (), (), say["own_all_on_page"].format(count=len(own)))]
    html = _html({**view, "own": own})
    for less in (titles, word) if own else ():
        if len(html.encode()) > MOST_MAIL_BYTES:
            html = _html({**view, "own": less})
    return html


def _html(view: View) -> str:
    """A line a row, none indented: that saves a fifth."""
    html = templates().get_template("mail.html.j2").render(view)
    return "\n".join(line for line in map(str.strip, html.splitlines()) if line)


def _notices(figures: Figures, extras: Extras, view: View) -> list[str]:
    """What a reader must know before he trusts the figures: days that are not whole, parts that could not be made."""
    words = view["words"]
    names = {**words["mail"]["parts"], **words["parts"]}
    failed = [clean(names.get(name, name), MOST_NAME) for name in dict.fromkeys([*figures.get("failed", ()), *extras.failed])]
    return [
        *([view["stale"]] if view["stale"] else []),
        *([words["failed"].format(list=", ".join(failed))] if failed else []),
    ]
