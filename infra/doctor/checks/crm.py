"""CRM: queues and their dead letters, and how far each CRM was checked through its API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from functions.crm_webhook.adapters import WITH_API
from functions.crm_webhook.reconcile.marks import Walk
from infra.doctor.facts import SiteFacts, StackFacts
from infra.doctor.finding import Finding, broken, look
from shared.times import parse_instant

CHECK_EVERY = timedelta(minutes=15)
_LATE = timedelta(hours=1)
_VERY_LATE = timedelta(hours=6)
# Queue → seconds after which its oldest message waits for too long (those of the alarms in template.yaml).
_MOST_SECONDS = {"CrmQueue": 900, "CrmTaskQueue": 10_800}
_DEAD = {
    "CrmDeadLetters": (
        "CRM events failed five times and wait to be redriven",
        "skvoz crm redrive --stack {stack} --dry-run says why; mend, then without --dry-run",
    ),
    "CrmTaskDeadLetters": (
        "tasks of a CRM's API (reads of deals, new requests) failed for days and wait to be redriven",
        "skvoz crm redrive --stack {stack} --dry-run says why, mostly a key of the CRM; mend, then without --dry-run",
    ),
    "FailedEvents": (
        "cost files or schedules could not be worked off",
        "the messages say which: put the file into the inbox again; start the refresh or report by hand",
    ),
}


def queues(facts: StackFacts) -> Iterator[Finding]:
    """No dead letters, and nothing waits for too long."""
    for name, (words, do) in _DEAD.items():
        if (queue := facts.queues.get(name)) and queue.messages:
            yield broken("", "queues", f"{queue.messages} {words} ({name})", do.format(stack=facts.name))
    for name, most in _MOST_SECONDS.items():
        queue = facts.queues.get(name)
        if queue and queue.age_seconds is not None and queue.age_seconds > most:
            what = f"{queue.messages} messages of {name} wait, the oldest for {_span(queue.age_seconds)}"
            yield broken("", "queues", what, "the log of its function says why: a missing secret, a CRM that is down, a wrong key")


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"


def checked(facts: SiteFacts) -> Iterator[Finding]:
    """Every CRM that has an API was asked lately what changed, and its history was read once."""
    if facts.settings is None or facts.walks is None:
        return
    for provider in WITH_API:
        section = getattr(facts.settings.crm, provider, None)
        if section is None or section.api is None:
            continue
        walks = [walk for walk in facts.walks if walk.provider == provider]
        if section.api.reconcile:
            yield from _regular(facts, provider, next((walk for walk in walks if walk.name == provider), None))
        yield from _backfills(facts, provider, [walk for walk in walks if walk.name != provider])


def _regular(facts: SiteFacts, provider: str, walk: Walk | None) -> Iterator[Finding]:
    status = f"skvoz crm status {_where(facts)}"
    if walk is None or (walk.done_until is None and not walk.failed):
        what = f"{provider} was not checked yet: deals whose webhooks are lost stay unknown"
        yield look(facts.site_id, "CRM check", what, f"it runs every 15 minutes; if it does not begin: {status}")
        return
    late = None if walk.done_until is None else facts.now - walk.done_until
    since = "ever" if walk.done_until is None else f"since {walk.done_until:%Y-%m-%d %H:%M} UTC"
    if walk.failed:
        failed = f", last tried {parse_instant(walk.failed_at):%Y-%m-%d %H:%M} UTC" if walk.failed_at else ""
        tell = broken if late is None or late > _LATE else look
        what = f"{provider} could not be checked {since}: {walk.failed}{failed}"
        yield tell(facts.site_id, "CRM check", what, f"its key and rights (docs/crm.md); {status}")
    elif late is not None and late > _LATE:
        tell = broken if late > _VERY_LATE else look
        what = f"{provider} was last checked whole {since}; a check is due every {CHECK_EVERY.seconds // 60} minutes"
        yield tell(facts.site_id, "CRM check", what, f"does its function run (docs/operations.md, alarms)? {status}")


def _where(facts: SiteFacts) -> str:
    return f"--stack {facts.stack.name if facts.stack else 'NAME'} --site {facts.site_id}"


def _backfills(facts: SiteFacts, provider: str, walks: Sequence[Walk]) -> Iterator[Finding]:
    backfill = f"skvoz crm backfill {_where(facts)} --provider {provider} --from DAY --to DAY"
    if not walks:
        what = f"{provider}: its history was never read; deals of before it was connected are not in the figures"
        yield look(facts.site_id, "CRM check", what, backfill)
    for walk in walks:
        if walk.name not in facts.reading and (walk.failed or walk.span is not None):
            why = f": {walk.failed}" if walk.failed else ""
            what = f"{provider}: reading history {walk.name.partition('#')[2]} stopped after {walk.deals} deals{why}"
            yield look(facts.site_id, "CRM check", what, f"the same again, it goes on where it was: {backfill}")
