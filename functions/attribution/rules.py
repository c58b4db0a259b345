"""Rule tables: what the business and the bundled lists decide, as rows that SQL joins to.

Rewritten at the start of every refresh under `rules/{table}/`, so history is corrected by changing a rule and refreshing.
`fingerprint` changes with any rule: a changed one makes the next refresh a full one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
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
RULE_TABLES: tuple[RecordKind, ...] = (*SOURCE_TABLES, RULE_STAGES, RULE_MONEY, RULE_MARGINS, RULE_RATES)


def rule_rows(sites: Sequence[SiteSettings]) -> dict[str, list[dict[str, Any]]]:
    """Rows of every rule table for these sites."""
    rows: dict[str, list[dict[str, Any]]] = {kind.name: [] for kind in RULE_TABLES}
    rows |= source_rows(sites)
    for site in sites:
        for stage, rule, valid_to in _periods([(s.pipeline, s.valid_from, s) for s in site.stages]):
            valid = {"site_id": site.site_id, "pipeline": stage, "valid_from": rule.valid_from, "valid_to": valid_to}
            rows["rule_money"].append({**valid, "money_rank": MEANING_RANK[rule.money_stage]})
            rows["rule_stages"] += [
                {**valid, "stage": name, "meaning": meaning, "meaning_rank": MEANING_RANK[meaning]}
                for name, meaning in rule.stages.items()
            ]
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


def _periods(rules: list[tuple[str, date, Any]]) -> list[tuple[str, Any, date]]:
    """(group, rule, valid_to) of rules that hold until the next one of their group begins."""
    ordered = sorted(rules, key=lambda r: (r[0], r[1]))
    following = [*ordered[1:], ("\uffff", END, None)][: len(ordered)]
    return [(group, rule, nxt[1] if nxt[0] == group else END) for (group, _, rule), nxt in zip(ordered, following, strict=True)]
