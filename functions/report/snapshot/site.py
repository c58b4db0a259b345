"""Where visits began and what of the site they saw: landings and site sections by day. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from functions.report.snapshot.build import (
    LANDINGS,
    REST,
    SECTIONS,
    Days,
    Months,
    Table,
    files_of,
    kopecks,
    month_of,
    to_json,
    weight,
)
from functions.report.snapshot.places import Places
from functions.report.snapshot.scope import Seen
from functions.report.view.formats import clean
from shared.warehouse import Row

MOST_LANDINGS = 2000
MOST_SECTIONS = 200
MOST_PATH = 200
NO_PAGE, OTHER_PAGE = 0, 1
Files = dict[str, bytes]


class Landings:
    """First pages of visits by number: 0 = none (a call, a letter), 1 = the rest of them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """`rows` of snapshot_landing_names.sql, those with most visits first."""
        rows = list(rows)
        self._known = {row["landing"] for row in rows}
        self._index: dict[str, int] = {"": NO_PAGE, REST: OTHER_PAGE}
        self._months = Months()
        self.folded = max((int(row["landings_total"]) for row in rows), default=0) - len(rows)

    def add(self, rows: Iterable[Row], places: Places, days: Days, seen: Seen) -> None:
        """`landings-YYYY-MM`: the rows of snapshot_landings.sql for the next window of days."""
        tables: dict[str, Table] = {}
        for row in rows:
            if not seen.has(row["channel"]):
                continue
            key = (days.place(row["day"]), places.channel(row["channel"]), self._number(row["landing"]))
            sums: list[Any] = [int(row["visits"]), weight(row["requests"]), weight(row["sales"]), kopecks(row["revenue"] or 0)]
            tables.setdefault(month_of(row["day"]), Table(LANDINGS, 3)).add(key, sums)
        self._months.add_tables("landings", tables)

    def files(self, days: Days, window: Days) -> Files:
        """The months that are over with that window."""
        return self._months.files(days, window)

    def names(self) -> list[str]:
        """Pages by number; those alone that a row names."""
        return [clean(name, MOST_PATH) for name in self._index]

    def _number(self, landing: str) -> int:
        if landing and landing not in self._known:
            return OTHER_PAGE
        return self._index.setdefault(landing, len(self._index))


def section_files(rows: Iterable[Row], days: Days, seen: Seen) -> tuple[list[str], Files]:
    """Names of the site's sections (0 = the rest) and `sections-YYYY-MM` of the rows of snapshot_sections.sql."""
    index, tables = {REST: 0}, dict[str, Table]()
    for row in rows:
        if not seen.is_all and not seen.has(row["channel"]):
            continue
        # What some browsers write percent-encoded is no section of its own (functions/report/marts/funnel.py).
        name = REST if row["is_rest"] else clean(f"/{unquote(row['section'])}", MOST_PATH)
        number = index.setdefault(name, len(index))
        sums = [int(row[name]) for name in ("visits", "requests", "sales")]
        tables.setdefault(month_of(row["day"]), Table(SECTIONS, 2)).add((days.place(row["day"]), number), sums)
    return list(index), _files("sections", tables)


def landings_file(names: list[str], sections: list[str], folded: int) -> bytes:
    """The file `landings`."""
    return to_json({"names": names, "sections": sections, "folded": folded})


def _files(name: str, tables: dict[str, Table]) -> Files:
    return {key: body for month in sorted(tables) for key, body in files_of(f"{name}-{month}", tables[month].columns()).items()}
