"""Published lists → rows of the rule files: place, source, category, terms. Pure and deterministic, sorted by place.

A row is left away where the rules would say the same without it: the longest suffix of a host decides, so `m.vk.com` needs no row
beside `vk.com`. Whatever is left away, changed or in conflict with a list that is believed first, is a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from infra.lists.check import Place, nearest, of_any_country, place_mistake
from infra.lists.names import APPS, CATEGORIES, LEFT_OUT, source_of
from infra.lists.published import Listed, categorised_hosts, networks, refuse, search_engines

Kind = Literal["ai", "search", "social", "hosts"]
# Believed in this order: the first list that has a place decides.
KINDS: tuple[Kind, ...] = ("ai", "search", "social", "hosts")

_PACKAGE = re.compile(r"(com|org)(\.[a-z0-9_]+){2,}")
_PATTERN = re.compile(r"/.*/")


class Note(NamedTuple):
    """What became of a place: `left out`, `conflict`, `same`, `covered`, `pattern` (a term that is no parameter)."""

    place: str
    what: str
    why: str


class Made(NamedTuple):
    """Rows of one rule file, and what its list had besides."""

    rows: tuple[Place, ...]
    notes: tuple[Note, ...]


def places(kind: Kind, text: str, file: str, believed: Iterable[Place] = ()) -> Made:
    """Content of a published list → rows. `file` is its name in errors, `believed` are rows of the lists that are believed first.

    BadInput where the file is broken, of another shape, or names what cannot be a place.
    """
    first = {row.place: row for row in believed}
    notes: list[Note] = []
    rows = _joined(_named(kind, _listed(kind, text, file), file, notes), notes)
    if kind == "hosts":
        rows = _of_their_brands(rows, first)
    rows = _without_believed(rows, first, notes)
    kept = _without_covered(rows, first if kind == "hosts" else {}, notes)
    return Made(tuple(sorted(kept)), tuple(sorted(set(notes))))


def place_of(url: str) -> str:
    """A list's address as a place: lower case, no www.; `{}` (a country, a language) is `*` at the end, anything before a host."""
    text = url.strip().lower()
    if text.startswith(("android-app:", "android-app/")):
        return "app:" + text.removeprefix("android-app").lstrip(":/").partition("/")[0]
    host, slash, path = text.removeprefix("https://").removeprefix("http://").partition("/")
    host = host.removesuffix(".")
    if host.endswith(".{}"):
        host = host.removesuffix("{}") + "*"
    host = host.rpartition("{}.")[2].removeprefix("www.")
    if not host.isascii():
        host = ".".join(label.encode("idna").decode("ascii") for label in host.split("."))
    if host in APPS or _PACKAGE.fullmatch(host):
        return f"app:{APPS.get(host, host)}"
    path = path.partition("?")[0].strip("/")
    return f"{host}/{path}" if slash and path else host


def _listed(kind: Kind, text: str, file: str) -> Iterable[Listed]:
    if kind == "hosts":
        return categorised_hosts(text, file)
    return search_engines(text, file) if kind == "search" else networks(text, file, kind)


def _named(kind: Kind, listed: Iterable[Listed], file: str, notes: list[Note]) -> list[Place]:
    """Each address as a place with its source; BadInput at the first one that cannot be a place."""
    rows = []
    for item in listed:
        try:
            place = place_of(item.url)
        except UnicodeError:
            place = item.url
        if reason := LEFT_OUT[kind].get(place):
            notes.append(Note(place, "left out", reason))
            continue
        if mistake := place_mistake(place):
            refuse(file, item.at, f"({item.url!r}) {mistake}")
        source = source_of(item.name, place)
        terms = tuple(dict.fromkeys(term for p in item.params if (term := _term(p, place, notes))))
        rows.append(Place(place, source, CATEGORIES.get(source, item.category), terms))
    return rows


def _term(param: str, place: str, notes: list[Note]) -> str | None:
    """A query parameter; regular expressions over the path are noted and not read: the phrase in a path has no name."""
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", param):
        return param
    notes.append(
        Note(place, "pattern", f"the phrase of {param!r} is not read" if _PATTERN.fullmatch(param) else "a term without a name")
    )
    return None


def _joined(rows: Sequence[Place], notes: list[Note]) -> dict[str, Place]:
    """One row a place: terms of all its mentions; the first source is kept, another one noted. `google.*` takes in `google.com`."""
    joined: dict[str, Place] = {}
    starred = {row.place for row in rows if ".*" in row.place}
    for row in rows:
        key = next((star for star in of_any_country(row.place) if star in starred), row.place)
        known = joined.get(key)
        if known is None:
            joined[key] = row._replace(place=key)
            continue
        if (known.source, known.category) != (row.source, row.category):
            notes.append(
                Note(row.place, "conflict", f"{row.source} ({row.category}) and {known.source} ({known.category}) in one list")
            )
        joined[key] = known._replace(terms=tuple(dict.fromkeys((*known.terms, *row.terms))))
    return joined


def _of_their_brands(rows: Mapping[str, Place], first: Mapping[str, Place]) -> dict[str, Place]:
    """`m.vk` at m.vk.com, and others that a list called by their hosts, are of the brand above them if its category is theirs."""
    named: dict[str, Place] = {}
    for place in sorted(rows, key=lambda p: (p.count("."), p)):
        row = rows[place]
        brand = nearest(place, {**named, **first})
        called_by_host = place.startswith(f"{row.source}.")
        named[place] = row._replace(source=brand.source) if brand and called_by_host and brand.category == row.category else row
    return named


def _without_believed(rows: Mapping[str, Place], first: Mapping[str, Place], notes: list[Note]) -> dict[str, Place]:
    """Rows at places that no list believed earlier has, itself or with a * for the country."""
    kept = {}
    for place, row in rows.items():
        known = next((first[p] for p in (place, *of_any_country(place)) if p in first), None)
        if known is None:
            kept[place] = row
        elif (known.source, known.category) == (row.source, row.category):
            notes.append(Note(place, "same", "an earlier list has it"))
        else:
            what = f"{row.source} ({row.category}) here, {known.source} ({known.category}) in a list that is believed first"
            notes.append(Note(place, "conflict", what))
    return kept


def _without_covered(rows: Mapping[str, Place], first: Mapping[str, Place], notes: list[Note]) -> list[Place]:
    """Rows that say something which the row above them does not. Terms of a list believed earlier count, others must be alike."""
    kept = []
    for place, row in rows.items():
        upper = nearest(place, {**rows, **first})
        same = upper is not None and (upper.source, upper.category) == (row.source, row.category)
        if upper and same and (upper.place in first or not set(row.terms) - set(upper.terms)):
            notes.append(Note(place, "covered", f"by {upper.place}"))
        else:
            kept.append(row)
    return kept
