"""The import door: proof of origin, limits, then line by line; what is accepted is stored before the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.collect.door import Stores, count_cuts
from functions.collect.imports.lines import Import, content_of, record_of
from functions.collect.imports.unpack import MOST_LINE_BYTES, MOST_SENT_BYTES, lines_of
from shared.errors import TooLarge, Unauthorized, WrongType
from shared.http import Request, Response, json_response
from shared.ids import uuid7
from shared.lake import Rejected
from shared.marks import own_marks
from shared.new_requests import channels_of
from shared.records import HIT, PAYMENT, REQUEST, encode
from shared.secrets import Secrets
from shared.security import verify_webhook
from shared.sites import known_site
from shared.texts import Reason, Refused
from shared.trying import or_try_later
from shared.vault import contacts_of

if TYPE_CHECKING:
    from shared.ways import Way

CONTENT_TYPES = ("application/octet-stream", "application/gzip", "application/x-ndjson")
MOST_SHOWN = 1000  # rejected lines in the answer; all of them lie in rejected/import/


def post_import(request: Request, stores: Stores, randomness: bytes) -> Response:
    """Signed JSON lines for `?site=` → 202 with what was accepted and each refused line's number and reason.

    Errors: NotFound (site), Unauthorized (signature), WrongType, TooLarge, BadInput (gzip), TryLater (nothing stored, or a request
    not handed over: the sender repeats the import, whose lines keep their ids).
    """
    site_id, lake, secrets = request.query.get("site", ""), stores.lake, stores.secrets
    site = known_site(stores.sites, site_id, "import", request.now)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise WrongType(f"an import is JSON lines sent as {CONTENT_TYPES[0]}, plain or gzip")
    if len(request.body) > MOST_SENT_BYTES:
        raise TooLarge(f"an import has at most {MOST_SENT_BYTES} bytes as sent; compress it, or send it in parts")
    _check_signed(request, f"{site_id}/import", secrets)
    lines = lines_of(request.body, request.headers.get("content-encoding", "").strip().lower())
    currency = str(site.get("currency", "RUB"))
    shared = Import(site_id, currency, request.now, lambda: secrets.identity(request.now), own_marks(site), channels_of(site))
    records, refused = _read(lines, shared)
    batch_id = uuid7(request.now, randomness)
    for kind in (HIT, REQUEST, PAYMENT):
        if records[kind.name]:
            lake.append(kind, records[kind.name], batch_id, request.now)
    kept = [Rejected(reason, message, content_of(line)) for _, line, reason, message in refused]
    lake.reject(site_id, "import", kept, batch_id, request.now)
    count_cuts("import", shared.cuts)
    answer = _answer(records, refused)
    if shared.asked:
        answer["handed_over"] = or_try_later(lambda: _handed_over(shared, site, stores, request.now), "a new request")
    return json_response(202, answer)


def _handed_over(shared: Import, site: Mapping[str, Any], stores: Stores, now: datetime) -> int:
    from functions.collect.people.handover import Asked, hand_over_import  # few imports have a request that is news
    from shared.ways import way_of_visitor

    asked = []
    for record, phones, emails in shared.asked:
        asked.append(Asked(record, contacts_of(phones, emails, shared.identity_key()) if phones or emails else []))
    numbers, table = stores.numbers

    def way(visitor_id: str) -> Way | None:
        return way_of_visitor(numbers(), table, str(site["site_id"]), visitor_id)

    return hand_over_import(asked, site, stores.vault(), stores.handing, way, now)


def _check_signed(request: Request, name: str, secrets: Secrets) -> None:
    usable = secrets.signing(name, request.now)
    if not usable:
        raise Unauthorized("the signature cannot be checked: no usable import secret is set for this site")
    verify_webhook(request.body, request.headers, usable, request.now)


def _read(lines: list[tuple[int, bytes]], shared: Import) -> tuple[dict[str, list[bytes]], list[tuple[int, bytes, Reason, str]]]:
    records: dict[str, list[bytes]] = {HIT.name: [], REQUEST.name: [], PAYMENT.name: []}
    refused: list[tuple[int, bytes, Reason, str]] = []
    for number, line in lines:
        try:
            if len(line) > MOST_LINE_BYTES:
                raise Refused("line_too_long", f"a line has at most {MOST_LINE_BYTES} bytes")
            kind, record = record_of(line, shared)
            records[kind.name].append(encode(kind, record))
        except Refused as reason:
            refused.append((number, line, reason.reason, reason.message))
    return records, refused


def _answer(records: dict[str, list[bytes]], refused: list[tuple[int, bytes, Reason, str]]) -> dict[str, Any]:
    return {
        "accepted": sum(map(len, records.values())),
        "rejected_total": len(refused),
        "rejected": [{"line": number, "reason": reason, "message": message} for number, _, reason, message in refused[:MOST_SHOWN]],
    }
