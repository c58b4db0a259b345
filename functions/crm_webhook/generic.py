"""Generic adapter: one Standard Webhooks body → a deal state and, where money moved, a payment. Pure.

Body: `{"type", "timestamp", "data": {...}}`. The fields of `data` are those of `DealData`; fields that are not told stay
empty and change nothing (shared/records.py). A body that cannot be right becomes a `Rejected` with one of `REASONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import orjson
from pydantic import Field, ValidationError

from functions.crm_webhook.deals import CREATED_AHEAD, FUTURE
from functions.crm_webhook.outcome import Arrival, Outcome, Person, Record
from functions.crm_webhook.reading import (
    LIMITS,
    Amount,
    BadField,
    Body,
    CurrencyCode,
    ExactAmount,
    Identifier,
    Instant,
    NeededIdentifier,
    NeededInstant,
    Private,
    Several,
    Words,
)
from shared.identity import email_hash, phone_hash
from shared.ids import derived_id
from shared.lake import Rejected
from shared.money import KOPECK, LARGEST
from shared.records import CRM_EVENT, PAYMENT, RecordKind, encode

PROVIDER = "generic"
REASONS = ("bad_json", "unknown_type", "bad_field", "wrong_site", "future")


class EventType(NamedTuple):
    """What a type says by itself: the stage where none is told, and the sign of a movement of money."""

    stage: str = ""
    is_deleted: bool = False
    is_creation: bool = False
    is_money: bool = False
    is_refund: bool = False


TYPES: Mapping[str, EventType] = {
    "deal.created": EventType(is_creation=True),
    "deal.updated": EventType(),
    "deal.won": EventType(stage="won"),
    "deal.lost": EventType(stage="lost"),
    "deal.deleted": EventType(is_deleted=True),
    "payment.received": EventType(is_money=True),
    "payment.refunded": EventType(is_money=True, is_refund=True),
}


class Contact(Body):
    """The client: keyed hashes and the CRM's own id are kept; name and plain contacts go to the vault alone, where one is."""

    id: Identifier = None
    name: Words = None
    phones: Several = Field(default_factory=list)
    emails: Several = Field(default_factory=list)


class Product(Body):
    cost: ExactAmount = None
    quantity: ExactAmount = None


class Utm(Body):
    source: Words = None
    medium: Words = None
    campaign: Words = None
    content: Words = None
    term: Words = None


class Payment(Body):
    """A movement of money; `id` names the movement itself, so a refund has an id of its own."""

    id: Identifier = None
    amount: Amount = None
    currency: CurrencyCode = None


class DealData(Body):
    deal_id: NeededIdentifier
    site_id: Identifier = None
    created_at: Instant = None
    pipeline: Words = None
    stage: Words = None
    amount: Amount = None
    currency: CurrencyCode = None
    cost_price: Amount = None
    products: list[Product] = Field(default_factory=list)
    request_id: Identifier = None
    call_id: Identifier = None
    visitor_id: Identifier = None
    contact: Contact | None = None
    utm: Utm | None = None
    reason: Words = None
    loss_reason: Words = None
    manager: Words = None
    branch: Words = None
    order_id: Identifier = None
    payment: Payment | None = None


class GenericEvent(Body):
    timestamp: NeededInstant
    data: DealData


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str = PROVIDER) -> Outcome:
    """Records of one body, or why there are none. The same body under the same webhook-id gives the same records."""
    event_type, event = _read(body)
    if isinstance(event, Rejected):
        return Outcome(rejected=[event])
    try:
        records = _checked(event, event_type, arrival)
    except BadField as error:
        return Outcome(rejected=[Rejected("bad_field", str(error))])
    if isinstance(records, Rejected):
        return Outcome(rejected=[records])
    contact = event.data.contact
    people = [Person(contact.name or "", tuple(contact.phones), tuple(contact.emails))] if contact else []
    return Outcome(records, people=people)


def _read(body: bytes) -> tuple[EventType, GenericEvent | Rejected]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return EventType(), Rejected("bad_json", f"the body is not valid JSON: {error.msg}")
    if not isinstance(content, dict):
        return EventType(), Rejected("bad_json", "the body must be a JSON object")
    told = content.get("type")
    event_type = TYPES.get(told) if isinstance(told, str) else None
    if event_type is None:
        return EventType(), Rejected("unknown_type", f"type must be one of {', '.join(TYPES)}")
    try:
        return event_type, GenericEvent.model_validate(content)
    except ValidationError as error:
        places = [f"{'.'.join(str(part) for part in e['loc'])}: {_message(e['msg'])}" for e in error.errors()[:20]]
        return event_type, Rejected("bad_field", "; ".join(places))


def _checked(event: GenericEvent, event_type: EventType, arrival: Arrival) -> list[Record] | Rejected:
    if event.data.site_id not in (None, arrival.site_id):
        return Rejected("wrong_site", f"data.site_id is not {arrival.site_id}, the site of the address")
    if event.timestamp - arrival.received_at > FUTURE:
        return Rejected("future", "timestamp is more than five minutes ahead of our clock")
    if event.data.created_at and event.data.created_at - arrival.received_at > CREATED_AHEAD:
        return Rejected("future", "data.created_at is more than a day ahead of our clock")
    payment = _payment(event, event_type, arrival)
    state = _state(event, event_type, arrival)
    records = [] if state is None else [(CRM_EVENT, encode(CRM_EVENT, state))]
    if payment is not None:
        records.append((PAYMENT, encode(PAYMENT, payment)))
    return records


def _head(kind: RecordKind, event: GenericEvent, arrival: Arrival) -> dict[str, Any]:
    return {
        "record_id": derived_id(event.timestamp, arrival.site_id, arrival.webhook_id, kind.name),
        "site_id": arrival.site_id,
        "occurred_at": event.timestamp,
        "received_at": arrival.received_at,
        "via": "crm",
        "provider": PROVIDER,
        "deal_id": _private(event.data.contact, arrival).identifier("deal_id", event.data.deal_id),
    }


def _state(event: GenericEvent, event_type: EventType, arrival: Arrival) -> dict[str, Any] | None:
    """The deal's state; None for a payment that tells nothing else about its deal."""
    data, contact = event.data, event.data.contact or Contact()
    private = _private(contact, arrival)
    marks = data.utm.model_dump() if data.utm else {}
    told = {
        "deal_created_at": data.created_at or (event.timestamp if event_type.is_creation else None),
        "pipeline": private.words("pipeline", data.pipeline),
        "stage": private.words("stage", data.stage) or event_type.stage,
        "cost_price": data.cost_price,
        "products_cost": _products_cost(data.products),
        "request_id": private.identifier("request_id", data.request_id),
        "call_id": private.identifier("call_id", data.call_id),
        "visitor_id": private.identifier("visitor_id", data.visitor_id),
        "phone_hash": next((h for p in contact.phones if (h := phone_hash(p, arrival.identity_key))), None),
        "email_hash": next((h for m in contact.emails if (h := email_hash(m, arrival.identity_key))), None),
        "contact_id": private.identifier("contact_id", contact.id),
        **{f"utm_{name}": private.mark(f"utm_{name}", text) for name, text in marks.items()},
        "loss_reason": private.words("loss_reason", data.reason or data.loss_reason),
        "manager": private.words("manager", data.manager),
        "branch": private.words("branch", data.branch),
        "order_id": private.identifier("order_id", data.order_id),
    }
    # Without a payment object, the amount of a payment event is the payment's, not the deal's.
    amount = data.amount if not event_type.is_money or _has_amount(data.payment) else None
    if event_type.is_money and amount is None and not any(told.values()):
        return None
    sums = (amount, data.cost_price, told["products_cost"])
    currency = data.currency if any(one is not None for one in sums) else None
    deleted = True if event_type.is_deleted else None
    return {**_head(CRM_EVENT, event, arrival), **told, "amount": amount, "currency": currency, "is_deleted": deleted}


def _payment(event: GenericEvent, event_type: EventType, arrival: Arrival) -> dict[str, Any] | None:
    data, payment = event.data, event.data.payment or Payment()
    amount = payment.amount if payment.amount is not None or not event_type.is_money else data.amount
    if amount is None:
        if event_type.is_money or data.payment is not None:
            raise BadField("data.payment.amount: is needed")
        return None
    if event_type.is_refund:
        amount = -abs(amount)
    elif event_type.is_money and amount < 0:
        raise BadField("data.payment.amount: money received cannot be negative; send payment.refunded")
    return {
        **_head(PAYMENT, event, arrival),
        "payment_id": _payment_id(event, event_type, arrival),
        "amount": amount,
        "currency": payment.currency or data.currency,
    }


def _payment_id(event: GenericEvent, event_type: EventType, arrival: Arrival) -> str:
    """The id told, else one made of the webhook-id. The latest record of an id counts, so a refund that repeats the payment's
    id gets a prefix: it must not replace the payment."""
    told = event.data.payment.id if event.data.payment else None
    if told is None:
        return "event:" + derived_id(event.timestamp, arrival.site_id, arrival.webhook_id)
    payment_id = _private(event.data.contact, arrival).identifier("payment_id", told)
    prefixed = f"refund:{payment_id}" if event_type.is_refund else str(payment_id)
    if len(prefixed) > LIMITS["payment_id"]:
        raise BadField("data.payment.id: is too long for a refund's id")
    return prefixed


def _has_amount(payment: Payment | None) -> bool:
    return payment is not None and payment.amount is not None


def _products_cost(products: list[Product]) -> Decimal | None:
    """Sum of cost × quantity (1 where none is told), to the kopeck; None unless every product tells its cost."""
    total = Decimal(0)
    for product in products:
        if product.cost is None:
            return None
        total += product.cost * (Decimal(1) if product.quantity is None else product.quantity)
    if abs(total) > LARGEST:
        raise BadField("data.products: their cost adds up to more than can be stored")
    return total.quantize(KOPECK, ROUND_HALF_UP) if products else None


def _private(contact: Contact | None, arrival: Arrival) -> Private:
    return Private(contact.phones if contact else (), arrival.identity_key)


def _message(text: str) -> str:
    return text.removeprefix("Value error, ")
