"""Where a call's recording can be had: one item of the numbers table for each call, written by the call door and read by the
report's page. The recording itself stays with the telephony.

Item: `recording#{site}` / {request id of the call}: `provider`, `reference` (the telephony's id or address of the recording,
without a phone), `call_id` (the telephony's), `told_at` (unix milliseconds); kept 400 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.times import from_millis, to_millis

KEPT_DAYS = 400


class Reference(NamedTuple):
    """A recording as its telephony names it; of two the one that was told later counts."""

    provider: str
    reference: str
    call_id: str
    told_at: datetime


def recording_key(site_id: str, request_id: str) -> dict[str, dict[str, str]]:
    """Key of the item."""
    return {"pk": {"S": f"recording#{site_id}"}, "sk": {"S": request_id}}


def item_of(site_id: str, request_id: str, told: Reference) -> dict[str, dict[str, str]]:
    """The item, but for when it expires."""
    texts = {name: {"S": str(getattr(told, name))} for name in ("provider", "reference", "call_id")}
    return {**recording_key(site_id, request_id), **texts, "told_at": {"N": str(to_millis(told.told_at))}}


def reference_of(item: Mapping[str, Any]) -> Reference:
    """Item → reference."""
    provider, reference, call_id = (str(item[name]["S"]) for name in ("provider", "reference", "call_id"))
    return Reference(provider, reference, call_id, from_millis(int(item["told_at"]["N"])))


def hosts_of(site: Mapping[str, Any]) -> Sequence[str]:
    """Hosts that recordings of the site may be fetched from; none: no recording is kept or played."""
    return _setting(site, "hosts")


def listeners_of(site: Mapping[str, Any]) -> Sequence[str]:
    """Recipients of the site's report who may listen."""
    return _setting(site, "listeners")


def _setting(site: Mapping[str, Any], name: str) -> Sequence[str]:
    return ((site.get("calls") or {}).get("recordings") or {}).get(name) or ()
