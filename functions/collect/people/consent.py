"""What a visitor agreed to.

Denied consent (asked by the site, or DNT / Sec-GPC where the site did not ask) keeps the hit for counting, without visitor id,
cookie, address, user agent, click id and query strings. A site's own answer, granted or denied, outranks the browser's signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from shared.errors import BadInput, FieldError

Consent = Literal["granted", "denied", ""]
# Columns that a hit without consent goes without.
PERSONAL_COLUMNS = ("visitor_id", "ip_masked", "user_agent", "agent_verdict", "click_id", "city")


def consent_of(sent: object, headers: Mapping[str, str]) -> Consent:
    """What the visitor agreed to. BadInput when the site sent another word."""
    if sent == "granted":
        return "granted"
    if sent == "denied":
        return "denied"
    if sent is not None and sent != "":
        raise BadInput("consent must be granted or denied", [FieldError("consent", "must be granted, denied or absent")])
    return "denied" if headers.get("dnt") == "1" or headers.get("sec-gpc") == "1" else ""
