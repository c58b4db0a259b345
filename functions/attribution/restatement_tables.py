"""Tables of restatement: the figures of each day as the last refresh left them, and which closed days' figures it changed."""

from __future__ import annotations

from functions.attribution.table import REFRESH, SITE, Table
from shared.records import Column

_CHANNEL = Column("channel", "varchar", "channel; empty: requests without a source, and spend or visits without a channel")

DAILY_FIGURES = Table(
    "daily_figures",
    "What each channel brought by the day of the request, under the default model. Summed over channels it is the CRM's total.",
    ("day", "channel"),
    (
        SITE,
        Column("day", "date", "site-local day of the request; of visits and costs their own"),
        _CHANNEL,
        Column("visits", "bigint", "visits"),
        Column("requests", "double", "counted requests, by weight"),
        Column("qualified", "double", "qualified requests, by weight"),
        Column("sales", "double", "sales, by weight"),
        Column("revenue", "decimal(24,2)", "money to date of the day's requests"),
        Column("gross_profit", "decimal(24,2)", "money less cost price; empty where none applies"),
        Column("cost", "decimal(24,6)", "spend; lines whose day has no rate are left out"),
        REFRESH,
    ),
)

RESTATEMENTS = Table(
    "restatements",
    "Figures of closed days that a refresh changed against the complete one before it: old, new, why (docs/method.md, restated).",
    ("refresh_id", "day", "channel", "metric"),
    (
        SITE,
        Column("refresh_id", "varchar", "refresh that changed the figure"),
        Column("day", "date", "site-local day, over when the refresh before began"),
        _CHANNEL,
        Column("metric", "varchar", "visits, requests, qualified, sales, revenue, gross_profit, cost"),
        Column("old_value", "decimal(24,6)", "as the complete refresh before had it; gross profit may be empty"),
        Column("new_value", "decimal(24,6)", "as this refresh has it; gross profit may be empty"),
        Column(
            "reason",
            "varchar",
            "rules (settings, rules or queries changed), costs, visits, records (requests, deals, payments: the total changed), "
            "credits (the total stayed, channels differ)",
        ),
        Column("found_at", "timestamp", "when the refresh began"),
    ),
)
