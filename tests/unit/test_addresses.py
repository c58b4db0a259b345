"""Whose address counts: the one that the API sees, unless a proxy of the site proves itself; and what neighbours are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import prefix_of, viewer_ip
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
