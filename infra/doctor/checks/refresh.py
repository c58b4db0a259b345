"""Refresh and report go on, and no alarm of the stack rings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from functions.report.delivery.suppressed import address_hash, masked
from infra.doctor.facts import SiteFacts, StackFacts
from infra.doctor.finding import Finding, broken, look, note
from infra.doctor.gathering.stack import FAILED_EVENTS, QUEUES

_HOURS = 6  # the template's MostHoursWithoutRefresh
_LONG_RUN = timedelta(hours=2)
# How long the most frequent of a site's reports may be away.
_REPORT_LATE = {"day": timedelta(hours=36), "week": timedelta(days=9), "month": timedelta(days=34)}
_SAID_ELSEWHERE = {f"{name}Alarm" for name in (*QUEUES.values(), FAILED_EVENTS)}


def refreshed(facts: SiteFacts) -> Iterator[Finding]:
    """The site's marts were brought up to date within MostHoursWithoutRefresh hours."""
    if facts.refresh is None or facts.settings is None:
        return
    again = (
        f"skvoz refresh --stack {facts.stack.name}" if facts.stack else f"skvoz refresh --lake DIR --settings {facts.site_id}.yaml"
    )
    log = "the log of the attribution function names statement and remedy"
    state = facts.refresh
    if state.failure:
        yield broken(facts.site_id, "refresh", f"the running refresh gave the site up: {state.failure}", f"{log}; then {again}")
    if state.completed_at is None:
        yield broken(facts.site_id, "refresh", "no refresh was ever completed: there are no figures", again)
        return
    hours = int(facts.stack.parameters.get("MostHoursWithoutRefresh") or _HOURS) if facts.stack else _HOURS
    late = facts.now - state.completed_at
    if facts.stack is not None and late > timedelta(hours=hours):
        what = (
            f"the last complete refresh is of {state.completed_at:%Y-%m-%d %H:%M} UTC, {late.total_seconds() / 3600:.0f} hours ago"
        )
        yield broken(facts.site_id, "refresh", what, f"{log}; {again}")
    elif state.begun_at is not None and not state.is_running and facts.now - state.begun_at > _LONG_RUN and not state.failure:
        what = f"a refresh that began at {state.begun_at:%Y-%m-%d %H:%M} UTC left the site half done: reports wait"
        yield broken(facts.site_id, "refresh", what, f"{log}; {again}")


def reported(facts: SiteFacts) -> Iterator[Finding]:
    """Reports go out, as often as somebody should get one, and reach everybody."""
    site, stack = facts.settings, facts.stack
    if site is None or stack is None:
        return
    if not site.report.recipients:
        yield note(facts.site_id, "report", "nobody gets the report", "settings: report.recipients")
        return
    if stack.parameters and not stack.parameters.get("MailFrom"):
        what = f"{len(site.report.recipients)} people should get the report, but the stack has no sender: nothing is sent"
        yield broken(facts.site_id, "report", what, "deploy with the parameter MailFrom (docs/operations.md, deploy)")
        return
    if facts.report is None:
        return
    do = "the log of the report function says why; skvoz doctor's findings about the refresh first"
    if facts.report.stuck:
        what = f"{facts.report.stuck} mails of the report were begun and not finished: the run that sent them died"
        yield look(facts.site_id, "report", what, do)
    if facts.report.sent_at is None:
        yield look(facts.site_id, "report", "no report was ever sent", do)
    elif facts.now - facts.report.sent_at > min(_REPORT_LATE[kind] for one in site.report.recipients for kind in one.every):
        what = f"the last report was sent on {facts.report.sent_at:%Y-%m-%d %H:%M} UTC"
        yield broken(facts.site_id, "report", what, do)
    lost = [one.address for one in site.report.recipients if _hash(one.address) in facts.report.suppressed]
    if lost:
        what = f"no report reaches {', '.join(map(masked, lost))}: the mailbox gives mail back, or its reader called one spam"
        do = "mend the address in report.recipients, or: skvoz report unsuppress ADDRESS --stack NAME"
        yield look(facts.site_id, "report", what, do)


def _hash(address: str) -> str:
    try:
        return address_hash(address)
    except ValueError:  # an address that no mail can carry; sending to it tells
        return ""


def alarms(facts: StackFacts) -> Iterator[Finding]:
    """Alarms that ring and that no other check speaks of; and whether anybody hears them."""
    for name, description in facts.alarms:
        if name not in _SAID_ELSEWHERE:
            yield broken("", "alarms", f"{name} rings: {description}", "docs/operations.md, alarms")
    if facts.parameters and not facts.parameters.get("AlarmMail"):
        yield look("", "alarms", "nobody is told when an alarm rings", "deploy with the parameter AlarmMail; confirm its mail")


def unread_of_stack(facts: StackFacts) -> Iterator[Finding]:
    """What could not be looked at, and why: a right that the operator lacks hides a part."""
    for what, why in facts.unread.items():
        yield look("", "doctor", f"could not look at {what} ({why})", "read rights of an operator: docs/operations.md, doctor")


def unread_of_site(facts: SiteFacts) -> Iterator[Finding]:
    """The same of a site's parts."""
    for what, why in facts.unread.items():
        yield look(
            facts.site_id, "doctor", f"could not look at {what} ({why})", "read rights of an operator: docs/operations.md, doctor"
        )
