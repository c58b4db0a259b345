"""What telephonies that sign have in common: their secrets, their forms, and how old a proof may be.

None of them signs the time of sending, so a proof never goes stale by itself. It need not: an event that came before changes
nothing as long as its call is remembered, and what is older than that is refused (`check_age`). Nor does it learn anything: a
question is answered once, and only while its call can still ring (`FRESH`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.numberpool.pbx.adapter import Refused, refused
from functions.numberpool.pbx.assembly import CALLER_DAYS
from shared.forms import FormRefused, pairs_of
from shared.log import count
from shared.secrets import Secrets

LEAST_SECRET = 16  # characters; the telephonies' own have 20 and more, an empty one would let anybody sign
OLDEST = timedelta(days=CALLER_DAYS)  # a call is remembered for a day longer
FRESH = timedelta(seconds=30)  # a question that was held up is about a call that went its way


def key_pairs(secrets: Secrets, site: Mapping[str, Any], door: str, now: datetime) -> list[tuple[str, str]]:
    """(key, secret) of every valid value `key:secret` of the door's parameter, the newest first; ("", secret) of a value without a
    key.

    Unauthorized where there is none, TryLater while they cannot be read.
    """
    values = [value.rpartition(":") for value in secrets.get(f"{site['site_id']}/{door}", now)]
    usable = [(key, secret) for key, _, secret in values if len(secret) >= LEAST_SECRET]
    if len(usable) < len(values):
        count({"SecretsUnusable": len(values) - len(usable)})
    if not usable:
        raise refused(door, "no_secret", "the signature cannot be checked: no secret of this telephony is set for this site")
    return usable


def form_of(body: bytes, door: str) -> list[tuple[str, str]]:
    """Names and values of a form, in order. Unauthorized where it is beyond every limit: nothing in it can be checked."""
    try:
        return pairs_of(body)
    except FormRefused as error:
        raise refused(door, "signature", f"the signature cannot be checked: {error}") from error


def fits(given: str, wanted: Sequence[str]) -> bool:
    """Whether a signature is one of those that are right, in constant time over each and all."""
    told = given.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(told, one.encode()) for one in wanted])


def check_age(at: datetime, name: str, now: datetime) -> None:
    """Refused where the call is no longer remembered: told again, it would be taken for a new one."""
    if now - at > OLDEST:
        raise Refused("too_old", name, f"is more than {CALLER_DAYS} days ago: what was told of such a call is forgotten")
