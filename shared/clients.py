"""Who leads a client's deals: items of the table `numbers` that the CRM's worker writes and the PBX's look-up reads. Only keyed
hashes of phones, never a phone.

- `client#{site}` / phone hash: `manager` (as the CRM's records name him), `deal` (`{provider}:{deal id}`), `told_at`;
- `deal#{site}` / `{provider}:{deal id}`: `manager`, `manager_at`, `phone_hash`, `phone_hash_at`: CRMs tell the manager of a deal
  and the phone of its client in different events, in any order.

Places in time (`…_at`) are text that sorts: `{unix milliseconds, 13 digits}#{record id}`; the greatest wins, whatever came last.
Kept for 400 days after the last event that told something new.
"""

from __future__ import annotations

from typing import Any

KEPT_DAYS = 400


def client_key(site_id: str, phone_hash: str) -> dict[str, Any]:
    """Key of a client."""
    return {"pk": {"S": f"client#{site_id}"}, "sk": {"S": phone_hash}}


def deal_key(site_id: str, deal: str) -> dict[str, Any]:
    """Key of a deal, `{provider}:{deal id}`."""
    return {"pk": {"S": f"deal#{site_id}"}, "sk": {"S": deal}}


def same_name(name: str) -> str:
    """Names of managers compare by this: letter case and spaces do not matter."""
    return " ".join(name.split()).casefold()
