"""What a place may be: a host, a host of any country (`google.*`), either with a path, or an app. Pure.

A list is written by many hands: one wrong line (`com.tr`, `github.io`) would give a source to half of the web.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from infra.lists.names import SOURCE_ID

CATEGORIES = (
    "search", "social", "video", "shopping", "messenger", "maps", "ai", "email", "ads", "app", "spam", "internal", "payment",
    "other", "unknown",
)  # fmt: skip
TERM = re.compile(r"[A-Za-z0-9_.-]{1,40}")
# What stands for a country behind a brand, as functions/attribution/sql/part_places.sql has it. Anybody registers under com.ru.
COUNTRY = re.compile(r"com|cat|[a-z]{2}|com?\.(?!ru)[a-z]{2}")

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PATH = re.compile(r"[a-z0-9._~-]+(/[a-z0-9._~-]+){0,3}")
_APP = re.compile(r"app:[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_PUBLIC_SUFFIX = re.compile(r"(ac|co|com|edu|gob|gov|mil|ne|net|or|org)\.[a-z]{2}")
# Under each of these anybody has a host of his own, and no list of engines or networks means them.
_HOSTING = frozenset(
    [
        "amazonaws.com", "appspot.com", "azurewebsites.net", "cloudfront.net", "firebaseapp.com", "github.io", "gitlab.io",
        "googleusercontent.com", "herokuapp.com", "myshopify.com", "narod.ru", "netlify.app", "pages.dev", "s3.amazonaws.com",
        "tilda.ws", "ucoz.ru", "vercel.app", "web.app", "wixsite.com", "workers.dev",
    ]
)  # fmt: skip


class Place(NamedTuple):
    """A row of a list. `terms`: parameters of the referrer's query that carry the search phrase, the first one filled counts."""

    place: str
    source: str
    category: str
    terms: tuple[str, ...] = ()


def place_mistake(place: str) -> str | None:
    """Why this cannot be a place, worded for who edits the list; None where it can."""
    if place.startswith("app:"):
        return None if _APP.fullmatch(place) else "is no package of an app"
    host, slash, path = place.partition("/")
    if slash and not _PATH.fullmatch(path):
        return "has a path that is none"
    brand = host.removesuffix(".*")
    labels = brand.split(".")
    if any(not _LABEL.fullmatch(label) for label in labels) or len(brand) > 250:
        return "is no name of a host"
    if host.endswith(".*"):
        return "names no brand before the country" if len(labels) == 1 and len(brand) < 3 else None
    if len(labels) < 2 or labels[-1].isdigit():
        return "is no whole name of a host"
    if host.startswith("www."):
        return "is written with www."
    if _PUBLIC_SUFFIX.fullmatch(host):
        return "is a public suffix, under which anybody registers names"
    return "is hosting, under which anybody has a host" if host in _HOSTING else None


def row_mistakes(rows: Sequence[Place]) -> Iterator[tuple[str, str]]:
    """(place, what is wrong) of a whole file: places, ids, categories, terms; a place that stands twice, or again with a *."""
    seen: set[str] = set()
    starred = {row.place for row in rows if ".*" in row.place}
    for row in rows:
        if mistake := place_mistake(row.place):
            yield row.place, mistake
        if row.place in seen:
            yield row.place, "stands twice"
        elif starred.intersection(of_any_country(row.place)):
            yield row.place, "stands again with a * for its country"
        seen.add(row.place)
        if not SOURCE_ID.fullmatch(row.source):
            yield row.place, f"has the source {row.source!r}, which is no id"
        if row.category not in CATEGORIES:
            yield row.place, f"has the category {row.category!r}, which is none"
        yield from (
            (row.place, f"has the term parameter {term!r}, which is none") for term in row.terms if not TERM.fullmatch(term)
        )


def of_any_country(place: str) -> Iterator[str]:
    """The place with * for its country: google.co.uk/imgres → google.co.*/imgres, google.*/imgres."""
    host, slash, path = place.partition("/")
    labels = host.split(".")
    for count in (1, 2):
        if len(labels) > count and COUNTRY.fullmatch(".".join(labels[-count:])):
            yield ".".join([*labels[:-count], "*"]) + slash + path


def above(place: str) -> Iterator[str]:
    """Places that answer for this one if it is not listed, nearest first: shorter paths, then shorter hosts, each also with *."""
    if place.startswith("app:"):
        return
    host, slash, path = place.partition("/")
    starred = host.endswith(".*")
    segments = path.split("/") if slash else []
    labels = host.split(".")
    for start in range(len(labels) - 1):
        for length in range(len(segments), -1, -1):
            upper = "/".join([".".join(labels[start:]), *segments[:length]])
            if upper != place:
                yield upper
            if not starred:
                yield from of_any_country(upper)


def nearest(place: str, rows: Iterable[Place] | dict[str, Place]) -> Place | None:
    """The row that answers for a place which has none of its own."""
    known = rows if isinstance(rows, dict) else {row.place: row for row in rows}
    return next((known[upper] for upper in above(place) if upper in known), None)
