"""What of a call may be kept: no plain phone or e-mail, wherever a telephony put one. Pure."""

from __future__ import annotations

import re

from functions.numberpool.pbx.event import CallEvent, State, call_of
from functions.numberpool.pbx.reading import read_phone
from shared.identity import keyed_hash, numbers_of, phone_hash, private_id, redact

_RUN_OF_DIGITS = re.compile(r"[0-9]{8,}")
_LENGTHS = range(8, 16)  # of a phone, with its country's code
_LONG_RUN = re.compile(r"[0-9]{10,}")


def kept_of(event: CallEvent, identity: bytes) -> CallEvent:
    """The event without what is not to be kept: who answered without a phone, a recording only where it does not name the caller,
    its own id keyed (it is made of all of this)."""
    recording = event.recording
    if recording and private_id(recording, numbers_of([event.caller or ""]), identity) != recording:
        recording = None
    answered_by = None if read_phone(event.answered_by) else event.answered_by and redact(event.answered_by)
    keyed = keyed_hash("event", event.event_id, identity)
    return event._replace(recording=recording, answered_by=answered_by, event_id=keyed)


def settled(state: State, call_id: str, identity: bytes) -> State:
    """The call as it may be kept, now that more is known of it: without a recording that has the caller's phone in it, which the
    event that told it could not know, and, once the call is known, with its id in the form that the lake has for good."""
    caller = state.get("caller_hash", [None, None])[1]
    told = state.get("recording")
    if told and told[1] and caller and names(told[1], caller, identity):
        state = {**state, "recording": [told[0], None]}
    if "call_id" not in state and call_of(state) is not None:
        state = {**state, "call_id": [[0, 0], shown_id(call_id, caller, identity)]}
    return state


def shown_id(call_id: str, caller_hash: str | None, identity: bytes) -> str:
    """The call's id for the lake: hashed where it holds an e-mail or the caller's phone, by the rule of the CRM's door, so that
    both meet. Of a hidden caller whatever may be a phone is hashed."""
    is_named = names(call_id, caller_hash, identity) if caller_hash else bool(_LONG_RUN.search(call_id))
    if is_named:
        return keyed_hash("id", call_id, identity)
    return private_id(call_id, frozenset(), identity, is_open=not caller_hash)


def names(text: str, caller_hash: str, identity: bytes) -> bool:
    """Whether the caller's phone stands in a text, however the digits around it run on."""
    runs = _RUN_OF_DIGITS.findall(text)
    parts = {run[at : at + size] for run in runs for size in _LENGTHS for at in range(len(run) - size + 1)}
    spelled = (text for part in parts for text in ((f"+{part}", part) if len(part) == 10 else (f"+{part}",)))
    return any(phone_hash(text, identity) == caller_hash for text in spelled)
