"""Whose address counts: the one that the API sees, unless a proxy of the site proves itself; which are the site's own, what
neighbours are, and what is kept of an address."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import is_own, mask_ip, prefix_of, viewer_ip
from shared.security import token_sha256

SITE = {"site_id": "shop", "proxy_token_sha256": [token_sha256("proxy-token")]}
TOLD = {"x-skvoz-viewer": "198.51.100.9", "cloudfront-viewer-address": "2001:db8::9:443"}


def test_an_address_in_a_header_is_not_believed_without_the_proxys_token() -> None:
    for token in ({}, {"x-skvoz-proxy": ""}, {"x-skvoz-proxy": "guessed"}):
        assert viewer_ip(TOLD | token, "203.0.113.7", SITE) == "203.0.113.7"
    assert viewer_ip(TOLD | {"x-skvoz-proxy": "proxy-token"}, "203.0.113.7", {"site_id": "shop"}) == "203.0.113.7"


def test_a_proxy_with_its_token_tells_the_address_in_its_own_header_or_as_cloudfront_does() -> None:
    proved = {"x-skvoz-proxy": "proxy-token"}
    assert viewer_ip(TOLD | proved, "203.0.113.7", SITE) == "198.51.100.9"
    cloudfront = {"cloudfront-viewer-address": TOLD["cloudfront-viewer-address"]}
    assert viewer_ip(cloudfront | proved, "203.0.113.7", SITE) == "2001:db8::9"
    assert viewer_ip(proved, "203.0.113.7", SITE) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("", ""),
        ("not an address", ""),
    ],
)
def test_neighbours_are_24_bits_of_ipv4_and_56_of_ipv6(address: str, prefix: str) -> None:
    assert prefix_of(address) == prefix


@given(st.text(max_size=60))
def test_whatever_is_told_has_a_prefix_or_none(text: str) -> None:
    assert prefix_of(text) == "" or "/" in prefix_of(text)


OWN = {
    "site_id": "shop",
    "sources": {"own_addresses": ["203.0.113.7/32", "198.51.100.0/24", "2001:db8:a::/48", "::ffff:192.0.2.0/120", "10.0.0.0"]},
}


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("::ffff:cb00:7107", True),
        ("203.0.113.8", False),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("2001:DB8:A:1::9", True),
        ("2001:db8:a:1::9%eth0", True),
        ("2001:db8:b::9", False),
        ("192.0.2.200", True),
        ("10.0.0.0", True),
        ("10.0.0.1", False),
        ("::203.0.113.7", False),  # another address than the IPv4 one, though its last bits are the same
        ("", False),
        ("203.0.113.7:443", False),
        ("unknown", False),
    ],
)
def test_own_addresses_are_networks_of_both_versions(address: str, own: bool) -> None:
    assert is_own(address, OWN) is own
    assert is_own(address, {"site_id": "shop"}) is False
    assert is_own(address, {"sources": {"own_addresses": []}}) is False


def test_a_network_that_cannot_be_read_is_nobodys_and_spoils_no_other() -> None:
    site = {"sources": {"own_addresses": ["office", "203.0.113.7/99", "203.0.113.8"]}}
    assert is_own("203.0.113.8", site) is True
    assert is_own("203.0.113.7", site) is False


@given(st.lists(st.ip_addresses(), max_size=5), st.integers(8, 32), st.ip_addresses())
def test_own_addresses_agree_with_the_standard_librarys_networks(bases: list[Any], prefix: int, address: Any) -> None:
    networks = [ip_network((base, prefix), strict=False) for base in bases]
    site = {"sources": {"own_addresses": [str(network) for network in networks]}}
    for asked in (address, *bases):
        plain = getattr(asked, "ipv4_mapped", None) or asked
        assert is_own(str(asked), site) is any(plain in network for network in networks)


@given(st.text(max_size=60))
def test_whatever_is_told_as_an_address_is_own_or_not(text: str) -> None:
    assert is_own(text, OWN) in (True, False)
    assert is_own("203.0.113.7", {"sources": {"own_addresses": [text]}}) in (True, False)


MASKED = json.loads((Path(__file__).parents[1] / "data/referrers/snowplow-anon-ip-cases.json").read_text("utf-8"))["cases"]


@pytest.mark.conformance
@pytest.mark.parametrize("case", MASKED, ids=lambda case: f"{case['ip']}-{case['v4_octets']}-{case['v6_segments']}")
def test_addresses_are_masked_as_snowplow_masks_one_octet_and_five_segments(case: dict[str, Any]) -> None:
    """Snowplow masks as many octets and segments as its settings say; we always mask one octet of IPv4 (/24) and five segments of
    IPv6 (/48). Stated differences: what is no address is kept by them as far as it looks like one, by us not at all; they write x,
    we write 0, in the canonical form; IPv4 in IPv6 is IPv4 to us, so that one visitor has one masked address."""
    sent, masked = case["ip"], mask_ip(case["ip"])
    try:
        address = ip_address(sent or "")
    except ValueError:
        assert masked is None
        return
    assert masked is not None
    if address.version == 4:
        assert masked == ".".join([*sent.split(".")[:3], "0"])
    elif address.ipv4_mapped:
        assert masked == "152.16.24.0"
    else:
        assert ip_address(masked).exploded.split(":") == [*address.exploded.split(":")[:3], *["0000"] * 5]
    if (case["v4_octets"] if address.version == 4 else case["v6_segments"]) == (1 if address.version == 4 else 5):
        theirs = case["expected"].replace("x", "0")
        assert ip_address(theirs) == ip_address(masked)


def test_the_conformance_cases_have_their_equals_among_ours() -> None:
    assert len(MASKED) == 27
    same = [c for c in MASKED if c["ip"] and ((":" in c["ip"] and c["v6_segments"] == 5) or c["ip"] == "0.23.0.20")]
    assert len(same) == 2
