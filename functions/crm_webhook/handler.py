"""/v1/crm/{provider}/{site}/{token}: webhooks of CRMs, and (GET) that an integration was switched off. Routes and wiring; rules are
in door.py, the CRMs in providers.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from functions.crm_webhook.door import Door
from shared.aws import door_client as client
from shared.aws import env
from shared.http import Event, Request, Response, answer
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


ROUTES: dict[str, Callable[[Request], Response]] = {
    "POST /v1/crm/{provider}/{site}/{token}": lambda request: door().take(request),
    "GET /v1/crm/{provider}/{site}/{token}": lambda request: door().switched_off(request),
}


def lambda_handler(event: Event, context: Any) -> Response:
    """API Gateway event → 202 (200), or the one error shape."""
    return answer(event, ROUTES, lambda route: logger().exception("crash", extra={"route": route}))
