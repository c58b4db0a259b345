"""IP addresses of visitors: found, and masked before anything is kept of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from shared.security import token_fits


def viewer_ip(headers: Mapping[str, str], source_ip: str, site: Mapping[str, Any]) -> str:
    """The visitor's address. A proxy of the site tells it (`x-skvoz-viewer`, or CloudFront's `address:port`) and proves itself by a
    token (`x-skvoz-proxy`; settings `proxy_token_sha256`); of anybody else the address that the API itself sees is taken."""
    if not is_of_proxy(headers, site):
        return source_ip
    cloudfront = headers.get("cloudfront-viewer-address", "").rpartition(":")[0].strip("[]")
    return headers.get("x-skvoz-viewer", "") or cloudfront or source_ip


def is_of_proxy(headers: Mapping[str, str], site: Mapping[str, Any]) -> bool:
    """Whether a proxy of the site sent the request: what its headers say of the visitor is then believed."""
    return token_fits(headers.get("x-skvoz-proxy", ""), site.get("proxy_token_sha256", ()))


def mask_ip(text: str | None) -> str | None:
    """IPv4 with its last byte zeroed, IPv6 with its last 80 bits; None for anything else, so that garbage is not kept."""
    address = _address(text or "")
    if address is None:
        return None
    if isinstance(address, IPv4Address):
        return str(IPv4Address(int(address) & 0xFFFFFF00))
    return str(IPv6Address(int(address) >> 80 << 80))


def prefix_of(text: str) -> str:
    """The neighbourhood that is counted against draining a pool of numbers: /24 of IPv4, /56 of IPv6; "" for what is no address."""
    address = _address(text)
    if address is None:
        return ""
    return str(ip_network((address, 24 if address.version == 4 else 56), strict=False))


def is_own(text: str, site: Mapping[str, Any]) -> bool:
    """Whether an address is one of the site's own (settings `sources.own_addresses`: addresses and networks of both versions). What
    is no address is nobody's; IPv6 that carries IPv4 (::ffff:203.0.113.7) is that IPv4."""
    networks = site.get("sources", {}).get("own_addresses")
    address = _address(text) if networks else None
    if address is None:
        return False
    number, prefixes = int(address), _prefixes(tuple(networks))
    return any(version == address.version and number >> bits in known for (version, bits), known in prefixes.items())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(maxsize=64)
def _prefixes(networks: tuple[str, ...]) -> Mapping[tuple[int, int], frozenset[int]]:
    """Networks by version and bits of the host: hundreds of them are then looked up in a few sets. A network that cannot be read
    (settings are checked when they are published) is nobody's."""
    found: dict[tuple[int, int], set[int]] = {}
    for text in networks:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            continue
        version, bits = network.version, network.max_prefixlen - network.prefixlen
        number = int(network.network_address)
        if version == 6 and network.prefixlen >= 96 and number >> 32 == 0xFFFF:
            version, number = 4, number & 0xFFFFFFFF
        found.setdefault((version, bits), set()).add(number >> bits)
    return {key: frozenset(prefixes) for key, prefixes in found.items()}
