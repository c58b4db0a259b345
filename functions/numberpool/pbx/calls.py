"""POST /v1/calls/generic/{site}: a PBX tells of a call that ended.

Steps, in order: site → size → signature → JSON → quarantine → reading → resolving → caller remembered → lake → vault → 200.
Each may be repeated: ids derive from the event (its webhook-id and what it tells), so a repeated one gives the same record, and a
correction a new record of the same call, of which the latest counts, even where it goes back to what was told first. A store that
fails is a 503, and the PBX sends the event again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from functions.numberpool.pbx.callers import Memory, remember
from functions.numberpool.pbx.resolve import Resolved, resolve
from functions.numberpool.pbx.told import Refused, Told, read_call
from functions.numberpool.rules import rules_of
from functions.numberpool.store import Store
from shared.errors import BadInput, FieldError, TooLarge
from shared.http import Request, Response, json_response
from shared.identity import keyed_hash, numbers_of, phone_hash, private_id
from shared.ids import derived_id
from shared.lake import Lake, Rejected
from shared.log import count
from shared.records import CALL, encode
from shared.secrets import Secrets
from shared.signed import check_signed
from shared.sites import Sites, known_site
from shared.times import EPOCH, lake_text
from shared.trying import or_try_later
from shared.vault import Vault, contacts_of

DOOR = "calls-generic"
PROVIDER = "generic"
VIA = "pbx"
QUARANTINE = f"quarantine/{DOOR}/"
MOST_BYTES = 65_536

T = TypeVar("T")


class CallDoor:
    """`s3` is a client; `bucket` is the lake's."""

    def __init__(self, sites: Sites, secrets: Secrets, store: Store, lake: Lake, vault: Vault, s3: Any, bucket: str) -> None:
        self._sites, self._secrets, self._store, self._lake, self._vault = sites, secrets, store, lake, vault
        self._s3, self._bucket = s3, bucket

    def take(self, request: Request) -> Response:
        """200 with what the call was resolved to.

        NotFound (site), TooLarge, Unauthorized, BadInput (no JSON object, or a field that cannot be read: the call then lies in
        `rejected/` with its reason and the key of its quarantined body); TryLater while a store fails.
        """
        site_id = request.path_parameters.get("site", "")
        site = known_site(self._sites, site_id, DOOR, request.now)
        if len(request.body) > MOST_BYTES:
            raise TooLarge(f"the body is larger than {MOST_BYTES // 1024} KB")
        webhook_id = check_signed(request, self._secrets, f"{site_id}/{DOOR}", DOOR, request.body)
        body = _read(request.body)
        key = f"{QUARANTINE}{request.now:%Y/%m/%d/%H}/{derived_id(request.now, site_id, webhook_id, request.request_id)}.json"
        _stored(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=request.body, ContentType="application/json"))
        try:
            told = read_call(body, request.now)
        except Refused as refused:
            batch_id = derived_id(request.now, site_id, webhook_id, request.request_id)
            self._lake.reject(
                site_id, DOOR, [Rejected(refused.reason, f"{refused.path}: {refused.message}", key)], batch_id, request.now
            )
            raise BadInput("the call cannot be read", [FieldError(refused.path, refused.message)]) from refused
        return _stored(lambda: self._store_call(request, site, told, webhook_id))

    def _store_call(self, request: Request, site: Any, told: Told, webhook_id: str) -> Response:
        site_id, rules = str(site["site_id"]), rules_of(site)
        identity = self._secrets.identity(request.now)
        told = told._replace(call_id=private_id(told.call_id, numbers_of([told.caller or ""]), identity))
        caller_hash = phone_hash(told.caller, identity)
        # Keyed: a form could claim a request whose id can be computed. Not made of the call's time, which a correction may change:
        # the CRM has this id already.
        call = derived_id(EPOCH, keyed_hash("call", "\x1f".join((site_id, PROVIDER, told.call_id)), identity))
        resolved = resolve(
            self._store, site_id, rules, told.number, caller_hash, told.started_at, is_incoming=told.is_incoming, call=call
        )
        request_id = call if told.is_incoming else None
        record = _record(request, site_id, told, caller_hash, request_id, resolved)
        # Keyed too: it has the caller's phone in it.
        content = keyed_hash("event", "\x1f".join((webhook_id, told.content())), identity)
        record["record_id"] = derived_id(told.started_at, site_id, PROVIDER, told.call_id, content)
        memory = None
        if told.is_incoming and caller_hash and resolved.visitor_id:
            memory = Memory(caller_hash, told.started_at, resolved.visitor_id)
        remember(self._store, site_id, call, record["record_id"], memory, request.now)
        self._lake.append(CALL, [encode(CALL, record)], record["record_id"], request.now)
        self._vault.keep(site, contacts_of([told.caller] if told.caller else [], [], identity), "", request.now)
        count({"CallResolved": 1}, Direction=record["direction"], ResolvedBy=resolved.by)
        return json_response(200, {"request_id": request_id, "resolved_by": resolved.by, "visitor_id": resolved.visitor_id})


def _record(
    request: Request, site_id: str, told: Told, caller_hash: str | None, request_id: str | None, resolved: Resolved
) -> dict[str, Any]:
    return {
        "site_id": site_id,
        "occurred_at": lake_text(told.started_at),
        "received_at": lake_text(request.now),
        "via": VIA,
        "provider": PROVIDER,
        "call_id": told.call_id,
        "request_id": request_id,
        "direction": "in" if told.is_incoming else "out",
        "number": told.number,
        "phone_hash": caller_hash,
        "is_answered": told.is_answered,
        "wait_seconds": told.wait_seconds,
        "talk_seconds": told.talk_seconds,
        "visitor_id": resolved.visitor_id,
        "resolved_by": resolved.by,
        "lease_id": resolved.lease_id,
        **resolved.marks,
    }


def _read(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        count({"Refused": 1}, Door=DOOR, Reason="bad_json")
        raise BadInput(f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    if not isinstance(content, dict):
        count({"Refused": 1}, Door=DOOR, Reason="bad_json")
        raise BadInput("the body must be a JSON object, one call")
    return content


def _stored(act: Callable[[], T]) -> T:
    return or_try_later(act, "the call", {"CallNotStored": 1})
