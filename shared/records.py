"""The contract of the raw lake: one JSON line per record, append-only, kept as seen.

Everything that writes raw records encodes them here; Glue columns (template.yaml) and the local readers are tested against
these tuples. Classifications (channel, bot, stage meaning, duplicate) are never stored here: SQL makes them from rule tables.

Types: varchar, boolean, bigint, timestamp (UTC, `YYYY-MM-DD HH:MM:SS.mmm`), date, decimal(p,s) (a JSON number).
Personal fields: only keyed hashes (shared/identity.py); a plain phone or e-mail never enters the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import orjson

from shared.times import lake_text


class Column(NamedTuple):
    """One field: `limit` is the most characters a varchar keeps (0: made by ourselves)."""

    name: str
    type: str
    doc: str
    limit: int = 0

    @property
    def bound(self) -> int:
        """Every amount of a decimal(p,s) column is smaller than this: 10 to the power of p − s."""
        precision, scale = self.type.removeprefix("decimal(").removesuffix(")").split(",")
        bound: int = 10 ** (int(precision) - int(scale))
        return bound


class RecordKind(NamedTuple):
    """One kind of record and the raw table `raw_<name>` that reads it."""

    name: str
    doc: str
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        return f"raw_{self.name}"


_HEAD = (
    Column("record_id", "varchar", "UUIDv7, made by the sender where it can; the same on every repeat", 36),
    Column("site_id", "varchar", "site that the record belongs to", 40),
    Column("occurred_at", "timestamp", "when it happened, by the sender's clock where it is trusted, corrected otherwise"),
    Column("received_at", "timestamp", "when our door took it"),
    Column("via", "varchar", "door: tracker, pixel, import, crm, file; of a CRM's API: api (as it stands), history", 20),
)
_MARKS = (
    Column("utm_source", "varchar", "as in the address, percent-decoded", 200),
    Column("utm_medium", "varchar", "as in the address, percent-decoded", 200),
    Column("utm_campaign", "varchar", "as in the address, percent-decoded", 300),
    Column("utm_content", "varchar", "as in the address, percent-decoded", 300),
    Column("utm_term", "varchar", "as in the address, percent-decoded", 300),
)
_CONTACT = (
    Column("visitor_id", "varchar", "first-party visitor id", 64),
    Column("phone_hash", "varchar", "keyed hash of the E.164 phone"),
    Column("email_hash", "varchar", "keyed hash of the lower-case e-mail"),
)

HIT = RecordKind(
    "hit",
    "Something a visitor did on a site.",
    (
        *_HEAD,
        Column("kind", "varchar", "page_view, event, form, call_click, email_open", 20),
        Column("visitor_id", "varchar", "first-party visitor id", 64),
        Column("page_url", "varchar", "full address of the page, personal values removed", 2048),
        Column("page_host", "varchar", "host of the page, lower case, no www", 255),
        Column("page_path", "varchar", "path of the page", 1024),
        Column("page_title", "varchar", "title of the page", 300),
        Column("referrer", "varchar", "full address that led here, personal values removed", 2048),
        Column("referrer_host", "varchar", "its host, lower case, no www", 255),
        *_MARKS,
        Column("click_id_name", "varchar", "yclid, gclid, …: the parameter that carried the click id", 20),
        Column("click_id", "varchar", "click id of the ad system, kept as text", 512),
        Column("event_name", "varchar", "name of an event or form", 100),
        Column("user_agent", "varchar", "as sent", 512),
        Column("agent_verdict", "varchar", "robot or person by its user agent, and which rules said so", 20),
        Column("language", "varchar", "first of Accept-Language", 35),
        Column("screen", "varchar", "width x height", 20),
        Column("ip_masked", "varchar", "address with its last part zeroed (/24, /48)"),
        Column("country", "varchar", "where the edge gives it: ISO code", 2),
        Column("region", "varchar", "where the edge gives it", 100),
        Column("city", "varchar", "where the edge gives it", 100),
        Column("asn", "bigint", "autonomous system that the address belongs to, where the edge gives it"),
        Column("is_own", "boolean", "came from an address of the site's own (settings); only its masked form is kept"),
        Column("consent", "varchar", "granted, denied or empty (not asked)", 10),
        Column("is_test", "boolean", "sent as test traffic"),
    ),
)

REQUEST = RecordKind(
    "request",
    "A request (заявка): somebody contacted the business. Its id is ours and is handed to the CRM.",
    (
        *_HEAD,
        Column("request_id", "varchar", "id handed to the CRM", 64),
        Column("contact_channel", "varchar", "form, call, email, chat, messenger, visit, manual", 20),
        *_CONTACT,
        Column("page_url", "varchar", "page it was made on", 2048),
        Column("form_name", "varchar", "form, chat or mailbox it came through", 100),
        *_MARKS,
        Column("call_id", "varchar", "the telephony's id of the call", 100),
        Column("is_answered", "boolean", "call was answered"),
        Column("talk_seconds", "bigint", "call: seconds of talk"),
        Column("is_test", "boolean", "sent as test traffic"),
    ),
)

CALL = RecordKind(
    "call",
    "What a telephony told of one call; the latest record of a call counts. An incoming call makes a request.",
    (
        *_HEAD,
        Column("provider", "varchar", "which telephony", 20),
        Column("call_id", "varchar", "the telephony's id of the call", 100),
        Column("request_id", "varchar", "our id of the request that the call makes, handed to the telephony and the CRM", 64),
        Column("direction", "varchar", "in, out", 3),
        Column("number", "varchar", "our number, E.164", 16),
        Column("phone_hash", "varchar", "keyed hash of the other side's phone"),
        Column("is_answered", "boolean", "somebody of ours, or the other side, answered"),
        Column("wait_seconds", "bigint", "from the start to the answer, or to the end of a call that was missed"),
        Column("talk_seconds", "bigint", "seconds of talk"),
        Column("visitor_id", "varchar", "visitor that the call was resolved to", 64),
        Column(
            "resolved_by", "varchar", "lease, code, late_lease, caller, number, nothing (docs/method.md, numbers and calls)", 20
        ),
        Column("lease_id", "varchar", "the lease that named the visitor", 64),
        *_MARKS,
        Column("is_test", "boolean", "sent as test traffic, or the call that tests a new number"),
        Column(
            "outcome", "varchar", "answered, missed, abandoned (the caller hung up first), busy, failed; empty while it lasts", 20
        ),
        Column("answered_by", "varchar", "extension or name of who talked", 100),
        Column("has_recording", "boolean", "the telephony told of a recording that may be fetched from it"),
        Column("other_visitor_id", "varchar", "the visitor whom the next best rule names, where it is another one", 64),
        Column("other_resolved_by", "varchar", "that rule", 20),
    ),
)

LEASE = RecordKind(
    "lease",
    "What a visitor was answered who asked for a number: a new lease, or why he has none.",
    (
        *_HEAD,
        Column("visitor_id", "varchar", "first-party visitor id", 64),
        Column("pool", "varchar", "pool that his visit belongs to", 45),
        Column("kind", "varchar", "dynamic, static, default, none: whose number he sees", 10),
        Column(
            "reason", "varchar", "new, again (his former number); else why no lease: pool_full, robot, … (docs/operations.md)", 30
        ),
        Column("number", "varchar", "number that he sees, E.164", 16),
        Column("lease_id", "varchar", "his lease", 64),
        Column("former_lease_id", "varchar", "the number's lease before this one", 64),
        Column("former_until", "timestamp", "when that one ended"),
        Column("former_is_confirmed", "boolean", "its visitor gave a sign of life"),
        Column("held_numbers", "bigint", "numbers of the pool that were leased or cooling down, this one included"),
        Column("pool_numbers", "bigint", "numbers that the pool could lease"),
        *_MARKS,
        Column("is_test", "boolean", "sent as test traffic"),
    ),
)

CRM_EVENT = RecordKind(
    "crm_event",
    "One state of one deal as the CRM told it; empty fields were not told and change nothing.",
    (
        *_HEAD,
        Column("provider", "varchar", "which CRM", 20),
        Column("deal_id", "varchar", "the CRM's id of the deal", 100),
        Column("is_deleted", "boolean", "the deal was deleted in the CRM"),
        Column("deal_created_at", "timestamp", "when the deal was created in the CRM"),
        Column("pipeline", "varchar", "funnel as the CRM names it", 100),
        Column("stage", "varchar", "stage as the CRM names it; settings give its meaning", 100),
        Column("amount", "decimal(18,2)", "deal sum"),
        Column("currency", "varchar", "ISO code", 3),
        Column("cost_price", "decimal(18,2)", "cost price of the whole deal"),
        Column("products_cost", "decimal(18,2)", "cost price summed over its products, when all have one"),
        Column("request_id", "varchar", "our request id that the CRM kept", 64),
        Column("call_id", "varchar", "the telephony's id of the call that the CRM kept", 100),
        *_CONTACT,
        Column("contact_id", "varchar", "the CRM's id of the client", 100),
        *_MARKS,
        Column("loss_reason", "varchar", "why it was lost", 300),
        Column("manager", "varchar", "who leads the deal", 200),
        Column("branch", "varchar", "branch of the business", 200),
        Column("order_id", "varchar", "number of the order", 100),
        Column("merged_into", "varchar", "deal that took this one over: duplicates merged, a lead that became a deal", 100),
        Column("crm_source", "varchar", "where the client came from, by the CRM's own source field", 200),
        Column("is_handmade", "boolean", "a person made the deal in the CRM by hand"),
        Column("product", "varchar", "product or direction", 300),
        Column("tags", "varchar", "its tags, a JSON list of texts", 1000),
        Column("communications", "bigint", "how many calls, letters and meetings it took so far"),
        Column("receivable", "decimal(18,2)", "invoiced and not paid yet"),
        Column("attributes", "varchar", "fields that the settings name and that are filled: a JSON object of texts", 3000),
        Column("emptied", "varchar", "columns of this contract whose field stands empty in the CRM, a blank between", 100),
    ),
)

PAYMENT = RecordKind(
    "payment",
    "Money received for a deal; negative = refund.",
    (
        *_HEAD,
        Column("provider", "varchar", "which CRM", 20),
        Column("deal_id", "varchar", "the CRM's id of the deal", 100),
        Column("payment_id", "varchar", "id of the payment; the latest record of an id counts", 100),
        Column("amount", "decimal(18,2)", "received (+) or refunded (−)"),
        Column("currency", "varchar", "ISO code", 3),
    ),
)

COST = RecordKind(
    "cost",
    "One line of ad spend, or the mark of an import's scope. The latest import of a scope replaces all of it.",
    (
        *_HEAD,
        Column("scope", "varchar", "what the import replaces: account × day, or file × period", 400),
        Column("import_id", "varchar", "the import; a later one (received_at, import_id) of a scope wins", 64),
        Column("is_scope_mark", "boolean", "true: only says that the import covers the scope (an empty import clears it)"),
        Column("account", "varchar", "ad account", 100),
        Column("day", "date", "account's day; first day of the period"),
        Column("last_day", "date", "last day of the period; the sum is spread evenly over its days"),
        *_MARKS,
        Column("clicks", "bigint", "clicks"),
        Column("impressions", "bigint", "impressions"),
        Column("cost", "decimal(18,6)", "spend, in the account's currency"),
        Column("currency", "varchar", "ISO code", 3),
        Column("is_vat_included", "boolean", "the sum includes VAT"),
        Column("vat_percent", "decimal(5,2)", "VAT rate of the sum"),
        Column("file_name", "varchar", "file it came in", 300),
    ),
)

KINDS: Mapping[str, RecordKind] = {k.name: k for k in (HIT, REQUEST, CALL, LEASE, CRM_EVENT, PAYMENT, COST)}


@cache
def column_names(kind: RecordKind) -> frozenset[str]:
    """Names of the fields that the contract knows."""
    return frozenset(c.name for c in kind.columns)


def encode(kind: RecordKind, values: Mapping[str, Any]) -> bytes:
    """One record as one JSON line without its line end; empty fields are left out.

    Raises ValueError on a field that the contract does not know: a writer that drifts fails its tests, not the lake.
    """
    unknown = values.keys() - column_names(kind)
    if unknown:
        raise ValueError(f"{kind.name} has no fields {sorted(unknown)}")
    return orjson.dumps({name: _plain(value) for name, value in values.items() if value is not None and value != ""})


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return lake_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}".encode())
    return value
