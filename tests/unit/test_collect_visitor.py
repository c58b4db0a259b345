"""Consent, visitor ids, masked addresses; limits of text; unpacking."""

from __future__ import annotations

import tracemalloc
import zlib
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collect.imports import unpack
from functions.collect.people.consent import consent_of
from functions.collect.people.who import plain_id
from shared.addresses import mask_ip
from shared.errors import TooLarge
from shared.records import HIT
from shared.texts import LIMITS, REDACTED, Refused, clean, fitting, hidden, identifier, whole


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("94.15.213.171", "94.15.213.0"),
        ("0.23.0.20", "0.23.0.0"),
        (" 54.242.102.43 ", "54.242.102.0"),
        ("4b0c:0:0:0:880c:99a8:4b0:4411", "4b0c::"),
        ("2605:2700:1:3::4713:93e3", "2605:2700:1::"),
        ("::FFFF:152.16.24.123", "152.16.24.0"),
        ("::192.168.0.1", "::"),
        ("f334::40cb:152.16.24.142", "f334::"),
        ("fe80::1%eth0", "fe80::"),
        ("777.2", None),
        ("999.123.777.2", None),
        ("999.aaa.bbb.c", None),
        ("hello;goodbye", None),
        ("2700:zzzz::gggg", None),
        ("1.2.3.4:80", None),
        ("", None),
        (None, None),
    ],
)
def test_masked_address(address: str | None, masked: str | None) -> None:
    assert mask_ip(address) == masked


@given(st.ip_addresses())
def test_mask_keeps_the_network_and_nothing_else(address: IPv4Address | IPv6Address) -> None:
    masked = mask_ip(str(address))
    assert masked is not None
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
    network = ip_network(f"{inner}/{24 if inner.version == 4 else 48}", strict=False)
    assert ip_address(masked) == network.network_address


@pytest.mark.parametrize(
    ("sent", "headers", "consent"),
    [
        (None, {}, ""),
        ("", {}, ""),
        (None, {"dnt": "1"}, "denied"),
        (None, {"sec-gpc": "1"}, "denied"),
        (None, {"dnt": "0"}, ""),
        ("granted", {"dnt": "1", "sec-gpc": "1"}, "granted"),
        ("denied", {}, "denied"),
    ],
)
def test_consent(sent: object, headers: dict[str, str], consent: str) -> None:
    assert consent_of(sent, headers) == consent


def test_visitor_id_is_taken_in_one_spelling_only() -> None:
    assert plain_id("0199D7A1-5C2E-7B6A-9C11-2F6D3E4A5B60") == "0199d7a1-5c2e-7b6a-9c11-2f6d3e4a5b60"
    assert plain_id("0199d7a15c2e7b6a9c112f6d3e4a5b60") is None


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_can_be_stored_and_is_clean_already(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in cleaned)
    assert clean(cleaned) == cleaned


@given(st.sampled_from([c.name for c in HIT.columns if c.limit]), st.text(max_size=3000))
def test_fitting_text_fits_and_notes_what_it_cut(column: str, text: str) -> None:
    cuts: list[str] = []
    assert len(fitting(text, column, cuts)) <= LIMITS[column]
    assert len(clean(text)) > LIMITS[column] or not cuts or column in REDACTED


def test_ids_are_refused_rather_than_cut() -> None:
    assert whole("x" * 64, "visitor_id") == "x" * 64
    with pytest.raises(Refused, match="at most 64") as refused:
        whole("x" * 65, "visitor_id")
    assert refused.value.reason == "too_long"


@pytest.mark.parametrize(
    "text",
    ["vera@post.example", "+7 900 000-00-17", "+79000000017", "79161234567", "89161234567", "9161234567", "8 (916) 123-45-67"],
)
@pytest.mark.parametrize("column", ["visitor_id", "request_id"])
def test_a_contact_is_no_id(column: str, text: str) -> None:
    with pytest.raises(Refused, match="must not be an e-mail or a phone"):
        identifier(text, column)


@pytest.mark.parametrize("text", ["179179082645120937", "916123456.1791790828", "2147483647.1791790828", "kv-17", "41870233"])
def test_ids_of_analytics_systems_stay_ids(text: str) -> None:
    assert identifier(text, "visitor_id") == text


@pytest.mark.parametrize("column", ["deal_id", "call_id", "payment_id"])
def test_ids_of_other_systems_may_look_like_a_phone_as_bare_digits_only(column: str) -> None:
    assert identifier("79161234567", column) == "79161234567"
    for text in ("+79161234567", "8 (916) 123-45-67", "Иван 8 916 123-45-67"):
        with pytest.raises(Refused, match="must not be"):
            identifier(text, column)


@pytest.mark.parametrize("text", ["9000000017", "8 900 000-00-17", "900.000.00.17", "+7(900)0000017"])
def test_refused_text_is_kept_without_what_could_be_a_phone(text: str) -> None:
    assert "17" not in hidden(f"call {text} now")


def test_a_bomb_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    monkeypatch.setattr(unpack, "MOST_INFLATED_BYTES", 2 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpack.lines_of(bomb, "gzip")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
