"""Marts of visits: hits, where they came from, who is left out, and the sessions that follow."""

from __future__ import annotations

from functions.attribution.table import REFRESH, SITE, SOURCE_COLUMNS, Table
from shared.records import Column

HITS = Table(
    "hits",
    "Every accepted hit once, with its site-local day and why it counts or not.",
    ("day", "record_id"),
    (
        SITE,
        Column("record_id", "varchar", "id of the hit"),
        Column("day", "date", "site-local day of occurred_at"),
        Column("occurred_at", "timestamp", "UTC"),
        Column("received_at", "timestamp", "UTC; the earliest arrival of its repeats"),
        Column("visitor_id", "varchar", "first-party visitor id"),
        Column("kind", "varchar", "page_view, event, form, call_click, email_open"),
        Column(
            "excluded",
            "varchar",
            "why it makes no session: test, email_open, own_address, future, no_visitor, bot; empty: it does",
        ),
        Column("entry_key", "varchar", "key into sources where the hit carries marks or an outside referrer; empty inside a visit"),
        Column("campaign", "varchar", "utm_campaign"),
        Column("content", "varchar", "utm_content"),
        Column("term", "varchar", "utm_term"),
        Column("click_id", "varchar", "click id of the ad system"),
        Column("referrer_query", "varchar", "query of the outside referrer, where there is one"),
        Column("page_host", "varchar", "host of the page"),
        Column("page_path", "varchar", "path of the page"),
        Column("country", "varchar", "ISO code where the edge gives it"),
        Column("region", "varchar", "where the edge gives it"),
        Column("city", "varchar", "where the edge gives it"),
        REFRESH,
    ),
    by_day=True,
)

SOURCES = Table(
    "sources",
    "Every combination of marks that was seen, with what the rule table makes of it, and which rule decided.",
    ("entry_key",),
    (
        SITE,
        Column("entry_key", "varchar", "utm_source | utm_medium | click id name | referrer place | campaign, lower case"),
        Column("channel", "varchar", "the rule table's name"),
        Column("source", "varchar", "source id: yandex, google, vk, a host, or the tag itself"),
        Column("medium", "varchar", "normalised medium"),
        Column("is_direct", "boolean", "counts as direct: own pages, payment pages, no marks"),
        Column("is_ad", "boolean", "somebody pays for these visits"),
        Column("is_significant", "boolean", "may win in the model last_significant"),
        Column("is_spam", "boolean", "a spam referrer: its visits are left out"),
        Column("channel_group", "varchar", "name in Google Analytics' default channel group"),
        Column("category", "varchar", "what the source is: search, social, messenger, …, unknown"),
        Column("medium_kind", "varchar", "what the medium is: paid, email, referral, …, unset, unknown"),
        Column("basis", "varchar", "what named the source: utm, click, referrer, none"),
        Column("matched", "varchar", "the name, click id or place that named it"),
        Column("term_parameters", "varchar", "parameters of the referrer that hold what was searched for"),
        Column("rule_id", "varchar", "the rule that decided"),
        REFRESH,
    ),
)

EXCLUDED_VISITORS = Table(
    "excluded_visitors",
    "Whose hits of a day make no visit, though each alone looks like a person's.",
    ("day", "visitor_id"),
    (
        SITE,
        Column("day", "date", "site-local day"),
        Column("visitor_id", "varchar", "visitor"),
        Column("reason", "varchar", "speed, spam_referrer"),
        REFRESH,
    ),
)

SESSIONS = Table(
    "sessions",
    "Visits: a new one after 1800 s of silence or when another source than the visit's own brings the visitor.",
    ("session_id",),
    (
        SITE,
        Column("session_id", "varchar", "record_id and day of its first hit (a sender may use an id again on another day)"),
        Column("visitor_id", "varchar", "visitor"),
        Column("day", "date", "site-local day of started_at"),
        Column("started_at", "timestamp", "time of the first hit"),
        Column("last_hit_at", "timestamp", "time of the last hit; the session covers 1800 s more"),
        Column("group_started_at", "timestamp", "first hit after the last silence of 1800 s: the start of the chain of sessions"),
        Column("hits", "bigint", "number of hits"),
        *SOURCE_COLUMNS,
        Column("click_id", "varchar", "click id of the ad system"),
        Column("is_direct", "boolean", "no source of its own"),
        Column("is_significant", "boolean", "may win in the model last_significant"),
        Column("landing_path", "varchar", "path of the first page"),
        Column("country", "varchar", "of the first hit"),
        Column("region", "varchar", "of the first hit"),
        Column("city", "varchar", "of the first hit"),
        REFRESH,
    ),
    by_day=True,
)
