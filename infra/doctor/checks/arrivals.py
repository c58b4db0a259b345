"""Data arrive: no door is silent for longer than usual, ad accounts go on, and what was refused is named with its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from infra.doctor.checks.reasons import LOSES_DATA, meaning_of
from infra.doctor.facts import REJECTED_DAYS, SAMPLED_DAYS, Refused, SiteFacts, StackFacts
from infra.doctor.finding import Finding, broken, look
from shared.settings import SiteSettings
from shared.times import local_day

_LEAST_DAYS = 5  # with records, before anything is called usual
_RARELY = timedelta(days=7)
_LATE_COSTS = 3  # days: ad systems settle theirs within two


class Door(NamedTuple):
    """A kind of records: what people call it, the shortest silence worth a word, whether its silence loses data, where to look."""

    words: str
    least: timedelta
    is_grave: bool
    do: str


_HOUR = timedelta(hours=1)
DOORS = {
    "hit": Door(
        "hits", 6 * _HOUR, True, "is the tag on the pages, does the API answer? docs/operations.md, add a site: the tracker's check"
    ),
    "request": Door("requests (forms, chats)", 24 * _HOUR, False, "send a form of the site yourself: docs/tracker.md, forms"),
    "call": Door("calls", 24 * _HOUR, True, "call a number of the site; the telephony's log of webhooks; docs/telephony.md"),
    "crm_event": Door("CRM events", 24 * _HOUR, True, "is the CRM's webhook switched on, with our address? docs/crm.md"),
    "cost": Door("ad costs", 36 * _HOUR, False, "put the new file into costs/inbox/ (docs/operations.md, cost files)"),
}


def silence(facts: SiteFacts) -> Iterator[Finding]:
    """Every door that the settings open has told something, and not for longer than usual nothing."""
    if facts.settings is None:
        return
    for kind, door in DOORS.items():
        arrivals = facts.arrivals.get(kind)
        if arrivals is None:
            continue
        tell = broken if door.is_grave else look
        if arrivals.last_at is None:
            if is_expected(kind, facts.settings):
                what = f"no {door.words} in the last {SAMPLED_DAYS} days"
                yield tell(facts.site_id, "arrivals", what, door.do)
        elif facts.now - arrivals.last_at > (usual := usual_silence(arrivals.days, facts.now, door.least)):
            what = (
                f"no {door.words} since {arrivals.last_at:%Y-%m-%d %H:%M} UTC; they are never silent for more than {_span(usual)}"
            )
            yield tell(facts.site_id, "arrivals", what, door.do)


def is_expected(kind: str, site: SiteSettings) -> bool:
    """Whether somebody should tell of these at all."""
    crm, calls = site.crm, site.calls
    if kind == "call":
        telephonies = (calls.uis, calls.mango, calls.zadarma, calls.twilio, calls.calltouch, calls.mikopbx, calls.asterisk)
        return any(telephonies) or bool(site.numbers.pools or site.numbers.static)
    return bool(crm.token_sha256) if kind == "crm_event" else True


def usual_silence(days: frozenset[date], now: datetime, least: timedelta) -> timedelta:
    """How long nothing may come: the door's own least where records came every day, else a day more than the longest pause between
    two days with records."""
    known = sorted(days)
    if len(known) < _LEAST_DAYS:
        return max(least, _RARELY)
    longest = max((later - earlier).days for earlier, later in pairwise(known))
    return least if longest <= 1 else max(least, timedelta(days=longest + 1))


def _span(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours < 72 else f"{hours // 24} days"


def ad_accounts(facts: SiteFacts) -> Iterator[Finding]:
    """An ad account that had costs every day has them still. Days that an import covers with nothing are no gap."""
    if facts.settings is None:
        return
    today = local_day(facts.now, facts.settings.time_zone)
    for account, days in sorted(facts.cost_days.items()):
        known = sorted(day for day in days if day < today)
        covered = max(facts.covered_days.get(account, days))
        if not known or (today - covered).days <= _LATE_COSTS:
            continue
        week = [day for day in known if (known[-1] - day).days < 7]
        if len(week) == 7:
            what = f"ad account {account} had costs every day up to {known[-1]}; nothing was imported for the days since"
            yield look(facts.site_id, "costs", what, "put its file of these days into costs/inbox/ (zero rows, if it stands still)")


def refused_records(facts: SiteFacts) -> Iterator[Finding]:
    """What doors refused lately, with what the reason means."""
    yield from (_refused(facts.site_id, one) for one in facts.rejected)


def refused_of_nobody(facts: StackFacts) -> Iterator[Finding]:
    """The same of records that name no site of the stack."""
    yield from (_refused("", one) for one in facts.rejected)


def _refused(site_id: str, one: Refused) -> Finding:
    tell = broken if one.reason in LOSES_DATA else look
    meaning = meaning_of(one.reason)
    what = f"{one.records} refused by the door {one.door} in {REJECTED_DAYS} days: {one.reason}, {meaning.words}"
    last = f" Last: {one.message[:200]}." if one.message else ""
    return tell(site_id, "refused records", f"{what}.{last}", f"{meaning.do}; the records: rejected/{one.door}/ of the lake bucket")
