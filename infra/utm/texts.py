"""Spellings: look-alike letters, broken encodings, slips of the finger. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

# Cyrillic letters that look like Latin ones in common typefaces, each with its twin.
_PAIRS = "аa еe оo рp сc уy хx кk мm тt іi ѕs јj АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЅS ЈJ"
_LATIN = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
_CYRILLIC = str.maketrans({pair[1]: pair[0] for pair in _PAIRS.split() if pair[0] not in "іѕјІЅЈ"})
_WORD = re.compile(r"[^\W\d_]+")
_HAS_LATIN = re.compile(r"[A-Za-z]")
_HAS_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPES = re.compile(r"(%[0-9A-Fa-f]{2}){2}")  # one alone may be a word: %AD_NAME%
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORTEST_NEAR = 4  # shorter words are one slip away from too many others
_LONG = 8  # from this length on two slips are forgiven


def without_mixed_letters(text: str) -> str:
    """Text in which no word mixes Cyrillic and Latin, where the strange letters have a twin: `сpc` → `cpc`, `Яндeкс` → `Яндекс`."""
    return _WORD.sub(lambda match: _one_alphabet(match.group()), text)


def _one_alphabet(word: str) -> str:
    if not (_HAS_LATIN.search(word) and _HAS_CYRILLIC.search(word)):
        return word
    latin, cyrillic = word.translate(_LATIN), word.translate(_CYRILLIC)
    if not _HAS_CYRILLIC.search(latin):
        return latin
    return word if _HAS_LATIN.search(cyrillic) else cyrillic


def latin_twin(text: str) -> str:
    """The text with every look-alike letter in Latin: `срс` → `cpc`."""
    return text.translate(_LATIN)


def invisible(text: str) -> str:
    """The text without letters that nobody sees (zero width, controls, halves of pairs); hard spaces become plain ones."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in UNSEEN)


def broken(text: str) -> str:
    """encoded_twice: percent escapes are left after decoding. broken_text: read in another encoding. Empty: neither."""
    if _ESCAPE.search(text) and ("\ufffd" not in unquote(text) or _ESCAPES.search(text)):
        return "encoded_twice"
    return "broken_text" if "\ufffd" in text or _misread(text) else ""


def mended_text(text: str) -> str:
    """What a `broken` text was meant to be; empty where that cannot be known."""
    for _ in range(3):
        if not _ESCAPE.search(text):
            break
        text = unquote(text)
    text = _misread(text) or text
    return "" if "\ufffd" in text or _ESCAPE.search(text) else text


def _misread(text: str) -> str:
    """UTF-8 that was read as Latin-1 or windows-1251 (`Ð²ÐµÑÐ½Ð°`, `РІРµСЃРЅР°`), as it should read; empty where it was not."""
    if text.isascii():
        return ""
    for encoding in ("latin-1", "cp1252", "cp1251"):
        try:
            meant = text.encode(encoding).decode()
        except UnicodeError:
            continue
        return meant if meant != text else ""
    return ""


def near(word: str, known: Iterable[str]) -> str:
    """The known word one slip of the finger away (two in long words), else empty. The nearest first, then in order of `known`."""
    found = [(slips, candidate) for candidate in known if (slips := _slips(word, candidate)) is not None]
    return min(found, key=lambda each: each[0])[1] if found else ""


def _slips(one: str, other: str) -> int | None:
    length = max(len(one), len(other))
    most = 0 if length < _SHORTEST_NEAR else 2 if min(len(one), len(other)) >= _LONG else 1
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most:  # a slip changes two letters at most
        return None
    slips = _distance(one, other)
    return slips if slips <= most else None


def _distance(one: str, other: str) -> int:
    """Letters more, less, other, and neighbours swapped (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(row[-1] + 1, last[j] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
