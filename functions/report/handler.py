"""GET /v1/reports/{token}: the page behind a mail's link. The token is the key; nothing else is asked."""

from __future__ import annotations

import gzip
from typing import Any

from functions.report.store import Files, Ledger
from shared.aws import client, env
from shared.errors import NotFound
from shared.http import Event, Request, Response, answer, response
from shared.log import logger

MOST_TOKEN = 200
HTML = "text/html; charset=utf-8"
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-robots-tag": "noindex, nofollow",
    "vary": "accept, accept-encoding",
}


def lambda_handler(event: Event, context: Any) -> Response:
    """Entry point of the HTTP API."""
    return answer(event, {"GET /v1/reports/{token}": show}, on_crash)


def show(request: Request) -> Response:
    """The page, or 404: as a page for browsers, in the one error shape for everybody else."""
    try:
        return _html(200, _page(request.path_parameters.get("token", "")), request)
    except NotFound:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        from functions.report.render import not_found_page

        language = "ru" if request.headers.get("accept-language", "ru").lower().startswith("ru") else "en"
        return _html(404, not_found_page(language).encode(), request)


def on_crash(route: str) -> None:
    logger().exception("unforeseen error", extra={"route": route})


def _page(token: str) -> bytes:
    key = Ledger(client("dynamodb"), env("LEDGER_TABLE")).page_key(token) if 0 < len(token) <= MOST_TOKEN else None
    page = Files(client("s3"), env("FILES_BUCKET")).page(key) if key else None
    if page is None:
        raise NotFound("there is no such report; open the link of your latest mail")
    return page


def _html(status: int, page: bytes, request: Request) -> Response:
    """Compressed where the reader takes it: a page of thousands of campaigns would not fit into an answer otherwise."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return response(status, gzip.compress(page, mtime=0), HTML, {**HEADERS, "content-encoding": "gzip"})
    return response(status, page.decode(), HTML, HEADERS)
