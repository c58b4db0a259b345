"""What the door asks of a telephony's adapter, and what adapters have in common. Pure but for the proof's counts.

An adapter is a module of `providers/` with one `Adapter`: how the telephony proves itself, how its bodies are read, what it wants
to hear back. Everything else (site, size, quarantine, assembling, resolving, lake) is the door's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.assembly import CALL_DAYS
from functions.numberpool.pbx.event import CallEvent
from functions.numberpool.pbx.routing import Found
from shared.errors import Unauthorized
from shared.http import Request, Response, json_response
from shared.log import count
from shared.secrets import Secrets
from shared.security import token_fits

Reason = Literal[
    "bad_body", "bad_id", "bad_number", "bad_direction", "bad_time", "too_old", "in_future", "bad_duration", "bad_event",
]  # fmt: skip


class Refused(Exception):
    """The event is not stored: `reason` is of a closed set (counted), `path` the field, `message` for the sender, without
    values."""

    def __init__(self, reason: Reason, path: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.path, self.message = reason, path, message


class Heard(NamedTuple):
    """A request that proved itself. `own`: the provider's part of the site's settings `calls`; `zone`: of times without an offset;
    `rest`: the path after the site (after the token, for telephonies that have one); `proof`: what `verify` gave."""

    request: Request
    site: Mapping[str, Any]
    own: Mapping[str, Any]
    zone: ZoneInfo
    rest: str
    proof: str

    @property
    def now(self) -> datetime:
        return self.request.now


class Question(NamedTuple):
    """A call rings and the telephony asks who it is and where it should go. `code`: digits that the caller dialled. `until`: from
    then on an answer helps nobody but who kept the question to ask it again; None where the telephony tells no time of its own."""

    number: str
    caller: str | None
    code: str | None = None
    until: datetime | None = None


class Reading(NamedTuple):
    """What a body tells: events, a question, both, or nothing that concerns us (`passed_over`: why, counted). `bad`: parts of a
    body of several calls that cannot be read; they are rejected, the rest is stored."""

    events: Sequence[CallEvent] = ()
    question: Question | None = None
    passed_over: str = ""
    bad: Sequence[Refused] = ()


class Stored(NamedTuple):
    """What became of an event: None for all where the call is not known well enough yet."""

    request_id: str | None = None
    resolved_by: str | None = None
    visitor_id: str | None = None


class Reply(NamedTuple):
    """All that an answer can be made of. `found` is None where nothing was asked, and where the answer is that nothing is known:
    a store failed or was slow, the question is an old one or came before (counted)."""

    heard: Heard
    reading: Reading
    stored: Sequence[Stored]
    found: Found | None


def verify_nothing(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    """For a telephony whose token was checked by the door."""
    return ""


def plain_reply(reply: Reply) -> Response:
    """200 with what became of the first event, and who calls where that was asked."""
    first = reply.stored[0] if reply.stored else Stored()
    return json_response(200, {**first._asdict(), **(reply.found.told() if reply.found else {})})


def no_greeting(request: Request) -> Response | None:
    """For a telephony that does not look whether we are there."""
    return None


def tell_nothing(reply: Reply, secrets: Secrets) -> None:
    """For a telephony that asks, or is told nothing."""


class Adapter(NamedTuple):
    """One telephony.

    `has_token`: it cannot sign, and the first part of the path after the site must be a token of its settings. `verify(request,
    site, secrets, rest)` gives the proof (an id of the delivery, or "") or raises Unauthorized (count with `refused`), TryLater.
    `read(heard)` raises Refused. `reply(reply)` is the answer that it understands. `greet(request)` answers what comes before any
    proof (a look whether the address works), or None. `tell(reply, secrets)` is for telephonies that do not read the route out of
    an answer; it never raises. `setting`: its part of `calls`, without which its door is closed; "": always
    open. `answers_within`: seconds in which a question is answered, or as if nothing were known. `known_days`: how long after its
    last event a call is known again; the longer where bodies tell no time of their own, so that none can be refused as too old.
    """

    name: str
    setting: str
    has_token: bool
    verify: Callable[[Request, Mapping[str, Any], Secrets, str], str]
    read: Callable[[Heard], Reading]
    reply: Callable[[Reply], Response] = plain_reply
    greet: Callable[[Request], Response | None] = no_greeting
    tell: Callable[[Reply, Secrets], None] = tell_nothing
    content_type: str = "application/json"
    suffix: str = "json"
    answers_within: float = 2.0
    known_days: int = CALL_DAYS

    @property
    def door(self) -> str:
        """Name of the door in metrics, secrets, rejects and quarantine."""
        return f"calls-{self.name}"


def refused(door: str, reason: Literal["signature", "no_secret", "token", "not_set_up"], message: str) -> Unauthorized:
    """The error to raise, counted."""
    count({"Refused": 1}, Door=door, Reason=reason)
    return Unauthorized(message)


def checked_token(adapter: Adapter, own: Mapping[str, Any], rest: str) -> str:
    """The path after its token; Unauthorized where the token is not one of the settings'."""
    token, _, after = rest.partition("/")
    if not token_fits(token, own.get("token_sha256") or ()):
        raise refused(adapter.door, "token", "the address has no valid token of this site's telephony")
    return after
