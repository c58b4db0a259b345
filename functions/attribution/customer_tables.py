"""Tables of people: where each came from in all his time with the shop, and what he has been worth (docs/method.md, customers)."""

from __future__ import annotations

from functions.attribution.table import REFRESH, SITE, Table
from shared.records import Column

PERSON_SOURCES = Table(
    "person_sources",
    "The different sources that ever brought a person, in the order of their first touch; place 1 is the first source.",
    ("person_id", "place"),
    (
        SITE,
        Column("person_id", "varchar", "person"),
        Column("place", "bigint", "place in the order of first touch, from 1"),
        Column("channel", "varchar", "channel"),
        Column("source", "varchar", "where from"),
        Column("medium", "varchar", "kind of traffic"),
        Column("campaign", "varchar", "campaign tag or id"),
        Column("first_at", "timestamp", "first touch of this source"),
        Column("first_day", "date", "its site-local day"),
        Column("last_at", "timestamp", "last touch of this source"),
        Column("touches", "bigint", "touches of this source"),
        REFRESH,
    ),
)

CUSTOMERS = Table(
    "customers",
    "Everybody with a request or a deal: how he came first, what he bought and what he was worth. Nothing here depends on today.",
    ("person_id",),
    (
        SITE,
        Column("person_id", "varchar", "person"),
        Column("first_touch_at", "timestamp", "his first touch; empty if he never came by one"),
        Column("first_touch_day", "date", "its site-local day"),
        Column("channel", "varchar", "of the first touch"),
        Column("source", "varchar", "of the first touch"),
        Column("medium", "varchar", "of the first touch"),
        Column("campaign", "varchar", "of the first touch"),
        Column("first_request_at", "timestamp", "his first request, counted or not; empty where only deals are known"),
        Column("cohort_month", "varchar", "YYYY-MM of the first touch, else of the first request, else of the first deal"),
        Column("requests", "bigint", "counted requests"),
        Column("deals", "bigint", "deals, claims too"),
        Column("sales", "bigint", "deals that became sales"),
        Column("repeat_sales", "bigint", "sales after the first one"),
        Column("first_sale_day", "date", "site-local day of the first sale"),
        Column("last_sale_day", "date", "site-local day of the last sale"),
        Column("ltv_revenue", "decimal(18,2)", "all money of his deals to date, refunds and claims off; 0 without any"),
        Column("ltv_profit", "decimal(18,2)", "the same less cost price, of money that has one; empty where none has"),
        Column("unpriced_revenue", "decimal(18,2)", "the part of ltv_revenue without a cost price, which ltv_profit leaves out"),
        Column("abcd", "varchar", "A, B, C, D by the share of LTV revenue of those before him; empty without positive LTV revenue"),
        REFRESH,
    ),
)

CUSTOMER_MARTS = (PERSON_SOURCES, CUSTOMERS)
