"""The newest sales as the mail tells them: what each brought, where its client came from, and how that is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from functions.report.view.deals import MOST_NAME, match_text, source_text, why_text
from functions.report.view.formats import Formats, clean
from functions.report.view.mail_quality import short
from functions.report.view.names import Names

MOST_SALES = 5
MOST_SOURCE = 140  # characters of `channel › source › campaign`
View = dict[str, Any]


def newest_sales(figures: Mapping[str, Any], formats: Formats, names: Names) -> list[View]:
    """At most five of the period's requests that became sales, the newest sale first; none where nothing sold. Of each: the deal's
    id at its CRM, day, revenue, source down to the campaign, and by what it was tied to its request, or why it has no source."""
    sold = [deal for deal in figures["deals"] if deal["sale_day"]]
    sold.sort(key=lambda deal: (deal["sale_day"], deal["created_at"], deal["deal_id"]), reverse=True)
    return [_sale(deal, formats, names) for deal in sold[:MOST_SALES]]


def _sale(deal: Mapping[str, Any], formats: Formats, names: Names) -> View:
    words = names.words
    return {
        "name": clean(deal["deal_id"], MOST_NAME),
        "day": formats.short_day(date.fromisoformat(deal["sale_day"])),
        "revenue": formats.money(deal["revenue"]),
        "source": short(source_text(deal, names), MOST_SOURCE),
        "how": f". {why_text(deal, words)}" if deal["no_source_reason"] else f", {match_text(deal, words)}",
    }
