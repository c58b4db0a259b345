"""What moved revenue, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from functions.report.marts.verdict import immature_share
from functions.report.view.formats import MINUS, Formats
from functions.report.view.names import Names

View = dict[str, Any]
SETTLED = ("volume", "mix")  # of requests: they ripen no more
MONEY_EFFECTS = ("price", "new", "gone", "other")


def driver_rows(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """{title, lead, rows: [{amount, tone, text, anchor}], rest, none}; `none` says why there are no rows. Where many requests are
    young, the lead says so, and what may still ripen is no "bad" but a "warn"."""
    told, words, young = figures["drivers"], names.words["drivers"], immature_share(figures)
    change = signed(told["change"], formats)
    lead = words["lead"].format(change=change)
    if young is not None:
        lead = words["lead_immature"].format(change=change, immature=formats.share(young))
    none = "" if told["rows"] else words["none" if told["is_comparable"] else "incomparable"]
    rest = {"name": words["rest"].format(count=formats.count(told["rest_count"])), "amount": signed(told["rest"], formats)}
    return {
        "title": words["title"],
        "lead": lead if told["rows"] else "",
        "rows": [_row(row, figures, formats, names) for row in told["rows"]],
        "rest": rest if told["rows"] and told["rest_count"] else None,
        "none": none,
    }


def signed(amount: Decimal, formats: Formats) -> str:
    """Money with its sign: `+1 200 ₽`."""
    text = formats.money(amount)
    return text if amount <= 0 or text.startswith(MINUS) else f"+{text}"


def _row(row: Mapping[str, Any], figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    effect = row["effect"]
    shown = {end: _value(effect, row[end], formats) for end in ("before", "now")}
    channel = names.short(row["channel"]) if row["channel"] else ""
    lower = "warn" if effect not in SETTLED and immature_share(figures) is not None else "bad"
    return {
        "amount": signed(row["amount"], formats),
        "tone": "good" if row["amount"] > 0 else lower,
        "text": names.words["drivers"][word_of(effect, figures)].format(channel=channel, **shown),
        "anchor": row["anchor"],
    }


def word_of(effect: str, figures: Mapping[str, Any]) -> str:
    """By which word an effect is told: a report of some channels does not speak of the whole site, and by payment day sales of the
    period are not those of its requests."""
    if effect == "volume" and figures.get("scope"):
        return "volume_scope"
    return "conversion_payment" if effect == "conversion" and figures["date_basis"] == "payment" else effect


def _value(effect: str, value: Any, formats: Formats) -> str:
    if effect in MONEY_EFFECTS:
        return formats.money(Decimal(str(value)))
    return formats.count(value) if effect == "volume" else formats.share(value)
