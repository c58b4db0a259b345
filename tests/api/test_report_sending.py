"""What a mail carries, to whom it goes and stops going, and sending on demand."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from functions.report import extras
from shared.errors import BadInput
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, add_site, call, installation, keys, run, token_in


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def test_the_mail_carries_the_chart_and_the_workbook(aws: Clients) -> None:
    run()
    message = message_from_bytes(aws.ses.sent[0][1], policy=default)
    parts = [(part.get_content_type(), part.get_filename()) for part in message.walk() if not part.is_multipart()]
    assert parts[-1][1] == "skvoz-kvartal-2026-09-13-2026-10-12.xlsx"
    (stored,) = [key for key in keys(aws, "reports/kvartal/") if key.endswith(".xlsx")]
    assert aws.s3.get_object(Bucket=BUCKET, Key=stored)["Body"].read() == list(message.walk())[-1].get_content()


def test_every_recipient_has_a_token_of_his_own_to_the_same_page(aws: Clients) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER)
    assert run() == 2
    tokens = [token_in(raw) for _, raw in aws.ses.sent]
    assert len(set(tokens)) == 2
    first, second = (call("GET", "", token)["body"] for token in tokens)
    assert first == second
    assert len([key for key in keys(aws, "reports/kvartal/") if key.endswith(".html")]) == 1
    assert not any(token in repr(aws.dynamodb.scan(TableName=TABLE)["Items"]) for token in tokens)


def test_who_unsubscribes_gets_no_more_mails_and_the_others_do(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER)
    run()
    token = next(token_in(raw) for recipient, raw in aws.ses.sent if recipient == OWNER)
    assert call("POST", "/unsubscribe", token, body="List-Unsubscribe=One-Click")["statusCode"] == 200
    capsys.readouterr()
    assert run(minutes=24 * 60) == 1
    assert [recipient for recipient, _ in aws.ses.sent] == [OWNER, PARTNER, PARTNER]
    assert '"Reason":"unsubscribed","ReportsSkipped":1' in capsys.readouterr().out
    call("POST", "/unsubscribe", token, body="undo=1")
    assert run(minutes=48 * 60) == 2


def test_a_report_can_be_sent_again_under_a_new_word_and_once_under_each(aws: Clients) -> None:
    assert [run(), run(again="press-1"), run(again="press-1"), run(again="press-2")] == [1, 1, 0, 1]
    assert len({message_from_bytes(raw)["Message-ID"] for _, raw in aws.ses.sent}) == 3


def test_sending_on_demand_leaves_the_other_sites_alone(aws: Clients) -> None:
    add_site(aws, "another", PARTNER)
    assert run(site_id="another") == 1
    assert [recipient for recipient, _ in aws.ses.sent] == [PARTNER]


@pytest.mark.parametrize("asked", [{"site_id": "nobody"}, {"again": "a b"}, {"again": "x" * 65}, {"again": "a#b"}])
def test_an_unfit_demand_is_refused_in_words(aws: Clients, asked: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        run(**asked)
    assert aws.ses.sent == []


@pytest.mark.parametrize(("section", "named"), [("draw", "график"), ("workbook", "книгу Excel")])
def test_what_cannot_be_made_is_named_and_the_mail_goes_out(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], section: str, named: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(extras, section, fail)
    assert run() == 1
    assert "ReportSectionFailed" in capsys.readouterr().out
    message = message_from_bytes(aws.ses.sent[0][1], policy=default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    page = call("GET", "", token_in(aws.ses.sent[0][1]))["body"]
    for output in (*texts, page):
        assert f"Не удалось составить: {named}. Остальные части отчёта верны и полны." in output


def test_a_workbook_too_big_for_a_mail_is_left_to_the_page_and_said(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "MOST_ATTACHED_BYTES", 1000)
    run()
    message = message_from_bytes(aws.ses.sent[0][1], policy=default)
    assert not [part for part in message.walk() if part.get_filename() and part.get_filename().endswith(".xlsx")]
    text = next(part.get_content() for part in message.walk() if part.get_content_type() == "text/plain")
    assert "скачайте её со страницы отчёта" in " ".join(text.split())
    assert call("GET", "", token_in(aws.ses.sent[0][1]), queryStringParameters={"format": "xlsx"})["statusCode"] == 200
