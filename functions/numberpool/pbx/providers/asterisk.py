"""Asterisk: its own events, as the poster beside it sends them (infra/asterisk/poster.py), signed with Standard Webhooks.

A body is `{"events": […]}` or one event. AMI events are objects of their lines with `at`, the time when the poster heard them: they
have none of their own. ARI events are as Asterisk tells them. An event that cannot be read is rejected, the others are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.numberpool.pbx.adapter import Adapter, Heard, Reading, Refused, Reply
from functions.numberpool.pbx.event import CallEvent, by_content
from functions.numberpool.pbx.providers.asterisk_ami import event_of_ami
from functions.numberpool.pbx.providers.asterisk_ari import event_of_ari
from functions.numberpool.pbx.providers.asterisk_sides import Lines
from functions.numberpool.pbx.providers.bodies import object_of
from functions.numberpool.rules import rules_of
from shared.http import Request, Response, json_response
from shared.secrets import Secrets
from shared.signed import check_signed

DOOR = "calls-asterisk"
MOST_EVENTS = 100  # of a body: each is a transaction of its own, and a function lives 15 seconds


def _verify(request: Request, site: Mapping[str, Any], secrets: Secrets, rest: str) -> str:
    return check_signed(request, secrets, f"{site['site_id']}/{DOOR}", DOOR, request.body)


def _read(heard: Heard) -> Reading:
    told = object_of(heard.request.body)
    listed = told.get("events", [told])
    if not isinstance(listed, list) or len(listed) > MOST_EVENTS:
        raise Refused("bad_body", "events", f"must be a list of at most {MOST_EVENTS} events")
    lines = _lines(heard)
    events, bad, passed = [], [], ["empty"]
    for place, one in enumerate(listed):
        try:
            event = _event(one, lines, heard)
        except Refused as error:
            bad.append(Refused(error.reason, f"events[{place}].{error.path}", error.message))
            continue
        if isinstance(event, str):
            passed.append(event)
        else:
            events.append(by_content(event))
    return Reading(events, passed_over="" if events or bad else passed[-1], bad=bad)


def _event(told: object, lines: Lines, heard: Heard) -> CallEvent | str:
    """The event, or why it is passed over."""
    if not isinstance(told, dict):
        raise Refused("bad_event", "event", "must be an object")
    if "Event" in told:
        return event_of_ami(told, lines, heard.now)
    if "type" in told:
        return event_of_ari(told, lines, heard.now)
    raise Refused("bad_event", "event", "must have Event (AMI) or type (ARI)")


def _lines(heard: Heard) -> Lines:
    """The numbers of the site that its settings know: those of its pools are in the table."""
    rules = rules_of(heard.site)
    ours = frozenset([*rules.defaults, *rules.replaces, *(one.number for one in rules.static)])
    return Lines(ours, rules.default, frozenset(heard.own.get("contexts") or ()))


def _reply(reply: Reply) -> Response:
    bad = [{"path": refusal.path, "message": refusal.message} for refusal in reply.reading.bad]
    return json_response(200, {"events": len(reply.stored), "refused": bad})


ASTERISK = Adapter(name="asterisk", setting="asterisk", has_token=False, verify=_verify, read=_read, reply=_reply)
