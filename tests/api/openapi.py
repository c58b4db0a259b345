"""docs/openapi.yaml as the tests read it: the document, and calls that go behind the doors (signed, with a path token)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.security import sign_webhook, webhook_key

PATH = Path(__file__).parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")
# Codes of a session's own errors that no door answers with are left out of the description.
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"


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
