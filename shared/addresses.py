"""IP addresses of visitors: found, and masked before anything is kept of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from shared.security import token_fits


def viewer_ip(headers: Mapping[str, str], source_ip: str, site: Mapping[str, Any]) -> str:
    """The visitor's address. A proxy of the site tells it (`x-skvoz-viewer`, or CloudFront's `address:port`) and proves itself by a
    token (`x-skvoz-proxy`; settings `proxy_token_sha256`); of anybody else the address that the API itself sees is taken."""
    if not token_fits(headers.get("x-skvoz-proxy", ""), site.get("proxy_token_sha256", ())):
        return source_ip
    cloudfront = headers.get("cloudfront-viewer-address", "").rpartition(":")[0].strip("[]")
    return headers.get("x-skvoz-viewer", "") or cloudfront or source_ip


def mask_ip(text: str | None) -> str | None:
    """IPv4 with its last byte zeroed, IPv6 with its last 80 bits; None for anything else, so that garbage is not kept."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return str(IPv4Address(int(address) & 0xFFFFFF00))
    return str(IPv6Address(int(address) >> 80 << 80))


def prefix_of(text: str) -> str:
    """The neighbourhood that is counted against draining a pool of numbers: /24 of IPv4, /56 of IPv6; "" for what is no address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 56), strict=False))
