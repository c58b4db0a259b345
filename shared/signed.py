"""Doors that ask for a signature of Standard Webhooks: the check, its secret and its counts."""

from __future__ import annotations

from shared.errors import Unauthorized
from shared.http import Request
from shared.log import count
from shared.secrets import Secrets
from shared.security import verify_webhook


def check_signed(request: Request, secrets: Secrets, name: str, door: str, signed: bytes, *others: bytes) -> str:
    """Signature over `signed`, or one of `others` (spellings of the same), with a secret of `name`; gives the webhook id.

    Unauthorized otherwise, counted by reason (no_secret, signature) for `door`; TryLater while the secrets cannot be read.
    """
    usable = secrets.signing(name, request.now)
    try:
        if not usable:
            raise Unauthorized("the signature cannot be checked: no signing secret is set for this site")
        if not request.headers.get("webhook-id", "").isascii():
            raise Unauthorized("the header webhook-id must be ASCII text")
        for other in others:
            try:
                return verify_webhook(other, request.headers, usable, request.now)
            except Unauthorized:
                continue
        return verify_webhook(signed, request.headers, usable, request.now)
    except Unauthorized:
        count({"Refused": 1}, Door=door, Reason="signature" if usable else "no_secret")
        raise
