"""New requests → an address of the settings (`crm.new_requests.url`): a signed event (Standard Webhooks).

The CRM makes a deal of it and keeps `data.request_id` with it (`skvoz_request_id`), by which the deal finds its call. The
webhook-id is made of the request's, so a CRM knows a repeat; with other contacts the same request comes under another webhook-id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from functions.crm_webhook.requests.request import NewRequest
from functions.crm_webhook.requests.sent import Sent
from shared.errors import TryLater
from shared.lake import Rejected
from shared.log import count
from shared.new_requests import SECRET, TYPE
from shared.secrets import Secrets
from shared.security import sign_webhook

REASONS = ("refused_by_crm", "redirected")
# Ids that a header takes as they are; browsers may tell any.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_LATER = frozenset({408, 425, 429})

Post = Callable[[str, bytes, Mapping[str, str]], int]


class ToAddress:
    """`post(url, body, headers)` gives a status; `clock` the present time, which a signature needs: a message may be days old."""

    def __init__(self, secrets: Secrets, post: Post, clock: Callable[[], datetime]) -> None:
        self._secrets, self._post, self._clock = secrets, post, clock

    def send(self, site: Mapping[str, Any], request: NewRequest, sent: Sent) -> Rejected | None:
        """None once the CRM took it (2xx); why not where it never will (3xx, 4xx). LookupError without a secret; TryLater for 5xx,
        408, 425, 429 and for no answer: the queue keeps the request."""
        name, now = f"{site['site_id']}/{SECRET}", self._clock()
        secrets = self._secrets.signing(name, now)
        if not secrets:
            raise LookupError(f"secret {name} cannot sign or is not set; create it with: skvoz secrets init")
        body = body_of(request)
        headers = {"content-type": "application/json", "user-agent": "skvoz"}
        headers |= sign_webhook(body, event_id(request, sent), secrets[0], now)
        try:
            status = self._post(str(site["crm"]["new_requests"]["url"]), body, headers)
        except Exception as error:
            count({"CrmNotReached": 1}, Reason="no_answer")
            raise TryLater(f"the CRM did not answer ({type(error).__name__})") from error
        if status >= 500 or status in _LATER or status < 200:
            count({"CrmNotReached": 1}, Reason="status")
            raise TryLater(f"the CRM answered {status}")
        if status >= 400:
            return Rejected("refused_by_crm", f"the CRM refused the new request: status {status}")
        if status >= 300:
            return Rejected("redirected", f"the CRM answered {status}; crm.new_requests.url must be the address itself")
        return None


def event_id(request: NewRequest, sent: Sent) -> str:
    """The webhook-id: the same on every repeat, another for other contacts, and of a browser's request never another door's."""
    own = request.request_id
    name = own if _PLAIN_ID.fullmatch(own) else hashlib.sha256(own.encode()).hexdigest()[:32]
    is_apart = request.is_anybodys or sent.asker != request.whose
    return f"request_{name}_{request.whose}" if is_apart else f"request_{name}"


def body_of(request: NewRequest) -> bytes:
    """The event that the CRM gets: the same for the same request."""
    plain = {"phone": request.phone, "email": request.email, "name": request.name}
    data = {**request.told, "site_id": request.site_id, **{name: text for name, text in plain.items() if text}}
    return orjson.dumps({"type": TYPE, "timestamp": request.at.isoformat(), "data": data}, option=orjson.OPT_SORT_KEYS)
