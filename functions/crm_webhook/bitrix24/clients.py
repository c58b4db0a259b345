"""Clients of Bitrix24 (contacts and companies), and the deals that are theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.crm_webhook.api.line import CrmClosed
from functions.crm_webhook.bitrix24.calls import Calls, Command, Failed
from functions.crm_webhook.bitrix24.items import CONTACT, DEAL, LEAD, Item
from functions.crm_webhook.bitrix24.lists import ROWS, after, listed

MOST_DEALS = 1000  # of fifty clients, the newest; more has only somebody who stands for everybody ("retail customer")


def known_clients(clients: Mapping[int, Sequence[Item]]) -> dict[int, dict[str, Item]]:
    """By kind and id."""
    return {kind: {str(client.id("id")): client for client in some} for kind, some in clients.items()}


def deals_of(calls: Calls, deal_kind: int, kind: int, clients: Sequence[str]) -> list[Item]:
    """Items of `deal_kind` whose first contact, or company, is one of these, the newest first; a page more than MOST_DEALS at
    most. A smart process without clients has none. CrmClosed as for every list."""
    field = "@contactId" if kind == CONTACT else "@companyId"
    parameters = {"entityTypeId": deal_kind, "filter": {field: list(clients)}, "order": {"id": "DESC"}, "start": -1}
    command = Command("crm.item.list", parameters)
    found: list[Item] = []
    while len(found) <= MOST_DEALS:
        result = calls.batch({"deals": command})["deals"]
        if isinstance(result, Failed):
            if result.error == "INVALID_ARG_VALUE" and deal_kind not in (LEAD, DEAL):
                return []
            raise CrmClosed(f"Bitrix24 refuses crm.item.list: {result.error}; check the webhook (docs/crm.md)")
        rows = listed(result)
        found += rows
        if len(rows) < ROWS:
            break
        command = after(command, "id", rows[-1], "<")
    return found
