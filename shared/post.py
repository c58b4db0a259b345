"""One POST to an address of the settings or of our own. The standard library's client: nothing follows a redirect, a proxy or
another scheme, and nothing is shipped for it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float = 4.0) -> int:
    """Status of the answer; its body is not read. OSError or HTTPException where there is none within so many seconds of
    silence."""
    from http.client import HTTPConnection, HTTPSConnection  # with ssl: the lease's door needs neither, and a visitor waits for it

    parts = urlsplit(url)
    kind = HTTPConnection if parts.scheme == "http" else HTTPSConnection  # settings take https only
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()
