"""Snapshots for tests of the page's views, and the truth about them: sums taken in Python from the very files that the page has."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

from functions.report.snapshot.build import RESULTS, TRAFFIC
from functions.report.snapshot.manifest import LABELS
from functions.report.view.formats import Formats
from functions.report.view.words import texts
from tests.report_cases import PERIOD
from tests.snapshot_cases import HISTORY, sample

Files = dict[str, bytes]
FIRST, LAST = HISTORY.place(PERIOD.first), HISTORY.place(PERIOD.last)
HOSTILE = "<img src=x onerror=alert(1)>"
VIEWS = ("summary", "payback", "income", "funnel", "traffic", "qualification", "team", "plan", "budget", "method")


@cache
def parsed() -> dict[str, Any]:
    """The sample's files as values."""
    return {name: json.loads(body) for name, body in sample().items()}


def files_of(language: str = "ru", without: Iterable[str] = (), more: Mapping[str, Any] | None = None, **manifest: Any) -> Files:
    """The sample in a language, with the results of the default model alone: pages then open faster. Files whose
    names begin with one of `without` are left out, `more` are put in instead."""
    gone = ("manifest", *without)
    files = {name: body for name, body in sample().items() if not name.startswith(gone)}
    files = {name: body for name, body in files.items() if not name.startswith("results-") or "-last_non_direct-" in name}
    files |= {name: json.dumps(value, ensure_ascii=False).encode() for name, value in (more or {}).items()}
    words = texts(language)
    told = parsed()["manifest"] | {
        "language": language, "names": {label: words[label] for label in LABELS if label in words}, "texts": words["app"],
        "views": words["views"], "metrics": words["metrics"],
        "files": {name: len(body) for name, body in files.items()}, **manifest,
    }  # fmt: skip
    return {"manifest": json.dumps(told, ensure_ascii=False).encode(), **files}


def small(channels: Mapping[str, Mapping[str, Any]], **manifest: Any) -> Files:
    """A snapshot of these channels of advertising alone, each with its sums (money in kopecks) on the period's last day."""
    names = list(channels)
    places = {
        "parent": [-1, *[0] * len(names)], "level": [0, *[1] * len(names)], "id": ["", *names], "name": ["", *names],
        "colour": [""] * (len(names) + 1), "is_ad": [None, *[True] * len(names)], "kind": [""] * (len(names) + 1),
    }  # fmt: skip
    traffic: dict[str, list[Any]] = {name: [] for name in TRAFFIC}
    results: dict[str, list[Any]] = {name: [] for name in RESULTS}
    for place, told in enumerate(channels.values(), 1):
        spent = {"day": LAST, "place": place, "visits": 0, "clicks": 0, "impressions": 0} | dict(told)
        spent["cost"] = told.get("cost", 0) * 10_000
        came = {"day": LAST, "place": place, "dim": 0, **dict.fromkeys(RESULTS[3:], 0), "profit": None, "priced": 1} | dict(told)
        came["on_visit"] = told.get("on_visit", came["requests"])
        for table, row in ((traffic, spent), (results, came)):
            for name, column in table.items():
                column.append(row[name])
    more = {"places": places, "dims": {name: [""] for name in ("pipeline", "manager", "branch", "product", "contact")}}
    month = PERIOD.last.isoformat()[:7]
    more |= {f"traffic-{month}": traffic} | {
        f"results-last_non_direct-{basis}-{month}": results for basis in ("request", "payment")
    }
    return files_of(without=("traffic-", "results-", "landings", "sections-", "requests-"), more=more, pages=[], **manifest)


def fit(channel: str, elasticity: float, spend: float, sales: float, **other: Any) -> dict[str, Any]:
    """A channel's fitted response through (spend, sales) of a week."""
    return {
        "channel": channel, "weeks": 40, "cost": 40 * spend, "sales": 40 * sales, "is_fit": True, "why": "",
        "is_capped": False, "a": math.log(sales) - elasticity * math.log(spend), "b": elasticity,
        "cov": [[0.5, -0.04], [-0.04, 0.0034]], "dispersion": 1.2,
        "spend_now": spend, "sales_now": sales, "least_cost": spend / 2, "most_cost": 2 * spend, "points": [], **other,
    }  # fmt: skip


def budget(*channels: Mapping[str, Any]) -> dict[str, Any]:
    """figures["budget"] of these fits."""
    return {"first_week": "2026-01-05", "last_week": "2026-09-28", "immature_days": 10, "z": 1.645, "channels": list(channels)}


def channel_of(place: int) -> int:
    """The channel above a place; 0 for everything."""
    places = parsed()["places"]
    while places["level"][place] > 1:
        place = places["parent"][place]
    return place


def sums(first: int = FIRST, last: int = LAST, basis: str = "request", is_in: Any = None) -> dict[int, dict[str, float]]:
    """Sums by channel (0: all) of the days between two, both included; money in kopecks. `is_in`: whether a dim counts."""
    found: dict[int, dict[str, float]] = {}
    names = (
        "visits",
        "clicks",
        "impressions",
        "cost",
        "requests",
        "qualified",
        "sales",
        "on_visit",
        "revenue",
        "profit",
        "priced",
        "unpriced",
    )
    for month in parsed()["manifest"]["months"]:
        for stem in ("traffic", f"results-last_non_direct-{basis}"):
            table = parsed().get(f"{stem}-{month}", {"day": []})
            for at, day in enumerate(table["day"]):
                if not first <= day <= last or (is_in is not None and not ("dim" in table and is_in(table["dim"][at]))):
                    continue
                for channel in (0, channel_of(table["place"][at])):
                    row = found.setdefault(channel, dict.fromkeys(names, 0.0))
                    for name in names:
                        if name in table:
                            row[name] += (table[name][at] or 0) / (10_000 if name == "cost" else 1)
    return found


def total_of(channels: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Several channels together."""
    rows = list(channels)
    return {name: sum(row[name] for row in rows) for name in rows[0]}


def advertising() -> dict[int, dict[str, float]]:
    """Sums of the channels of advertising."""
    places = parsed()["places"]
    return {channel: row for channel, row in sums().items() if channel and places["is_ad"][channel] is True}


def formats(language: str = "ru") -> Formats:
    """How Python writes figures: the page must write them the same."""
    return Formats(language, "RUB", "Europe/Moscow")


def money(kopecks: float, language: str = "ru") -> str:
    """Kopecks as readers see them, with the currency."""
    return formats(language).money(round(kopecks) / 100)


def day_of(number: int) -> date:
    """The day that a number of the files stands for."""
    return HISTORY.first + timedelta(days=number)
