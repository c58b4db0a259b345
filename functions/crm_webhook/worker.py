"""Queue → lake: reads the quarantined body, hands it to the provider's adapter, writes what comes out. What a body only points at
becomes a task for those who speak to the CRM's API (tasks/).

Bad content ends as a rejected record and leaves the queue; what may work later (stores, secrets, settings) goes back to the queue,
message by message, and to the dead-letter queue when it never does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from functions.crm_webhook import wiring
from functions.crm_webhook.adapters import adapter_of, api_settings
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.providers import provider_of
from functions.crm_webhook.tasks.orders import read_orders
from functions.crm_webhook.writing import Writing
from shared.crm_settings import DOOR_NAME
from shared.ids import derived_id, is_site_id
from shared.lake import Rejected
from shared.log import count, logger
from shared.present import present
from shared.secrets import Secrets
from shared.sites import Sites
from shared.times import parse_instant

GENERIC = "generic"


class Worker:
    """`body(key)` reads the quarantine (None: gone); `tasks(text)` puts a message into the queue of tasks. `clock` is the present:
    what is tried again hours later goes by the settings of then, and into the lake's folder of then."""

    def __init__(
        self,
        body: Callable[[str], bytes | None],
        secrets: Secrets,
        sites: Sites,
        writing: Writing,
        tasks: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._body, self._secrets, self._sites, self._writing = body, secrets, sites, writing
        self._tasks, self._clock = tasks, clock

    def work(self, message: Mapping[str, Any]) -> None:
        """One SQS record. Raises only what a later try may mend."""
        now = self._clock()
        message_id = str(message["messageId"])
        order = order_of(message.get("body"))
        if isinstance(order, Rejected):
            self._writing.reject(f"crm-{GENERIC}", "", [order], message_id, now)
            return
        name, site_id, key = order["provider"], order["site_id"], order["key"]
        if int(message.get("attributes", {}).get("ApproximateReceiveCount", 1)) == 1:
            wiring.heard().note(site_id, order["received_at"])  # alerts tell people when none come any more
        door = f"crm-{name}"
        body = self._body(key)
        if body is None:
            gone = Rejected("raw_gone", "the raw body is not in the quarantine any more; it is kept for 30 days", key)
            self._writing.reject(door, site_id, [gone], message_id, now)
            return
        site = self._sites.find(site_id, now)
        provider = provider_of(name, site.get("crm", {}))
        if provider is None or provider.settings(site.get("crm", {})) is None:
            closed = Rejected("not_set_up", f"the site's settings do not open the door of {name} any more", key)
            self._writing.reject(door, site_id, [closed], message_id, now)
            return
        arrival = Arrival(site_id, order["webhook_id"], order["received_at"], self._secrets.key("identity", now))
        outcome = adapter_of(name)(body, arrival, site, name)
        batch_id = derived_id(order["received_at"], site_id, order["webhook_id"])
        self._writing.write(outcome, door, site, arrival, batch_id, key, now)
        if outcome.to_read and api_settings(site, name) is not None:
            for text in read_orders(site_id, name, outcome.to_read, order["webhook_id"], order["received_at"]):
                self._tasks(text)
        elif outcome.to_read:
            count({"PassedOver": len(outcome.to_read)}, Door=door, Reason="no_api")


def order_of(text: object) -> dict[str, Any] | Rejected:
    """The door's message, checked: anything else in the queue must not circle in it. One without a provider is a generic one."""
    try:
        message = orjson.loads(str(text))
        order = {name: message[name] for name in ("site_id", "key", "webhook_id")}
        order["provider"] = message.get("provider", GENERIC)
        if not all(isinstance(value, str) for value in order.values()):
            raise ValueError("a field is no text")
        if not DOOR_NAME.fullmatch(order["provider"]):
            raise ValueError("no door is called so")
        if not is_site_id(order["site_id"]) or not order["key"].startswith(f"quarantine/crm-{order['provider']}/"):
            raise ValueError("site_id or key cannot be the door's")
        return {**order, "received_at": parse_instant(message["received_at"])}
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("bad_message", f"the queue holds something that is not from the door ({type(error).__name__})")


@cache
def worker() -> Worker:
    """The worker, made on first use."""
    return Worker(wiring.raw_body, wiring.secrets(), wiring.sites(), wiring.writing(), wiring.put_task, present)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """SQS event → partial batch response: only the messages that failed come back."""
    failed = [message for message in event.get("Records", []) if not _is_worked(message)]
    return {"batchItemFailures": [{"itemIdentifier": message.get("messageId", "")} for message in failed]}


def _is_worked(message: Mapping[str, Any]) -> bool:
    try:
        worker().work(message)
    except Exception as error:
        logger().exception("crm event goes back to the queue", extra={"message_id": message.get("messageId")})
        door, site_id = _place_of(message)
        count({"BackToQueue": 1}, Door=door)
        wiring.failures().note(message.get("body"), door, site_id, error, present())
        return False
    return True


def _place_of(message: Mapping[str, Any]) -> tuple[str, str]:
    """Door and site of a message."""
    order = order_of(message.get("body"))
    return (f"crm-{GENERIC}", "") if isinstance(order, Rejected) else (f"crm-{order['provider']}", order["site_id"])
