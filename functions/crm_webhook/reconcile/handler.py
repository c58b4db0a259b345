"""Regularly: every site's CRMs are asked for deals that changed, and new requests that got stuck go on. A site whose CRM fails
holds up no other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from time import monotonic
from typing import Any

import orjson

from functions.crm_webhook import wiring
from functions.crm_webhook.adapters import WITH_API, api_settings
from functions.crm_webhook.api.line import time_left
from functions.crm_webhook.api.tools import tools
from functions.crm_webhook.reconcile.marks import Marks
from functions.crm_webhook.reconcile.reconciler import Reconciler
from functions.crm_webhook.reconcile.sweep import Sweep
from shared.aws import client, env
from shared.ids import uuid7
from shared.log import count, logger
from shared.sites import list_sites
from shared.times import EPOCH

SECONDS = 600.0  # the function has 840 (template.yaml); no page is begun later
LAST_CALL = 780.0  # no call of a CRM is made later
TURN = 120.0


@cache
def reconciler() -> Reconciler:
    """Made on first use; its holder's name is this execution environment's own."""
    secrets, made = wiring.secrets(), tools()
    marks = Marks(client("dynamodb"), env("CRM_TABLE"), uuid7(made.clock(), os.urandom(16)))
    return Reconciler(marks, wiring.writing(), made, lambda now: secrets.key("identity", now), wiring.put_task)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Input: {}, or {"site": ID, "provider": NAME} for one. Gives what was read, by site and CRM.

    Who waited longest comes first, and nobody takes more than his turn while others wait.
    """
    until = monotonic() + SECONDS
    swept = _swept() if "site" not in event else 0
    waiting = _waiting(event)
    told: dict[tuple[str, str], dict[str, Any]] = {}
    with time_left(LAST_CALL):
        while waiting and monotonic() < until:
            site, provider = waiting.pop(0)
            key = (str(site["site_id"]), provider)
            turn = min(until, monotonic() + (TURN if waiting else SECONDS))
            deals, state = _checked(site, provider, turn)
            known = told.setdefault(key, {"site": key[0], "provider": provider, "deals": 0})
            known |= {"deals": known["deals"] + deals, "is_done": state == "done"}
            if state == "going":
                waiting.append((site, provider))
    for site, provider in waiting:
        told.setdefault(
            (str(site["site_id"]), provider), {"site": site["site_id"], "provider": provider, "deals": 0, "is_done": False}
        )
    return {"checked": [told[key] for key in sorted(told)], "swept": swept}


def _swept() -> int:
    """New requests that were put into the queue again. Trouble with it holds up no check."""
    sweep = Sweep(client("s3"), env("LAKE_BUCKET"), client("dynamodb"), env("CRM_TABLE"), wiring.put_task)
    try:
        return sweep.sweep(tools().clock())
    except Exception:
        logger().exception("new requests that got stuck could not be looked for")
        count({"RequestsNotSwept": 1})
        return 0


def _waiting(event: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Sites and CRMs that are to be checked, the longest waiting first."""
    found = []
    for site_id, raw in sorted(list_sites(client("s3"), env("FILES_BUCKET")).items()):
        site = orjson.loads(raw)
        for provider in WITH_API:
            api = api_settings(site, provider)
            if api is None or not api.get("reconcile", True) or not _is_meant(event, site_id, provider):
                continue
            done = next((walk.done_until for walk in reconciler().walks(site_id) if walk.name == provider), None)
            found.append((done or EPOCH, site_id, provider, site))
    return [(site, provider) for _, _, provider, site in sorted(found, key=lambda one: one[:3])]


def _is_meant(event: Mapping[str, Any], site_id: str, provider: str) -> bool:
    return event.get("site") in (None, site_id) and event.get("provider") in (None, provider)


def _checked(site: Mapping[str, Any], provider: str, until: float) -> tuple[int, str]:
    """Deals read until then, and how the walk stands: done, going (its turn was up), held (by another reader) or failed."""
    try:
        progress = reconciler().check(site, provider, lambda: monotonic() < until)
    except Exception:
        logger().exception("a CRM could not be checked", extra={"site_id": site["site_id"], "provider": provider})
        count({"CrmNotChecked": 1}, Provider=provider)
        return 0, "failed"
    if progress.walk is None:
        return progress.deals, "held"
    if progress.walk.failed:
        return progress.deals, "failed"
    return progress.deals, "done" if progress.is_done else "going"
