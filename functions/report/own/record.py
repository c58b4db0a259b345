"""What a customer's template sees of a row: its columns, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.errors import BadInput


class Record:
    """One row for a template: `row.column` or `row["column"]`."""

    __slots__ = ("_values",)
    __iter__ = None  # else Python would try its numbers

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        """BadInput names the columns when it is none of them."""
        if not isinstance(name, str) or name not in self._values:
            raise BadInput(f"the template asks for the column {str(name)[:60]}; there are {', '.join(self._values)[:500]}")
        return self._values[name]

    def __str__(self) -> str:
        raise BadInput("a row has no text of its own: the template must name one of its columns")

    __repr__ = __str__  # that of a list of rows


def records(rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Rows as templates see them."""
    return [Record(row) for row in rows]
