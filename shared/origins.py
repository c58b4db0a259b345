"""CORS, answered per site: the exact origin, with credentials. The settings list the origins (`origins`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import Forbidden, NotFound
from shared.hosts import plain_host
from shared.http import Request, Response, response
from shared.sites import Sites

Headers = dict[str, str]


def cors_headers(origin: str | None, site: Mapping[str, Any]) -> Headers:
    """Headers that let the site's page read the answer.

    Forbidden when the origin is not the site's, and when there is none: browsers send one with every POST, servers have
    /v1/import. Compared exactly, but for the letter case and the spelling (punycode or not) of the host.
    """
    if not origin:
        raise Forbidden("the Origin header is missing; servers send hits through /v1/import")
    mine = _comparable(origin)
    if not any(mine == _comparable(listed) for listed in site.get("origins", ())):
        raise Forbidden("this origin is not listed for the site; add it to `hosts` or `origins` of the settings")
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}


def preflight(request: Request, sites: Sites) -> Response:
    """OPTIONS: 204, with CORS headers only for an origin of the site named in `?site=`."""
    headers: Headers = {"vary": "Origin"}
    try:
        site = sites.get(request.query.get("site", ""), request.now)
        headers = {
            **cors_headers(request.headers.get("origin"), site),
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": "86400",
        }
    except (Forbidden, NotFound):
        pass
    return response(204, "", "text/plain", headers)


def _comparable(origin: str) -> str:
    scheme, separator, host = origin.lower().partition("://")
    if "xn--" not in host:
        return origin.lower()
    prefix = "www." if host.startswith("www.") else ""
    return f"{scheme}{separator}{prefix}{plain_host(host)}"
