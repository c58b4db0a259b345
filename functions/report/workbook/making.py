"""What every sheet of the workbook is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from functions.report.view.formats import Formats
from functions.report.view.model import sections_of
from functions.report.view.names import Names
from functions.report.workbook.cells import Sheet, Styles
from shared.times import from_lake_text

Figures = Mapping[str, Any]


class Making(NamedTuple):
    """What a sheet is made from."""

    figures: Figures
    settings: Mapping[str, Any]
    names: Names
    formats: Formats
    book: Any
    styles: Styles

    @property
    def words(self) -> Mapping[str, Any]:
        """Texts of the reader's language."""
        return self.names.words

    @property
    def sections(self) -> tuple[str, ...]:
        """What the report is made of, in order."""
        return sections_of(self.settings)

    def sheet(self, name: str, columns: Sequence[tuple[str, str, float]]) -> Sheet:
        """A new sheet under its shown name."""
        return self.titled(self.words["workbook"]["sheets"][name], columns)

    def titled(self, title: str, columns: Sequence[tuple[str, str, float]]) -> Sheet:
        """A new sheet under that name."""
        return Sheet(self.book, self.styles, title, columns)

    def local(self, instant: str) -> datetime:
        """An instant of figures.json as the site's clock shows it, to the second: a workbook's times have no zone."""
        return from_lake_text(instant).astimezone(self.formats.zone).replace(tzinfo=None, microsecond=0)
