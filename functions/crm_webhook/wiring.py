"""What the workers of this package are made of, each made on first use."""

from __future__ import annotations

from functools import cache

from functions.crm_webhook.failures import Failures
from functions.crm_webhook.telephony.clients import Clients
from functions.crm_webhook.writing import Writing
from shared.aws import client, env
from shared.heard import Heard
from shared.lake import Lake
from shared.records import CRM_EVENT, PAYMENT
from shared.secrets import Secrets, parameter_reader
from shared.sites import Sites, object_reader
from shared.vault import Vault


@cache
def secrets() -> Secrets:
    """Secrets of the stage."""
    return Secrets(parameter_reader(client("ssm"), env("STAGE")))


@cache
def sites() -> Sites:
    """Published settings."""
    return Sites(object_reader(client("s3"), env("FILES_BUCKET")))


@cache
def writing() -> Writing:
    """The way into lake, vault and clients."""
    streams = {CRM_EVENT.name: env("CRM_EVENT_STREAM"), PAYMENT.name: env("PAYMENT_STREAM")}
    return Writing(Lake(client("firehose"), client("s3"), env("LAKE_BUCKET"), streams), vault, clients)


@cache
def vault() -> Vault:
    """The contacts vault."""
    return Vault(client("dynamodb"), env("CONTACTS_TABLE"))


@cache
def clients() -> Clients:
    """What is known of clients' managers."""
    return Clients(client("dynamodb"), env("NUMBERS_TABLE"))


@cache
def failures() -> Failures:
    """Why messages failed."""
    return Failures(lambda: client("dynamodb"), lambda: env("CRM_TABLE"))


@cache
def heard() -> Heard:
    """When webhooks came."""
    return Heard(lambda: client("dynamodb"), lambda: env("CRM_TABLE"))


def put_task(text: str) -> None:
    """A message into the queue of tasks."""
    client("sqs").send_message(QueueUrl=env("CRM_TASK_QUEUE_URL"), MessageBody=text)


def raw_body(key: str) -> bytes | None:
    """A body of the quarantine; None where it is gone."""
    s3 = client("s3")
    try:
        body: bytes = s3.get_object(Bucket=env("LAKE_BUCKET"), Key=key)["Body"].read()
        return body
    except s3.exceptions.NoSuchKey:
        return None
