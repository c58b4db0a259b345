"""Which entries of which files speak in a visit's source: looked up beside the answer, never instead of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from functions.attribution.source_rules import LISTS, RULES, Row, expanded
from infra.lists.refresh import origins
from infra.sources.visits import Visit
from shared.source_settings import plain_name
from shared.sources import source_name, sources_of, table

_CELLS = {"basis": "told by", "source": "source", "category": "kind of source", "medium_kind": "kind of medium"}
_BASES = {"utm": "tags", "click": "a click id", "referrer": "the referrer", "none": "nothing at all"}
_MOST_NEAR = 2


class Marks(NamedTuple):
    """What the visit's hit carries: parts of its entry key, source and medium in their own letters where the door read them."""

    utm_source: str
    utm_medium: str
    click_id_name: str
    place: str


def marks_of(visit: Visit) -> Marks:
    """Marks of a visit that the door took."""
    row, record = _known(visit)
    source, medium, click_id_name, place = row["entry_key"].split("|")[:4]
    return Marks(record.get("utm_source") or source, record.get("utm_medium") or medium, click_id_name, place)


def source_reason(visit: Visit) -> str:
    """What named the source, and where that is written."""
    row, _ = _known(visit)
    marks, matched = marks_of(visit), row["matched"]
    if not matched:
        return f"nothing: click id {marks.click_id_name} is in no list" if marks.click_id_name else "nothing names one"
    if marks.utm_source.strip():
        return _tag_reason(visit, marks.utm_source.strip(), matched)
    if found := _first(visit, "rule_clicks", "click_id", marks.click_id_name):
        return f"click id {marks.click_id_name} ({_whose(found, 'clicks.tsv', 'click_ids')})"
    if file := _place(visit, matched):
        return f"{matched} ({file})"
    return f"{matched}: in no list, so it stands for itself"


def medium_reason(visit: Visit) -> str:
    """What told the kind of the medium."""
    row, _ = _known(visit)
    marks, kind = marks_of(visit), row["medium_kind"]
    medium = marks.utm_medium.strip().lower()
    if medium:
        found = next((r for r in _rows(visit, "rule_media") if re.search(r["pattern"], medium)), None)
        return (
            f"{kind}: {medium} fits {_short(found['pattern'])} (media.tsv)"
            if found
            else f"unknown: nothing in media.tsv fits {medium}"
        )
    named = _first(visit, "rule_names", "name", plain_name(marks.utm_source.strip().lower()))
    if named and named["is_ad_name"]:
        return f"{kind}: the name means the source's ads"
    if kind != "unset":
        return f"{kind}: as click id {marks.click_id_name} tells"
    return "not told"


def rule_reason(visit: Visit) -> str:
    """The deciding row of the table in words."""
    row, _ = _known(visit)
    number, rule = _decided(visit)
    if row["rule_id"] == "no-rule":
        return "no-rule: no line of channels.tsv fits, so it is its source / medium; a table without its last line loses names"
    if rule is None:
        return f"{row['rule_id']}: the site's own source has its channel (settings, sources.own)"
    told = [text for cell in _CELLS if (text := _cell(cell, rule[cell]))]
    if rule["campaign"]:
        told.append(f"the campaign fits {_short(rule['campaign'])}")
    return f"{rule['rule_id']} (channels.tsv, line {number}): {'; '.join(told) or 'anything'}"


def own_words(visit: Visit) -> Iterator[tuple[str, str]]:
    """What the site's settings say beside the rule."""
    row, _ = _known(visit)
    own = next((own for own in visit.site.sources.own if own.id == row["source"]), None)
    base, _, contractor = row["channel"].partition(" · ")
    if own and own.channel and own.channel == base and row["rule_id"] != "own-source":
        yield "channel", f"{own.channel}: the site's own source has its channel (settings, sources.own)"
    if own and own.is_ad is not None:
        yield "ad", f"{'yes' if own.is_ad else 'no'} (settings, sources.own)"
    if contractor:
        yield "contractor", f"{contractor} (settings, sources.contractors)"


def near_rules(visit: Visit) -> list[str]:
    """Rows above the deciding one that one thing kept from it, the nearest last."""
    row, _ = _known(visit)
    number, _ = _decided(visit)
    if row["is_direct"]:
        return []
    found = []
    for rule in _rows(visit, "rule_channels")[: number - 2]:
        told = {cell: rule[cell].split("|") for cell in _CELLS if rule[cell]}
        missed = [cell for cell, values in told.items() if row[cell] not in values]
        if (
            len(missed) == 1
            and missed[0] != "basis"
            and not rule["campaign"]
            and {"source", "category"} & (told.keys() - {*missed})
        ):
            wants = _cell(missed[0], rule[missed[0]])
            found.append(f"{rule['rule_id']}: {wants}, here {row[missed[0]] if row[missed[0]] != 'unset' else 'not told'}")
    return found[-_MOST_NEAR:]


def removed(visit: Visit) -> list[str]:
    """What the door does not keep of the address, and what it passes over."""
    _, record = _known(visit)
    found = []
    for what, sent, kept in (
        ("link", visit.link.url, record["page_url"]),
        ("referrer", visit.link.referrer, record.get("referrer", "")),
    ):
        names = re.findall(r"[?&#;]([^=&#]+)=[^&#]*\[(?:removed|email|phone)\]", kept)
        found += [f"{name} of the {what} (personal)" for name in dict.fromkeys(names)]
        if not names and re.search(r"\[(?:email|phone)\]", kept):
            found.append(f"personal text in the path of the {what}")
        if kept and "@" in re.split(r"[/?#]", sent.partition("://")[2])[0]:
            found.append(f"user and password of the {what}")
    words = {"referrer": "no address of a page, passed over"}
    lost = [f"{name} ({words.get(name, 'too long, cut')})" for name in dict.fromkeys(visit.lost) if name in visit_columns()]
    return found + lost


def own_parameters(visit: Visit) -> dict[str, str]:
    """utm_ tag → the site's own parameter that stood for it in this link."""
    _, record = _known(visit)
    told = visit.site.sources.parameters.model_dump()
    sent = {name.lower() for name in re.findall(r"[?&](?:amp;)?([^=&#]+)=[^&#]", record["page_url"])}
    return {tag: names[0] for tag, those in told.items() if not record.get(tag) and (names := [n for n in those if n in sent])}


def names_of(visit: Visit, source: str) -> str:
    """Id of a source with the name that readers see, where it has one."""
    known = sources_of({"sources": visit.site.sources.model_dump(mode="json")})
    name = source_name(source, known, "ru")
    return source if name == source else f"{source} ({name})"


@cache
def visit_columns() -> frozenset[str]:
    """Columns of which a loss matters here."""
    return frozenset({"referrer", "page_url", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"})


def _known(visit: Visit) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if visit.row is None or visit.record is None:
        raise ValueError("the door refused this link")
    return visit.row, visit.record


def _tag_reason(visit: Visit, written: str, matched: str) -> str:
    plain = plain_name(written.lower())
    if found := _first(visit, "rule_names", "name", plain):
        where = "shared/standard_sources.tsv" if found["site_id"] == "*" else "settings, sources"
        return f"utm_source {written} is a name of it ({where})"
    if found_place := _place(visit, matched):
        return f"utm_source {written} is the host {matched} ({found_place})"
    return f"utm_source {written}: nobody knows it, so it stands for itself"


def _place(visit: Visit, place: str) -> str:
    rows = [row for row in _rows(visit, "rule_places") if row["place"] == place]
    if own := next((row for row in rows if row["site_id"] != "*"), None):
        words = {"internal": "the site's own host", "payment": "settings, payment_hosts"}
        return words.get(own["category"], "settings, sources.own")
    return _files().get(place, "") if rows else ""


@cache
def _files() -> dict[str, str]:
    """Place → the file that tells of it, in the order of belief, with the origin of a bundled list."""
    told = {f"lists/{row['file']}": f", {row['origin']} {row['revision']}" for row in origins()}
    files: dict[str, str] = {}
    for name in ("places.tsv", *LISTS):
        for row in table(RULES / name):
            for place in expanded(row["place"]):
                files.setdefault(place, f"{name}{told.get(name, '')}")
    return files


def _first(visit: Visit, rules: str, column: str, value: str) -> Row | None:
    found = [row for row in _rows(visit, rules) if row[column] == value]
    return next((row for row in found if row["site_id"] != "*"), found[0] if found else None)


def _whose(row: Row, file: str, setting: str) -> str:
    return file if row["site_id"] == "*" else f"settings, sources.{setting}"


def _rows(visit: Visit, name: str) -> list[Row]:
    return list((visit.rules or {})[name])


def _decided(visit: Visit) -> tuple[int, Row | None]:
    """(line of channels.tsv, its row); the line after the last and nothing where no row decided."""
    row, _ = _known(visit)
    rules = _rows(visit, "rule_channels")
    return next(((n, rule) for n, rule in enumerate(rules, 2) if rule["rule_id"] == row["rule_id"]), (len(rules) + 2, None))


def _cell(cell: str, told: str) -> str:
    if not told:
        return ""
    words = [_BASES.get(word, word) if cell == "basis" else "not told" if word == "unset" else word for word in told.split("|")]
    return f"{_CELLS[cell]} {_either(words)}"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _short(pattern: str) -> str:
    return pattern if len(pattern) <= 40 else f"{pattern[:37]}…"


def reasons(visit: Visit) -> Iterator[tuple[str, str]]:
    """(what, why) of everything that was decided."""
    row, _ = _known(visit)
    yield "source", source_reason(visit)
    yield "kind of source", row["category"] if row["category"] != "none" else "none"
    yield "kind of medium", medium_reason(visit)
    yield "rule", rule_reason(visit)
    yield from own_words(visit)
    for text in near_rules(visit):
        yield "not", text
