"""A first call of somebody unknown is a new request: handed to the CRM queue, for the CRM to make a deal of (settings
`crm.new_requests`). The worker sends it on (functions/crm_webhook/telephony/requests.py).

Of one call one request: its id is the call's, and whoever gets it twice knows it again by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.numberpool.pbx.assembly import Assembled, earlier_calls, mark_offered
from functions.numberpool.pbx.event import Call
from functions.numberpool.pbx.resolve import Resolved
from functions.numberpool.rules import Rules
from functions.numberpool.store import Store
from shared.log import count
from shared.new_requests import body_of, message, object_key

CHANNEL = "call"
DAY = timedelta(days=1)
LATE = timedelta(days=1)  # a call told later is history, which somebody uploads: its deal has long been made, or never will be


class HandOver:
    """`s3` is a client, `bucket` the lake's. `queue` gives the client of SQS and the queue's address, on first use: most sites hand
    nothing over."""

    def __init__(self, s3: Any, bucket: str, queue: Callable[[], tuple[Any, str]]) -> None:
        self._s3, self._bucket, self._queue = s3, bucket, queue

    def offer(
        self,
        site: Mapping[str, Any],
        rules: Rules,
        store: Store,
        done: Assembled,
        request_id: str,
        phone: str | None,
        whose: Resolved,
        now: datetime,
    ) -> None:
        """Hand the call over if it is to be: the site asks for it, and no event of this incoming call that told the caller has been
        offered yet. Who called before, spam, and calls told too late are counted by reason. Errors of the stores are raised."""
        call = done.call
        if not _is_asked_for(site) or done.is_offered or call is None or not call.is_incoming or not phone:
            return
        if reason := _reason_against(site, rules, store, request_id, call, now):
            count({"RequestNotHandedOver": 1}, Reason=reason)
            mark_offered(store, str(site["site_id"]), request_id)
            return
        site_id, key = str(site["site_id"]), object_key(request_id, now)
        body = body_of(call.started_at, _data(site_id, request_id, call, phone, whose))
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        sqs, url = self._queue()
        sqs.send_message(QueueUrl=url, MessageBody=message(site_id, key, request_id, now))
        count({"RequestQueued": 1}, Channel=CHANNEL)
        mark_offered(store, site_id, request_id)  # last: what failed before is done again by the call's next event


def _is_asked_for(site: Mapping[str, Any]) -> bool:
    told = (site.get("crm") or {}).get("new_requests") or {}
    return CHANNEL in (told.get("channels") or ())


def _reason_against(site: Mapping[str, Any], rules: Rules, store: Store, request_id: str, call: Call, now: datetime) -> str:
    """ "" for a request. Spam by the number of calls alone: how long the earlier ones talked is judged with the marts."""
    if now - call.started_at > LATE:
        return "late"
    repeat = timedelta(seconds=rules.repeat_caller_seconds)
    most = ((site.get("calls") or {}).get("spam") or {}).get("calls", "off")
    span = repeat if most == "off" else max(repeat, DAY)
    before = earlier_calls(store, str(site["site_id"]), str(call.caller_hash), call.started_at, span, request_id)
    if most != "off" and sum(call.started_at - at <= DAY for at in before) >= most - 1:
        return "spam"
    return "known_caller" if any(call.started_at - at <= repeat for at in before) else ""


def _data(site_id: str, request_id: str, call: Call, phone: str, whose: Resolved) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "site_id": site_id,
        "contact_channel": CHANNEL,
        "phone": phone,
        "number": call.number,
        "started_at": call.started_at.isoformat(),
        "visitor_id": whose.visitor_id,
        "resolved_by": whose.by,
        **(whose.marks or whose.visit),
    }
