"""Deals of the demo: most live in amoCRM, some in the showroom's Bitrix24 or a CRM of the shop's own, and each goes its way through
the funnel. Pure."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from infra.demo.month import END, Asked, Event, Month, Truth
from infra.demo.shop import LOSS_REASONS, MANAGERS
from infra.shop.amocrm import LOSS_REASONS as LOSS_REASON_IDS
from infra.shop.amocrm import MANAGERS as MANAGER_IDS
from infra.shop.amocrm import STAGES

OWN_CRM = 0.12  # share of deals that the generic door tells of; refunds all do: amoCRM's webhooks know none
FIRST_LEAD = 41870000
PORTAL_OF, PORTAL_REST = 8, 5  # one deal of so many is the showroom's
_STATUS = {name: status for status, name in STAGES.items()}
_REASON = {name: reason for reason, name in LOSS_REASON_IDS.items()}


class Step(NamedTuple):
    """One move of a deal: the stage, and what was filled in on the way."""

    stage: str
    amount: Decimal | None = None
    cost: Decimal | None = None
    reason: str = ""


def deal(made: Month, chance: random.Random, asked: Asked, truth: Truth, buys: bool) -> None:
    """Add the deal of a request, and its truth; what lies after the month's end has not happened yet."""
    amount = Decimal(chance.randint(60, 480) * 100)
    gives_back = buys and chance.random() < 0.05
    is_own = gives_back or chance.random() < OWN_CRM
    number = len(made.truths) + 1
    is_salons = not is_own and number % PORTAL_OF == PORTAL_REST
    truth.deal_id = f"generic:D{number:05d}" if is_own else f"bitrix24:{number}" if is_salons else f"amocrm:{FIRST_LEAD + number}"
    made.truths.append(truth)
    manager = chance.randrange(len(MANAGERS))
    at = asked.ended_at + timedelta(minutes=chance.uniform(1, 30))
    created_at = at
    before = ""
    for step in _way(chance, amount, buys):
        if at >= END:
            return
        truth.is_told = True
        if is_own:
            made.events.append(Event(at, "deal", _own(truth, step, asked, manager, "" if before else created_at.isoformat())))
        elif is_salons:
            first = {} if before else {"asked": asked}
            made.events.append(Event(at, "portal_deal", {"number": number, **step._asdict(), **first}))
        else:
            made.events.append(Event(at, "lead", _lead(truth, step, asked, manager, not before)))
        if step.stage == "Оплачено":
            truth.revenue = amount
        before = step.stage
        at += timedelta(hours=chance.uniform(1, 60))
    if gives_back and at < END:
        back = (amount * Decimal("0.2")).quantize(Decimal("0.01"))
        payment = {"deal_id": truth.deal_id.partition(":")[2], "payment": {"id": f"R{number:05d}", "amount": str(back)}}
        made.events.append(Event(at, "deal", {"type": "payment.refunded", "data": payment, "request": ""}))
        truth.revenue -= back


def _way(chance: random.Random, amount: Decimal, buys: bool) -> list[Step]:
    way = [Step("Неразобранное"), Step("Первичный контакт", amount)]
    if buys or chance.random() < 0.45:
        way.append(Step("Замер"))
    if buys:
        cost = (amount * Decimal(chance.randint(52, 70)) / 100).quantize(Decimal("0.01"))
        way += [Step("Договор", cost=cost if chance.random() < 0.8 else None), Step("Оплачено")]
    elif chance.random() < 0.7:
        way.append(Step("Отказ", reason=chance.choice(LOSS_REASONS)))
    return way


def _own(truth: Truth, step: Step, asked: Asked, manager: int, created_at: str) -> dict[str, Any]:
    """A body of the generic door, but for the request id, which is known when it is played."""
    deal_id = truth.deal_id.partition(":")[2]
    told: dict[str, Any] = {"deal_id": deal_id, "stage": step.stage, "currency": "RUB"}
    if step.amount is not None:
        told["amount"] = str(step.amount)
    if step.cost is not None:
        told["cost_price"] = str(step.cost)
    if step.reason:
        told["reason"] = step.reason
    kind = "deal.lost" if step.reason else "deal.updated"
    if created_at:
        kind = "deal.created"
        told |= {"created_at": created_at, "manager": MANAGERS[manager], "pipeline": "Розница"}
        if asked.phone:
            told["contact"] = {"id": f"C{deal_id}", "name": "Клиент", "phones": [asked.phone]}
    return {"type": kind, "data": told, "request": asked.key if created_at else ""}


def _lead(truth: Truth, step: Step, asked: Asked, manager: int, is_new: bool) -> dict[str, Any]:
    """What happens to the lead in amoCRM."""
    told: dict[str, Any] = {"lead_id": int(truth.deal_id.partition(":")[2]), "status_id": _STATUS[step.stage]}
    if step.amount is not None:
        told["price"] = int(step.amount)
    if step.cost is not None:
        told["cost"] = str(step.cost)
    if step.reason:
        told["loss_reason_id"] = _REASON[step.reason]
    if is_new:
        told["name"] = f"Звонок: {asked.phone}" if asked.is_call else "Заявка с сайта" if asked.key else "Новая сделка"
        told |= {"asked": asked, "manager_id": list(MANAGER_IDS)[manager], "is_handmade": not asked.key}
    return told
