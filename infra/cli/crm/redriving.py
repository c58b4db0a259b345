"""`skvoz crm redrive`: dead letters of the CRM's queues go back to work, after each one's reason has been shown; with --rejected,
bodies that were rejected do (replaying.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import typer

from functions.crm_webhook import worker
from functions.crm_webhook.failures import Failure, Failures
from functions.crm_webhook.tasks import orders
from infra.cli.crm.place import Site, Stack, installation
from infra.cli.crm.queues import dead_letters_url
from infra.cli.crm.replaying import HOUR, replay
from shared.aws import client, env
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.lake import Rejected

QUEUES = {"CRM_QUEUE_URL": "events", "CRM_TASK_QUEUE_URL": "tasks"}
POLL_SECONDS = 1
HOLD_SECONDS = 600  # nobody else sees a letter while it is looked at
_UNNOTED = "why it failed was not noted; see the function's log"


class Letter(NamedTuple):
    """One dead letter. `site_id` is empty where the text is none of ours."""

    queue: str
    text: str
    receipt: str
    site_id: str
    what: str
    since: str
    failure: Failure | None


def redrive(
    stack: Stack = None,
    site: Site = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the dead letters and leave them where they are")] = False,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="dead letters of each queue, or bodies, that are looked at")] = 1_000,
    rejected: Annotated[str, typer.Option(help="instead of dead letters: bodies that were rejected for this reason")] = "",
    since: Annotated[datetime | None, typer.Option(formats=HOUR, help="with --rejected: UTC hour of the first rejects")] = None,
) -> None:
    """Show why messages of the CRM became dead letters, and put them back into their queues; or read rejected bodies again."""
    if site is not None and not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    if rejected:
        with installation(stack, "LAKE_BUCKET", "CRM_QUEUE_URL"):
            replay(rejected, site, since, most, dry_run=dry_run)
        return
    if since is not None:
        raise BadInput("--since goes with --rejected REASON; dead letters are all looked at")
    moved: Counter[str] = Counter()
    left: Counter[str] = Counter()
    with installation(stack, *QUEUES, "CRM_TABLE"):
        failures = Failures(lambda: client("dynamodb"), lambda: env("CRM_TABLE"))
        for variable, queue in QUEUES.items():
            main, dead = env(variable), dead_letters_url(env(variable))
            if dead is None:
                continue
            letters = list(_letters(queue, dead, failures, most))
            mine = [letter for letter in letters if site in (None, letter.site_id)]
            try:
                _show(queue, mine)
                if not dry_run:
                    _move(mine, main, dead, moved)
            finally:
                left[queue] += len(letters) - moved[queue]
                _let_go(letters, dead)
    for queue in QUEUES.values():
        stays = f", {left[queue]} stay" if left[queue] else ""
        print(f"{queue}: {moved[queue]} moved back{stays}")
    if dry_run and any(left.values()):
        print("nothing was moved; mend what the reasons say, then run it without --dry-run")


def _letters(queue: str, url: str, failures: Failures, most: int) -> Iterator[Letter]:
    """Each letter once, held; receiving ends where a poll brings nothing new."""
    seen: set[str] = set()
    empty = 0
    while len(seen) < most and empty < 3:  # SQS asks a part of its machines at a time: one empty answer says little
        answer = client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(10, most - len(seen)),
            WaitTimeSeconds=POLL_SECONDS,
            VisibilityTimeout=HOLD_SECONDS,
            AttributeNames=["All"],
        )
        fresh = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
        empty = 0 if fresh else empty + 1
        for message in fresh:
            seen.add(message["MessageId"])
            yield _letter(queue, message, failures)


def _letter(queue: str, message: dict[str, Any], failures: Failures) -> Letter:
    text = message["Body"]
    site_id, what, since = "", "not a message of ours", ""
    if queue == "events":
        event = worker.order_of(text)
        if not isinstance(event, Rejected):
            site_id, what, since = event["site_id"], event["key"], event["received_at"].isoformat()
    else:
        task = orders.order_of(text)
        if not isinstance(task, Rejected):
            pointers = ", ".join(f"{one.entity} {one.id}" for one in task.pointers[:5])
            told = f"read {task.provider}: {pointers}" if task.task == "read" else f"send {task.key}"
            site_id, what, since = task.site_id, told, task.received_at.isoformat()
    return Letter(queue, text, message["ReceiptHandle"], site_id, what, since, failures.of(text))


def _show(queue: str, letters: list[Letter]) -> None:
    """A line a letter: tables break reasons where people want to copy them."""
    if not letters:
        print(f"{queue}: no dead letters")
    for letter in letters:
        why = letter.failure
        place = f" ({why.place})" if why and why.place else ""
        reason = f"failed {why.tries} times, last {why.failed_at[:19]}: {why.reason}{place}" if why else _UNNOTED
        print(f"{queue}: site {letter.site_id or 'unknown'}, {letter.what}, received {letter.since[:19] or 'some time'}; {reason}")


def _move(letters: list[Letter], main: str, dead: str, moved: Counter[str]) -> None:
    """Put back first, then taken away: whoever pulls the plug in between makes a repeat, which does no harm."""
    sqs = client("sqs")
    for letter in letters:
        sqs.send_message(QueueUrl=main, MessageBody=letter.text)
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter.receipt)
        moved[letter.queue] += 1


def _let_go(letters: list[Letter], dead: str) -> None:
    """Letters that stay are seen again at once; those that were moved are gone, which says an error that is none."""
    sqs = client("sqs")
    for letter in letters:
        try:
            sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0)
        except sqs.exceptions.ClientError:
            continue
