"""GET and HEAD /v1/reports/{token}: the page behind a mail's link, the files of its snapshot, its workbook and figures, recordings
of calls; …/unsubscribe: no more mails.

The token is the key; nothing else is asked, no cookie read. Every recipient has his own, so unsubscribing with it stops his mail
and nobody else's; it does so after the page has expired or was revoked, too. CRMs show the page in a panel, some by POST.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from functions.report.store import Files, Form, Ledger, Page
from shared.aws import client, env
from shared.errors import BadInput, NotFound, TooLarge, TryLater
from shared.http import Event, Request, Response, answer, response
from shared.log import count, logger
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader

if TYPE_CHECKING:
    from functions.report.recordings.fetch import Line

MOST_TOKEN = 200
MOST_FORM = 2000  # bytes of a posted form that are looked at
MOST_POSTED = 64_000  # bytes of what a CRM posts to a panel's address; nothing of it is read
MOST_ANSWER = 4_400_000  # Lambda answers at most 6 MB, and bytes travel as base64
ADDRESS_SECONDS = 300
HTML = "text/html; charset=utf-8"
FORMS: dict[str, Form] = {"": "html", "html": "html", "xlsx": "xlsx", "json": "json"}
DATA_NAME = re.compile(r"[a-z0-9_.-]{1,80}", re.ASCII)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action {forms}; frame-ancestors {ancestors}"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY.format(forms="'none'", ancestors="'none'"),
    "x-robots-tag": "noindex, nofollow",
    "vary": "accept, accept-encoding",
}
FORM_HEADERS = {**HEADERS, "content-security-policy": POLICY.format(forms="'self'", ancestors="'none'")}
# A browser may keep the data, and asks each time whether its link still opens it.
DATA_HEADERS = {**HEADERS, "cache-control": "private, no-cache", "content-encoding": "gzip"}
NOT_FOUND = "the link opens no report: it is wrong, out of date or revoked; open the link of your latest mail"


def lambda_handler(event: Event, context: Any) -> Response:
    """Entry point of the HTTP API."""
    routes = {
        "GET /v1/reports/{token}": show,
        "HEAD /v1/reports/{token}": show,
        "POST /v1/reports/{token}": show_posted,
        "GET /v1/reports/{token}/unsubscribe": ask,
        "POST /v1/reports/{token}/unsubscribe": unsubscribe,
    }
    told = answer(event, routes, on_crash)
    return {**told, "body": "", "isBase64Encoded": False} if str(event.get("routeKey", "")).startswith("HEAD ") else told


def show(request: Request) -> Response:
    """The page; with ?data=NAME a file of its snapshot, with ?format=xlsx|json the workbook or the figures, with
    ?recording={request id} a call's recording. 404: as a page for browsers, in the one error shape for everybody else."""
    if "recording" in request.query:
        return _recording(request, request.query["recording"])
    if "data" in request.query:
        return _data(request, request.query["data"])
    form = FORMS.get(request.query.get("format", ""))
    if form is None:
        raise BadInput("format must be html, xlsx or json")
    return _report(request, form)


def show_posted(request: Request) -> Response:
    """The same page: Bitrix24 opens the address of a placement by a POST that tells of its user, which is nothing to us."""
    if len(request.body) > MOST_POSTED:
        raise TooLarge(f"at most {MOST_POSTED} bytes; nothing of them is read")
    return _report(request, "html")


def ask(request: Request) -> Response:
    """Asks before anything is done: mail scanners open every link of a mail."""
    page = _told(request)
    if page is None or not page.recipient_hash:
        return _nobody(request, page)
    return _unsubscribe_page(page, "off" if _ledger().is_off(page.site_id, page.recipient_hash) else "ask")


def unsubscribe(request: Request) -> Response:
    """No more mails for the token's recipient; with the field undo=1 they come again. The body of a one-click POST (RFC 8058) says
    nothing more than the POST itself, so any other body unsubscribes too."""
    page = _told(request)
    if page is None or not page.recipient_hash:
        return _nobody(request, page)
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
    return player.play(request, _open(request, _told(request)), request_id)


def _told(request: Request) -> Page | None:
    """What the token was made for, whatever became of it since; None, and counted, for a token that nobody was given."""
    token = request.path_parameters.get("token", "")
    page = _ledger().page(token) if 0 < len(token) <= MOST_TOKEN else None
    if page is None:
        count({"ReportLinkUnknown": 1})
    return page


def _open(request: Request, page: Page | None) -> Page | None:
    """The page, where its link may still show it; one that may not is counted. None, too, for the link of a mail without a page."""
    if page is not None and not page.object_key:
        return None
    if page is None or (state := page.state(request.now)) == "open":
        return page
    if state == "expired":
        count({"ReportLinkExpired": 1})
    else:
        count({"ReportLinkRevoked": 1})
    logger().info("a link that opens nothing any more", extra={"site_id": page.site_id, "reason": state})
    return None


def _report(request: Request, form: Form) -> Response:
    told = _told(request)
    page = _open(request, told)
    files = Files(client("s3"), env("FILES_BUCKET"))
    stored = files.form(page.object_key, form) if page else None
    headers = {**HEADERS, "content-security-policy": PAGE_POLICY.format(ancestors=_ancestors(request, told))}
    if page is None or stored is None:
        return _not_found(request, headers)
    if form != "html":
        headers["content-disposition"] = stored.disposition
    body, is_packed = stored.body, takes_gzip(request.headers.get("accept-encoding", ""))
    if form != "xlsx" and is_packed:
        # A page of thousands of campaigns would not fit into an answer otherwise.
        body, headers = gzip.compress(body, mtime=0), {**headers, "content-encoding": "gzip"}
    if len(body) > MOST_ANSWER:
        address = files.address(page.object_key, form, ADDRESS_SECONDS)
        return response(302, "", "text/plain; charset=utf-8", {**headers, "location": address})
    is_text = form != "xlsx" and not is_packed
    return response(200, body.decode() if is_text else body, stored.content_type, headers)


def _data(request: Request, name: str) -> Response:
    """A file of the page's snapshot, packed as it lies there: the page asks for it by the token that opened the page itself."""
    page = _open(request, _told(request))
    is_name = DATA_NAME.fullmatch(name) is not None
    body = Files(client("s3"), env("FILES_BUCKET")).data(page.object_key, name) if page and is_name else None
    if body is None:
        raise NotFound(NOT_FOUND if page is None else "the report has no such data; load its page again")
    kind = "text/javascript; charset=utf-8" if name.endswith(".js") else "application/json"
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**DATA_HEADERS, "etag": tag}
    if tag in request.headers.get("if-none-match", ""):  # weak, too: gateways may mark it so
        return response(304, "", kind, {name: value for name, value in headers.items() if name != "content-encoding"})
    return response(200, body, kind, headers)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header allows gzip: named, or by a star, and not with the weight 0 (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for told in accepted.lower().split(","):
        coding, *parameters = (part.strip() for part in told.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        weights[coding] = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _ancestors(request: Request, page: Page | None) -> str:
    """Who may show the page in a frame, by the site's settings in force; nobody, while they cannot be read."""
    try:
        site = _sites(client("s3"), env("FILES_BUCKET")).find(page.site_id, request.now) if page else {}
    except (TryLater, ValueError):
        logger().warning("the page may be shown in no frame: the settings cannot be read")
        site = {}
    return " ".join(site.get("report", {}).get("frame_ancestors") or ()) or "'none'"


@lru_cache(maxsize=4)
def _sites(s3: Any, bucket: str) -> Sites:
    """Settings kept for 60 s between calls."""
    return Sites(object_reader(s3, bucket))


def _unsubscribe_page(page: Page, state: str, status: int = 200) -> Response:
    from functions.report.render import unsubscribe_page

    return response(status, unsubscribe_page(page.site_name or page.site_id, page.language or "ru", state), HTML, FORM_HEADERS)


def _nobody(request: Request, page: Page | None) -> Response:
    """No mail stops: nobody has the token, or it is of a preview or of a mail of before every recipient had a token of his own."""
    if page is None or "text/html" not in request.headers.get("accept", ""):
        return _not_found(request)
    return _unsubscribe_page(page, "none", 404)


def _not_found(request: Request, headers: Mapping[str, str] = HEADERS) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFound(NOT_FOUND)
    from functions.report.render import not_found_page

    language = "ru" if request.headers.get("accept-language", "ru").lower().startswith("ru") else "en"
    return response(404, not_found_page(language), HTML, headers)
