"""Form bodies with PHP's brackets: bytes → pairs → a dictionary of dictionaries. Pure, bounded, in linear time, without recursion.

`a[b][7]=x` → `{"a": {"b": {"7": "x"}}}`. A number in brackets is a name like any other: amoCRM writes ids there
(`linked_leads_id[41870233]`), and a list would need 41 million places. Escapes that are none stay as they are, bytes that are no
UTF-8 become U+FFFD. Empty values are kept. Of a name that is given twice the last value counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.forms import FormRefused, pairs_of

MOST_DEPTH = 16  # names in a row; amoCRM's deepest have 8
REASONS = ("too_many_fields", "long_name", "too_deep")

Tree = dict[str, "str | Tree"]


class Form(NamedTuple):
    """`collided`: how often a name was a text and a parent (`a=1&a[b]=2`, in any order): the text stays, what is below goes."""

    tree: Tree
    collided: int


def form_of(body: bytes, encoding: str = "utf-8") -> Form:
    """The body as a tree. FormRefused beyond the limits; nothing else is refused."""
    tree: Tree = {}
    collided = 0
    for number, (name, value) in enumerate(pairs_of(body, encoding)):
        collided += _put(tree, path_of(name, number), value)
    return Form(tree, collided)


def path_of(name: str, number: int) -> list[str]:
    """`a[b][c]` → a, b, c. Brackets that do not close, or text after them, make a plain name of the whole: nobody sends them.

    Empty brackets (PHP: the next index) get `+number`, which no sender's index can be. FormRefused beyond MOST_DEPTH.
    """
    first, bracket, rest = name.partition("[")
    if not bracket or not first or not rest.endswith("]"):
        return [name]
    inner = rest[:-1].split("][")
    if len(inner) >= MOST_DEPTH:
        raise FormRefused("too_deep", f"a field's name is nested deeper than {MOST_DEPTH} names")
    if any("[" in part or "]" in part for part in inner):
        return [name]
    return [first, *(part or f"+{number}" for part in inner)]


def _put(tree: Tree, path: Iterable[str], value: str) -> int:
    """How many values were dropped: this one under a text, or those under a name that turns out to be a text."""
    *parents, last = path
    node = tree
    for name in parents:
        child = node.setdefault(name, {})
        if isinstance(child, str):
            return 1
        node = child
    before = node.get(last)
    node[last] = value
    return 0 if before is None or isinstance(before, str) else 1
