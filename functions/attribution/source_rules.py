"""Where a visit came from, as rule tables: the files of `rules/` and a site's own sources as rows that sources.sql looks up.

Order of belief for a place: the site's own hosts and sources, `places.tsv`, then the bundled lists (`rules/lists/`, their origins
in ORIGINS.tsv). The longest place wins: `mail.google.com` before `google.*`, `yandex.ru/maps` before `yandex.ru`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from shared.hosts import plain_host
from shared.records import Column, RecordKind
from shared.settings import SiteSettings
from shared.source_settings import plain_name
from shared.sources import Source, sources_of, standard_sources, table

RULES = Path(str(files("functions.attribution").joinpath("rules")))
LISTS = ("lists/ai.tsv", "lists/search.tsv", "lists/social.tsv", "lists/hosts.tsv", "spam.tsv")
_BRACES = re.compile(r"\{([^{}]*)\}")
Row = dict[str, Any]

SITE = Column("site_id", "varchar", "site, or * for all")

RULE_CHANNELS = RecordKind(
    "rule_channels",
    "Ordered: the first row that fits names channel and medium. Cells list what fits, | between; an empty one fits everything.",
    (
        Column("rule_order", "bigint", "place in the table"),
        Column("rule_id", "varchar", "name of the rule"),
        Column("basis", "varchar", "what named the source: utm, click, referrer, none"),
        Column("source", "varchar", "source ids"),
        Column("category", "varchar", "categories of the source"),
        Column("medium_kind", "varchar", "kinds of the medium"),
        Column("campaign", "varchar", "regular expression over lower case"),
        Column("channel", "varchar", "name; empty = source / medium"),
        Column("medium", "varchar", "empty = as the marks say"),
        Column("is_ad", "boolean", "somebody pays for these visits"),
        Column("is_direct", "boolean", "keeps the visit's source"),
    ),
)
RULE_GROUPS = RecordKind(
    "rule_groups",
    "Ordered: the first row that fits names Google Analytics' default channel group. Cells as in rule_channels.",
    (
        Column("rule_order", "bigint", "place in the table"),
        Column("channel_group", "varchar", "name of the group"),
        Column("basis", "varchar", "what named the source: utm, click, referrer, none"),
        Column("source", "varchar", "source ids"),
        Column("category", "varchar", "categories of the source"),
        Column("medium_kind", "varchar", "kinds of the medium"),
        Column("campaign", "varchar", "regular expression over lower case"),
        Column("is_ad", "boolean", "whether the channel's rule says that somebody pays; empty fits both"),
    ),
)
RULE_PLACES = RecordKind(
    "rule_places",
    "What a referring host is: host, host/path, app:package; brand.* = com and every country; webmail. = any host so begun.",
    (
        SITE,
        Column("place", "varchar", "host, host/path or app:package"),
        Column("source", "varchar", "source id"),
        Column(
            "category",
            "varchar",
            "search, social, video, shopping, messenger, maps, ai, email, ads, app, spam, …",
        ),
        Column("terms", "varchar", "query parameters with the search phrase, | between"),
    ),
)
RULE_NAMES = RecordKind(
    "rule_names",
    "Which source a value of utm_source means.",
    (
        SITE,
        Column("name", "varchar", "value in its plain form"),
        Column("source", "varchar", "source id"),
        Column("is_ad_name", "boolean", "means the source's ads even without a medium"),
        Column("contractor", "varchar", "whose ads these are, where contractors are kept apart"),
    ),
)
RULE_SOURCES = RecordKind(
    "rule_sources",
    "What is known of a source.",
    (
        SITE,
        Column("source", "varchar", "source id"),
        Column("category", "varchar", "its category"),
        Column("own_category", "varchar", "the site's word on it: outranks the place's"),
        Column("channel", "varchar", "the site's own channel for it; empty = by the rules"),
        Column("is_ad", "boolean", "the site's word on it; empty = by the rules"),
        Column("is_significant", "boolean", "the site's word on it; empty = by its medium"),
    ),
)
RULE_CLICKS = RecordKind(
    "rule_clicks",
    "Which source a click id means.",
    (
        SITE,
        Column("click_id", "varchar", "name of the parameter"),
        Column("source", "varchar", "source id"),
        Column("medium_kind", "varchar", "kind of the visit"),
    ),
)
RULE_MEDIA = RecordKind(
    "rule_media",
    "Ordered: the first pattern that fits utm_medium tells its kind.",
    (
        Column("rule_order", "bigint", "place in the table"),
        Column("pattern", "varchar", "regular expression over lower case"),
        Column("kind", "varchar", "kind of the medium"),
    ),
)
RULE_CONTRACTORS = RecordKind(
    "rule_contractors",
    "Whose campaigns these are, where contractors are kept apart.",
    (
        SITE,
        Column("rule_order", "bigint", "place in the settings"),
        Column("source", "varchar", "source id"),
        Column("pattern", "varchar", "LIKE pattern over the campaign, lower case; ! escapes"),
        Column("contractor", "varchar", "his name"),
    ),
)
SOURCE_TABLES: tuple[RecordKind, ...] = (
    RULE_CHANNELS, RULE_GROUPS, RULE_PLACES, RULE_NAMES, RULE_SOURCES, RULE_CLICKS, RULE_MEDIA, RULE_CONTRACTORS,
)  # fmt: skip


def source_rows(sites: Sequence[SiteSettings], rules: Path = RULES) -> dict[str, list[Row]]:
    """Rows of every source table. `rules`: the folder of the rule files (another one to see what it would change)."""
    rows: dict[str, list[Row]] = {kind.name: [] for kind in SOURCE_TABLES}
    rows["rule_channels"] = [
        {"rule_order": n, **r, "is_ad": r["is_ad"] == "yes", "is_direct": r["is_direct"] == "yes"}
        for n, r in enumerate(table(rules / "channels.tsv"))
    ]
    rows["rule_groups"] = [
        {"rule_order": n, **r, "is_ad": r["is_ad"] == "yes" if r["is_ad"] else None}
        for n, r in enumerate(table(rules / "groups.tsv"))
    ]
    rows["rule_media"] = [{"rule_order": n, **r} for n, r in enumerate(table(rules / "media.tsv"))]
    rows["rule_clicks"] = [{"site_id": "*", **r} for r in table(rules / "clicks.tsv")]
    rows["rule_places"] = [{"site_id": "*", **r} for r in bundled_places(rules)]
    standard = standard_sources().values()
    rows["rule_names"] = list(_names(standard))
    rows["rule_sources"] = [_source(s, "*") for s in standard]
    for site in sites:
        _add_site(rows, site)
    return rows


def bundled_places(rules: Path = RULES) -> Iterator[dict[str, str]]:
    """Every place of the files once, as the first of them in the order of belief tells it."""
    seen: set[str] = set()
    for name in ("places.tsv", *LISTS):
        for row in table(rules / name):
            for place in expanded(row["place"]):
                host, slash, path = place.partition("/")
                place = (host if host.endswith(".") else plain_host(host)) + slash + path
                if place not in seen:
                    seen.add(place)
                    yield {**row, "place": place}


def expanded(text: str) -> list[str]:
    """`yandex.{ru,kz}` → yandex.ru, yandex.kz."""
    parts = _BRACES.split(text)
    options = [part.split(",") if n % 2 else [part] for n, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*options)]


def _add_site(rows: dict[str, list[Row]], site: SiteSettings) -> None:
    of_site = {"site_id": site.site_id}
    pairs = [(plain_host(h), "internal") for h in site.hosts] + [(plain_host(h), "payment") for h in site.payment_hosts]
    rows["rule_places"] += [{**of_site, "place": h, "source": h, "category": c, "terms": ""} for h, c in pairs]
    known = sources_of({"sources": site.sources.model_dump(mode="json")})
    for own in site.sources.own:
        rows["rule_places"] += [
            {**of_site, "place": place, "source": own.id, "category": known[own.id].category, "terms": ""} for place in own.places
        ]
        named = {plain_name(text) for text in (own.id, *own.synonyms)}
        rows["rule_names"] += [_name(site.site_id, name, own.id) for name in sorted(named)]
        # Of a source that is on no list its places tell the category, unless the site does.
        category = own.category or (standard_sources()[own.id].category if own.id in standard_sources() else None)
        row = {**_source(known[own.id], site.site_id), "category": category, "own_category": own.category}
        if own.id not in standard_sources() or {own.category, own.channel, own.is_ad, own.is_significant} != {None}:
            rows["rule_sources"].append(row)
    for place, contractor in enumerate(site.sources.contractors):
        apart = contractor.name if site.sources.contractors_apart else ""
        rows["rule_names"] += [_name(site.site_id, plain_name(s), contractor.source, apart, True) for s in contractor.synonyms]
        if apart:
            rows["rule_contractors"] += [
                {**of_site, "rule_order": place, "source": contractor.source, "pattern": _like(text), "contractor": apart}
                for text in contractor.campaigns
            ]
    rows["rule_clicks"] += [
        {**of_site, "click_id": name, "source": click.source, "medium_kind": click.medium}
        for name, click in site.sources.click_ids.items()
    ]


def _names(sources: Iterable[Source]) -> Iterator[Row]:
    seen: set[str] = set()
    for source in sources:
        listed = [(text, False) for text in (source.id, *source.synonyms)] + [(text, True) for text in source.ad_synonyms]
        for text, is_ad_name in listed:
            if (name := plain_name(text)) not in seen:
                seen.add(name)
                yield _name("*", name, source.id, is_ad_name=is_ad_name)


def _name(site_id: str, name: str, source: str, contractor: str = "", is_ad_name: bool = False) -> Row:
    return {"site_id": site_id, "name": name, "source": source, "is_ad_name": is_ad_name, "contractor": contractor}


def _source(source: Source, site_id: str) -> Row:
    marks = {"is_ad": source.is_ad, "is_significant": source.is_significant}
    return {"site_id": site_id, "source": source.id, "category": source.category, "channel": source.channel or "", **marks}


def _like(text: str) -> str:
    """`a-*` → `a-%`. LIKE, not a regular expression: many stars are harmless to it on every engine."""
    return re.sub(r"([!%_])", r"!\1", text.lower()).replace("*", "%")
