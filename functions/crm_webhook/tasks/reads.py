"""Tasks `read`: what webhooks only point at, read through the CRM's API. Those of one site and CRM are read together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from functions.crm_webhook.adapters import reader_of
from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.tasks.orders import Order, read_orders
from functions.crm_webhook.writing import Writing
from shared.ids import derived_id
from shared.log import count


class Reads:
    """`identity_key` gives the key of people's hashes, `put_task` puts a message into the queue of tasks."""

    def __init__(
        self, writing: Writing, tools: Tools, identity_key: Callable[[datetime], bytes], put_task: Callable[[str], None]
    ) -> None:
        self._writing, self._tools, self._identity_key, self._put_task = writing, tools, identity_key, put_task

    def read(self, site: Mapping[str, Any], provider: str, orders: Sequence[Order], now: datetime) -> None:
        """Read what the orders point at, and write what it tells. TryLater where the CRM or the lake cannot be reached: all come
        back. What the reader leaves for later (a client of many deals) becomes orders of its own. Orders of a CRM whose API the
        settings do not open any more are counted, and done."""
        reader = reader_of(site, provider, self._tools)
        door = f"crm-{provider}"
        pointers = list(dict.fromkeys(pointer for order in orders for pointer in order.pointers))
        if reader is None:
            count({"PassedOver": len(pointers)}, Door=door, Reason="no_api")
            return
        site_id = str(site["site_id"])
        cause = "\x1f".join(sorted({order.cause for order in orders}))
        # What it tells is as it stands now, whenever the webhook came; a deal that is gone is gone since then.
        arrival = Arrival(site_id, cause, self._tools.clock(), self._identity_key(now))
        outcome = reader.read(pointers, arrival)
        place = "; ".join(f"{entity} {number}" for entity, number in pointers[:20])
        batch_id = derived_id(now, site_id, provider, cause)
        self._writing.write(outcome, door, site, arrival, batch_id, place, now)
        for text in read_orders(site_id, provider, outcome.to_read, batch_id, arrival.received_at):
            self._put_task(text)
        count({"CrmRead": len(pointers)}, Provider=provider)
