"""Secrets: there for every door that the settings open, usable, and not left over from a rotation. Values are never looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from infra.doctor.facts import Secret, SiteFacts, StackFacts
from infra.doctor.finding import Finding, broken, look, note
from shared.settings import SiteSettings

_ROTATION = timedelta(days=7)  # enough to move a sender over
REFRESH_TOKEN = timedelta(days=90)  # amoCRM: a refresh token that is not used for three months is void
_SOON = timedelta(days=14)
_LATE = timedelta(days=2)  # an access token lives for a day
_SIGNED_CALLS = ("mango", "zadarma", "twilio", "asterisk")


class Wanted(NamedTuple):
    """A secret that a setting asks for: what goes wrong without it, how to set it, whether it must be able to sign."""

    name: str
    without: str
    do: str
    signs: bool = False
    is_needed: bool = True


def of_stage(facts: StackFacts) -> Iterator[Finding]:
    """Keys of the whole stage: `identity` hashes people's keys, `visitor` signs visitors."""
    if facts.secrets is None:
        return
    init = f"skvoz secrets init --stage {facts.stage}"
    for name, without in (
        ("identity", "CRM events wait in their queue, and phones and e-mails of forms and imports are refused"),
        ("visitor", "no browser is remembered and no number leased"),
    ):
        if name not in facts.secrets:
            yield broken("", "secrets", f"/skvoz/{facts.stage}/{name} is missing: {without}", init)
    if (identity := facts.secrets.get("identity")) and identity.values > 1:
        what = f"/skvoz/{facts.stage}/identity holds {identity.values} values: the key of people's hashes must never change"
        yield broken("", "secrets", what, "put the first value it ever had back, alone")
    yield from _left_over("", facts.stage, {"visitor": facts.secrets["visitor"]} if "visitor" in facts.secrets else {}, facts)


def of_site(facts: SiteFacts) -> Iterator[Finding]:
    """Secrets of the doors that the settings open."""
    if facts.settings is None or facts.secrets is None or facts.stack is None:
        return
    stage = facts.stack.stage
    has_numbers = any(fill.usable or fill.waiting for fill in (facts.pools or {}).values())
    for wanted in wanted_secrets(facts.settings, stage, has_numbers):
        there = facts.secrets.get(wanted.name)
        if there is None or not there.values:
            tell = broken if wanted.is_needed else note
            yield tell(facts.site_id, "secrets", f"/skvoz/{stage}/{wanted.name} is missing: {wanted.without}", wanted.do)
        elif wanted.signs and there.signing < there.values:
            what = f"/skvoz/{stage}/{wanted.name}: {there.values - there.signing} of {there.values} values is no key of 24 bytes"
            yield broken(facts.site_id, "secrets", f"{what}: {wanted.without}", wanted.do)
    own = {name: one for name, one in facts.secrets.items() if name.startswith(f"{facts.site_id}/")}
    yield from _left_over(facts.site_id, stage, own, facts.stack)


def _left_over(site_id: str, stage: str, secrets: dict[str, Secret], facts: StackFacts) -> Iterator[Finding]:
    for name, one in sorted(secrets.items()):
        if one.values > 1 and one.changed_at is not None and facts.now - one.changed_at > _ROTATION:
            what = f"/skvoz/{stage}/{name} holds {one.values} values since {one.changed_at:%Y-%m-%d}: the old one is valid still"
            yield look(
                site_id, "secrets", what, "move the sender over, then leave the old one out (aws ssm put-parameter --overwrite)"
            )


def wanted_secrets(site: SiteSettings, stage: str, has_numbers: bool) -> list[Wanted]:
    """What the settings ask for, by door; the generic doors where no other one is open."""
    site_id, crm = site.site_id, site.crm
    init = f"skvoz secrets init --stage {stage} --site {site_id}"
    refused = "its webhooks are answered 401"

    def put(name: str, what: str) -> str:
        return f'aws ssm put-parameter --type SecureString --name /skvoz/{stage}/{site_id}/{name} --value "{what}"'

    found = [Wanted(f"{site_id}/import", "imports are answered 401", init, signs=True, is_needed=False)]
    has_own_crm = any((crm.amocrm, crm.bitrix24, crm.hubspot, crm.pipedrive, crm.mapped))
    if crm.token_sha256 and not has_own_crm:
        found.append(Wanted(f"{site_id}/crm-generic", "CRM events are answered 401", init, signs=True))
    if crm.bitrix24:
        found.append(Wanted(f"{site_id}/crm-bitrix24", refused, put("crm-bitrix24", "APPLICATION TOKEN")))
        found.append(
            Wanted(f"{site_id}/crm-bitrix24-api", "no deal can be read", put("crm-bitrix24-api", "CODE OF THE INBOUND WEBHOOK"))
        )
    if crm.hubspot:
        found.append(Wanted(f"{site_id}/crm-hubspot", refused, put("crm-hubspot", "CLIENT SECRET")))
        found.append(Wanted(f"{site_id}/crm-hubspot-api", "no deal can be read", put("crm-hubspot-api", "PRIVATE APP TOKEN")))
    if crm.pipedrive and crm.pipedrive.api:
        found.append(Wanted(f"{site_id}/crm-pipedrive-api", "lost webhooks stay lost", put("crm-pipedrive-api", "API TOKEN")))
    for name, mapped in crm.mapped.items():
        if mapped.signature == "standard_webhooks":
            found.append(Wanted(f"{site_id}/crm-{name}", refused, put(f"crm-{name}", "whsec_…"), signs=True))
    if crm.new_requests and crm.new_requests.to == "url":
        found.append(Wanted(f"{site_id}/crm-outgoing", "new requests do not reach the CRM", init, signs=True))
    calls = site.calls
    if has_numbers and not any(
        (calls.uis, calls.mango, calls.zadarma, calls.twilio, calls.calltouch, calls.mikopbx, calls.asterisk)
    ):
        found.append(Wanted(f"{site_id}/calls-generic", "calls are answered 401", init, signs=True))
    for name in _SIGNED_CALLS:
        if getattr(site.calls, name) is not None:
            do = init if name == "asterisk" else f"{put(f'calls-{name}', 'SECRET')} (docs/telephony.md)"
            found.append(Wanted(f"{site_id}/calls-{name}", "its calls are answered 401", do))
    return found


def amo_token(facts: SiteFacts) -> Iterator[Finding]:
    """amoCRM lets us in: the key is there, and a refresh token is younger than 90 days."""
    token, site_id = facts.amo_token, facts.site_id
    if token is None or facts.stack is None:
        return
    kept = f"the keys are in Secrets Manager, skvoz/{facts.stack.stage}/{site_id}/crm-amocrm"
    connect = f"skvoz crm connect amocrm --stack {facts.stack.name} --site {site_id} (docs/crm.md); {kept}"
    if not token.is_set:
        yield broken(site_id, "amoCRM's key", "amoCRM is not connected: its deals cannot be read or checked", connect)
    elif not token.is_whole:
        yield broken(site_id, "amoCRM's key", "what Secrets Manager keeps for amoCRM has no token that can be read", connect)
    elif not token.has_refresh_token:
        yield from _long_lived(facts, connect)
    elif token.renewed_at is not None and facts.now - token.renewed_at >= REFRESH_TOKEN:
        what = f"the refresh token was last renewed on {token.renewed_at:%Y-%m-%d}: amoCRM voids it after 90 days without use"
        yield broken(site_id, "amoCRM's key", what, connect)
    elif token.renewed_at is not None and facts.now - token.renewed_at >= _LATE:
        left = (REFRESH_TOKEN - (facts.now - token.renewed_at)).days
        what = f"the token was not renewed since {token.renewed_at:%Y-%m-%d}, though it lives for a day; void in {left} days"
        yield look(site_id, "amoCRM's key", what, f"skvoz crm status says why; or {connect}")


def _long_lived(facts: SiteFacts, connect: str) -> Iterator[Finding]:
    """A key without a refresh token ends when it ends."""
    ends = facts.amo_token.expires_at if facts.amo_token else None
    if ends is not None and ends <= facts.now:
        yield broken(facts.site_id, "amoCRM's key", f"the long-lived token ended on {ends:%Y-%m-%d}", connect)
    elif ends is not None and ends - facts.now < _SOON:
        yield look(facts.site_id, "amoCRM's key", f"the long-lived token ends on {ends:%Y-%m-%d}", connect)
    elif ends is None:
        yield note(facts.site_id, "amoCRM's key", "a long-lived token is used, and nobody wrote down when it ends", connect)
