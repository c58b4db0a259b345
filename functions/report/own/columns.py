"""The names of a query's columns, as far as its words tell: an answer has one value a name, so equal names would lose one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

from functions.report.own.tokens import Token
from functions.report.own.words import KEYWORDS
from shared.errors import BadInput

_AFTER_LIST = frozenset(("FROM", "WHERE", "GROUP", "HAVING", "ORDER", "UNION", "INTERSECT", "EXCEPT", "LIMIT"))


def check_names(main: list[Token], given: Collection[str]) -> None:
    """BadInput where two columns of a SELECT have one name: told so, or by * over several of the tables given, each of which has a
    `site_id`. `main` begins with the word SELECT."""
    told, rest = _parts(main)
    stars, seen = 0, set[str]()
    for item in _split(told):
        stars += bool(item) and item[-1].text == "*"
        name = _name(item)
        if name and name in seen:
            raise BadInput(f"two of its columns are named {name}; give each a name of its own with AS")
        seen.add(name)
    tables = sum(1 for item in _tables(rest) if item.name in given)
    if stars > 1 or (stars and tables > 1 and any(_is_bare_star(item) for item in _split(told))):
        raise BadInput("* of several tables gives columns of one name (each has site_id); name the columns that you want")


def _parts(main: list[Token]) -> tuple[list[Token], list[Token]]:
    """What stands between SELECT and FROM, and between FROM and the next part of the query; no bracket is looked into."""
    parts: tuple[list[Token], list[Token]] = ([], [])
    depth, place = 0, 0
    for before, token in pairwise(main):
        if not depth and token.word in _AFTER_LIST and before.word != "DISTINCT":
            if place or token.word != "FROM":
                break
            place = 1
        else:
            parts[place].append(token)
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(token.text, 0)
    return parts


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """The items of a SELECT list."""
    item: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(token.text, 0)
        if token.text == "," and not depth:
            yield item
            item = []
        elif item or token.word not in ("DISTINCT", "ALL"):
            item.append(token)
    yield item


def _name(item: list[Token]) -> str:
    """Of one item: its alias, or the column that it is; "" where it has none of its own."""
    last, before = (item or [_NOTHING])[-1], item[-2] if len(item) > 1 else None
    if not last.name or last.word in KEYWORDS:
        return ""
    if before is None or before.text in (".", ")", "]") or before.word in ("AS", "END"):
        return last.name
    is_alias = before.kind not in ("sign", "text") and before.word not in KEYWORDS  # INTERVAL '1' DAY is none
    return last.name if is_alias else ""


def _is_bare_star(item: list[Token]) -> bool:
    return [token.text for token in item] == ["*"]


def _tables(rest: list[Token]) -> Iterator[Token]:
    """The first word of each table of a FROM list; none where USING makes one of two columns."""
    depth, is_next = 0, True
    if any(token.word == "USING" for token in rest):
        return
    for token in rest:
        if is_next and token.text != "(":
            yield token
        is_next = (is_next and token.text == "(") or (depth <= 0 and (token.text == "," or token.word == "JOIN"))
        depth += {"(": 1, ")": -1}.get(token.text, 0)


_NOTHING = Token("sign", "", False)
