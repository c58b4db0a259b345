"""Queue of tasks → the CRMs' APIs: reads what webhooks point at, hands new requests over and writes notes to deals.

A task that fails goes back and is tried again later and later, for two days and more (each waits up to an hour); then it is a dead
letter. A CRM that is down holds up its own site's tasks alone: once one of them fails, the others of that site are not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from time import monotonic
from typing import Any

from functions.crm_webhook import wiring
from functions.crm_webhook.api.http import NotYet
from functions.crm_webhook.api.line import time_left
from functions.crm_webhook.api.tools import tools
from functions.crm_webhook.requests.sent import SentStore
from functions.crm_webhook.tasks.orders import Order, order_of
from functions.crm_webhook.tasks.reads import Reads
from functions.crm_webhook.tasks.send import Sends
from functions.crm_webhook.writing import Writing
from shared.aws import client, env
from shared.call_uploads import MOST_CALLS
from shared.errors import TryLater
from shared.ids import derived_id
from shared.lake import Rejected
from shared.log import count, logger
from shared.sites import Sites

SECONDS = 200.0  # the function has 300 (template.yaml); one read may take minutes at two calls a second
LAST_CALL = 250.0  # no call of a CRM is made later
MOST_OF_GROUP = 100  # pointers that are read together
FIRST_WAIT, LONGEST_WAIT = 30, 3600  # seconds
DOOR = "crm-tasks"

Message = Mapping[str, Any]
Group = list[tuple[Message, Order]]
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
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = monotonic,
        note: Note = lambda text, door, site_id, error: None,
    ) -> None:
        self._sites, self._writing, self._reads, self._sends = sites, writing, reads, sends
        self._postpone, self._clock, self._monotonic, self._note = postpone, clock, monotonic, note

    def work(self, messages: Sequence[Message]) -> list[Message]:
        """Messages that must come back, put off as long as they were tried."""
        begun = self._monotonic()
        failed: list[Message] = []
        failing: dict[tuple[str, str], Exception] = {}
        with time_left(LAST_CALL):
            for group in self._groups(messages):
                order = group[0][1]
                goal = (order.site_id, self._goal(order))
                if self._monotonic() - begun >= SECONDS:
                    failed += [message for message, _ in group]  # not begun: that says nothing about them
                    continue
                for part, error in [(group, failing[goal])] if goal in failing else self._tried(group):
                    if _is_down(error):
                        failing[goal] = error
                    failed += [message for message, _ in part]
                    for message, _ in part:
                        self._note(message.get("body"), DOOR, order.site_id, error)
        for message in failed:
            self._put_off(message)
        return failed

    def _groups(self, messages: Sequence[Message]) -> list[Group]:
        """Reads of one CRM together, as many as one run may read, and a site's calls for UIS; then requests and notes one by one,
        in the order they came. What is no task is rejected."""
        together: dict[tuple[str, str, str], list[Group]] = {}
        sends: list[Group] = []
        for message in messages:
            order = order_of(message.get("body"))
            if isinstance(order, Rejected):
                self._writing.reject(DOOR, "", [order], str(message["messageId"]), self._clock())
            elif order.task in ("send", "note"):
                sends.append([(message, order)])
            else:
                own = together.setdefault((order.site_id, order.task, order.provider), [[]])
                most = MOST_CALLS if order.task == "upload" else MOST_OF_GROUP
                if sum(_weight(one) for _, one in own[-1]) + _weight(order) > most and own[-1]:
                    own.append([])
                own[-1].append((message, order))
        sends.sort(key=lambda group: (group[0][1].site_id, group[0][1].received_at))
        return [group for own in together.values() for group in own] + sends

    def _goal(self, order: Order) -> str:
        """Whom the task speaks to: one CRM that is down holds up nothing that goes elsewhere."""
        if order.task != "send":
            return order.provider
        site = self._sites.find(order.site_id, self._clock())
        return str(((site.get("crm") or {}).get("new_requests") or {}).get("to", ""))

    def _tried(self, group: Group) -> Iterator[tuple[Group, Exception]]:
        """Parts that must come back, and why. One order that nobody expected to fail must not take its neighbours along."""
        error = self._failure(group)
        if error is None:
            return
        if len(group) == 1 or _is_down(error):
            yield group, error
            return
        for one in group:
            if (own := self._failure([one])) is not None:
                yield [one], own

    def _failure(self, group: Group) -> Exception | None:
        """None once it is done, else why it must come back."""
        orders = [order for _, order in group]
        told = {"site_id": orders[0].site_id, "task": orders[0].task}
        failure: Exception
        try:
            self._do(orders)
            return None
        except TryLater as error:
            logger().warning("a task of the CRM waits", extra={**told, "why": error.message})
            failure = error
        except Exception as error:
            logger().exception("a task of the CRM goes back to the queue", extra=told)
            failure = error
        count({"BackToQueue": len(orders)}, Door=DOOR)
        return failure

    def _do(self, orders: Sequence[Order]) -> None:
        site_id, now = orders[0].site_id, self._clock()
        site = self._sites.find(site_id, now)
        if orders[0].task == "read":
            if site:
                self._reads.read(site, orders[0].provider, orders, now)
            else:
                count({"PassedOver": len(orders)}, Door=DOOR, Reason="not_set_up")
        elif orders[0].task == "note":
            self._sends.note(site, orders[0])
        elif orders[0].task == "upload":
            self._sends.upload(site, orders)
        elif (refused := self._sends.send(site, orders[0])) is not None:
            batch_id = derived_id(orders[0].received_at, site_id, orders[0].key, orders[0].cause)
            self._writing.reject("crm-requests", site_id, [refused], batch_id, now)

    def _put_off(self, message: Message) -> None:
        tries = int(message.get("attributes", {}).get("ApproximateReceiveCount", "1"))
        try:
            self._postpone(str(message["receiptHandle"]), min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT))
        except Exception:
            logger().exception("a task could not be put off; it comes back when the queue's own time is over")


def _weight(order: Order) -> int:
    return len(order.pointers) or 1


def _is_down(error: Exception) -> bool:
    """The CRM is: what nobody expected, or one thing that must wait, says nothing about the tasks beside it."""
    return isinstance(error, TryLater) and not isinstance(error, NotYet)


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

    reads = Reads(writing, made, lambda now: secrets.key("identity", now), wiring.put_task)
    sends = Sends(wiring.raw_body, made, wiring.vault, SentStore(lambda: client("dynamodb"), env("CRM_TABLE"), made.clock))
    return Tasks(wiring.sites(), writing, reads, sends, postpone, made.clock, note=note)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """SQS event → partial batch response."""
    failed = tasks().work(event.get("Records", []))
    return {"batchItemFailures": [{"itemIdentifier": message.get("messageId", "")} for message in failed]}
