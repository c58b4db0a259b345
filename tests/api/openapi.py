"""docs/openapi.yaml as the tests read it: the document, and calls that go behind the doors (signed, with a path token)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.local.stack import LocalStack
from shared.aws import client
from shared.leases import pool_key
from shared.security import sign_webhook, webhook_key
from shared.settings import parse_settings

PATH = Path(__file__).parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")
# Codes of a session's own errors that no door answers with are left out of the description.
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"


def open_site(stack: LocalStack, settings: Mapping[str, Any], pool: Iterable[str]) -> None:
    """A site with everything switched on: its settings, `SECRET` for whoever signs, and a pool of numbers."""
    site = parse_settings(settings)
    stack.publish(site)
    for name in ("import", "crm-generic", "calls-generic"):
        stack.put_secret(f"{site.site_id}/{name}", SECRET)
    stack.put_secret("visitor", "secret-of-the-visitors")
    for number in pool:
        item = {"pk": {"S": pool_key(site.site_id)}, "sk": {"S": number}}
        client("dynamodb").put_item(TableName=stack.environment["NUMBERS_TABLE"], Item=item)


@cache
def document() -> dict[str, Any]:
    """The description as JSON gives it: every key is text."""
    read: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(PATH.read_text(encoding="utf-8"))))
    return read


def operations() -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """operationId → (method, path, operation)."""
    return {
        operation["operationId"]: (method, path, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def is_signed(operation: Mapping[str, Any]) -> bool:
    return bool(operation["security"])


def signature_headers(body: bytes, webhook_id: str, now: datetime) -> dict[str, str]:
    """Standard Webhooks over a body."""
    return sign_webhook(body, webhook_id, SECRET, now)


def signature_headers_of_a_get(path: str, raw_query: str, webhook_id: str, now: datetime, secret: str = SECRET) -> dict[str, str]:
    """Standard Webhooks over `GET {path}?{raw query}`, computed here on its own: not by the code under test."""
    stamp = str(int(now.timestamp()))
    signed = f"{webhook_id}.{stamp}.GET {path}?{raw_query}".encode()
    mac = hmac.new(webhook_key(secret), signed, hashlib.sha256).digest()
    return {"webhook-id": webhook_id, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(mac).decode()}
