"""What the PBX's two doors ask before anything else: a known site, and its signature (secret `{site}/calls-generic`)."""

from __future__ import annotations

from shared.errors import Unauthorized
from shared.http import Request
from shared.log import count
from shared.secrets import Secrets
from shared.security import verify_webhook

SECRET = "calls-generic"  # noqa: S105 (the parameter's name)


def check_signed(request: Request, signed: bytes, site_id: str, secrets: Secrets, *others: bytes, door: str = SECRET) -> str:
    """Standard Webhooks over `signed`, or one of `others` (spellings of the same); gives the webhook id. Unauthorized otherwise."""
    usable = secrets.signing(f"{site_id}/{SECRET}", request.now)
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
