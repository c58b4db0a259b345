"""Which words are known: values of utm_source and utm_medium, from the standard sources, a site's own and the rule tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from functions.attribution.source_rules import RULES
from shared.source_settings import plain_name
from shared.sources import sources_of, table

# How the kinds of rules/media.tsv are usually written: what a mistyped value is compared with.
USUAL_MEDIA = (
    "cpc", "cpm", "cpa", "paid", "paid_social", "retargeting", "display", "banner", "email", "newsletter", "affiliate", "partner",
    "referral", "organic", "social", "video", "audio", "podcast", "sms", "push", "messenger", "offline", "flyer", "billboard", "qr",
)  # fmt: skip


class Words(NamedTuple):
    """`sources`: value of utm_source in plain form → id of its source. `media`: kind of medium and its pattern, in order."""

    sources: Mapping[str, str]
    media: tuple[tuple[str, re.Pattern[str]], ...]

    def source_of(self, written: str) -> str:
        """Id of the source; empty where nobody knows the value."""
        return self.sources.get(plain_name(written), "")

    def kind_of(self, medium: str) -> str:
        """Kind of a medium (paid, email, social …); empty where no rule knows it."""
        return next((kind for kind, pattern in self.media if pattern.search(medium)), "")


def words_of(site: Mapping[str, Any]) -> Words:
    """The standard sources with those of a site. `site`: settings as published ({} = the standard ones alone)."""
    sources: dict[str, str] = {}
    for source in sources_of(site).values():
        sources.update({plain_name(name): source.id for name in (source.id, *source.synonyms, *source.ad_synonyms)})
    for contractor in site.get("sources", {}).get("contractors", ()):
        sources.update({plain_name(name): contractor["source"] for name in contractor["synonyms"]})
    return Words(sources, _media())


@cache
def standard_words() -> Words:
    return words_of({})


@cache
def _media() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["kind"], re.compile(row["pattern"])) for row in table(RULES / "media.tsv"))
