"""How a webhook proves its sender, besides the token in its path. Each proof gives the sender's own id of the event ("" where there
is none), or raises Unauthorized; every refusal is counted by its reason."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared.errors import Unauthorized
from shared.http import Request
from shared.log import count
from shared.secrets import Secrets
from shared.signed import check_signed


class Sent(NamedTuple):
    """One webhook whose path token fits. `settings` are those of the provider's section, `secret` the name of its secret, `door`
    the door's name in metrics."""

    request: Request
    site_id: str
    settings: Mapping[str, Any]
    secrets: Secrets
    secret: str
    door: str


Proof = Callable[[Sent], str]


def token_alone(sent: Sent) -> str:
    """The path's token is all there is."""
    return ""


def standard_webhooks(sent: Sent) -> str:
    """Standard Webhooks; gives the webhook-id."""
    return check_signed(sent.request, sent.secrets, sent.secret, sent.door, sent.request.body)


def basic_where_set(sent: Sent) -> str:
    """HTTP Basic, where the secret (`user:password`) is set."""
    wanted = sent.secrets.get(sent.secret, sent.request.now)
    kind, _, told = sent.request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(told.strip(), validate=True) if kind.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    if wanted and not any([hmac.compare_digest(given, one.encode()) for one in wanted]):
        raise refused(sent, "password", "user and password are not those of this site's webhook")
    return ""


def refused(sent: Sent, reason: str, message: str) -> Unauthorized:
    """The error to raise, counted."""
    count({"Refused": 1}, Door=sent.door, Reason=reason)
    return Unauthorized(message)
