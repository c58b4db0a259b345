"""Settings: published, hosts and origins, stages and money, numbers, people's data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from infra.doctor.facts import SiteFacts
from infra.doctor.finding import Finding, broken, look, note
from shared.hosts import plain_host
from shared.settings import AMO_CLOSED, MEANING_RANK, SiteSettings, StageRule
from shared.times import local_day

_FEW_HITS = 5


def published(facts: SiteFacts) -> Iterator[Finding]:
    """The site's settings are published and this version can read them."""
    if facts.settings is None:
        apply = f"skvoz sites apply {facts.site_id}.yaml --bucket FILES_BUCKET"
        if facts.settings_error == "not published":
            what = "no settings are published: every door answers 404 or 401"
            yield broken(facts.site_id, "settings", what, f"skvoz sites add {facts.site_id} HOST, then {apply}")
        else:
            what = f"the published settings cannot be read by this version: {facts.settings_error}"
            yield broken(facts.site_id, "settings", what, f"mend the file, then {apply}")


def hosts(facts: SiteFacts) -> Iterator[Finding]:
    """Pages that send hits are on the settings' hosts; origins are https and of these hosts."""
    site = facts.settings
    if site is None:
        return
    mine = {plain_host(host) for host in site.hosts}
    for host, hits in facts.page_hosts.most_common():
        if host not in mine and hits >= _FEW_HITS:
            what = f"pages of {host} send hits, but it is none of the site's hosts: going there and back begins new visits"
            yield look(facts.site_id, "hosts", what, "settings: add it to hosts; or take the tracker's tag out of these pages")
    for origin in site.origins:
        parts = urlsplit(origin)
        if parts.scheme == "http":
            what = f"origin {origin} is not https: browsers drop the visitor's cookie there"
            yield look(facts.site_id, "hosts", what, "move the pages to https, then write https:// in the settings' origins")
        elif plain_host(parts.hostname or "") not in mine:
            what = f"origin {origin} may post hits, but its host is none of the site's"
            yield note(facts.site_id, "hosts", what, "settings: add it to hosts, or leave it out of origins")


def stages(facts: SiteFacts) -> Iterator[Finding]:
    """Every pipeline whose deals came has a rule, and its money stage can be reached."""
    site = facts.settings
    if site is None:
        return
    today = local_day(facts.now, site.time_zone)
    for pipeline, deals in sorted(_states_by_pipeline(facts).items()):
        if rule_of(site, pipeline, today) is None:
            what = f"pipeline {pipeline or '(without a name)'} has no rule: its deals ({deals} states lately) mean nothing"
            yield broken(
                facts.site_id, "stages", what, f"settings: stages, a rule with pipeline: {pipeline or '*'}; skvoz sites apply"
            )
    for place, rule in enumerate(site.stages):
        yield from _unreachable(facts.site_id, place, rule)
    yield from _closed_by_amo(facts, site, today)


def _states_by_pipeline(facts: SiteFacts) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, pipeline, _), states in facts.stages.items():
        found[pipeline] = found.get(pipeline, 0) + states
    return found


def rule_of(site: SiteSettings, pipeline: str, day: date) -> StageRule | None:
    """The rule that holds for a pipeline on a day: its own rules, or those of * where it has none of its own."""
    for name in (pipeline, "*"):
        own = [rule for rule in site.stages if rule.pipeline == name]
        if own:
            in_force = [rule for rule in own if rule.valid_from <= day]
            return max(in_force, key=lambda rule: rule.valid_from, default=None)
    return None


def _unreachable(site_id: str, place: int, rule: StageRule) -> Iterator[Finding]:
    ranks = [MEANING_RANK[meaning] for meaning in rule.stages.values()]
    if rule.kind == "sales" and max(ranks, default=-1) < MEANING_RANK[rule.money_stage]:
        what = f"no stage of pipeline {rule.pipeline} means {rule.money_stage} or later: its deals bring money by payments only"
        yield look(site_id, "stages", what, f"settings: stages[{place}].stages, or another money_stage")


def _closed_by_amo(facts: SiteFacts, site: SiteSettings, today: date) -> Iterator[Finding]:
    """amoCRM's closed stages come as the words won and lost, whatever they are called there. Another CRM may stand beside it, so a
    rule is amoCRM's where its deals fall under it, or where it tells ids."""
    if site.crm.amocrm is None:
        return
    seen = {(pipeline, stage) for provider, pipeline, stage in facts.stages if provider == "amocrm"}
    for place, rule in enumerate(site.stages):
        tells_ids = rule.pipeline.isdecimal() or any(stage.isdecimal() for stage in rule.stages)
        for word in (word for word in AMO_CLOSED.values() if rule.kind == "sales" and word not in rule.stages):
            came = any(stage == word and rule_of(site, pipeline, today) is rule for pipeline, stage in seen)
            if came or tells_ids:
                what = f"pipeline {rule.pipeline}: {word} has no meaning, so amoCRM's deals closed as {word} change nothing"
                tell = broken if came else look
                yield tell(facts.site_id, "stages", what, f"settings: stages[{place}].stages, add {word}: {word}")


def crm_doors(facts: SiteFacts) -> Iterator[Finding]:
    """A CRM of the settings has a token to come in by, and an API to find by what its webhooks miss."""
    site = facts.settings
    if site is None:
        return
    crm = site.crm
    named = [name for name in ("amocrm", "bitrix24", "hubspot", "pipedrive") if getattr(crm, name) is not None]
    if (named or crm.mapped) and not crm.token_sha256:
        what = f"{', '.join([*named, *crm.mapped])}: no token opens the door, so every webhook is answered 401"
        yield broken(
            facts.site_id, "CRM", what, "skvoz secrets token; its hash into crm.token_sha256, the token into the CRM's address"
        )
    if not named and not crm.mapped and not crm.token_sha256:
        yield note(facts.site_id, "CRM", "no CRM is connected: no deals, no revenue", "settings: crm (docs/crm.md)")
    for name in named:
        api = getattr(crm, name).api
        if api is None:
            what = f"{name}: without its API, deals whose webhooks are lost stay unknown"
            yield look(facts.site_id, "CRM", what, f"settings: crm.{name}.api (docs/crm.md)")
        elif not api.reconcile:
            what = f"{name}: the regular check of its deals is switched off; lost webhooks stay lost"
            yield look(facts.site_id, "CRM", what, f"settings: leave crm.{name}.api.reconcile out")


def people(facts: SiteFacts) -> Iterator[Finding]:
    """The vault is filled by something, if it is open."""
    site = facts.settings
    if site is not None and site.pii == "vault" and not site.forms.contacts and not site.crm.token_sha256 and not facts.pools:
        what = "pii: vault keeps plain contacts, but no form, CRM or call tells any"
        yield note(facts.site_id, "people's data", what, "settings: pii: hash, or open a door that tells contacts")


def numbers(facts: SiteFacts) -> Iterator[Finding]:
    """Pools have numbers, and each was tried by a call."""
    site = facts.settings
    if site is None or facts.pools is None:
        return
    for name, fill in facts.pools.items():
        of_pool = f"{facts.site_id} --pool {name}"
        if fill.waiting and not fill.usable:
            what = f"pool {name}: no number can be leased, {fill.waiting} await their test call: visitors see the default number"
            yield broken(facts.site_id, "numbers", what, f"call each once; who still waits: skvoz numbers test {of_pool}")
        elif fill.waiting:
            what = (
                f"pool {name}: {fill.waiting} of {fill.usable + fill.waiting} numbers await their test call and are shown to nobody"
            )
            yield look(facts.site_id, "numbers", what, f"call each once; who still waits: skvoz numbers test {of_pool}")
        elif not fill.usable and name in {pool.name for pool in site.numbers.pools}:
            what = f"pool {name} of the settings has no numbers: its visitors see the default number"
            yield broken(facts.site_id, "numbers", what, f"skvoz numbers add {facts.site_id} NUMBER… --pool {name}")


def telephony(facts: SiteFacts) -> Iterator[Finding]:
    """Numbers that are shown have a default to fall back to."""
    site = facts.settings
    if site is None or not facts.pools or not any(fill.usable for fill in facts.pools.values()):
        return
    if site.numbers.default is None and not site.numbers.replaces:
        what = "numbers are leased, but the settings name no number of the site's own: pages swap nothing without data-phones"
        yield look(facts.site_id, "numbers", what, "settings: numbers.default")
