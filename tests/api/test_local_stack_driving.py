"""Queues, new files, the lake's mirror and schedules: what AWS does between the parts."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.clock import SimulatedClock
from infra.local.expressions import is_due
from infra.local.lake_mirror import LakeMirror
from infra.local.stack import LocalStack
from infra.local.up import run_due, up
from shared.aws import client
from tests.api.local_stack_functions import CALLS

TEMPLATE = Path("tests/data/local_stack.yaml").resolve()
START = datetime(2026, 10, 12, 7, 40, 26, tzinfo=UTC)
HIDDEN = timedelta(seconds=61)  # longer than the queue's visibility timeout


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def stack(tmp_path: Path, clock: SimulatedClock) -> Iterator[LocalStack]:
    CALLS.clear()
    with LocalStack(tmp_path, clock, template=TEMPLATE) as stack:
        yield stack


def send(stack: LocalStack, *bodies: str) -> None:
    for body in bodies:
        assert stack.call("POST", "/v1/send", {"content-type": "text/plain"}, body).status == 202


def worked() -> list[list[str]]:
    """Bodies of each batch that the worker got."""
    return [[record["body"] for record in event["Records"]] for name, event in CALLS if name == "work"]


def waiting(stack: LocalStack, queue: str) -> list[str]:
    answer = client("sqs").receive_message(QueueUrl=stack.aws.queue_url(queue), MaxNumberOfMessages=10)
    return sorted(message["Body"] for message in answer.get("Messages", []))


def test_messages_reach_the_worker_in_batches_and_are_gone(stack: LocalStack) -> None:
    send(stack, *(f"m{number}" for number in range(12)))
    assert stack.pump() == 12
    assert [len(batch) for batch in worked()] == [10, 2]
    stack.clock.advance(HIDDEN)  # type: ignore[attr-defined]
    assert stack.pump() == 0


def test_a_message_carries_what_sqs_gives(stack: LocalStack) -> None:
    send(stack, "hello")
    stack.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    stack.pump()
    (record,) = CALLS[0][1]["Records"]
    assert (record["body"], record["eventSource"]) == ("hello", "aws:sqs")
    assert record["eventSourceARN"].endswith(":skvoz-local-queue")
    assert record["attributes"]["SentTimestamp"] == "1791790826000"
    assert record["attributes"]["ApproximateFirstReceiveTimestamp"] == "1791790831000"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_only_failed_messages_come_back_when_their_time_is_over(stack: LocalStack, clock: SimulatedClock) -> None:
    send(stack, "good", "bad one")
    stack.pump()
    assert stack.pump() == 0  # still hidden
    clock.advance(HIDDEN)
    stack.pump()
    assert worked() == [["good", "bad one"], ["bad one"]]


def test_a_message_that_failed_as_often_as_allowed_goes_to_the_dead_letters(stack: LocalStack, clock: SimulatedClock) -> None:
    send(stack, "bad one")
    for _ in range(3):
        stack.pump()
        clock.advance(HIDDEN)
    assert worked() == [["bad one"], ["bad one"]]
    assert waiting(stack, "DeadLetters") == ["bad one"]


def test_a_worker_that_crashes_gets_the_whole_batch_again(stack: LocalStack, clock: SimulatedClock) -> None:
    send(stack, "good", "crash")
    stack.pump()
    clock.advance(HIDDEN)
    stack.pump()
    assert worked() == [["good", "crash"], ["good", "crash"]]


def test_a_file_in_the_inbox_wakes_its_function_once(stack: LocalStack) -> None:
    stack.put_file("costs/inbox/shop/октябрь +1.csv", b"day;cost\n")
    stack.put_file("costs/processed/shop/old.csv", b"")
    assert stack.pump() == 1
    assert stack.pump() == 0
    record = CALLS[0][1]["Records"][0]
    assert (record["eventName"], record["eventTime"]) == ("ObjectCreated:Put", "2026-10-12T07:40:26.000Z")
    assert record["s3"]["bucket"]["name"] == "own-name-local-files"
    stored = record["s3"]["object"]
    assert stored["key"] == "costs/inbox/shop/%D0%BE%D0%BA%D1%82%D1%8F%D0%B1%D1%80%D1%8C+%2B1.csv"
    assert (stored["size"], stored["eTag"]) == (9, hashlib.md5(b"day;cost\n", usedforsecurity=False).hexdigest())


def test_a_file_that_is_written_again_wakes_it_again_with_a_later_sequencer(stack: LocalStack) -> None:
    stack.put_file("costs/inbox/shop/a.csv", b"1")
    stack.pump()
    stack.put_file("costs/inbox/shop/a.csv", b"1")
    stack.pump()
    first, second = (event["Records"][0]["s3"]["object"]["sequencer"] for name, event in CALLS)
    assert first < second


def test_a_file_that_cannot_be_worked_off_is_tried_three_times_and_reported(stack: LocalStack) -> None:
    stack.put_file("costs/inbox/shop/broken.csv", b"1")
    stack.pump()
    assert len(CALLS) == 3
    (failed,) = (json.loads(body) for body in waiting(stack, "FailedEvents"))
    assert failed["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "costs/inbox/shop/broken.csv"
    assert failed["responsePayload"]["errorMessage"] == "ValueError: cannot read it"


class Stored:
    def __init__(self, value: bytes) -> None:
        self.value = value


def mirrored(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_objects_of_an_hour_become_one_file_of_lines(tmp_path: Path) -> None:
    objects: dict[str, Any] = {
        "raw/hit/2026/10/12/07/a": Stored(b'{"a":1}\n'),
        "raw/hit/2026/10/12/07/b.gz": Stored(gzip.compress(b'{"b":1}')),
        "raw/hit/2026/10/12/08/c": Stored(b'{"c":1}\n{"c":2}\n'),
        "quarantine/crm/x": Stored(b"secret"),
    }
    mirror = LakeMirror(lambda: objects, tmp_path)
    assert mirror.sync() == 3
    assert mirrored(tmp_path) == {
        "raw/hit/2026/10/12/07/part.jsonl": '{"a":1}\n{"b":1}\n',
        "raw/hit/2026/10/12/08/part.jsonl": '{"c":1}\n{"c":2}\n',
    }


def test_later_objects_are_added_once(tmp_path: Path) -> None:
    objects: dict[str, Any] = {"raw/hit/2026/10/12/07/a": Stored(b"1\n")}
    mirror = LakeMirror(lambda: objects, tmp_path)
    mirror.sync()
    objects["raw/hit/2026/10/12/07/b"] = Stored(b"2\n")
    assert (mirror.sync(), mirror.sync()) == (1, 0)
    assert mirrored(tmp_path) == {"raw/hit/2026/10/12/07/part.jsonl": "1\n2\n"}


def test_replaced_and_deleted_objects_are_followed(tmp_path: Path) -> None:
    objects: dict[str, Any] = {"raw/cost/2026/10/12/07/a": Stored(b"1\n"), "raw/cost/2026/10/12/07/b": Stored(b"2\n")}
    mirror = LakeMirror(lambda: objects, tmp_path)
    mirror.sync()
    objects["raw/cost/2026/10/12/07/a"] = Stored(b"3\n")
    mirror.sync()
    assert mirrored(tmp_path) == {"raw/cost/2026/10/12/07/part.jsonl": "3\n2\n"}
    del objects["raw/cost/2026/10/12/07/a"]
    mirror.sync()
    assert mirrored(tmp_path) == {"raw/cost/2026/10/12/07/part.jsonl": "2\n"}
    objects.clear()
    mirror.sync()
    assert mirrored(tmp_path) == {}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "last", "now", "due"),
    [
        ("rate(1 hour)", "UTC", "2026-10-12T07:00:00", "2026-10-12T07:59:59", False),
        ("rate(1 hour)", "UTC", "2026-10-12T07:00:00", "2026-10-12T08:00:00", True),
        ("rate(15 minutes)", "UTC", "2026-10-12T07:00:00", "2026-10-12T07:15:00", True),
        ("cron(0 7 * * ? *)", "Europe/Moscow", "2026-10-12T03:59:30", "2026-10-12T04:00:00", True),
        ("cron(0 7 * * ? *)", "Europe/Moscow", "2026-10-12T04:00:00", "2026-10-13T03:59:59", False),
        ("cron(0 7 * * ? *)", "UTC", "2026-10-12T04:00:00", "2026-10-12T04:01:00", False),
        ("cron(0/15 * ? * MON-FRI *)", "UTC", "2026-10-12T07:44:00", "2026-10-12T07:45:10", True),
        ("cron(0/15 * ? * MON-FRI *)", "UTC", "2026-10-11T07:44:00", "2026-10-11T07:45:10", False),
        ("cron(0 7 1 JAN ? 2027)", "UTC", "2026-12-31T23:00:00", "2027-01-01T07:00:00", True),
        ("at(2026-10-12T10:00:00)", "Europe/Moscow", "2026-10-12T06:59:00", "2026-10-12T07:00:00", True),
        ("cron(0 7 * * ? *)", "UTC", "2026-09-01T00:00:00", "2026-10-12T06:00:00", True),
    ],
)
def test_a_schedule_is_due_when_one_of_its_times_has_passed(expression: str, zone: str, last: str, now: str, due: bool) -> None:
    assert is_due(expression, zone, at(last), at(now)) is due


@pytest.mark.parametrize("expression", ["hourly", "rate(1 week)", "cron(0 7 * * *)", "cron(0 7 L * ? *)"])
def test_an_expression_that_cannot_be_read_is_named(expression: str) -> None:
    with pytest.raises(ValueError, match=r"schedule expression|rate|cron|L"):
        is_due(expression, "UTC", at("2026-10-12T00:00:00"), at("2026-10-12T01:00:00"))


def test_due_schedules_are_fired_once(stack: LocalStack, clock: SimulatedClock) -> None:
    last = {schedule.logical_id: START for schedule in stack.schedules()}
    clock.advance(timedelta(hours=1))
    assert run_due(stack, last) == ["Refresh"]
    assert run_due(stack, last) == []
    clock.set(datetime(2026, 10, 13, 4, 0, 1, tzinfo=UTC))
    assert sorted(run_due(stack, last)) == ["Daily", "Refresh"]
    assert len(stack.sent_mail()) == 1


def test_closing_puts_the_process_back_and_a_new_stack_starts_empty(tmp_path: Path) -> None:
    before = dict(os.environ)
    clock = SimulatedClock(START)
    with LocalStack(tmp_path, clock, template=TEMPLATE) as first:
        first.call("POST", "/v1/hits", {"content-type": "text/plain"}, "x")
        first.mirror.sync()
        address = os.environ["AWS_ENDPOINT_URL"]
    assert dict(os.environ) == before
    with LocalStack(tmp_path, clock, template=TEMPLATE) as second:
        assert os.environ["AWS_ENDPOINT_URL"] != address
        assert second.objects("LakeBucket") == {}
        assert not (tmp_path / "lake/raw").exists()
        assert second.call("POST", "/v1/hits", {"content-type": "text/plain"}, "y").status == 202
        clock.advance(timedelta(hours=1))
        assert len(second.objects("LakeBucket")) == 1


def test_up_serves_until_it_is_stopped(tmp_path: Path) -> None:
    stop, seen = threading.Event(), []

    def ready(stack: LocalStack) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(stack.url.rpartition(":")[2]), timeout=10)
        connection.request("GET", "/nowhere")
        seen.append(connection.getresponse().read())
        stop.set()

    up(0, tmp_path, on_ready=ready, stop=stop)
    assert seen == [b'{"message":"Not Found"}']


def test_a_second_stack_in_the_process_is_refused(stack: LocalStack, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="another local stack runs in this process"):
        LocalStack(tmp_path / "second", template=TEMPLATE).start()
    send(stack, "still working")
    assert stack.pump() == 1
