"""Every check of the doctor, in the order in which their findings are told. Each is a pure function over facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infra.doctor.checks import arrivals, crm, refresh, secrets, settings, sources, tracker
from infra.doctor.facts import SiteFacts, StackFacts
from infra.doctor.finding import Finding

STACK_CHECKS: tuple[Callable[[StackFacts], Iterator[Finding]], ...] = (
    secrets.of_stage,
    crm.queues,
    refresh.alarms,
    arrivals.refused_of_nobody,
    refresh.unread_of_stack,
)
SITE_CHECKS: tuple[Callable[[SiteFacts], Iterator[Finding]], ...] = (
    settings.published,
    secrets.of_site,
    secrets.amo_token,
    settings.crm_doors,
    crm.checked,
    arrivals.silence,
    arrivals.refused_records,
    refresh.refreshed,
    refresh.reported,
    settings.stages,
    settings.hosts,
    settings.numbers,
    settings.telephony,
    settings.people,
    tracker.on_page,
    tracker.from_afar,
    sources.report_there,
    sources.control,
    sources.matching,
    sources.unknown_values,
    sources.money,
    sources.scopes,
    arrivals.ad_accounts,
    refresh.unread_of_site,
)
