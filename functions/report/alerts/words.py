"""Alerts → a mail in its reader's language: what, what was seen, what to do, where to look. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.report.alerts.checks import Alert
from functions.report.mailing.dress import dress_of
from functions.report.render import Mail
from functions.report.templating import templates, unlinked
from functions.report.view.formats import Formats, clean
from functions.report.view.names import Names
from functions.report.view.words import plural

if TYPE_CHECKING:
    from shared.report_settings import AlertKind

MOST_TOLD = 12  # of one mail, in full; of others the title
MOST_TITLES = 150  # a mail over 102 KB is clipped
MOST_NAMED = MOST_TOLD + MOST_TITLES  # the rest waits for the next mail
MOST_SUBJECT_NAME = 60
GAP = " → "
# The page's view that shows more of it.
VIEWS: Mapping[AlertKind, str] = {
    "hits_stopped": "traffic",
    "calls_stopped": "calls",
    "crm_stopped": "source_control",
    "costs_stopped": "payback",
    "no_source_jumped": "source_control",
    "spend_without_requests": "channels",
    "low_romi": "channels",
    "pool_short": "calls",
    "number_silent": "calls",
}


class Told(NamedTuple):
    """One alert in words; `link` is "" where the reader has no page."""

    title: str
    seen: str
    do: str
    link: str


def mail_of(alerts: Sequence[Alert], settings: Mapping[str, Any], page_url: str, unsubscribe_url: str, more: int = 0) -> Mail:
    """The mail of one reader, at most 80,000 bytes of HTML; `settings` are the site's with his language in them. Alerts, at most
    MOST_NAMED, come in the order of their kinds: what has stopped first. `more` is how many wait for the next mail."""
    names = Names(settings)
    words: Mapping[str, Any] = names.words["alerts"]
    formats = Formats(settings["report"]["language"], settings["currency"], settings["time_zone"])
    told = [told_of(alert, names, formats, page_url) for alert in alerts[:MOST_TOLD]]
    others = [told_of(alert, names, formats, "").title for alert in alerts[MOST_TOLD:]]
    site = clean(settings["name"], MOST_SUBJECT_NAME)
    rest = plural(len(alerts) - 1, words["and_more"], names.words) if len(alerts) > 1 else ""
    view = {
        "language": names.words["language"],
        "words": words,
        "dress": dress_of(settings, site),
        "subject": words["subject"].format(site=site, title=told[0].title, rest=rest).strip(),
        "site": site,
        "alerts": told,
        "others": others,
        "more": plural(more, words["left"], names.words) if more > 0 else "",
        "page_url": page_url,
        "unsubscribe_url": unsubscribe_url,
    }
    html = templates().get_template("alerts.html.j2").render(view)
    html = "\n".join(line for line in map(str.strip, html.splitlines()) if line)
    return Mail(view["subject"], html, templates().get_template("alerts.txt.j2").render(view))


def told_of(alert: Alert, names: Names, formats: Formats, page_url: str) -> Told:
    """One alert in words."""
    words: Mapping[str, Any] = names.words["alerts"][alert.kind]
    known = {**_figures(alert, names, formats), "subject": subject_of(alert, names)}
    form = alert.form
    if alert.kind == "pool_short":
        form = "_turned_away" if alert.seen["pool_full"] else "_under"
    said = [words[f"seen{form}"], *(words[part] for part in ("usual", "last") if part in words)]
    return Told(
        words.get(f"title{form}", words["title"]).format(**known),
        " ".join(text.format(**known) for text in said if _fields(text) <= known.keys()),
        words.get(f"do{form}", words["do"]).format(**known),
        f"{page_url}#view={VIEWS[alert.kind]}" if page_url else "",
    )


def _fields(text: str) -> set[str]:
    """Places of a text; a reader of a scope is not told figures of the whole site, so what speaks of them is left out."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def subject_of(alert: Alert, names: Names) -> str:
    """Of what an alert tells, as reports call it; "" of the whole site."""
    if alert.kind in ("spend_without_requests", "low_romi"):
        channel, *below = alert.subject or ("",)
        parts = [names.channel(channel)] if alert.subject else []
        if below:
            source, campaign = below
            parts += [names.source(channel, {"source": source}), names.campaign({"campaign": campaign})]
    else:
        parts = [clean(part) or str(names.words["unset"]) for part in alert.subject]
    return GAP.join(unlinked(clean(part, MOST_SUBJECT_NAME)) for part in parts)


def _figures(alert: Alert, names: Names, formats: Formats) -> dict[str, str]:
    words = names.words["alerts"]
    return {name: _shown(name, value, words, names, formats) for name, value in alert.seen.items()}


def _shown(name: str, value: Any, words: Mapping[str, Any], names: Names, formats: Formats) -> str:
    if value is None:
        return str(words["unknown"])
    if isinstance(value, datetime):
        return formats.short_instant(value)
    if isinstance(value, date):
        return formats.short_day(value)
    if name == "reason":
        return str(names.words["reasons"][value][0]) if value in names.words["reasons"] else clean(str(value))
    shown: Mapping[str, Callable[[Any], str]] = {
        "share": formats.share,
        "share_before": formats.share,
        "margin_romi": formats.percent,
        "least": formats.percent,
        "limit": formats.money,
        "cost": formats.money,
        "revenue": formats.money,
        "gross_profit": formats.money,
    }
    return shown.get(name, formats.count)(value)
