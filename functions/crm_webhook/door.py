"""The door: proves who sends, keeps the raw bytes, queues the work. Nothing is read out of the body here but that it is JSON.

Steps of one call, in order: path token → size → signature → JSON → quarantine → queue → 202. Whatever is stored lies
encrypted in the lake bucket's quarantine (30 days), so that a mended adapter can replay it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from shared.errors import BadInput, NotFound, SkvozError, TooLarge, TryLater, Unauthorized
from shared.http import Request, Response, json_response
from shared.identity import keyed_hash
from shared.ids import derived_id
from shared.log import count, logger
from shared.secrets import Secrets
from shared.security import token_fits, verify_webhook
from shared.sites import Sites

DOOR = "crm-generic"
QUARANTINE = f"quarantine/{DOOR}/"
MOST_BYTES = 256 * 1024

T = TypeVar("T")


class Door:
    """`s3` and `sqs` are clients; `bucket` is the lake's."""

    def __init__(self, sites: Sites, secrets: Secrets, s3: Any, sqs: Any, bucket: str, queue_url: str) -> None:
        self._sites, self._secrets, self._s3, self._sqs = sites, secrets, s3, sqs
        self._bucket, self._queue_url = bucket, queue_url

    def take(self, request: Request) -> Response:
        """202 once the event is kept and queued.

        Unauthorized for an unknown site, a wrong token or a wrong signature; TooLarge over 256 KB; BadInput when the body is no
        JSON object; TryLater when it could not be kept: the sender repeats it under the same webhook-id.
        """
        site_id = self._proved_site(request)
        if len(request.body) > MOST_BYTES:
            raise TooLarge(f"the body is larger than {MOST_BYTES // 1024} KB")
        webhook_id = self._signed(request, site_id)
        _check_is_object(request.body)
        key = _quarantine_key(request, site_id, webhook_id)
        _or_try_later(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=request.body, ContentType="application/json"))
        # The sender's id may be anything, an e-mail too; its hash names the event as well, and the records' ids are made of it.
        hashed = keyed_hash("webhook", webhook_id, site_id.encode())
        message = {"site_id": site_id, "key": key, "webhook_id": hashed, "received_at": request.now.isoformat()}
        _or_try_later(lambda: self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=orjson.dumps(message).decode()))
        return json_response(202, {"accepted": True, "webhook_id": webhook_id})

    def _proved_site(self, request: Request) -> str:
        """An unknown site and a wrong token get the same answer, so that the door tells nobody which sites exist."""
        site_id = request.path_parameters.get("site", "")
        try:
            settings = _or_try_later(lambda: self._sites.get(site_id, request.now))
            hashes = settings.get("crm", {}).get("token_sha256", [])
        except NotFound:
            hashes = []
        if not token_fits(request.path_parameters.get("token", ""), hashes):
            count({"Refused": 1}, Door=DOOR, Reason="token")
            raise Unauthorized("the address names no known site, or its token is wrong")
        return site_id

    def _signed(self, request: Request, site_id: str) -> str:
        name = f"{site_id}/{DOOR}"
        secrets = _or_try_later(lambda: self._secrets.signing(name, request.now))
        try:
            if not secrets:
                raise Unauthorized("the signature cannot be checked: no signing secret is set for this site")
            if not request.headers.get("webhook-id", "").isascii():
                raise Unauthorized("the header webhook-id must be ASCII text")
            return verify_webhook(request.body, request.headers, secrets, request.now)
        except Unauthorized:
            count({"Refused": 1}, Door=DOOR, Reason="signature" if secrets else "no_secret")
            raise


def _check_is_object(body: bytes) -> None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    if not isinstance(content, dict):
        raise BadInput("the body must be a JSON object with type, timestamp and data")


def _quarantine_key(request: Request, site_id: str, webhook_id: str) -> str:
    name = derived_id(request.now, site_id, webhook_id, request.request_id)
    return f"{QUARANTINE}{request.now:%Y/%m/%d/%H}/{name}.json"


def _or_try_later(act: Callable[[], T]) -> T:
    """Whatever the stores answer, the sender only has to repeat."""
    try:
        return act()
    except SkvozError:
        raise
    except Exception as error:
        logger().exception("a store refused")
        raise TryLater("the event could not be stored; send it again") from error
