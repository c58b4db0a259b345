"""What a request tells of its sender by itself: masked address, whether it is the site's own, user agent, language, place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from shared.addresses import is_own, mask_ip, viewer_ip
from shared.http import Request
from shared.robots import verdict_of
from shared.texts import fitting

# A header that every browser sends and this request has not; an import that does not say leaves the column empty.
NOT_TOLD = "-"
_PLACES = {
    "country": "cloudfront-viewer-country",
    "region": "cloudfront-viewer-country-region-name",
    "city": "cloudfront-viewer-city",
}
_AUTONOMOUS_SYSTEM = "cloudfront-viewer-asn"
MOST_ASN = 0xFFFFFFFF  # RFC 6793: four bytes


def edge_columns(request: Request, site: Mapping[str, Any], cuts: list[str]) -> dict[str, str | int | bool | None]:
    """Columns of a hit that its request tells: masked address, whether it is one of the site's own (judged here, where it is still
    whole), user agent and whether it is a robot's, language; place and autonomous system where the edge gives them."""
    headers = request.headers
    address = viewer_ip(headers, request.source_ip, site)
    agent = fitting(headers.get("user-agent") or NOT_TOLD, "user_agent", cuts)
    columns: dict[str, str | int | bool | None] = {
        "ip_masked": mask_ip(address),
        "is_own": is_own(address, site) or None,
        "asn": _autonomous_system(headers.get(_AUTONOMOUS_SYSTEM, "")),
        "user_agent": agent,
        "agent_verdict": verdict_of(agent) if agent is not None else None,
        "language": fitting(headers.get("accept-language", "").partition(",")[0].partition(";")[0] or NOT_TOLD, "language", cuts),
    }
    for column, header in _PLACES.items():
        if header in headers:
            columns[column] = _place(headers[header], column, cuts)
    return columns


def _autonomous_system(sent: str) -> int | None:
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 10):
        return None
    return int(sent) if int(sent) <= MOST_ASN else None


def _place(sent: str, column: str, cuts: list[str]) -> str | None:
    if column == "country":
        code = sent.upper()
        return code if len(code) == 2 and code.isascii() and code.isalpha() else None
    if "%" in sent:  # the edge percent-encodes letters outside ASCII
        sent = unquote(sent)
    return fitting(sent, column, cuts)
