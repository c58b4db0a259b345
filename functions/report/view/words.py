"""Texts of the report (gettext catalogues, `texts/<language>/*.po`), and the forms of their numbers.

A message's id is its place in the tree that templates read: `sections.quality` is `words["sections"]["quality"]`; ids that end in
.0, .1 … are one list; a message with plural forms is the tuple of its forms. All catalogues of a language make one tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("ru", "en")


@cache
def texts(language: str) -> Mapping[str, Any]:
    """All texts of a language; ru where another one is asked for."""
    language = language if language in LANGUAGES else "ru"
    tree: dict[str, Any] = {"language": language}
    for path in sorted((TEXTS / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    _put(tree, message.id if isinstance(message.id, str) else message.id[0], message.string)
    return {name: _listed(value) for name, value in tree.items()}


def plural(count: int, forms: Sequence[str], words: Mapping[str, Any]) -> str:
    """The form that the language asks for at that number, with the number in it: forms are one, few and many in Russian,
    one and other in English."""
    return forms[_rule(words["language"])(count)].format(count=count)


@cache
def _rule(language: str) -> Callable[[int], int]:
    """Which form a number takes: the rule in the head of the language's catalogue."""
    with (TEXTS / language / "report.po").open("rb") as file:
        rule: Callable[[int], int] = c2py(read_po(file, locale=language).plural_expr)
    return rule


def _put(tree: dict[str, Any], place: str, text: Any) -> None:
    *above, name = place.split(".")
    for step in above:
        tree = tree.setdefault(step, {})
    if name in tree:
        raise ValueError(f"two catalogues have the text {place}")
    tree[name] = text


def _listed(value: Any) -> Any:
    """Numbered texts as a list."""
    if not isinstance(value, dict):
        return value
    if value.keys() == {str(place) for place in range(len(value))}:
        return [value[str(place)] for place in range(len(value))]
    return {name: _listed(inner) for name, inner in value.items()}
