"""The dictionary of deal descriptions: by what else than its source a request can be looked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.crm_names import CrmNames
from functions.report.snapshot.build import DIMS, REST, Columns
from functions.report.view.contacts import contact_name
from functions.report.view.formats import clean

MOST_DIMS = 20_000
MOST_NAME = 60


class Dims:
    """Descriptions and their numbers; 0 is a request of which nothing is told. Beyond the most there may be, products, then
    branches and managers, are one: the rest."""

    def __init__(self, crm: CrmNames, words: Mapping[str, Any], most: int = MOST_DIMS) -> None:
        self.words = words
        self._crm, self._most = crm, most
        self._index: dict[tuple[str, ...], int] = {("",) * len(DIMS): 0}
        self._shown: dict[tuple[Any, ...], int] = {}

    def number(self, row: Mapping[str, Any]) -> int:
        """Number of a description as the marts tell it: provider, pipeline, manager, branch, product, contact_channel."""
        told = tuple(row[name] for name in ("provider", "pipeline", "manager", "branch", "product", "contact_channel"))
        found = self._shown.get(told)
        if found is None:
            found = self._shown[told] = self._number(self._names(*(value or "" for value in told)))
        return found

    def contact(self, contact_channel: str | None) -> str:
        """How people got in touch, as readers see it."""
        return clean(contact_name(contact_channel, self.words), MOST_NAME) if contact_channel else ""

    def columns(self) -> Columns:
        """The file `dims`."""
        return {name: [row[place] for row in self._index] for place, name in enumerate(DIMS)}

    def _names(self, provider: str, pipeline: str, manager: str, branch: str, product: str, contact: str) -> tuple[str, ...]:
        known = (self._crm.of(provider, "pipelines", pipeline), self._crm.of(provider, "managers", manager), branch, product)
        return (*(clean(name, MOST_NAME) for name in known), self.contact(contact))

    def _number(self, dim: tuple[str, ...]) -> int:
        pipeline, manager, branch, _, contact = dim
        for known in (dim, (pipeline, manager, branch, REST, contact), (pipeline, REST, REST, REST, contact)):
            if known in self._index or len(self._index) < self._most:
                return self._index.setdefault(known, len(self._index))
        return self._index.setdefault((REST, REST, REST, REST, contact), len(self._index))
