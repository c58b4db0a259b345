"""A first call of somebody unknown is a new request: handed to the queue of CRM tasks, for the CRM to make a deal of (settings
`crm.new_requests`). The tasks send it on (functions/crm_webhook/requests/).

Of one call one request: its id is the call's, and whoever gets it twice knows it again by that. The caller's phone is in the vault
by then, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.numberpool.pbx.assembly import Assembled, earlier_calls, mark_offered
from functions.numberpool.pbx.event import Call
from functions.numberpool.pbx.resolve import Resolved
from functions.numberpool.pbx.uploading import offer_upload
from functions.numberpool.rules import Rules
from functions.numberpool.store import Store
from shared.call_uploads import upload_of
from shared.errors import TryLater
from shared.handing_over import HandingOver, not_handed_over
from shared.new_requests import CALL, channels_of

DAY = timedelta(days=1)
LATE = timedelta(days=1)  # a call told later is history, which somebody uploads: its deal has long been made, or never will be


class HandOver:
    """`requests` puts them into quarantine and queue."""

    def __init__(self, requests: HandingOver) -> None:
        self._requests = requests

    def offer(
        self,
        site: Mapping[str, Any],
        rules: Rules,
        store: Store,
        done: Assembled,
        request_id: str,
        whose: Resolved,
        now: datetime,
        *,
        is_kept: bool,
    ) -> None:
        """Hand the call over if it is to be: the site asks for it, and no event of this incoming call that told the caller has been
        offered yet. Who called before, spam, and calls told too late are counted by reason. `is_kept`: the vault has the caller's
        phone. TryLater where it should have it and has not; errors of the stores are raised."""
        call = done.call
        if CALL not in channels_of(site) or done.is_offered or call is None or not call.is_incoming or not call.caller_hash:
            return
        site_id = str(site["site_id"])
        if reason := _reason_against(site, rules, store, request_id, call, now):
            not_handed_over(reason)
            mark_offered(store, site_id, request_id)
            return
        if not is_kept:
            raise TryLater("the caller could not be kept for the CRM; send the call again")
        data = {**_way_of(site, store, call, whose), **_data(site_id, request_id, call, whose)}
        self._requests.put(call.started_at, data, now)
        mark_offered(store, site_id, request_id)  # last: what failed before is done again by the call's next event

    def offer_upload(
        self, site: Mapping[str, Any], provider: str, store: Store, done: Assembled, ext_id: str, now: datetime
    ) -> None:
        """Hand an ended call over to UIS if it is to go there (uploading.py)."""
        if done.call is not None and upload_of(site):
            offer_upload(site, provider, store, done.call, ext_id, self._requests.task, now)


def _reason_against(site: Mapping[str, Any], rules: Rules, store: Store, request_id: str, call: Call, now: datetime) -> str:
    """ "" for a request. Spam by the number of calls alone: how long the earlier ones talked is judged with the marts."""
    if site.get("pii") != "vault":
        return "no_vault"  # settings published before new requests needed one
    if now - call.started_at > LATE:
        return "late"
    repeat = timedelta(seconds=rules.repeat_caller_seconds)
    most = ((site.get("calls") or {}).get("spam") or {}).get("calls", "off")
    span = repeat if most == "off" else max(repeat, DAY)
    before = earlier_calls(store, str(site["site_id"]), str(call.caller_hash), call.started_at, span, request_id)
    if most != "off" and sum(call.started_at - at <= DAY for at in before) >= most - 1:
        return "spam"
    return "known_caller" if any(call.started_at - at <= repeat for at in before) else ""


def _data(site_id: str, request_id: str, call: Call, whose: Resolved) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "site_id": site_id,
        "contact_channel": CALL,
        "phone_hash": call.caller_hash,
        "number": call.number,
        "started_at": call.started_at.isoformat(),
        "visitor_id": whose.visitor_id,
        "resolved_by": whose.by,
    }


def _way_of(site: Mapping[str, Any], store: Store, call: Call, whose: Resolved) -> dict[str, Any]:
    """First and last source as forms tell them. The last one is that of the number, else of the visit that leased it; of a visitor
    whom something else names, that of the visit that the caller is known by."""
    from shared.touches import of_own_pages, own_hosts, way_of  # reads addresses: no cold start of a lease waits for it
    from shared.ways import way_of_visitor

    own = own_hosts(site)
    known = way_of_visitor(store.dynamodb, store.table, str(site["site_id"]), whose.visitor_id) if whose.visitor_id else None
    marks, referrer_host, at = whose.visit, None, call.started_at
    if whose.marks:
        marks = {name: text for name, text in whose.marks.items() if text}
    elif known and known.lease_id == whose.lease_id:
        marks, referrer_host, at = known.marks or whose.visit, known.referrer_host, known.leased_at
    return of_own_pages(way_of(known.first if known else None, marks, referrer_host, at, own), site)
