"""How people got in touch: contact channels of the period's requests, and the calls of the telephony. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.report.marts.questions import Answers
from functions.report.marts.tree import whole

RESOLVED_BY = ("lease", "late_lease", "caller", "number", "nothing")


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


def calls_of(answers: Answers) -> dict[str, Any]:
    """Calls of the period by what became of them. All but `outgoing` tell of incoming ones; seconds; the mean wait (to the answer,
    or to the end of a missed call) is unrounded, and empty where no call told its wait."""
    coming = [row for row in answers["calls"] if row["direction"] == "in"]

    def total(name: str) -> int:
        return sum(int(row[name] or 0) for row in coming)

    resolved = dict.fromkeys(RESOLVED_BY, 0)
    for row in coming:
        resolved[row["resolved_by"]] = resolved.get(row["resolved_by"], 0) + int(row["calls"])
    return {
        "incoming": total("calls"),
        "answered": total("answered"),
        "missed": total("calls") - total("answered"),
        "target": total("target"),
        "unique_target": total("unique_target"),
        "outgoing": sum(int(row["calls"]) for row in answers["calls"] if row["direction"] == "out"),
        "talk_seconds": total("talk_seconds"),
        "mean_wait_seconds": total("wait_seconds") / total("waits") if total("waits") else None,
        "resolved": resolved,
    }
