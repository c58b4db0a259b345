"""POST /v1/numbers/lease and /renew: the tracker asks for the number that its visitor sees.

Whatever happens behind this door, the page keeps a number: without a free one, or while a store fails, it is the source's static
number, the pool's default or the site's, and `reason` says why. What a visitor was answered goes to the lake, but for a number that
he had already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from functions.numberpool.asking.outcome import Asked, Outcome, lease_record
from functions.numberpool.asking.visit import MOST_USER_AGENT, kept_marks, stored_marks, visit_of
from functions.numberpool.choice import Number, choose
from functions.numberpool.codes import code_for
from functions.numberpool.pools import is_per_page, pool_of
from functions.numberpool.rules import Rules, rules_of, shown, static_for
from functions.numberpool.store import Lease, Store, is_lost_race
from shared.addresses import prefix_of, viewer_ip
from shared.errors import BadInput, FieldError, SkvozError, TooLarge, TryLater, Unauthorized, WrongType
from shared.http import Request, Response, error_response, json_response
from shared.ids import uuid7
from shared.lake import Lake
from shared.leases import POOL, Held, Item, is_pool_name, renew
from shared.log import count, logger
from shared.new_requests import CALL, channels_of
from shared.origins import cors_headers
from shared.records import LEASE, encode
from shared.robots import is_robot
from shared.secrets import Secrets
from shared.sites import Sites, known_site
from shared.times import from_lake_text, to_millis
from shared.visitors import SECRET, Visitor, read_visitor

DOOR = "numbers"
MOST_BYTES = 32_768  # two addresses and a referrer
CONTENT_TYPES = ("text/plain", "application/json")
RANDOM_BYTES = 16
OLDEST_TOKEN = timedelta(hours=24)
RENEW_EVERY = 60  # seconds of a visitor's activity between two signs of life
TRIES = 4
NO_CODE = ("robot", "too_many_from_address")  # a flood of new visitors would use the codes up


class LeaseDoor:
    """The tracker's two routes."""

    def __init__(self, sites: Sites, secrets: Secrets, store: Store, lake: Callable[[], Lake]) -> None:
        """`lake` is asked for when the first record is written: renewals do without."""
        self._sites, self._secrets, self._store, self._lake = sites, secrets, store, lake

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
        rules, asked = rules_of(site), self._asked(request, sent, site)
        outcome = self._outcome(asked, request, randomness) if asked.visitor_id else Outcome("unavailable")
        answer = _given(rules, asked, outcome)
        count({"LeaseGiven": 1}, Kind=answer["kind"], Reason=outcome.how)
        if outcome.how != "kept":
            self._record(lease_record(asked, outcome, answer["kind"], answer["number"]))
        if is_per_page(rules):
            answer["per_page"] = True
        if sent.get("code") is True and rules.visitor_codes and asked.visitor_id and outcome.how not in NO_CODE:
            answer.update(self._code(asked))
        return answer

    def _asked(self, request: Request, sent: dict[str, Any], site: Mapping[str, Any]) -> Asked:
        site_id, rules, visit = str(site["site_id"]), rules_of(site), visit_of(sent, request.headers, site)
        try:
            visitor_id = self._visitor(request, sent, site_id, OLDEST_TOKEN).visitor_id
        except TryLater:
            visitor_id = ""
        pool, prefix = pool_of(rules, visit), prefix_of(viewer_ip(request.headers, request.source_ip, site))
        is_test = sent.get("test") is True
        way = _way_of(sent, site_id, visitor_id, request.now) if CALL in channels_of(site) else None
        return Asked(site_id, visitor_id, visit, pool, rules.of_pool(pool), prefix, request.now, is_test, way)

    def _outcome(self, asked: Asked, request: Request, randomness: bytes) -> Outcome:
        if is_robot(request.headers.get("user-agent", "")[:MOST_USER_AGENT]):
            return Outcome("robot")
        try:
            return self._try(asked, randomness)
        except Exception as error:
            logger().error("no lease: the store failed", extra={"site_id": asked.site_id, "error": type(error).__name__})
            return Outcome("unavailable")

    def _try(self, asked: Asked, randomness: bytes) -> Outcome:
        """Look and take, at most TRIES times; each time among more of the free numbers, as others reach for them too."""
        now, rules, marks = to_millis(asked.now), asked.rules, kept_marks(stored_marks(asked.visit.marks))
        seen: Sequence[Number] = ()
        for turn in range(TRIES):
            fresh = hashlib.sha256(randomness + bytes([turn])).digest()
            seen = self._store.numbers(asked.site_id, asked.pool)
            pick = int.from_bytes(fresh[16:], "big")
            choice = choose(seen, asked.visitor_id, asked.prefix, now, rules, pick, 4**turn)
            if isinstance(choice, str):
                return Outcome(choice, seen=seen)
            chosen = choice.number
            if choice.how == "kept":
                if self._prolong(asked, chosen):
                    left = (chosen.until - now) // 1000
                    return Outcome("kept", chosen, chosen.lease_id, max(rules.lease_seconds, left), seen)
            else:
                lease_id, until = uuid7(asked.now, fresh), now + rules.first_lease_seconds * 1000
                way = asked.way(lease_id) if asked.way else None
                lease = Lease(lease_id, asked.visitor_id, asked.prefix, now, until, marks, way)
                if self._store.open(asked.site_id, chosen, lease, seen, asked.pool):
                    return Outcome(choice.how, chosen, lease_id, rules.first_lease_seconds, seen)
            count({"LeaseConflict": 1})
        return Outcome("busy", seen=seen)

    def _prolong(self, asked: Asked, chosen: Number) -> bool:
        held = Held(chosen.number, chosen.lease_id, asked.pool)
        span = timedelta(seconds=asked.rules.lease_seconds)
        try:
            return renew(self._store.dynamodb, self._store.table, asked.site_id, held, asked.visitor_id, asked.now, span)
        except self._store.dynamodb.exceptions.ClientError as error:
            if is_lost_race(error):
                return False
            raise

    def _record(self, record: dict[str, Any]) -> None:
        """A lake that fails costs the record, never the visitor his number."""
        now = from_lake_text(record["received_at"])
        try:
            self._lake().append(LEASE, [encode(LEASE, record)], record["record_id"], now)
        except Exception as error:
            count({"LeaseRecordLost": 1})
            told = {"site_id": record["site_id"], "error": type(error).__name__}
            logger().error("what a visitor was answered could not be recorded", extra=told)

    def _code(self, asked: Asked) -> dict[str, str]:
        """The visitor's code for the answer; nothing while it cannot be given."""
        try:
            marks = kept_marks(stored_marks(asked.visit.marks))
            code = code_for(self._store, asked.site_id, asked.visitor_id, asked.now, marks)
        except Exception as error:
            logger().error("no visitor code: the store failed", extra={"site_id": asked.site_id, "error": type(error).__name__})
            code = None
        if code is None:
            count({"CodeNotGiven": 1})
            return {}
        return {"code": code}

    def _renew(self, request: Request, sent: dict[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
        held = _held(sent.get("lease"))
        site_id = str(site["site_id"])
        visitor = self._visitor(request, sent, site_id, None)
        seconds = rules_of(site).of_pool(held.pool).lease_seconds
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


def _way_of(sent: Mapping[str, Any], site_id: str, visitor_id: str, now: datetime) -> Callable[[str], Item]:
    from functions.numberpool.asking.way import told_way  # reads addresses: no cold start of other sites waits for it

    return lambda lease_id: told_way(sent, site_id, visitor_id, lease_id, now)


def _given(rules: Rules, asked: Asked, outcome: Outcome) -> dict[str, Any]:
    """The leased number; otherwise the static number of the visitor's source, the pool's own, the site's own, none: never one that
    another visitor sees. A robot is no visitor of any source. What is swapped on the page: these own numbers and `replaces`, but
    not those of other pools, which stand beside them on a page of contacts."""
    own = asked.rules
    answer: dict[str, Any] = {"lease": None, "renew_every": RENEW_EVERY}
    number: str | None
    if outcome.number:
        number, kind = outcome.number.number, "dynamic"
        answer["lease"] = {"id": outcome.lease_id, "expires_in": outcome.seconds, "pool": asked.pool}
    else:
        static = static_for(own, asked.visit.marks) if outcome.how != "robot" else None
        number = static.number if static else own.default
        kind = "static" if static else "default" if number else "none"
        answer["reason"] = outcome.how
    swapped = [default for default in (own.default, rules.default) if default]
    return {
        "number": number,
        "shown": shown(number, rules.shown_as) if number else None,
        "kind": kind,
        "replaces": list(dict.fromkeys([*swapped, *rules.replaces])),
        **answer,
    }


def _held(sent: object) -> Held:
    number, lease_id, pool = (sent.get("number"), sent.get("id"), sent.get("pool", POOL)) if isinstance(sent, dict) else [None] * 3
    if not isinstance(number, str) or not isinstance(lease_id, str):
        raise BadInput(
            "the request does not say what it holds", [FieldError("lease", "must have number and id, as they were leased")]
        )
    if not isinstance(pool, str) or not is_pool_name(pool):
        raise BadInput(
            "the request does not say what it holds", [FieldError("lease.pool", "must be the pool of the answer's lease")]
        )
    return Held(number, lease_id, pool)


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
