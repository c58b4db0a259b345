"""How Twilio signs: base64 HMAC of the address that was called and, for forms, of all parameters sorted by name.

Twilio signs the address as it is configured, with the default port or without one: all spellings are tried. JSON bodies are signed
through their hash in the query (`bodySHA256`). A header may announce HMAC-SHA256 in place of SHA-1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from functions.numberpool.pbx.adapter import refused
from functions.numberpool.pbx.proofs import fits, form_of, key_pairs
from shared.http import Request
from shared.secrets import Secrets

DOOR = "calls-twilio"
BODY_HASH = "bodySHA256"
_ADDRESS = re.compile(r"(https?)://([^/?#]*?)(:[0-9]+)?([/?].*)?", re.DOTALL)
_PORTS = {"http": 80, "https": 443}
_ALGORITHM = re.compile(r"(?:^|,)\s*algorithm\s*=\s*([A-Za-z0-9_]+)")
_ALGORITHMS = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def public_address(request: Request, own: Mapping[str, Any]) -> str:
    """Our address as Twilio has it, without what follows the site: the settings', else that of the request."""
    return own.get("url") or f"https://{request.headers.get('host', '')}/v1/calls/twilio/{request.path_parameters.get('site', '')}"


def parameters_of(request: Request) -> list[tuple[str, str]]:
    """Parameters that are signed one by one: those of a form. A query is a part of the address, JSON has its hash there."""
    return [] if BODY_HASH in request.query or request.route.startswith("GET ") else form_of(request.body, DOOR)


def check_twilio(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    """The signature, if one of the site's auth tokens made it; Unauthorized otherwise."""
    given = request.headers.get("x-twilio-signature", "")
    told = _ALGORITHM.search(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    algorithm = _ALGORITHMS.get(told[1].upper() if told else "HMAC_SHA1")
    if algorithm is None:
        raise refused(DOOR, "signature", "the signature is made in a way that is not known here")
    body_hash = request.query.get(BODY_HASH)
    if body_hash is not None and not fits(body_hash.lower(), [hashlib.sha256(request.body).hexdigest()]):
        raise refused(DOOR, "signature", f"{BODY_HASH} in the query does not fit the body")
    own = (site.get("calls") or {}).get("twilio") or {}
    texts = [url + sorted_text(parameters_of(request)) for url in _addresses(request, own, rest)]
    keys = [token.encode() for _, token in key_pairs(secrets, site, DOOR, request.now)]
    macs = [hmac.new(key, text.encode("utf-8", "surrogatepass"), algorithm).digest() for key in keys for text in texts]
    if not fits(given, [base64.b64encode(mac).decode() for mac in macs]):
        raise refused(DOOR, "signature", "X-Twilio-Signature fits none of the site's tokens, for this address and these parameters")
    return given


def sorted_text(parameters: Iterable[tuple[str, str]]) -> str:
    """Names with their values, sorted; of equal pairs one; empty values stay."""
    return "".join(name + value for name, value in sorted(set(parameters)))


def _addresses(request: Request, own: Mapping[str, Any], rest: str) -> list[str]:
    """The gateway decodes what follows the site: it may have been signed with its escapes."""
    base, query = public_address(request, own), f"?{request.raw_query}" if request.raw_query else ""
    ends = dict.fromkeys(f"/{end}" if end else "" for end in (rest, quote(rest, errors="replace")))
    return [spelling for end in ends for spelling in spellings(base + end + query)]


def spellings(url: str) -> list[str]:
    """The address as it is, and with its default port, or without the port that it has."""
    found = _ADDRESS.fullmatch(url)
    if not found:
        return [url]
    scheme, host, port, tail = found[1], found[2], found[3], found[4] or ""
    return [url, f"{scheme}://{host}{tail}" if port else f"{scheme}://{host}:{_PORTS[scheme]}{tail}"]
