"""A stack of ours in moto, as `skvoz doctor` sees one: resources, records, ledger. Written through the product's own writers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from moto import mock_aws

from functions.attribution.ledger import DynamoLedger
from functions.crm_webhook.reconcile.marks import Marks, Walk
from functions.report.store import Files, Ledger
from infra.doctor.gathering.stack import QUEUES
from infra.publish import publish_settings
from shared.aws import client
from shared.ids import uuid7
from shared.lake import Lake, Rejected
from shared.records import KINDS, encode
from shared.settings import parse_settings
from shared.times import lake_text
from tests.doctor_sound import FIGURES, SETTINGS

STACK, STAGE, REGION = "skvoz-test", "test", "eu-central-1"
LAKE, FILES = "lake", "files"
TABLES = {"LedgerTableName": "ledger", "NumbersTableName": "numbers", "CrmTableName": "crm"}
_KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


class DoctorStack:
    """An installation of one site, `shop`, sound as of `now` when `bring_up` was called."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def create(self, parameters: Mapping[str, str]) -> None:
        """Buckets, tables, queues and the stack that has them as outputs."""
        for bucket in (LAKE, FILES):
            client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        types = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in _KEYS]
        for table in TABLES.values():
            client("dynamodb").create_table(
                TableName=table, KeySchema=_KEYS, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
            )
        urls = {output: client("sqs").create_queue(QueueName=name)["QueueUrl"] for output, name in QUEUES.items()}
        outputs = {**TABLES, **urls, "LakeBucketName": LAKE, "FilesBucketName": FILES, "Url": "https://stat.shop.example"}
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": {"FailedEvents": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        told = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template), Parameters=told)

    def bring_up(self) -> None:
        """Settings, secrets, records of every day, a refresh, a report, a check of the CRM: nothing is missing."""
        self.publish(SETTINGS)
        for name in ("identity", "visitor", "shop/import", "shop/crm-hubspot", "shop/crm-hubspot-api", "shop/calls-generic"):
            self.secret(name, "whsec_" + "A" * 40)
        for days in range(14):
            self.records(self.now - timedelta(days=days, minutes=20))
        self.refreshed(self.now - timedelta(minutes=30))
        self.reported(self.now - timedelta(hours=3), FIGURES)
        self.walked("hubspot", done_until=self.now - timedelta(minutes=10))
        self.walked("hubspot#2026-01-01:2026-06-30", deals=4)

    def publish(self, settings: Mapping[str, Any]) -> None:
        publish_settings(client("s3"), FILES, parse_settings(settings), self.now)

    def secret(self, name: str, value: str) -> None:
        client("ssm").put_parameter(Name=f"/skvoz/{STAGE}/{name}", Value=value, Type="SecureString", Overwrite=True)

    def record(self, kind: str, at: datetime, /, **values: Any) -> None:
        """One record that arrived at that moment, in an object of its own."""
        head = {"record_id": uuid7(at, bytes(10)), "site_id": "shop", "occurred_at": at, "received_at": at, "via": "import"}
        self.lake().write_object(KINDS[kind], [encode(KINDS[kind], {**head, **values})], f"{kind}-{at:%H-%M}-{len(values)}", at)

    def records(self, at: datetime) -> None:
        """One record of every kind."""
        self.record("hit", at, kind="page_view", page_host="shop.example", visitor_id=f"v{at:%d}", ip_masked=f"5.5.{at.day}.0")
        self.record("request", at, request_id="r1", contact_channel="form")
        self.record("call", at, provider="generic", call_id="c1", direction="in")
        self.record("crm_event", at, provider="hubspot", deal_id="7", pipeline="sales", stage="won")
        self.record("cost", at, account="direct-1", day=at.date(), cost=5, scope=f"account:direct-1|day:{at.date()}")

    def lake(self) -> Lake:
        return Lake(None, client("s3"), LAKE, {})

    def reject(self, door: str, reason: str, message: str, site_id: str = "shop") -> None:
        self.lake().reject(site_id, door, [Rejected(reason, message)], uuid7(self.now, bytes(10)), self.now)

    def refreshed(self, at: datetime) -> None:
        run = {"refresh_id": uuid7(at, bytes(10)), "completed_at": lake_text(at), "data_to": lake_text(at), "fingerprint": "f"}
        DynamoLedger(client("dynamodb"), "ledger").complete("shop", run)

    def begun(self, at: datetime) -> None:
        DynamoLedger(client("dynamodb"), "ledger").begin("shop", uuid7(at, bytes(10)))

    def reported(self, at: datetime, figures: Mapping[str, Any]) -> None:
        """A report that was mailed, with its figures kept."""
        ledger, send = Ledger(client("dynamodb"), "ledger"), f"{at.date()}_{at.date()}#reader"
        ledger.claim("shop", send, at)
        ledger.mark_sent("shop", send, "m1", at)
        Files(client("s3"), FILES).keep("shop", uuid7(at, bytes(10)), {"html": b"page", "json": orjson.dumps(figures)}, "report")

    def claimed(self, at: datetime) -> None:
        """A send that was begun and never ended."""
        Ledger(client("dynamodb"), "ledger").claim("shop", f"{at.date()}_{at.date()}#other", at)

    def walked(self, name: str, **walk: Any) -> None:
        marks = Marks(client("dynamodb"), "crm", "tests")
        marks.take("shop", name, self.now)
        assert marks.keep(Walk("shop", name, **walk), self.now, is_over=True)

    def everything(self) -> dict[str, Any]:
        """All that is stored, to be compared: the doctor writes nothing."""
        s3, dynamodb = client("s3"), client("dynamodb")
        found: dict[str, Any] = {table: dynamodb.scan(TableName=table)["Items"] for table in TABLES.values()}
        for bucket in (LAKE, FILES):
            versions = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            found[bucket] = [
                (one["Key"], one["ETag"], one["LastModified"]) for page in versions for one in page.get("Contents", ())
            ]
        found["parameters"] = [(one["Name"], one["Version"]) for one in client("ssm").describe_parameters()["Parameters"]]
        return found


@contextmanager
def doctor_stack(patch: pytest.MonkeyPatch) -> Iterator[DoctorStack]:
    """A sound stack of this moment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        patch.delenv(name, raising=False)
    client.cache_clear()
    with mock_aws():
        made = DoctorStack(datetime.now(UTC).replace(microsecond=0))
        parameters = {"Stage": STAGE, "MailFrom": "reports@shop.example", "AlarmMail": "ops@shop.example"}
        made.create({**parameters, "MostHoursWithoutRefresh": "6"})
        made.bring_up()
        yield made
    client.cache_clear()
