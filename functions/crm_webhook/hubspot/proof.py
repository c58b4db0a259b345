"""HubSpot's signature, version 3: base64(HMAC-SHA256(client secret, method + address + body + time in milliseconds))."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import quote, unquote

from functions.crm_webhook.proofs import Sent, refused
from shared.security import REPLAY_WINDOW
from shared.times import from_millis

# HubSpot decodes these, and no others, before it signs; tests/data/hubspot has its own library's vectors.
_DECODED = ":/?@!$'()*,;"
_ESCAPE = re.compile("|".join(f"%{ord(one):02X}" for one in _DECODED), re.IGNORECASE)


def signature_v3(sent: Sent) -> str:
    """HubSpot gives its events no id that holds across repeats. Unauthorized for a missing, wrong or stale signature; a time ahead
    of our clock is as bad as a late one, which HubSpot's own helper lets pass."""
    request, wanted = sent.request, sent.secrets.get(sent.secret, sent.request.now)
    if not wanted:
        raise refused(sent, "no_secret", "the signature cannot be checked: no client secret is set for this site")
    stamp, given = request.headers.get("x-hubspot-request-timestamp", ""), request.headers.get("x-hubspot-signature-v3", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 14) or not given:
        raise refused(sent, "signature", "the headers X-HubSpot-Request-Timestamp and X-HubSpot-Signature-v3 are needed")
    if abs(request.now - from_millis(int(stamp))) > REPLAY_WINDOW:
        raise refused(sent, "signature", "X-HubSpot-Request-Timestamp is more than five minutes away from our clock")
    signed = f"POST{_address(sent)}".encode("utf-8", "surrogatepass") + request.body + stamp.encode()
    if not any([hmac.compare_digest(signature(signed, one), given.encode("utf-8", "surrogatepass")) for one in wanted]):
        raise refused(sent, "signature", "X-HubSpot-Signature-v3 fits none of the site's secrets")
    return ""


def signature(signed: bytes, secret: str) -> bytes:
    """Base64 text of the MAC."""
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())


def _address(sent: Sent) -> str:
    """The address as HubSpot has it: of the settings where a proxy stands before ours, else of the request."""
    request = sent.request
    path = "/".join(quote(part, safe=_DECODED) for part in ("", "v1", "crm", *(request.path_parameters[n] for n in _PARTS)))
    told = sent.settings.get("url") or f"https://{request.headers.get('host', '')}{path}"
    whole = f"{told}?{request.raw_query}" if request.raw_query and "?" not in told else str(told)
    return _ESCAPE.sub(lambda found: unquote(found[0]), whole)


_PARTS = ("provider", "site", "token")
