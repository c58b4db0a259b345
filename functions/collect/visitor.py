"""Who sent a hit, as far as they agree to be known: visitor id, consent, masked address, place.

Denied consent (asked by the site, or DNT / Sec-GPC where the site did not ask) keeps the hit for counting, without visitor id,
cookie, address, user agent, click id and query strings. A site's own answer, granted or denied, outranks the browser's signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import unquote

from functions.collect.texts import fitting
from shared.addresses import mask_ip, viewer_ip
from shared.errors import BadInput, FieldError
from shared.http import Request
from shared.ids import is_uuid, uuid7

Consent = Literal["granted", "denied", ""]
COOKIE = "skvoz_vid"
COOKIE_SECONDS = 400 * 86_400  # the longest that browsers keep a cookie
# Columns that a hit without consent goes without.
PERSONAL_COLUMNS = ("visitor_id", "ip_masked", "user_agent", "click_id", "city")
_EDGE = {
    "country": "cloudfront-viewer-country",
    "region": "cloudfront-viewer-country-region-name",
    "city": "cloudfront-viewer-city",
}


def consent_of(sent: object, headers: Mapping[str, str]) -> Consent:
    """What the visitor agreed to. BadInput when the site sent another word."""
    if sent == "granted":
        return "granted"
    if sent == "denied":
        return "denied"
    if sent is not None and sent != "":
        raise BadInput("consent must be granted or denied", [FieldError("consent", "must be granted, denied or absent")])
    return "denied" if headers.get("dnt") == "1" or headers.get("sec-gpc") == "1" else ""


def visitor_of(cookies: Mapping[str, str], proposal: object, now: datetime, randomness: bytes) -> str:
    """The visitor's id: the cookie's, else the tracker's proposal (so that parallel first requests give one visitor), else new."""
    return known_visitor(cookies.get(COOKIE)) or known_visitor(proposal) or uuid7(now, randomness)


def known_visitor(sent: object) -> str | None:
    """An id in the form we give out, or None."""
    return sent.lower() if isinstance(sent, str) and is_uuid(sent.lower()) else None


def visitor_cookie(visitor_id: str) -> str:
    """Set by the server, because browsers drop cookies set by scripts after days; the tracker reads the answer instead."""
    return f"{COOKIE}={visitor_id}; Max-Age={COOKIE_SECONDS}; Path=/; Secure; HttpOnly; SameSite=Lax"


def edge_columns(request: Request, cuts: list[str]) -> dict[str, str | None]:
    """Columns of a hit that its request tells: masked address, user agent, language, place where the edge gives it."""
    headers = request.headers
    columns: dict[str, str | None] = {
        "ip_masked": mask_ip(viewer_ip(headers, request.source_ip)),
        "user_agent": fitting(headers.get("user-agent", ""), "user_agent", cuts),
        "language": fitting(headers.get("accept-language", "").partition(",")[0].partition(";")[0], "language", cuts),
    }
    for column, header in _EDGE.items():
        if header in headers:
            columns[column] = _place(headers[header], column, cuts)
    return columns


def _place(sent: str, column: str, cuts: list[str]) -> str | None:
    if column == "country":
        code = sent.upper()
        return code if len(code) == 2 and code.isascii() and code.isalpha() else None
    if "%" in sent:  # the edge percent-encodes letters outside ASCII
        sent = unquote(sent)
    return fitting(sent, column, cuts)
