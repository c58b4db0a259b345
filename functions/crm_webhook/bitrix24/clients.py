"""Clients of Bitrix24 (contacts and companies), and the deals that are theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.crm_webhook.api.line import CrmClosed
from functions.crm_webhook.bitrix24.calls import Calls, Command, Failed
from functions.crm_webhook.bitrix24.items import CONTACT, DEAL, LEAD, Item
from functions.crm_webhook.bitrix24.lists import after, chunks, last_of, listed

MOST_DEALS = 1000  # of one client, the newest; more has only somebody who stands for everybody ("retail customer")
_AT_ONCE = 10  # clients that one call asks for: Bitrix24 answers them one after another


def known_clients(clients: Mapping[int, Sequence[Item]]) -> dict[int, dict[str, Item]]:
    """By kind and id."""
    return {kind: {str(client.id("id")): client for client in some} for kind, some in clients.items()}


def deals_of(calls: Calls, deal_kind: int, kind: int, clients: Sequence[str]) -> tuple[list[Item], int]:
    """Items of `deal_kind` whose first contact, or company, is one of these, the newest MOST_DEALS of each; and how many more were
    seen (a page of each at most). A smart process without clients has none. CrmClosed as for every list.

    Fifty clients are asked for together; where they have too many deals for that, each for himself, so that a client of very many
    takes no room of another.
    """
    together = _newest(calls, {"all": _deals(deal_kind, kind, clients)})["all"]
    if len(together) <= MOST_DEALS:
        return together, 0
    if len(clients) > 1:
        found: dict[str, list[Item]] = {}
        for some in chunks(clients, _AT_ONCE):
            found |= _newest(calls, {client: _deals(deal_kind, kind, [client]) for client in some})
    else:
        found = {"all": together}
    further = sum(max(len(deals) - MOST_DEALS, 0) for deals in found.values())
    return [deal for deals in found.values() for deal in deals[:MOST_DEALS]], further


def _newest(calls: Calls, commands: Mapping[str, Command]) -> dict[str, list[Item]]:
    """Of each command the first MOST_DEALS rows, or a page more; page by page together."""
    found: dict[str, list[Item]] = {name: [] for name in commands}
    left = dict(commands)
    while left:
        following = {}
        for name, result in calls.batch(left).items():
            if isinstance(result, Failed):
                if result.error == "INVALID_ARG_VALUE" and left[name].parameters["entityTypeId"] not in (LEAD, DEAL):
                    continue
                raise CrmClosed(f"Bitrix24 refuses crm.item.list: {result.error}; check the webhook (docs/crm.md)")
            found[name] += listed(result)
            last = last_of(result)
            if last is not None and len(found[name]) <= MOST_DEALS:
                following[name] = after(left[name], "id", last, "<")
        left = following
    return found


def _deals(deal_kind: int, kind: int, clients: Sequence[str]) -> Command:
    field = "@contactId" if kind == CONTACT else "@companyId"
    parameters = {"entityTypeId": deal_kind, "filter": {field: list(clients)}, "order": {"id": "DESC"}, "start": -1}
    return Command("crm.item.list", parameters)
