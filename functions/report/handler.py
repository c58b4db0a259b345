"""GET /v1/reports/{token}: the page behind a mail's link, its workbook and figures, recordings of calls; …/unsubscribe: no more
mails.

The token is the key; nothing else is asked. Every recipient has his own, so unsubscribing with it stops his mail and nobody else's.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from functions.report.store import Files, Form, Ledger, Page
from shared.aws import client, env
from shared.errors import BadInput, NotFound
from shared.http import Event, Request, Response, answer, response
from shared.log import count, logger
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader

if TYPE_CHECKING:
    from functions.report.recordings.fetch import Line

MOST_TOKEN = 200
MOST_FORM = 2000  # bytes of a posted form that are looked at
MOST_ANSWER = 4_400_000  # Lambda answers at most 6 MB, and bytes travel as base64
ADDRESS_SECONDS = 300
HTML = "text/html; charset=utf-8"
FORMS: dict[str, Form] = {"": "html", "html": "html", "xlsx": "xlsx", "json": "json"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY.format(forms="'none'"),
    "x-robots-tag": "noindex, nofollow",
    "vary": "accept, accept-encoding",
}
FORM_HEADERS = {**HEADERS, "content-security-policy": POLICY.format(forms="'self'")}


def lambda_handler(event: Event, context: Any) -> Response:
    """Entry point of the HTTP API."""
    routes = {
        "GET /v1/reports/{token}": show,
        "GET /v1/reports/{token}/unsubscribe": ask,
        "POST /v1/reports/{token}/unsubscribe": unsubscribe,
    }
    return answer(event, routes, on_crash)


def show(request: Request) -> Response:
    """The page, or with ?format=xlsx|json the workbook or the figures, with ?recording={request id} a call's recording. 404: as a
    page for browsers, in the one error shape for everybody else."""
    if "recording" in request.query:
        return _recording(request, request.query["recording"])
    form = FORMS.get(request.query.get("format", ""))
    if form is None:
        raise BadInput("format must be html, xlsx or json")
    try:
        return _report(request, form)
    except NotFound:
        return _not_found(request)


def ask(request: Request) -> Response:
    """Asks before anything is done: mail scanners open every link of a mail."""
    try:
        page = _reader(request)
    except NotFound:
        return _not_found(request)
    return _unsubscribe_page(page, "off" if _ledger().is_off(page.site_id, page.recipient_hash) else "ask")


def unsubscribe(request: Request) -> Response:
    """No more mails for the token's recipient; with the field undo=1 they come again. The body of a one-click POST (RFC 8058) says
    nothing more than the POST itself, so any other body unsubscribes too."""
    try:
        page = _reader(request)
    except NotFound:
        return _not_found(request)
    is_off = b"undo=1" not in request.body[:MOST_FORM].split(b"&")
    _ledger().set_off(page.site_id, page.recipient_hash, is_off, request.now)
    count({"Unsubscribed" if is_off else "Resubscribed": 1})
    return _unsubscribe_page(page, "off" if is_off else "on")


def on_crash(route: str) -> None:
    logger().exception("unforeseen error", extra={"route": route})


def _ledger() -> Ledger:
    return Ledger(client("dynamodb"), env("LEDGER_TABLE"))


def line() -> Line:
    """The way out to the telephonies."""
    from functions.report.recordings.fetch import Line

    return Line()


def _recording(request: Request, request_id: str) -> Response:
    """Imported on demand: few ask for it, and the page is in everybody's way."""
    from functions.report.recordings.kept import Kept
    from functions.report.recordings.player import Player

    s3, dynamodb, bucket = client("s3"), client("dynamodb"), env("FILES_BUCKET")
    sites, secrets = Sites(object_reader(s3, bucket)), Secrets(parameter_reader(client("ssm"), env("STAGE")))
    player = Player(_ledger(), sites, secrets, dynamodb, env("NUMBERS_TABLE"), Kept(s3, bucket), line())
    return player.play(request, _opened(request), request_id)


def _opened(request: Request) -> Page | None:
    token = request.path_parameters.get("token", "")
    return _ledger().page(token) if 0 < len(token) <= MOST_TOKEN else None


def _page(request: Request) -> Page:
    page = _opened(request)
    if page is None:
        raise NotFound("there is no such report; open the link of your latest mail")
    return page


def _reader(request: Request) -> Page:
    page = _page(request)
    if not page.recipient_hash:  # a mail of before every recipient had a token of his own
        raise NotFound("this link cannot unsubscribe; open the one of your latest mail")
    return page


def _report(request: Request, form: Form) -> Response:
    page = _page(request)
    files = Files(client("s3"), env("FILES_BUCKET"))
    stored = files.form(page.object_key, form)
    if stored is None:
        raise NotFound("there is no such report; open the link of your latest mail")
    headers = {**HEADERS, **({"content-disposition": stored.disposition} if form != "html" else {})}
    body, is_packed = stored.body, "gzip" in request.headers.get("accept-encoding", "")
    if form != "xlsx" and is_packed:
        # A page of thousands of campaigns would not fit into an answer otherwise.
        body, headers = gzip.compress(body, mtime=0), {**headers, "content-encoding": "gzip"}
    if len(body) > MOST_ANSWER:
        address = files.address(page.object_key, form, ADDRESS_SECONDS)
        return response(302, "", "text/plain; charset=utf-8", {**HEADERS, "location": address})
    is_text = form != "xlsx" and not is_packed
    return response(200, body.decode() if is_text else body, stored.content_type, headers)


def _unsubscribe_page(page: Page, state: str) -> Response:
    from functions.report.render import unsubscribe_page

    return response(200, unsubscribe_page(page.site_name or page.site_id, page.language or "ru", state), HTML, FORM_HEADERS)


def _not_found(request: Request) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFound("there is no such report; open the link of your latest mail")
    from functions.report.render import not_found_page

    language = "ru" if request.headers.get("accept-language", "ru").lower().startswith("ru") else "en"
    return response(404, not_found_page(language), HTML, HEADERS)
