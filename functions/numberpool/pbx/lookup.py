"""The PBX asks whose call it is, and where it should go, while it rings: GET /v1/numbers/{number}?site=… (answering.py)."""

from __future__ import annotations

from urllib.parse import quote

from functions.numberpool.pbx.adapter import Question
from functions.numberpool.pbx.answering import Answers
from functions.numberpool.pbx.reading import read_code, read_phone
from shared.errors import BadInput, FieldError, TryLater
from shared.http import Request, Response, json_response
from shared.secrets import Secrets
from shared.signed import check_signed
from shared.sites import Sites, known_site

DOOR = "numbers-lookup"
ANSWERS_WITHIN = 2.0  # seconds


def lookup(request: Request, sites: Sites, secrets: Secrets, answers: Answers) -> Response:
    """200 {number, kind, visitor_id, resolved_by, utm_* of the visit or of a static number, manager, route}: who holds the number
    now.

    Signed over `GET {path}?{query as sent}` in place of a body. `kind`: dynamic, static, default, or unknown (not the site's).
    `caller=` in the query is the caller's phone, and may tell who calls a number that nobody holds; `code=` the digits that he
    told. NotFound (site), Unauthorized, BadInput (number); TryLater where the store fails or is late.
    """
    deadline = answers.within(ANSWERS_WITHIN)
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
    found = answers.found(request, site, question, DOOR, deadline)
    if found is None:
        raise TryLater("the number cannot be looked up now; let the call go as usual")
    return json_response(200, found.told())
