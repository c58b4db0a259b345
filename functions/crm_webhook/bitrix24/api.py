"""Bitrix24's API: deals, leads and items of smart processes with their history and their clients.

Up to fifty items are read by two calls: one lists them, one batch asks for all that belongs to them. Pages go by id, never by
place: an item that changes while pages are turned leaves the span instead of shifting the others, and the next span has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools, section_of
from functions.crm_webhook.bitrix24.calls import PROVIDER, Calls, Command, Failed, rows_in
from functions.crm_webhook.bitrix24.clients import deals_of, known_clients
from functions.crm_webhook.bitrix24.gone.memory import Memory
from functions.crm_webhook.bitrix24.gone.sweep import EVERY, PHASE, Sweep
from functions.crm_webhook.bitrix24.items import COMPANY, CONTACT, DEAL, LEAD, Item, Known, client_of, deal_id_of
from functions.crm_webhook.bitrix24.lists import ROWS, chunks, last_of, listed, rest_of
from functions.crm_webhook.bitrix24.states import Teller
from functions.crm_webhook.deals import FUTURE
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.times import from_millis, to_millis

OWNERS = 5  # items whose history one command asks for: together they seldom fill a page of fifty rows
_KINDS = {"deal": DEAL, "lead": LEAD, "contact": CONTACT, "company": COMPANY}
_PROCESS = re.compile(r"T([0-9]{1,19})")
_TIMES = {"changed": "updatedTime", "created": "createdTime"}


def reader(site: Mapping[str, Any], tools: Tools) -> CrmReader:
    """The site's portal."""
    return Bitrix24(site, tools)


class Bitrix24:
    """CrmReader of one portal."""

    def __init__(self, site: Mapping[str, Any], tools: Tools) -> None:
        self._section, self._currency = section_of(site, PROVIDER), str(site["currency"])
        self._calls, self._clock = Calls(site, tools), tools.clock
        self._memory = Memory(tools.pace, str(site["site_id"]))
        leads = [LEAD] if self._section.get("leads", True) else []
        self._kinds = [*leads, DEAL, *sorted(self._section.get("processes") or [])]

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        """As CrmReader. A pointer to a client tells its deals whose they are."""
        outcome = Outcome()
        wanted: dict[int, list[str]] = {}
        for pointer in dict.fromkeys(pointers):
            process = _PROCESS.fullmatch(pointer.entity)
            kind = int(process[1]) if process else _KINDS.get(pointer.entity)
            if kind is None or (kind not in (CONTACT, COMPANY) and kind not in self._kinds):
                outcome.passed_over["process_not_read" if process else "leads_not_used"] += 1
                continue
            wanted.setdefault(kind, []).append(pointer.id)
        teller = Teller(self._section, self._currency, arrival, outcome)
        for kind, numbers in sorted(wanted.items()):
            for some in chunks(numbers, ROWS):
                found = listed(self._calls.needed({"items": _by_ids(kind, some)})["items"])
                if kind in (CONTACT, COMPANY):
                    self._clients(kind, found, teller)
                else:
                    missing = [number for number in some if number not in {item.id("id") for item in found}]
                    self._tell(kind, found, missing, teller)
        return outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """As CrmReader. The cursor is the kind of items and the last id: `2:5194`. Of changed clients come the deals that are
        theirs; once a day the walk over changes ends with what is gone (gone/sweep.py), its cursor `gone:` and a place."""
        outcome = Outcome()
        teller = Teller(self._section, self._currency, arrival, outcome)
        if span.by == "changed" and cursor.startswith(PHASE):
            swept = self._sweep(teller).page(cursor, to_millis(arrival.received_at))
            return Page(outcome, swept.cursor, swept.deals)
        plan = [*self._kinds, *([CONTACT, COMPANY] if span.by == "changed" else [])]
        kind, after = _cursor(cursor, plan)
        result = self._calls.needed({"items": _of_span(kind, span, after)})["items"]
        found = listed(result)
        if unseen := len(rows_in(result)) - len(found):
            outcome.passed_over["no_access"] += unseen
        deals = len(found)
        if kind in (CONTACT, COMPANY):
            deals = self._clients(kind, found, teller)
        else:
            self._tell(kind, found, [], teller)
        if (last := last_of(result)) is not None:
            return Page(outcome, f"{kind}:{last.id('id')}", deals)
        if following := plan[plan.index(kind) + 1 :]:
            return Page(outcome, f"{following[0]}:0", deals)
        is_due = span.by == "changed" and self._memory.is_due(to_millis(arrival.received_at), EVERY)
        return Page(outcome, PHASE if is_due else "", deals)

    def _sweep(self, teller: Teller) -> Sweep:
        def there(kind: int, numbers: Sequence[str]) -> Sequence[str]:
            found = listed(self._calls.needed({"items": _by_ids(kind, numbers)})["items"])
            self._tell(kind, found, [], teller)
            return [str(item.id("id")) for item in found]

        def missing(kind: int, numbers: Sequence[str]) -> Sequence[str]:
            return self._missing(kind, numbers, teller)

        return Sweep(self._calls, self._memory, self._kinds, missing, there)

    def _tell(self, kind: int, items: Sequence[Item], missing: Sequence[str], teller: Teller) -> None:
        """Everything of these items; those that no list shows are asked for one by one, to know why."""
        owners = [str(item.id("id")) for item in items]
        leads = self._leads_of(kind, items)
        commands = {f"history{at}": _history(kind, some) for at, some in enumerate(chunks(owners, OWNERS))}
        commands |= {f"client{client}": _by_ids(client, ids) for client, ids in _clients_of(items).items()}
        commands |= {"became": _became(leads)} if leads else {}
        results = self._calls.needed(commands) if commands else {}
        rows = rest_of(self._calls, {name: one for name, one in commands.items() if name.startswith("history")}, results, "ID")
        history: dict[str, list[Item]] = {}
        for row in rows:
            history.setdefault(str(row.id("ownerId")), []).append(row)
        known = known_clients({client: listed(results.get(f"client{client}")) for client in (CONTACT, COMPANY)})
        teller.outcome.people.extend(client.person for clients in known.values() for client in clients.values())
        became = _first_deals(rest_of(self._calls, {"became": commands["became"]}, results, "id")) if leads else {}
        missed = self._memory.seen(kind, owners)
        for item in items:
            number = str(item.id("id"))
            if missed.get(number, teller.arrived) < teller.arrived:
                teller.there(kind, number, from_millis(missed[number]))
            deal, _ = became.get(number, (None, None)) if kind == LEAD else (None, None)
            self._tell_one(kind, item, history.get(number, []), known, deal, teller)
        for lead, (first, at) in became.items():
            teller.became(lead, first, at)
        if missing:
            self._missing(kind, missing, teller)

    def _tell_one(self, kind: int, item: Item, rows: Sequence[Item], known: Known, became: str | None, teller: Teller) -> None:
        client = client_of(item, known)
        teller.stages(kind, deal_id_of(kind, str(item.id("id"))), rows, became)
        teller.item(kind, item, client, became, rows)
        teller.client(kind, item, client)
        if kind == LEAD:
            teller.standing(item, became)
            teller.outcome.people.append(item.person)

    def _missing(self, kind: int, numbers: Sequence[str], teller: Teller) -> list[str]:
        """Deleted (those are given), or hidden from the webhook's user; or made since the list was asked."""
        asked = {number: Command("crm.item.get", {"entityTypeId": kind, "id": number}) for number in numbers}
        seen, gone = [], []
        results = self._calls.batch(asked)
        # Not the arrival: what another reader saw between that and now is older than the answer.
        at = to_millis(min(self._clock(), teller.arrival.received_at + FUTURE))
        for number, result in results.items():
            if isinstance(result, Failed):
                if result.error == "NOT_FOUND":
                    gone.append(number)
                    teller.deleted(kind, number, from_millis(at))
                else:
                    teller.outcome.passed_over["no_access"] += 1
            elif isinstance(result, dict) and isinstance(result.get("item"), dict):
                seen.append(Item(result["item"]))
        self._memory.missed(kind, gone, at)
        for some in chunks(seen, ROWS):
            self._tell(kind, some, [], teller)
        return gone

    def _clients(self, kind: int, clients: Sequence[Item], teller: Teller) -> int:
        """Whose the deals of these clients are; how many deals."""
        teller.outcome.people.extend(client.person for client in clients)
        known = known_clients({kind: clients})
        told = 0
        for deal_kind in self._kinds if clients else []:
            found, further = deals_of(self._calls, deal_kind, kind, list(known[kind]))
            for item in found:
                if kind == CONTACT or item.id("contactId") is None:
                    teller.client(deal_kind, item, client_of(item, known))
                    told += 1
            if further:
                teller.outcome.passed_over["further_deal"] += further
        return told

    def _leads_of(self, kind: int, items: Iterable[Item]) -> list[str]:
        """Leads that became deals, by either side."""
        if LEAD not in self._kinds or kind not in (LEAD, DEAL):
            return []
        if kind == DEAL:
            return sorted({lead for item in items if (lead := item.id("leadId"))})
        return sorted(str(item.id("id")) for item in items if item.value("stageSemanticId") == "S")


def _first_deals(deals: Iterable[Item]) -> dict[str, tuple[str, datetime]]:
    """A lead becomes the first deal made from it: lead → deal, its creation. The deals come by their ids."""
    found: dict[str, tuple[str, datetime]] = {}
    for deal in deals:
        lead, at = deal.id("leadId"), deal.moment("createdTime")
        if lead and at:
            found.setdefault(lead, (deal_id_of(DEAL, str(deal.id("id"))), at))
    return found


def _clients_of(items: Iterable[Item]) -> dict[int, list[str]]:
    """Ids of the items' clients by their kind: the contact, or where there is none the company."""
    found: dict[int, dict[str, None]] = {CONTACT: {}, COMPANY: {}}
    for item in items:
        if contact := item.id("contactId"):
            found[CONTACT][contact] = None
        elif company := item.id("companyId"):
            found[COMPANY][company] = None
    return {kind: list(ids) for kind, ids in found.items() if ids}


def _by_ids(kind: int, numbers: Sequence[str]) -> Command:
    # No `select`: phones and e-mails (`fm`) come only without one. start = -1: the portal does not count all that fit.
    return Command("crm.item.list", {"entityTypeId": kind, "filter": {"@id": list(numbers)}, "order": {"id": "ASC"}, "start": -1})


def _of_span(kind: int, span: Span, after: str) -> Command:
    """The CRM keeps whole seconds."""
    field, last = _TIMES[span.by], span.last + timedelta(microseconds=999_999)
    fitting = {">id": after, f">={field}": _second(span.first), f"<{field}": _second(last)}
    return Command("crm.item.list", {"entityTypeId": kind, "filter": fitting, "order": {"id": "ASC"}, "start": -1})


def _history(kind: int, owners: Sequence[str]) -> Command:
    return Command("crm.stagehistory.list", {"entityTypeId": kind, "filter": {"@OWNER_ID": list(owners)}, "order": {"ID": "ASC"}})


def _became(leads: Sequence[str]) -> Command:
    select = ["id", "leadId", "createdTime"]
    parameters = {"entityTypeId": DEAL, "filter": {"@leadId": list(leads)}, "select": select, "order": {"id": "ASC"}, "start": -1}
    return Command("crm.item.list", parameters)


def _second(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(microsecond=0).isoformat()


def _cursor(cursor: str, plan: Sequence[int]) -> tuple[int, str]:
    """The kind and the id to go on after. A cursor of other settings begins anew."""
    kind, _, after = cursor.partition(":")
    return (int(kind), after) if kind.isdigit() and int(kind) in plan and after.isdigit() else (plan[0], "0")
