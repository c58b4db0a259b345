"""Rule tables: what the business and the bundled lists decide, as rows that SQL joins to.

Rewritten at the start of every refresh under `rules/{table}/`, so history is corrected by changing a rule and refreshing.
`fingerprint` changes with any rule: a changed one makes the next refresh a full one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import orjson

from functions.attribution.hits import hits_query
from functions.attribution.source_rules import SITE, SOURCE_TABLES, source_rows
from functions.attribution.statements import sql_version
from shared.records import Column, RecordKind
from shared.settings import MEANING_RANK, SiteSettings

END = date(9999, 12, 31)
MOST_PAGES_A_MINUTE = 60  # more page views of a visitor in one clock minute are no reading

_NO_HISTORY = {"report", "crm", "numbers", "calls", "forms", "origins", "name", "rates", "sources"}
_VALID = (Column("valid_from", "date", "first day"), Column("valid_to", "date", "first day no longer"))
_PIPELINE = Column("pipeline", "varchar", "pipeline, or * for every one without a rule of its own")

RULE_STAGES = RecordKind(
    "rule_stages",
    "Meaning of a CRM stage.",
    (
        SITE,
        _PIPELINE,
        Column("stage", "varchar", "stage as the CRM names it"),
        *_VALID,
        Column("meaning", "varchar", "its meaning"),
        Column("meaning_rank", "bigint", "how far a deal has come"),
    ),
)
RULE_MONEY = RecordKind(
    "rule_money",
    "From which meaning on a pipeline's deals bring money.",
    (SITE, _PIPELINE, *_VALID, Column("money_rank", "bigint", "rank of the money stage")),
)
RULE_PIPELINES = RecordKind(
    "rule_pipelines",
    "Which pipelines sell, and which stand apart.",
    (SITE, _PIPELINE, *_VALID, Column("kind", "varchar", "sales, auxiliary, marketing")),
)
RULE_QUALIFICATION = RecordKind(
    "rule_qualification",
    "What makes a deal qualified besides its stage, every attribute that a criterion asks for.",
    (
        SITE,
        Column("criterion", "bigint", "place in the settings"),
        *_VALID,
        Column("attribute", "varchar", "name of the attribute"),
        Column("value", "varchar", "one of the values that fit, in any case; empty = any"),
        Column("asked", "bigint", "how many attributes the criterion asks for"),
    ),
)
RULE_LOSSES = RecordKind(
    "rule_losses",
    "Reasons of lost deals in groups.",
    (
        SITE,
        Column("reason", "varchar", "reason as the CRM tells it, in any case"),
        *_VALID,
        Column("loss_group", "varchar", "name of its group"),
        Column("is_duplicate", "boolean", "such a deal is a duplicate"),
    ),
)
RULE_MARGINS = RecordKind(
    "rule_margins", "Gross margin without a cost price.", (SITE, *_VALID, Column("percent", "decimal(10,6)", "of revenue"))
)
RULE_RATES = RecordKind(
    "rule_rates",
    "Exchange rates by day.",
    (
        SITE,
        Column("currency", "varchar", "ISO code"),
        Column("day", "date", "day"),
        Column("rate", "decimal(18,8)", "site currency for one unit"),
    ),
)
RULE_TABLES: tuple[RecordKind, ...] = (
    *SOURCE_TABLES, RULE_STAGES, RULE_PIPELINES, RULE_MONEY, RULE_QUALIFICATION, RULE_LOSSES, RULE_MARGINS, RULE_RATES,
)  # fmt: skip


def rule_rows(sites: Sequence[SiteSettings]) -> dict[str, list[dict[str, Any]]]:
    """Rows of every rule table for these sites."""
    rows: dict[str, list[dict[str, Any]]] = {kind.name: [] for kind in RULE_TABLES}
    rows |= source_rows(sites)
    for site in sites:
        for stage, rule, valid_to in _periods([(s.pipeline, s.valid_from, s) for s in site.stages]):
            valid = {"site_id": site.site_id, "pipeline": stage, "valid_from": rule.valid_from, "valid_to": valid_to}
            rows["rule_pipelines"].append({**valid, "kind": rule.kind})
            rows["rule_stages"] += [
                {**valid, "stage": name, "meaning": meaning, "meaning_rank": MEANING_RANK[meaning]}
                for name, meaning in rule.stages.items()
            ]
        rows["rule_money"] += _money_stages(site)
        rows["rule_qualification"] += _criteria(site)
        reasons = [
            (reason.casefold(), losses.valid_from, (reason, losses)) for losses in site.loss_reasons for reason in losses.reasons
        ]
        for _, (reason, losses), valid_to in _periods(reasons):
            valid = {"valid_from": losses.valid_from, "valid_to": valid_to}
            told = {"loss_group": losses.group, "is_duplicate": losses.is_duplicate}
            rows["rule_losses"].append({"site_id": site.site_id, "reason": reason, **valid, **told})
        for _, margin, valid_to in _periods([("", m.valid_from, m) for m in site.margins]):
            rows["rule_margins"].append(
                {"site_id": site.site_id, "valid_from": margin.valid_from, "valid_to": valid_to, "percent": margin.percent}
            )
        rows["rule_rates"] += [{"site_id": site.site_id, "currency": r.currency, "day": r.day, "rate": r.rate} for r in site.rates]
    return rows


def fingerprint(rows: Mapping[str, Iterable[Mapping[str, Any]]], sites: Sequence[SiteSettings]) -> str:
    """Changes with any rule, setting or query that rewrites rows that no new record touches.

    Left out: who gets the mail, which numbers are shown, which telephonies may tell of calls and where these go, what forms may
    send, names and colours, own addresses (judged at the door), and exchange rates: what these make is computed whole in every
    refresh, or lies in the records already.
    """
    figures = [[s.model_dump(mode="json", exclude=_NO_HISTORY), s.calls.spam.model_dump(), *hits_query(s)] for s in sites]
    named = {"*", *(s.site_id for s in sites)}
    ruled = [[row for row in listed if row.get("site_id", "*") in named] for name, listed in rows.items() if name != "rule_rates"]
    text = orjson.dumps([ruled, figures, sql_version(), MOST_PAGES_A_MINUTE], default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def _money_stages(site: SiteSettings) -> Iterator[dict[str, Any]]:
    """Of sales alone: a deal that was made while its pipeline stood apart goes by the first sales rule of that pipeline."""
    first = {rule.pipeline: rule.valid_from for rule in sorted(site.stages, key=lambda r: r.valid_from, reverse=True)}
    for pipeline, rule, valid_to in _periods([(r.pipeline, r.valid_from, r) for r in site.stages if r.kind == "sales"]):
        valid_from = first.pop(pipeline, rule.valid_from)
        row = {"site_id": site.site_id, "pipeline": pipeline, "valid_from": valid_from, "valid_to": valid_to}
        yield {**row, "money_rank": MEANING_RANK[rule.money_stage]}


def _criteria(site: SiteSettings) -> Iterator[dict[str, Any]]:
    """Criteria of one day are alternatives; the next day that has any replaces them."""
    days = sorted({c.valid_from for c in site.qualification})
    valid_to = dict(pairwise([*days, END]))
    for place, told in enumerate(site.qualification):
        asked: dict[str, list[str | None]] = {name: [None] for name in told.filled}
        asked |= {name: list(values) for name, values in told.equal.items()}
        row = {"site_id": site.site_id, "criterion": place, "valid_from": told.valid_from, "valid_to": valid_to[told.valid_from]}
        for name, values in asked.items():
            yield from ({**row, "attribute": name, "value": value, "asked": len(asked)} for value in values)


def _periods(rules: list[tuple[str, date, Any]]) -> list[tuple[str, Any, date]]:
    """(group, rule, valid_to) of rules that hold until the next one of their group begins."""
    ordered = sorted(rules, key=lambda r: (r[0], r[1]))
    following = [*ordered[1:], ("\uffff", END, None)][: len(ordered)]
    return [(group, rule, nxt[1] if nxt[0] == group else END) for (group, _, rule), nxt in zip(ordered, following, strict=True)]
