"""The words of a customer's SQL. What is sent to the engine is put together from these words again, so that nothing is sent which
was not looked at: comments vanish, and any character that Athena's dialect has no use for is refused."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from shared.errors import BadInput

Kind = Literal["text", "quoted", "number", "word", "parameter", "sign"]
_TOKEN = re.compile(
    r"""(?P<gap>(?:\s|--[^\n]*|/\*.*?\*/)+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<parameter>:[a-z_][a-z0-9_]*)
    |(?P<sign><>|!=|<=|>=|\|\||->|=>|/(?!\*)|[-+*%=<>(),.\[\]])""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """`gap`: whether something stood between it and the token before."""

    kind: Kind
    text: str
    gap: bool

    @property
    def word(self) -> str:
        """A keyword in capitals; empty for everything that cannot be one."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What it names as an identifier, in lower case as engines look names up; empty for what is none. Letters beyond ASCII stay
        as they are: engines do not agree on their lower case (the Kelvin sign's is k)."""
        if self.kind == "quoted":
            told = self.text[1:-1].replace('""', '"')
            return told.lower() if told.isascii() else told
        return self.text.lower() if self.kind == "word" else ""


def tokens_of(sql: str) -> list[Token]:
    """BadInput names what does not belong into one SELECT."""
    found: list[Token] = []
    place, gap = 0, False
    while place < len(sql):
        match = _TOKEN.match(sql, place)
        if match is None:
            raise BadInput(_unfit(sql[place:]))
        place = match.end()
        if match.lastgroup == "gap":
            gap = True
            continue
        text = match.group()
        if match.lastgroup == "text" and ("\\'" in text or "\x00" in text):
            raise BadInput("a text in it has a backslash before a quote, which engines read differently; write it another way")
        found.append(Token(match.lastgroup, text, gap))  # type: ignore[arg-type]  # names of the groups are the kinds
        gap = False
    return found


def text_of(tokens: list[Token]) -> str:
    """The words as SQL again."""
    return "".join((" " if token.gap and place else "") + token.text for place, token in enumerate(tokens))


def _unfit(rest: str) -> str:
    if rest.startswith(";"):
        return "one SELECT, without a semicolon: several statements are not taken"
    if rest[0] in "'\"":
        return f"a quote {rest[0]} is not closed"
    if rest.startswith("/*"):
        return "a comment /* is not closed"
    return f"{rest[0]!r} belongs into no SELECT of Athena's dialect"
