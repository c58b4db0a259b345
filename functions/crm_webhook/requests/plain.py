"""What visitors may make up (names of forms, marks, addresses, ids), as it may stand in a CRM: no markup, and no links but to the
site's own pages. Pure."""

from __future__ import annotations

import re

PAGES = frozenset({"page_url", "landing"})  # of the site's own hosts; the doors see to that
EXACT = frozenset({"request_id", "visitor_id", "started_at", "first_at"})  # compared and read; `shown` where people read them
_ADDRESS = re.compile(r"(?i)(?:\b[a-z][a-z0-9+.-]{0,20}://|\bwww\.|\b(?:[\w-]+\.)+\w{2,24}/)[^\s\[\]<>]*")
_BRACKETS = str.maketrans("[]<>", "()()")
_IN_PAGES = str.maketrans({"[": "%5B", "]": "%5D", "<": "%3C", ">": "%3E"})


def plain(name: str, text: str) -> str:
    """A field of a request as the CRM may have it."""
    if name in EXACT:
        return text
    return _one_line(text).translate(_IN_PAGES) if name in PAGES else shown(text)


def shown(text: str) -> str:
    """One line without addresses and without brackets that CRMs take for markup."""
    return " ".join(_ADDRESS.sub("", _one_line(text)).translate(_BRACKETS).split())


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
