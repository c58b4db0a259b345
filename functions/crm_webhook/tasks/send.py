"""Tasks `send`: a new request → a signed event to an address of the settings, or a lead or deal of the CRM's own API. Tasks `note`:
the whole path of a deal → a note of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.line import CrmRefused
from functions.crm_webhook.requests import address, amocrm, bitrix24, making, uis
from functions.crm_webhook.requests import request as requests
from functions.crm_webhook.requests.making import Maker, extra_refused, hand_to
from functions.crm_webhook.requests.request import NewRequest, request_of
from functions.crm_webhook.requests.sent import Sent, SentStore, contact_mark
from functions.crm_webhook.requests.way import path_text, values_of
from functions.crm_webhook.tasks.orders import Order
from shared.lake import Rejected
from shared.log import count, logger
from shared.post import post
from shared.vault import Vault

# Why a new request never reaches the CRM; the door `crm-requests` of rejected records.
REASONS = tuple(dict.fromkeys(("not_set_up", "raw_gone", *requests.REASONS, *address.REASONS, *making.REASONS)))


class Sends:
    """`body(key)` gives the request as it lies in the quarantine, None where it is gone; `store` gives what was handed over so
    far."""

    def __init__(
        self,
        body: Callable[[str], bytes | None],
        tools: Tools,
        vault: Callable[[], Vault],
        store: SentStore,
    ) -> None:
        self._body, self._tools, self._vault, self._store = body, tools, vault, store
        self._amo_fields = amocrm.AmoFields(tools.clock)

    def send(self, site: Mapping[str, Any], order: Order) -> Rejected | None:
        """None once the CRM has it; why not where it never will. TryLater where it may later."""
        told = (site.get("crm") or {}).get("new_requests")
        if told is None:
            return Rejected("not_set_up", "the site's settings do not hand requests over any more (crm.new_requests)", order.key)
        body = self._body(order.key)
        if body is None:
            return Rejected("raw_gone", "the request is not in the quarantine any more; it is kept for 30 days", order.key)
        request = request_of(body, site, order.cause, self._vault())
        if isinstance(request, Rejected):
            return Rejected(request.reason, request.message, order.key)
        store = self._store
        try:
            values = values_of(request, site)
        except (ValueError, OverflowError, KeyError) as error:
            return Rejected("bad_request", f"what is known of the request cannot be told ({type(error).__name__})", order.key)
        sent = store.begin(request, str(told.get("to", "url")))
        try:
            refused = self._handed(site, told, request, values, sent, store)
        finally:
            _let_go(store, sent)
        return None if refused is None else Rejected(refused.reason, refused.message, order.key)

    def note(self, site: Mapping[str, Any], order: Order) -> None:
        """Write the note, unless the deal has it. Done too where the site does not ask for notes any more, or the CRM refuses: a
        deal that was deleted takes none. TryLater where the CRM may take it later."""
        told = (site.get("crm") or {}).get("new_requests") or {}
        maker = self._maker(site, told) if told.get("note", True) else None
        if maker is None or maker.provider != order.provider:
            count({"PassedOver": 1}, Door="crm-tasks", Reason="not_set_up")
            return
        try:
            maker.note(order.deal, path_text(order.lines, order.request_id, site))
        except CrmRefused as refused:
            extra_refused(order.site_id, "path", maker.provider, refused)
        else:
            count({"PathNoteWritten": 1}, Provider=maker.provider)

    def upload(self, site: Mapping[str, Any], orders: Sequence[Order]) -> None:
        """Ended calls of one site to UIS (requests/uis.py). TryLater where it may take them later."""
        uis.upload(site, [order.call for order in orders if order.call], self._tools, self._vault())

    def _handed(
        self,
        site: Mapping[str, Any],
        told: Mapping[str, Any],
        request: NewRequest,
        values: Mapping[str, str],
        sent: Sent,
        store: SentStore,
    ) -> Rejected | None:
        maker = self._maker(site, told)
        if maker is not None:
            return hand_to(maker, request, sent, store, values, with_note=bool(told.get("note", True)))
        if contact_mark(request.whose) in sent.done:  # an address told of it: its 2xx stands for the deal
            return None
        refused = address.ToAddress(self._tools.secrets, post, self._tools.clock).send(site, request, sent)
        if refused is not None:
            return refused
        if sent.deal:
            store.did(sent, contact_mark(request.whose))
            count({"RequestCorrected": 1}, To="url")
            return None
        if sent.asker != request.whose:
            store.tries(sent, request.whose)
        store.made(sent, "told")
        count({"RequestHandedOver": 1}, To="url")
        return None

    def _maker(self, site: Mapping[str, Any], told: Mapping[str, Any]) -> Maker | None:
        to = told.get("to")
        if to == amocrm.PROVIDER:
            return amocrm.maker(site, self._tools, self._amo_fields)
        return bitrix24.maker(site, self._tools) if to == bitrix24.PROVIDER else None


def _let_go(store: SentStore, sent: Sent) -> None:
    """Whoever comes next need not wait for the hold to end. A store that fails now only makes him wait."""
    try:
        store.let_go(sent)
    except Exception:
        logger().exception("a request's hold could not be ended", extra={"site_id": sent.site_id})
