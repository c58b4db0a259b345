"""How the toys reach the running stack: through its doors, as the site's server, the CRM and the telephony would."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from infra.local.gateway import Answer
from infra.local.stack import LocalStack
from shared.security import sign_webhook


class Doors:
    """`crm_token` opens the CRM's door, `calls_secret` signs for the telephony."""

    def __init__(self, stack: LocalStack, site_id: str, crm_token: str, calls_secret: str) -> None:
        self._stack, self._site_id, self._token, self._secret = stack, site_id, crm_token, calls_secret

    def amocrm(self, body: str) -> Answer:
        """One webhook of amoCRM (infra/shop/amocrm.py)."""
        headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "amoCRM-Webhooks/3.0"}
        return self._stack.call("POST", f"/v1/crm/amocrm/{self._site_id}/{self._token}", headers, body)

    def call(self, event: Mapping[str, Any]) -> Answer:
        """One event of the telephony (infra/shop/pbx.py), signed."""
        body = json.dumps(event).encode()
        signed = sign_webhook(body, f"msg_{uuid.uuid4().hex}", self._secret, self._stack.clock.now())
        return self._stack.call("POST", f"/v1/calls/generic/{self._site_id}", {"content-type": "application/json", **signed}, body)
