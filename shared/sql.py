"""The one door through which values reach SQL: `bind(text, values)` puts encoded literals in place of `:name`.

Athena's execution parameters are literals that the caller must quote, so the quoting is done here, once, for every engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

Value = str | int | float | bool | Decimal | date | datetime | None | Sequence[str]

# Strings, quoted names and comments are stepped over; only :name outside of them is a parameter.
_TOKENS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|::|:([a-z_][a-z0-9_]*)")


def literal(value: Value) -> str:
    """One value as a literal of Athena's dialect. TypeError on a type that has no safe literal form.

    Text is single-quoted with quotes doubled (the dialect knows no backslash escapes); NUL is refused (ValueError).
    A list of texts becomes `('a', 'b')` for IN; an empty one `(NULL)`, which nothing is in. A negative whole number stands in
    parentheses, so that `-:n` cannot become the start of a comment.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("a number that is not finite has no literal")
        return f"DOUBLE '{value!r}'"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a number that is not finite has no literal")
        return _decimal(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        return f"TIMESTAMP '{utc.replace(tzinfo=None).isoformat(' ', 'milliseconds')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("text with a NUL character cannot be put into a query")
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return "(" + (", ".join(literal(item) for item in value) or "NULL") + ")"
    raise TypeError(f"no literal for {type(value).__name__}")


def _decimal(value: Decimal) -> str:
    """With its precision told: DuckDB reads `DECIMAL '0.000001'` as decimal(18,3), which is 0."""
    text = f"{value:f}"
    digits = text.lstrip("-").replace(".", "")
    if len(digits) > 38:
        raise ValueError("a decimal number holds 38 digits at most")
    return f"CAST('{text}' AS DECIMAL({len(digits)},{len(text.partition('.')[2])}))"


def bind(text: str, values: Mapping[str, Value]) -> str:
    """SQL text with every `:name` replaced. KeyError names a parameter without a value."""

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        return match.group(0) if name is None else literal(values[name])

    return _TOKENS.sub(put, text)
