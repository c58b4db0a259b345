"""POST /v1/hits: the tracker's batch. Whole-batch mistakes are errors; single hits are accepted or rejected one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from functions.collect.hits import KNOWN, TRACKER_KINDS, Made, Sender, clock_skew, kept_of, make
from functions.collect.texts import hidden
from functions.collect.visitor import consent_of, edge_columns, visitor_cookie, visitor_of
from shared.errors import BadInput, FieldError, NotFound, SkvozError, TooLarge, WrongType
from shared.http import Request, Response, error_response, json_response
from shared.ids import uuid7
from shared.lake import Lake, Rejected
from shared.log import count
from shared.origins import cors_headers
from shared.records import HIT, REQUEST, encode
from shared.sites import Sites
from shared.times import lake_text

MOST_BYTES = 65_536
MOST_HITS = 100
CONTENT_TYPES = ("text/plain", "application/json")
RANDOM_BYTES = 20  # ten for a visitor id, ten for the batch's
# A pair of escapes, an escaped backslash, or half a pair: what cutting text in the middle of an emoji leaves behind.
_HALF_PAIR = re.compile(rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def post_hits(request: Request, sites: Sites, lake: Lake, randomness: bytes) -> Response:
    """One batch → 202 with what was accepted and what was not. `randomness`: RANDOM_BYTES fresh bytes."""
    sent = _read(request)
    site_id = sent.get("site")
    if not isinstance(site_id, str):
        raise BadInput("the batch does not name its site", [FieldError("site", "must be the site's id")])
    cors = cors_headers(request.headers.get("origin"), known_site(sites, site_id, "hits", request))
    try:
        return _take(request, sent, site_id, lake, randomness, cors)
    except SkvozError as error:
        return error_response(error, cors)


def _take(request: Request, sent: dict[str, Any], site_id: str, lake: Lake, randomness: bytes, cors: dict[str, str]) -> Response:
    items = _items(sent)
    consent = consent_of(sent.get("consent"), request.headers)
    visitor_id = None if consent == "denied" else visitor_of(request.cookies, sent.get("visitor"), request.now, randomness)
    cuts: list[str] = []
    columns = {
        "site_id": site_id,
        "received_at": lake_text(request.now),
        "via": "tracker",
        "visitor_id": visitor_id,
        **edge_columns(request, cuts),
        "consent": consent,
        "is_test": True if sent.get("test") is True else None,
    }
    skew = clock_skew(sent.get("sent_at"), request.now)
    made = make(items, Sender(site_id, request.now, TRACKER_KINDS, skew, consent == "denied", columns))
    made.cuts += cuts
    store(lake, "hits", site_id, items, made, uuid7(request.now, randomness[10:]), request)
    rejected = [{"index": index, "reason": reason, "message": message} for index, reason, message in made.rejected]
    body = {"accepted": len(made.hits), "rejected": rejected, "visitor": visitor_id}
    return json_response(202, body, cors, [visitor_cookie(visitor_id)] if visitor_id and made.hits else [])


def store(lake: Lake, door: str, site_id: str, items: list[object], made: Made, batch_id: str, request: Request) -> None:
    """Everything accepted into the lake, everything refused to `rejected/`. TryLater when the lake takes nothing."""
    if made.hits:
        lake.append(HIT, [encode(HIT, record) for record in made.hits], batch_id, request.now)
    if made.requests:
        lake.append(REQUEST, [encode(REQUEST, record) for record in made.requests], batch_id, request.now)
    if made.rejected:
        refused = [Rejected(reason, message, _content(items[index])) for index, reason, message in made.rejected]
        lake.reject(site_id, door, refused, batch_id, request.now)
    count_cuts(door, made.cuts)


def known_site(sites: Sites, site_id: str, door: str, request: Request) -> Mapping[str, Any]:
    """Settings of the site. NotFound is counted and nothing of the request kept: junk for sites that are none must cost nothing."""
    try:
        return sites.get(site_id, request.now)
    except NotFound:
        count({"Refused": 1}, Door=door, Reason="unknown_site")
        raise


def count_cuts(door: str, cuts: list[str]) -> None:
    """What was cut is never silent: a metric per column."""
    for column, times in Counter(cuts).items():
        count({"TextCut": times}, Door=door, Column=column)


def _read(request: Request) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise WrongType(f"hits are JSON sent as {' or '.join(CONTENT_TYPES)}")
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise WrongType("hits are sent without compression; imports may use gzip")
    if len(request.body) > MOST_BYTES:
        raise TooLarge(f"a batch has at most {MOST_BYTES} bytes; send it in parts")
    try:
        sent = _parse(request.body)
    except ValueError as error:
        raise BadInput("the body is not valid JSON") from error
    if not isinstance(sent, dict):
        raise BadInput("the body must be a JSON object with site and hits")
    return sent


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        mended = _HALF_PAIR.sub(lambda match: match[1] or b"\\ufffd", body)
        if mended == body:
            raise
        return orjson.loads(mended)


def _items(sent: dict[str, Any]) -> list[object]:
    items = sent.get("hits")
    if not isinstance(items, list) or not items:
        raise BadInput("the batch has no hits", [FieldError("hits", "must be a list of at least one hit")])
    if len(items) > MOST_HITS:
        raise TooLarge(f"a batch has at most {MOST_HITS} hits; send it in parts", [FieldError("hits", f"has {len(items)}")])
    return items


def _content(item: object) -> str:
    return kept_of(item, KNOWN, hidden) if isinstance(item, dict) else hidden(orjson.dumps(item).decode())
