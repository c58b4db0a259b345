"""The bundled lists: where they come from, and the way from newer files of their authors to the rule files.

Nothing is downloaded: a person gets the newer file and says which revision it is. All files of a call are read and checked before
the first one is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from infra.lists.check import Place, row_mistakes
from infra.lists.places import KINDS, Kind, Note, places
from infra.lists.published import refuse
from shared.errors import BadInput, FieldError

LISTS = Path(__file__).parents[2] / "functions/attribution/rules/lists"
ROBOTS = Path(__file__).parents[2] / "shared/robots.tsv"
ORIGINS = "ORIGINS.tsv"
# A newer list that lacks more than this part of the rows we have is a download that was cut off, until somebody says otherwise.
MOST_LOST = 0.2

_Origin = tuple[str, str]
_MATOMO: _Origin = ("matomo-org/searchengine-and-social-list", "CC0-1.0")
_AWS: _Origin = ("Clickstream Analytics on AWS", "Apache-2.0")
_ROBOTS: _Origin = ("monperrus/crawler-user-agents", "MIT")
_PUBLISHED: Mapping[Kind, _Origin] = {"ai": _MATOMO, "search": _MATOMO, "social": _MATOMO, "hosts": _AWS}
_COLUMNS = ("place", "source", "category", "terms")
_ORIGIN_COLUMNS = ("file", "origin", "revision", "licence", "date", "rows")
_REVISION = re.compile(r"[\w.@:+-]{1,80}", re.ASCII)


class Change(NamedTuple):
    """What a newer list makes of one rule file. Rows are told as the file has them (tabs), a `changed` one as (before, after).

    `notes`: what the newer list has besides (conflicts with lists that are believed first, rows left out and why).
    """

    file: str
    rows: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]


def origins(lists: Path = LISTS) -> list[dict[str, str]]:
    """Each bundled list with file, origin, revision, licence, date (day on which it was taken) and number of rows."""
    return _table(lists / ORIGINS, _ORIGIN_COLUMNS)


def rebuild(
    *,
    search: Path | None = None,
    social: Path | None = None,
    ai: Path | None = None,
    hosts: Path | None = None,
    robots: Path | None = None,
    revision: str,
    taken: date,
    out: Path = LISTS,
    robots_out: Path = ROBOTS,
    fewer: bool = False,
    write: bool = True,
) -> tuple[Change, ...]:
    """Rule files anew from newer published files; only those given are rewritten, and ORIGINS.tsv tells of them.

    `search`, `social`, `ai`: Matomo's SearchEngines.yml, Socials.yml, AIAssistants.yml; `hosts`: the category rules (JSON) of
    Clickstream Analytics on AWS; `robots`: crawler-user-agents.json. `revision` is their authors' name of the version, so files of
    one author a call. `fewer` lets a list lose more than a fifth of its rows; `write=False` only tells what would change.
    BadInput: a file that cannot be read, is of another shape or cut off, or names what cannot be a place; then nothing is written.
    """
    given = {kind: path for kind, path in zip(KINDS, (ai, search, social, hosts), strict=True) if path is not None}
    _check_call([*(_PUBLISHED[kind] for kind in given), *([_ROBOTS] if robots else [])], revision)
    made = _made(given, out)
    if robots:
        made.append(_made_robots(robots, robots_out))
    for file in made:
        _check_lost(file, fewer)
    if write:
        for file in made:
            _write(file.path, file.text)
        _write(out / ORIGINS, _told(out, made, revision, taken))
    return tuple(file.change for file in made)


def read_places(path: Path) -> tuple[Place, ...]:
    """Rows of a rule file; none where there is no file yet. BadInput where it is of another shape."""
    return tuple(
        Place(row["place"], row["source"], row["category"], tuple(filter(None, row["terms"].split("|"))))
        for row in _table(path, _COLUMNS)
    )


class _Made(NamedTuple):
    """A rule file as it would be written; `old` counts the rows that it has now."""

    published: Path
    path: Path
    text: str
    old: int
    change: Change
    origin: _Origin


def _check_call(authors: Sequence[_Origin], revision: str) -> None:
    if not authors:
        raise BadInput("No list is given: name at least one newer file")
    if len(set(authors)) > 1:
        raise BadInput("A revision names one author's version: refresh the lists of each author by a call of its own")
    if not _REVISION.fullmatch(revision):
        why = "names no version: letters, digits and . _ - : + @, at most 80"
        raise BadInput(f"The revision {revision!r} {why}", [FieldError("revision", why)])


def _made(given: Mapping[Kind, Path], out: Path) -> list[_Made]:
    """The lists of places, each without what the ones before it say: the newer ones of this call, the rule files for the others."""
    rows = {kind: read_places(out / f"{kind}.tsv") for kind in KINDS}
    files = []
    for kind, path in given.items():
        before, believed = rows[kind], [row for earlier in KINDS[: KINDS.index(kind)] for row in rows[earlier]]
        found = places(kind, _text(path), str(path), believed)
        if mistakes := [FieldError(place, mistake) for place, mistake in row_mistakes(found.rows)]:
            raise BadInput(f"{path}: {mistakes[0].path} {mistakes[0].message}", mistakes)
        rows[kind] = found.rows
        old, new = ({row.place: "\t".join(_cells(row)) for row in some} for some in (before, found.rows))
        change = _change(f"{kind}.tsv", old, new, found.notes)
        text = _lines(_COLUMNS, [_cells(row) for row in found.rows])
        files.append(_Made(path, out / f"{kind}.tsv", text, len(old), change, _PUBLISHED[kind]))
    return files


def _made_robots(path: Path, into: Path) -> _Made:
    """The rules of robots; their rows have no key, so a changed one is one removed and one added."""
    # Here, because it reads the rules that it makes; whoever refreshes places does not need them.
    from infra.lists.robots import make, read_list, read_words, written

    _text(path)
    text = written(make(read_list(path), read_words()))
    old, new = ({line: line for line in some.splitlines()[1:]} for some in (_text(into) if into.exists() else "", text))
    return _Made(path, into, text, len(old), _change(f"{into.parent.name}/{into.name}", old, new, ()), _ROBOTS)


def _change(file: str, old: Mapping[str, str], new: Mapping[str, str], notes: tuple[Note, ...]) -> Change:
    return Change(
        file,
        len(new),
        tuple(new[key] for key in sorted(new.keys() - old.keys())),
        tuple(old[key] for key in sorted(old.keys() - new.keys())),
        tuple((old[key], new[key]) for key in sorted(old.keys() & new.keys()) if old[key] != new[key]),
        notes,
    )


def _check_lost(made: _Made, fewer: bool) -> None:
    lost = len(made.change.removed)
    if not fewer and lost > MOST_LOST * made.old:
        why = f"would lose {lost} of {made.old} rows of {made.change.file}: was the download cut off? Say so if fewer are right"
        refuse(str(made.published), "", why)


def _told(out: Path, made: Sequence[_Made], revision: str, taken: date) -> str:
    """ORIGINS.tsv with these files' rows anew."""
    told = {row["file"]: tuple(row[column] for column in _ORIGIN_COLUMNS) for row in origins(out)}
    for _, _, _, _, change, (origin, licence) in made:
        told[change.file] = (change.file, origin, revision, licence, taken.isoformat(), str(change.rows))
    return _lines(_ORIGIN_COLUMNS, [told[file] for file in sorted(told)])


def _cells(row: Place) -> tuple[str, ...]:
    return row.place, row.source, row.category, "|".join(row.terms)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}", [FieldError(str(path), "cannot be read")]) from error


def _table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.exists():
        return []
    header, *lines = (line.split("\t") for line in _text(path).removesuffix("\n").split("\n"))
    wrong = next((n for n, cells in enumerate(lines, 2) if len(cells) != len(columns)), 0)
    if wrong or tuple(header) != tuple(columns):
        refuse(str(path), f"line {wrong or 1}", f"has not the columns {', '.join(columns)}")
    return [dict(zip(columns, cells, strict=True)) for cells in lines]


def _lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(cells) + "\n" for cells in (columns, *rows))


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a new file takes the old one's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
