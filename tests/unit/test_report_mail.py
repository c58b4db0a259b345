"""One mail as MIME: both parts, headers that outside text cannot break."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.mail import Attachment, ascii_address, message_of, recipient_hash
from functions.report.render import CHART_ID, LOGO_ID, Mail
from functions.report.view.formats import clean
from tests.report_cases import NOW

SENDER = "Skvoz <reports@stats.example>"


def sent(mail: Mail, recipient: str = "owner@kvartal.example") -> bytes:
    return message_of(mail, SENDER, recipient, "ru", "kvartal 2026-10-12", NOW)


def test_a_mail_carries_text_and_html_alternatives() -> None:
    message = message_from_bytes(sent(Mail("Отчёт", "<p>Привет, ₽</p>", "Привет, ₽")), policy=default)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in message.iter_parts()] == ["Привет, ₽", "<p>Привет, ₽</p>"]


PNG = b"\x89PNG\r\n\x1a\n picture"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OFF = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/v1/reports/" + "A1b_" * 10 + "xyz/unsubscribe"


def whole(url: str = OFF) -> bytes:
    mail = Mail("Отчёт", f'<img src="cid:{CHART_ID}">', "Привет", PNG)
    return message_of(mail, SENDER, "owner@kvartal.example", "ru", "send", NOW, url, Attachment("skvoz.xlsx", b"PK book"))


def test_picture_and_workbook_travel_beside_the_texts() -> None:
    message = message_from_bytes(whole(), policy=default)
    assert message.get_content_type() == "multipart/mixed"
    related, book = message.iter_parts()
    assert (related.get_content_type(), related["Content-Type"].params["type"]) == ("multipart/related", "multipart/alternative")
    alternative, picture = related.iter_parts()
    assert [part.get_content_type() for part in alternative.iter_parts()] == ["text/plain", "text/html"]
    assert (picture["Content-ID"], picture.get_content_disposition()) == (f"<{CHART_ID}>", "inline")
    assert picture.get_content() == PNG
    assert (book.get_content_type(), book.get_filename(), book.get_content()) == (XLSX, "skvoz.xlsx", b"PK book")
    assert [part.defects for part in message.walk()] == [[]] * 7


def test_the_brands_logo_travels_beside_the_chart_and_without_it() -> None:
    both, alone = (
        message_from_bytes(message_of(Mail("s", "h", "t", chart, PNG), SENDER, "a@b.example", "ru", "send", NOW), policy=default)
        for chart in (PNG, None)
    )
    ids = [[part["Content-ID"] for part in message.iter_parts() if part["Content-ID"]] for message in (both, alone)]
    assert ids == [[f"<{CHART_ID}>", f"<{LOGO_ID}>"], [f"<{LOGO_ID}>"]]
    assert [part.get_filename() for part in both.iter_parts()][1:] == ["chart.png", "logo.png"]


def test_a_mail_without_a_picture_or_a_workbook_leaves_their_level_out() -> None:
    book = Attachment("skvoz.xlsx", b"PK")
    only_book = message_of(Mail("s", "h", "t"), SENDER, "a@b.example", "ru", "send", NOW, OFF, book)
    only_picture = message_of(Mail("s", "h", "t", PNG), SENDER, "a@b.example", "ru", "send", NOW)
    kinds = [[part.get_content_type() for part in message_from_bytes(raw).walk()] for raw in (only_book, only_picture)]
    assert kinds == [
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", XLSX],
        ["multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png"],
    ]


def test_one_click_unsubscribing_is_offered_in_plain_letters_on_one_line() -> None:
    raw = whole()
    assert f"\r\nList-Unsubscribe: <{OFF}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_a_mail_without_an_address_to_unsubscribe_at_promises_none() -> None:
    assert b"List-Unsubscribe" not in sent(Mail("s", "h", "t"))


@pytest.mark.parametrize(
    "url", ["https://a/\r\nBcc: evil@evil.example", "https://a/>, <https://b", "https://пример.рф/", "h" * 2000]
)
def test_an_address_that_would_break_the_header_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="PUBLIC_URL"):
        whole(url)


def test_the_same_send_is_the_same_bytes() -> None:
    assert whole() == whole()


def test_the_date_is_the_events_own_time() -> None:
    assert message_from_bytes(sent(Mail("s", "h", "t")))["Date"] == "Tue, 13 Oct 2026 03:00:00 +0000"


def test_repeats_of_a_send_carry_the_same_message_id() -> None:
    first, again = (message_from_bytes(sent(Mail("s", "h", "t")))["Message-ID"] for _ in range(2))
    assert first == again
    assert first.endswith("@stats.example>")


@given(st.text(max_size=300))
def test_no_subject_adds_a_header_or_a_line(text: str) -> None:
    raw = sent(Mail(f"{text}\r\nBcc: evil@evil.example\r\n\r\nboo", "h", "t"))
    message = message_from_bytes(raw)
    assert message["Bcc"] is None
    assert message["To"] == "owner@kvartal.example"
    assert len(message.get_payload()) == 2
    assert raw.isascii()


def test_a_subject_keeps_its_words() -> None:
    message = message_from_bytes(sent(Mail("Квартал: отчёт по рекламе за 13 сент. – 12 окт. 2026 г.", "h", "t")))
    assert str(make_header(decode_header(message["Subject"]))) == "Квартал: отчёт по рекламе за 13 сент. – 12 окт. 2026 г."


def test_a_domain_in_other_letters_is_written_as_mail_needs_it() -> None:
    assert ascii_address("boss@пример.рф") == "boss@xn--e1afmkfd.xn--p1ai"


def test_an_address_that_mail_cannot_carry_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="Latin letters"):
        ascii_address("шеф@kvartal.example")


def test_the_ledger_knows_a_recipient_in_any_case() -> None:
    assert recipient_hash("Owner@Kvartal.example ") == recipient_hash("owner@kvartal.example")
    assert "owner" not in recipient_hash("owner@kvartal.example")


WORDS = ["CRM", "перестали", "ROMI", "—", "€", "5", "события", "a" * 90, "я" * 90, "=?"]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30))
def test_a_subject_is_read_as_it_was_written(words: list[str]) -> None:
    """Read as strict mailboxes read it (RFC 2047): folding taken out, encoded words joined."""
    subject = clean(" ".join(words), 200)
    raw = sent(Mail(subject, "<p>", "t")).decode()
    folded = re.search(r"^Subject: ([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", raw, re.MULTILINE)
    assert folded is not None
    assert all(len(line) <= 998 for line in folded[1].split("\r\n"))
    parts = decode_header(folded[1].replace("\r\n", ""))
    assert "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts) == subject
