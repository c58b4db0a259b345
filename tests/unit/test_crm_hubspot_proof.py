"""HubSpot's signature, version 3, held to the vectors that its own library computed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.crm_webhook.hubspot.proof import signature_v3
from functions.crm_webhook.proofs import Sent
from shared.errors import Unauthorized
from shared.http import Request
from shared.secrets import Secrets
from shared.times import from_millis

DATA = Path(__file__).parents[1] / "data" / "hubspot"
VECTORS = json.loads((DATA / "signature_vectors.json").read_text(encoding="utf-8"))
SECRET = VECTORS["client_secret"]


def body_of(vector: dict[str, Any]) -> bytes:
    return (DATA / vector["body_file"]).read_bytes() if "body_file" in vector else str(vector["body"]).encode()


def sent(
    vector: dict[str, Any], body: bytes, now_ms: int = 0, secrets: str = SECRET, headers: Mapping[str, str] | None = None
) -> Sent:
    """The vector's request, as the gateway gives it; its address is told by the settings, without the query."""
    address, _, query = vector.get("uri_as_received", vector.get("uri", "")).partition("?")
    told = {"x-hubspot-request-timestamp": vector.get("timestamp_ms", ""), "x-hubspot-signature-v3": vector["signature"]}
    path = {"provider": "hubspot", "site": "shop", "token": "t"}
    now = from_millis(now_ms or int(vector.get("timestamp_ms", 1793280033150)))
    request = Request("POST /v1/crm", path, {}, told | dict(headers or {}), {}, body, "", now, "id", query)
    return Sent(request, "shop", {"url": address}, Secrets({"secret": secrets}.get), "secret", "crm-hubspot")


V3 = [vector for vector in VECTORS["vectors"] if vector["version"] == "v3"]


@pytest.mark.parametrize("vector", V3, ids=lambda vector: str(vector["name"]))
def test_every_published_signature_of_version_3_proves_its_sender(vector: dict[str, Any]) -> None:
    assert signature_v3(sent(vector, body_of(vector))) == ""


@pytest.mark.parametrize("vector", V3, ids=lambda vector: str(vector["name"]))
def test_a_changed_byte_another_secret_and_another_address_prove_nothing(vector: dict[str, Any]) -> None:
    body = body_of(vector)
    for wrong in (
        sent(vector, body + b" "),
        sent(vector, body, secrets="another-secret"),
        sent({**vector, "uri": "https://kvartal.example/in/other", "uri_as_received": "https://kvartal.example/in/other"}, body),
        sent(vector, body, headers={"x-hubspot-request-timestamp": str(int(vector["timestamp_ms"]) + 1)}),
    ):
        with pytest.raises(Unauthorized, match="fits none"):
            signature_v3(wrong)


def test_signatures_of_versions_1_and_2_prove_nothing() -> None:
    for vector in VECTORS["vectors"]:
        if vector["version"] != "v3":
            with pytest.raises(Unauthorized):
                signature_v3(sent(vector, body_of(vector), headers={"x-hubspot-request-timestamp": "1793280033150"}))


def test_what_must_fail_fails() -> None:
    reserialised, stale = VECTORS["must_fail"]
    with pytest.raises(Unauthorized, match="fits none"):
        signature_v3(sent(reserialised, reserialised["body"].encode()))
    vector = {**V3[0], "timestamp_ms": stale["timestamp_ms"]}
    with pytest.raises(Unauthorized, match="five minutes"):
        signature_v3(sent(vector, body_of(V3[0]), now_ms=int(stale["now_ms"])))


def test_a_time_ahead_of_our_clock_is_refused_which_hubspots_own_helper_lets_pass() -> None:
    vector = V3[0]
    with pytest.raises(Unauthorized, match="five minutes"):
        signature_v3(sent(vector, body_of(vector), now_ms=int(vector["timestamp_ms"]) - 300_001))


def test_a_replay_within_five_minutes_has_the_same_proof_and_makes_the_same_records() -> None:
    vector = V3[0]
    assert signature_v3(sent(vector, body_of(vector), now_ms=int(vector["timestamp_ms"]) + 300_000)) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hubspot-signature-v3": ""},
        {"x-hubspot-request-timestamp": ""},
        {"x-hubspot-request-timestamp": "17932800331½0"},
        {"x-hubspot-request-timestamp": "1" * 5000},
        {"x-hubspot-signature-v3": "\udcff"},
    ],
)
def test_missing_and_odd_headers_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        signature_v3(sent(V3[0], body_of(V3[0]), headers=headers))


def test_a_site_without_a_client_secret_takes_nothing_and_two_while_rotating_both_prove() -> None:
    with pytest.raises(Unauthorized, match="no client secret"):
        signature_v3(sent(V3[0], body_of(V3[0]), secrets=""))
    assert signature_v3(sent(V3[0], body_of(V3[0]), secrets=f"new-secret {SECRET}")) == ""


@pytest.mark.parametrize("encoded", ["%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B", "%3a"])
def test_each_escape_that_hubspot_decodes_is_decoded_and_no_other(encoded: str) -> None:
    def signed(text: str) -> str:
        message = f"POST{text}[]1793280033150".encode()
        return base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()

    character = bytes.fromhex(encoded[1:]).decode()
    head = "https://kvartal.example/in"
    vector = {
        "uri": f"{head}?a={encoded}%20%25",
        "timestamp_ms": "1793280033150",
        "signature": signed(f"{head}?a={character}%20%25"),
    }
    assert signature_v3(sent(vector, b"[]")) == ""
