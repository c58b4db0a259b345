"""Texts of the report (`texts/<language>.json`) and the names that readers see for channels, sources and campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from functions.report.marts.tree import NO_SOURCE
from functions.report.view.formats import clean

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("ru", "en")


@cache
def texts(language: str) -> Mapping[str, Any]:
    """All texts of a language; ru where another one is asked for."""
    found: Mapping[str, Any] = orjson.loads((TEXTS / f"{language if language in LANGUAGES else 'ru'}.json").read_bytes())
    return found


def channel_name(channel: str, words: Mapping[str, Any]) -> str:
    """The rule table's name, our own two in the reader's language."""
    return words["channels"].get(channel) or clean(channel) or words["unset"]


def place_name(place: Mapping[str, Any], level: str, words: Mapping[str, Any]) -> str:
    """Name of a source or campaign row; `level` is its field (`source`, `campaign`)."""
    if place.get("is_not_split"):
        return str(words["channels"]["not split"])
    return clean(place[level]) or str(words["unset"])


def source_name(channel: str, source: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Sources of the no-source row are its reasons."""
    if channel == NO_SOURCE and source["source"] in words["reasons"]:
        return str(words["reasons"][source["source"]][0])
    return place_name(source, "source", words)


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
