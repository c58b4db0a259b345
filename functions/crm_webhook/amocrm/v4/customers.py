"""Customers (покупатели): deals of the pipeline `customers`; their purchases are payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.crm_webhook.amocrm.states import lead_values
from functions.crm_webhook.amocrm.v4.answers import id_of, item_of
from functions.crm_webhook.amocrm.v4.history import NOW_RANK
from functions.crm_webhook.amocrm.v4.leads import Clients, Telling
from functions.crm_webhook.amocrm.v4.line import MOST_IDS, by_ids, embedded, has_next
from functions.crm_webhook.deals import DealState, PaymentTold
from functions.crm_webhook.reading import BadField
from shared.money import parse_amount

PIPELINE = "customers"
WITH = "contacts,companies"
_MOST_PAGES = 40  # of one customer's purchases


def deal_id(customer: str) -> str:
    """Customers and leads are numbered apart."""
    return f"customer:{customer}"


def tell_customers(telling: Telling, ids: Sequence[str]) -> int:
    """These customers; how many. One that is not there any more is told as deleted, at the arrival."""
    ids = list(dict.fromkeys(ids))
    found = by_ids(telling.line, "customers", ids, WITH)
    known = {id_of(one) for one in found}
    for one in ids:
        if one not in known:
            telling.states(
                [DealState(deal_id=deal_id(one), told_at=None, via="api", values={"is_deleted": True})], f"customer {one}"
            )
    return tell_found(telling, found)


def tell_found(telling: Telling, customers: Sequence[dict[str, Any]]) -> int:
    """Customers as lists tell them."""
    if not customers:
        return 0
    clients = Clients(telling, customers)
    reader = telling.reader(clients.people)
    telling.outcome.people += clients.people
    for told in customers:
        item = item_of("customers", told)
        try:
            own, at, values = item.needed_id(), item.moment("updated_at", "created_at"), lead_values(item, reader)
            payments = _payments(telling, own)
        except BadField as error:
            telling.refuse(item.place, error)
            continue
        # A customer has no sum of its own: his purchases are the money.
        values |= {"pipeline": PIPELINE, "stage": item.id("status_id"), "amount": None, **clients.keys(told, reader)}
        if told.get("is_deleted"):
            values["is_deleted"] = True
        telling.states([DealState(deal_id=deal_id(own), told_at=at, rank=NOW_RANK, via="api", values=values)], item.place)
        telling.payments(payments, item.place)
    return len(customers)


def _payments(telling: Telling, customer: str) -> list[PaymentTold]:
    told = []
    for page in range(1, _MOST_PAGES + 1):
        answer = telling.line.get(f"/api/v4/customers/{customer}/transactions", [("limit", MOST_IDS), ("page", page)])
        told += [_payment(telling, customer, one) for one in embedded(answer, "transactions")]
        if not has_next(answer):
            break
    return told


def _payment(telling: Telling, customer: str, told: dict[str, Any]) -> PaymentTold:
    """A purchase that was deleted is a payment of nothing."""
    item = item_of("transactions", told | {"created_at": told.get("completed_at") or told.get("created_at")})
    number, at = item.needed_id(), item.moment("created_at")
    if at is None:
        raise BadField(f"transactions.{number}.completed_at: is needed")
    amount = Decimal("0.00") if told.get("is_deleted") else _sum(told.get("price"), number)
    return _told(deal_id(customer), number, at, amount, telling.currency)


def _sum(told: Any, number: str) -> Decimal:
    try:
        return parse_amount(told or 0)
    except ValueError as error:
        raise BadField(f"transactions.{number}.price: {error}") from error


def _told(deal: str, number: str, at: datetime, amount: Decimal, currency: str) -> PaymentTold:
    values = {"amount": amount, "currency": currency}
    return PaymentTold(deal_id=deal, payment_id=f"transaction:{number}", told_at=at, values=values)
