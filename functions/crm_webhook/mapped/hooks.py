"""Webhooks of mapped: one body → records, and what must be read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.crm_webhook.outcome import Arrival, Outcome


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str) -> Outcome:
    """One body."""
    raise LookupError("not built yet")
