"""Lambda entry of the refresh: one move of the state machine's loop per call. Wiring only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from functions.attribution.ledger import DynamoLedger
from functions.attribution.refresh import Refresh
from functions.attribution.standing import State, place_of
from shared.aws import client, env
from shared.engines import engine
from shared.log import count, logger
from shared.settings import SiteSettings, parse_settings
from shared.sites import list_sites
from shared.times import parse_instant


def lambda_handler(event: State, context: object) -> State:
    """Input: {} to begin (or {"time": ISO}), else the previous output. `failed` and errors end the state machine in Fail."""
    state = {k: v for k, v in event.items() if k not in ("time",)}
    answer = _refresh().advance(state, _now(event))
    if "completed" in answer:
        failed = len(answer["failed"])
        completed = max(answer["completed"], 0 if failed else 1)
        read = answer["bytes_scanned"]
        count({"RefreshCompleted": completed, "RefreshSiteFailed": failed, "RefreshBytes": read}, Stage=env("STAGE"))
    told = {name: answer.get(name) for name in ("status", "refresh_id", "query_id", "bytes_scanned", "note", "failed")}
    logger().info("refresh moved", extra={**told, **(place_of(answer) if "site" in answer else {})})
    return answer


def _refresh() -> Refresh:
    lake = env("LAKE_BUCKET")
    return Refresh(
        warehouse=engine(),
        ledger=DynamoLedger(client("dynamodb"), env("LEDGER_TABLE")),
        sites=cache(_sites),  # once a move: one move works with one version of them
        marts_location=f"s3://{lake}/marts/",
        randomness=lambda: os.urandom(16),
    )


def _sites() -> Sequence[SiteSettings]:
    """Published settings of all sites. One broken file stops the refresh and is named: figures must not silently lose a site."""
    found = list_sites(client("s3"), env("FILES_BUCKET"))
    return [parse_settings(orjson.loads(raw)) for _, raw in sorted(found.items())]


def _now(event: Any) -> datetime:
    """The scheduler's time where it gives one; each later move of a long run takes the wall clock (leases must see it pass)."""
    return parse_instant(event["time"]) if event.get("time") else datetime.now(UTC)
