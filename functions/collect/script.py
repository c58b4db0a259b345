"""GET /skvoz.js and /skvoz.core.js (without numbers): the tracker, cached by browsers for an hour and revalidated by its hash."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from shared.http import Request, Response, response

FILE = Path(__file__).parent / "tracker" / "skvoz.js"  # and skvoz.core.js beside it: built from tracker/src
MAX_AGE_SECONDS = 3600


@cache
def tracker(name: str) -> tuple[str, str]:
    """Text of a built file and its entity tag."""
    text = FILE.with_name(name).read_text("utf-8")
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def get_script(request: Request) -> Response:
    """The script that the route names, or 304 when the browser has this very one."""
    text, tag = tracker(request.route.rpartition("/")[2])
    headers = {
        "etag": tag,
        "cache-control": f"public, max-age={MAX_AGE_SECONDS}",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    known = {entry.strip().removeprefix("W/") for entry in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return response(304, "", "text/javascript; charset=utf-8", headers)
    return response(200, text, "text/javascript; charset=utf-8", headers)
