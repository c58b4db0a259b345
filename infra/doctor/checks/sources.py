"""Source control, by the figures of the newest report: requests without a source, deals nobody sorted, values nobody knows, money
that cannot be counted. What each figure is: docs/method.md, source control; docs/operations.md, data quality."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from functions.report.marts.tree import NO_SOURCE
from functions.report.snapshot.scope import Seen, names_of, unknown_channels
from infra.doctor.facts import SiteFacts
from infra.doctor.finding import Finding, Severity, look, note
from shared.settings import published
from shared.sources import OTHER_TRAFFIC

Told = Mapping[str, Any]
_MOST_LOST = 0.2  # share of requests without a source that deserves a look even where it is as ever
_MOST_DAYS_UNSORTED = 3
_LEAST_DEALS = 20
_MOST_NAMED = 5
_MOST_UNMATCHED = 0.3
_WORDS = {
    "not_passed": (
        "carry no key that leads to a visit",
        "hand skvoz_request_id to the CRM, send forms, chats and calls to us (docs/crm.md)",
    ),
    "overwritten": (
        "had a source that the CRM or a link wrote over",
        "let the CRM keep utm fields and skvoz_request_id as they came",
    ),
    "not_determined": (
        "are of visitors whose visit was not seen",
        "is the tracker on every page? calls without a number of their own?",
    ),
}


def control(facts: SiteFacts) -> Iterator[Finding]:
    """What the report's source control found, in its order."""
    told = (facts.figures or {}).get("source_control") or {}
    for finding in told.get("findings", ()):
        words = FINDINGS.get(finding["code"])
        if words is not None and (said := words(finding)) is not None:
            yield Finding(said[0], facts.site_id, "source control", said[1], said[2])


Said = tuple[Severity, str, str] | None


def _lost(told: Told) -> Said:
    words, do = _WORDS[told["code"]]
    share, before = told["share"] or 0.0, told["share_before"]
    was = "" if before is None else f", {before:.0%} the period before"
    what = f"{told['requests']} requests ({share:.0%}{was}) have no source: they {words}"
    return (Severity.LOOK if share >= _MOST_LOST or told["is_jump"] else Severity.NOTE), what, do


def _silent(told: Told) -> Said:
    what = f"channel {told['channel']} brought {told['requests']} requests, {told['requests_before']} the period before"
    last = f"; the last on {told['last_day']}" if told["last_day"] else ""
    return Severity.LOOK, what + last, "does the advertising run, do its links have their marks? skvoz source audit"


def _nobody(told: Told) -> Said:
    what = f"nobody got in touch in the period; {told['requests_before']} requests the period before"
    return (
        Severity.BROKEN,
        what,
        "is the tracker on the site, do telephony and CRM tell us anything? the findings above say which is silent",
    )


def _handmade(told: Told) -> Said:
    named = ", ".join(f"{one['manager']} {one['deals']}" for one in told["managers"])
    what = f"{told['without_source']} of {told['deals']} deals made by hand have no source" + (f" (most: {named})" if named else "")
    return (
        Severity.LOOK,
        what,
        "ask the managers to choose the CRM's source field (crm.….fields.source), or to make the deal from the request",
    )


def _method(told: Told) -> Said:
    what = f"deals tied by {told['method']}: {told['share']:.0%}, {told['share_before']:.0%} the period before"
    return Severity.LOOK, what, "does the CRM still keep skvoz_request_id, skvoz_visitor_id and skvoz_call_id? docs/crm.md"


def _unsorted(told: Told) -> Said:
    days = told["oldest_days"]
    place = f"{told['pipeline']}, {told['stage']}".strip(", ")
    what = f"{told['deals']} deals are not sorted yet, the oldest for {days:.1f} days ({place})"
    return (
        (Severity.LOOK if days > _MOST_DAYS_UNSORTED else Severity.NOTE),
        what,
        "somebody should sort them: till then they are no requests",
    )


def _stage(told: Told) -> Said:
    what = f"{told['deals']} deals stand at a stage without a meaning: {told['pipeline']}, {told['stage']}"
    return Severity.LOOK, what, "settings: stages, give it one; history follows with the next refresh"


def _slow(told: Told) -> Said:
    what = (
        f"{told['deals']} deals stand at {told['pipeline']}, {told['stage']} for {told['days']:.1f} days on average, "
        f"usual are {told['usual_days']:.1f}"
    )
    return Severity.NOTE, what, "work for sales, not for the settings"


def _new(told: Told) -> Said:
    named = ", ".join(one["source"] for one in told["sources"][:_MOST_NAMED])
    return (
        Severity.NOTE,
        f"{told['total']} sources were never seen before: {named}",
        "is each meant? docs/sources.md; skvoz source audit",
    )


FINDINGS: Mapping[str, Callable[[Told], Said]] = {
    **dict.fromkeys(_WORDS, _lost),
    "silent": _nobody,
    "channel_silent": _silent,
    "channel_fell": _silent,
    "handmade": _handmade,
    "match_fell": _method,
    "match_rose": _method,
    "unsorted": _unsorted,
    "unknown_stage": _stage,
    "slow_stage": _slow,
    "new_sources": _new,
}


def unknown_values(facts: SiteFacts) -> Iterator[Finding]:
    """Values of utm_source and utm_medium that no rule knows and that are new."""
    quality = _quality(facts)
    new = [one for one in quality.get("unknown_values", {}).get("values", ()) if one["is_new"]]
    if new:
        named = ", ".join(f"{one['parameter']}={one['value']} ({one['visits']} visits)" for one in new[:_MOST_NAMED])
        what = f"{len(new)} values of marks are new and no rule knows them: {named}"
        yield look(facts.site_id, "marks", what, "settings: sources.own[].synonyms; or mend the link; skvoz source audit lists all")


def money(facts: SiteFacts) -> Iterator[Finding]:
    """Money and spend have rates, sales have a cost price, and some deal reached its money stage."""
    quality, totals = _quality(facts), (facts.figures or {}).get("totals", {})
    for one in quality.get("without_rate", ()):
        of = f"{one['what']} ({one['currency'] or 'no currency'})"
        what = f"{one['lines']} lines of {of} have no rate of their day and count nowhere"
        yield look(facts.site_id, "money", what, "settings: rates, one for each such day")
    unpriced = float(quality.get("without_cost_price", {}).get("revenue") or 0)
    revenue = float(totals.get("revenue") or 0)
    if unpriced > 0 and revenue > 0:
        what = f"{unpriced / revenue:.0%} of the revenue has no cost price: margin ROMI cannot be judged"
        yield look(facts.site_id, "money", what, "let the CRM tell it (crm.….fields.cost_price), or settings: margins")
    deals = quality.get("deals", {}).get("made", 0)
    if deals >= _LEAST_DEALS and not totals.get("sales"):
        what = f"none of {deals} deals of the report's period reached its money stage: no sale, no revenue"
        yield look(
            facts.site_id, "money", what, "settings: stages, money_stage and the stages that mean it; or payments are not told"
        )


def scopes(facts: SiteFacts) -> Iterator[Finding]:
    """Every channel of report.scopes is one that the newest report knows; a scope of none has readers who get nothing."""
    site, told = facts.settings, (facts.figures or {}).get("channels")
    if site is None or told is None:
        return
    settings = published(site)
    pairs = {one["source"] for row in told if row["channel"] == OTHER_TRAFFIC for one in row["sources"]}
    judge = Seen(names=names_of(settings), together=pairs)
    seen = {name for channel in {row["channel"] for row in told} - {NO_SOURCE} | pairs for name in judge.called(channel)}
    do = "settings: report.scopes, name channels as the report does; skvoz sites check names those that nobody knows"
    for scope in site.report.scopes:
        lost = [channel for channel in scope.channels if channel.casefold() not in seen]
        named = ", ".join(lost[:_MOST_NAMED]) + (f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else "")
        if len(lost) == len(scope.channels):
            what = f"scope {scope.name}: none of its channels ({named}) is in the newest report: its readers get no figures"
            yield look(facts.site_id, "report", what, do)
        elif lost:
            what = f"scope {scope.name}: nothing came of {named} in the newest report"
            tell = look if unknown_channels(settings, lost) else note
            yield tell(facts.site_id, "report", what, do)


def matching(facts: SiteFacts) -> Iterator[Finding]:
    """Deals find the requests that they came from."""
    deals = _quality(facts).get("deals", {})
    made, lost = deals.get("made", 0), deals.get("implied", 0) + deals.get("unmatched", 0)
    if made >= _LEAST_DEALS and lost / made > _MOST_UNMATCHED:
        what = f"{lost} of {made} deals found no request of ours ({lost / made:.0%})"
        yield look(
            facts.site_id,
            "source control",
            what,
            "hand skvoz_request_id to the CRM; send calls and chats as requests (docs/crm.md)",
        )


def report_there(facts: SiteFacts) -> Iterator[Finding]:
    """There are figures to control sources by."""
    if facts.settings is not None and facts.figures is None and "the newest report" not in facts.unread:
        what = "no report of the last weeks is kept, so sources, stages and money could not be controlled"
        yield note(facts.site_id, "source control", what, "it is made when there are recipients and a complete refresh")


def _quality(facts: SiteFacts) -> Told:
    found: Told = (facts.figures or {}).get("data_quality") or {}
    return found
