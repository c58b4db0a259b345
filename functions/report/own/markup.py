"""What a customer's template has made, held to plain markup: it is taken apart and written anew, so that nothing in it can run,
load anything, leave its section, or be read differently by a browser."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from shared.errors import BadInput

TAGS = frozenset(
    """
    a b blockquote br caption code dd div dl dt em h3 h4 hr i li ol p pre s small span strong sub sup table tbody td tfoot th thead
    tr u ul
    """.split()  # noqa: SIM905 (forty quoted names would be harder to read)
)
VOID = frozenset(("br", "hr"))
ATTRIBUTES = {
    "class": re.compile(r"[a-z][a-z0-9 -]{0,60}"),
    "colspan": re.compile(r"\d{1,2}"),
    "rowspan": re.compile(r"\d{1,3}"),
    "scope": re.compile(r"col|row|colgroup|rowgroup"),
    "lang": re.compile(r"[a-zA-Z-]{2,20}"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "title": re.compile(r"[^\x00]{0,500}"),
    "href": re.compile(r"https://[^\s\"'<>\\]{1,2000}"),
    "style": re.compile(
        r"(?:\s*(?:text-align|color|background-color|font-weight|font-style|white-space|width)\s*:\s*[#%.\w -]{1,40}\s*(?:;|$))*"
    ),
}


def safe_markup(html: str, is_draft: bool = False) -> str:
    """The same markup, written anew. BadInput names the first thing in it that a section may not have. Of a draft, whose values are
    invented, the values of attributes are not looked at."""
    reader = _Reader(is_draft)
    reader.feed(html)
    reader.close()
    if reader.open:
        raise BadInput(f"<{reader.open[-1]}> is not closed")
    return "".join(reader.written)


class _Reader(HTMLParser):
    def __init__(self, is_draft: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._is_draft = is_draft
        self.written: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise BadInput(f"<{tag[:20]}> is no element of a section; there are {', '.join(sorted(TAGS))}")
        told = {name: value or "" for name, value in attrs}
        for name, value in told.items():
            if name not in ATTRIBUTES or (name == "href") > (tag == "a"):
                raise BadInput(f"<{tag}> may not have the attribute {name[:20]}; there are {', '.join(ATTRIBUTES)} (href of a)")
            if not self._is_draft and not ATTRIBUTES[name].fullmatch(value):
                raise BadInput(f"<{tag}> has an attribute {name} that is not taken: {value[:60]}")
        if "href" in told:
            told |= {"rel": "noopener noreferrer", "target": "_blank"}
        written = "".join(f' {name}="{escape(value)}"' for name, value in told.items())
        self.written.append(f"<{tag}{written}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            expected = f"</{self.open[-1]}>" if self.open else "nothing more"
            raise BadInput(f"</{tag[:20]}> closes what is not open; {expected} is expected there")
        self.open.pop()
        self.written.append(f"</{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        self.written.append(escape(data))

    def handle_comment(self, data: str) -> None:
        raise BadInput("a comment <!-- --> is not taken; use {# #}")

    def handle_decl(self, decl: str) -> None:
        raise BadInput("a declaration <!…> is not taken")

    def unknown_decl(self, data: str) -> None:
        raise BadInput("a declaration <![…]> is not taken")

    def handle_pi(self, data: str) -> None:
        raise BadInput("an instruction <?…> is not taken")
