"""Who sent hits: the cookie's token, else the tracker's, else its fresh proposal, else somebody new (shared/visitors.py).

Forged and foreign tokens, and ids that are neither a token nor fresh, are counted (`VisitorRefused`) and passed over: an id that
is merely known opens nothing once it is seven days old (until then it may be proposed: shared/visitors.py). Where the secret is
missing or its store does not answer (`VisitorUnsigned`), hits are taken all the same: nobody gets a token, and what cannot be
checked names a visitor of its own, the same as long as the token is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.collect.hits import CLOCK_TOLERANCE, OLDEST
from shared.errors import TryLater
from shared.hosts import plain_host
from shared.http import Request
from shared.ids import derived_id, is_uuid, uuid7
from shared.log import count
from shared.secrets import Secrets
from shared.times import EPOCH, from_millis
from shared.visitors import SECRET, read_visitor, sign_visitor

COOKIE_SECONDS = 400 * 86_400  # the longest that browsers keep a cookie
_TOKEN_OR_ID = re.compile(r"[0-9a-f-]{36}(?:\.[0-9]{1,11}\.[\w-]{22})?", re.ASCII)


class Who(NamedTuple):
    """The visitor of a batch. `is_proven`: a valid token named him; `secrets`: those that can sign for him; `is_told`: the
    request's content named him, not its cookie."""

    visitor_id: str
    is_proven: bool
    secrets: Sequence[str]
    is_told: bool

    def token(self, site_id: str, now: datetime) -> str | None:
        """A fresh token; None where there is no secret."""
        return sign_visitor(site_id, self.visitor_id, now, self.secrets) if self.secrets else None


def who_sent(request: Request, site_id: str, door: str, told: object, skew: timedelta, secrets: Secrets, randomness: bytes) -> Who:
    """The visitor of a request. `told` is what the tracker sent: token or proposal; `randomness` makes the id of somebody new."""
    now = request.now
    cookies = [value for value in request.cookie_values(cookie_name(site_id)) if value]
    proposed = fresh_proposal(told, now, skew)
    valid = _valid_secrets(secrets, now)
    if not valid:
        count({"VisitorUnsigned": 1}, Door=door)
        return Who(proposed or _unchecked(site_id, (*cookies, told)) or uuid7(now, randomness), False, (), True)
    # A site's own scripts, or a neighbour on a host above, may set another cookie of the name: the first good one counts.
    named = [read_visitor(cookie, site_id, now, valid) for cookie in cookies]
    remembered = next(filter(None, named), None)
    known = remembered or read_visitor(told, site_id, now, valid)
    refused = named.count(None) + bool(told and not known and not proposed)
    if refused:
        count({"VisitorRefused": refused}, Door=door)
    visitor_id = known.visitor_id if known else proposed or uuid7(now, randomness)
    return Who(visitor_id, known is not None, valid, not remembered and bool(known or proposed))


def fresh_proposal(sent: object, now: datetime, skew: timedelta) -> str | None:
    """A UUIDv7 made just now by the sender's clock (`skew` behind ours): at most seven days ago, at most five minutes ahead.

    A clock that is further off than those seven days proposes nothing: correcting any error would make every old id fresh.
    """
    if not isinstance(sent, str) or len(sent) != 36 or abs(skew) > OLDEST:
        return None
    text = sent.lower()
    if not is_uuid(text) or text[14] != "7" or text[19] not in "89ab":
        return None
    try:
        made_at = from_millis(int(text[:8] + text[9:13], 16)) + skew
    except OverflowError:
        return None
    return text if now - OLDEST <= made_at <= now + CLOCK_TOLERANCE else None


def plain_id(sent: object) -> str | None:
    """An id in the form we give out, or None: opened e-mails come with the id that was put into them."""
    return sent.lower() if isinstance(sent, str) and is_uuid(sent.lower()) else None


def cookie_name(site_id: str) -> str:
    """One for each site: several may share our host."""
    return f"skvoz_{site_id}"


def visitor_cookie(request: Request, site_id: str, site: Mapping[str, Any], token: str) -> str:
    """Set by the server, because browsers drop cookies set by scripts after days; the tracker reads the answer instead.

    On a host of the site's own it is a plain first-party cookie; elsewhere one that each site has for itself (Partitioned).
    """
    scope = "SameSite=Lax" if _is_first_party(request, site) else "SameSite=None; Partitioned"
    return f"{cookie_name(site_id)}={token}; Max-Age={COOKIE_SECONDS}; Path=/; Secure; HttpOnly; {scope}"


def _is_first_party(request: Request, site: Mapping[str, Any]) -> bool:
    """What the browser says; where it says nothing, whether our host is one of the site's or lies below one."""
    said = request.headers.get("sec-fetch-site")
    if said in ("same-origin", "same-site", "cross-site"):
        return said != "cross-site"
    host = request.headers.get("x-skvoz-host") or request.headers.get("host", "")
    mine = plain_host(host.strip().partition(":")[0])
    return any(mine == own or mine.endswith(f".{own}") for own in map(plain_host, site.get("hosts", ())))


def _valid_secrets(secrets: Secrets, now: datetime) -> Sequence[str]:
    try:
        return secrets.get(SECRET, now)
    except TryLater:
        return ()


def _unchecked(site_id: str, told: Sequence[object]) -> str | None:
    """An id of its own for what cannot be checked: it gives nobody the past of another, yet keeps one visitor's hits together."""
    named = next((text for text in told if isinstance(text, str) and _TOKEN_OR_ID.fullmatch(text)), None)
    return derived_id(EPOCH, site_id, "unchecked", named) if named else None
