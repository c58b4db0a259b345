"""Recordings of calls: which addresses may be fetched, how telephonies' links are signed, what becomes of the bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.pbx.private import names
from functions.report.recordings.fetch import Fetched, Line, NotPlayed, Place, is_public, place_of
from functions.report.recordings.kept import kept_key
from functions.report.recordings.sound import Sound, sound_of, sound_response
from functions.report.recordings.telephony import address_of, mango_address, zadarma_headers
from shared.identity import phone_hash
from shared.recordings import Reference, item_of, reference_of

NOW = datetime(2026, 10, 12, 8, 0, tzinfo=UTC)
HOSTS = ["pbx.example", "app.mango-office.ru", "квартал.рф"]
ID = "0199d7a1-5c2e-7b6a-9c11-000000000001"
KEY = b"key-of-the-hashes"
MP3 = b"ID3\x04 sound"


def reason(act: object) -> str:
    """Why `act` (a call without arguments) plays nothing."""
    with pytest.raises(NotPlayed) as error:
        act()  # type: ignore[operator]
    return error.value.reason


def told(provider: str, reference: str) -> Reference:
    return Reference(provider, reference, "c-1", NOW)


# --- addresses -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://pbx.example/a/b.mp3?x=1&y=%20", Place("pbx.example", "/a/b.mp3?x=1&y=%20")),
        ("HTTPS://PBX.Example.:443", Place("pbx.example", "/")),
        ("https://pbx.example/запись.mp3#t=1", Place("pbx.example", "/%D0%B7%D0%B0%D0%BF%D0%B8%D1%81%D1%8C.mp3")),
        ("https://Квартал.рф/1", Place("xn--80aae5ai2ao.xn--p1ai", "/1")),
        ("https://xn--80aae5ai2ao.xn--p1ai/1", Place("xn--80aae5ai2ao.xn--p1ai", "/1")),
    ],
)
def test_an_https_address_of_a_listed_host_may_be_fetched(address: str, place: Place) -> None:
    assert place_of(address, HOSTS) == place


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://pbx.example.evil.example/a", "host"),
        ("https://evil-pbx.example/a", "host"),
        ("https://files.pbx.example/a", "host"),  # a subdomain may be somebody else's
        ("https://example/a", "host"),
        ("https://pbx.example%2eevil.example/a", "host"),
        ("https://pbx.example@evil.example/a", "bad_address"),
        ("https://evil.example@pbx.example/a", "bad_address"),
        ("https://user:word@pbx.example/a", "bad_address"),
        ("https://evil.example\\@pbx.example/a", "bad_address"),
        ("https://pbx.example:8443/a", "bad_address"),
        ("https://pbx.example:80/a", "bad_address"),
        ("https://pbx.example:http/a", "bad_address"),
        ("http://pbx.example/a", "bad_address"),
        ("ftp://pbx.example/a", "bad_address"),
        ("file:///etc/passwd", "bad_address"),
        ("gopher://pbx.example/a", "bad_address"),
        ("//pbx.example/a", "bad_address"),
        ("https:///a", "bad_address"),
        ("https://", "bad_address"),
        ("https://169.254.169.254/latest/meta-data", "bad_address"),
        ("https://2852039166/latest", "bad_address"),
        ("https://0xa9fea9fe/", "bad_address"),
        ("https://127.0.0.1/", "bad_address"),
        ("https://127.1/", "bad_address"),
        ("https://[::1]/", "bad_address"),
        ("https://[::ffff:169.254.169.254]/", "bad_address"),
        ("https://[pbx.example]/", "bad_address"),
        ("https://localhost/", "host"),
        ("https://pbx.example/a\r\nx-evil: 1", "bad_address"),
        ("https://pbx.example/a b", "bad_address"),
        ("https://pbx..example/", "bad_address"),
        ("https://" + "a" * 64 + ".example/", "bad_address"),
        ("https://pbx.example/" + "a" * 4000, "bad_address"),
        ("javascript:alert(1)", "bad_address"),
        ("", "bad_address"),
    ],
)
def test_no_other_address_may_be_fetched(address: str, why: str) -> None:
    assert reason(lambda: place_of(address, HOSTS)) == why


def test_an_ip_address_is_refused_even_where_the_settings_list_it() -> None:
    assert reason(lambda: place_of("https://10.0.0.5/a", ["10.0.0.5"])) == "bad_address"


def test_a_host_of_the_settings_that_is_no_name_opens_nothing() -> None:
    assert reason(lambda: place_of("https://pbx.example/a", ["pbx..example", "." * 9])) == "host"


@given(
    st.text(max_size=60), st.sampled_from(["", "https://", "https://pbx.example", "https://pbx.example@", "https://pbx.example:"])
)
def test_whatever_an_address_is_it_leads_to_a_listed_host_or_nowhere(text: str, start: str) -> None:
    try:
        place = place_of(start + text, HOSTS)
    except NotPlayed:
        return
    assert place.host == "pbx.example"
    assert place.target.isascii()
    assert place.target.isprintable()
    assert " " not in place.target
    assert place.target[0] in "/?"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - refused
        "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe", "2001:0:a9fe:a9fe::5601:5601", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


# --- what telephonies tell -------------------------------------------------------------------------------------------------------


def nowhere(host: str) -> list[str]:
    raise AssertionError(f"nobody was to be asked, not {host}")


def no_secrets(provider: str) -> list[str]:
    return []


def test_an_address_is_taken_as_it_was_told_from_any_telephony() -> None:
    line = Line(nowhere)
    for provider in ("uis", "twilio", "generic", "mango", "zadarma", "unknown"):
        assert address_of(told(provider, "https://pbx.example/a"), line, HOSTS, no_secrets, NOW) == "https://pbx.example/a"


def test_the_link_of_mango_has_the_signature_of_its_vector() -> None:
    # "recording_link" of the vectors of the telephony's facts; the place of its parts in the address is public practice.
    recording, until = "TVRvME1EQTBNVGM2TkRFM09URTFNall3TURNPQ==", 1791795335
    address = mango_address(recording, "kvartalFAKEvpbxkey0000000000000", "kvartalFAKEvpbxsalt000000000000", until)
    sign = "897855aa370235f6291d76f172864e47a62ec8fceb70472940da4c35d974c5cb"
    start = "https://app.mango-office.ru/vpbx/queries/recording/link/"
    assert address == f"{start}{recording}/play/kvartalFAKEvpbxkey0000000000000/{until}/{sign}"


def test_an_id_of_mango_becomes_a_link_signed_with_the_newest_secret_that_has_a_key() -> None:
    secrets = ["onlyasecretwithoutkey", "key:salt", "older:salt"]
    address = address_of(told("mango", "rec+/1="), Line(nowhere), HOSTS, lambda provider: secrets, NOW)
    until = int(NOW.timestamp()) + 4 * 3600
    sign = hashlib.sha256(f"key{until}rec+/1=salt".encode()).hexdigest()
    assert address == f"https://app.mango-office.ru/vpbx/queries/recording/link/rec%2B%2F1=/play/key/{until}/{sign}"


def test_the_proof_of_zadarma_is_base64_of_the_hex_text() -> None:
    query = "call_id=1791791527.4410023&format=json&lifetime=180"
    digest = hashlib.md5(query.encode(), usedforsecurity=False).hexdigest()
    mac = hmac.new(b"secret", f"/v1/pbx/record/request/{query}{digest}".encode(), hashlib.sha1).hexdigest()
    (value,) = zadarma_headers("/v1/pbx/record/request/", query, "key", "secret").values()
    key, _, sign = value.partition(":")
    assert (key, base64.b64decode(sign).decode()) == ("key", mac)


@pytest.mark.parametrize(
    ("provider", "reference", "secrets", "why"),
    [
        ("uis", "7130448215", ["key:secret"], "no_way"),
        ("generic", "r-1", ["key:secret"], "no_way"),
        ("mango", "r-1", [], "no_secret"),
        ("zadarma", "1.2", ["withoutkey"], "no_secret"),
        ("mango", "../../commands/callback", ["key:salt"], "id"),
        ("mango", "r 1", ["key:salt"], "bad_reference"),
        ("zadarma", "1&lifetime=1", ["key:secret"], "bad_reference"),
        ("zadarma", "1\r\nx: y", ["key:secret"], "bad_reference"),
        ("mango", "", ["key:salt"], "bad_reference"),
        ("mango", "r" * 500, ["key:salt"], "bad_reference"),
    ],
)
def test_an_id_that_cannot_be_turned_into_an_address_says_why(provider: str, reference: str, secrets: list[str], why: str) -> None:
    def ask() -> str:
        return address_of(told(provider, reference), Line(nowhere), HOSTS, lambda name: secrets, NOW)

    if why == "id":  # its slashes are its own, not the address's
        assert "/recording/link/..%2F..%2Fcommands%2Fcallback/play/" in ask()
    else:
        assert reason(ask) == why


# --- bytes -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told_type", "body", "kind", "ending"),
    [
        ("audio/mpeg", b"x", "audio/mpeg", "mp3"),
        ("Audio/MP3; charset=binary", b"x", "audio/mpeg", "mp3"),
        ("audio/x-wav", b"x", "audio/wav", "wav"),
        ("audio/ogg;codecs=opus", b"x", "audio/ogg", "ogg"),
        ("application/octet-stream", MP3, "audio/mpeg", "mp3"),
        ("application/octet-stream", b"\xff\xfb\x90", "audio/mpeg", "mp3"),
        ("application/octet-stream", b"RIFF\n\n\n\nWAVEfmt ", "audio/wav", "wav"),
        ("application/octet-stream", b"OggS", "audio/ogg", "ogg"),
        ("audio/unheard-of", b"\x00\x00\x00\x18ftypM4A ", "audio/mp4", "m4a"),
        ("audio/mpeg\r\nset-cookie: a=b", MP3, "audio/mpeg", "mp3"),
    ],
)
def test_types_that_go_out_are_our_own_words(told_type: str, body: bytes, kind: str, ending: str) -> None:
    sound = sound_of(Fetched(told_type, body), ID)
    assert sound == Sound(body, kind, f"{ID}.{ending}")
    assert sound.disposition == f'inline; filename="{ID}.{ending}"'


@pytest.mark.parametrize(
    ("told_type", "body", "why"),
    [
        ("text/html", b"<script>", "not_audio"),
        ("", MP3, "not_audio"),
        ("application/json", b'{"error": 1}', "not_audio"),
        ("video/mp4", MP3, "not_audio"),
        ("image/svg+xml", b"<svg/>", "not_audio"),
        ("application/octet-stream", b"<html>", "not_audio"),
        ("audio/x-mpegurl", b"#EXTM3U\nhttps://evil.example/", "not_audio"),
        ("audio/mpeg", b"", "not_there"),
    ],
)
def test_what_is_no_sound_is_not_played(told_type: str, body: bytes, why: str) -> None:
    assert reason(lambda: sound_of(Fetched(told_type, body), ID)) == why


@pytest.mark.parametrize(
    ("asked", "status", "range_", "body"),
    [
        ("", 200, None, b"0123456789"),
        ("bytes=0-", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=0-1", 206, "bytes 0-1/10", b"01"),
        ("bytes=4-99", 206, "bytes 4-9/10", b"456789"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=-99", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=5-2", 200, None, b"0123456789"),
        ("bytes=0-1,4-5", 200, None, b"0123456789"),
        ("bytes=-", 200, None, b"0123456789"),
        ("lines=0-1", 200, None, b"0123456789"),
        ("bytes=" + "9" * 400 + "-", 200, None, b"0123456789"),
    ],
)
def test_one_range_is_served_because_players_seek(asked: str, status: int, range_: str | None, body: bytes) -> None:
    answer = sound_response(Sound(b"0123456789", "audio/mpeg", "a.mp3"), asked, {})
    raw = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    assert (answer["statusCode"], answer["headers"].get("content-range"), raw) == (status, range_, body)


# --- what is kept ----------------------------------------------------------------------------------------------------------------


def test_a_reference_comes_back_from_its_item() -> None:
    one = told("mango", "r-1")
    assert reference_of(item_of("kvartal", ID, one)) == one
    assert item_of("kvartal", ID, one)["pk"] == {"S": "recording#kvartal"}


def test_what_is_kept_for_a_day_belongs_to_one_reference() -> None:
    keys = {kept_key("kvartal", ID, told(provider, reference)) for provider in ("mango", "uis") for reference in ("a", "b")}
    assert len(keys) == 4
    assert all(key.startswith(f"recordings/kvartal/{ID}-") for key in keys)


@pytest.mark.parametrize(
    ("reference", "is_named"),
    [
        ("https://pbx.example/79000000017.mp3", True),
        ("https://pbx.example/rec_79000000017_2026.mp3", True),
        ("2026101279000000017104207", True),
        ("in_9000000017", True),
        ("https://pbx.example/79000000018.mp3", False),
        ("1791791527.4410023", False),
        ("TVRvME1EQTBNVGM2TkRFM09URTFNall3TURNPQ==", False),
    ],
)
def test_the_callers_phone_is_found_in_a_reference_however_its_digits_run_on(reference: str, is_named: bool) -> None:
    caller_hash = phone_hash("+79000000017", KEY)
    assert caller_hash
    assert names(reference, caller_hash, KEY) == is_named
