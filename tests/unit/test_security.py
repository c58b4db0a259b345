"""Standard Webhooks against recorded vectors; path tokens."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.errors import Unauthorized
from shared.security import (
    LEAST_KEY_BYTES,
    REPLAY_WINDOW,
    can_sign,
    sign_webhook,
    token_fits,
    token_sha256,
    verify_webhook,
    webhook_key,
)
from shared.times import from_millis

DATA = Path(__file__).parents[1] / "data" / "standard_webhooks"
VECTORS: dict[str, Any] = json.loads((DATA / "signature_vectors.json").read_text("utf-8"))
ONE: dict[str, str] = VECTORS["vectors"][0]
SECRETS = st.binary(min_size=24, max_size=64).map(lambda raw: "whsec_" + base64.b64encode(raw).decode())
NOW = from_millis(1793280040_000)


def headers_of(vector: dict[str, str], **change: str) -> dict[str, str]:
    names = {"webhook-id": "webhook-id", "webhook-timestamp": "webhook-timestamp", "webhook-signature": "signature"}
    return {name: vector[key] for name, key in names.items()} | {name.replace("_", "-"): text for name, text in change.items()}


def time_of(vector: dict[str, str]) -> datetime:
    return from_millis(int(vector["webhook-timestamp"]) * 1000)


def recorded_headers(name: str) -> dict[str, str]:
    lines = (DATA / name).read_text("utf-8").splitlines()[1:]
    return {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines if ": " in line}


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: v["name"])
def test_vectors_verify(vector: dict[str, str]) -> None:
    body = (DATA / vector["body_file"]).read_bytes()
    assert verify_webhook(body, headers_of(vector), [vector["secret"]], time_of(vector)) == vector["webhook-id"]


@pytest.mark.parametrize(
    "change",
    [{"webhook_signature": v[key]} for v in VECTORS["must_fail"] for key in ("webhook-signature", "signature") if key in v]
    + [
        {"webhook_signature": ""},
        {"webhook_signature": ONE["signature"].replace("v1,", "")},
        {"webhook_signature": ONE["signature"].replace(",", " ")},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v1,é"},
        {"webhook_id": "another"},
        {"webhook_id": ""},
        {"webhook_id": "x" * 201},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "1793280040.0"},
        {"webhook_timestamp": "²"},
        {"webhook_timestamp": "9" * 11},
        {"webhook_timestamp": "9" * 12},
        {"webhook_timestamp": "9" * 5000},
    ],
)
def test_wrong_headers_are_unauthorized(change: dict[str, str]) -> None:
    body = (DATA / ONE["body_file"]).read_bytes()
    with pytest.raises(Unauthorized):
        verify_webhook(body, headers_of(ONE, **change), [ONE["secret"]], NOW)


@pytest.mark.parametrize(("seconds", "is_valid"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_window_is_five_minutes_both_ways(seconds: int, is_valid: bool) -> None:
    body = (DATA / ONE["body_file"]).read_bytes()
    now = time_of(ONE) + timedelta(seconds=seconds)
    assert timedelta(minutes=5) == REPLAY_WINDOW
    if is_valid:
        verify_webhook(body, headers_of(ONE), [ONE["secret"]], now)
    else:
        with pytest.raises(Unauthorized, match="five minutes"):
            verify_webhook(body, headers_of(ONE), [ONE["secret"]], now)


@pytest.mark.parametrize("secret", [v["secret"] for v in VECTORS["vectors"] if v["body_file"] == "deal_lost.json"])
def test_either_secret_is_enough_while_rotating(secret: str) -> None:
    headers = recorded_headers("deal_lost_rotated_keys.headers.txt")
    now = from_millis(int(headers["webhook-timestamp"]) * 1000)
    body = (DATA / "deal_lost.json").read_bytes()
    verify_webhook(body, headers, [secret], now)
    verify_webhook(body, headers, ["whsec_" + "A" * 32, secret], now)


def test_no_secret_verifies_nothing() -> None:
    body = (DATA / ONE["body_file"]).read_bytes()
    with pytest.raises(Unauthorized):
        verify_webhook(body, headers_of(ONE), [], NOW)


@given(st.binary(max_size=200), st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=50), SECRETS)
def test_what_we_sign_the_reference_library_would_sign_alike(body: bytes, webhook_id: str, secret: str) -> None:
    headers = sign_webhook(body, webhook_id, secret, NOW)
    assert verify_webhook(body, headers, [secret], NOW) == webhook_id
    if body.isascii():
        assert headers["webhook-signature"] == Webhook(secret).sign(webhook_id, NOW, body.decode())


@given(st.binary(min_size=1, max_size=100), st.data())
def test_one_changed_byte_is_noticed(body: bytes, data: st.DataObject) -> None:
    headers = sign_webhook(body, "msg", ONE["secret"], NOW)
    place = data.draw(st.integers(0, len(body) - 1))
    forged = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    with pytest.raises(Unauthorized, match="fits none"):
        verify_webhook(forged, headers, [ONE["secret"]], NOW)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(st.characters(exclude_categories=()))
    )
)
def test_any_headers_are_unauthorized_rather_than_a_crash(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        verify_webhook(b"{}", headers, [ONE["secret"]], NOW)


def test_prefix_and_padding_of_a_secret_are_optional() -> None:
    assert webhook_key("whsec_QUJDRA==") == webhook_key("QUJDRA") == b"ABCD"
    with pytest.raises(ValueError, match="base64"):
        webhook_key("whsec_!")


@given(st.binary(max_size=64), st.booleans())
def test_a_key_of_24_bytes_and_more_can_sign(raw: bytes, has_prefix: bool) -> None:
    secret = "whsec_" * has_prefix + base64.b64encode(raw).decode()
    assert can_sign(secret) == (len(raw) >= LEAST_KEY_BYTES)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_sign_or_not(secret: str) -> None:
    assert can_sign("whsec_" + secret + "!") is False
    can_sign(secret)


@given(st.text(st.characters(exclude_categories=())), st.lists(st.text()))
def test_token_fits_its_own_hash_only(token: str, others: list[str]) -> None:
    hashes = [token_sha256(other) for other in others]
    assert token_fits(token, [*hashes, token_sha256(token)])
    assert token_fits(token, hashes) == (token in others)
