"""Who reads a site's report: recipients of the settings, what they left empty filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Reader(NamedTuple):
    """One recipient. `every` are the kinds of reports that he gets: day, week, month; `scope` is a name, empty: everything."""

    address: str
    every: tuple[str, ...] = ("day",)
    hour: int = 6
    weekday: int = 1
    day: int = 1
    time_zone: str = "UTC"
    language: str = "ru"
    scope: str = ""


def readers_of(settings: Mapping[str, Any]) -> list[Reader]:
    """The recipients in the order of the settings; the first one is the owner. Settings published before recipients could say more
    hold addresses alone."""
    report = settings["report"]
    rest = Reader("", hour=report.get("hour", 6), time_zone=settings["time_zone"], language=report["language"])
    return [_reader({"address": told} if isinstance(told, str) else told, rest) for told in report["recipients"]]


def _reader(told: Mapping[str, Any], rest: Reader) -> Reader:
    said = {name: value for name, value in told.items() if value is not None}
    return rest._replace(**{**said, "every": tuple(said.get("every", rest.every))})
