"""Scheduled: of every site that was refreshed since the last run the paths of its new deals, for the CRM, and its alerts. One
site's trouble does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from functions.report.alerts.bell import Bell
from functions.report.alerts.ringing import Ringing, ring_all
from functions.report.alerts.telling import Telling
from functions.report.delivery.post import post_of, seconds_left_of
from functions.report.delivery.suppressed import Suppressed
from functions.report.links import Links
from functions.report.path_notes.giving import Giving, give_all
from functions.report.store import Ledger
from shared.aws import client, env
from shared.heard import Heard
from shared.log import count, logger
from shared.sites import list_sites
from shared.times import parse_instant


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Entry point of the schedule: `{"time": ISO}` is the run's clock."""
    from shared.engines import engine

    now = parse_instant(event["time"])
    dynamodb, table = client("dynamodb"), env("LEDGER_TABLE")
    sites, bell = list_sites(client("s3"), env("FILES_BUCKET")), Bell(dynamodb, table)
    noted = give_all(Giving(sites, bell, dynamodb, table, engine, _put_task), now)
    if not env("MAIL_FROM"):
        logger().warning("no alerts: the stack has no sender address (MailFrom)")
        count({"AlertsSkipped": 1}, Reason="no_sender")
        return {"sent": 0, "noted": noted}
    telling = Telling(
        ledger=Ledger(dynamodb, table),
        bell=bell,
        links=Links(dynamodb, table),
        suppressed=Suppressed(dynamodb, table),
        post=post_of(os.environ, client, now, seconds_left_of(context)),
        public_url=env("PUBLIC_URL"),
        randomness=os.urandom,
    )
    heard = Heard(lambda: dynamodb, lambda: env("CRM_TABLE"))
    return {"sent": ring_all(Ringing(sites, telling, engine, heard), now), "noted": noted}


def _put_task(text: str) -> None:
    client("sqs").send_message(QueueUrl=env("CRM_TASK_QUEUE_URL"), MessageBody=text)
