"""The door: proves who sends, keeps the raw bytes, queues the work. Of the body it reads what the provider's check asks, no more.

Steps of one call, in order: path token → size → proof of the provider's own → check → quarantine → queue → 202. Whatever
is stored lies encrypted in the lake bucket's quarantine (30 days), so that a mended adapter can replay it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from functions.crm_webhook.proofs import Sent
from functions.crm_webhook.providers import BUILT_IN, Provider, provider_of
from shared.errors import NotFound, TooLarge, Unauthorized
from shared.http import Request, Response, json_response
from shared.identity import keyed_hash
from shared.ids import derived_id
from shared.log import count
from shared.secrets import Secrets
from shared.security import token_fits
from shared.sites import Sites
from shared.trying import or_try_later

MOST_BYTES = 256 * 1024
WEBHOOK, RECEIVED = "webhook-id", "received-at"  # of the body's object in the quarantine

T = TypeVar("T")


class Door:
    """`s3` and `sqs` are clients; `bucket` is the lake's."""

    def __init__(self, sites: Sites, secrets: Secrets, s3: Any, sqs: Any, bucket: str, queue_url: str) -> None:
        self._sites, self._secrets, self._s3, self._sqs = sites, secrets, s3, sqs
        self._bucket, self._queue_url = bucket, queue_url

    def take(self, request: Request) -> Response:
        """202 once the body is kept and queued.

        Unauthorized for an unknown site, a door that is not open, a wrong token or a wrong proof of the provider's; TooLarge over
        256 KB; BadInput when the provider's check fails; TryLater when it could not be kept: the sender repeats it (where it has
        ids of its own, under the same one).
        """
        provider, sent = self._proved(request)
        if len(request.body) > MOST_BYTES:
            raise TooLarge(f"the body is larger than {MOST_BYTES // 1024} KB")
        # Without an id of the sender the gateway's names this delivery, and records get ids of their content.
        webhook_id = _stored(lambda: provider.prove(sent))
        if provider.check is not None:
            provider.check(request.body)
        key = _quarantine_key(request, sent.site_id, webhook_id, provider)
        # The sender's id may be anything, an e-mail too; its hash names the event as well, and the records' ids are made of it. It
        # lies beside the body, so that a replay makes the same records (infra/cli/crm/replaying.py).
        hashed = keyed_hash("webhook", webhook_id or request.request_id, sent.site_id.encode())
        put = {"Bucket": self._bucket, "Key": key, "Body": request.body, "ContentType": provider.content_type}
        _stored(lambda: self._s3.put_object(**put, Metadata={WEBHOOK: hashed, RECEIVED: request.now.isoformat()}))
        message = {
            "provider": provider.name,
            "site_id": sent.site_id,
            "key": key,
            "webhook_id": hashed,
            "received_at": request.now.isoformat(),
        }
        _stored(lambda: self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=orjson.dumps(message).decode()))
        return json_response(202, {"accepted": True, **({"webhook_id": webhook_id} if webhook_id else {})})

    def switched_off(self, request: Request) -> Response:
        """A CRM tells that our integration was switched off; amoCRM alone does. Unauthorized as for webhooks, and for a wrong
        signature."""
        provider, sent = self._proved(request)
        if provider.switched_off is None:
            raise NotFound(f"{provider.name} does not tell this; its webhooks are posted")
        tell = provider.switched_off
        _stored(lambda: tell(sent))
        return json_response(200, {"noted": True})

    def _proved(self, request: Request) -> tuple[Provider, Sent]:
        """An unknown site, a door not opened and a wrong token get the same answer: the door tells nobody which sites exist."""
        name, site_id = (request.path_parameters.get(part, "") for part in ("provider", "site"))
        crm = _stored(lambda: self._sites.find(site_id, request.now)).get("crm", {})
        provider = provider_of(name, crm)
        section = provider.settings(crm) if provider is not None else None
        hashes = list(crm.get("token_sha256", [])) if section is not None else []
        if not token_fits(request.path_parameters.get("token", ""), hashes) or provider is None or section is None:
            count({"Refused": 1}, Door=f"crm-{name}" if name in BUILT_IN else "crm", Reason="token")
            raise Unauthorized("the address names no known site, or its token is wrong")
        return provider, Sent(request, site_id, section, self._secrets, f"{site_id}/{provider.door}", provider.door)


def _quarantine_key(request: Request, site_id: str, webhook_id: str, provider: Provider) -> str:
    name = derived_id(request.now, site_id, webhook_id, request.request_id)
    return f"{provider.quarantine}{request.now:%Y/%m/%d/%H}/{name}.{provider.suffix}"


def _stored(act: Callable[[], T]) -> T:
    return or_try_later(act, "the event")
