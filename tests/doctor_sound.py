"""A sound installation as the doctor's facts: every check finds nothing in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from functions.crm_webhook.reconcile.marks import Walk
from infra.doctor.facts import Arrivals, Fill, PageFacts, Queue, RefreshFacts, ReportFacts, Secret, SiteFacts, StackFacts, Tag
from infra.doctor.finding import Severity
from shared.settings import SiteSettings, parse_settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "site_id": "shop",
    "name": "Shop",
    "hosts": ["shop.example"],
    "crm": {"token_sha256": ["9f" * 32], "hubspot": {}},
    "numbers": {"default": "+74950000001"},
    "stages": [{"pipeline": "sales", "money_stage": "won", "stages": {"new": "unsorted", "won": "won", "lost": "lost"}}],
    "report": {"recipients": ["owner@shop.example"]},
}
FIGURES: dict[str, Any] = {
    "totals": {"sales": 12, "revenue": 100_000},
    "source_control": {"findings": []},
    "data_quality": {
        "deals": {"made": 40, "implied": 2, "unmatched": 1},
        "unknown_values": {"total": 1, "values": [{"parameter": "utm_source", "value": "old", "visits": 3, "is_new": False}]},
        "without_rate": [],
        "without_cost_price": {"revenue": 0},
    },
}
_SECRETS = ("identity", "visitor", "shop/import", "shop/crm-hubspot", "shop/crm-hubspot-api", "shop/calls-generic")


def sound_stack() -> StackFacts:
    """A stack without anything to mend."""
    return StackFacts(
        "test",
        "skvoz-test",
        NOW,
        "https://stat.shop.example",
        {"Stage": "test", "MailFrom": "reports@shop.example", "AlarmMail": "ops@shop.example", "MostHoursWithoutRefresh": "6"},
        ("shop",),
        {name: Secret(1, 1, NOW - timedelta(days=200)) for name in _SECRETS},
        {"CrmQueue": Queue(2, 4.0), "CrmTaskQueue": Queue(0), "CrmDeadLetters": Queue(0), "FailedEvents": Queue(0)},
    )


def sound_site() -> SiteFacts:
    """Its site: everything arrives, is checked, refreshed and reported."""
    days = frozenset((NOW - timedelta(days=n)).date() for n in range(14))
    kinds = ("hit", "request", "call", "crm_event", "cost")
    return SiteFacts(
        "shop",
        NOW,
        parse_settings(SETTINGS),
        stack=sound_stack(),
        page=PageFacts("https://shop.example/", (Tag("shop", "https://shop.example/skvoz"),)),
        arrivals={kind: Arrivals(NOW - timedelta(hours=2), days) for kind in kinds},
        stages={("hubspot", "sales", "won"): 5},
        page_hosts=Counter({"shop.example": 900, "translate.example": 1}),
        networks=Counter({f"5.5.{n}.0": 2 for n in range(40)}),
        cost_days={"direct-1": days},
        covered_days={"direct-1": days},
        pools={"main": Fill(5, 0)},
        walks=[Walk("shop", "hubspot", NOW - timedelta(minutes=20)), Walk("shop", "hubspot#2026-01-01:2026-10-31", deals=900)],
        refresh=RefreshFacts(NOW - timedelta(minutes=50)),
        report=ReportFacts(NOW - timedelta(hours=5)),
        figures=FIGURES,
    )


class Case(NamedTuple):
    """What a check finds: `facts` of a site or a stack, how bad it is, and words of what is told (what and do, as one text)."""

    check: Callable[[Any], Any]
    facts: SiteFacts | StackFacts
    severity: Severity
    words: str


def site(told: Mapping[str, Any] | None = None, **changes: Any) -> SiteFacts:
    """The sound site with other settings and facts."""
    facts = sound_site()
    if told:
        changes["settings"] = shop(told)
    if stack := {name: changes.pop(name) for name in ("secrets", "parameters", "url") if name in changes}:
        changes["stack"] = replace(sound_stack(), **stack)
    return replace(facts, **changes)


def shop(told: Mapping[str, Any]) -> SiteSettings:
    return parse_settings({**SETTINGS, **told})


def stack(**changes: Any) -> StackFacts:
    return replace(sound_stack(), **changes)


def figures(**changes: Any) -> dict[str, Any]:
    return {**FIGURES, **changes}


def found_by_control(code: str, **told: Any) -> SiteFacts:
    return site(figures=figures(source_control={"findings": [{"code": code, **told}]}))


def scoped(*channels: str) -> SiteFacts:
    """A site with a scope of these channels, whose report knows Yandex Direct, a pair that no rule names, and "no source"."""
    rows = [{"channel": "Yandex Direct", "sources": []}, {"channel": "other traffic", "sources": [{"source": "blogger / cpa"}]}]
    report = {"recipients": ["boss@shop.example"], "scopes": [{"name": "Agency", "channels": list(channels)}]}
    return site({"report": report}, figures=figures(channels=[*rows, {"channel": "no source", "sources": []}]))


def quality(**changes: Any) -> SiteFacts:
    return site(figures=figures(data_quality={**FIGURES["data_quality"], **changes}))


def crm_of(**sections: Any) -> dict[str, Any]:
    return {"crm": {**SETTINGS["crm"], **sections}}


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def silent(kind: str, last_at: datetime | None, days: int = 14) -> SiteFacts:
    known = frozenset(NOW.date() - timedelta(days=n) for n in range(days)) if last_at else frozenset()
    return site(arrivals={**sound_site().arrivals, kind: Arrivals(last_at, known)})


def page(*tags: Tag, error: str = "", addresses: Mapping[str, tuple[str, ...]] | None = None) -> SiteFacts:
    return site(page=PageFacts("https://shop.example/", tags, error, addresses or {}))


def walked(**changes: Any) -> SiteFacts:
    walk = Walk("shop", "hubspot", **{"done_until": ago(minutes=20), **changes})
    return site(walks=[walk, Walk("shop", "hubspot#2026-01-01:2026-10-31", deals=900)])


def spent(last: date, covered: date | None = None) -> SiteFacts:
    days = frozenset(last - timedelta(days=n) for n in range(20))
    return site(cost_days={"direct-1": days}, covered_days={"direct-1": days | ({covered} if covered else set())})
