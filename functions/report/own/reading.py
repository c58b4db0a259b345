"""Reads a customer's SELECT far enough to know every table that it can touch. Anything that might name a table in another way is
refused, so a query sees what it is given and nothing beside it: no other site, no raw record, no catalog.

A table's name can stand after FROM, after JOIN and after a comma of a FROM list; each must be one of the tables given, or of the
query's own WITH list as far as it stands before. Qualified names, functions in place of a table, TABLE, nested WITH and the like
are refused. A keyword (words.py) is never a name here: not of a WITH list, not after a dot or AS unless in quotes, and never where
a table's name should stand. So none of the words that end a FROM list can be a name in disguise.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from functions.report.own.columns import check_names
from functions.report.own.tokens import Token, text_of, tokens_of
from functions.report.own.words import KEYWORDS, REFUSED
from shared.errors import BadInput

MOST_ROWS = 1000  # of a section
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")  # engines agree on which of these are one name
_ENDS_FROM = frozenset(("WHERE", "GROUP", "HAVING", "ORDER", "UNION", "INTERSECT", "EXCEPT", "SELECT"))
_BEFORE_BY = ("GROUP", "ORDER")
_NOTHING = Token("sign", "", False)
_CUTS = frozenset(("LIMIT", "OFFSET", "FETCH"))


class Select(NamedTuple):
    """`own` is the query's WITH list without the word WITH (empty where it has none), `main` its SELECT, `reads` the given tables
    that it names, `limit` the rows that it asks for itself."""

    own: str
    main: str
    reads: tuple[str, ...]
    limit: int | None


def read_select(sql: str, given: Collection[str]) -> Select:
    """The query taken apart. BadInput says what it may not have, and what to write."""
    tokens = tokens_of(sql.strip().removesuffix(";"))
    if not tokens or tokens[0].word not in ("SELECT", "WITH"):
        raise BadInput("it must be one query that begins with SELECT or WITH")
    reader = _Reader(tokens, given)
    start = reader.with_list() if tokens[0].word == "WITH" else 0
    if start >= len(tokens) or tokens[start].word != "SELECT":
        raise BadInput("after its WITH list must come SELECT")
    if reader.scan(start) != len(tokens):
        raise BadInput("a closing bracket stands there without an opening one")
    check_names(tokens[start:], given)
    own = text_of(tokens[1:start]) if start else ""
    return Select(own, text_of(tokens[start:]), tuple(sorted(reader.reads)), _limit(tokens[start:]))


class _Level(NamedTuple):
    """Where the reader stands between two brackets: `in_from` inside a FROM list, `wants` a table's name next."""

    in_from: bool = False
    wants: bool = False
    is_group: bool = False  # a bracket that stands where a table would: a subquery, or tables joined


class _Reader:
    def __init__(self, tokens: list[Token], given: Collection[str]) -> None:
        self._tokens, self._given = tokens, frozenset(given)
        self._own: set[str] = set()
        self.reads: set[str] = set()

    def with_list(self) -> int:
        """Read `WITH a AS (…), b AS (…)`; gives the place after it. Each name counts from its own end on."""
        place = 1
        while True:
            name = self._at(place).name
            if not _PLAIN.fullmatch(name):
                raise BadInput("after WITH must come: name AS ( SELECT … )")
            if name.upper() in KEYWORDS:
                raise BadInput(f"its WITH list gives the name {name}, which is a word of SQL; take another one")
            if name in self._given or name in self._own:
                raise BadInput(f"its WITH list gives the name {name}, which is taken; take another one")
            place += 1
            if self._at(place).text == "(":
                place = self._after_names(place)
            if self._at(place).word != "AS" or self._at(place + 1).text != "(":
                raise BadInput(f"after {name} must come: AS ( SELECT … )")
            if self._at(place + 2).word != "SELECT":
                raise BadInput(f"in the brackets of {name} must stand a SELECT")
            place = self.scan(place + 2)
            if self._at(place).text != ")":
                raise BadInput(f"the bracket of {name} is not closed")
            self._own.add(name)
            place += 1
            if self._at(place).text != ",":
                return place
            place += 1

    def scan(self, place: int) -> int:
        """Read up to the bracket that closes what began here, or to the end; gives that place."""
        levels = [_Level()]
        while place < len(self._tokens):
            token = self._tokens[place]
            if token.text == ")":
                if len(levels) == 1:
                    return place
                if levels.pop().wants:
                    raise BadInput("a table's name is missing before a closing bracket")
            elif levels[-1].wants:
                place = self._item(place, levels)
            else:
                self._word(place, levels)
            place += 1
        if len(levels) > 1:
            raise BadInput("a bracket is not closed")
        if levels[-1].wants:
            raise BadInput("a table's name is missing at its end")
        return place

    def _word(self, place: int, levels: list[_Level]) -> None:
        token, level = self._tokens[place], levels[-1]
        self._check_word(place, level.in_from)
        if token.text == "(":
            levels.append(_Level())
        elif (
            (token.word == "FROM" and not self._is_comparison(place))
            or token.word == "JOIN"
            or (token.text == "," and level.in_from)
        ):
            levels[-1] = level._replace(in_from=True, wants=True)
        elif token.word in _ENDS_FROM and (token.word not in _BEFORE_BY or self._at(place + 1).word == "BY"):
            levels[-1] = level._replace(in_from=False)

    def _check_word(self, place: int, in_from: bool) -> None:
        """BadInput for a word that may not stand there."""
        word, before, after = self._tokens[place].word, self._before(place), self._at(place + 1)
        if word in REFUSED:
            raise BadInput(f"it may not have the word {word}; a column of that name is written in double quotes")
        if word in KEYWORDS and (before.text == "." or before.word == "AS"):
            raise BadInput(f"{word} is a word of SQL; as a name it is written in double quotes")
        is_ordinality = after.word == "ORDINALITY" and before.text == ")"
        is_zone = after.word == "TIME" and self._at(place + 2).word == "ZONE"
        if word == "WITH" and not is_ordinality and not is_zone:
            raise BadInput("WITH may only stand at its very beginning")
        if word in _BEFORE_BY and after.word != "BY" and (word == "ORDER" or before.word != "WITHIN" or in_from):
            raise BadInput(f"after {word} must come BY; a column of that name is written in double quotes")

    def _item(self, place: int, levels: list[_Level]) -> int:
        """One table of a FROM list; gives the place of its last word."""
        token, after = self._tokens[place], self._at(place + 1)
        if token.text == "(":
            levels[-1] = levels[-1]._replace(wants=False)
            levels.append(_Level(in_from=True, wants=True, is_group=True))
            return place
        if token.word in ("SELECT", "VALUES") and levels[-1].is_group and self._tokens[place - 1].text == "(":
            levels[-1] = _Level()
            return place
        if token.word == "LATERAL" and after.text == "(":
            return place
        levels[-1] = levels[-1]._replace(wants=False)
        if token.word == "UNNEST" and after.text == "(":
            return place
        if not _PLAIN.fullmatch(token.name) or token.word in KEYWORDS:
            raise BadInput(f"{token.text[:60]} stands where a table's name should; see docs/bi.md for the tables")
        if after.text == ".":
            raise BadInput(f"{token.name}.… is a qualified name; tables are named without catalog and schema")
        if after.text == "(":
            raise BadInput(f"{token.name}(…) is a function in place of a table, which is not taken")
        if token.name not in self._given and token.name not in self._own:
            raise BadInput(
                f"there is no table {token.name} here; docs/bi.md lists the views and marts (for a part of a day write "
                "day_of_month(…) and the like instead of EXTRACT)"
            )
        if token.name in self._given:
            self.reads.add(token.name)
        return place

    def _is_comparison(self, place: int) -> bool:
        """Whether a FROM is that of IS [NOT] DISTINCT FROM, after which no table can stand."""
        words = [self._before(n + 1).word for n in range(place - 3, place)]
        return words[2] == "DISTINCT" and (words[1] == "IS" or words[0:2] == ["IS", "NOT"])

    def _before(self, place: int) -> Token:
        return self._tokens[place - 1] if place > 0 else _NOTHING

    def _after_names(self, place: int) -> int:
        while self._at(place).text != ")":
            place += 1
            if place >= len(self._tokens) or self._at(place).text == "(":
                raise BadInput("the list of columns of a WITH name is not closed")
        return place + 1

    def _at(self, place: int) -> Token:
        return self._tokens[place] if place < len(self._tokens) else _NOTHING


def _limit(main: list[Token]) -> int | None:
    """The LIMIT that ends a query. Any other way to cut it is refused, because ours would come after it."""
    depth, cuts = 0, []
    for place, token in enumerate(main):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth and token.word in _CUTS:
            cuts.append(place)
    if not cuts:
        return None
    told = main[-1].text
    if cuts != [len(main) - 2] or main[-2].word != "LIMIT" or not told.isdigit() or int(told) > MOST_ROWS:
        raise BadInput(f"it may be cut by LIMIT and a number up to {MOST_ROWS} as its last words, not by OFFSET, FETCH or more")
    return int(told)
