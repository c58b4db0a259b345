"""Queue of tasks → the CRMs' APIs: reads what webhooks point at, and hands new requests over.

A task that fails goes back and is tried again later and later, for two days and more (each waits up to an hour); then it is a dead
letter. A CRM that is down holds up its own site's tasks alone: once one of them fails, the others of that site are not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from time import monotonic
from typing import Any

from functions.crm_webhook import wiring
from functions.crm_webhook.api.tools import tools
from functions.crm_webhook.requests.sent import SentStore
from functions.crm_webhook.tasks.orders import Order, order_of
from functions.crm_webhook.tasks.reads import Reads
from functions.crm_webhook.tasks.send import Sends
from functions.crm_webhook.writing import Writing
from shared.aws import client, env
from shared.errors import NotFound, TryLater
from shared.lake import Rejected
from shared.log import count, logger
from shared.sites import Sites
from shared.times import from_millis

SECONDS = 200.0  # the function has 300 (template.yaml); one read may take minutes at two calls a second
FIRST_WAIT, LONGEST_WAIT = 30, 3600  # seconds
DOOR = "crm-tasks"

Message = Mapping[str, Any]
# (the message's text, door, site, why it failed) → kept for whoever looks at dead letters.
Note = Callable[[object, str, str, Exception], None]


class Tasks:
    """`postpone(receipt, seconds)` keeps a message from coming back for so long; `monotonic` gives seconds; `note` keeps why a
    message failed."""

    def __init__(
        self,
        sites: Sites,
        writing: Writing,
        reads: Reads,
        sends: Sends,
        postpone: Callable[[str, int], None],
        monotonic: Callable[[], float] = monotonic,
        note: Note = lambda text, door, site_id, error: None,
    ) -> None:
        self._sites, self._writing, self._reads, self._sends = sites, writing, reads, sends
        self._postpone, self._monotonic, self._note = postpone, monotonic, note

    def work(self, messages: Sequence[Message]) -> list[Message]:
        """Messages that must come back, put off as long as they were tried."""
        until = self._monotonic() + SECONDS
        groups: dict[tuple[str, str, str], list[tuple[Message, Order]]] = {}
        failed: list[Message] = []
        for message in messages:
            order = order_of(message.get("body"))
            if isinstance(order, Rejected):
                self._writing.reject(DOOR, "", [order], str(message["messageId"]), _sent_at(message))
                continue
            # Reads of one CRM go together; requests one by one, each with its own outcome.
            own = order.cause if order.task == "send" else ""
            groups.setdefault((order.site_id, order.task + order.provider, own), []).append((message, order))
        failing: dict[str, Exception] = {}
        # A site's reads first, then its requests in the order they came.
        for (site_id, _, _), group in sorted(groups.items(), key=lambda one: (*one[0][:2], one[1][0][1].received_at)):
            error = failing.get(site_id) or self._tried(site_id, group, until)
            if error is not None:
                if isinstance(error, TryLater):  # a CRM that is down; what nobody expected is one task's own
                    failing[site_id] = error
                failed += [message for message, _ in group]
                for message, _ in group:
                    self._note(message.get("body"), DOOR, site_id, error)
        for message in failed:
            self._put_off(message)
        return failed

    def _tried(self, site_id: str, group: Sequence[tuple[Message, Order]], until: float) -> Exception | None:
        """None once it is done, else why it must come back."""
        if self._monotonic() >= until:
            return TryLater("not begun: the time of this run was up")
        orders = [order for _, order in group]
        told = {"site_id": site_id, "task": orders[0].task}
        failure: Exception
        try:
            self._do(site_id, orders, _sent_at(group[0][0]))
            return None
        except TryLater as error:
            logger().warning("a task of the CRM waits", extra={**told, "why": error.message})
            failure = error
        except Exception as error:
            logger().exception("a task of the CRM goes back to the queue", extra=told)
            failure = error
        count({"BackToQueue": len(orders)}, Door=DOOR)
        return failure

    def _do(self, site_id: str, orders: Sequence[Order], now: datetime) -> None:
        try:
            site = self._sites.get(site_id, now)
        except NotFound:
            site = {}
        if orders[0].task == "read":
            if site:
                self._reads.read(site, orders[0].provider, orders, now)
        elif (refused := self._sends.send(site, orders[0])) is not None:
            self._writing.reject("crm-requests", site_id, [refused], orders[0].cause, now)

    def _put_off(self, message: Message) -> None:
        tries = int(message.get("attributes", {}).get("ApproximateReceiveCount", "1"))
        try:
            self._postpone(str(message["receiptHandle"]), min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT))
        except Exception:
            logger().exception("a task could not be put off; it comes back when the queue's own time is over")


def _sent_at(message: Message) -> datetime:
    return from_millis(int(message["attributes"]["SentTimestamp"]))


@cache
def tasks() -> Tasks:
    """Made on first use."""
    secrets, writing, made = wiring.secrets(), wiring.writing(), tools()

    def postpone(receipt: str, seconds: int) -> None:
        client("sqs").change_message_visibility(
            QueueUrl=env("CRM_TASK_QUEUE_URL"), ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    def note(text: object, door: str, site_id: str, error: Exception) -> None:
        wiring.failures().note(text, door, site_id, error, made.clock())

    reads = Reads(writing, made, lambda now: secrets.key("identity", now))
    sends = Sends(wiring.raw_body, made, wiring.vault, SentStore(lambda: client("dynamodb"), env("CRM_TABLE"), made.clock))
    return Tasks(wiring.sites(), writing, reads, sends, postpone, note=note)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """SQS event → partial batch response."""
    failed = tasks().work(event.get("Records", []))
    return {"batchItemFailures": [{"itemIdentifier": message.get("messageId", "")} for message in failed]}
