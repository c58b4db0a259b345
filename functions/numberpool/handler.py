"""Leased numbers and calls: routes and wiring. Clients are made on first use; the lease is in a visitor's way."""

from __future__ import annotations

import os
from functools import cache
from time import monotonic
from typing import Any

from functions.numberpool.lease import RANDOM_BYTES, LeaseDoor
from functions.numberpool.pbx.answering import Answers
from functions.numberpool.pbx.calls import CallDoor
from functions.numberpool.pbx.handover import HandOver
from functions.numberpool.pbx.lookup import lookup
from functions.numberpool.store import Store
from shared.aws import door_client as client
from shared.aws import env, question_client
from shared.handing_over import HandingOver
from shared.http import Event, Response, answer
from shared.lake import Lake
from shared.log import logger
from shared.origins import preflight
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader
from shared.vault import Vault


@cache
def _sites() -> Sites:
    return Sites(object_reader(client("s3"), env("FILES_BUCKET")))


@cache
def _secrets() -> Secrets:
    return Secrets(parameter_reader(client("ssm"), env("STAGE")))


@cache
def _store() -> Store:
    return Store(client("dynamodb"), env("NUMBERS_TABLE"))


@cache
def _answers() -> Answers:
    return Answers(lambda: question_client("dynamodb"), env("NUMBERS_TABLE"), _secrets(), monotonic)


@cache
def _lease_door() -> LeaseDoor:
    return LeaseDoor(_sites(), _secrets(), _store(), _lease_lake)


@cache
def _lease_lake() -> Lake:
    return Lake(client("firehose"), client("s3"), env("LAKE_BUCKET"), {"lease": env("LEASE_STREAM")})


@cache
def _call_door() -> CallDoor:
    lake = Lake(client("firehose"), client("s3"), env("LAKE_BUCKET"), {"call": env("CALL_STREAM")})
    vault = Vault(client("dynamodb"), env("CONTACTS_TABLE"))
    hand_over = HandOver(HandingOver(client("s3"), env("LAKE_BUCKET"), lambda: (client("sqs"), env("CRM_TASK_QUEUE_URL"))))
    return CallDoor(_sites(), _secrets(), _store(), lake, vault, client("s3"), env("LAKE_BUCKET"), hand_over, _answers())


ROUTES = {
    "POST /v1/numbers/lease": lambda request: _lease_door().lease(request, os.urandom(RANDOM_BYTES)),
    "OPTIONS /v1/numbers/lease": lambda request: preflight(request, _sites()),
    "POST /v1/numbers/renew": lambda request: _lease_door().renew(request),
    "OPTIONS /v1/numbers/renew": lambda request: preflight(request, _sites()),
    "GET /v1/numbers/{number}": lambda request: lookup(request, _sites(), _secrets(), _answers()),
    "POST /v1/calls/{provider}/{site}": lambda request: _call_door().take(request),
    "GET /v1/calls/{provider}/{site}": lambda request: _call_door().take(request),
    "POST /v1/calls/{provider}/{site}/{rest+}": lambda request: _call_door().take(request),
    "GET /v1/calls/{provider}/{site}/{rest+}": lambda request: _call_door().take(request),
}
CACHES = (_sites, _secrets, _store, _answers, _lease_door, _lease_lake, _call_door)  # for tests that begin as a new process


def lambda_handler(event: Event, context: Any) -> Response:
    """API Gateway event → answer; errors in the one error shape."""
    return answer(event, ROUTES, lambda route: logger().exception("crash", extra={"route": route}))
