"""Phones and e-mails: one spelling, keyed hashes, and nothing of them in text."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity import (
    email_hash,
    keyed_hash,
    normal_email,
    normal_phone,
    numbers_of,
    phone_hash,
    private_id,
    redact,
    redact_emails,
)

KEY = b"key"
NATIONAL = st.integers(9_000_000_000, 9_999_999_999).map(str)


@pytest.mark.parametrize(
    "spelling",
    [
        "79000000017",
        "+79000000017",
        "8 900 000-00-17",
        "+7 (900) 000-00-17",
        "0079000000017",
        "9000000017",
        " 79000000017",
        "8(900)000.00.17",
    ],
)
def test_every_spelling_of_a_phone_is_one_phone(spelling: str) -> None:
    assert normal_phone(spelling) == "+79000000017"


@pytest.mark.parametrize("text", ["", "112", "anonymous", "+", "1234567890123456", "8-800", "٩٠٠٠٠٠٠٠١٧"])
def test_what_cannot_be_a_phone_is_none(text: str) -> None:
    assert normal_phone(text) is None


def test_foreign_phones_keep_their_country() -> None:
    assert normal_phone("+44 20 7946 0000") == "+442079460000"
    assert normal_phone("+375 29 000-00-00") == "+375290000000"


@given(NATIONAL, st.sampled_from(["+7{}", "8{}", "7{}", "007{}", "{}", " 7{}"]))
def test_hash_of_a_phone_does_not_depend_on_its_spelling(digits: str, form: str) -> None:
    spelled = form.format(f"({digits[:3]}) {digits[3:6]}-{digits[6:]}")
    assert phone_hash(spelled, KEY) == phone_hash(f"+7{digits}", KEY)


@given(st.text())
def test_normal_phone_is_stable(text: str) -> None:
    normal = normal_phone(text)
    if normal is not None:
        assert normal_phone(normal) == normal


@pytest.mark.parametrize(
    ("text", "normal"), [(" Vera@Post.Example ", "vera@post.example"), ("vera", None), ("a b@c", None), ("a@b@c", None), ("", None)]
)
def test_normal_email(text: str, normal: str | None) -> None:
    assert normal_email(text) == normal


def test_hashes_depend_on_key_kind_and_value() -> None:
    hashes = {keyed_hash(kind, text, key) for kind in ("phone", "email") for text in ("a", "b") for key in (b"1", b"2")}
    assert len(hashes) == 8
    assert all(len(h) == 32 for h in hashes)


@pytest.mark.parametrize("nothing", [None, "", "anonymous"])
def test_nothing_to_hash_is_none(nothing: str | None) -> None:
    assert phone_hash(nothing, KEY) is None
    assert email_hash(nothing, KEY) is None


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20), st.sampled_from(["@", "%40"]))
def test_no_email_survives_redaction(name: str, at: str) -> None:
    text = f"to {name}{at}post.example now"
    assert "post.example" not in redact(text)
    assert "post.example" not in redact_emails(text)


@pytest.mark.parametrize(
    "phone", ["+79000000017", "8 900 000-00-17", "8(900)000-00-17", "%2B7%20900%20000-00-17", "79000000017", "+44 20 7946 0000",
     "9161234567", "(916) 123-45-67", "916 123-45-67", "916-123-4567", "%28916%29%20123-45-67", "916\u00a0123\u201145\u201167"]
)  # fmt: skip
def test_no_phone_survives_redaction(phone: str) -> None:
    assert redact(f"call {phone}, please") == "call [phone], please"


@pytest.mark.parametrize(
    "text", ["15620471938264051729", "708815521", "EAIaIQobChMI0042", "41870233", "2026-10-12", "186400.00", "vera at post"]
)
def test_ad_ids_dates_and_sums_survive_redaction(text: str) -> None:
    assert redact(f"id {text} x") == f"id {text} x"


@pytest.mark.parametrize("at", ["@", "%40", "%2540", "%252540"])
def test_an_email_is_found_under_layers_of_encoding(at: str) -> None:
    assert redact(f"to ivan{at}mail.ru now") == redact_emails(f"to ivan{at}mail.ru now") == "to [email] now"


def test_a_long_run_of_letters_is_an_email_too_and_is_read_once() -> None:
    assert redact("a" * 100 + "@mail.ru") == "[email]"
    started = time.process_time()
    redact("a" * 1_000_000 + "%40")
    assert time.process_time() - started < 1


def test_a_phone_is_found_behind_a_word_and_its_dot() -> None:
    assert redact("тел.89161234567, т.916 123-45-67") == "тел.[phone], т.[phone]"


@given(st.uuids(), st.integers(0, 10**12), st.sampled_from(["{}", "{}9161234567", "9161234567{}", "0{}79161234567"]))
def test_uuids_and_longer_runs_of_digits_and_hex_are_no_phones(uuid: UUID, number: int, form: str) -> None:
    assert redact(f"id {uuid} x") == f"id {uuid} x"
    run = form.format(f"a{number}b")
    assert redact(f"id {run} x") == f"id {run} x"


def test_eleven_and_more_digits_that_begin_with_nine_are_no_phone() -> None:
    assert redact("91612345678 916123456789 2026.9161234567") == "91612345678 916123456789 2026.9161234567"


@given(st.text())
def test_redaction_is_stable(text: str) -> None:
    assert redact(redact(text)) == redact(text)


# --- ids that name a person ------------------------------------------------------------------------------------------------------

PHONE = "8 900 000-00-17"


@pytest.mark.parametrize(
    "text", ["+79000000017", "8 (916) 123-45-67", "79161234567-1700000000", "a@b.example", "b%2540c.example", "т. 8 916 123-45-67"]
)
def test_an_id_that_holds_a_phone_or_an_email_is_hashed_whoever_it_is(text: str) -> None:
    assert private_id(text, numbers_of([]), KEY) == keyed_hash("id", text, KEY)


@pytest.mark.parametrize("text", ["79000000017", "89000000017", "9000000017", "in_79000000017_1", "1700000000.9000000017"])
def test_digits_in_an_id_are_hashed_where_they_are_a_known_phone(text: str) -> None:
    assert private_id(text, numbers_of([]), KEY) == private_id(text, numbers_of(["+79000000018", "none"]), KEY) == text
    assert private_id(text, numbers_of(["+79000000018", PHONE]), KEY) == keyed_hash("id", text, KEY)


@pytest.mark.parametrize("text", ["79161234567", "89161234567", "9161234567"])
def test_digits_alone_are_an_id_unless_only_a_phone_can_be_meant(text: str) -> None:
    assert private_id(text, numbers_of([PHONE]), KEY) == text
    assert private_id(text, numbers_of([PHONE]), KEY, is_open=True) == keyed_hash("id", text, KEY)


@given(st.uuids(), st.integers(10_000_000_000, 60_000_000_000))
def test_an_id_that_names_nobody_stays(uuid: UUID, number: int) -> None:
    for text in (str(uuid), f"kv-pbx-{number}", str(number), f"{number // 10}.123"):
        assert private_id(text, numbers_of(["+44 20 7946 0000", "", "101"]), KEY, is_open=True) == text


def test_an_identified_id_depends_on_the_key_and_is_not_hashed_twice() -> None:
    once = private_id("+79000000017", numbers_of([PHONE]), KEY)
    assert once != private_id("+79000000017", numbers_of([PHONE]), b"other")
    assert private_id(once, numbers_of([PHONE]), KEY) == once
