"""What the own sections of one run ask: each question once, however many reports show its answer, for a bounded time in all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from functions.report.own.cells import MOST_CHARACTERS, Answer, answer_of
from functions.report.own.query import MARTS
from shared.errors import BadInput, SkvozError
from shared.warehouse import Warehouse

# After so many seconds of a run no further question is begun. One may take four minutes, and the report's function has fifteen.
MOST_SECONDS = 240.0
EXPLAINING = ("iceberg_athena", "iceberg_trino")


class Asking:
    """Of one run: one Maker, or several that share a warehouse. Answers are kept by site and statement. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.seconds = 0.0
        self._answers: dict[tuple[str, str], Answer | Exception] = {}

    def answer(self, warehouse: Warehouse, sql: str, site_id: str) -> Answer:
        """The answer, or the error, that this statement has got in this run. BadInput when the run's time is used up."""
        key = site_id, sql
        if key not in self._answers:
            if self.seconds > MOST_SECONDS:
                raise BadInput(f"own sections have taken more than {MOST_SECONDS:.0f} s of this run; this one was not begun")
            begun = self.clock()
            try:
                self._answers[key] = _ask(warehouse, sql, site_id)
            except Exception as error:
                self._answers[key] = error
            self.seconds += self.clock() - begun
        answer = self._answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _ask(warehouse: Warehouse, sql: str, site_id: str) -> Answer:
    if warehouse.ddl_dialect in EXPLAINING:
        check_inputs(_plan(warehouse, sql), site_id)
    return answer_of(warehouse.rows(sql, MOST_CHARACTERS))


def check_inputs(plan: Mapping[str, Any], site_id: str) -> None:
    """A second lock, by the engine's own reading: BadInput when the plan reads anything but marts, or one of them without the
    condition on the site, which engines push through the views down to each mart. `plan` is EXPLAIN (TYPE IO, FORMAT JSON)."""
    for told in plan["inputTableColumnInfos"]:
        table = str(told["table"]["schemaTable"]["table"])
        if table not in MARTS:
            raise BadInput(f"the engine would read {table}, which is no mart")
        if not _is_of_site(told.get("constraint", told), site_id):  # older servers have its columns beside the table
            raise BadInput(f"the engine would read {table} beyond the rows of this site")


def _is_of_site(constraint: Mapping[str, Any], site_id: str) -> bool:
    for column in constraint.get("columnConstraints", ()):
        if column["columnName"] == "site_id":
            # An outer join's condition may let empty ones through as well; no row of a mart is without its site.
            ends = {end.get("value") for one in column["domain"]["ranges"] for end in (one["low"], one["high"])}
            return ends == {site_id}
    return bool(constraint.get("none"))


def _plan(warehouse: Warehouse, sql: str) -> Mapping[str, Any]:
    rows = warehouse.rows(f"EXPLAIN (TYPE IO, FORMAT JSON) {sql}")
    text = "\n".join(str(value) for row in rows for value in row.values())  # Athena gives a row a line
    try:
        plan = json.loads(text)
    except ValueError:
        plan = None
    if not isinstance(plan, dict) or not isinstance(plan.get("inputTableColumnInfos"), list):
        raise BadInput(f"the engine's plan cannot be read: {text[:200]}")
    return plan


def why(error: Exception) -> str:
    """An error of a section, in words."""
    return error.message if isinstance(error, SkvozError) else type(error).__name__
