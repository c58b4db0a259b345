"""Statements that nobody waits for any more: they are stopped, and have ended before anything else is written.

Two writers of one table are what the refresh must never have: a run that was aborted leaves its statement running at Athena, and a
statement that took too long goes on for some seconds after it was told to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.errors import WarehouseBusy, WarehouseError
from shared.log import logger
from shared.times import from_lake_text
from shared.warehouse import QueryState, Warehouse

MOST_STOPPING_TURNS = 60  # polls five seconds apart: what does not end within five minutes needs a person
MOST_UNSEEN = timedelta(minutes=40)  # Athena ends a statement after 30 minutes of running; the rest is for its queue
# Here a statement runs though nobody knows its id. An embedded engine's ends with its process, Trino's waits to be asked.
RUNS_UNSEEN = frozenset({"iceberg_athena"})


def stop(warehouse: Warehouse, query_id: str) -> None:
    """Tell the engine to stop a query. That it cannot be asked is logged and is no error: waiting for the end comes next."""
    try:
        warehouse.cancel(query_id)
    except WarehouseError as error:
        logger().warning("query not stopped", extra={"query_id": query_id, "reason": str(error)})


def stopping(warehouse: Warehouse, state: Mapping[str, Any]) -> dict[str, Any]:
    """Stop the query that a state waits for; what the state must hold until it has ended (nothing where there is none)."""
    query_id = state.get("query_id") or state.get("stopping")
    if not query_id:
        return {}
    stop(warehouse, query_id)
    return {"stopping": query_id, "stopping_turns": 0}


def waited(warehouse: Warehouse, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without `stopping` once that query has ended, else with what to ask next. WarehouseError after five minutes."""
    query_id, turns = state["stopping"], state["stopping_turns"] + 1
    try:
        query = warehouse.poll(query_id)
    except WarehouseBusy:
        query = QueryState(is_done=False)
    except WarehouseError:  # stopped, failed, or not known any more
        query = QueryState(is_done=True)
    if query.is_done:
        return {name: value for name, value in state.items() if name not in ("stopping", "stopping_turns")}
    if turns > MOST_STOPPING_TURNS:
        raise WarehouseError(
            f"a statement of a run that was given up goes on writing though it was told to stop (query {query_id}). Nothing was "
            "written beside it, and reports show the last complete run. What to do: stop it in the engine's console; the next "
            "refresh goes on by itself"
        )
    return {**state, "stopping": query.query_id or query_id, "stopping_turns": turns}


def may_run_unseen(warehouse: Warehouse, left: Mapping[str, Any], now: datetime) -> bool:
    """Whether the run died just while it was starting a statement, so that one may be running whose id nobody has."""
    asked_at = left.get("asked_at")
    if not asked_at or left.get("query_id") or warehouse.ddl_dialect not in RUNS_UNSEEN:
        return False
    return now - from_lake_text(asked_at) < MOST_UNSEEN
