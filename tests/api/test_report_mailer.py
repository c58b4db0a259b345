"""The scheduled mailer: who gets a mail, never twice, and what happens when something fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.report import handler
from functions.report.delivery.sending import send_name
from functions.report.delivery.tick import NotAllSent
from functions.report.marts.questions import period_of
from functions.report.store import Ledger
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.engines import register
from shared.errors import WarehouseError
from shared.sites import current_key
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, add_site, installation, keys, run
from tests.report_cases import NOW, settings_of

SEND = send_name("day", period_of(settings_of(), NOW), OWNER)


class Refusing(DuckDbWarehouse):
    """A warehouse whose queries all fail."""

    def rows(self, sql: str, most_characters: int = 0) -> Any:
        raise WarehouseError("the query passed the byte cutoff")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def test_the_owner_gets_the_report_with_a_link_that_opens_its_page(aws: Clients) -> None:
    assert run() == 1
    ((recipient, raw),) = aws.ses.sent
    message = message_from_bytes(raw, policy=default)
    text, html = (part.get_content() for part in list(message.walk()) if part.get_content_maintype() == "text")
    assert recipient == message["To"] == OWNER
    assert "Яндекс Директ" in html
    link = re.search(r"https://stats\.example/v1/reports/([\w-]{43})", text)
    assert link
    assert link[0] in html
    event = {
        "routeKey": "GET /v1/reports/{token}",
        "pathParameters": {"token": link[1]},
        "requestContext": {"http": {}, "timeEpoch": 0},
    }
    page = handler.lambda_handler(event, None)
    assert page["statusCode"] == 200
    assert "kuhni" in page["body"]


def test_the_page_keeps_its_figures_beside_it(aws: Clients) -> None:
    run()
    (key,) = [key for key in keys(aws, "reports/kvartal/") if key.endswith(".json")]
    assert orjson.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["totals"]["visits"] == 1


def test_the_mail_goes_through_the_configuration_set(aws: Clients) -> None:
    run()
    assert aws.ses.calls[0]["ConfigurationSetName"] == "reports"


def test_a_period_is_mailed_once_however_often_the_schedule_fires(aws: Clients) -> None:
    assert [run(), run(), run(minutes=60)] == [1, 0, 0]
    assert len(aws.ses.sent) == 1


def test_the_next_day_is_another_period(aws: Clients) -> None:
    assert [run(), run(minutes=24 * 60)] == [1, 1]


def test_a_run_that_died_while_sending_is_taken_over_after_15_minutes(aws: Clients) -> None:
    assert Ledger(aws.dynamodb, TABLE).claim("kvartal", SEND, NOW) == "claimed"
    with pytest.raises(NotAllSent, match="retried after 15 minutes"):
        run(minutes=14)
    assert aws.ses.sent == []
    assert run(minutes=16) == 1


def test_a_refused_mail_is_told_and_sent_by_the_next_run(aws: Clients) -> None:
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllSent):
        run()
    aws.ses.refuse = set()
    assert run() == 1


def test_a_mail_of_unknown_fate_is_not_repeated_at_once(aws: Clients) -> None:
    aws.ses.time_out = {OWNER}
    with pytest.raises(NotAllSent):
        run()
    with pytest.raises(NotAllSent):
        run(minutes=5)
    assert len(aws.ses.sent) == 1


def test_one_refused_recipient_does_not_keep_the_others_from_theirs(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER)
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllSent, match="1 of 2"):
        run()
    assert [recipient for recipient, _ in aws.ses.sent] == [PARTNER]


def test_one_sites_trouble_does_not_stop_the_others(aws: Clients, tmp_path: Path) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key=current_key("another"), Body=b"{broken")
    with pytest.raises(NotAllSent, match="another: "):
        run()
    assert len(aws.ses.sent) == 1


def test_no_log_line_and_no_error_names_a_recipient(
    aws: Clients, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllSent) as caught:
        run()
    out = capsys.readouterr()
    logged = repr([record.__dict__ for record in caplog.records])
    assert "not verified" in logged
    assert OWNER not in out.out + out.err + str(caught.value) + logged
    assert OWNER not in repr(aws.dynamodb.scan(TableName=TABLE)["Items"])


def test_a_site_without_a_complete_refresh_is_skipped_and_counted(
    aws: Clients, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    add_site(aws, "fresh", refreshed=False)
    assert run() == 1
    assert '"Reason":"no_refresh"' in capsys.readouterr().out
    assert "no complete refresh" in caplog.text


def test_an_installation_without_a_sender_mails_nothing_and_says_so(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAIL_FROM", "")
    assert run() == 0
    assert '"Reason":"no_sender"' in capsys.readouterr().out
    assert aws.ses.calls == []


def test_a_failing_query_fails_the_run_in_words(aws: Clients, tmp_path: Path) -> None:
    register("report-tests", lambda: Refusing(tmp_path))
    with pytest.raises(NotAllSent, match="byte cutoff"):
        run()
    assert aws.ses.sent == []


def test_a_site_with_no_recipients_costs_no_query(aws: Clients, tmp_path: Path) -> None:
    settings = settings_of(report={"recipients": []})
    aws.s3.put_object(Bucket=BUCKET, Key=current_key("kvartal"), Body=orjson.dumps(settings))
    register("report-tests", lambda: Refusing(tmp_path))
    assert run() == 0


def test_of_two_runs_at_the_same_moment_one_sends(aws: Clients) -> None:
    ledger = Ledger(aws.dynamodb, TABLE)
    assert [ledger.claim("kvartal", SEND, NOW), ledger.claim("kvartal", SEND, NOW)] == ["claimed", "busy"]
    ledger.mark_sent("kvartal", SEND, "id", NOW)
    assert ledger.claim("kvartal", SEND, NOW + timedelta(days=1)) == "sent"


def test_no_report_is_made_from_marts_that_a_refresh_is_rewriting(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    begun = {"pk": {"S": "refresh#kvartal"}, "sk": {"S": "begun"}}
    aws.dynamodb.put_item(TableName=TABLE, Item={**begun, "refresh_id": {"S": "another run"}})
    assert run() == 0
    assert '"Reason":"refreshing"' in capsys.readouterr().out
    aws.dynamodb.delete_item(TableName=TABLE, Key=begun)
    assert run() == 1
