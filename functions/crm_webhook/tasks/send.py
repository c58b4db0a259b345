"""Tasks `send`: a new request → a signed event to an address of the settings, or a lead or deal of the CRM's own API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.tasks.orders import Order
from functions.crm_webhook.telephony.requests import Requests
from shared.lake import Rejected
from shared.post import post
from shared.vault import Vault


class Sends:
    """`body(key)` gives the request as it lies in the quarantine, None where it is gone."""

    def __init__(self, body: Callable[[str], bytes | None], tools: Tools, vault: Callable[[], Vault]) -> None:
        self._body, self._tools, self._vault = body, tools, vault

    def send(self, site: Mapping[str, Any], order: Order) -> Rejected | None:
        """None once the CRM has it; why not where it never will. TryLater where it may later."""
        told = (site.get("crm") or {}).get("new_requests")
        if told is None:
            return Rejected("not_set_up", "the site's settings do not hand requests over any more (crm.new_requests)", order.key)
        body = self._body(order.key)
        if body is None:
            return Rejected("raw_gone", "the request is not in the quarantine any more; it is kept for 30 days", order.key)
        requests = Requests(self._tools.secrets, post, self._tools.clock)
        refused = requests.send(site, body, order.cause)
        return None if refused is None else Rejected(refused.reason, refused.message, order.key)
