"""`skvoz source explain`: a visit in plain words, in short, or as data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.sources.reasons import marks_of, names_of, own_parameters, reasons, removed, rule_reason, source_reason
from infra.sources.visits import Visit
from infra.utm.links import mistakes_of_link
from infra.utm.words import words_of
from shared.hosts import plain_host
from shared.settings import published
from shared.sources import standard_channels

FIELDS = (
    "url", "referrer", "channel", "source", "medium", "campaign", "content", "term", "click_id_name", "click_id", "channel_group",
    "category", "medium_kind", "basis", "matched", "rule_id", "is_direct", "is_ad", "is_spam", "excluded",
)  # fmt: skip
_EXCLUDED = {
    "bot": "its user agent is a robot's",
    "spam_referrer": "its referrer is on the list of spam (functions/attribution/rules/spam.tsv)",
    "speed": "more than 60 page views in a minute",
}
_WIDTH = 16


def row_of(visit: Visit) -> dict[str, Any]:
    """The answer as data; of a refused link `url`, `referrer` and `error` alone."""
    asked = {"url": _shown(visit.link.url), "referrer": _shown(visit.link.referrer) or None}
    if visit.row is None:
        return {**asked, "error": visit.error}
    told = {**visit.row, **asked, "click_id_name": marks_of(visit).click_id_name or None}
    return {name: told[name] for name in FIELDS}


def text_of(visit: Visit) -> str:
    """The answer in words, a fact a line. The door must have taken the link."""
    lines = [_shown(visit.link.url)]
    if visit.link.referrer:
        lines.append(f"from {_shown(visit.link.referrer)}")
    for title, facts in (
        ("read", _read(visit)),
        ("decided", reasons(visit)),
        ("result", _result(visit)),
        ("to mend", _to_mend(visit)),
    ):
        listed = [(name, value) for name, value in facts if value]
        if listed:
            lines += ["", title]
            lines += [f"  {name:{_WIDTH}}{value}" if name else f"  {value}" for name, value in listed]
    return "\n".join(lines)


def short_of(visit: Visit) -> str:
    """The answer in three lines: the link, the result, the reason."""
    row: Mapping[str, Any] = visit.row or {}
    told = [f"{row['source']} / {row['medium']}", *(f"{name} {row[name]}" for name in ("campaign", "content", "term") if row[name])]
    told += [f"left out: {row['excluded']}"] if row["excluded"] else []
    came = f"  from {_shown(visit.link.referrer)}" if visit.link.referrer else ""
    why = f"{source_reason(visit)}; rule {rule_reason(visit).partition(':')[0]}"
    return f"{_shown(visit.link.url)}{came}\n  {row['channel']}: {', '.join(told)}\n  because {why}"


def _read(visit: Visit) -> Iterator[tuple[str, str]]:
    row, record, marks = visit.row or {}, visit.record or {}, marks_of(visit)
    own = own_parameters(visit)
    values = {"utm_source": marks.utm_source, "utm_medium": marks.utm_medium}
    values |= {
        tag: record.get(tag) or (row.get(tag.removeprefix("utm_")) or "") for tag in ("utm_campaign", "utm_content", "utm_term")
    }
    for tag, value in values.items():
        if value and (record.get(tag) or tag in own):
            yield tag, f"{value}   (from the site's own parameter {own[tag]})" if tag in own else value
    if marks.click_id_name:
        yield "click id", f"{marks.click_id_name} {row['click_id'] or '(too long to keep)'}"
    yield "referrer", marks.place
    for what in removed(visit):
        yield "removed", what
    if not any((*values.values(), marks.click_id_name, marks.place)):
        yield "", "no tags, no click id, no referrer"


def _result(visit: Visit) -> Iterator[tuple[str, str]]:
    row: Mapping[str, Any] = visit.row or {}
    yield "channel", _channel(row["channel"])
    yield "source", names_of(visit, row["source"])
    yield "medium", row["medium"]
    for name in ("campaign", "content", "term"):
        yield name, row[name] or ""
    yield "channel group", row["channel_group"]
    yield "ad", "yes" if row["is_ad"] else "no"
    if row["is_direct"] and row["category"] in ("internal", "payment"):
        yield "visit", "goes on, with the source that it began with; without one before it is direct"
    reason = row["excluded"]
    yield "counts", f"no, {reason}: {_EXCLUDED.get(reason, 'left out of visits')}" if reason else "yes"


def _to_mend(visit: Visit) -> Iterator[tuple[str, str]]:
    """What `skvoz utm check` says of the link's tags; nothing of a link without."""
    row, site = visit.row or {}, published(visit.site)
    for mistake in mistakes_of_link(visit.link.url, words=words_of(site)):
        if mistake.code not in ("address", "untagged"):
            yield "", mistake.message
    host = (visit.record or {})["page_host"]
    own = [plain_host(h) for h in visit.site.hosts]
    if own != ["localhost"] and not any(host == h or host.endswith(f".{h}") for h in own):
        yield "", f"{host} is none of the site's hosts ({', '.join(own)}): a tracker there is refused unless `origins` lists it"
    if row["channel"] == f"{row['source']} / {row['medium']}":
        yield "", "no rule names a channel for this: mend the tags, or list the source in the settings (sources.own)"


def _channel(channel: str) -> str:
    base, dot, contractor = channel.partition(" · ")
    known = standard_channels().get(base)
    if known is None or known.names["ru"] == base:
        return channel
    return f"{known.names['en']}{dot}{contractor} ({known.names['ru']}{dot}{contractor})"


def _shown(address: str) -> str:
    """An address without the password that somebody may have left in it, and printable."""
    told = re.sub(r"//[^/?#\s]*@", "//…@", address.strip().encode("utf-8", "replace").decode())
    return "".join(c if c.isprintable() else " " for c in told)
