"""The address of a page and its tags: taken apart, put together again. Pure.

What stands between the tags stays as it was, letter by letter, but for letters that no address may have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit

from infra.utm.check import MACRO, TAGS
from infra.utm.texts import UNSEEN, near
from shared.errors import BadInput

LONGEST = 16_384  # characters; servers and browsers refuse longer ones long before
_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*):(?!\d)")
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Letters that an address may have as they are, besides letters and digits of ASCII (RFC 3986); % because escapes are kept.
_KEPT = "%:/?#[]@!$&'()*+,;=-._~"


class Parameter(NamedTuple):
    """One part of a query: `raw` as it stands there, `name` as written, `value` decoded; `is_utf8`: else it was windows-1251."""

    raw: str
    name: str
    raw_value: str
    value: str
    is_utf8: bool

    @property
    def is_tag(self) -> bool:
        """Whether it is one of utm_…, or was meant to be."""
        plain = plain_parameter(self.name)
        return plain.startswith("utm_") or bool(near(plain, TAGS))


class Address(NamedTuple):
    """`page`: up to the query. `parameters` and `after_hash` stand in their order. `route`: the fragment before its tags."""

    page: str
    host: str
    parameters: tuple[Parameter, ...]
    route: str
    after_hash: tuple[Parameter, ...]

    @property
    def tags(self) -> list[Parameter]:
        """All tags, those after # last."""
        return [p for p in (*self.parameters, *self.after_hash) if p.is_tag]


def plain_parameter(name: str) -> str:
    """A parameter's name as it was meant: lower case, without what an HTML editor put before it."""
    return name.strip().lower().removeprefix("amp;")


def read_address(text: str) -> Address:
    """Address of a page → its parts. BadInput says what is wrong with it and what to write instead."""
    text = _checked(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadInput(f"is no address ({error})") from error
    if not host:
        raise BadInput("has no host; write it as https://shop.example/page")
    if "@" in parts.netloc:
        raise BadInput("has a user or a password before the host, which every report would show; take them out")
    netloc = parts.netloc.replace(_host_of(parts.netloc), _ascii_host(host, text))
    page = f"{parts.scheme}://{netloc}{_quoted(parts.path) or '/'}"
    route, mark, tail = parts.fragment.rpartition("?")
    if "utm_" not in tail.lower():
        route, mark, tail = parts.fragment, "", ""
    return Address(page, host, _parameters(parts.query), _quoted(route + mark), _parameters(tail))


def with_tags(address: str, tags: Mapping[str, str], replace: bool = False) -> str:
    """The address with these tags before its #. BadInput when it has tags already and `replace` does not allow to take them out."""
    read = read_address(address)
    if read.tags and not replace:
        had = ", ".join(dict.fromkeys(_shown(p.raw) for p in read.tags))
        raise BadInput(f"has tags already ({had}); give the address without them, or --replace to take them out")
    kept = [_quoted(p.raw) for p in read.parameters if p.raw and not p.is_tag]
    query = "&".join([*kept, suffix(tags)])
    rest = "&".join(_quoted(p.raw) for p in read.after_hash if not p.is_tag)
    route = read.route if rest else read.route.removesuffix("?")
    fragment = f"#{route}{rest}" if route or rest else ""
    return f"{read.page}?{query}{fragment}"


def suffix(tags: Mapping[str, str]) -> str:
    """utm_source=…&utm_medium=…: macros as they are, everything else percent-encoded."""
    return "&".join(f"{tag}={encoded(value)}" for tag, value in tags.items() if value)


def encoded(value: str) -> str:
    """A value for a query: the braces of macros stay, for no ad system finds a macro without them."""
    macros: list[str] = MACRO.findall(value)
    texts = MACRO.split(value)
    return "".join(quote(text, safe="") + macro for text, macro in zip(texts, [*macros, ""], strict=True))


def _checked(text: str) -> str:
    text = text.strip()
    if len(text) > LONGEST:
        raise BadInput(f"has {len(text):,} characters; an address has at most {LONGEST:,}")
    if strange := next((c for c in text if unicodedata.category(c) in UNSEEN), ""):
        raise BadInput(f"has an invisible character (U+{ord(strange):04X}); type the address anew")
    if text.startswith("{"):
        raise BadInput("begins with a macro; for tracking templates ask with --form template, without an address")
    scheme = _SCHEME.match(text)
    if text.startswith("//") or scheme is None:
        raise BadInput(f"has no scheme; write https://{text.lstrip('/') if len(text) <= 200 else '…'}")
    if scheme[1].lower() not in ("http", "https"):
        raise BadInput(f"only pages (http, https) can be tagged, not {scheme[1]}:")
    return text


def _host_of(netloc: str) -> str:
    """The host as written in it, without the port."""
    return re.sub(r":\d*$", "", netloc)


def _ascii_host(host: str, text: str) -> str:
    """Punycode of a host in other letters: every mail program and every ad system takes it."""
    if ":" in host:
        return f"[{host}]"
    try:
        plain = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadInput(f"{host} is no host name") from error
    if not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", plain) or len(plain) > 253:
        raise BadInput(f"{host} is no host name")
    return plain


def _parameters(query: str) -> tuple[Parameter, ...]:
    found = []
    for raw in query.split("&") if query else ():
        name, _, value = raw.partition("=")
        decoded, is_utf8 = _decoded(value)
        found.append(Parameter(raw, _decoded(name)[0], value, decoded, is_utf8))
    return tuple(found)


def _decoded(text: str) -> tuple[str, bool]:
    raw = unquote_to_bytes(text.replace("+", " ").encode("utf-8", "replace"))
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("cp1251", "replace"), False


def _quoted(text: str) -> str:
    """Text of an address with the letters escaped that no address may have; escapes and macros stay."""
    macros: list[str] = MACRO.findall(text)
    parts = (quote(_STRAY.sub("%25", part), safe=_KEPT) for part in MACRO.split(text))
    return "".join(part + macro for part, macro in zip(parts, [*macros, ""], strict=True))


def _shown(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}…"
