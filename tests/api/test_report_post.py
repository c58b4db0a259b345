"""What hands mail over: SES is asked once, a slow SMTP server is waited for, and who refuses what is told apart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

import shared.aws
from functions.report.delivery import post as posts
from functions.report.delivery import smtp
from functions.report.delivery.feedback import read
from functions.report.delivery.post import SesPost, is_refusal, post_of
from functions.report.delivery.smtp import Server, SmtpPost, is_of_recipient
from tests.report_aws import OWNER, Clients, installation, run
from tests.report_cases import NOW
from tests.smtp_server import Box, smtp_server

SENDER = "Skvoz <reports@stats.example>"
MESSAGE = b"Subject: report\r\n\r\nfigures\r\n"


class Slow(BaseHTTPRequestHandler):
    """An SES that takes a mail and answers when it is too late."""

    asked: list[str] = []  # noqa: RUF012
    over = threading.Event()

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        self.over.wait(20)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Slow]]:
    Slow.asked, Slow.over = [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = {"AWS_ENDPOINT_URL_SESV2": f"http://127.0.0.1:{server.server_port}", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**told, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    shared.aws.client.cache_clear()
    yield Slow
    Slow.over.set()
    server.shutdown()
    server.server_close()
    shared.aws.client.cache_clear()


def test_ses_is_asked_once_however_long_it_takes(slow: type[Slow]) -> None:
    ses = shared.aws.client("sesv2")
    assert ses.meta.config.read_timeout == 60
    ses._endpoint.http_session._timeout = 1  # so that the test need not wait for a minute
    ses._endpoint.http_session._manager.connection_pool_kw["timeout"] = 1
    with pytest.raises(ReadTimeoutError) as told:
        SesPost(ses, SENDER, "").send(MESSAGE, OWNER)
    assert not is_refusal(told.value)
    assert len(slow.asked) == 1


def test_who_was_not_reached_was_sent_nothing() -> None:
    assert is_refusal(EndpointConnectionError(endpoint_url="https://email.example"))


class Thoughtful(Box):
    """Looks through the message before it says that it has it."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(1.5)
        return answer


@pytest.mark.parametrize(("left", "waited"), [(float("inf"), 600), (900, 600), (400, 370), (20, 30)])
def test_the_answer_to_the_message_is_waited_for_as_long_as_the_run_can(
    monkeypatch: pytest.MonkeyPatch, left: float, waited: float
) -> None:
    waits: list[float] = []
    real = smtp._patience
    monkeypatch.setattr(smtp, "_patience", lambda connection, seconds: waits.append(seconds) or real(connection, seconds))
    with smtp_server(Box()) as port:
        SmtpPost(Server("127.0.0.1", port, "none"), SENDER, list, seconds_left=lambda: left).send(MESSAGE, OWNER)
    assert waits == [waited, smtp.SECONDS]


def test_a_server_that_looks_through_the_mail_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 1)
    box = Thoughtful()
    with smtp_server(box) as port:
        SmtpPost(Server("127.0.0.1", port, "none"), SENDER, list).send(MESSAGE, OWNER)
    assert len(box.arrived) == 1


@pytest.mark.parametrize(
    ("code", "reply", "is_his"),
    [
        (550, b"5.1.1 no such user", True),
        (550, b"no such user", True),
        (550, b"5.4.1 Recipient address rejected: Access denied", True),
        (552, b"5.2.2 mailbox full", True),
        (550, b"5.7.1 relaying denied", False),
        (554, b"5.7.1 Relay access denied", False),
        (554, b"no", False),
        (550, b"5.1.8 bad sender's system address", False),
        (450, b"4.2.0 greylisted", False),
    ],
)
def test_only_a_mailboxs_own_no_counts_against_its_reader(code: int, reply: bytes, is_his: bool) -> None:
    assert is_of_recipient(code, reply) is is_his


def test_passwords_may_hold_spaces_and_stand_one_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "me@mail.example:abcd efgh ijkl\n\n me@mail.example:before \n"
    monkeypatch.setattr(posts, "parameter_reader", lambda ssm, stage: lambda name: secret if name == "smtp" else None)
    told = {"MAIL_FROM": SENDER, "MAIL_TRANSPORT": "smtp", "SMTP_HOST": "mail.example"}
    made: Any = post_of(told, lambda name: None, NOW)
    assert made._credentials() == ["me@mail.example:abcd efgh ijkl", "me@mail.example:before"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def test_a_mail_too_big_for_the_server_goes_out_without_the_workbook_and_says_so(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(Box):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            if b"spreadsheetml" in envelope.content:
                return "552 5.3.4 message too big"
            return await super().handle_DATA(server, session, envelope)

    box = Small()
    with smtp_server(box) as port:
        told = SmtpPost(Server("127.0.0.1", port, "none"), SENDER, list)
        monkeypatch.setattr("functions.report.mailer.post_of", lambda *_: told)
        assert run() == 1
    body = message_from_bytes(box.arrived[0][1], policy=default).get_body(("plain",))
    assert body is not None
    assert "почтовый сервер не принимает писем такого размера" in " ".join(body.get_content().split())


def bounced(person: Mapping[str, str], subtype: str = "General", **mail: Any) -> list[Any]:
    part = {"bounceType": "Transient", "bounceSubType": subtype, "bouncedRecipients": [person], "timestamp": NOW.isoformat()}
    event = {"eventType": "Bounce", "bounce": {**part, "feedbackId": "f"}, "mail": {"messageId": "m", **mail}}
    return list(read({"Message": orjson.dumps(event).decode(), "Timestamp": NOW.isoformat()}))


def test_an_automatic_answer_is_no_bounce() -> None:
    assert bounced({"emailAddress": OWNER}) == []
    assert len(bounced({"emailAddress": OWNER, "status": "4.4.7"})) == 1
    assert len(bounced({"emailAddress": OWNER}, "MailboxFull")) == 1


def test_a_bounce_counts_for_whom_the_mail_was_sent_to_and_not_for_where_he_has_it_handed_on() -> None:
    (told,) = bounced({"emailAddress": "boss@gmail.example", "status": "5.1.1"}, destination=[OWNER])
    assert told.address == OWNER
    (told,) = bounced({"emailAddress": "boss@gmail.example", "status": "5.1.1"}, destination=[OWNER, "b@shop.example"])
    assert told.address == "boss@gmail.example"
