"""Scheduled, every quarter of an hour: for every site and reader whose report is due now, figures → page, workbook → mail.

In AWS the tick starts this function once more for each site that has reports to send (`site_id`); elsewhere it takes one after the
other. Also on demand, with the same event: `{"time": ISO, "site_id": only this site, "again": word}`; a new word sends everybody's
newest reports anew that went out before. `{"time": ISO, "site_id": …, "preview": address}` renders the report now and sends it to
that address alone (functions/report/delivery/preview.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import orjson

from functions.report.delivery.post import post_of, seconds_left_of
from functions.report.delivery.preview import preview
from functions.report.delivery.sending import Mailer
from functions.report.delivery.starting import start_each
from functions.report.delivery.suppressed import Suppressed
from functions.report.delivery.tick import mail_all
from functions.report.store import Files, Ledger
from shared.aws import client, env
from shared.errors import BadInput
from shared.log import count, logger
from shared.sites import list_sites
from shared.times import parse_instant

AGAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the schedule: `{"time": ISO}` is the run's clock; gives how many mails were `sent`, or how many sites' runs
    were `started`. With `site_id` only that site; with `again` its reports go
    out once more under that name; with `preview` one of them to one address. BadInput for an unknown site or an unfit word."""
    from shared.engines import engine

    again, now = str(event.get("again") or ""), parse_instant(event["time"])
    if again and not AGAIN.fullmatch(again):
        raise BadInput("again must be 1 to 64 Latin letters, digits, _ or -")
    if not env("MAIL_FROM"):
        logger().warning("no reports: the stack has no sender address (MailFrom)")
        count({"ReportsSkipped": 1}, Reason="no_sender")
        return {"sent": 0}
    left = seconds_left_of(context)
    s3, bucket, table = client("s3"), env("FILES_BUCKET"), env("LEDGER_TABLE")
    mailer = Mailer(
        sites=_asked_for(list_sites(s3, bucket), event.get("site_id")),
        files=Files(s3, bucket),
        ledger=Ledger(client("dynamodb"), table),
        suppressed=Suppressed(client("dynamodb"), table),
        post=post_of(os.environ, client, now, left),
        warehouse=engine,
        public_url=env("PUBLIC_URL"),
        randomness=os.urandom,
        seconds_left=left,
    )
    if event.get("preview"):
        if event.get("site_id") is None:
            raise BadInput("a preview is of one site: name it")
        return preview(mailer, orjson.loads(mailer.sites[event["site_id"]]), event, now)
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")  # Lambda's own
    if event.get("site_id") is None and function:
        return {"started": start_each(mailer, client("lambda"), function, now, again)}
    return {"sent": mail_all(mailer, now, again)}


def _asked_for(sites: Mapping[str, bytes], site_id: str | None) -> Mapping[str, bytes]:
    if site_id is None:
        return sites
    if site_id not in sites:
        raise BadInput(f"there is no site {str(site_id)[:64]}")
    return {site_id: sites[site_id]}
