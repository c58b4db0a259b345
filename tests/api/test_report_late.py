"""Reports that are late or in doubt: a refresh in the way, data that end too early, a run without time, a mail of unknown fate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.report import mailer
from functions.report.delivery import making, tick
from functions.report.delivery.chosen import NotAllSent
from functions.report.delivery.sending import former_name
from functions.report.delivery.suppressed import Suppressed
from functions.report.delivery.whole import missing_days
from functions.report.marts.questions import period_of
from functions.report.store import Ledger, Refresh
from shared.errors import BadInput, SettingsError
from shared.sites import current_key
from shared.times import lake_text
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, add_site, installation, run
from tests.report_cases import NOW, settings_of
from tests.report_scopes import OURS

HOUR, DAY = 60, 24 * 60  # minutes


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def begin(aws: Clients, refresh: str) -> None:
    item = {"pk": "refresh#kvartal", "sk": "begun", "refresh_id": refresh}
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def complete(aws: Clients, refresh: str, data_to: datetime, completed_at: datetime | None = None) -> None:
    item = {"pk": "refresh#kvartal", "sk": "last", "refresh_id": refresh, "data_to": lake_text(data_to)}
    item |= {"completed_at": lake_text(completed_at or data_to)}
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def text_of(raw: bytes, kind: str = "plain") -> str:
    body = message_from_bytes(raw, policy=default).get_body((kind,))
    assert body is not None
    return " ".join(str(body.get_content()).split())  # the text part breaks its lines


# A refresh in the way


def test_a_refresh_that_is_in_the_way_for_an_hour_is_told(aws: Clients) -> None:
    begin(aws, "r2")
    assert [run(), run(minutes=15), run(minutes=45)] == [0, 0, 0]
    with pytest.raises(NotAllSent, match="a refresh is under way"):
        run(minutes=HOUR)
    begin(aws, "r1")
    assert run(minutes=75) == 1


def test_a_report_that_is_given_up_is_told(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    add_site(aws, "fresh", refreshed=False)
    assert run() == 1
    capsys.readouterr()
    last = int((datetime(2026, 10, 13, 21, tzinfo=UTC) - NOW).total_seconds() // 60)  # Moscow's midnight: the next day's is due
    assert run(minutes=last - 20) == 0
    with pytest.raises(NotAllSent, match="fresh: 1 reports are given up"):
        run(minutes=last - 10)
    assert '"ReportsGivenUp":1' in capsys.readouterr().out


def test_figures_read_while_a_refresh_began_are_thrown_away(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = making.ask

    def asked(*told: Any) -> Any:
        begin(aws, "r2")
        return ask(*told)

    monkeypatch.setattr(making, "ask", asked)
    assert run() == 0
    begin(aws, "r1")
    with pytest.raises(BadInput, match="under way"):
        mailer.lambda_handler({"time": NOW.isoformat(), "site_id": "kvartal", "preview": "me@other.example"}, None)
    assert aws.ses.sent == []
    monkeypatch.setattr(making, "ask", ask)
    begin(aws, "r1")
    assert run(minutes=15) == 1


# Data that end too early


def test_a_report_waits_for_its_last_days_data(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    complete(aws, "r1", NOW - timedelta(days=1))
    assert run() == 0
    assert '"Reason":"no_last_day"' in capsys.readouterr().out
    assert run(minutes=15) == 1
    assert "Данные заканчиваются раньше" not in text_of(aws.ses.sent[0][1])


def test_after_its_grace_a_report_goes_out_and_says_how_many_days_it_lacks(aws: Clients) -> None:
    complete(aws, "r1", NOW - timedelta(days=5))
    assert run(minutes=11 * HOUR, is_refreshed=False) == 0
    with pytest.raises(NotAllSent, match="without 5 of its days"):
        run(minutes=12 * HOUR, is_refreshed=False)
    ((_, raw),) = aws.ses.sent
    for kind in ("plain", "html"):
        assert "5 последних дней неполные или пустые" in text_of(raw, kind)
    assert run(minutes=13 * HOUR, is_refreshed=False) == 0


def test_a_late_readers_report_goes_out_within_its_last_hour(aws: Clients) -> None:
    add_site(aws, "kvartal", {"address": OWNER, "hour": 20})
    complete(aws, "r1", NOW - timedelta(days=2))
    assert run(minutes=(14 + 10) * HOUR, is_refreshed=False) == 0
    with pytest.raises(NotAllSent, match="of its days"):
        run(minutes=(14 + 11) * HOUR, is_refreshed=False)
    assert len(aws.ses.sent) == 1


def test_who_reports_the_running_day_does_not_wait_for_its_end(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, until="today")
    assert run() == 1


@pytest.mark.parametrize(("days", "lacks"), [(0, 0), (1, 1), (5, 5), (400, 30)])
def test_days_that_are_not_whole_are_counted_within_the_period(days: int, lacks: int) -> None:
    at = NOW - timedelta(days=days)
    settings = settings_of()
    assert missing_days(settings, period_of(settings, NOW), Refresh("r", at, at)) == lacks


# Time


def test_one_run_a_site_is_started_where_there_is_something_to_send(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []

    class Functions:
        def invoke(self, **told: Any) -> None:
            started.append(told)

    monkeypatch.setattr(mailer, "client", lambda name: Functions() if name == "lambda" else aws(name))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reports")
    add_site(aws, "late", {"address": OWNER, "hour": 9})
    add_site(aws, "other", PARTNER)
    aws.s3.put_object(Bucket=BUCKET, Key=current_key("broken"), Body=b"{broken")
    with pytest.raises(NotAllSent, match="broken: "):
        mailer.lambda_handler({"time": NOW.isoformat()}, None)
    assert {(one["FunctionName"], one["InvocationType"]) for one in started} == {("reports", "Event")}
    events = [orjson.loads(one["Payload"]) for one in started]
    assert [event["site_id"] for event in events] == ["kvartal", "other"]
    assert [mailer.lambda_handler(event, None) for event in events] == [{"sent": 1}, {"sent": 1}]


def test_a_run_without_time_begins_nothing_and_the_next_goes_on(aws: Clients) -> None:
    class Context:
        left = 59_000

        def get_remaining_time_in_millis(self) -> int:
            return self.left

    with pytest.raises(NotAllSent, match="no time left"):
        mailer.lambda_handler({"time": NOW.isoformat()}, Context())
    assert run() == 1


# Never twice


def test_a_mail_of_unknown_fate_is_tried_twice_and_then_told(aws: Clients) -> None:
    aws.ses.time_out = {OWNER}
    for minutes in (0, 30, 60, 90):
        with pytest.raises(NotAllSent) as told:
            run(minutes=minutes)
        if minutes == 60:
            assert "nobody knows whether it arrived" in str(told.value)
            break
    assert run(minutes=90) == 0
    assert len(aws.ses.sent) == 2


def test_a_refusal_in_between_does_not_give_the_unknown_tries_back(aws: Clients) -> None:
    ledger, at = Ledger(aws.dynamodb, TABLE), [NOW + timedelta(minutes=20 * n) for n in range(5)]
    assert ledger.claim("kvartal", "s", at[0]) == "claimed"  # its fate stays unknown
    assert ledger.claim("kvartal", "s", at[1]) == "claimed"
    ledger.release("kvartal", "s", at[1])  # refused for certain
    assert ledger.claim("kvartal", "s", at[1]) == "claimed"  # at once
    assert [ledger.claim("kvartal", "s", at[1]), ledger.claim("kvartal", "s", at[3])] == ["busy", "lost"]
    assert ledger.is_sent("kvartal", "s")


def test_other_settings_of_the_day_send_no_second_report(aws: Clients) -> None:
    assert run() == 1
    add_site(aws, "kvartal", OWNER, days=7)
    assert run(minutes=HOUR) == 0


def test_a_report_that_a_version_of_before_sent_is_not_sent_again(aws: Clients) -> None:
    ledger, name = Ledger(aws.dynamodb, TABLE), former_name("day", period_of(settings_of(), NOW), OWNER)
    assert name.startswith("2026-09-13_2026-10-12#")
    ledger.claim("kvartal", name, NOW)
    ledger.mark_sent("kvartal", name, "id", NOW)
    assert run() == 0
    assert run(again="corrected") == 1


def test_again_sends_what_went_out_before_and_nothing_that_is_still_to_come(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, {"address": PARTNER, "hour": 12})
    assert [run(), run(again="corrected"), run(minutes=6 * HOUR)] == [1, 1, 1]
    assert [recipient for recipient, _ in aws.ses.sent] == [OWNER, OWNER, PARTNER]


@pytest.mark.parametrize("broken", ["mark_sent", "note_first", "keep_token", "claim", "note_empty"])
def test_a_ledger_that_fails_for_one_reader_does_not_keep_the_next_from_his(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER)
    monkeypatch.setattr(making.Report, "is_empty", True)
    real, calls = getattr(Ledger, broken), []

    def once(*told: Any, **more: Any) -> Any:
        calls.append(told)
        if len(calls) == 1:
            raise RuntimeError("the table is throttled")
        return real(*told, **more)

    monkeypatch.setattr(Ledger, broken, once)
    with pytest.raises(NotAllSent, match="throttled"):
        run()
    assert PARTNER in [recipient for recipient, _ in aws.ses.sent]


# Owners and who is told


def test_nobody_waits_for_an_owner_whose_address_mail_cannot_carry(aws: Clients) -> None:
    settings = settings_of(report={"recipients": [OWNER, PARTNER], "owner_first": True})
    published = orjson.dumps(settings).replace(OWNER.encode(), "юля@shop.example".encode())  # by a version that took it
    aws.s3.put_object(Bucket=BUCKET, Key=current_key("kvartal"), Body=published)
    with pytest.raises(NotAllSent, match="cannot be written"):
        run()
    assert [recipient for recipient, _ in aws.ses.sent] == [PARTNER]
    assert run(minutes=15) == 0


def test_the_settings_take_only_mailboxes_that_mail_can_carry() -> None:
    assert settings_of(report={"recipients": ["owner@пример.рф"]})["report"]["recipients"]
    with pytest.raises(SettingsError, match="Latin letters"):
        settings_of(report={"recipients": ["юля@shop.example"]})


def test_a_suppressed_owner_is_told_to_the_next_who_sees_everything(aws: Clients) -> None:
    scoped = {"address": "agency@partner.example", "scope": "ours"}
    add_site(aws, "kvartal", OWNER, scoped, PARTNER, scopes=[{"name": "ours", "channels": [OURS]}])
    Suppressed(aws.dynamodb, TABLE).note(OWNER, "bounce", NOW - timedelta(days=1), "b")
    assert run() == 2
    mails = {recipient: text_of(raw) for recipient, raw in aws.ses.sent}
    assert "o***@kvartal.example" in mails[PARTNER]
    assert "***@" not in mails["agency@partner.example"]


def test_a_preview_has_no_link_to_unsubscribe(aws: Clients) -> None:
    mailer.lambda_handler({"time": NOW.isoformat(), "site_id": "kvartal", "preview": "me@other.example"}, None)
    ((_, raw),) = aws.ses.sent
    assert not [kind for kind in ("plain", "html") if "/unsubscribe" in text_of(raw, kind)]


def test_ticks_are_as_far_apart_as_the_mailer_thinks() -> None:
    template = (Path(mailer.__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    assert f"cron(10/{int(tick.TICK.total_seconds() // 60)} * * * ? *)" in template
