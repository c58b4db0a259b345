"""Bounces and complaints: who gets no more mail, for how long, and how he gets it again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.delivery import feedback
from functions.report.delivery.suppressed import Event, Suppressed, judge, masked
from shared.times import lake_text
from tests.report_aws import OWNER, PARTNER, TABLE, Clients, add_site, installation, run
from tests.report_cases import NOW

DAY = timedelta(days=1)
MANY = [f"reader{n:02}@kvartal.example" for n in range(50)]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    for made in installation(monkeypatch, tmp_path):
        monkeypatch.setattr(feedback, "client", made)
        yield made


def told(message: Any) -> dict[str, int]:
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    record = {"EventSource": "aws:sns", "Sns": {"Timestamp": NOW.isoformat(), "Message": text}}
    return feedback.lambda_handler({"Records": [record]}, None)


def bounce(address: str, kind: str = "Permanent", feedback_id: str = "f-1", at: datetime = NOW) -> dict[str, Any]:
    """As SES publishes it (developer guide, contents of event data)."""
    person = {"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    part = {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [person], "feedbackId": feedback_id}
    return {"eventType": "Bounce", "bounce": {**part, "timestamp": at.isoformat()}, "mail": {"messageId": "m-1"}}


def complaint(address: str, **more: str) -> dict[str, Any]:
    part = {"complainedRecipients": [{"emailAddress": address}], "feedbackId": "c-1", "timestamp": NOW.isoformat(), **more}
    return {"eventType": "Complaint", "complaint": part, "mail": {"messageId": "m-1"}}


def text_of(raw: bytes) -> str:
    body = message_from_bytes(raw, policy=default).get_body(("plain",))
    assert body is not None
    return body.get_content()


def test_of_fifty_readers_the_one_whose_mailbox_is_gone_gets_no_more_and_the_others_do(
    aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    add_site(aws, "kvartal", *MANY)
    assert run() == 50
    assert told(bounce(MANY[7])) == {"noted": 1}
    capsys.readouterr()
    assert [run(minutes=24 * 60), run(minutes=25 * 60)] == [49, 0]
    second = [recipient for recipient, _ in aws.ses.sent[50:]]
    assert sorted(second) == sorted(set(MANY) - {MANY[7]})
    out = capsys.readouterr().out
    assert out.count('"Reason":"suppressed","ReportsSkipped":1') == 1
    assert '"ReportsSent":49' in out
    assert MANY[7] not in out


def test_the_owner_is_told_whom_no_mail_reaches_and_nobody_else_is(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER, "gone@kvartal.example")
    told(bounce("gone@kvartal.example"))
    assert run() == 2
    mails = dict(aws.ses.sent)
    html = message_from_bytes(mails[OWNER], policy=default).get_body(("html",))
    assert html is not None
    for shown in (text_of(mails[OWNER]), html.get_content()):
        assert "g***@kvartal.example" in shown
        assert "gone@" not in shown
    assert "***" not in text_of(mails[PARTNER])


def test_a_complaint_stops_the_mail_of_every_site(aws: Clients) -> None:
    add_site(aws, "another", PARTNER)
    add_site(aws, "kvartal", PARTNER)
    told(complaint(PARTNER, complaintFeedbackType="abuse"))
    assert run() == 0


def test_who_takes_a_report_out_of_the_spam_goes_on_getting_it(aws: Clients) -> None:
    assert told(complaint(OWNER, complaintFeedbackType="not-spam")) == {"noted": 0}
    assert run() == 1


def test_a_full_mailbox_stops_nothing_until_it_is_full_five_times_in_a_week(aws: Clients) -> None:
    for day in range(4):
        told(bounce(OWNER, "Transient", f"t-{day}", NOW - day * DAY))
        told(bounce(OWNER, "Transient", f"t-{day}", NOW - day * DAY))  # SNS may say it twice
    assert run() == 1
    told(bounce(OWNER, "Transient", "t-4", NOW + DAY))
    assert run(minutes=24 * 60 + 1) == 0
    assert run(minutes=33 * 24 * 60) == 1  # thirty days later it is tried again


def test_lifting_forgets_what_was_before_and_nothing_after(aws: Clients) -> None:
    suppressed = Suppressed(aws.dynamodb, TABLE)
    told(bounce(OWNER))
    suppressed.note(OWNER, "lifted", NOW + timedelta(minutes=1), "by hand")
    assert run(minutes=2) == 1
    told(bounce(OWNER, feedback_id="f-2", at=NOW + timedelta(hours=2)))
    assert run(minutes=24 * 60) == 0


def test_a_bounce_names_the_reader_by_the_domain_that_mail_carries(aws: Clients) -> None:
    add_site(aws, "kvartal", "owner@Пример.рф")
    told(bounce("Owner <owner@xn--e1afmkfd.xn--p1ai>"))
    assert run() == 0


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        {"hello": 1},
        {"eventType": "Bounce"},
        {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{}]}, "mail": {"messageId": "m"}},
        {"eventType": "Complaint", "complaint": []},
        bounce("почта@shop.example"),
        [],
        "[]",
    ],
)
def test_what_cannot_be_read_is_counted_and_not_told_again(
    aws: Clients, capsys: pytest.CaptureFixture[str], message: object
) -> None:
    assert told(message) == {"noted": 0}
    assert '"MailFeedbackUnreadable":1' in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["Delivery", "Open", "DeliveryDelay"])
def test_other_events_change_nothing(aws: Clients, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told({"eventType": kind, "mail": {"messageId": "m"}}) == {"noted": 0}
    assert "Unreadable" not in capsys.readouterr().out


def test_a_table_that_fails_has_the_event_told_again(aws: Clients) -> None:
    aws.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(aws.dynamodb.exceptions.ResourceNotFoundException):
        told(bounce(OWNER))


def test_no_address_is_kept_or_logged(aws: Clients, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    told(bounce(OWNER))
    kept = repr(aws.dynamodb.scan(TableName=TABLE)["Items"])
    assert "o***@kvartal.example" in kept
    assert OWNER not in kept + capsys.readouterr().out + repr([record.__dict__ for record in caplog.records])


def test_a_long_list_of_events_is_read_whole(aws: Clients) -> None:
    suppressed = Suppressed(aws.dynamodb, TABLE)
    for number in range(3):
        suppressed.note(f"r{number}@kvartal.example", "bounce", NOW, "b")
    client, asked = aws.dynamodb, []

    class OneAPage:
        def query(self, **call: Any) -> Any:
            asked.append(call)
            return client.query(**call, Limit=1)

    assert len(Suppressed(OneAPage(), TABLE).all(NOW)) == 3
    assert len(asked) >= 3


def event(what: str, days: float) -> Event:
    return Event("r", what, NOW + timedelta(days=days), "r***@kvartal.example")


@given(
    st.lists(
        st.tuples(st.sampled_from(("bounce", "complaint", "transient", "lifted")), st.integers(-40, 0)), max_size=12, unique=True
    )
)
def test_the_order_of_events_changes_nothing(events: list[tuple[str, int]]) -> None:
    made = [event(what, days + number / 100) for number, (what, days) in enumerate(events)]
    first = judge(made, NOW)
    assert first == judge(list(reversed(made)), NOW) == judge(made[::2] + made[1::2], NOW)
    lifted = max((e.at for e in made if e.what == "lifted"), default=None)
    for_good = [e for e in made if e.what in ("bounce", "complaint") and (lifted is None or e.at > lifted)]
    assert (first is not None and first.reason in ("bounce", "complaint")) is bool(for_good)


def test_five_passing_bounces_count_within_seven_days_alone() -> None:
    within = [event("transient", -days) for days in (0, 1, 3, 5, 7)]
    longer = [event("transient", -days) for days in (0, 2, 4, 6, 8)]
    assert judge(within, NOW) is not None
    assert judge(longer, NOW) is None
    assert all(judge(some, NOW) is None for some in itertools.combinations(within, 4))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("owner@shop.example", "o***@shop.example"),
        ("Owner <owner@shop.example>", "o***@shop.example"),
        ("@a.example", "***@a.example"),
    ],
)
def test_a_masked_address_tells_its_first_letter_and_its_host(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_kept_times_are_the_lakes(aws: Clients) -> None:
    told(bounce(OWNER))
    items: list[Mapping[str, Any]] = aws.dynamodb.scan(TableName=TABLE)["Items"]
    assert [item["sk"]["S"].split("#")[2] for item in items if item["pk"]["S"].startswith("suppressed")] == [lake_text(NOW)]
