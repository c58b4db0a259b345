"""`skvoz crm` on the local stack: dead letters with their reasons, backfills that go on, how far each CRM is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from functions.crm_webhook import adapters
from functions.crm_webhook.api.crm import Page, Span
from functions.crm_webhook.api.http import CrmBusy
from functions.crm_webhook.deals import DealState, state_record
from functions.crm_webhook.failures import Failures, place_of, reason_of
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.tasks.orders import read_orders
from infra.cli.crm import backfilling, redriving
from infra.cli.main import app
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client
from shared.errors import TryLater
from shared.security import token_sha256
from shared.settings import parse_settings

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
TOKEN = "path-token-of-the-commands"
CRM = {
    "token_sha256": [token_sha256(TOKEN)],
    "mapped": {"shop": {"map": {"deal_id": "id", "stage": "stage"}}},
    "pipedrive": {"api": {"url": "https://kvartal.pipedrive.com"}},
}


def site_of(site_id: str) -> Any:
    return parse_settings({"site_id": site_id, "name": "Shop", "hosts": ["shop.example"], "crm": CRM})


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    monkeypatch.setattr(redriving, "POLL_SECONDS", 0)
    with LocalStack(tmp_path, SimulatedClock(NOW)) as stack:
        for site_id in ("one", "two"):
            stack.publish(site_of(site_id))
        yield stack


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["crm", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(stack: LocalStack, *arguments: str) -> str:
    """What a command that succeeds says a second later, in one line: moto shows what was let go of once its clock has moved."""
    stack.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def post(stack: LocalStack, site_id: str, deal_id: str) -> None:
    body = json.dumps({"id": deal_id, "stage": "won"})
    assert stack.call("POST", f"/v1/crm/shop/{site_id}/{TOKEN}", {"content-type": "application/json"}, body).status == 202


def fail_for_good(stack: LocalStack) -> None:
    """Without the key of the hashes every message fails, five times."""
    client("ssm").delete_parameter(Name="/skvoz/local/identity")
    for _ in range(6):
        stack.pump()
        stack.clock.advance(timedelta(minutes=7))  # type: ignore[attr-defined]


def deals(stack: LocalStack) -> list[str]:
    lines = [line for body in stack.objects("LakeBucket", "raw/crm_event/").values() for line in body.splitlines()]
    return sorted(json.loads(line)["deal_id"] for line in lines)


def test_dead_letters_show_why_they_failed_and_go_back_to_work(stack: LocalStack) -> None:
    post(stack, "one", "7")
    post(stack, "two", "8")
    fail_for_good(stack)
    seen = told(stack, "redrive", "--dry-run")
    assert "LookupError: secret identity is not set" in seen
    assert "shared/secrets.py" in seen
    assert "quarantine/crm-shop/2026/11/10/09/" in seen
    assert "events: 0 moved back, 2 stay" in seen
    assert "2 DEAD LETTERS" in told(stack, "status")
    stack.put_secret("identity", "ab" * 32)
    assert "events: 1 moved back, 1 stay" in told(stack, "redrive", "--site", "one")
    stack.pump()
    assert deals(stack) == ["7"]
    assert "events: 1 moved back tasks: 0 moved back" in told(stack, "redrive")
    stack.pump()
    assert deals(stack) == ["7", "8"]
    assert "no dead letters" in told(stack, "redrive")
    assert "DEAD" not in told(stack, "status")


def test_a_task_that_cannot_be_done_is_noted_with_its_reason(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shut(Reader):
        def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
            raise CrmBusy("the CRM answered 503", 5)

    use(monkeypatch, Shut(1))
    (text,) = read_orders("one", "pipedrive", [Pointer("deal", "7")], "webhook-1", NOW)
    put = {"QueueUrl": stack.aws.queue_url("CrmTaskQueue"), "MessageBody": text}
    client("sqs").send_message(**put)
    stack.pump()
    stack.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    stack.pump()
    noted = Failures(lambda: client("dynamodb"), lambda: stack.environment["CRM_TABLE"]).of(text)
    assert noted is not None
    assert (noted.reason, noted.tries) == ("CrmBusy: the CRM answered 503", 2)
    client("sqs").send_message(**{**put, "QueueUrl": stack.aws.queue_url("CrmTaskDeadLetters")})
    assert "tasks: site one, read pipedrive: deal 7, received 2026-11-10T09:00:00; failed 2 times" in told(
        stack, "redrive", "--dry-run"
    )


def test_a_redrive_looks_at_no_more_than_it_is_told_to(stack: LocalStack) -> None:
    for number in range(12):
        post(stack, "one", str(number))
    fail_for_good(stack)
    assert "events: 11 moved back" in told(stack, "redrive", "--most", "11")
    assert "events: 1 moved back" in told(stack, "redrive")


def test_a_message_that_is_not_ours_is_no_dead_letter_of_a_site(stack: LocalStack) -> None:
    client("sqs").send_message(QueueUrl=stack.aws.queue_url("CrmDeadLetters"), MessageBody="{}")
    client("sqs").send_message(QueueUrl=stack.aws.queue_url("CrmTaskDeadLetters"), MessageBody="\U0001f600")
    assert "events: 0 moved back, 1 stay" in told(stack, "redrive", "--site", "one")
    seen = told(stack, "redrive", "--dry-run")
    assert "not a message of ours" in seen
    assert "not noted" in seen


def test_reasons_quote_our_own_words_alone() -> None:
    phone = "+79000000017"
    assert reason_of(TryLater("the CRM answered 503")) == "TryLater: the CRM answered 503"
    assert reason_of(LookupError("secret x is not set")) == "LookupError: secret x is not set"
    for error in (KeyError(phone), ValueError(phone)):
        assert phone not in reason_of(error)
    assert place_of(ValueError("never raised")) == ""


class Reader:
    """A CRM of `days` pages with a deal each, which is busy where `busy` says so."""

    def __init__(self, pages: int, busy: Sequence[int] = ()) -> None:
        self.pages, self.busy, self.asked = pages, list(busy), 0

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        self.asked += 1
        if self.asked in self.busy:
            raise CrmBusy("the CRM answered 503", 5)
        number = int(cursor or 0)
        state = DealState(deal_id=f"d{number}", told_at=span.first, via="api", values={"stage": "won"})
        outcome = Outcome([state_record(state, "pipedrive", arrival)])
        return Page(outcome, str(number + 1) if number + 1 < self.pages else "", 1)

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        return Outcome()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why the command waited."""
    why: list[str] = []
    monkeypatch.setattr(backfilling.Telling, "waits", lambda self, reason: why.append(reason))
    return why


def use(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> Reader:
    monkeypatch.setitem(adapters._READERS, "pipedrive", lambda site, tools: reader)  # type: ignore[index]
    return reader


SPAN = ("--site", "one", "--provider", "pipedrive", "--from", "2026-10-01", "--to", "2026-10-31")


def test_a_backfill_reads_the_span_and_says_how_far_it_is(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, waits: list[str]
) -> None:
    use(monkeypatch, Reader(3))
    seen = told(stack, "backfill", *SPAN)
    assert "2 deals, page 2" in seen
    assert "3 deals of 2026-10-01 to 2026-10-31 are read" in seen
    assert "_aws" not in seen
    assert deals(stack) == ["d0", "d1", "d2"]
    assert "nothing new to read" in told(stack, "backfill", *SPAN)
    assert "pipedrive, backfill 2026-10-01 … 2026-10-31" in told(stack, "status", "--site", "one")


def test_a_busy_crm_is_waited_for_and_the_span_goes_on_where_it_was(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, waits: list[str]
) -> None:
    reader = use(monkeypatch, Reader(3, busy=(2, 3)))
    told(stack, "backfill", *SPAN)
    assert waits == ["the CRM answered 503"] * 2
    assert reader.asked == 5
    assert deals(stack) == ["d0", "d1", "d2"]


def test_a_crm_that_stays_shut_ends_the_command_and_the_same_command_goes_on(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, waits: list[str]
) -> None:
    reader = use(monkeypatch, Reader(3, busy=range(2, 99)))
    result = run("backfill", *SPAN)
    assert result.exit_code == 2
    assert "stopped after 1 deals: the CRM answered 503. Mend it; the same command goes on there" in result.stderr
    assert "FAILS since" in told(stack, "status", "--site", "one")
    reader.busy = []
    told(stack, "backfill", *SPAN)
    assert deals(stack) == ["d0", "d1", "d2"]


def test_an_interrupted_backfill_lets_go_and_goes_on(stack: LocalStack, monkeypatch: pytest.MonkeyPatch, waits: list[str]) -> None:
    reader = use(monkeypatch, Reader(3))
    answer = reader.page

    def interrupted(span: Span, cursor: str, arrival: Arrival) -> Page:
        if cursor:
            raise KeyboardInterrupt
        return answer(span, cursor, arrival)

    monkeypatch.setattr(reader, "page", interrupted)
    result = run("backfill", *SPAN)
    assert result.exit_code == 130
    assert "stopped after 1 deals; the same command goes on there" in result.stdout
    monkeypatch.setattr(reader, "page", answer)
    assert "3 deals of" in told(stack, "backfill", *SPAN)
    assert deals(stack) == ["d0", "d1", "d2"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--site", "nobody", *SPAN[2:]), "site nobody has no settings"),
        ((*SPAN[:2], "--provider", "shop", *SPAN[4:]), "only the API of"),
        ((*SPAN[:2], "--provider", "amocrm", *SPAN[4:]), "crm.amocrm.api of the site's settings is not set"),
        ((*SPAN[:4], "--from", "2026-11-01", "--to", "2026-10-31"), "is later than --to"),
        ((*SPAN[:6], "--to", "2026-11-11"), "has not come yet; the site's day is 2026-11-10"),
    ],
)
def test_a_backfill_that_cannot_be_is_refused(stack: LocalStack, arguments: tuple[str, ...], part: str) -> None:
    result = run("backfill", *arguments)
    assert result.exit_code == 2
    assert part in " ".join(result.stderr.split())


def test_status_tells_good_old_failing_and_unread_crms(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(stack, "status", "--site", "one").count("never read") == 1
    reader = use(monkeypatch, Reader(1))
    stack.run_schedule("CrmCheck")
    assert "2026-11-10 09:00:01" in told(stack, "status", "--site", "one")
    assert "good" in told(stack, "status", "--site", "one")
    stack.clock.advance(timedelta(hours=2))  # type: ignore[attr-defined]
    assert "2 h 0 min" in told(stack, "status", "--site", "one")
    assert "OLD" in told(stack, "status", "--site", "one")
    reader.busy = list(range(99))
    stack.run_schedule("CrmCheck")
    seen = told(stack, "status", "--site", "one")
    assert "FAILS since 2026-11-10T11:00:0" in seen
    assert "the CRM answered 503" in seen
    assert "events of CRMs: 0 wait" in seen


def test_commands_name_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRM_TABLE", "CRM_QUEUE_URL", "CRM_TASK_QUEUE_URL", "FILES_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    result = run("status")
    assert result.exit_code == 2
    assert "--stack NAME" in result.stderr
