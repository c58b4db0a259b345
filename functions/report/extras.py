"""What a report has besides its tables: chart and workbook. One that cannot be made is named in the report, which goes out all the
same: people would rather read the figures than wait for a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from functions.report.chart import Chart, draw
from functions.report.workbook.book import workbook
from shared.log import count, logger

Made = TypeVar("Made")
MOST_ATTACHED_BYTES = 7_000_000  # 9.6 MB as mail carries it; many mail servers take 10


class Extras(NamedTuple):
    """`chart` is None also where there is nothing to draw; `failed` names what could not be made."""

    chart: Chart | None = None
    workbook: bytes | None = None
    failed: tuple[str, ...] = ()

    @property
    def attachment(self) -> bytes | None:
        """The workbook, if a mail can carry it."""
        return self.workbook if self.workbook and len(self.workbook) <= MOST_ATTACHED_BYTES else None


def extras_of(figures: Mapping[str, Any], settings: Mapping[str, Any]) -> Extras:
    """Chart and workbook. A failure is logged, counted (`ReportSectionFailed`) and listed."""
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
    book = make("workbook", lambda: workbook(figures, settings))
    return Extras(chart, book, tuple(failed))
