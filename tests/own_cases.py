"""Own sections over an engine that answers what it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.report.own import section
from functions.report.own.asking import Asking
from functions.report.own.section import own_sections_of
from shared.warehouse import Row, within
from tests.report_cases import PERIOD, settings_of

VALUES = {"site_id": "kvartal", "first_day": PERIOD.first, "last_day": PERIOD.last, "model": "linear", "language": "ru"}


class Answering:
    """An engine that gives these rows, or fails; remembers what it was asked."""

    ddl_dialect = "duckdb"

    def __init__(self, rows: Sequence[Row] = (), error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._rows, self._error = rows, error

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        self.asked.append(sql)
        if self._error:
            raise self._error
        return within(([row] for row in self._rows), most_characters)


def one(**changes: Any) -> dict[str, Any]:
    told = {"name": "managers", "title": "Менеджеры", "sql": "SELECT manager FROM deals", "template": "", "in_mail": False}
    return {**told, **changes}


def sections(rows: Sequence[Row] = (), *told: dict[str, Any], error: Exception | None = None, language: str = "ru") -> section.Owns:
    settings = settings_of(report={"own_sections": list(told) or [one()], "language": language})
    return own_sections_of(Answering(rows, error), settings, PERIOD, Asking(lambda: 0.0))  # type: ignore[arg-type]


def rendered(template: str, rows: Sequence[Row]) -> str:
    made = sections(rows, one(template=template))
    assert made.failed == (), made.failed
    return str(made.made[0].html)
