"""What a request tells of its sender by itself: masked address, user agent, language, place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from functions.collect.texts import fitting
from shared.addresses import mask_ip, viewer_ip
from shared.http import Request

_PLACES = {
    "country": "cloudfront-viewer-country",
    "region": "cloudfront-viewer-country-region-name",
    "city": "cloudfront-viewer-city",
}


def edge_columns(request: Request, site: Mapping[str, Any], cuts: list[str]) -> dict[str, str | None]:
    """Columns of a hit that its request tells: masked address, user agent, language, place where the edge gives it."""
    headers = request.headers
    columns: dict[str, str | None] = {
        "ip_masked": mask_ip(viewer_ip(headers, request.source_ip, site)),
        "user_agent": fitting(headers.get("user-agent", ""), "user_agent", cuts),
        "language": fitting(headers.get("accept-language", "").partition(",")[0].partition(";")[0], "language", cuts),
    }
    for column, header in _PLACES.items():
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
