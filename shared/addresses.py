"""IP addresses of visitors: found, and masked before anything is kept of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def viewer_ip(headers: Mapping[str, str], source_ip: str) -> str:
    """The visitor's address: CloudFront tells it as `address:port`, and then the source address is CloudFront's own."""
    return headers.get("cloudfront-viewer-address", "").rpartition(":")[0].strip("[]") or source_ip


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
