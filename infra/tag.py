"""The tag of the tracker, as a site's owner pastes it into every page."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.errors import BadInput


def tracker_tag(endpoint: str, site_id: str) -> str:
    """The tag that a site's owner pastes into every page. BadInput where `endpoint` is no address of http or https."""
    address = urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.netloc or set(endpoint) & set("\"'<> "):
        raise BadInput(f"{endpoint} is no address; write it like https://stat.shop.example")
    return f'<script async src="{endpoint.rstrip("/")}/skvoz.js" data-site="{site_id}"></script>'
