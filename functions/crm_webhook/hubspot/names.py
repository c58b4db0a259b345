"""Names of HubSpot's properties that deals are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OBJECT_TYPES = {"0-1": "contact", "0-3": "deal"}
# HubSpot keeps the history of every property; of these it matters at what time they became what they are.
MERGED = "hs_merged_object_ids"
WITH_HISTORY = ("dealstage", "pipeline", "amount", "deal_currency_code", "closed_lost_reason", "hubspot_owner_id", MERGED)
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")  # properties that shops add by these names
_PLAIN = ("createdate", "hs_lastmodifieddate", "hs_object_source", "hs_tag_ids")
PHONES = ("phone", "mobilephone", "hs_whatsapp_phone_number")
EMAILS = ("email", "hs_additional_emails")  # the second one: several, between semicolons
NAMES = ("firstname", "lastname")
CONTACT_KEYS = (*PHONES, *EMAILS, *NAMES)
CONTACT_CHANGED = "lastmodifieddate"


def deal_properties(section: Mapping[str, Any]) -> list[str]:
    """Properties of a deal that are read: HubSpot's own, and those that the settings name."""
    fields = section.get("fields") or {}
    own = [str(name) for name in fields.values() if isinstance(name, str)] + [
        str(n) for n in (fields.get("attributes") or {}).values()
    ]
    return list(dict.fromkeys([*WITH_HISTORY, *_PLAIN, *MARKS, *own]))
