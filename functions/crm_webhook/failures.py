"""Why a message of the queues failed, kept beside it until it succeeds or expires: a dead letter has its body alone, no reason.

Items of the table `crm`: pk `fail#{digest of the message's text}`, sk `why`; `door`, `site_id`, `reason`, `place`, `tries`,
`first_at`, `failed_at`, `expires_at` (unix seconds). The text's digest, because a message that is moved back gets another id.
Read by `skvoz crm redrive`.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.errors import SkvozError
from shared.log import count, logger

KEPT = timedelta(days=30)  # dead letters live for 14
_SK = "why"
_MOST_REASON = 300
_OURS = ("/functions/", "/shared/")


class Failure(NamedTuple):
    """`reason` is worded for people; `place` is where in our code it was raised."""

    reason: str
    place: str
    tries: int
    first_at: str
    failed_at: str


class Failures:
    """`dynamodb` gives its client, `table` the table's name; both on first use."""

    def __init__(self, dynamodb: Callable[[], Any], table: Callable[[], str]) -> None:
        self._dynamodb, self._table = dynamodb, table

    def note(self, text: object, door: str, site_id: str, error: Exception, now: datetime) -> None:
        """Best effort: what cannot be noted is counted, and the message goes back all the same."""
        try:
            values = {
                ":door": {"S": door},
                ":site_id": {"S": site_id},
                ":reason": {"S": reason_of(error)},
                ":place": {"S": place_of(error)},
                ":now": {"S": now.isoformat()},
                ":expires_at": {"N": str(int((now + KEPT).timestamp()))},
                ":one": {"N": "1"},
            }
            self._dynamodb().update_item(
                TableName=self._table(),
                Key=_key(text),
                UpdateExpression="SET door = :door, site_id = :site_id, reason = :reason, place = :place, failed_at = :now,"
                " expires_at = :expires_at, first_at = if_not_exists(first_at, :now) ADD tries :one",
                ExpressionAttributeValues=values,
            )
        except Exception:
            logger().warning("why a message failed could not be noted", extra={"door": door, "site_id": site_id})
            count({"FailureNotNoted": 1}, Door=door)

    def of(self, text: object) -> Failure | None:
        """Why a message failed last; None where nobody noted it."""
        item = self._dynamodb().get_item(TableName=self._table(), Key=_key(text)).get("Item")
        if item is None:
            return None
        told = {name: str(item.get(name, {}).get("S", "")) for name in ("reason", "place", "first_at", "failed_at")}
        return Failure(**told, tries=int(item.get("tries", {}).get("N", "0")))


def reason_of(error: Exception) -> str:
    """Our own words where they are ours; else the error's kind alone: a message of others may quote what it could not read."""
    kind = type(error).__name__
    told = error.message if isinstance(error, SkvozError) else str(error) if type(error) is LookupError else ""
    return (f"{kind}: {told}" if told else kind)[:_MOST_REASON]


def place_of(error: Exception) -> str:
    """Our innermost line that raised it: file, line, function; "" where none is ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if any(part in frame.filename for part in _OURS)]
    if not frames:
        return ""
    frame = frames[-1]
    at = max(frame.filename.rfind(part) for part in _OURS)
    return f"{frame.filename[at + 1 :]}:{frame.lineno} {frame.name}"


def _key(text: object) -> dict[str, Any]:
    return {"pk": {"S": f"fail#{hashlib.sha256(str(text).encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"}, "sk": {"S": _SK}}
