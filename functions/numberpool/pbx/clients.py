"""The client's own manager, while the client's call rings (items: shared/clients.py, written by the CRM's worker)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.numberpool.store import Store
from shared.clients import client_key, same_name


def manager_of(store: Store, site: Mapping[str, Any], caller_hash: str) -> str | None:
    """Where the manager answers who leads the caller's deals (settings `calls.managers`); None where nobody does, or the settings
    do not say where. One read, and none for sites without `calls.managers`. Errors of the store are raised."""
    places = (site.get("calls") or {}).get("managers") or {}
    if not places:
        return None
    found = store.dynamodb.get_item(TableName=store.table, Key=client_key(str(site["site_id"]), caller_hash))
    manager = found.get("Item", {}).get("manager", {}).get("S", "")
    return next((str(place) for name, place in places.items() if same_name(name) == same_name(manager)), None)
