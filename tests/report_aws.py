"""AWS for the report's tests: moto's DynamoDB (its conditions are what is tested), moto's S3, and a fake SES."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from functions.attribution.tables import MARTS
from functions.attribution.working_tables import DEAL_STATES
from functions.report import handler, mailer
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.engines import register
from shared.sites import current_key
from shared.times import lake_text
from tests.report_cases import DATA_TO, NOW, settings_of

TABLE = "ledger"
BUCKET = "files"
OWNER = "owner@kvartal.example"
PARTNER = "partner@kvartal.example"


class FakeSes:
    """`sent` are (recipient, raw message); `refuse` and `time_out` name recipients that do not get theirs."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.refuse: set[str] = set()
        self.time_out: set[str] = set()
        self.calls: list[dict[str, Any]] = []

    def send_email(self, **call: Any) -> dict[str, str]:
        (recipient,) = call["Destination"]["ToAddresses"]
        self.calls.append(call)
        if recipient in self.refuse:
            raise ClientError({"Error": {"Code": "MessageRejected", "Message": f"{recipient} is not verified"}}, "SendEmail")
        self.sent.append((recipient, call["Content"]["Raw"]["Data"]))
        if recipient in self.time_out:
            raise ReadTimeoutError(endpoint_url="ses")
        return {"MessageId": f"ses-{len(self.sent)}"}


class Clients:
    """Stands in for `shared.aws.client`. Made inside `moto.mock_aws`."""

    def __init__(self) -> None:
        self.ses = FakeSes()
        session = botocore.session.get_session()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.s3 = session.create_client("s3", region_name="eu-central-1", **keys)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.dynamodb = session.create_client("dynamodb", region_name="eu-central-1", **keys)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )

    def __call__(self, service: str) -> Any:
        return {"s3": self.s3, "dynamodb": self.dynamodb, "sesv2": self.ses}[service]


def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    """For a fixture: an installation of one refreshed site (`kvartal`) with one visit, its functions' environment and clients."""
    with mock_aws():
        made = Clients()
        monkeypatch.setattr(mailer, "client", made)
        monkeypatch.setattr(handler, "client", made)
        for name, value in {
            "LEDGER_TABLE": TABLE,
            "FILES_BUCKET": BUCKET,
            "MAIL_FROM": "Skvoz <reports@stats.example>",
            "CONFIGURATION_SET": "reports",
            "PUBLIC_URL": "https://stats.example/",
            "ENGINE": "report-tests",
        }.items():
            monkeypatch.setenv(name, value)
        warehouse = DuckDbWarehouse(tmp_path)
        for table in (*MARTS, DEAL_STATES):
            warehouse.connection.execute(f"CREATE TABLE {table.name} ({', '.join(f'{c.name} {c.type}' for c in table.columns)})")
        warehouse.connection.execute(
            "INSERT INTO sessions (site_id, session_id, day, channel, source, campaign) "
            "VALUES ('kvartal', 's', DATE '2026-10-01', 'Yandex Direct', 'yandex', 'kuhni')"
        )
        register("report-tests", lambda: warehouse)
        add_site(made, "kvartal")
        yield made
        warehouse.close()


def add_site(aws: Clients, site_id: str, *recipients: Any, refreshed: bool = True, **report: Any) -> None:
    """A site with these recipients, all of whom get its first report, unless `report` says otherwise; it may
    hold the site's `attribution` and `sources`, too."""
    site = {name: report.pop(name) for name in ("attribution", "sources") if name in report}
    told = {"recipients": list(recipients or [OWNER]), "owner_first": False, **report}
    settings = settings_of(site_id=site_id, report=told, **site)
    aws.s3.put_object(Bucket=BUCKET, Key=current_key(site_id), Body=orjson.dumps(settings))
    aws.s3.put_object(Bucket=BUCKET, Key=f"settings/{site_id}/versions/1.json", Body=orjson.dumps(settings))
    if refreshed:
        item = {"pk": f"refresh#{site_id}", "sk": "last", "refresh_id": "r1"}
        item |= {"completed_at": lake_text(NOW), "data_to": lake_text(DATA_TO)}
        aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def keys(aws: Clients, prefix: str) -> list[str]:
    return [entry["Key"] for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]


def refresh_all(at: datetime) -> None:
    """Every refreshed site has data up to shortly before that moment."""
    dynamodb = mailer.client("dynamodb")
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        if item["pk"]["S"].startswith("refresh#") and item["sk"]["S"] == "last":
            told = {"completed_at": {"S": lake_text(at)}, "data_to": {"S": lake_text(at - (NOW - DATA_TO))}}
            dynamodb.put_item(TableName=TABLE, Item={**item, **told})


def run(minutes: int = 0, is_refreshed: bool = True, **asked: str) -> int:
    """A tick so many minutes after NOW, after a refresh then unless it is said that there was none; gives the mails sent."""
    at = NOW + timedelta(minutes=minutes)
    if is_refreshed and minutes:
        refresh_all(at)
    return mailer.lambda_handler({"time": at.isoformat(), **asked}, None)["sent"]


def token_in(raw: bytes) -> str:
    found = re.search(r"<https://stats\.example/v1/reports/([\w-]{43})/unsubscribe>", message_from_bytes(raw)["List-Unsubscribe"])
    assert found
    return found[1]


def call(method: str, path: str, token: str, **more: Any) -> dict[str, Any]:
    event = {"routeKey": f"{method} /v1/reports/{{token}}{path}", "pathParameters": {"token": token}, **more}
    return handler.lambda_handler({**event, "requestContext": {"http": {}, "timeEpoch": 0}}, None)
