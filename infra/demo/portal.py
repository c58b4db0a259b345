"""The showroom's Bitrix24: a double of its own, answering over HTTP. Its events only name a deal, and are sent once: what is lost
comes by the regular check alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from infra.doubles.bitrix24 import Bitrix24Server, Portal
from infra.doubles.bitrix24.portal import CONTACT, DEAL

DOMAIN = "teplodom-example.bitrix24.ru"
PIPELINE = "0"  # the first one of deals
LOST_OF = 3  # one event of so many
STAGES = {
    "NEW": "Неразобранное",
    "PREPARATION": "Первичный контакт",
    "EXECUTING": "Замер",
    "FINAL_INVOICE": "Договор",
    "WON": "Оплачено",
    "LOSE": "Отказ",
}
COST_FIELD, REASON_FIELD = "UF_CRM_COST_PRICE", "UF_CRM_LOSS_REASON"
_STAGE_IDS = {name: stage for stage, name in STAGES.items()}
_MANY_CALLS = 100_000  # a night's reads come at one moment of the simulated clock


def section(url: str) -> dict[str, Any]:
    """`crm.bitrix24` of the settings; `url` is where the portal answers."""
    own = {"cost_price": COST_FIELD, "loss_reason": REASON_FIELD}
    api = {"url": url or f"https://{DOMAIN}/rest/17", "per_second": 50}
    return {"domain": DOMAIN, "leads": False, "fields": own, "stages": STAGES, "api": api}


def is_sent(number: int, event: str) -> bool:
    """Whether the portal's so-and-so-many-th event arrives: the same ones every time."""
    return number % LOST_OF != 1


def open_portal(clock: Callable[[], datetime], deliver: Callable[[str], object]) -> Bitrix24Server:
    """The portal, answering; close it in the end. `deliver(body)` posts an event."""

    def arrive(body: str, headers: Mapping[str, str]) -> None:
        deliver(body)

    portal = Portal(clock, arrive, lambda number, event: int(is_sent(number, event)), domain=DOMAIN)
    portal.bucket.most = _MANY_CALLS
    server = Bitrix24Server(portal)
    server.start()
    return server


def act(portal: Portal, told: Mapping[str, Any], request_id: str) -> None:
    """What a manager does: a new deal with its client, or the next stage of one. `request_id`: of what the deal came from."""
    number, asked = int(told["number"]), told.get("asked")
    fields: dict[str, Any] = {"stageId": _STAGE_IDS[told["stage"]]}
    if told["amount"] is not None:
        fields["opportunity"] = int(told["amount"])
    if told["cost"] is not None:
        fields["ufCrmCostPrice"] = str(told["cost"])
    if told["reason"]:
        fields["ufCrmLossReason"] = told["reason"]
    if asked is None:
        portal.change(DEAL, number, fields)
        return
    portal.add(DEAL, {**fields, **_made(portal, asked, request_id), "title": "Сделка салона"}, number)


def lost_deals(portal: Portal) -> dict[str, tuple[str, Decimal]]:
    """Deals that an event was lost of: stage and sum as the portal has them, by our id of the deal."""
    due = [(name, fields) for at, (name, fields) in enumerate(portal.sent) if not is_sent(at, name)]
    items = [portal.items[DEAL][int(fields["ID"])] for name, fields in due if name.startswith("ONCRMDEAL")]
    return {f"bitrix24:{item['id']}": (item["stageId"], Decimal(item["opportunity"])) for item in items}


def _made(portal: Portal, asked: Any, request_id: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if asked.phone:
        told["contactId"] = portal.client(CONTACT, "Клиент", (asked.phone,))
    if request_id:
        told |= {"ufCrmSkvozRequestId": request_id, "ufCrmSkvozVisitorId": asked.visitor}
    return told
