"""The query of `sql/hits.sql` for one site: what tells robots, and which paths of a referrer make a place of its own."""

from __future__ import annotations

import re
from functools import cache

from functions.attribution.own_parameters import mark_columns
from functions.attribution.source_rules import RULES
from functions.attribution.statements import render
from shared import robots
from shared.settings import SiteSettings
from shared.sources import table
from shared.sql import Value

# Paths that make something else of a host than the host itself: its maps, pictures, mail, assistant, advertisements.
_PATHS = (
    "maps", "navi", "profile", "images", "video", "imgres", "products", "shopping", "mail", "webmail", "email", "zen", "alice",
    "gigachat", "chat", "copilot", "copilotsearch", "i/grok", "q", "payment", "aclk", "aclick", "pagead", "cse", "custom",
    "portal/search",
)  # fmt: skip


def hits_query(site: SiteSettings) -> tuple[str, dict[str, Value]]:
    """(text of hits.sql with the site's own parameters in it, values of its own; the run's are bound by the step)."""
    columns, values = mark_columns(site)
    agent = {"lowered_agent": robots.lowered_sql("user_agent"), "cleaned_agent": robots.words_out_sql("lowered_agent")}
    text = render("hits", **agent, **columns)
    return text, {**_robot_values(), **values, "place_pattern": _place_pattern(site)}


def _place_pattern(site: SiteSettings) -> str:
    """Of a referrer in lower case: the path that makes a place of its own, also of places of the site's own sources."""
    own = [place.partition("/")[2] for source in site.sources.own for place in source.places]
    paths = sorted({*_PATHS, *filter(None, own)}, key=lambda path: (-len(path), path))
    return f"^[a-z]+://[^/?#]*/({'|'.join(map(re.escape, paths))})([/?#_0-9-].*)?$"


@cache
def _robot_values() -> dict[str, Value]:
    return {**robots.parameters(), **robots.verdicts(), "datacentres": [row["asn"] for row in table(RULES / "datacentres.tsv")]}
