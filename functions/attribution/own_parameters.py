"""A site's own parameters (settings `sources.parameters`, `sources.click_ids`) as SQL over the page's address: the lake
keeps it, so a parameter that is added later corrects history as well.

utm_ parameters come first, then the site's own in their order; of a repeated one the first counts. Values are percent-decoded where
they are proper UTF-8, else stay as they were sent; control characters become spaces.
"""

from __future__ import annotations

import re

from shared.records import HIT
from shared.settings import SiteSettings
from shared.sql import Value

LIMITS = {column.name: column.limit for column in HIT.columns}
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
# Percent escapes that make proper UTF-8 (RFC 3629), beside any other characters.
PROPER_ESCAPES = (
    "^([^%]|%[0-7][0-9A-F]|%C[2-9A-F]%[89AB][0-9A-F]|%D[0-9A-F]%[89AB][0-9A-F]|%E0%[AB][0-9A-F]%[89AB][0-9A-F]"
    "|%E[1-9A-CEF](%[89AB][0-9A-F]){2}|%ED%[89][0-9A-F]%[89AB][0-9A-F]|%F0%[9AB][0-9A-F](%[89AB][0-9A-F]){2}"
    "|%F[1-3](%[89AB][0-9A-F]){3}|%F4%8[0-9A-F](%[89AB][0-9A-F]){2})*$"
)
Columns = tuple[dict[str, str], dict[str, Value]]


def mark_columns(site: SiteSettings) -> Columns:
    """(SQL of each mark's column for hits.sql, values of its parameters). Plain columns where the site has no own parameters."""
    parts: dict[str, str] = {}
    values: dict[str, Value] = {}
    for mark in MARKS:
        found = [mark]
        for name in getattr(site.sources.parameters, mark):
            key = f"own_parameter_{len(values)}"
            values[key] = _pattern(name)
            found.append(f"nullif(substr({decoded(f'regexp_extract(page_url, :{key}, 2)')}, 1, {LIMITS[mark]}), '')")
        parts[mark] = _first(found)
    names, ids = ["click_id_name"], ["click_id"]
    for name in site.sources.click_ids:
        key = f"own_parameter_{len(values)}"
        values[key] = _pattern(name)
        extract = f"nullif(substr(regexp_extract(page_url, :{key}, 2), 1, {LIMITS['click_id']}), '')"
        names.append(f"CASE WHEN {extract} IS NOT NULL THEN :{key}_name END")
        values[f"{key}_name"] = name
        ids.append(extract)
    # The id belongs to the name: a click id that the door knows keeps its own, or none where that was too long.
    parts["click_id_name"] = _first(names)
    parts["click_id"] = (
        "click_id" if len(ids) == 1 else f"CASE WHEN click_id_name IS NOT NULL THEN click_id ELSE {_first(ids[1:])} END"
    )
    if values:
        values["proper_escapes"] = PROPER_ESCAPES
    return parts, values


def decoded(text: str) -> str:
    """SQL that percent-decodes a SQL text as a query does (+ is a space)."""
    upper = f"upper({text})"
    harmless = f"regexp_replace(replace({text}, '+', ' '), '%([01][0-9A-Fa-f]|7[Ff])', '%20')"
    return f"CASE WHEN regexp_like({upper}, :proper_escapes) THEN url_decode({harmless}) ELSE {text} END"


def _pattern(name: str) -> str:
    return f"(?i)[?&](amp;)?{re.escape(name)}=([^&#]+)"


def _first(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"
