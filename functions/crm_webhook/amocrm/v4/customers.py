"""Customers (покупатели): deals of the pipeline `customers`; their purchases are payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from functions.crm_webhook.amocrm.states import lead_values
from functions.crm_webhook.amocrm.v4.answers import item_of, untagged
from functions.crm_webhook.amocrm.v4.gone import may_be_young, shown
from functions.crm_webhook.amocrm.v4.history import NOW_RANK
from functions.crm_webhook.amocrm.v4.leads import Clients, Telling
from functions.crm_webhook.amocrm.v4.line import MOST_IDS, Query, embedded, has_next
from functions.crm_webhook.api.http import NotYet
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
    """These customers; how many. One that is not there any more is told as deleted, at the arrival. NotYet where it may be too
    young to be shown (v4/gone.py)."""
    found, missing = shown(telling.line, "customers", ids, WITH)
    young = may_be_young(telling.line, "customers", missing, telling.arrival.received_at)
    if waiting := [one for one in young if not _is_deleted(telling, one)]:
        raise NotYet(f"amoCRM does not show {len(waiting)} customer(s) yet, or never will", 60)
    for one in missing:
        telling.states([telling.deletions.gone(deal_id(one), telling.arrival.received_at)], f"customer {one}")
    return tell_found(telling, list(found.values()))


def _is_deleted(telling: Telling, customer: str) -> bool:
    """The list of events says so."""
    query = [("filter[entity]", "customer"), ("filter[entity_id]", customer), ("filter[type]", "customer_deleted"), ("limit", 1)]
    return bool(embedded(telling.line.get("/api/v4/events", query), "events"))


def tell_found(telling: Telling, customers: Sequence[dict[str, Any]]) -> int:
    """Customers as lists tell them."""
    customers = [one for one in customers if telling.has_id("customers", one)]
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
        values |= untagged(told)
        state = DealState(deal_id=deal_id(own), told_at=at, rank=NOW_RANK, via="api", values=values)
        telling.states([state, *(() if told.get("is_deleted") else telling.deletions.back(deal_id(own)))], item.place)
        telling.payments(payments, item.place)
    return len(customers)


def _payments(telling: Telling, customer: str) -> list[PaymentTold]:
    told = []
    for page in range(1, _MOST_PAGES + 1):
        query: Query = [("limit", MOST_IDS), ("page", page)]
        answer = telling.line.get(f"/api/v4/customers/{customer}/transactions", query, may_be_missing=True)
        for one in embedded(answer, "transactions"):
            try:
                told.append(_payment(telling, customer, one))
            except BadField as error:
                telling.refuse(f"customers {customer}", error)
        if not has_next(answer):
            break
    return told


def _payment(telling: Telling, customer: str, told: dict[str, Any]) -> PaymentTold:
    """A purchase that was deleted is a payment of nothing."""
    item = item_of("transactions", told | {"created_at": told.get("completed_at") or told.get("created_at")})
    number, at = item.needed_id(), item.moment("created_at")
    if at is None:
        raise BadField(f"transactions.{number}.completed_at: is needed")
    is_deleted = bool(told.get("is_deleted"))
    amount = Decimal("0.00") if is_deleted else _sum(told.get("price"), number)
    # Deleting it may not move its time of change, which amoCRM tells in whole seconds: it comes after all else of that second.
    changed_at = (item.moment("updated_at") or at) + timedelta(milliseconds=999 if is_deleted else 0)
    values = {"amount": amount, "currency": telling.currency}
    return PaymentTold(
        deal_id=deal_id(customer),
        payment_id=f"transaction:{number}",
        told_at=at,
        values=values,
        changed_at=changed_at,
    )


def _sum(told: Any, number: str) -> Decimal:
    try:
        return parse_amount(told or 0)
    except ValueError as error:
        raise BadField(f"transactions.{number}.price: {error}") from error
