"""`skvoz crm status`: how far each CRM is read, whether it lets us in, how fast it is asked, and what waits or got stuck."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from functions.crm_webhook.adapters import WITH_API, api_settings
from functions.crm_webhook.reconcile.marks import Marks, Walk
from infra.cli.crm.place import Site, Stack, installation, sites_of
from infra.cli.crm.queues import dead_letters_url, oldest, waiting
from shared.aws import client, env
from shared.present import present
from shared.times import from_millis

OLD = timedelta(hours=1)  # the check runs every 15 minutes
_WIDE = 140


class Row(NamedTuple):
    """One line: what is being read, how far, and what is wrong with it."""

    site_id: str
    what: str
    good_until: str
    age: str
    deals: str
    state: str


def status(stack: Stack = None, site: Site = None) -> None:
    """Show how far each CRM is read, backfills, the pace of calls, and dead letters."""
    with installation(stack, "FILES_BUCKET", "CRM_TABLE", "CRM_QUEUE_URL", "CRM_TASK_QUEUE_URL"):
        now = present()
        rows, paces = [], []
        for site_id, raw in sorted(sites_of(site).items()):
            settings = orjson.loads(raw)
            rows += rows_of(settings, site_id, now)
            paces += paces_of(site_id, now)
        shown = Table("site", "what is read", "all changes read until (UTC)", "age", "deals", "state")
        for row in rows:
            shown.add_row(*row)
        console = Console(width=_WIDE, highlight=False)
        if rows:
            console.print(shown)
        else:
            print("no site has a CRM whose API is set (crm.….api): webhooks alone are read")
        for line in [*paces, *_queues()]:
            print(line)


def rows_of(settings: Mapping[str, Any], site_id: str, now: datetime) -> list[Row]:
    """Regular checks of the CRMs whose API the settings open, then backfills."""
    held = _held(site_id)
    walks = {walk.name: walk for walk in Marks(client("dynamodb"), env("CRM_TABLE"), "status").all(site_id)}
    rows = []
    for provider in WITH_API:
        api = api_settings(settings, provider)
        if api is None:
            continue
        walk = walks.get(provider, Walk(site_id, provider))
        rows.append(_row(walk, now, is_held=held.get(provider, 0) > _millis(now), is_asked=bool(api.get("reconcile", True))))
    backfills = [walk for name, walk in sorted(walks.items()) if "#" in name]
    return rows + [_row(walk, now, is_held=held.get(walk.name, 0) > _millis(now), is_asked=True) for walk in backfills]


def paces_of(site_id: str, now: datetime) -> list[str]:
    """CRMs that are asked more than they allow right now, or that asked us to wait."""
    found = client("dynamodb").query(
        TableName=env("CRM_TABLE"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"pace#{site_id}"}},
    )["Items"]
    told = []
    for item in found:
        ahead = (from_millis(int(item["empty_at"]["N"])) - now).total_seconds() if "empty_at" in item else 0.0
        if ahead > 0:
            told.append(f"{site_id}: calls of {item['sk']['S']} wait for {ahead:.1f} s")
    return told


def _row(walk: Walk, now: datetime, *, is_held: bool, is_asked: bool) -> Row:
    _, is_backfill, days = walk.name.partition("#")
    what = f"{walk.provider}, backfill {days.replace(':', ' … ')}" if is_backfill else f"{walk.provider}, changes"
    age = "" if walk.done_until is None or is_backfill else _age(now - walk.done_until)
    until = "" if walk.done_until is None or is_backfill else f"{walk.done_until:%Y-%m-%d %H:%M:%S}"
    return Row(walk.site_id, what, until, age, f"{walk.deals:,}", _state(walk, now, is_backfill, is_held, is_asked))


def _state(walk: Walk, now: datetime, is_backfill: str, is_held: bool, is_asked: bool) -> str:
    if not is_asked:
        return "not asked: api.reconcile is false"
    if walk.failed:
        return f"FAILS since {walk.failed_at[:19]}: {walk.failed}"
    if is_held:
        return "being read"
    if walk.span is not None:
        return "stopped; the same command goes on" if is_backfill else "goes on with the next check"
    if walk.done_until is None:
        return "never read"
    if is_backfill:
        return "read whole"
    return "OLD: no check came to its end lately" if now - walk.done_until > OLD else "good"


def _held(site_id: str) -> dict[str, int]:
    """Name of the walk → until when somebody reads it (unix milliseconds)."""
    found = client("dynamodb").query(
        TableName=env("CRM_TABLE"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"walk#{site_id}"}},
    )["Items"]
    return {item["sk"]["S"]: int(item.get("held_until", {}).get("N", "0")) for item in found}


def _queues() -> list[str]:
    told = []
    for name, variable in (("events of CRMs", "CRM_QUEUE_URL"), ("tasks of CRMs' APIs", "CRM_TASK_QUEUE_URL")):
        url = env(variable)
        waits, hidden = waiting(url)
        age = oldest(url)
        since = f", the oldest for {_age(age)}" if age else ""
        told.append(f"{name}: {waits} wait, {hidden} are worked on or put off{since}")
        dead = dead_letters_url(url)
        if dead is not None and (stuck := sum(waiting(dead))):
            told.append(f"  {stuck} DEAD LETTERS: skvoz crm redrive --dry-run shows why")
    return told


def _age(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _millis(now: datetime) -> int:
    return int(now.timestamp() * 1000)
