"""Where the visitor of a leased number came from, as the CRM is told with his call: an item of the table `numbers`
(shared/leases.py), written with his lease where the site hands calls over. Most take one unit to write, none more than two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from shared.times import from_millis, to_millis
from shared.touches import VISIT, Touch

KEPT = timedelta(days=400)  # as the history of leases
_MOST_URL, _MOST_HOST, _MOST_MARK, _MOST_MARKS = 300, 100, 200, 400  # bytes
# What is told first is kept first; a click id is never cut.
_IN_ORDER = ("utm_source", "utm_medium", "utm_campaign", "click_id_name", "click_id", "utm_content", "utm_term")
_WHOLE = frozenset({"click_id_name", "click_id"})


class Way(NamedTuple):
    """`first` touch, None where it was not told; what the page said that leased `lease_id` at `leased_at`: its marks, and the host
    that led to it ("": nowhere; None: not told)."""

    first: Touch | None
    lease_id: str
    leased_at: datetime
    marks: Mapping[str, str]
    referrer_host: str | None


def way_item(site_id: str, visitor_id: str, way: Way) -> dict[str, Any]:
    """The item."""
    first, marks, host = way.first, _short(way.marks), _host(way.referrer_host)
    item: dict[str, Any] = {
        **_key(site_id, visitor_id),
        "lease_id": {"S": way.lease_id},
        "leased_at": {"N": str(to_millis(way.leased_at))},
        "expires_at": {"N": str(to_millis(way.leased_at + KEPT) // 1000)},
    }
    if first:
        told = {"t": to_millis(first.at), "url": _cut(first.url, _MOST_URL), "marks": _short(first.marks)}
        item["first"] = _text({**told, "ref": _host(first.referrer_host) or ""})
        # Mostly the number is leased by the very page that he came to.
        if way.leased_at - first.at <= VISIT and (marks, host) == (told["marks"], _host(first.referrer_host)):
            return item
    item["page"] = _text({"marks": marks, "ref": host})
    return item


def way_of_visitor(dynamodb: Any, table: str, site_id: str, visitor_id: str) -> Way | None:
    """The latest way of a visitor; None where he leased no number for 400 days. Errors of the store are raised."""
    item = dynamodb.get_item(TableName=table, Key=_key(site_id, visitor_id)).get("Item")
    if not item:
        return None
    told: dict[str, Any] = orjson.loads(item["first"]["S"]) if "first" in item else {}
    page: dict[str, Any] = orjson.loads(item["page"]["S"]) if "page" in item else told
    first = Touch(from_millis(told["t"]), told["url"], told["marks"], told["ref"]) if told else None
    return Way(first, item["lease_id"]["S"], from_millis(int(item["leased_at"]["N"])), page["marks"], page["ref"])


def _key(site_id: str, visitor_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"way#{site_id}"}, "sk": {"S": visitor_id}}


def _text(told: Mapping[str, Any]) -> dict[str, str]:
    return {"S": orjson.dumps(told).decode()}


def _host(host: str | None) -> str | None:
    """Of a host that is too long nothing is known: a part of it is somebody else's."""
    return host if host is None or len(host.encode()) <= _MOST_HOST else None


def _short(marks: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    left = _MOST_MARKS
    for name in _IN_ORDER:
        text = marks.get(name, "")
        cut = text if name in _WHOLE else _cut(text, min(_MOST_MARK, left))
        if cut and len(cut.encode()) <= left:
            kept[name] = cut
            left -= len(cut.encode())
    return kept


def _cut(text: str, most: int) -> str:
    return text.encode()[: max(most, 0)].decode("utf-8", "ignore").rstrip()
