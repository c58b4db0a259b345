"""Facts of a stack in AWS. Everything is read, nothing is written; values of secrets are counted and let go."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from functions.crm_webhook.amocrm.v4.tokens import secret_name
from infra.doctor.facts import AmoToken, Queue, Refused, Secret, StackFacts
from infra.doctor.gathering.parts import Clients, Parts
from infra.smoke.stack import Stack
from shared.security import can_sign
from shared.times import parse_instant

# Output of the template → what the queue is called in findings; the queue without an output is found by its logical id.
QUEUES = {
    "CrmQueueUrl": "CrmQueue",
    "CrmDeadLettersUrl": "CrmDeadLetters",
    "CrmTaskQueueUrl": "CrmTaskQueue",
    "CrmTaskDeadLettersUrl": "CrmTaskDeadLetters",
}
FAILED_EVENTS = "FailedEvents"
_MESSAGES = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")  # those put off, too
_ACCESS_TOKEN = timedelta(days=1)  # of amoCRM: so long it lives
_AGE_OVER = timedelta(minutes=30)  # CloudWatch is told of queues every minute or five


def stack_facts(
    clients: Clients, stack: Stack, stage: str, sites: Sequence[str], rejected: Sequence[Refused], now: datetime
) -> StackFacts:
    """The stack's own part; `rejected`: refused records that belong to none of its sites."""
    parts = Parts()
    told = parts.read("the stack's parameters", lambda: _parameters(clients, stack.name)) or {}
    return StackFacts(
        stage,
        stack.name,
        now,
        stack.outputs.get("Url", ""),
        told,
        sites,
        parts.read("secrets", lambda: secrets_of(clients, stage)),
        _queues(clients, stack, parts, now),
        parts.read("alarms", lambda: _alarms(clients, stack.name)) or (),
        rejected,
        parts.unread,
    )


def _parameters(clients: Clients, name: str) -> dict[str, str]:
    (told,) = clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in told.get("Parameters", [])}


def stage_of(clients: Clients, name: str) -> str:
    """The stage that a stack was deployed as; "" where it has none."""
    return _parameters(clients, name).get("Stage", "")


def secrets_of(clients: Clients, stage: str) -> Mapping[str, Secret]:
    """Secrets of a stage by their name below /skvoz/{stage}/."""
    path = f"/skvoz/{stage}/"
    pages = clients("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True, WithDecryption=True)
    return {one["Name"][len(path) :]: _counted(one) for page in pages for one in page["Parameters"]}


def _counted(parameter: Mapping[str, Any]) -> Secret:
    values = str(parameter["Value"]).split()
    return Secret(len(values), sum(map(can_sign, values)), parameter.get("LastModifiedDate"))


def _queues(clients: Clients, stack: Stack, parts: Parts, now: datetime) -> dict[str, Queue]:
    urls = {name: stack.outputs[output] for output, name in QUEUES.items() if output in stack.outputs}
    if failed := parts.read(f"the queue {FAILED_EVENTS}", lambda: _resource(clients, stack.name, FAILED_EVENTS)):
        urls[FAILED_EVENTS] = failed
    found = {name: parts.read(f"the queue {name}", partial(_queue, clients, url, now)) for name, url in urls.items()}
    return {name: queue for name, queue in found.items() if queue is not None}


def _queue(clients: Clients, url: str, now: datetime) -> Queue:
    told = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(_MESSAGES))["Attributes"]
    messages = sum(int(told.get(name, 0)) for name in _MESSAGES)
    return Queue(messages, _age(clients, url.rpartition("/")[2], now) if messages else None)


def _age(clients: Clients, queue: str, now: datetime) -> float | None:
    """Seconds that the oldest message has waited, as of the last report of SQS."""
    told = clients("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - _AGE_OVER,
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    points = sorted(told["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Maximum"]) if points else None


def _resource(clients: Clients, stack: str, logical_id: str) -> str:
    answer = clients("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])


def _alarms(clients: Clients, stack: str) -> tuple[tuple[str, str], ...]:
    """Alarms of the stack that ring: name in the template, description."""
    pages = clients("cloudwatch").get_paginator("describe_alarms").paginate(StateValue="ALARM", AlarmNamePrefix=f"{stack}-")
    found = [one for page in pages for one in page["MetricAlarms"]]
    return tuple((one["AlarmName"].removeprefix(f"{stack}-").partition("-")[0], one.get("AlarmDescription", "")) for one in found)


def amo_token(clients: Clients, stage: str, site_id: str) -> AmoToken:
    """What is kept of amoCRM's keys, without them."""
    secrets = clients("secretsmanager")
    try:
        told = secrets.get_secret_value(SecretId=secret_name(stage, site_id))
    except secrets.exceptions.ResourceNotFoundException:
        return AmoToken(is_set=False)
    try:
        keys = json.loads(told["SecretString"])
        has_refresh_token, token = bool(keys.get("refresh_token")), str(keys["access_token"])
        seconds = keys.get("expires_at") or (None if has_refresh_token else _end_of(token))
        expires_at = None if seconds is None else parse_instant(float(seconds))
    except (ValueError, KeyError, TypeError, AttributeError):
        return AmoToken(is_set=True)
    # Not the secret's own date: the pair is written once more before it is spent (functions/crm_webhook/amocrm/v4/tokens.py).
    renewed_at = expires_at - _ACCESS_TOKEN if has_refresh_token and expires_at else None
    return AmoToken(True, bool(token), has_refresh_token, expires_at, renewed_at)


def _end_of(token: str) -> float | None:
    """When a long-lived token ends, in unix seconds: it is a JWT and says so itself."""
    try:
        claims = token.split(".")[1]
        end = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(end)
    except (IndexError, ValueError, KeyError, TypeError):
        return None
