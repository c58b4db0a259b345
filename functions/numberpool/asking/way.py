"""What a lease request tells of the way that led the visitor here, for the CRM (shared/ways.py): his first touch, and the page that
asks. Pure; what is no touch and no address says nothing, and is no error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.touches import marks_of, referrer_host, touch_of
from shared.ways import Way, way_item

CLOCK_TOLERANCE = timedelta(minutes=5)  # of a browser's clock


def told_way(sent: Mapping[str, Any], site_id: str, visitor_id: str, lease_id: str, now: datetime) -> dict[str, Any]:
    """The item that goes along with the lease. `sent`: the request's body."""
    referrer = sent.get("ref")
    host = referrer_host(referrer) if isinstance(referrer, str) else None
    way = Way(touch_of(sent.get("first"), now + CLOCK_TOLERANCE), lease_id, now, marks_of(sent.get("page_url")), host)
    return way_item(site_id, visitor_id, way)
