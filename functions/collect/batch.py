"""POST /v1/hits: the tracker's batch. Whole-batch mistakes are errors; single hits are accepted or rejected one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.collect.door import Arrival, Stores
from functions.collect.hits import TRACKER_KINDS, clock_skew
from functions.collect.people.consent import consent_of
from functions.collect.people.contacts import take_contacts
from functions.collect.people.lease import renewed
from functions.collect.people.who import visitor_cookie, who_sent
from shared.errors import BadInput, FieldError, SkvozError, TooLarge, WrongType
from shared.http import Request, Response, error_response, json_response
from shared.ids import uuid7
from shared.json_texts import json_of
from shared.new_requests import channels_of
from shared.origins import cors_headers
from shared.sites import known_site

DOOR = "hits"
DOOR_CHANNEL = "form"
MOST_BYTES = 65_536
MOST_HITS = 100
CONTENT_TYPES = ("text/plain", "application/json")


def post_hits(request: Request, stores: Stores, randomness: bytes) -> Response:
    """One batch → 202 with what was accepted and what was not. `randomness`: RANDOM_BYTES fresh bytes."""
    sent = _read(request)
    site_id = sent.get("site")
    if not isinstance(site_id, str):
        raise BadInput("the batch does not name its site", [FieldError("site", "must be the site's id")])
    site = known_site(stores.sites, site_id, DOOR, request.now)
    cors = cors_headers(request.headers.get("origin"), site)
    try:
        return _take(request, sent, site_id, site, stores, randomness, cors)
    except SkvozError as error:
        return error_response(error, cors)


def _take(
    request: Request,
    sent: dict[str, Any],
    site_id: str,
    site: Mapping[str, Any],
    stores: Stores,
    randomness: bytes,
    cors: dict[str, str],
) -> Response:
    now, items = request.now, _items(sent)
    consent = consent_of(sent.get("consent"), request.headers)
    skew = clock_skew(sent.get("sent_at"), now)
    is_denied = consent == "denied"
    who = None if is_denied else who_sent(request, site_id, DOOR, sent.get("visitor"), skew, stores.secrets, randomness)
    visitor_id = who.visitor_id if who else None
    batch_id = uuid7(now, randomness[10:])
    is_test = sent.get("test") is True
    arrival = Arrival(request, site, DOOR, "tracker", TRACKER_KINDS, batch_id, consent, visitor_id, skew, is_test)
    made = arrival.make(items)
    contacts = take_contacts(made.contacts, site, DOOR, is_denied, stores.secrets, now)
    arrival.store(stores.lake, items, made)
    # Hits come first: what follows may fail or take its time, and they are in the lake.
    kept = contacts[: stores.vault().keep(site, contacts, "", now)] if contacts else []
    if made.forms and DOOR_CHANNEL in channels_of(site):
        from functions.collect.people.bounds import Bounds  # a form in some thousand hits; no cold start waits for these
        from functions.collect.people.handover import hand_over_forms

        if len(kept) < len(contacts):  # once more: nobody sends a form's contacts again
            rest = contacts[len(kept) :]
            kept += rest[: stores.vault().keep(site, rest, "", now)]
        hand_over_forms(made.forms, {contact.key for contact in kept}, site, stores.handing, Bounds(*stores.numbers), now)
    rejected = [{"index": index, "reason": reason, "message": message} for index, reason, message in made.rejected]
    body = {"accepted": len(made.hits), "rejected": rejected, "visitor": visitor_id}
    cookies = []
    if who and made.hits and (token := who.token(site_id, now)):
        body["token"] = token
        cookies = [visitor_cookie(request, site_id, site, token)]
    return json_response(202, body | renewed(sent.get("lease"), who, site_id, site, stores.renew, now), cors, cookies)


def _read(request: Request) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise WrongType(f"hits are JSON sent as {' or '.join(CONTENT_TYPES)}")
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise WrongType("hits are sent without compression; imports may use gzip")
    if len(request.body) > MOST_BYTES:
        raise TooLarge(f"a batch has at most {MOST_BYTES} bytes; send it in parts")
    try:
        sent = json_of(request.body)
    except ValueError as error:
        raise BadInput("the body is not valid JSON") from error
    if not isinstance(sent, dict):
        raise BadInput("the body must be a JSON object with site and hits")
    return sent


def _items(sent: dict[str, Any]) -> list[object]:
    items = sent.get("hits")
    if not isinstance(items, list) or not items:
        raise BadInput("the batch has no hits", [FieldError("hits", "must be a list of at least one hit")])
    if len(items) > MOST_HITS:
        raise TooLarge(f"a batch has at most {MOST_HITS} hits; send it in parts", [FieldError("hits", f"has {len(items)}")])
    return items
