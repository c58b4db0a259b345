"""`skvoz sites`: settings are files that people keep; published versions stay in the bucket for good."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from functions.report.own.section import mistakes_of
from functions.report.snapshot.scope import unknown_channels
from infra.cli.files import read_settings, settings_of
from infra.publish import publish_settings
from infra.tag import tracker_tag
from shared.aws import client
from shared.crm_settings import AmoCrm
from shared.errors import BadInput, FieldError, SettingsError
from shared.ids import is_site_id
from shared.security import token_sha256
from shared.settings import AMO_CLOSED, MEANING_RANK, SiteSettings, StageRule, published

app = typer.Typer(no_args_is_help=True)

_STARTER = """\
# Settings of one site. Check: skvoz sites check {site}.yaml
# Publish: skvoz sites apply {site}.yaml --bucket FILES_BUCKET   (the stack's output FilesBucketName)
site_id: {quoted_site}
name: {quoted_site}
hosts: [{quoted_host}]     # hosts of the site itself; www. is included
time_zone: Europe/Moscow
currency: RUB
payment_hosts: []          # pages of your payment provider: coming back from them keeps the visit's source
crm:
  token_sha256:            # of the token in the CRM's address; two while rotating
    - "{token_hash}"
stages:                    # what your CRM's stages mean; money counts from money_stage on
  - pipeline: "*"
    valid_from: 2026-01-01
    money_stage: won       # contract, won or paid
    stages: {{new: unsorted, working: working, qualified: qualified, won: won, paid: paid, lost: lost}}
margins: []                # - {{valid_from: 2026-01-01, percent: 40}}   for sales without a cost price
attribution: {{default_model: last_non_direct, lookback_days: 90}}
report: {{recipients: [], language: ru, days: 30}}
"""


@app.command()
def add(
    site: str,
    host: str,
    out: Annotated[Path, typer.Option(help="folder for the file")] = Path(),
    endpoint: Annotated[
        str, typer.Option(help="address of the stack: its output ApiUrl, or your own name for it")
    ] = "https://YOUR-API",
) -> None:
    """Write a settings file to start from, with a fresh CRM token; prints the tag for the site's pages."""
    if not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    tag = tracker_tag(endpoint, site)
    path = out / f"{site}.yaml"
    if path.exists():
        raise BadInput(f"{path} exists already; it is not overwritten")
    token = secrets.token_urlsafe(24)
    names = {"site": site, "quoted_site": json.dumps(site), "quoted_host": json.dumps(host, ensure_ascii=False)}
    text = _STARTER.format(**names, token_hash=token_sha256(token))
    settings_of(text, str(path))
    if not out.is_dir():
        raise BadInput(f"{out} is no folder")
    path.write_text(text, encoding="utf-8")
    print(
        f"{path} written; look it over, then: skvoz sites apply {path} --bucket FILES_BUCKET (the stack's output FilesBucketName)"
    )
    print(f"on every page of the site: {tag}")
    print(f"the CRM posts to /v1/crm/generic/{site}/{token} (keep the token: it is shown once, the file has its hash)")
    print(f"amoCRM posts to /v1/crm/amocrm/{site}/ and the same token, once the file has crm.amocrm (docs/operations.md)")


@app.command()
def check(file: Path) -> None:
    """Check a settings file; every mistake is named with its place, and what is rarely meant is warned of."""
    settings = _read(file)
    print(f"{file}: settings of {settings.site_id} are right")


@app.command()
def apply(file: Path, bucket: Annotated[str, typer.Option(envvar="FILES_BUCKET", help="files bucket of the stack")]) -> None:
    """Publish a settings file: a version that stays, and the settings in force (functions take them up within 60 s)."""
    settings = _read(file)
    version = publish_settings(client("s3"), bucket, settings, datetime.now(UTC))
    print(f"settings of {settings.site_id} published as version {version} to {bucket} by {os.environ.get('USER', 'unknown')}")


def _read(file: Path) -> SiteSettings:
    settings = read_settings(file)
    wrong = [
        FieldError(f"report.own_sections.{place}", mistake)
        for place, section in enumerate(settings.report.own_sections)
        for mistake in mistakes_of(section)
    ]
    if wrong:
        raise SettingsError("the settings are not applied; mend these places:", wrong)
    for warning in warnings_of(settings):
        print(f"warning: {warning}", file=sys.stderr)
    return settings


LEAST_LEASE_SECONDS = 90  # a heartbeat of 60 s, and time for it to arrive


def warnings_of(settings: SiteSettings) -> list[str]:
    """What may stand in the settings and is rarely meant: each with its place, what follows from it and what to write."""
    warnings = []
    for place, rule in enumerate(settings.stages):
        ranks = [MEANING_RANK[meaning] for meaning in rule.stages.values()]
        if rule.kind == "sales" and max(ranks) < MEANING_RANK[rule.money_stage]:
            which = f"of pipeline {rule.pipeline}" if rule.pipeline != "*" else "here"
            warnings.append(f"stages.{place}: no stage {which} means {rule.money_stage} or later: money comes from payments only")
    warnings += _short_leases(settings)
    warnings += _unknown_channels(settings)
    return warnings + (_amo_warnings(settings.stages, settings.crm.amocrm) if settings.crm.amocrm else [])


def _unknown_channels(settings: SiteSettings) -> list[str]:
    return [
        f"report.scopes.{place}.channels: no rule and no own source has the channel {channel}: readers of {scope.name} see nothing"
        " of it; write it as reports show it, or as source / medium where no rule names it"
        for place, scope in enumerate(settings.report.scopes)
        for channel in unknown_channels(published(settings), scope.channels)
    ]


def _short_leases(settings: SiteSettings) -> list[str]:
    spans = {"numbers": settings.numbers} | {f"numbers.pools.{place}": pool for place, pool in enumerate(settings.numbers.pools)}
    told = {
        f"{place}.{name}": getattr(own, name) for place, own in spans.items() for name in ("lease_seconds", "first_lease_seconds")
    }
    return [
        f"{name}: a sign of life comes every 60 s, a lease of {seconds} s may end before; write {LEAST_LEASE_SECONDS} or more"
        for name, seconds in told.items()
        if seconds is not None and seconds < LEAST_LEASE_SECONDS
    ]


def _amo_warnings(rules: Sequence[StageRule], amo: AmoCrm) -> list[str]:
    """amoCRM tells pipelines and stages by id. A site may have another CRM beside it, so a rule of names alone is no mistake."""
    warnings = []
    if not any(rule.pipeline == "*" or rule.pipeline.isdecimal() for rule in rules):
        warnings.append("stages: no rule is for amoCRM's deals; it tells pipelines by id: write the id, or *")
    for place, rule in enumerate(rules):
        names = [stage for stage in rule.stages if not stage.isdecimal() and stage not in AMO_CLOSED.values()]
        if rule.pipeline.isdecimal() and names:
            warnings.append(
                f"stages.{place}: amoCRM tells stages by id, won or lost; under a name it never comes: {', '.join(names)}"
            )
    return warnings
