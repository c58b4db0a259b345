"""Webhooks as each CRM sends them, with its own proof, for tests of the one door. Every body names a deal of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from infra.local.stack import LocalStack
from shared.aws import client
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings
from shared.times import to_millis

SITE, TOKEN = "kvartal", "path-token-of-the-senders"
SIGNING, APPLICATION, CLIENT, BASIC = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy", "application-token", "client-secret", "crm:password"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Hook(NamedTuple):
    """One webhook, ready to be sent."""

    provider: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def open_doors(stack: LocalStack) -> None:
    """The site with every CRM's door open, and their secrets."""
    fields = {"deal_id": "id", "stage": "stage"}
    crm = {
        "token_sha256": [token_sha256(TOKEN)],
        "amocrm": {},
        "bitrix24": {"api": {"url": "https://kvartal.bitrix24.ru/rest/1"}},
        "hubspot": {},
        "pipedrive": {},
        "mapped": {"shop": {"map": fields}, "signed": {"map": fields, "body": "form", "signature": "standard_webhooks"}},
    }
    stack.publish(parse_settings({"site_id": SITE, "name": "Kvartal", "hosts": ["kvartal.example"], "crm": crm}))
    told = {"generic": SIGNING, "signed": SIGNING, "bitrix24": APPLICATION, "hubspot": CLIENT, "pipedrive": BASIC}
    for provider, value in told.items():
        stack.put_secret(f"{SITE}/crm-{provider}", value)


def hook(provider: str, deal_id: int, now: datetime, host: str = "localhost") -> Hook:
    """What that CRM would send of a deal; `host` is the address that it knows, which HubSpot signs."""
    path = f"/v1/crm/{provider}/{SITE}/{TOKEN}"
    body = _BODIES[provider](str(deal_id), now)
    headers = {"content-type": FORM if provider in ("amocrm", "bitrix24", "signed") else JSON}
    if provider in ("generic", "signed"):
        headers |= sign_webhook(body, f"msg-{deal_id}", SIGNING, now)
    elif provider == "hubspot":
        stamp = str(to_millis(now))
        mac = hmac.new(CLIENT.encode(), f"POSThttps://{host}{path}".encode() + body + stamp.encode(), hashlib.sha256).digest()
        headers |= {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": base64.b64encode(mac).decode()}
    elif provider == "pipedrive":
        headers["authorization"] = f"Basic {base64.b64encode(BASIC.encode()).decode()}"
    return Hook(provider, path, headers, body)


def _generic(deal_id: str, now: datetime) -> bytes:
    return json.dumps({"type": "deal.won", "timestamp": now.isoformat(), "data": {"deal_id": deal_id, "amount": "5"}}).encode()


def _amocrm(deal_id: str, now: datetime) -> bytes:
    lead = {"id": deal_id, "status_id": "142", "price": "5", "last_modified": str(int(now.timestamp()))}
    return urlencode({f"leads[status][0][{name}]": value for name, value in lead.items()}).encode()


def _bitrix24(deal_id: str, now: datetime) -> bytes:
    told = {"event": "ONCRMDEALUPDATE", "data[FIELDS][ID]": deal_id, "ts": str(int(now.timestamp()))}
    return urlencode({**told, "auth[domain]": "kvartal.bitrix24.ru", "auth[application_token]": APPLICATION}).encode()


def _hubspot(deal_id: str, now: datetime) -> bytes:
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": to_millis(now), "objectId": int(deal_id)}
    return json.dumps([{**event, "subscriptionType": "deal.creation"}]).encode()


def _pipedrive(deal_id: str, now: datetime) -> bytes:
    meta = {"action": "change", "entity": "deal", "entity_id": deal_id, "timestamp": now.isoformat()}
    return json.dumps({"meta": meta, "data": {"id": int(deal_id), "status": "won", "value": 5}, "previous": {}}).encode()


def _shop(deal_id: str, now: datetime) -> bytes:
    return json.dumps({"id": deal_id, "stage": "won"}).encode()


def _signed(deal_id: str, now: datetime) -> bytes:
    return urlencode({"id": deal_id, "stage": "won"}).encode()


_BODIES: Mapping[str, Callable[[str, datetime], bytes]] = {
    "generic": _generic, "amocrm": _amocrm, "bitrix24": _bitrix24, "hubspot": _hubspot, "pipedrive": _pipedrive, "shop": _shop,
    "signed": _signed,
}  # fmt: skip
PROVIDERS = tuple(_BODIES)


def drained(stack: LocalStack) -> list[str]:
    """Keys of the bodies that the queue's messages name; takes all messages that wait."""
    url, keys, sqs = stack.aws.queue_url("CrmQueue"), [], client("sqs")
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        keys += [json.loads(message["Body"])["key"] for message in batch]
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(batch)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return keys


def kept(stack: LocalStack, keys: Sequence[str] = ()) -> list[bytes]:
    """Bodies in the quarantine that these keys and the queue name, sorted. Drains the queue."""
    bodies = stack.objects("LakeBucket", "quarantine/crm-")
    return sorted(bodies[key] for key in [*keys, *drained(stack)])
