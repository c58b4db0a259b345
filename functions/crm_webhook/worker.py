"""Queue → lake: reads the quarantined body, hands it to the provider's adapter, writes what comes out. New requests of our own go
the other way: from the queue to the CRM.

Bad content ends as a rejected record and leaves the queue; what may work later (stores, secrets, settings) goes back to the queue,
message by message, and to the dead-letter queue when it never does. New requests are sent last and for a bounded time: a CRM that
does not answer holds up nothing but them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import Any

import orjson

from functions.crm_webhook import generic
from functions.crm_webhook.amocrm import adapter as amocrm
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.providers import AMOCRM, GENERIC, IN_QUEUE, REQUESTS, Provider
from functions.crm_webhook.telephony.clients import Clients
from functions.crm_webhook.telephony.requests import Requests
from shared.aws import client, env
from shared.errors import NotFound
from shared.ids import derived_id, is_site_id
from shared.lake import Lake, Rejected
from shared.log import count, logger
from shared.post import post
from shared.records import CRM_EVENT, PAYMENT
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader
from shared.times import from_millis, parse_instant
from shared.vault import Vault, contacts_of, first_of

# Contacts for the vault: each is a write of its own, and the other messages of the batch must not wait for thousands.
MOST_OF_PERSON = 10
MOST_OF_BODY = 200
# The function has 60 s (template.yaml); what it does not end by then comes back whole, and five times are the dead letters. A post
# may take 4 s (shared/post.py). New requests are begun for so long after the events, and none so late in the invocation:
REQUEST_SECONDS = 15.0
LAST_BEGIN = 40.0


def _generic(body: bytes, arrival: Arrival, site: Mapping[str, Any]) -> Outcome:
    result = generic.records_of(body, arrival)
    if isinstance(result, Rejected):
        return Outcome(rejected=[result])
    return Outcome(records=result, people=generic.people_of(body) if site.get("pii") == "vault" else [])


ADAPTERS: Mapping[str, Callable[[bytes, Arrival, Mapping[str, Any]], Outcome]] = {
    GENERIC.name: _generic,
    AMOCRM.name: amocrm.records_of,
}


class Worker:
    """`s3` is a client, `bucket` the lake's: the quarantine lies there. `vault` and `clients` are made on first use."""

    def __init__(
        self,
        s3: Any,
        bucket: str,
        secrets: Secrets,
        lake: Lake,
        sites: Sites,
        vault: Callable[[], Vault],
        clients: Callable[[], Clients],
        requests: Requests,
    ) -> None:
        self._s3, self._bucket, self._secrets, self._lake = s3, bucket, secrets, lake
        self._sites, self._vault, self._clients, self._requests = sites, vault, clients, requests

    def work(self, message: Mapping[str, Any]) -> None:
        """One SQS record. Raises only what a later try may mend."""
        now = from_millis(int(message["attributes"]["SentTimestamp"]))
        order = order_of(message.get("body"))
        if isinstance(order, Rejected):
            self._reject(GENERIC, "", [order], str(message["messageId"]), now)
            return
        provider, site_id = IN_QUEUE[order["provider"]], order["site_id"]
        body = self._raw(order["key"])
        if body is None:
            gone = Rejected("raw_gone", "the raw body is not in the quarantine any more; it is kept for 30 days", order["key"])
            self._reject(provider, site_id, [gone], str(message["messageId"]), now)
            return
        site = self._settings(provider, site_id, now)
        closed = Rejected("not_set_up", f"the site's settings do not open crm.{provider.setting} any more", order["key"])
        if provider is REQUESTS:
            refused = self._requests.send(site, body, order["webhook_id"]) if site is not None else closed
            if refused is not None:
                self._reject(provider, site_id, [replace(refused, content=order["key"])], str(message["messageId"]), now)
            return
        arrival = Arrival(site_id, order["webhook_id"], order["received_at"], self._secrets.key("identity", now))
        outcome = ADAPTERS[provider.name](body, arrival, site) if site is not None else Outcome(rejected=[closed])
        self._write(outcome, provider, order, now)
        if site is not None and (site.get("calls") or {}).get("managers"):
            self._clients().keep(site, [line for kind, line in outcome.records if kind is CRM_EVENT], now)
        if outcome.people and site is not None and site.get("pii") == "vault":
            self._keep(outcome, site, arrival, provider, now)

    def _settings(self, provider: Provider, site_id: str, now: datetime) -> Mapping[str, Any] | None:
        """Settings of the site ({} where it has none any more); None where they do not open the provider's door."""
        try:
            site = self._sites.get(site_id, now)
        except NotFound:
            site = {}
        is_open = not provider.setting or site.get("crm", {}).get(provider.setting) is not None
        return site if is_open else None

    def _write(self, outcome: Outcome, provider: Provider, order: Mapping[str, Any], now: datetime) -> None:
        batch_id = derived_id(order["received_at"], order["site_id"], order["webhook_id"])
        # The body itself stays in the quarantine: it holds names, which the lake never does.
        refused = [Rejected(one.reason, one.message, order["key"]) for one in outcome.rejected]
        self._reject(provider, order["site_id"], refused, batch_id, now)
        for reason, times in outcome.passed_over.items():
            count({"PassedOver": times}, Door=provider.door, Reason=reason)
        for kind in (CRM_EVENT, PAYMENT):
            if lines := [line for one, line in outcome.records if one is kind]:
                self._lake.append(kind, lines, batch_id, now)
                count({"Accepted": len(lines)}, Door=provider.door, RecordKind=kind.name)

    def _keep(self, outcome: Outcome, site: Mapping[str, Any], arrival: Arrival, provider: Provider, now: datetime) -> None:
        """Contacts into the vault in the body's order, up to the limits. Once it refuses, it is not asked for the others."""
        left, ignored, refused = MOST_OF_BODY, 0, 0
        is_refusing = False
        for person in outcome.people:
            contacts = contacts_of(person.phones, person.emails, arrival.identity_key)
            taken = first_of(contacts, min(left, MOST_OF_PERSON))
            ignored += len(taken) < len(contacts)
            left -= len(taken)
            if is_refusing:
                refused += len(taken)
            elif taken:
                is_refusing = self._vault().keep(site, taken, person.name, now) < len(taken)
        if ignored:
            count({"ContactsIgnored": ignored}, Door=provider.door)
        if refused:
            count({"VaultRefused": refused})

    def _raw(self, key: str) -> bytes | None:
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return body
        except self._s3.exceptions.NoSuchKey:
            return None

    def _reject(self, provider: Provider, site_id: str, rejected: list[Rejected], batch_id: str, now: datetime) -> None:
        for reason, items in Counter(one.reason for one in rejected).items():
            logger().info("crm event rejected", extra={"site_id": site_id, "reason": reason, "items": items, "batch_id": batch_id})
        self._lake.reject(site_id, provider.door, rejected, batch_id, now)


def order_of(text: object) -> dict[str, Any] | Rejected:
    """The door's message, checked: anything else in the queue must not circle in it. One without a provider is a generic one."""
    try:
        message = orjson.loads(str(text))
        order = {name: message[name] for name in ("site_id", "key", "webhook_id")}
        order["provider"] = message.get("provider", GENERIC.name)
        if not all(isinstance(value, str) for value in order.values()):
            raise ValueError("a field is no text")
        if not is_site_id(order["site_id"]) or not order["key"].startswith(IN_QUEUE[order["provider"]].quarantine):
            raise ValueError("site_id or key cannot be the door's")
        return {**order, "received_at": parse_instant(message["received_at"])}
    except (ValueError, KeyError, TypeError) as error:
        return Rejected("bad_message", f"the queue holds something that is not from the door ({type(error).__name__})")


@cache
def vault() -> Vault:
    """The contacts vault, made on first use: most sites keep none."""
    return Vault(client("dynamodb"), env("CONTACTS_TABLE"))


@cache
def clients() -> Clients:
    """What is known of clients' managers, made on first use: few sites route by it."""
    return Clients(client("dynamodb"), env("NUMBERS_TABLE"))


@cache
def worker() -> Worker:
    """The worker, made on first use."""
    s3, bucket = client("s3"), env("LAKE_BUCKET")
    streams = {CRM_EVENT.name: env("CRM_EVENT_STREAM"), PAYMENT.name: env("PAYMENT_STREAM")}
    secrets = Secrets(parameter_reader(client("ssm"), env("STAGE")))
    lake, sites = Lake(client("firehose"), s3, bucket, streams), Sites(object_reader(s3, env("FILES_BUCKET")))
    requests = Requests(secrets, post, lambda: datetime.now(UTC))
    return Worker(s3, bucket, secrets, lake, sites, vault, clients, requests)


def lambda_handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """SQS event → partial batch response: only the messages that failed come back, and new requests that there was no time for."""
    began = monotonic()
    events: list[Mapping[str, Any]] = []
    requests: list[Mapping[str, Any]] = []
    for message in event.get("Records", []):
        (requests if _door_of(message) == REQUESTS.door else events).append(message)
    failed = [message for message in events if not _is_worked(message)]
    failed += _not_sent(requests, min(monotonic() + REQUEST_SECONDS, began + LAST_BEGIN))
    return {"batchItemFailures": [{"itemIdentifier": message.get("messageId", "")} for message in failed]}


def _not_sent(requests: list[Mapping[str, Any]], until: float) -> list[Mapping[str, Any]]:
    """New requests that go back to the queue: those that failed, and those that were not begun until then. Sites whose requests
    failed come last, so that the others' do not wait for a CRM that is down."""
    waiting, failed, failing = list(requests), [], set()
    while waiting and monotonic() < until:
        message = next((one for one in waiting if _site_of(one) not in failing), waiting[0])
        waiting.remove(message)
        if not _is_worked(message):
            failed.append(message)
            failing.add(_site_of(message))
    if waiting:
        logger().warning("no time left for new requests; they go back to the queue", extra={"messages": len(waiting)})
        count({"BackToQueue": len(waiting)}, Door=REQUESTS.door)
    return failed + waiting


def _is_worked(message: Mapping[str, Any]) -> bool:
    try:
        worker().work(message)
    except Exception:
        logger().exception("crm event goes back to the queue", extra={"message_id": message.get("messageId")})
        count({"BackToQueue": 1}, Door=_door_of(message))
        return False
    return True


def _site_of(message: Mapping[str, Any]) -> str:
    order = order_of(message.get("body"))
    return "" if isinstance(order, Rejected) else str(order["site_id"])


def _door_of(message: Mapping[str, Any]) -> str:
    order = order_of(message.get("body"))
    return (GENERIC if isinstance(order, Rejected) else IN_QUEUE[order["provider"]]).door
