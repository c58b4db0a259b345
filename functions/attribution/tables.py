"""The table model of the marts: one description, DDL rendered per engine, columns described beside it.

Partitioned by `day` (site-local) where rows come by the million; the other tables are small. `refresh_id` is the refresh
that last changed the row: refresh ids sort by time, so `refresh_id > last complete` finds what a run changed.
"""

from __future__ import annotations

from functions.attribution.customer_tables import CUSTOMER_MARTS
from functions.attribution.path_tables import PATH_MARTS
from functions.attribution.restatement_tables import DAILY_FIGURES, RESTATEMENTS
from functions.attribution.table import REFRESH, SITE, SOURCE_COLUMNS, Table
from functions.attribution.visit_tables import EXCLUDED_VISITORS, HITS, SESSIONS, SOURCES
from shared.records import Column

PERSONS = Table(
    "persons",
    "Which person each key belongs to (docs/method.md, persons).",
    ("key_kind", "key"),
    (
        SITE,
        Column("key_kind", "varchar", "visitor, phone, email, contact"),
        Column("key", "varchar", "the key"),
        Column("person_id", "varchar", "earliest-seen key of the person, as kind:key"),
        Column("component", "varchar", "what its joints have in common: contact:…, or the label of the earliest joint"),
        Column("first_seen_at", "timestamp", "when the key was first seen with a request or deal"),
        Column("is_hub", "boolean", "shared by too many to say anything: joins nothing"),
        Column("is_unsettled", "boolean", "its people were still being joined after the last round, and are left apart"),
        REFRESH,
    ),
)

REQUESTS = Table(
    "requests",
    "Every request (заявка) with its person, its deal's outcome and all money to date.",
    ("request_id",),
    (
        SITE,
        Column("request_id", "varchar", "our id; crm:<deal> when implied by a deal that found none"),
        Column("created_at", "timestamp", "when it was made"),
        Column("day", "date", "site-local day of created_at"),
        Column("contact_channel", "varchar", "form, call, email, chat, messenger, visit, manual, crm (implied)"),
        Column("person_id", "varchar", "person"),
        Column("visitor_id", "varchar", "visitor, where known"),
        *SOURCE_COLUMNS,
        Column("is_touch", "boolean", "counts as a touch of its own: own source and no session at that moment"),
        Column("is_significant", "boolean", "its own source may win in the model last_significant"),
        Column("deals", "bigint", "number of deals that name it"),
        Column("is_confirmed", "boolean", "a non-claim deal beyond cleaning and unsorted, or a unique target call"),
        Column("repeat_of", "varchar", "deal of the same person that was open when it was made"),
        Column("duplicate_of", "varchar", "earlier confirmed request of the person within the setting's days"),
        Column("is_counted", "boolean", "confirmed, neither duplicate nor repeat: a request in every figure"),
        Column("is_qualified", "boolean", "counted, and its deal ever stood at qualified or later"),
        Column("is_disqualified", "boolean", "lost and never qualified"),
        Column("loss_reason", "varchar", "why it was lost"),
        Column("sales", "bigint", "its deals that became sales"),
        Column("revenue", "decimal(18,2)", "money to date"),
        Column("gross_profit", "decimal(18,2)", "money less cost price; empty where no cost price applies"),
        Column(
            "no_source_reason",
            "varchar",
            "why it has no source, if no touch gets a credit: not_passed, overwritten, not_determined",
        ),
        REFRESH,
    ),
)

DEALS = Table(
    "deals",
    "Every deal in its latest state, matched to its origin request.",
    ("deal_id",),
    (
        SITE,
        Column("deal_id", "varchar", "provider:id"),
        Column("request_id", "varchar", "origin request"),
        Column("match_method", "varchar", "request_id, call_id, visitor, phone, email, implied; merged: its survivor's"),
        Column("person_id", "varchar", "person"),
        Column("created_at", "timestamp", "creation in the CRM"),
        Column("day", "date", "site-local day of created_at"),
        Column("pipeline", "varchar", "funnel"),
        Column("pipeline_kind", "varchar", "sales, auxiliary, marketing: what its present pipeline is by the settings"),
        Column("is_apart", "boolean", "only ever stood in auxiliary or marketing pipelines: no deal of the report, no request"),
        Column("stage", "varchar", "stage as the CRM names it"),
        Column("meaning", "varchar", "unsorted, cleaning, working, qualified, contract, won, paid, lost, claim"),
        Column("stage_since", "timestamp", "when it entered its present stage"),
        Column("is_unknown_stage", "boolean", "the settings give its stage no meaning; the last known one holds"),
        Column("is_confirmed", "boolean", "a non-claim deal neither in cleaning nor unsorted, and no duplicate"),
        Column("was_qualified", "boolean", "ever stood at qualified or later, or met the site's criteria"),
        Column("is_claim", "boolean", "claim: money lost"),
        Column("closed_at", "timestamp", "when it was won, lost or deleted; empty while open"),
        Column("loss_reason", "varchar", "why it was lost"),
        Column("loss_group", "varchar", "the settings' name of a group of such reasons; empty where no group has it"),
        Column("is_duplicate", "boolean", "lost for a reason that the settings call a duplicate: not confirmed"),
        Column("merged_into", "varchar", "provider:id of the deal that took it over: it stands as deleted, brings no request"),
        Column("amount", "decimal(18,2)", "latest sum, in its own currency"),
        Column("cost_price", "decimal(18,2)", "latest cost price, in its own currency"),
        Column("currency", "varchar", "ISO code of sum and cost price"),
        Column("sale_day", "date", "first day whose closing cumulative money is above 0"),
        Column("revenue", "decimal(18,2)", "money to date, site currency"),
        Column("gross_profit", "decimal(18,2)", "money less cost price; empty where none applies"),
        Column("manager", "varchar", "who leads it"),
        Column("branch", "varchar", "branch"),
        Column("order_id", "varchar", "number of the order"),
        Column("is_handmade", "boolean", "a person made it in the CRM by hand; empty where nothing tells"),
        Column("crm_source", "varchar", "first value of the CRM's own source field"),
        Column("product", "varchar", "product or direction"),
        Column("tags", "varchar", "its tags, a JSON list of texts"),
        Column("communications", "bigint", "how many calls, letters and meetings it took"),
        Column("receivable", "decimal(18,2)", "invoiced and not paid yet, in its own currency"),
        Column("attributes", "varchar", "fields that the settings name, as last told: a JSON object of texts"),
        REFRESH,
    ),
)

CALLS = Table(
    "calls",
    "Every call that a telephony told, as its latest record tells it. An incoming one makes a request.",
    ("provider", "call_id"),
    (
        SITE,
        Column("provider", "varchar", "which telephony"),
        Column("call_id", "varchar", "the telephony's id of the call"),
        Column("started_at", "timestamp", "when it began to ring"),
        Column("day", "date", "site-local day of started_at"),
        Column("request_id", "varchar", "request that it makes (incoming calls)"),
        Column("direction", "varchar", "in, out"),
        Column("number", "varchar", "our number, E.164"),
        Column("is_answered", "boolean", "somebody answered"),
        Column("outcome", "varchar", "answered, missed, abandoned (the caller hung up first), busy, failed"),
        Column("answered_by", "varchar", "extension or name of who talked"),
        Column("is_target", "boolean", "incoming, answered, at least the setting's seconds of talk, and no spam"),
        Column("is_unique", "boolean", "incoming, no spam, and no target call of that caller in the 86,400 s before"),
        Column("is_repeat", "boolean", "incoming, and its caller's call before came at most repeat_caller_seconds earlier"),
        Column(
            "is_spam", "boolean", "incoming, of a caller who rings often and never talks (settings calls.spam); makes no request"
        ),
        Column("wait_seconds", "bigint", "to the answer, or to the end of a missed call"),
        Column("talk_seconds", "bigint", "seconds of talk"),
        Column("has_recording", "boolean", "the telephony told of a recording, which it keeps"),
        Column("visitor_id", "varchar", "visitor that it was resolved to"),
        Column("phone_hash", "varchar", "keyed hash of the other side's phone"),
        Column("resolved_by", "varchar", "lease, code, late_lease, caller, number, nothing"),
        Column("lease_id", "varchar", "the lease that named the visitor"),
        Column("other_visitor_id", "varchar", "the visitor whom the next best rule names, where it is another one"),
        Column("other_resolved_by", "varchar", "that rule"),
        *SOURCE_COLUMNS,
        REFRESH,
    ),
)

LEASES = Table(
    "leases",
    "What every visitor who asked for a number was answered, and how his lease ended. Test traffic left out.",
    ("record_id",),
    (
        SITE,
        Column("record_id", "varchar", "the answer"),
        Column("asked_at", "timestamp", "when he asked"),
        Column("day", "date", "site-local day of asked_at"),
        Column("visitor_id", "varchar", "visitor"),
        Column("pool", "varchar", "pool that his visit belongs to"),
        Column("kind", "varchar", "dynamic (a number of his own), static, default, none"),
        Column("reason", "varchar", "new, again; else why he has no lease"),
        Column("number", "varchar", "number that he sees, E.164"),
        Column("lease_id", "varchar", "his lease"),
        Column("until", "timestamp", "end of the lease, told by the number's next one; empty while it is the number's last"),
        Column("is_confirmed", "boolean", "its visitor gave a sign of life; empty as until is"),
        Column("next_at", "timestamp", "when the number was leased again"),
        Column("held_numbers", "bigint", "numbers of the pool that were leased or cooling down, his included"),
        Column("pool_numbers", "bigint", "numbers that the pool could lease"),
        Column("is_excluded", "boolean", "asked by a robot, or by a visitor whose day makes no visit (excluded_visitors)"),
        REFRESH,
    ),
)

MONEY_EVENTS = Table(
    "money_events",
    "Money of a deal as it came: payments, or the sum as it entered and left the money stage; refunds negative.",
    ("money_event_id",),
    (
        SITE,
        Column("money_event_id", "varchar", "payment:… or state:…"),
        Column("deal_id", "varchar", "deal"),
        Column("request_id", "varchar", "origin request"),
        Column("occurred_at", "timestamp", "when"),
        Column("day", "date", "site-local day"),
        Column("kind", "varchar", "payment, refund, stage, claim"),
        Column("amount", "decimal(18,2)", "site currency; empty when its day has no rate"),
        Column("cost_price", "decimal(18,2)", "cost price of this part; empty where none applies"),
        Column("original_amount", "decimal(18,2)", "as told"),
        Column("currency", "varchar", "as told"),
        REFRESH,
    ),
)

COSTS = Table(
    "costs",
    "Ad spend by day as it stands after every replacement.",
    ("cost_id",),
    (
        SITE,
        Column("cost_id", "varchar", "record and day"),
        Column("day", "date", "account's day"),
        Column("account", "varchar", "ad account"),
        *SOURCE_COLUMNS,
        Column("clicks", "bigint", "clicks"),
        Column("impressions", "bigint", "impressions"),
        Column("cost", "decimal(18,6)", "site currency, with or without VAT as the site shows it; empty when its day has no rate"),
        Column(
            "original_cost", "decimal(18,6)", "as imported; of a period, the day's part with or without VAT as the site shows it"
        ),
        Column("currency", "varchar", "as imported"),
        REFRESH,
    ),
)

TOUCHES_VIEW = """CREATE OR REPLACE VIEW touches AS
SELECT site_id, session_id AS touch_id, 'session' AS kind, visitor_id, started_at AS touched_at, day,
    channel, source, medium, campaign, content, term, is_direct
FROM sessions
UNION ALL
SELECT site_id, request_id, 'request', visitor_id, created_at, day, channel, source, medium, campaign, content, term, FALSE
FROM requests
WHERE is_touch"""

MARTS = (
    HITS,
    SOURCES,
    EXCLUDED_VISITORS,
    SESSIONS,
    PERSONS,
    REQUESTS,
    CALLS,
    LEASES,
    DEALS,
    MONEY_EVENTS,
    COSTS,
    *PATH_MARTS,
    *CUSTOMER_MARTS,
    DAILY_FIGURES,
    RESTATEMENTS,
)
