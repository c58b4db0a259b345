"""GET /v1/numbers/{number}?site=…: the PBX asks, while it rings, whose call this is. One query and at most two reads."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from functions.numberpool.pbx.resolve import resolve
from functions.numberpool.pbx.told import read_phone
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
    """200 {number, kind, visitor_id, resolved_by, utm_* of a static number}: who holds the number now.

    Signed over `GET {path}?{query as sent}` in place of a body. `kind`: dynamic, static, default, or unknown (not the site's).
    `caller=` in the query is the caller's phone, and may tell who calls a number that nobody holds. NotFound (site), Unauthorized,
    BadInput (number); TryLater while the store fails.
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
    try:
        return json_response(200, _found(request, site_id, rules_of(site), number, secrets, store))
    except SkvozError:
        raise
    except Exception as error:
        count({"LookupFailed": 1})
        logger().error("a number could not be looked up", extra={"site_id": site_id, "error": type(error).__name__})
        raise TryLater("the number cannot be looked up now; ask again") from error


def _found(request: Request, site_id: str, rules: Rules, number: str, secrets: Secrets, store: Store) -> dict[str, Any]:
    caller = read_phone(request.query.get("caller"))
    caller_hash = phone_hash(caller, _identity(secrets, request)) if caller else None
    resolved = resolve(store, site_id, rules, number, caller_hash, request.now)
    count({"NumberLookedUp": 1}, ResolvedBy=resolved.by)
    return {
        "number": number,
        "kind": _kind(store, site_id, rules, number),
        "visitor_id": resolved.visitor_id,
        "resolved_by": resolved.by,
        **resolved.marks,
    }


def _kind(store: Store, site_id: str, rules: Rules, number: str) -> str:
    if rules.static_of(number):
        return "static"
    if number == rules.default or number in rules.replaces:
        return "default"
    return "dynamic" if store.number(site_id, number) else "unknown"


def _identity(secrets: Secrets, request: Request) -> bytes:
    try:
        return secrets.key("identity", request.now)
    except LookupError as error:
        raise TryLater("this installation cannot hash people's keys yet; its operator runs: skvoz secrets init") from error
