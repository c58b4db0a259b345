"""What every CRM's API gives us: deals read by id, and pages of deals that changed or were made within a span of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.secrets import Secrets


class Span(NamedTuple):
    """Deals whose last change, or creation, lies in first ≤ t < last."""

    first: datetime
    last: datetime
    by: Literal["changed", "created"] = "changed"


class Page(NamedTuple):
    """A page of deals as records. `cursor` asks for the next one ("" = this was the last); it is text that may be kept for days."""

    outcome: Outcome
    cursor: str
    deals: int


class CrmReader(Protocol):
    """One site's CRM. Every method raises TryLater (CrmBusy, CrmClosed: api/line.py) where nothing is known now.

    The records of a deal tell its whole history where the CRM keeps one: read twice, they are the same; read late, none is missing.
    """

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        """Deals that these are, or belong to. A deal that the CRM knows no more is told as deleted."""

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """Deals of the span. What changes while pages are turned may come twice or on the next span's pages, but is not left
        out."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What readers and writers of APIs are made with. `clock` is the present; `stage` names secrets; `secrets_manager` gives its
    client, on first use."""

    http: Http
    pace: Pace
    secrets: Secrets
    clock: Callable[[], datetime]
    stage: str
    secrets_manager: Callable[[], Any]


def section_of(site: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
    """The provider's part of the site's published settings."""
    section: Mapping[str, Any] = site["crm"][provider]
    return section
