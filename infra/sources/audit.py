"""`skvoz source audit`: what the links that were really used have wrong, with what it costs. Four kinds of findings:

untagged   ads of which only the referrer or a click id tells
mistake    tags that infra/utm/check.py finds fault with, as they arrived
unknown    values that no rule knows, to be decided on
cost       money spent on a source or campaign that no visit names
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from functions.attribution.own_parameters import mark_columns
from functions.attribution.statements import render_text
from infra.sources.classify import LAST_ARRIVAL
from infra.sources.unknown import unknown_values
from infra.utm.check import MACRO, mistakes
from infra.utm.words import Words, words_of
from shared.settings import SiteSettings, published
from shared.sql import Value, bind
from shared.warehouse import Row, Warehouse

SQL = Path(__file__).parent / "sql"
# Unfilled macros and placeholders, escapes left over, and UTF-8 read in another encoding.
_ODD = r"[{}<>$%\[\]]|__[A-Z]|Ð|Ñ|Р[°µІЅѕ»]|С[‚ѓЂ]|^(undefined|null|nan|NaN)$"
_UNTAGGED = {
    "referrer": "clicks on ads of {what} without tags: campaign and keyword are unknown; tag its links (skvoz utm build)",
    "click": "ads with a {what} alone: source and channel are known, the campaign is not; add utm tags (skvoz utm build)",
}
_ELSEWHERE = frozenset({"unknown_source", "unknown_medium", "upper_case", "missing_campaign"})  # told apart, or by spelling below


class Finding(NamedTuple):
    """One thing to do something about. `value` is what it is about; `cost` in the site's currency."""

    kind: str
    code: str
    value: str
    advice: str
    visits: int = 0
    hits: int = 0
    requests: float = 0.0
    cost: Decimal = Decimal(0)
    first_day: date | None = None
    last_day: date | None = None


class Audit(NamedTuple):
    """Findings of a period, the weightiest of each kind first; `settings`: lines that would make the
    unknown values known, to be decided on."""

    first_day: date | None
    last_day: date | None
    hits: int
    findings: Sequence[Finding]
    settings: Mapping[str, Any]


def audit(warehouse: Warehouse, site: SiteSettings, days: int) -> Audit:
    """The last `days` days of the data; none of a site without hits."""
    newest = warehouse.rows(_bound("SELECT max(day) AS day FROM hits WHERE site_id = :site_id", site))[0]["day"]
    if newest is None:
        return Audit(None, None, 0, (), {})
    period: dict[str, Value] = {"first_day": newest - timedelta(days=days - 1), "last_day": newest}
    rows = _seen(warehouse, site, period)
    odd = warehouse.rows(_bound(_text("odd_values"), site, **period, odd_pattern=_ODD))
    words = words_of(published(site))
    unknown, settings = unknown_values(rows, words)
    findings = [
        *_untagged(rows),
        *_mistakes(rows, odd, words, site),
        *_spellings(rows),
        *(Finding("unknown", u.code, u.value, u.advice, *u.weight) for u in unknown),
        *_lost_costs(warehouse.rows(_bound(_text("lost_costs"), site, **period))),
    ]
    findings.sort(key=lambda f: (-f.cost, -f.visits, -f.hits, f.value))
    return Audit(newest - timedelta(days=days - 1), newest, sum(row["hits"] for row in rows), _joined(findings), settings)


def _seen(warehouse: Warehouse, site: SiteSettings, period: Mapping[str, Value]) -> Sequence[Row]:
    first = period["first_day"]
    # A hit may arrive a day before its local day begins in UTC, and any time later.
    arrivals = {
        "first_arrival": f"{first - timedelta(days=1):%Y/%m/%d}" if isinstance(first, date) else "",
        "last_arrival": LAST_ARRIVAL,
    }
    warehouse.open_raw("hit", **arrivals)
    columns, values = mark_columns(site)
    return warehouse.rows(_bound(_text("seen", **columns), site, **period, **arrivals, **values))


def _untagged(rows: Iterable[Row]) -> Iterator[Finding]:
    for row in rows:
        source, medium, click_id_name, place, _ = row["entry_key"].split("|", 4)
        if row["basis"] == "referrer" and row["category"] == "ads":
            yield _finding("untagged", "referrer", place, _UNTAGGED["referrer"].format(what=place), row)
        elif click_id_name and not source and not medium and row["basis"] == "click" and row["is_ad"]:
            what = f"{click_id_name} ({row['channel']})"
            yield _finding("untagged", "click", click_id_name, _UNTAGGED["click"].format(what=what), row)


def _mistakes(rows: Iterable[Row], odd: Iterable[Row], words: Words, site: SiteSettings) -> Iterator[Finding]:
    hosts = site.hosts
    for row in rows:
        tags = {name: row[name] for name in ("utm_source", "utm_medium", "utm_campaign") if row[name]}
        if not tags:
            continue
        if row["is_behind_hash"]:
            told = "tags stand behind #, where other tools do not look; put them before it"
            yield _finding("mistake", "after_hash", row["utm_source"] or row["utm_campaign"], told, row)
        for mistake in mistakes(tags, words=words, arrived=True, own_hosts=hosts, is_internal=row["is_within"]):
            if mistake.code not in _ELSEWHERE or (mistake.code == "missing_campaign" and row["is_ad"]):
                value = tags.get(mistake.tag) or "/".join(tags.values())
                yield _finding("mistake", mistake.code, value, mistake.message, row)
    for row in odd:
        source = row["entry_key"].partition("|")[0]
        for mistake in mistakes({"utm_source": source, row["tag"]: row["text"]}, words=words, arrived=True):
            if mistake.tag == row["tag"]:
                yield _finding("mistake", mistake.code, row["text"], mistake.message, row)


def _spellings(rows: Iterable[Row]) -> Iterator[Finding]:
    """Tags of which several spellings were seen; each rarer one is a finding."""
    seen: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        for tag in ("utm_source", "utm_medium", "utm_campaign"):
            if (value := row[tag]) and not MACRO.search(value):
                seen.setdefault((tag, value.lower()), {}).setdefault(value, []).append(row)
    for (tag, _), spelled in seen.items():
        usual, *others = sorted(spelled, key=lambda value: (-sum(row["hits"] for row in spelled[value]), value))
        matters = "here too these are two rows" if tag == "utm_campaign" else "here they are one, elsewhere two rows"
        for value in others:
            for row in spelled[value]:
                yield _finding("mistake", "upper_case", value, f"{tag} {value} is also written {usual}: {matters}", row)


def _lost_costs(rows: Iterable[Row]) -> Iterator[Finding]:
    for row in rows:
        name = " / ".join(text for text in (row["source"], row["campaign"]) if text)
        if row["source_visits"]:
            told = f"{row['source']} has visits, but none of this campaign: compare utm_campaign of the links with the cost file"
        else:
            told = f"no visit came from {row['source']}: are the links tagged, is the source written as in utm_source?"
        days = (row["first_day"], row["last_day"])
        yield Finding(
            "cost", "campaign" if row["source_visits"] else "source", name, told, 0, 0, 0.0, row["cost"] or Decimal(0), *days
        )


def _joined(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that say the same of the same value as one."""
    found: dict[tuple[str, str, str, str], Finding] = {}
    for one in findings:
        key = (one.kind, one.code, one.value, one.advice)
        other = found.get(key)
        found[key] = one if other is None else _sum(other, one)
    return sorted(found.values(), key=lambda f: (-f.cost, -f.visits, -f.hits, f.value))


def _sum(one: Finding, other: Finding) -> Finding:
    firsts = [day for day in (one.first_day, other.first_day) if day]
    lasts = [day for day in (one.last_day, other.last_day) if day]
    return one._replace(
        visits=one.visits + other.visits,
        hits=one.hits + other.hits,
        requests=one.requests + other.requests,
        cost=one.cost + other.cost,
        first_day=min(firsts, default=None),
        last_day=max(lasts, default=None),
    )


def _finding(kind: str, code: str, value: str, advice: str, row: Row) -> Finding:
    weight = (row["visits"], row["hits"], float(row["requests"] or 0), Decimal(0))
    return Finding(kind, code, value, advice, *weight, row["first_day"], row["last_day"])


def _text(name: str, **parts: str) -> str:
    brought = (SQL / "brought.sql").read_text(encoding="utf-8").rstrip()
    return render_text((SQL / f"{name}.sql").read_text(encoding="utf-8"), brought=brought, **parts)


def _bound(text: str, site: SiteSettings, **values: Value) -> str:
    return bind(text, {"site_id": site.site_id, "model": site.attribution.default_model, **values})
