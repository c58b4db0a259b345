"""Figures as they are said rather than listed: `3,1 млн ₽`, `412 тыс. ₽`. For subjects and sentences; tables tell them whole."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_compact_decimal

from functions.report.view.formats import MINUS, NBSP, WHOLE_FROM, Formats, Number


def said(value: Number, formats: Formats) -> str:
    """Money in two or three figures with its symbol, rounded once; below a thousand as it is."""
    amount = value if isinstance(value, Decimal) else Decimal(repr(value))
    if abs(amount) < WHOLE_FROM:
        return formats.money(amount)
    place = abs(amount).adjusted()
    step = Decimal(1).scaleb(place - (2 if place % 3 else 1))  # one digit after the point, none from a hundred on
    rounded = (abs(amount) / step).quantize(Decimal(1), "ROUND_HALF_UP") * step
    text = format_compact_decimal(rounded, locale=formats.locale, fraction_digits=1)
    sign, symbol = MINUS if amount < 0 else "", formats.symbol
    if formats.locale.language != "en":
        return f"{sign}{text}{NBSP}{symbol}".replace(" ", NBSP)
    return f"{sign}{symbol}{NBSP if symbol.isalpha() else ''}{text}"
