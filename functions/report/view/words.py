"""Texts of the report (`texts/<language>.json`), and the forms of their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("ru", "en")


@cache
def texts(language: str) -> Mapping[str, Any]:
    """All texts of a language; ru where another one is asked for."""
    found: Mapping[str, Any] = orjson.loads((TEXTS / f"{language if language in LANGUAGES else 'ru'}.json").read_bytes())
    return found


def plural(count: int, forms: Sequence[str], words: Mapping[str, Any]) -> str:
    """The form that the language asks for at that number, with the number in it: forms are one, few and many in Russian,
    one and other in English."""
    if words["language"] == "en":
        place = 0 if count == 1 else 1
    elif count % 10 == 1 and count % 100 != 11:
        place = 0
    else:
        place = 1 if 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14 else 2
    return forms[place].format(count=count)
