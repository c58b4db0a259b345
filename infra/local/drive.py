"""What AWS does between the parts: queues and new objects wake functions, schedules start them, the refresh is walked."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from infra.local.aws import LocalAws, stored_objects
from infra.local.clock import Clock
from infra.local.events import instant_text, s3_event, schedule_input, sqs_event
from infra.local.functions import Functions
from infra.template.model import BucketSource, QueueSource, Schedule, Template
from shared.aws import client

S3_TRIES = 3  # Lambda tries an asynchronous event three times
MOST_ROUNDS = 10_000  # of pumping or of one refresh: a loop that does not end is a bug and says so
LONGEST_WAIT = 0.05  # seconds, before a statement is asked after once more: its engine is on this machine


class Driver:
    """Drives the template's event sources over `functions`. Not thread-safe: one thread pumps."""

    def __init__(self, template: Template, aws: LocalAws, functions: Functions, clock: Clock, new_id: Callable[[], str]) -> None:
        self._template, self._aws, self._functions, self._clock, self._new_id = template, aws, functions, clock, new_id
        self._queues, self._buckets = template.queue_sources(), template.bucket_sources()
        self._partial = {(q.queue, q.function) for q in self._queues if _reports_failures(template, q)}
        self._told: dict[tuple[str, str], dict[str, Any]] = {}
        self._sequence = itertools.count(1)

    def pump(self) -> int:
        """Deliver all that waits, and all that this brings forth; how many messages and objects were handed over.

        What a function refuses comes back when its visibility timeout is over on the clock, and in the end goes to the
        dead-letter queue.
        """
        total = 0
        for _ in range(MOST_ROUNDS):
            handled = sum(self._pump_bucket(source) for source in self._buckets)
            handled += sum(self._pump_queue(source) for source in self._queues)
            if not handled:
                return total
            total += handled
        raise RuntimeError("the queues do not run empty: a function puts back what it takes out")

    def _pump_queue(self, source: QueueSource) -> int:
        url = self._aws.queue_url(source.queue)
        messages = client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(source.batch_size, 10),
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        batch: Sequence[Mapping[str, Any]] = messages.get("Messages", [])
        if not batch:
            return 0
        failed = self._failed(source, sqs_event(self._aws.name(source.queue), batch))
        done = [message for message in batch if failed is not None and message["MessageId"] not in failed]
        if done:
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(done)]
            client("sqs").delete_message_batch(QueueUrl=url, Entries=entries)
        return len(batch)

    def _failed(self, source: QueueSource, event: dict[str, Any]) -> set[str] | None:
        """Ids of the messages that failed; None = all of them, as when the answer names an unknown one."""
        try:
            result = self._functions.invoke_json(source.function, event)
        except Exception:
            return None
        if (source.queue, source.function) not in self._partial or not result:
            return set()
        named = {failure.get("itemIdentifier") for failure in result.get("batchItemFailures") or ()}
        return named if named <= {record["messageId"] for record in event["Records"]} else None

    def _pump_bucket(self, source: BucketSource) -> int:
        bucket = self._aws.name(source.bucket)
        present = {
            key: stored
            for key, stored in stored_objects(bucket).items()
            if key.startswith(source.prefix) and key.endswith(source.suffix)
        }
        told = self._told.get((source.function, bucket), {})
        # The same key with another object behind it was written anew, and is told again.
        fresh = [key for key, stored in present.items() if told.get(key) is not stored]
        self._told[source.function, bucket] = present
        for key in fresh:
            stored = present[key]
            event = s3_event(bucket, key, stored.size, stored.etag, next(self._sequence), self._clock.now())
            self._tell(source.function, event)
        return len(fresh)

    def _tell(self, function: str, event: dict[str, Any]) -> None:
        """An asynchronous call: tried again, then handed to the function's destination for failures."""
        reason = ""
        for _ in range(S3_TRIES):
            try:
                self._functions.invoke_json(function, event)
                return
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
        destination = self._failure_queue(function)
        if destination:
            body = {
                "requestContext": {"condition": "RetriesExhausted"},
                "requestPayload": event,
                "responsePayload": {"errorMessage": reason},
            }
            client("sqs").send_message(QueueUrl=self._aws.queue_url(destination), MessageBody=json.dumps(body))

    def _failure_queue(self, function: str) -> str | None:
        properties = self._template.resources[function].get("Properties", {})
        target = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return next(iter(_named(target)), None) if target else None

    def run_schedule(self, schedule: Schedule, told: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Fire a schedule now, with `told` added to its input: the function's result, or the last state of the refresh."""
        given = {**schedule_input(schedule.input, schedule.logical_id, self._new_id(), self._clock.now()), **told}
        if schedule.target_kind == "function":
            return self._functions.invoke_json(schedule.target, given)
        return self.walk(self.task_of(schedule.target), given)

    def walk(self, function: str, state: Any) -> Any:
        """The refresh's loop, as the state machine runs it: call, wait as told, call again with the answer, until it says so.

        Each call is told the clock's time, which may be simulated; in AWS the function reads its own clock.
        """
        before = ""
        for _ in range(MOST_ROUNDS):
            state = self._functions.invoke_json(function, {**state, "time": instant_text(self._clock.now())})
            if state["status"] not in ("running", "next"):
                return state
            asked, before = before, str(state.get("query_id")) if state["status"] == "running" else ""
            if before and before == asked:  # DuckDB's are done when they are started
                time.sleep(min(float(state.get("wait_seconds") or 0), LONGEST_WAIT))
        raise RuntimeError(f"{function} did not finish in {MOST_ROUNDS} calls; its last state was {state}")

    def task_of(self, state_machine: str) -> str:
        """The one function that a state machine calls. LookupError when there are none or several: no loop around one function."""
        definition = next(m.definition for m in self._template.state_machines() if m.logical_id == state_machine)
        called = _named(definition) & self._template.functions().keys()
        if len(called) != 1:
            raise LookupError(
                f"{state_machine} calls {sorted(called) or 'no function'}; the local stack walks a loop around one function"
            )
        return called.pop()


def _named(value: Any) -> set[str]:
    """Logical ids that a raw definition refers to."""
    if isinstance(value, list):
        return set().union(*map(_named, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    if "Ref" in value:
        return {value["Ref"]}
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        return {name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
    return set().union(*map(_named, value.values())) if value else set()


def _reports_failures(template: Template, source: QueueSource) -> bool:
    events = template.functions()[source.function].events.values()
    return any("ReportBatchItemFailures" in event.get("Properties", {}).get("FunctionResponseTypes", ()) for event in events)
