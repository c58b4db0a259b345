"""A refresh on a plain folder: raw records under `raw/`, marts as Parquet under `marts/`. No cloud, no server.

The same steps and SQL as in production; the ledger is a JSON file beside the marts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from functions.attribution.ledger import Ledger
from functions.attribution.refresh import Refresh
from functions.attribution.standing import State
from functions.attribution.steps import STEPS
from functions.attribution.tables import MARTS
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.settings import SiteSettings
from shared.times import to_millis
from shared.warehouse import Warehouse


class FileLedger:
    """The refresh ledger as one JSON file, replaced whole. One process at a time: DuckDB's file lock keeps others out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def acquire(self, owner: str, now: datetime, until: datetime) -> bool:
        kept = self._load()
        lock = kept.get("lock")
        if lock and lock["owner"] != owner and lock["leased_until"] > to_millis(now):
            return False
        self._save({**kept, "lock": {"owner": owner, "leased_until": to_millis(until)}})
        return True

    def release(self, owner: str) -> None:
        kept = self._load()
        if kept.get("lock", {}).get("owner") == owner:
            self._save({k: v for k, v in kept.items() if k != "lock"})

    def load_run(self) -> dict[str, Any] | None:
        return self._load().get("run")

    def save_run(self, state: dict[str, Any] | None) -> None:
        self._save({**self._load(), "run": state})

    def begin(self, site_id: str, refresh_id: str) -> None:
        kept = self._load()
        self._save({**kept, "begun": {**kept.get("begun", {}), site_id: refresh_id}})

    def last_complete(self, site_id: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self._load().get("last", {}).get(site_id, {})
        return found

    def complete(self, site_id: str, run: Mapping[str, str]) -> None:
        kept = self._load()
        self._save({**kept, "last": {**kept.get("last", {}), site_id: dict(run)}})

    def _load(self) -> dict[str, Any]:
        return dict(json.loads(self._path.read_text())) if self._path.exists() else {}

    def _save(self, kept: Mapping[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(kept, indent=1))
        beside.replace(self._path)


def walk(refresh: Refresh, now: datetime, on_step: Callable[[str], None] = lambda name: None) -> State:
    """Call `advance` until the run is complete, as the state machine does, without its waits. `on_step` hears each step's name."""
    state: State = {}
    while True:
        state = refresh.advance(state, now)
        if state["status"] == "failed":
            raise WarehouseError(state["message"])
        if state["status"] == "complete":
            return state
        if state.get("query_id") and 0 <= state["site"] < len(state["sites"]):
            on_step(STEPS[state["step"]].name)


def refresh_folder(
    lake: Path, sites: Sequence[SiteSettings], now: datetime, on_step: Callable[[str], None] = lambda name: None
) -> State:
    """Refresh the marts of a folder and export them to `marts/<table>.parquet`."""
    warehouse = DuckDbWarehouse(lake, lake / "marts" / "warehouse.duckdb")
    try:
        state = run(warehouse, FileLedger(lake / "marts" / "ledger.json"), sites, now, on_step)
        warehouse.export([*(t.name for t in MARTS), "touches"], lake / "marts")
    finally:
        warehouse.close()
    return state


def run(
    warehouse: Warehouse,
    ledger: Ledger,
    sites: Sequence[SiteSettings],
    now: datetime,
    on_step: Callable[[str], None] = lambda name: None,
) -> State:
    """One refresh to its end on any engine."""
    return walk(Refresh(warehouse, ledger, lambda: sites, "", lambda: os.urandom(16)), now, on_step)
