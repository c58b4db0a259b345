"""/v1/calls/{provider}/{site}: a telephony tells of its calls, and may ask whose call it is and where to put it.

Steps, in order: provider → greeting → site → size → token → proof → quarantine → reading → who calls, where that is asked → each
event: assembled, resolved, caller remembered → lake → vault → a new request to the CRM → the answer that the telephony understands.
What is asked has a deadline (answering.py), what is told has none: it is stored however long that takes, and an answer that became
late by it is as if nothing were known. Each step may be repeated: ids derive from the events, so a repeated one gives the same
record, and a later one a new record of the same call, of which the latest counts. A store that fails is a 503, and the telephony
sends the event again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Adapter, Heard, Reading, Refused, Reply, Stored, checked_token, refused
from functions.numberpool.pbx.answering import Answers, Deadline, not_answered
from functions.numberpool.pbx.assembly import Assembled, Part, Who, assemble
from functions.numberpool.pbx.event import Call, CallEvent
from functions.numberpool.pbx.handover import HandOver
from functions.numberpool.pbx.private import kept_of, settled
from functions.numberpool.pbx.providers import ADAPTERS
from functions.numberpool.pbx.recordings import keep_recording
from functions.numberpool.pbx.resolve import Caller, Resolved, resolve
from functions.numberpool.pbx.routing import Found
from functions.numberpool.rules import Rules, rules_of
from functions.numberpool.store import Store
from shared.errors import BadInput, FieldError, NotFound, TooLarge
from shared.http import Request, Response
from shared.identity import keyed_hash, phone_hash
from shared.ids import derived_id
from shared.lake import Lake, Rejected
from shared.log import count
from shared.recordings import Reference, hosts_of
from shared.records import CALL, encode
from shared.secrets import Secrets
from shared.sites import Sites, known_site
from shared.times import EPOCH, lake_text
from shared.trying import or_try_later
from shared.vault import Vault, contacts_of

VIA = "pbx"
MOST_BYTES = 65_536


class CallDoor:
    """`s3` is a client; `bucket` is the lake's."""

    def __init__(
        self,
        sites: Sites,
        secrets: Secrets,
        store: Store,
        lake: Lake,
        vault: Vault,
        s3: Any,
        bucket: str,
        hand_over: HandOver,
        answers: Answers,
    ) -> None:
        self._sites, self._secrets, self._store, self._lake, self._vault = sites, secrets, store, lake, vault
        self._s3, self._bucket, self._hand_over = s3, bucket, hand_over
        self._answers = answers

    def take(self, request: Request) -> Response:
        """The telephony's own answer: by default 200 with what the call was resolved to.

        NotFound (provider, site), TooLarge, Unauthorized (not set up, token, signature), BadInput (what cannot be read: the event
        then lies in `rejected/` with its reason and the key of its quarantined body); TryLater while a store fails.
        """
        adapter = ADAPTERS.get(request.path_parameters.get("provider", ""))
        if adapter is None:
            raise NotFound(f"no telephony is called so here; known are: {', '.join(ADAPTERS)}")
        if (greeting := adapter.greet(request)) is not None:
            return greeting
        deadline = self._answers.within(adapter.answers_within)
        heard = self._heard(request, adapter)
        raw = request.body or request.raw_query.encode("utf-8", "surrogatepass")
        content = hashlib.sha256(raw).hexdigest()  # several events may share a proof
        name = derived_id(request.now, str(heard.site["site_id"]), heard.proof, request.request_id, content)
        key = f"quarantine/{adapter.door}/{request.now:%Y/%m/%d/%H}/{name}.{adapter.suffix}"
        or_try_later(
            lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=raw, ContentType=adapter.content_type),
            "the call",
            {"CallNotStored": 1},
        )
        try:
            reading = adapter.read(heard)
        except Refused as error:
            self._reject(heard, adapter, [error], key, name)
            raise BadInput("the call cannot be read", [FieldError(error.path, error.message)]) from error
        self._reject(heard, adapter, reading.bad, key, name)
        if reading.passed_over:
            count({"PassedOver": 1}, Door=adapter.door, Reason=reading.passed_over)
        return or_try_later(lambda: adapter.reply(self._done(heard, adapter, reading, deadline)), "the call", {"CallNotStored": 1})

    def _reject(self, heard: Heard, adapter: Adapter, bad: Sequence[Refused], key: str, name: str) -> None:
        told = [Rejected(one.reason, f"{one.path}: {one.message}", key) for one in bad]
        self._lake.reject(str(heard.site["site_id"]), adapter.door, told, name, heard.now)

    def _heard(self, request: Request, adapter: Adapter) -> Heard:
        site_id = request.path_parameters.get("site", "")
        site = known_site(self._sites, site_id, adapter.door, request.now)
        own = (site.get("calls") or {}).get(adapter.setting) if adapter.setting else {}
        if own is None:
            raise refused(adapter.door, "not_set_up", f"the site's settings do not open calls.{adapter.setting}")
        if len(request.body) > MOST_BYTES:
            raise TooLarge(f"the body is larger than {MOST_BYTES // 1024} KB")
        rest = request.path_parameters.get("rest", "")
        if adapter.has_token:
            rest = checked_token(adapter, own, rest)
        proof = adapter.verify(request, site, self._secrets, rest)
        return Heard(request, site, own, ZoneInfo(own.get("time_zone") or site["time_zone"]), rest, proof)

    def _done(self, heard: Heard, adapter: Adapter, reading: Reading, deadline: Deadline) -> Reply:
        rules, found = rules_of(heard.site), self._found(heard, adapter, reading, deadline)
        stored = [self._store_event(heard, adapter, rules, event) for event in reading.events]
        if found and stored and not any(is_new for _, is_new in stored):
            not_answered(adapter.door, "seen")  # asked again by the telephony, or by who recorded it
            found = None
        elif found and deadline.left < 0:
            not_answered(adapter.door, "late")
            found = None
        reply = Reply(heard, reading, [told for told, _ in stored], found)
        adapter.tell(reply, self._secrets)
        return reply

    def _found(self, heard: Heard, adapter: Adapter, reading: Reading, deadline: Deadline) -> Found | None:
        asked = reading.question
        if asked and asked.until and heard.now > asked.until:
            not_answered(adapter.door, "old")
            return None
        return self._answers.found(heard.request, heard.site, asked, adapter.door, deadline) if asked else None

    def _store_event(self, heard: Heard, adapter: Adapter, rules: Rules, event: CallEvent) -> tuple[Stored, bool]:
        """What became of it, and whether it came for the first time."""
        site_id, now = str(heard.site["site_id"]), heard.now
        identity = self._secrets.identity(now)
        # Keyed: a form could claim a request whose id can be computed. Not made of the call's time, which a correction may change:
        # the CRM has this id already.
        call = derived_id(EPOCH, keyed_hash("call", "\x1f".join((site_id, adapter.name, event.call_id)), identity))
        caller_hash = phone_hash(event.caller, identity) if event.caller else None
        resolutions: dict[Call, Resolved] = {}

        def resolved(known: Call) -> Resolved:
            if known not in resolutions:
                resolutions[known] = self._resolved(site_id, rules, call, known)
            return resolutions[known]

        kept = kept_of(event, identity)
        if event.recording and not kept.recording:
            count({"RecordingNotKept": 1}, Reason="phone")
        part = Part(kept, caller_hash, lambda state: settled(state, event.call_id, identity))
        done = assemble(self._store, site_id, call, part, lambda known: _who(resolved(known)), now, adapter.known_days)
        if done.call is None:
            count({"CallIncomplete": 1}, Door=adapter.door)
            return Stored(), done.is_new
        whose = resolved(done.call)
        # Whom the number was shown to makes no test call, even where the number came back and awaits one.
        is_tried = done.call.is_incoming and self._store.test_call(site_id, done.call.number, done.call.started_at, call)
        is_test = is_tried and whose.by not in ("lease", "late_lease")
        whose = Resolved("nothing") if is_test else whose
        request_id = call if done.call.is_incoming else None
        record = {
            **_record(heard, adapter, done, done.call),
            **_resolution(whose),
            "request_id": request_id,
            "is_test": is_test or None,
        }
        self._lake.append(CALL, [encode(CALL, record)], done.record_id, now)
        contacts = contacts_of([event.caller] if event.caller else [], [], identity)
        is_kept = self._vault.keep(heard.site, contacts, "", now) > 0
        if contacts and not is_test:
            self._hand_over.offer(heard.site, rules, self._store, done, call, whose, now, is_kept=is_kept)
        if not is_test:
            self._hand_over.offer_upload(heard.site, adapter.name, self._store, done, call, now)
        if request_id and done.call.recording and not is_test:
            told = Reference(adapter.name, done.call.recording, done.call.call_id, done.told_at)
            keep_recording(self._store, heard.site, request_id, told, done.call.caller_hash, identity)
        count({"CallResolved": 1}, Direction=record["direction"], ResolvedBy=whose.by)
        return Stored(request_id, whose.by, whose.visitor_id), done.is_new

    def _resolved(self, site_id: str, rules: Rules, call: str, known: Call) -> Resolved:
        caller = Caller(known.caller_hash, known.visitor_code)
        return resolve(
            self._store, site_id, rules, known.number, caller, known.started_at, is_incoming=known.is_incoming, call=call
        )


def _record(heard: Heard, adapter: Adapter, done: Assembled, known: Call) -> dict[str, Any]:
    return {
        "record_id": done.record_id,
        "site_id": heard.site["site_id"],
        "occurred_at": lake_text(known.started_at),
        "received_at": lake_text(done.told_at),
        "via": VIA,
        "provider": adapter.name,
        "call_id": known.call_id,
        "direction": "in" if known.is_incoming else "out",
        "number": known.number,
        "phone_hash": known.caller_hash,
        "is_answered": known.is_answered,
        "outcome": known.outcome,
        "wait_seconds": known.wait_seconds,
        "talk_seconds": known.talk_seconds,
        "answered_by": known.answered_by,
        "has_recording": True if known.recording and hosts_of(heard.site) else None,
    }


def _who(whose: Resolved) -> Who:
    return Who(whose.visitor_id, whose.visit)


def _resolution(whose: Resolved) -> Mapping[str, Any]:
    return {
        "visitor_id": whose.visitor_id,
        "resolved_by": whose.by,
        "lease_id": whose.lease_id,
        "other_visitor_id": whose.other.visitor_id if whose.other else None,
        "other_resolved_by": whose.other.by if whose.other else None,
        **whose.marks,
    }
