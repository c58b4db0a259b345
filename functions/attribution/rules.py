"""Rule tables: what the business and the bundled lists decide, as rows that SQL joins to.

Rewritten at the start of every refresh under `rules/{table}/`, so history is corrected by changing a rule and refreshing.
`fingerprint` changes with any rule: a changed one makes the next refresh a full one.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any

import orjson

from shared.records import Column, RecordKind
from shared.settings import MEANING_RANK, SiteSettings

END = date(9999, 12, 31)

# Robots by their own words. The full matcher with its measured recall is a list of its own; this is the part nobody disputes.
BOT_PATTERN = r"bot\b|crawl|spider|slurp|headless|phantomjs|lighthouse|python-requests|curl/|wget/|http-client|go-http|okhttp/|^$"

_NO_HISTORY = {"report", "crm", "numbers", "forms", "origins", "name", "rates"}
_SITE = Column("site_id", "varchar", "site, or * for all")
_VALID = (Column("valid_from", "date", "first day"), Column("valid_to", "date", "first day no longer"))
_PIPELINE = Column("pipeline", "varchar", "pipeline, or * for every one without a rule of its own")

RULE_CHANNELS = RecordKind(
    "rule_channels",
    "Ordered: the first row whose patterns all fit names channel, source and medium (empty = taken from the marks).",
    (
        Column("rule_order", "bigint", "place in the table"),
        Column("rule_id", "varchar", "name of the rule"),
        Column("utm_source_pattern", "varchar", "regular expression over lower case"),
        Column("utm_medium_pattern", "varchar", "regular expression over lower case"),
        Column("click_id_pattern", "varchar", "regular expression over the name of the click id"),
        Column("category_pattern", "varchar", "regular expression over the referrer's category"),
        Column("channel", "varchar", "name; empty = source / medium"),
        Column("source", "varchar", "empty = from the marks"),
        Column("medium", "varchar", "empty = from the marks"),
        Column("is_direct", "boolean", "keeps the visit's source"),
    ),
)
RULE_REFERRERS = RecordKind(
    "rule_referrers",
    "What kind of place a referring host is: the first pattern that fits.",
    (
        _SITE,
        Column("rule_order", "bigint", "place in the table"),
        Column("host_pattern", "varchar", "regular expression over the whole host"),
        Column("source", "varchar", "name; empty = the host itself"),
        Column("category", "varchar", "search, social, video, messenger, maps, ai, email, internal, payment"),
    ),
)
RULE_STAGES = RecordKind(
    "rule_stages",
    "Meaning of a CRM stage.",
    (
        _SITE,
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
    (_SITE, _PIPELINE, *_VALID, Column("money_rank", "bigint", "rank of the money stage")),
)
RULE_MARGINS = RecordKind(
    "rule_margins", "Gross margin without a cost price.", (_SITE, *_VALID, Column("percent", "decimal(10,6)", "of revenue"))
)
RULE_RATES = RecordKind(
    "rule_rates",
    "Exchange rates by day.",
    (
        _SITE,
        Column("currency", "varchar", "ISO code"),
        Column("day", "date", "day"),
        Column("rate", "decimal(18,8)", "site currency for one unit"),
    ),
)
RULE_TABLES: tuple[RecordKind, ...] = (RULE_CHANNELS, RULE_REFERRERS, RULE_STAGES, RULE_MONEY, RULE_MARGINS, RULE_RATES)


def rule_rows(sites: Sequence[SiteSettings]) -> dict[str, list[dict[str, Any]]]:
    """Rows of every rule table for these sites."""
    rows: dict[str, list[dict[str, Any]]] = {kind.name: [] for kind in RULE_TABLES}
    rows["rule_channels"] = [
        {
            "rule_order": order,
            "rule_id": r["rule_id"],
            "utm_source_pattern": r["utm_source"],
            "utm_medium_pattern": r["utm_medium"],
            "click_id_pattern": r["click_id"],
            "category_pattern": r["category"],
            "channel": r["channel"],
            "source": r["source"],
            "medium": r["medium"],
            "is_direct": r["is_direct"] == "yes",
        }
        for order, r in enumerate(_bundled("channels.tsv"))
    ]
    hosts = [{"site_id": "*", **r} for r in _bundled("referrers.tsv")]
    own = [h for site in sites for h in _own_hosts(site)]
    rows["rule_referrers"] = [{"rule_order": order, **r} for order, r in enumerate([*own, *hosts])]
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
    """Changes with any rule or setting that rewrites rows that no new record touches.

    Left out: who gets the mail, which numbers are shown, what forms may send, and exchange rates: what these make is computed whole
    in every refresh, or lies in the records already.
    """
    figures = [s.model_dump(mode="json", exclude=_NO_HISTORY) for s in sites]
    rows = {name: row for name, row in rows.items() if name != "rule_rates"}
    text = orjson.dumps([{k: list(v) for k, v in rows.items()}, figures, BOT_PATTERN], default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def _bundled(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath("rules", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _own_hosts(site: SiteSettings) -> list[dict[str, Any]]:
    pairs = [(h, "internal") for h in site.hosts] + [(h, "payment") for h in site.payment_hosts]
    return [
        {
            "site_id": site.site_id,
            "host_pattern": rf"^(.+\.)?{re.escape(host.removeprefix('www.'))}$",
            "source": host,
            "category": category,
        }
        for host, category in pairs
    ]


def _periods(rules: list[tuple[str, date, Any]]) -> list[tuple[str, Any, date]]:
    """(group, rule, valid_to) of rules that hold until the next one of their group begins."""
    ordered = sorted(rules, key=lambda r: (r[0], r[1]))
    following = [*ordered[1:], ("\uffff", END, None)][: len(ordered)]
    return [(group, rule, nxt[1] if nxt[0] == group else END) for (group, _, rule), nxt in zip(ordered, following, strict=True)]
