"""The visitor's signed token: `{visitor id}.{unix seconds of issue}.{signature}`. The server gives it for an accepted hit.

The tracker proposes an id (a fresh UUIDv7) on the first visit; the server signs it, or adopts the token of the cookie or of the
tracker, best first. So parallel first requests give one visitor. An id older than seven days opens nothing, where it stands in
the CRM, say; a younger one may be proposed by whoever knows it, because the hits of a first visit may be held back by an outage
for as long and must stay one visitor. A valid token of the same browser always wins over a proposal. Tokens belong to one site.
Secret: `visitor` (two are valid while rotating; the first signs).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.ids import is_uuid
from shared.times import from_millis, to_millis

SECRET = "visitor"  # noqa: S105 (the parameter's name)
MOST_TOKEN = 120
AHEAD = timedelta(minutes=5)
_SIGNATURE_BYTES = 16


class Visitor(NamedTuple):
    """Who a token names, and since when it has been valid."""

    visitor_id: str
    issued_at: datetime


def sign_visitor(site_id: str, visitor_id: str, now: datetime, secrets: Sequence[str]) -> str:
    """Token of a visitor, signed by the first secret. IndexError where there is none."""
    seconds = str(to_millis(now) // 1000)
    return f"{visitor_id}.{seconds}.{_signature(site_id, visitor_id, seconds, secrets[0])}"


def read_visitor(token: object, site_id: str, now: datetime, secrets: Sequence[str]) -> Visitor | None:
    """Who the token names, or None where it is none of ours: another site's, forged, or dated ahead of our clock."""
    if not isinstance(token, str) or len(token) > MOST_TOKEN or token.count(".") != 2 or not token.isascii():
        return None
    visitor_id, seconds, signature = token.split(".")
    if not is_uuid(visitor_id) or not seconds.isdigit() or len(seconds) > 11:
        return None
    wanted = [_signature(site_id, visitor_id, seconds, secret) for secret in secrets]
    if not any([hmac.compare_digest(signature, one) for one in wanted]):
        return None
    issued_at = from_millis(int(seconds) * 1000)
    return Visitor(visitor_id, issued_at) if issued_at <= now + AHEAD else None


def _signature(site_id: str, visitor_id: str, seconds: str, secret: str) -> str:
    mac = hmac.new(secret.encode(), f"visitor\n{site_id}\n{visitor_id}\n{seconds}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:_SIGNATURE_BYTES]).rstrip(b"=").decode()
