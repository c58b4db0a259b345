"""POST /v1/numbers/lease and /renew: the tracker asks for the number that its visitor sees.

Whatever happens behind this door, the page keeps a number: without a free one, or while a store fails, it is the source's static
number or the site's default, and `reason` says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import orjson

from functions.numberpool.choice import Choice, Refusal, choose
from functions.numberpool.rules import Rules, rules_of, shown, static_for
from functions.numberpool.store import Lease, Store, is_lost_race
from shared.addresses import prefix_of, viewer_ip
from shared.errors import BadInput, FieldError, SkvozError, TooLarge, TryLater, Unauthorized, WrongType
from shared.http import Request, Response, error_response, json_response
from shared.ids import uuid7
from shared.leases import Held, renew
from shared.log import count, logger
from shared.origins import cors_headers
from shared.secrets import Secrets
from shared.sites import Sites, known_site
from shared.times import to_millis
from shared.visitors import SECRET, Visitor, read_visitor

DOOR = "numbers"
MOST_BYTES = 16_384
CONTENT_TYPES = ("text/plain", "application/json")
RANDOM_BYTES = 16
OLDEST_TOKEN = timedelta(hours=24)
RENEW_EVERY = 60  # seconds of a visitor's activity between two signs of life
TRIES = 4
MARKS = ("utm_source", "utm_medium", "utm_campaign")
Reason = Literal[Refusal, "busy", "unavailable"]
_MOST_URL = 4096


class LeaseDoor:
    """The tracker's two routes."""

    def __init__(self, sites: Sites, secrets: Secrets, store: Store) -> None:
        self._sites, self._secrets, self._store = sites, secrets, store

    def lease(self, request: Request, randomness: bytes) -> Response:
        """200 with a number for the visitor, leased or not. `randomness`: RANDOM_BYTES fresh bytes.

        NotFound (site), Forbidden (origin), Unauthorized (token forged, of another site, older than a day), BadInput, TooLarge,
        WrongType; TryLater only while the settings cannot be read: without them there is no default number.
        """
        return self._answer(request, lambda sent, site: self._lease(request, sent, site, randomness))

    def renew(self, request: Request) -> Response:
        """200 with the lease, prolonged, or null: it is lost, lease anew. Errors as of `lease`; TryLater while the store fails."""
        return self._answer(request, lambda sent, site: self._renew(request, sent, site))

    def _answer(self, request: Request, act: Any) -> Response:
        sent = _read(request)
        site_id = sent.get("site")
        if not isinstance(site_id, str):
            raise BadInput("the request does not name its site", [FieldError("site", "must be the site's id")])
        site = known_site(self._sites, site_id, DOOR, request.now)
        cors = cors_headers(request.headers.get("origin"), site)
        try:
            return json_response(200, act(sent, site), cors)
        except SkvozError as error:
            return error_response(error, cors)

    def _lease(self, request: Request, sent: dict[str, Any], site: Mapping[str, Any], randomness: bytes) -> dict[str, Any]:
        rules = rules_of(site)
        try:
            visitor = self._visitor(request, sent, str(site["site_id"]), OLDEST_TOKEN)
        except TryLater:
            return _otherwise(rules, sent, "unavailable")
        try:
            outcome = self._try(request, site, rules, visitor.visitor_id, randomness)
        except Exception as error:
            if isinstance(error, SkvozError):
                raise
            logger().error("no lease: the store failed", extra={"site_id": site["site_id"], "error": type(error).__name__})
            return _otherwise(rules, sent, "unavailable")
        if not isinstance(outcome, tuple):
            return _otherwise(rules, sent, outcome)
        choice, lease_id, seconds = outcome
        count({"LeaseGiven": 1}, Kind="dynamic", Reason=choice.how)
        return _given(rules, choice.number.number, "dynamic", {"id": lease_id, "expires_in": seconds})

    def _try(
        self, request: Request, site: Mapping[str, Any], rules: Rules, visitor_id: str, randomness: bytes
    ) -> tuple[Choice, str, int] | Reason:
        """Look and take, at most TRIES times; each time among more of the free numbers, as others reach for them too."""
        now = to_millis(request.now)
        site_id, prefix = str(site["site_id"]), prefix_of(viewer_ip(request.headers, request.source_ip, site))
        for turn in range(TRIES):
            fresh = hashlib.sha256(randomness + bytes([turn])).digest()
            seen = self._store.numbers(site_id)
            choice = choose(seen, visitor_id, prefix, now, rules, int.from_bytes(fresh[16:], "big"), 4**turn)
            if isinstance(choice, str):
                return choice
            if choice.how == "kept":
                if self._prolong(request, site_id, rules, visitor_id, choice):
                    return choice, choice.number.lease_id, max(rules.lease_seconds, (choice.number.until - now) // 1000)
            else:
                lease = Lease(uuid7(request.now, fresh), visitor_id, prefix, now, now + rules.first_lease_seconds * 1000)
                if self._store.open(site_id, choice.number, lease, seen):
                    return choice, lease.lease_id, rules.first_lease_seconds
            count({"LeaseConflict": 1})
        return "busy"

    def _prolong(self, request: Request, site_id: str, rules: Rules, visitor_id: str, choice: Choice) -> bool:
        held = Held(choice.number.number, choice.number.lease_id)
        span = timedelta(seconds=rules.lease_seconds)
        try:
            return renew(self._store.dynamodb, self._store.table, site_id, held, visitor_id, request.now, span)
        except self._store.dynamodb.exceptions.ClientError as error:
            if is_lost_race(error):
                return False
            raise

    def _renew(self, request: Request, sent: dict[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
        held = _held(sent.get("lease"))
        site_id = str(site["site_id"])
        visitor = self._visitor(request, sent, site_id, None)
        seconds = rules_of(site).lease_seconds
        try:
            is_mine = renew(
                self._store.dynamodb, self._store.table, site_id, held, visitor.visitor_id, request.now, timedelta(seconds=seconds)
            )
        except Exception as error:
            count({"RenewalFailed": 1})
            logger().error("a lease could not be renewed", extra={"site_id": site_id, "error": type(error).__name__})
            raise TryLater("the lease could not be renewed now; send it again") from error
        count({"LeaseRenewed" if is_mine else "LeaseLost": 1})
        return {"lease": {"id": held.lease_id, "expires_in": seconds} if is_mine else None}

    def _visitor(self, request: Request, sent: dict[str, Any], site_id: str, oldest: timedelta | None) -> Visitor:
        """Who asks. A forged token, another site's and a stale one are told apart by their counts, not by the answer's code."""
        secrets = self._secrets.get(SECRET, request.now)
        if not secrets:
            logger().error("secret is not set; create it with: skvoz secrets init", extra={"secret_name": SECRET})
            raise TryLater("this installation cannot sign visitors yet; its operator runs: skvoz secrets init")
        visitor = read_visitor(sent.get("visitor"), site_id, request.now, secrets)
        if visitor is None:
            count({"Refused": 1}, Door=DOOR, Reason="token")
            raise Unauthorized("visitor must be the token that an accepted hit of this site was answered with")
        if oldest is not None and request.now - visitor.issued_at > oldest:
            count({"Refused": 1}, Door=DOOR, Reason="stale_token")
            raise Unauthorized("the visitor's token is older than 24 hours; send a hit, its answer has a fresh one")
        return visitor


def _otherwise(rules: Rules, sent: Mapping[str, Any], reason: Reason) -> dict[str, Any]:
    """The static number of the visitor's source, else the site's own, else none: never one that another visitor sees."""
    static = static_for(rules, _marks(sent))
    number = static.number if static else rules.default
    kind = "static" if static else "default" if number else "none"
    count({"LeaseGiven": 1}, Kind=kind, Reason=reason)
    return {**_given(rules, number, kind, None), "reason": reason}


def _given(rules: Rules, number: str | None, kind: str, lease: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "number": number,
        "shown": shown(number, rules.shown_as) if number else None,
        "kind": kind,
        "lease": lease,
        "renew_every": RENEW_EVERY,
        "replaces": list(dict.fromkeys([*([rules.default] if rules.default else []), *rules.replaces])),
    }


def _marks(sent: Mapping[str, Any]) -> dict[str, str]:
    """The marks as sent; those of the page's address where none were."""
    marks = {name: value for name in MARKS if isinstance(value := sent.get(name), str) and value}
    url = sent.get("page_url")
    if marks or not isinstance(url, str) or len(url) > _MOST_URL:
        return marks
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return {}
    return {name: value for name, value in query if name in MARKS}


def _held(sent: object) -> Held:
    number, lease_id = (sent.get("number"), sent.get("id")) if isinstance(sent, dict) else (None, None)
    if not isinstance(number, str) or not isinstance(lease_id, str):
        raise BadInput(
            "the request does not say what it holds", [FieldError("lease", "must have number and id, as they were leased")]
        )
    return Held(number, lease_id)


def _read(request: Request) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise WrongType(f"the request is JSON sent as {' or '.join(CONTENT_TYPES)}")
    if len(request.body) > MOST_BYTES:
        raise TooLarge(f"the request has at most {MOST_BYTES} bytes")
    try:
        sent = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise BadInput("the body is not valid JSON") from error
    if not isinstance(sent, dict):
        raise BadInput("the body must be a JSON object with site and visitor")
    return sent
