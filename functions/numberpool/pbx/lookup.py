"""Whose call is it, and where should it go, while it rings: GET /v1/numbers/{number}?site=…, and the questions of telephonies.

Reads of the table, while nobody leases that very number: of one that is held, the last assignment (a query) and the number;
of any other, the assignment, the caller's past (a query) and whose number it is. A code told is one read more, and so is the
client's manager, for sites that say where managers answer (`calls.managers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from functions.numberpool.pbx.adapter import Question
from functions.numberpool.pbx.clients import manager_of
from functions.numberpool.pbx.reading import read_code, read_phone
from functions.numberpool.pbx.resolve import Caller, ResolvedBy, resolve
from functions.numberpool.pbx.routing import Found, Kind, route_of
from functions.numberpool.rules import Rules, rules_of
from functions.numberpool.store import Store
from shared.errors import BadInput, FieldError, SkvozError, TryLater
from shared.http import Request, Response, json_response
from shared.identity import phone_hash
from shared.log import count, logger
from shared.secrets import Secrets
from shared.signed import check_signed
from shared.sites import Sites, known_site

DOOR = "numbers-lookup"


def lookup(request: Request, sites: Sites, secrets: Secrets, store: Store) -> Response:
    """200 {number, kind, visitor_id, resolved_by, utm_* of the visit or of a static number, manager, route}: who holds the number
    now.

    Signed over `GET {path}?{query as sent}` in place of a body. `kind`: dynamic, static, default, or unknown (not the site's).
    `caller=` in the query is the caller's phone, and may tell who calls a number that nobody holds; `code=` the digits that he
    told. NotFound (site), Unauthorized, BadInput (number); TryLater while the store fails.
    """
    sent = request.path_parameters.get("number", "")
    site_id = request.query.get("site", "")
    site = known_site(sites, site_id, DOOR, request.now)
    # The gateway decodes the path: a plus in it may have been signed as it is or as %2B.
    plain, *others = [
        f"GET /v1/numbers/{spelling}?{request.raw_query}".encode("utf-8", "surrogatepass")
        for spelling in (sent, quote(sent, safe="", errors="replace"), quote(sent, safe="+", errors="replace"))
    ]
    check_signed(request, secrets, f"{site_id}/calls-generic", DOOR, plain, *others)
    number = read_phone(sent)
    if number is None:
        raise BadInput("this is no phone number", [FieldError("number", "best in international form: 74950000031")])
    question = Question(number, read_phone(request.query.get("caller")), read_code(request.query.get("code")))
    try:
        return json_response(200, found(request, site, rules_of(site), question, secrets, store).told())
    except SkvozError:
        raise
    except Exception as error:
        count({"LookupFailed": 1})
        logger().error("a number could not be looked up", extra={"site_id": site_id, "error": type(error).__name__})
        raise TryLater("the number cannot be looked up now; ask again") from error


def found(request: Request, site: Mapping[str, Any], rules: Rules, question: Question, secrets: Secrets, store: Store) -> Found:
    """Who calls, from which ad, and where the call should go. Errors of the store are raised."""
    site_id = str(site["site_id"])
    caller_hash = phone_hash(question.caller, secrets.identity(request.now)) if question.caller else None
    caller = Caller(caller_hash, question.code)
    resolved = resolve(store, site_id, rules, question.number, caller, request.now, needs_other=False)
    count({"NumberLookedUp": 1}, ResolvedBy=resolved.by)
    marks = resolved.marks or resolved.visit
    at = request.now.astimezone(ZoneInfo(site["time_zone"]))
    manager = manager_of(store, site, caller_hash) if caller_hash else None
    route = route_of((site.get("calls") or {}).get("routes") or (), at, question.number, marks, manager)
    kind = _kind(store, site_id, rules, question.number, resolved.by)
    return Found(question.number, kind, resolved.visitor_id, resolved.by, marks, manager, route)


def _kind(store: Store, site_id: str, rules: Rules, number: str, by: ResolvedBy) -> Kind:
    if rules.static_of(number):
        return "static"
    if number in rules.defaults or number in rules.replaces:
        return "default"
    return "dynamic" if by in ("lease", "late_lease") or store.pool_of(site_id, number) else "unknown"
