"""What moved revenue, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from functions.report.view.formats import MINUS, Formats
from functions.report.view.names import Names

View = dict[str, Any]
MONEY_EFFECTS = ("price", "new", "gone", "other")


def driver_rows(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """{title, lead, rows: [{amount, tone, text, anchor}], rest, none}; `none` says why there are no rows."""
    told, words = figures["drivers"], names.words["drivers"]
    none = "" if told["rows"] else words["none" if told["is_comparable"] else "incomparable"]
    rest = {"name": words["rest"].format(count=formats.count(told["rest_count"])), "amount": signed(told["rest"], formats)}
    return {
        "title": words["title"],
        "lead": words["lead"].format(change=signed(told["change"], formats)) if told["rows"] else "",
        "rows": [_row(row, formats, names) for row in told["rows"]],
        "rest": rest if told["rows"] and told["rest_count"] else None,
        "none": none,
    }


def signed(amount: Decimal, formats: Formats) -> str:
    """Money with its sign: `+1 200 ₽`."""
    text = formats.money(amount)
    return text if amount <= 0 or text.startswith(MINUS) else f"+{text}"


def _row(row: Mapping[str, Any], formats: Formats, names: Names) -> View:
    shown = {end: _value(row["effect"], row[end], formats) for end in ("before", "now")}
    channel = names.channel(row["channel"]) if row["channel"] else ""
    return {
        "amount": signed(row["amount"], formats),
        "tone": "good" if row["amount"] > 0 else "bad",
        "text": names.words["drivers"][row["effect"]].format(channel=channel, **shown),
        "anchor": row["anchor"],
    }


def _value(effect: str, value: Any, formats: Formats) -> str:
    if effect in MONEY_EFFECTS:
        return formats.money(Decimal(str(value)))
    return formats.count(value) if effect == "volume" else formats.share(value)
