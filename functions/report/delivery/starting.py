"""The tick in AWS: each site that has reports to send gets a run of its own, so that a slow or broken one keeps nobody waiting."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from functions.report.delivery.chosen import NotAllSent, failed, unsent
from functions.report.delivery.sending import Mailer
from functions.report.readers import readers_of


def start_each(mailer: Mailer, aws_lambda: Any, function: str, now: datetime, again: str = "") -> int:
    """Start `function` once for each site that has reports to send; gives how many. NotAllSent, after all sites, when any could not
    be looked at or started."""
    started, errors = 0, []
    for site_id, published in mailer.sites.items():
        try:
            settings = orjson.loads(published)
            if unsent(mailer, settings, readers_of(settings), now, again):
                event = {"time": now.isoformat(), "site_id": site_id, "again": again}
                aws_lambda.invoke(FunctionName=function, InvocationType="Event", Payload=orjson.dumps(event))
                started += 1
        except Exception as error:
            errors.append(f"{site_id}: {failed(site_id, error)}")
    if errors:
        raise NotAllSent("reports were not sent: " + "; ".join(errors)) from None
    return started
