"""Regularly: every site's CRMs are asked for deals that changed. A site whose CRM fails holds up no other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from time import monotonic
from typing import Any

import orjson

from functions.crm_webhook import wiring
from functions.crm_webhook.adapters import WITH_API, api_settings
from functions.crm_webhook.api.tools import tools
from functions.crm_webhook.reconcile.marks import Marks
from functions.crm_webhook.reconcile.reconciler import Reconciler
from shared.aws import client, env
from shared.ids import uuid7
from shared.log import count, logger
from shared.sites import list_sites

SECONDS = 600.0  # the function has 840 (template.yaml); no page is begun later


@cache
def reconciler() -> Reconciler:
    """Made on first use; its holder's name is this execution environment's own."""
    secrets, made = wiring.secrets(), tools()
    marks = Marks(client("dynamodb"), env("CRM_TABLE"), uuid7(made.clock(), os.urandom(16)))
    return Reconciler(marks, wiring.writing(), made, lambda now: secrets.key("identity", now))


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Input: {}, or {"site": ID, "provider": NAME} for one. Gives what was read, by site and CRM."""
    until = monotonic() + SECONDS
    told = []
    for site_id, raw in sorted(list_sites(client("s3"), env("FILES_BUCKET")).items()):
        site = orjson.loads(raw)
        for provider in WITH_API:
            api = api_settings(site, provider)
            if api is None or not api.get("reconcile", True) or not _is_meant(event, site_id, provider):
                continue
            told.append({"site": site_id, "provider": provider, **_checked(site, provider, until)})
    return {"checked": told}


def _is_meant(event: Mapping[str, Any], site_id: str, provider: str) -> bool:
    return event.get("site") in (None, site_id) and event.get("provider") in (None, provider)


def _checked(site: Mapping[str, Any], provider: str, until: float) -> dict[str, Any]:
    try:
        progress = reconciler().check(site, provider, lambda: monotonic() < until)
    except Exception:
        logger().exception("a CRM could not be checked", extra={"site_id": site["site_id"], "provider": provider})
        count({"CrmNotChecked": 1}, Provider=provider)
        return {"deals": 0, "is_done": False}
    return {"deals": progress.deals, "is_done": progress.is_done}
