"""What the request itself tells of a hit: whether it came from an address of the site's own, and through which network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.security import token_sha256
from tests.api.collect_door import HIT_ID, Collect, recorded

SETTINGS = {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}
OFFICE = {"sources": {"own_addresses": ["203.0.113.7", "2001:db8:a::/48"]}}
PROXY = {"proxy_token_sha256": [token_sha256("proxy-token")]}


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    collect = Collect(monkeypatch)
    collect.publish({**SETTINGS, **OFFICE, **PROXY})
    return collect


def from_address(collect: Collect, address: str, door: str = "hits_post", headers: dict[str, str] | None = None) -> dict[str, Any]:
    event = recorded(door)
    event["requestContext"]["http"]["sourceIp"] = address
    event["headers"].update(headers or {})
    collect.call(event)
    return collect.stored()[-1]


@pytest.mark.parametrize("door", ["hits_post", "hit_gif_get"])
@pytest.mark.parametrize("address", ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:a:7::1"])
def test_a_hit_from_an_own_address_is_kept_and_marked(collect: Collect, door: str, address: str) -> None:
    hit = from_address(collect, address, door)
    assert hit["is_own"] is True
    assert hit["ip_masked"] in ("203.0.113.0", "2001:db8:a::")


@pytest.mark.parametrize("door", ["hits_post", "hit_gif_get"])
@pytest.mark.parametrize("address", ["203.0.113.8", "2001:db8:b::1", "", "unknown"])
def test_a_hit_from_elsewhere_has_no_such_mark(collect: Collect, door: str, address: str) -> None:
    assert "is_own" not in from_address(collect, address, door)


def test_a_proxys_visitor_is_judged_by_the_address_it_proves_to_know(collect: Collect) -> None:
    told = {"x-skvoz-viewer": "203.0.113.7", "x-skvoz-proxy": "proxy-token"}
    assert from_address(collect, "198.51.100.1", headers=told)["is_own"] is True
    assert "is_own" not in from_address(collect, "203.0.113.7", headers=told | {"x-skvoz-viewer": "198.51.100.9"})
    assert "is_own" not in from_address(collect, "198.51.100.1", headers=told | {"x-skvoz-proxy": "guessed"})


def test_without_consent_a_hit_is_still_known_as_the_sites_own(collect: Collect) -> None:
    hit = from_address(collect, "203.0.113.7", headers={"dnt": "1"})
    assert (hit["is_own"], hit["consent"]) == (True, "denied")
    assert "ip_masked" not in hit


def test_settings_without_own_addresses_know_none(collect: Collect) -> None:
    collect.publish(SETTINGS)
    assert "is_own" not in from_address(collect, "203.0.113.7")


def test_an_import_tells_no_address_of_the_sites_own(collect: Collect) -> None:
    line = {"type": "hit", "id": HIT_ID, "occurred_at": "2026-10-12T10:40:26+03:00", "ip": "203.0.113.7"}
    collect.lines(line)
    assert "is_own" not in collect.stored()[0]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("13335", 13335),
        ("0", 0),
        ("4294967295", 4294967295),
        ("4294967296", None),
        ("00000013335", None),
        ("AS13335", None),
        ("-1", None),
        (" 13335", None),
        ("\u0661\u0663", None),
        ("1" * 5000, None),
        ("", None),
    ],
)
def test_autonomous_system_is_what_the_edge_says_if_it_can_be_one(collect: Collect, sent: str, stored: int | None) -> None:
    assert from_address(collect, "198.51.100.1", headers={"cloudfront-viewer-asn": sent}).get("asn") == stored


def test_own_parameters_of_a_page_keep_their_digits_as_marks_do(collect: Collect) -> None:
    sources = {
        "parameters": {"utm_campaign": ["cid"]},
        "click_ids": {"partner_click": {"source": "partner", "medium": "affiliate"}},
    }
    collect.publish({**SETTINGS, "sources": sources})
    url = "https://kvartal.example/?cid=79161234567&partner_click=89161234567&other=79161234567"
    stored = "https://kvartal.example/?cid=79161234567&partner_click=89161234567&other=[phone]"
    collect.hits({"url": url})
    collect.pixel(site="kvartal", url=url)
    collect.lines({"type": "hit", "occurred_at": "2026-10-12T10:40:26+03:00", "page_url": url})
    assert [hit["page_url"] for hit in collect.stored()] == [stored] * 3
    collect.hits({"url": url, "id": "17"})
    assert "9161234567" not in json.dumps(collect.rejected())
