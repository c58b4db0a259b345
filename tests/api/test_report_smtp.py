"""Mail over SMTP against a real server: over TLS alone, signed in, and never sent twice for want of an answer."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from functions.report import mailer
from functions.report.delivery import smtp
from functions.report.delivery.post import MailRefused, SesPost, is_refusal, post_of
from functions.report.delivery.smtp import Server, SmtpPost
from functions.report.delivery.tick import NotAllSent
from shared.errors import BadInput
from tests.report_aws import OWNER, PARTNER, Clients, add_site, installation, run
from tests.report_cases import NOW
from tests.smtp_server import PASSWORD, USER, Box, Certificates, certificates, smtp_server

SENDER = "Skvoz <reports@stats.example>"
MESSAGE = b"Subject: report\r\n\r\n.a line that begins with a dot\r\n..\r\n.\r\nlast"


@pytest.fixture(scope="module")
def tls() -> Certificates:
    return certificates()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def post(port: int, security: str = "none", *credentials: str, context: Any = None, host: str = "127.0.0.1") -> SmtpPost:
    return SmtpPost(Server(host, port, security), SENDER, lambda: credentials, context)


def test_a_message_arrives_as_it_is_dots_and_all() -> None:
    box = Box()
    with smtp_server(box) as port:
        assert post(port).send(MESSAGE, OWNER) == "250 taken as 42"
    assert box.arrived == [(OWNER, MESSAGE + b"\r\n")]
    assert box.senders == ["reports@stats.example"]


def test_starttls_is_verified_and_signed_in(tls: Certificates) -> None:
    box = Box()
    with smtp_server(box, tls_context=tls.server, require_starttls=True, auth_required=True) as port:
        post(port, "starttls", f"{USER}:{PASSWORD}", context=tls.trusting).send(MESSAGE, OWNER)
    assert [recipient for recipient, _ in box.arrived] == [OWNER]
    assert box.signed_in == [USER]


def test_tls_from_the_first_byte_on(tls: Certificates) -> None:
    box = Box()
    with smtp_server(box, ssl_context=tls.server, auth_required=True, auth_require_tls=False) as port:
        post(port, "tls", f"{USER}:{PASSWORD}", context=tls.trusting).send(MESSAGE, OWNER)
    assert len(box.arrived) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_another_certificate_gets_neither_password_nor_mail(tls: Certificates, security: str) -> None:
    box, how = Box(), {"starttls": {"tls_context": tls.server}, "tls": {"ssl_context": tls.server}}[security]
    with smtp_server(box, **how) as port, pytest.raises(MailRefused, match=r"(?i)certificate"):
        post(port, security, f"{USER}:{PASSWORD}", context=tls.doubting).send(MESSAGE, OWNER)
    assert (box.arrived, box.signed_in, box.senders) == ([], [], [])


def test_a_server_without_starttls_gets_nothing_in_the_open() -> None:
    box = Box()
    with smtp_server(box) as port, pytest.raises(MailRefused, match=r"(?i)starttls"):
        post(port, "starttls", f"{USER}:{PASSWORD}").send(MESSAGE, OWNER)
    assert box.senders == []


@pytest.mark.parametrize("host", ["mail.shop.example", "192.0.2.1", "127.0.0.1.example"])
def test_only_this_machine_is_spoken_to_without_tls(host: str) -> None:
    with pytest.raises(BadInput, match="starttls or tls"):
        post(25, "none", host=host)


def test_a_password_before_a_change_of_passwords_still_signs_in(tls: Certificates) -> None:
    box = Box()
    with smtp_server(box, tls_context=tls.server, auth_required=True) as port:
        post(port, "starttls", "reports:not-set-yet", f"{USER}:{PASSWORD}", context=tls.trusting).send(MESSAGE, OWNER)
    assert len(box.arrived) == 1


def test_a_wrong_password_is_a_refusal_for_certain_and_not_shown(tls: Certificates) -> None:
    box = Box()
    with (
        smtp_server(box, tls_context=tls.server, auth_required=True) as port,
        pytest.raises(MailRefused, match="secret smtp") as told,
    ):
        post(port, "starttls", "reports:hunter2", context=tls.trusting).send(MESSAGE, OWNER)
    assert is_refusal(told.value)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "450 4.2.1 try later"])
def test_a_refused_recipient_is_a_refusal_for_certain(answer: str) -> None:
    box = Box(refused={OWNER: answer})
    with smtp_server(box) as port, pytest.raises(MailRefused) as told:
        post(port).send(MESSAGE, OWNER)
    assert is_refusal(told.value)
    assert told.value.is_recipient is answer.startswith("5")


@pytest.mark.parametrize("answer", ["554 5.7.1 spam", "451 4.3.0 busy"])
def test_a_refused_message_is_a_refusal_for_certain(answer: str) -> None:
    box = Box(answer=answer)
    with smtp_server(box) as port, pytest.raises(MailRefused, match=answer[:3]) as told:
        post(port).send(MESSAGE, OWNER)
    assert is_refusal(told.value)
    assert not told.value.is_recipient


def test_a_refused_sender_is_a_refusal_for_certain() -> None:
    with smtp_server(Box(refuses_sender="553 5.7.1 not yours")) as port, pytest.raises(MailRefused, match="sender"):
        post(port).send(MESSAGE, OWNER)


def test_nobody_there_is_a_refusal_for_certain() -> None:
    with smtp_server(Box()) as port:
        pass
    with pytest.raises(MailRefused, match="cannot be reached"):
        post(port).send(MESSAGE, OWNER)


def test_a_connection_that_breaks_after_the_message_leaves_its_fate_open() -> None:
    box = Box(is_dropping=True)
    with smtp_server(box) as port, pytest.raises(smtplib.SMTPServerDisconnected) as told:
        post(port).send(MESSAGE, OWNER)
    assert not is_refusal(told.value)
    assert len(box.arrived) == 1


def test_a_domain_in_letters_of_its_own_travels_in_ascii() -> None:
    box = Box()
    with smtp_server(box) as port:
        post(port).send(MESSAGE, "owner@пример.рф")
    assert box.arrived[0][0] == "owner@xn--e1afmkfd.xn--p1ai"


@pytest.fixture
def box(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """The installation mails over an SMTP server on this machine."""
    made = Box()
    monkeypatch.setattr(mailer, "client", lambda name: None if name == "ssm" else aws(name))
    monkeypatch.setattr("functions.report.delivery.post.parameter_reader", lambda ssm, stage: lambda name: None)
    with smtp_server(made) as port:
        told = {"MAIL_TRANSPORT": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_SECURITY": "none"}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield made


def test_the_report_goes_out_over_smtp(aws: Clients, box: Box) -> None:
    assert run() == 1
    ((recipient, raw),) = box.arrived
    message = message_from_bytes(raw, policy=default)
    assert recipient == message["To"] == OWNER
    assert "Яндекс Директ" in next(p.get_content() for p in message.walk() if p.get_content_type() == "text/html")
    assert aws.ses.calls == []


def test_a_connection_lost_after_the_message_doubles_nothing(aws: Clients, box: Box) -> None:
    box.is_dropping = True
    with pytest.raises(NotAllSent):
        run()
    box.is_dropping = False
    with pytest.raises(NotAllSent, match="retried after 15 minutes"):
        run(minutes=5)
    assert len(box.arrived) == 1


def test_a_recipient_whom_the_server_refuses_for_five_days_is_given_up_and_the_owner_told(aws: Clients, box: Box) -> None:
    add_site(aws, "kvartal", OWNER, PARTNER)
    box.refused = {PARTNER: "550 5.1.1 no such user"}
    for day, tries in enumerate((3, 3, 3, 3, 1)):  # several tries of one day count as one
        for hour in range(tries):
            with pytest.raises(NotAllSent, match="1 of"):
                run(minutes=(day * 24 + hour) * 60)
    assert run(minutes=5 * 24 * 60) == 1
    assert {recipient for recipient, _ in box.arrived} == {OWNER}
    text = message_from_bytes(box.arrived[-1][1], policy=default).get_body(("plain",))
    assert text is not None
    assert "p***@kvartal.example" in text.get_content()


def test_a_server_that_is_down_for_hours_delays_and_doubles_nothing(aws: Clients, box: Box) -> None:
    box.answer = "451 4.3.0 busy"
    for hour in range(3):
        with pytest.raises(NotAllSent):
            run(minutes=hour * 60)
    box.answer = "250 OK"
    assert [run(minutes=180), run(minutes=240)] == [1, 0]
    assert len(box.arrived) == 1


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"MAIL_TRANSPORT": "pigeon"}, "ses or smtp"),
        ({"MAIL_TRANSPORT": "smtp"}, "SMTP_HOST"),
        ({"MAIL_TRANSPORT": "smtp", "SMTP_HOST": "mail.example", "SMTP_SECURITY": "ssl"}, "starttls, tls or none"),
        ({"MAIL_TRANSPORT": "smtp", "SMTP_HOST": "mail.example", "SMTP_PORT": "smtp"}, "number from 1 to 65535"),
        ({"MAIL_TRANSPORT": "smtp", "SMTP_HOST": "mail.example", "SMTP_SECURITY": "none"}, "this machine"),
    ],
)
def test_a_transport_that_cannot_be_is_refused_in_words(told: dict[str, str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        post_of({"MAIL_FROM": SENDER, **told}, lambda name: None, NOW)


def test_the_default_transport_is_ses_and_ports_follow_security() -> None:
    assert isinstance(post_of({"MAIL_FROM": SENDER}, lambda name: None, NOW), SesPost)
    made = post_of({"MAIL_FROM": SENDER, "MAIL_TRANSPORT": "smtp", "SMTP_HOST": "mail.example"}, lambda name: None, NOW)
    assert made._server == Server("mail.example", 587, "starttls")


def test_a_server_that_says_nothing_is_not_waited_for_longer_than_the_mailer_has() -> None:
    assert timedelta(seconds=smtp.SECONDS) < timedelta(minutes=15) / 20
