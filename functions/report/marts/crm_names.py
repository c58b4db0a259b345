"""Names of what CRMs tell by id: stages, pipelines, managers, reasons of loss, sources, as the site's settings have them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["stages", "pipelines", "managers", "loss_reasons", "sources"]


class CrmNames:
    """Names of one site's CRMs, each by the word before the colon in its deals' ids."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """`settings` as published; those of before there were CRMs in them have no names."""
        crm = settings.get("crm") or {}
        told = {**crm, **(crm.get("mapped") or {})}
        self._told: dict[str, Mapping[str, Any]] = {name: part for name, part in told.items() if isinstance(part, Mapping)}

    def of(self, provider: str, kind: Kind, told: str) -> str:
        """The name of an id; what has none stays as the CRM tells it."""
        names: Mapping[str, str] = self._told.get(provider, {}).get(kind) or {}
        return names.get(told, told)
