"""Tables between the raw lake and the marts: staged records, and the stages of matching and joining persons.

Readers of reports use the marts of `tables.py`; these are kept because the next refresh builds on them.
"""

from __future__ import annotations

from functions.attribution.path_tables import PATH_WORKING
from functions.attribution.table import REFRESH, SITE, Table
from shared.records import CALL, COST, CRM_EVENT, LEASE, PAYMENT, REQUEST, Column, RecordKind

_SOURCE_KEY = Column("source_key", "varchar", "key into sources of the marks it carries")


def _staged(name: str, kind: RecordKind) -> Table:
    has_source = kind is not LEASE and any(c.name == "utm_source" for c in kind.columns)  # of leases nobody asks for the source
    extra = (_SOURCE_KEY, REFRESH) if has_source else (REFRESH,)
    # A state that a hook and the CRM's API told alike is one record, but only what the API told holds for what was before it.
    key = ("record_id", "via") if kind is CRM_EVENT else ("record_id",)
    return Table(name, f"{kind.doc} Every record once.", key, (*kind.columns, *extra))


STAGED = {
    "request": _staged("request_records", REQUEST),
    "call": _staged("call_records", CALL),
    "lease": _staged("lease_records", LEASE),
    "crm_event": _staged("crm_events", CRM_EVENT),
    "payment": _staged("payments", PAYMENT),
    "cost": _staged("cost_lines", COST),
}

DEAL_STATES = Table(
    "deal_states",
    "How each deal stood after each CRM event.",
    ("record_id",),
    (
        SITE,
        Column("record_id", "varchar", "CRM event"),
        Column("deal_id", "varchar", "provider:id"),
        Column("place", "bigint", "place in the deal's events, from 1"),
        Column("occurred_at", "timestamp", "when"),
        Column("day", "date", "site-local day"),
        Column("created_at", "timestamp", "creation of the deal"),
        Column("pipeline", "varchar", "pipeline by then"),
        Column("pipeline_kind", "varchar", "sales, auxiliary, marketing: what that pipeline was by the settings"),
        Column("stage", "varchar", "stage told by the event"),
        Column("is_unknown_stage", "boolean", "the settings give the stage no meaning (stages of sales pipelines alone have one)"),
        Column("merged_into", "varchar", "provider:id of the deal that had taken it over by then"),
        Column("is_deleted", "boolean", "it stood deleted by then"),
        Column("meaning", "varchar", "meaning by then"),
        Column("meaning_rank", "bigint", "its rank"),
        Column("money_rank", "bigint", "rank from which the deal brings money"),
        Column("amount", "decimal(18,2)", "sum by then; before the first one known, that one if the CRM's API told it"),
        Column("currency", "varchar", "its currency"),
        Column("is_fit", "boolean", "the site's criteria of qualification held"),
        REFRESH,
    ),
)

_OF_DEAL = (
    Column("deal_id", "varchar", "provider:id"),
    Column("created_at", "timestamp", "creation in the CRM"),
    Column("day", "date", "site-local day of created_at"),
    Column("pipeline", "varchar", "funnel"),
    Column("pipeline_kind", "varchar", "sales, auxiliary, marketing: what its present pipeline is"),
    Column("is_apart", "boolean", "only ever stood in auxiliary or marketing pipelines"),
    Column("stage", "varchar", "latest stage"),
    Column("stage_since", "timestamp", "when it entered that stage"),
    Column("meaning", "varchar", "its meaning"),
    Column("is_unknown_stage", "boolean", "the settings give the latest stage no meaning"),
    Column("is_confirmed", "boolean", "neither claim, cleaning nor unsorted, and no duplicate"),
    Column("was_qualified", "boolean", "ever stood at qualified or later, or met the site's criteria"),
    Column("is_claim", "boolean", "claim"),
    Column("closed_at", "timestamp", "when it was won, lost or deleted; empty while open"),
    Column("amount", "decimal(18,2)", "latest sum"),
    Column("currency", "varchar", "its currency"),
    Column("cost_price", "decimal(18,2)", "latest cost price"),
    Column("named_request_id", "varchar", "our request id that the CRM told"),
    Column("call_id", "varchar", "call id that the CRM told"),
    Column("visitor_id", "varchar", "visitor id that the CRM told"),
    Column("phone_hash", "varchar", "keyed hash"),
    Column("email_hash", "varchar", "keyed hash"),
    Column("contact_id", "varchar", "the CRM's client"),
    _SOURCE_KEY,
    Column("campaign", "varchar", "of the first source told"),
    Column("content", "varchar", "of the first source told"),
    Column("term", "varchar", "of the first source told"),
    Column("is_overwritten", "boolean", "its events carry two sources or two request ids, or its request id was emptied"),
    Column("loss_reason", "varchar", "why it was lost"),
    Column("loss_group", "varchar", "the settings' name of a group of such reasons"),
    Column("is_duplicate", "boolean", "lost for a reason that the settings call a duplicate"),
    Column("merged_into", "varchar", "provider:id of the deal that took it over: it stands as deleted"),
    Column("is_deleted", "boolean", "it stands deleted: no request goes to it while one that is alive asks for it"),
    Column("manager", "varchar", "who leads it"),
    Column("branch", "varchar", "branch"),
    Column("order_id", "varchar", "number of the order"),
    Column("is_handmade", "boolean", "a person made it in the CRM by hand"),
    Column("crm_source", "varchar", "first value of the CRM's own source field"),
    Column("product", "varchar", "product or direction"),
    Column("tags", "varchar", "its tags, a JSON list of texts"),
    Column("communications", "bigint", "how many calls, letters and meetings it took"),
    Column("receivable", "decimal(18,2)", "invoiced and not paid yet"),
    Column("attributes", "varchar", "fields that the settings name, as last told: a JSON object of texts"),
)

DEAL_OWN = Table(
    "deal_own",
    "What each deal tells of itself by now.",
    ("deal_id",),
    (
        SITE,
        *_OF_DEAL,
        Column("is_crm_source", "boolean", "nothing but the CRM's own source field names its source"),
        REFRESH,
    ),
)

DEAL_MERGES = Table(
    "deal_merges",
    "Deals that another one took over, and where the chain of merges ends.",
    ("deal_id",),
    (
        SITE,
        Column("deal_id", "varchar", "the deal that was taken over"),
        Column("merged_into", "varchar", "the deal that took it over, as the CRM told"),
        Column("survivor", "varchar", "where the chain led so far; one that was taken over itself = a circle"),
        Column("round", "bigint", "round that changed it last"),
        REFRESH,
    ),
)

DEAL_FACTS = Table(
    "deal_facts",
    "What is known of each deal by now, before it is matched: its own word, then that of the deals it took over.",
    ("deal_id",),
    (
        SITE,
        *_OF_DEAL,
        Column("survivor", "varchar", "the known deal that it is part of by now; empty unless it was taken over"),
        Column("absorbed", "varchar", "deals that it took over, a blank between"),
        Column("sought_at", "timestamp", "up to when its origin is sought: creation, of it or of the earliest deal it took over"),
        REFRESH,
    ),
)

REQUEST_FACTS = Table(
    "request_facts",
    "What is known of each request, before deals find it: one row a request id, of its record, its incoming call, or both.",
    ("request_id",),
    (
        SITE,
        Column("request_id", "varchar", "our id, or the sender's"),
        Column("created_at", "timestamp", "when it was made"),
        Column("contact_channel", "varchar", "form, call, email, chat, messenger, visit, manual"),
        Column("visitor_id", "varchar", "visitor, where known"),
        Column("phone_hash", "varchar", "keyed hash"),
        Column("email_hash", "varchar", "keyed hash"),
        Column("call_id", "varchar", "the telephony's id of the call"),
        Column("is_answered", "boolean", "call was answered"),
        Column("talk_seconds", "bigint", "call: seconds of talk"),
        Column("is_target", "boolean", "answered call of at least the setting's seconds of talk"),
        Column("is_unique", "boolean", "call without a target call of that caller in the 86,400 s before"),
        _SOURCE_KEY,
        Column("campaign", "varchar", "utm_campaign"),
        Column("content", "varchar", "utm_content"),
        Column("term", "varchar", "utm_term"),
        REFRESH,
    ),
)

HUB_KEYS = Table(
    "hub_keys",
    "Keys that too many share: they match no deal and join nobody.",
    ("key_kind", "key"),
    (
        SITE,
        Column("key_kind", "varchar", "visitor, phone, email, contact"),
        Column("key", "varchar", "the key"),
        REFRESH,
    ),
)

DEAL_MATCHES = Table(
    "deal_matches",
    "The origin request of each deal.",
    ("deal_id",),
    (
        SITE,
        Column("deal_id", "varchar", "provider:id"),
        Column("request_id", "varchar", "origin request"),
        Column("match_method", "varchar", "request_id, call_id, visitor, phone, email, implied; merged: its survivor's"),
        REFRESH,
    ),
)

JOINT_KEYS = Table(
    "joint_keys",
    "Which keys each joint carries. A joint is a request with its deals.",
    ("joint_id", "key_kind", "key"),
    (
        SITE,
        Column("joint_id", "varchar", "request id, or deal:… for a deal of another contact"),
        Column("key_kind", "varchar", "visitor, phone, email, contact"),
        Column("key", "varchar", "the key"),
        Column("seen_at", "timestamp", "when the joint first carried it"),
        Column("is_hub", "boolean", "shared by too many: joins nothing"),
        REFRESH,
    ),
)

JOINTS = Table(
    "joints",
    "To which CRM contact, or to which earliest joint, each joint belongs.",
    ("joint_id",),
    (
        SITE,
        Column("joint_id", "varchar", "joint"),
        Column("owner", "varchar", "CRM contact that owns it"),
        Column("wave", "bigint", "round in which it got its owner; 0 = its own contact"),
        Column("own_label", "varchar", "when it was first seen, and its id"),
        Column("label", "varchar", "smallest own_label joined with it"),
        Column("is_unsettled", "boolean", "its component had not settled after the last round, and is left unjoined"),
        Column("round", "bigint", "round that changed it last"),
        REFRESH,
    ),
)

WORKING = (
    *STAGED.values(),
    DEAL_STATES,
    DEAL_OWN,
    DEAL_MERGES,
    DEAL_FACTS,
    REQUEST_FACTS,
    HUB_KEYS,
    DEAL_MATCHES,
    JOINT_KEYS,
    JOINTS,
    *PATH_WORKING,
)
