"""GET /v1/hit.gif: hits without a script, and opened e-mails. Always answered with the picture, so that no page shows a gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from functions.collect.door import Arrival, Stores, content_of
from functions.collect.hits import PIXEL_KINDS
from functions.collect.people.consent import consent_of
from functions.collect.people.who import Who, plain_id, visitor_cookie, who_sent
from shared.errors import BadInput, NotFound, TryLater
from shared.http import Request, Response, response
from shared.ids import uuid7
from shared.lake import Rejected
from shared.sites import known_site
from shared.texts import clean

DOOR = "pixel"
# 1×1, transparent.
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
# What the browser wants an answer for when it is opened itself, by a link for example, rather than shown as a picture of a page.
_NAVIGATIONS = frozenset({"document", "iframe", "frame", "embed", "object", "fencedframe"})
_HEADERS = {"cache-control": "no-store", "cross-origin-resource-policy": "cross-origin"}


def get_pixel(request: Request, stores: Stores, randomness: bytes) -> Response:
    """One hit from the query (site, visitor, url, kind, id, consent) → 43 bytes of GIF.

    Status 200 also for a rejected hit (kept with its reason) and for an unknown site (counted only), 503 when nothing could be
    stored. Without `id` every call is a hit of its own. No Origin is asked for: pictures in e-mails send none. The cookie is set
    for a picture only, not for a link to it.
    """
    site_id = request.query.get("site", "")
    batch_id = uuid7(request.now, randomness[10:])
    item = _item(request, batch_id)
    try:
        site = known_site(stores.sites, site_id, DOOR, request.now)
        cookies = _take(request, item, site_id, site, stores, batch_id, randomness)
    except NotFound:
        cookies = []
    except BadInput as error:
        stores.lake.reject(site_id, DOOR, [Rejected("bad_field", error.message, content_of(item))], batch_id, request.now)
        cookies = []
    except TryLater:
        return response(503, GIF, "image/gif", {**_HEADERS, "retry-after": "30"})
    return response(200, GIF, "image/gif", _HEADERS, cookies)


def _take(
    request: Request, item: dict[str, Any], site_id: str, site: Mapping[str, Any], stores: Stores, batch_id: str, randomness: bytes
) -> list[str]:
    """An e-mail is opened by the visitor it was written to, wherever it is opened; nobody is made up for it, nobody recognised."""
    consent = consent_of(request.query.get("consent"), request.headers)
    told, is_denied = request.query.get("visitor"), consent == "denied"
    is_known = is_denied or item["kind"] == "email_open"
    who = None if is_known else who_sent(request, site_id, DOOR, told, timedelta(0), stores.secrets, randomness)
    visitor_id = who.visitor_id if who else None if is_denied else plain_id(told)
    arrival = Arrival(request, site, DOOR, "pixel", PIXEL_KINDS, batch_id, consent, visitor_id)
    made = arrival.make([item])
    arrival.store(stores.lake, [item], made)
    token = who.token(site_id, request.now) if who and made.hits and _may_remember(request, who) else None
    return [visitor_cookie(request, site_id, site, token)] if token else []


def _may_remember(request: Request, who: Who) -> bool:
    """Whether the browser may get a cookie. Anybody can write an address with his own token into a link or page of his, to be the
    visitor of whoever follows it: so not where the address itself is opened, and for whom it names on the site's own pages only."""
    if request.headers.get("sec-fetch-dest") in _NAVIGATIONS:
        return False
    return not who.is_told or request.headers.get("sec-fetch-site") in ("same-origin", "same-site")


def _item(request: Request, batch_id: str) -> dict[str, Any]:
    query = request.query
    kind = query.get("kind") or "page_view"
    url = query.get("url") or (request.headers.get("referer") if kind == "page_view" else None)
    sent = {"id": query.get("id") or batch_id, "kind": kind, "url": url, "ref": query.get("ref"), "title": query.get("title")}
    return {name: clean(value) for name, value in sent.items() if value}
