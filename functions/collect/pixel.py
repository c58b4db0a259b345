"""GET /v1/hit.gif: hits without a script, and opened e-mails. Always answered with the picture, so that no page shows a gap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from functions.collect.batch import known_site, store
from functions.collect.hits import PIXEL_KINDS, Made, Sender, make
from functions.collect.texts import clean, hidden
from functions.collect.visitor import Consent, consent_of, edge_columns, known_visitor, visitor_cookie, visitor_of
from shared.errors import BadInput, NotFound, TryLater
from shared.http import Request, Response, response
from shared.ids import uuid7
from shared.lake import Lake, Rejected
from shared.sites import Sites
from shared.times import lake_text

# 1×1, transparent.
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_HEADERS = {"cache-control": "no-store", "cross-origin-resource-policy": "cross-origin"}


def get_pixel(request: Request, sites: Sites, lake: Lake, randomness: bytes) -> Response:
    """One hit from the query (site, visitor, url, kind, id, consent) → 43 bytes of GIF.

    Status 200 also for a rejected hit (kept with its reason) and for an unknown site (counted only), 503 when nothing could be
    stored. Without `id` every call is a hit of its own. No Origin is asked for: pictures in e-mails send none.
    """
    site_id = request.query.get("site", "")
    batch_id = uuid7(request.now, randomness[10:])
    try:
        known_site(sites, site_id, "pixel", request)
        cookies = _take(request, site_id, lake, batch_id, randomness)
    except NotFound:
        cookies = []
    except BadInput as error:
        rejected = Rejected("bad_field", error.message, hidden(request.raw_query))
        lake.reject(site_id, "pixel", [rejected], batch_id, request.now)
        cookies = []
    except TryLater:
        return response(503, GIF, "image/gif", {**_HEADERS, "retry-after": "30"})
    return response(200, GIF, "image/gif", _HEADERS, cookies)


def _take(request: Request, site_id: str, lake: Lake, batch_id: str, randomness: bytes) -> list[str]:
    item = _item(request, batch_id)
    consent = consent_of(request.query.get("consent"), request.headers)
    visitor_id = _visitor(request, item["kind"], consent, randomness)
    cuts: list[str] = []
    columns = {
        "site_id": site_id,
        "received_at": lake_text(request.now),
        "via": "pixel",
        "visitor_id": visitor_id,
        **edge_columns(request, cuts),
        "consent": consent,
    }
    made: Made = make([item], Sender(site_id, request.now, PIXEL_KINDS, timedelta(0), consent == "denied", columns))
    made.cuts += cuts
    store(lake, "pixel", site_id, [item], made, batch_id, request)
    is_page = item["kind"] == "page_view"
    return [visitor_cookie(visitor_id)] if visitor_id and is_page and made.hits else []


def _item(request: Request, batch_id: str) -> dict[str, Any]:
    query = request.query
    kind = query.get("kind") or "page_view"
    url = query.get("url") or (request.headers.get("referer") if kind == "page_view" else None)
    sent = {"id": query.get("id") or batch_id, "kind": kind, "url": url, "ref": query.get("ref"), "title": query.get("title")}
    return {name: clean(value) for name, value in sent.items() if value}


def _visitor(request: Request, kind: str, consent: Consent, randomness: bytes) -> str | None:
    """An e-mail is opened by the visitor it was written to, wherever it is opened; nobody is made up for it."""
    if consent == "denied":
        return None
    proposal = request.query.get("visitor")
    return known_visitor(proposal) if kind == "email_open" else visitor_of(request.cookies, proposal, request.now, randomness)
