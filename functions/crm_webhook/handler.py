"""POST /v1/crm/generic/{site}/{token}: Standard Webhooks of any CRM. Routes and wiring; the rules are in door.py."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.crm_webhook.door import Door
from shared.aws import door_client as client
from shared.aws import env
from shared.http import Event, Response, answer
from shared.log import logger
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader


@cache
def door() -> Door:
    """The door, made on first use."""
    s3 = client("s3")
    return Door(
        Sites(object_reader(s3, env("FILES_BUCKET"))),
        Secrets(parameter_reader(client("ssm"), env("STAGE"))),
        s3,
        client("sqs"),
        env("LAKE_BUCKET"),
        env("CRM_QUEUE_URL"),
    )


def lambda_handler(event: Event, context: Any) -> Response:
    """API Gateway event → 202, or the one error shape."""
    routes = {"POST /v1/crm/generic/{site}/{token}": lambda request: door().take(request)}
    return answer(event, routes, lambda route: logger().exception("crash", extra={"route": route}))
