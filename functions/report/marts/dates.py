"""By which day a figure falls into a period: the date basis (docs/method.md, metrics and reports). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REQUEST, PAYMENT, TOUCH = "request", "payment", "touch"


def date_basis_of(settings: Mapping[str, Any]) -> str:
    """request, payment or touch (settings published before there was a choice: request)."""
    return str(settings["report"].get("date_basis", REQUEST))


def days_of(basis: str) -> dict[str, str]:
    """Figure → the day by which it is counted: its measures first, then the parts of the report that keep a day of their own."""
    asked = TOUCH if basis == TOUCH else REQUEST
    paid = {PAYMENT: PAYMENT, TOUCH: TOUCH}.get(basis, REQUEST)
    # Without a touch there is no day of one.
    untouched = PAYMENT if basis == PAYMENT else REQUEST
    return {
        "cost": "spend",
        "visits": "visit",
        "requests": asked,
        "qualified": asked,
        "sales": paid,
        "revenue": paid,
        "gross_profit": paid,
        "no_source": untouched,
        "markov": untouched,
        "contact_channels": REQUEST,
        "deals": REQUEST,
        "calls": "call",
    }
