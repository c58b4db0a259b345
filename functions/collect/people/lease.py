"""A number's renewal that rides in a batch of hits: the sign of life of the visitor who sees it (shared/leases.py).

Batches of test traffic renew like others: the number they were shown stays on their page as well. A visitor without a valid token
or without consent holds nothing, and the answer says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.collect.people.who import Who
from shared.ids import is_uuid
from shared.leases import POOL, Held, lease_seconds
from shared.log import count, logger

_NUMBER = re.compile(r"\+[0-9]{8,15}")

Renew = Callable[[str, Held, str, datetime, timedelta], bool]  # site, held, visitor, now, length: is it his still


def renewed(sent: object, who: Who | None, site_id: str, site: Mapping[str, Any], renew: Renew, now: datetime) -> dict[str, Any]:
    """Part of the answer: nothing where no lease was sent; `lease` with its id and seconds, or null, which is: lease anew.

    A store that fails is counted (`RenewalFailed`) and leaves `lease` out: the tracker keeps its number and asks again.
    """
    if sent is None:
        return {}
    held = _held(sent)
    if held is None or who is None or not who.is_proven:
        return {"lease": None}
    seconds = lease_seconds(site, held.pool)
    try:
        lives = renew(site_id, held, who.visitor_id, now, timedelta(seconds=seconds))
    except Exception as error:
        count({"RenewalFailed": 1})
        logger().error("a lease could not be renewed", extra={"site_id": site_id, "error": type(error).__name__})
        return {}
    return {"lease": {"id": held.lease_id, "expires_in": seconds} if lives else None}


def _held(sent: object) -> Held | None:
    """What the tracker says it holds, or None when it has another shape."""
    if not isinstance(sent, dict):
        return None
    number, lease_id, pool = sent.get("number"), sent.get("id"), sent.get("pool", POOL)
    if not isinstance(number, str) or not isinstance(lease_id, str) or not isinstance(pool, str):
        return None
    return Held(number, lease_id, pool) if _NUMBER.fullmatch(number) and is_uuid(lease_id) else None
