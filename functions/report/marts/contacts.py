"""How people got in touch: contact channels of the period's requests. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.report.marts.questions import Answers
from functions.report.marts.tree import whole


def contact_channels_of(answers: Answers) -> list[dict[str, Any]]:
    """Requests by contact channel, most counted ones first. Requests, sales and revenue add up to the totals of the report.

    `made` are all requests, `requests` the counted ones. Gross profit is empty where a channel has money and none has a cost price.
    """
    rows = [
        {
            "contact_channel": row["contact_channel"],
            "made": int(row["made"]),
            **{name: whole(float(row[name] or 0)) for name in ("requests", "qualified", "sales")},
            "revenue": Decimal(row["revenue"] or 0),
            "gross_profit": None if row["unpriced_parts"] and not row["priced_parts"] else Decimal(row["gross_profit"] or 0),
        }
        for row in answers["contact_channels"]
    ]
    return sorted(rows, key=lambda row: (-row["requests"], -row["made"], row["contact_channel"]))
