"""A link as the product sees it: the door's reading makes a raw hit, the refresh's own steps make the visit. No rule is told here.

Every link is a visit of its own visitor. Without settings the site is the link's own host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.attribution.source_rules import Row
from functions.collect.door import Arrival
from functions.collect.hits import TRACKER_KINDS
from infra.sources.classify import prepare, rules_of, run_step
from infra.sources.links import Link
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.hosts import plain_host
from shared.http import Request
from shared.ids import derived_id
from shared.marks import REFERRER_SCHEMES, read_address
from shared.records import HIT, encode
from shared.settings import SiteSettings, parse_settings, published

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
SITE = "explain"
_NAME = re.compile(r"[^\s/:@]+\.[^\s/:@]+|localhost")
# A hit without marks and outside referrer has no entry key: the rules are asked with its referrer alone, if it has one.
_INSIDE_KEYS = """INSERT INTO request_records (site_id, record_id, source_key)
SELECT site_id, record_id, '|||' || coalesce(referrer_host, '') || '|' FROM raw_hit"""
_ANSWERS = """SELECT
    r.record_id, coalesce(h.entry_key, '|||' || coalesce(r.referrer_host, '') || '|') AS entry_key,
    coalesce(h.excluded, x.reason) AS excluded, h.click_id,
    CASE WHEN s.is_direct THEN NULL ELSE h.campaign END AS campaign,
    CASE WHEN s.is_direct THEN NULL ELSE h.content END AS content,
    CASE WHEN s.is_direct THEN NULL ELSE coalesce(v.term, h.term) END AS term,
    s.channel, s.source, s.medium, s.channel_group, s.category, s.medium_kind, s.basis, s.matched, s.rule_id,
    s.is_direct, s.is_ad, s.is_significant, s.is_spam
FROM raw_hit AS r
INNER JOIN hits AS h ON h.record_id = r.record_id
INNER JOIN sources AS s ON s.entry_key = coalesce(h.entry_key, '|||' || coalesce(r.referrer_host, '') || '|')
LEFT JOIN sessions AS v ON v.visitor_id = h.visitor_id
LEFT JOIN excluded_visitors AS x ON x.visitor_id = h.visitor_id"""


@dataclass(frozen=True)
class Visit:
    """One link: `record` is its raw hit, `row` what the marts say; `error` (then the rest is empty) why the door refuses it.

    `lost` names columns of which something was cut or passed over. `rules` are the rows that were applied.
    """

    link: Link
    site: SiteSettings
    error: str = ""
    record: Mapping[str, Any] | None = None
    row: Mapping[str, Any] | None = None
    lost: tuple[str, ...] = ()
    rules: Mapping[str, Sequence[Row]] | None = None


def visits_of(links: Sequence[Link], settings: SiteSettings | None, now: datetime) -> list[Visit]:
    """Every link with what the product makes of it, in their order."""
    if settings is not None:
        found = dict(_visits(list(enumerate(links)), settings, now))
    else:
        found = {n: visit for batch, site in _batches(links) for n, visit in _visits(batch, site, now)}
    return [found[n] for n in range(len(links))]


def site_of(hosts: Sequence[str]) -> SiteSettings:
    """Settings of a site about which only its hosts are known; what no site is called (an IPv6 address) is left out."""
    known = [host for host in hosts if _NAME.fullmatch(host)] or ["localhost"]
    return parse_settings({"site_id": SITE, "name": SITE, "hosts": known})


def _batches(links: Sequence[Link]) -> Iterator[tuple[list[tuple[int, Link]], SiteSettings]]:
    """Links whose hosts may stand in one site, because none of them leads to another: a site for each would take its time."""
    by_host: dict[str, list[tuple[int, Link]]] = {}
    for n, link in enumerate(links):
        by_host.setdefault(_host(link.url), []).append((n, link))
    batches: list[tuple[list[str], set[str], list[tuple[int, Link]]]] = []
    for host, those in by_host.items():
        leads = {ending for _, link in those for ending in _endings(link)} - {host}
        fits = (b for b in batches if not leads.intersection(b[0]) and not {*_above(host)}.intersection(b[0]) and host not in b[1])
        hosts, all_leads, listed = next(fits, ([], set(), []))
        if not hosts:
            batches.append((hosts, all_leads, listed))
        hosts.append(host)
        all_leads |= leads
        listed += those
    for hosts, _, listed in batches:
        yield listed, site_of([host for host in hosts if host] or ["localhost"])


def _endings(link: Link) -> set[str]:
    """Hosts that the link's own words may name: its referrer, and whatever else in it looks like a host."""
    texts = [_host(link.referrer), *link.url.lower().replace("%2f", "/").replace("&", "/").replace("=", "/").split("/")]
    return {ending for text in texts for ending in (plain_host(text), *_above(plain_host(text)))}


def _above(host: str) -> Iterator[str]:
    while "." in host:
        host = host.partition(".")[2]
        yield host


def _host(address: str) -> str:
    try:
        return read_address(address, REFERRER_SCHEMES).host
    except ValueError:
        return ""


def _visits(numbered: Sequence[tuple[int, Link]], site: SiteSettings, now: datetime) -> Iterator[tuple[int, Visit]]:
    rows = rules_of(site)
    told = published(site)
    read = [(n, link, *_read(n, link, told, now)) for n, link in numbered]
    answers = _answers([record for _, _, _, record, _ in read if record], site, rows, now)
    for n, link, error, record, lost in read:
        yield n, Visit(link, site, error, record, answers[record["record_id"]] if record else None, lost, rows)


def _read(number: int, link: Link, site: Mapping[str, Any], now: datetime) -> tuple[str, dict[str, Any] | None, tuple[str, ...]]:
    """(why it was refused, raw hit, columns cut) as the door of the tracker reads a page view."""
    agent = BROWSER if link.user_agent is None else link.user_agent
    headers = {"user-agent": _sendable(agent), "accept-language": "ru-RU"}
    request = Request("POST /v1/hits", {}, {}, headers, {}, b"", "192.0.2.1", now, "")
    id_ = derived_id(now, SITE, str(number))
    arrival = Arrival(request, site, SITE, "tracker", TRACKER_KINDS, id_, "granted", id_)
    item = {"id": id_, "kind": "page_view", "url": _sendable(link.url), "ref": _sendable(link.referrer), "screen": "1920x1080"}
    made = arrival.make([item])
    refused = next((message for _, _, message in made.rejected), "")
    return refused, made.hits[0] if made.hits else None, tuple(made.cuts)


def _sendable(text: str) -> str:
    """As a browser could send it: halves of letters become question marks."""
    return text.strip().encode("utf-8", "replace").decode()


def _answers(
    records: Sequence[Mapping[str, Any]], site: SiteSettings, rows: Mapping[str, Sequence[Row]], now: datetime
) -> dict[str, Mapping[str, Any]]:
    """Record id → what the marts say of its visit."""
    if not records:
        return {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"raw/hit/{now:%Y/%m/%d/%H}/links.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(encode(HIT, record) + b"\n" for record in records))
        warehouse = DuckDbWarehouse(Path(folder))
        try:
            prepare(warehouse, rows)
            run_step(warehouse, site, "hits")
            warehouse.start(_INSIDE_KEYS)
            for name in ("sources", "excluded_visitors", "sessions"):
                run_step(warehouse, site, name)
            return {row["record_id"]: row for row in warehouse.rows(_ANSWERS)}
        finally:
            warehouse.close()
