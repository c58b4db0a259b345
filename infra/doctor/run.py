"""The doctor's round: facts are gathered once, every check looks at them, findings come worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from infra.doctor.checks import SITE_CHECKS, STACK_CHECKS
from infra.doctor.facts import PageFacts, SiteFacts, StackFacts
from infra.doctor.finding import Finding, Severity, sorted_findings
from infra.doctor.gathering.objects import Objects, rejected
from infra.doctor.gathering.page import Fetch, own_site, page_of
from infra.doctor.gathering.parts import Clients, Parts
from infra.doctor.gathering.site import settings_of, site_facts
from infra.doctor.gathering.stack import stack_facts
from infra.smoke.stack import Stack
from shared.errors import BadInput
from shared.sites import list_sites


class Round(NamedTuple):
    """What was found, and how much was looked at: checks that found nothing are fine."""

    findings: list[Finding]
    sites: tuple[str, ...]
    checks: int
    fine: int

    @property
    def is_broken(self) -> bool:
        return any(one.severity is Severity.BROKEN for one in self.findings)


class Web(NamedTuple):
    """The way to a page: how it is fetched, and what addresses a host has."""

    fetch: Fetch
    resolve: Callable[[str], Sequence[str]]


def of_stack(clients: Clients, stack: Stack, stage: str, site: str, page: str, web: Web, now: datetime) -> Round:
    """A deployed stack: all its sites, or one. BadInput for a page that is none of theirs."""
    parts = Parts()
    published = list_sites(clients("s3"), stack.outputs["FilesBucketName"])
    sites = [site] if site else sorted(published)
    found = _page(page, {name: published.get(name) for name in sites}, web)
    lake = Objects(clients("s3"), stack.outputs["LakeBucketName"])
    refused = parts.read("rejected records", lambda: rejected(lake, now)) or {}
    of_nobody = [one for name, those in refused.items() if name not in published for one in those]
    common = stack_facts(clients, stack, stage, sorted(published), of_nobody, now)
    common = replace(common, unread={**parts.unread, **common.unread})
    facts = [
        site_facts(clients, stack, common, name, published.get(name), lake, refused.get(name, ()), found.get(name))
        for name in sites
    ]
    if not sites:
        empty = Finding(
            Severity.BROKEN, "", "settings", "no site is set up", "skvoz sites add SITE HOST (docs/operations.md, add a site)"
        )
        return judged(common, facts, [empty])
    return judged(common, facts)


def _page(url: str, published: Mapping[str, bytes | None], web: Web) -> dict[str, PageFacts]:
    """The page's facts by its site."""
    if not url:
        return {}
    known = [settings for settings, _ in map(settings_of, published.values()) if settings is not None]
    if not known:
        raise BadInput("--page: no site with settings was named, so the page is nobody's")
    mine = own_site(url, known)
    return {mine.site_id: page_of(url, mine, web.fetch, web.resolve)}


def judged(common: StackFacts | None, sites: Sequence[SiteFacts], more: Sequence[Finding] = ()) -> Round:
    """Every check over its facts."""
    told = [list(check(common)) for check in STACK_CHECKS] if common else []
    told += [list(check(facts)) for facts in sites for check in SITE_CHECKS]
    findings = sorted_findings([*more, *(one for those in told for one in those)])
    findings = [one._replace(what=_plain(one.what), do=_plain(one.do)) for one in findings]
    return Round(findings, tuple(one.site_id for one in sites), len(told), sum(not those for those in told))


def _plain(text: str) -> str:
    """Without signs that a terminal obeys: messages and names come from outside."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)
