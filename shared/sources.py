"""Sources of the business: the standard list, what a site adds or changes, and the names and colours of channels.

Data: `standard_sources.tsv` (synonyms are values of utm_source in their plain form) and `channels.tsv`. Rules that tell which
source a visit has lie in functions/attribution/rules; here is what every part of the product may know of a source by its id.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
OTHER_TRAFFIC = "other traffic"


class Source(NamedTuple):
    """One source: `synonyms` lead to it; `ad_synonyms` mean its ads even without a medium.

    `channel`, `is_ad` and `is_significant` are a site's own words, else None.
    """

    id: str
    names: Mapping[str, str]
    colour: str | None
    category: str
    synonyms: tuple[str, ...] = ()
    ad_synonyms: tuple[str, ...] = ()
    channel: str | None = None
    is_ad: bool | None = None
    is_significant: bool | None = None


class Channel(NamedTuple):
    """How a channel is shown: `names` by language."""

    names: Mapping[str, str]
    colour: str


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a tab separated file with a header line; an empty cell is an empty text."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v or "" for k, v in row.items()} for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


@cache
def standard_sources() -> Mapping[str, Source]:
    """The standard list by id, in its order."""
    return {
        r["id"]: Source(
            r["id"],
            {"ru": r["name_ru"], "en": r["name_en"]},
            r["colour"],
            r["category"],
            tuple(r["synonyms"].split()),
            tuple(r["ad_synonyms"].split()),
        )
        for r in table(HERE / "standard_sources.tsv")
    }


@cache
def standard_channels() -> Mapping[str, Channel]:
    """Names and colours of the rule table's channels."""
    return {r["channel"]: Channel({"ru": r["name_ru"], "en": r["name_en"]}, r["colour"]) for r in table(HERE / "channels.tsv")}


def sources_of(site: Mapping[str, Any]) -> dict[str, Source]:
    """The standard list with the site's own sources in it. `site`: settings as published (JSON types)."""
    found = dict(standard_sources())
    for own in site.get("sources", {}).get("own", ()):
        known = found.get(own["id"])
        names = own["name"] or (known.names if known else {"ru": own["id"], "en": own["id"]})
        found[own["id"]] = Source(
            own["id"],
            names,
            own["colour"] or (known.colour if known else None),
            own["category"] or (known.category if known else "other"),
            (*(known.synonyms if known else ()), *own["synonyms"]),
            known.ad_synonyms if known else (),
            own["channel"],
            own["is_ad"],
            own["is_significant"],
        )
    return found


def source_name(source: str, sources: Mapping[str, Source], language: str) -> str:
    """What readers see for a source id; itself where it is not on the list."""
    known = sources.get(source)
    return known.names.get(language, known.names["en"]) if known else source


def channel_colour(channel: str, sources: Sequence[Source] = ()) -> str | None:
    """Colour of a channel: its own, else that of the site's source which has this channel."""
    standard = standard_channels().get(channel.partition(" · ")[0])
    if standard:
        return standard.colour
    return next((s.colour for s in sources if s.channel == channel and s.colour), None)
