"""The hit door: routes and wiring. Clients are made on first use; what is imported here is in every visitor's way."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from functions.collect.batch import post_hits
from functions.collect.door import RANDOM_BYTES, Stores
from functions.collect.imports.door import post_import
from functions.collect.pixel import get_pixel
from functions.collect.script import get_script
from shared.aws import door_client as client
from shared.aws import env
from shared.handing_over import HandingOver
from shared.http import Event, Response, answer
from shared.lake import Lake
from shared.leases import Held, renew
from shared.log import logger
from shared.origins import preflight
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader
from shared.vault import Vault


@cache
def _sites() -> Sites:
    return Sites(object_reader(client("s3"), env("FILES_BUCKET")))


@cache
def _lake() -> Lake:
    streams = {"hit": env("HIT_STREAM"), "request": env("REQUEST_STREAM"), "payment": env("PAYMENT_STREAM")}
    return Lake(client("firehose"), client("s3"), env("LAKE_BUCKET"), streams)


@cache
def _secrets() -> Secrets:
    return Secrets(parameter_reader(client("ssm"), env("STAGE")))


@cache
def _vault() -> Vault:
    return Vault(client("dynamodb"), env("CONTACTS_TABLE"))


def _handing() -> HandingOver:
    return HandingOver(client("s3"), env("LAKE_BUCKET"), lambda: (client("sqs"), env("CRM_TASK_QUEUE_URL")))


def _renew(site_id: str, held: Held, visitor_id: str, now: datetime, lease: timedelta) -> bool:
    return renew(client("dynamodb"), env("NUMBERS_TABLE"), site_id, held, visitor_id, now, lease)


def _stores() -> Stores:
    return Stores(_sites(), _lake(), _secrets(), _renew, _vault, _handing, (lambda: client("dynamodb"), env("NUMBERS_TABLE")))


ROUTES = {
    "POST /v1/hits": lambda request: post_hits(request, _stores(), os.urandom(RANDOM_BYTES)),
    "OPTIONS /v1/hits": lambda request: preflight(request, _sites()),
    "GET /v1/hit.gif": lambda request: get_pixel(request, _stores(), os.urandom(RANDOM_BYTES)),
    "POST /v1/import": lambda request: post_import(request, _stores(), os.urandom(RANDOM_BYTES)),
    "GET /skvoz.js": get_script,
    "GET /skvoz.core.js": get_script,
}


def lambda_handler(event: Event, context: Any) -> Response:
    """API Gateway event → answer; errors in the one error shape."""
    return answer(event, ROUTES, lambda route: logger().exception("crash", extra={"route": route}))
