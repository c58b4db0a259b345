"""What a report has besides its tables: chart, workbook, the customer's own sections. One that cannot be made is named in the
report, which goes out all the same: people would rather read the figures than wait for a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from functions.report.chart import Chart, draw
from functions.report.own.section import NONE, Own, Owns
from functions.report.workbook.book import workbook
from shared.log import count, logger

Made = TypeVar("Made")
MOST_ATTACHED_BYTES = 7_000_000  # 9.6 MB as mail carries it; many mail servers take 10


class Extras(NamedTuple):
    """`chart` is None also where there is nothing to draw; `failed` names what could not be made, the customer's sections by their
    titles; `own` are those that could."""

    chart: Chart | None = None
    workbook: bytes | None = None
    failed: tuple[str, ...] = ()
    own: tuple[Own, ...] = ()

    @property
    def attachment(self) -> bytes | None:
        """The workbook, if a mail can carry it."""
        return self.workbook if self.workbook and len(self.workbook) <= MOST_ATTACHED_BYTES else None


def extras_of(figures: Mapping[str, Any], settings: Mapping[str, Any], owns: Owns = NONE) -> Extras:
    """Chart and workbook, with the customer's own sections as `own_sections_of` made them. A failure is logged, counted
    (`ReportSectionFailed`) and listed."""
    failed: list[str] = []

    def make(section: str, work: Callable[[], Made]) -> Made | None:
        try:
            return work()
        except Exception:
            logger().exception("a section of the report failed", extra={"site_id": settings["site_id"], "section": section})
            count({"ReportSectionFailed": 1}, Section=section)
            failed.append(section)
            return None

    chart = make("chart", lambda: draw(figures, settings))
    book = make("workbook", lambda: workbook(figures, settings, owns.made))
    return Extras(chart, book, (*failed, *owns.failed), owns.made)
