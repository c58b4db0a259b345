"""The list of views for BI tools, and the statements that make them. They hold no rows of their own: what a tool reads is what the
last refresh left in the marts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from functions.attribution.bi.credit_facts import CREDIT_FACTS
from functions.attribution.bi.dimensions import DIMENSIONS
from functions.attribution.bi.facts import FACTS
from functions.attribution.bi.view import View, models
from shared.settings import SiteSettings
from shared.sql import literal

VIEWS: tuple[View, ...] = (*DIMENSIONS, *FACTS, *CREDIT_FACTS)


def view_statements(sites: Sequence[SiteSettings]) -> list[str]:
    """One `CREATE OR REPLACE VIEW` for each. `sites` tell names, currencies and time zones, which no mart holds."""
    return [f"CREATE OR REPLACE VIEW {view.name} AS\n{select_of(view, sites)}" for view in VIEWS]


def select_of(view: View, sites: Sequence[SiteSettings]) -> str:
    """The query of a view. Settings come last: a name may look like a part."""
    return view.sql.replace("{models}", models()).replace("{settings}", _settings(sites))


def views_version(sites: Sequence[SiteSettings], table_model: str) -> str:
    """Changes with any view, with what the settings tell of the sites, and with the tables beneath."""
    return hashlib.sha256("\0".join([table_model, *view_statements(sites)]).encode()).hexdigest()[:12]


def _settings(sites: Sequence[SiteSettings]) -> str:
    """A relation of what the settings say of each site."""
    names = ("site_id", "name", "currency", "time_zone", "default_model")
    told = [(s.site_id, s.name, s.currency, s.time_zone, s.attribution.default_model) for s in sites]
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in told) or f"({', '.join(['NULL'] * len(names))})"
    columns = ", ".join(f"CAST(v.{name} AS varchar) AS {name}" for name in names)
    return f"SELECT {columns} FROM (VALUES {rows}) AS v ({', '.join(names)}) WHERE v.site_id IS NOT NULL"  # noqa: S608 (literals)
