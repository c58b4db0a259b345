"""The doors of numbers and calls, with DynamoDB by moto and the other clients in memory, for the tests of numberpool."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import orjson
import pytest
from moto import mock_aws

from functions.numberpool import handler
from shared.leases import POOL as POOL_NAME
from shared.leases import pool_key
from shared.security import sign_webhook
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.times import from_millis, to_millis
from shared.visitors import sign_visitor
from tests.fakes import FakeClients

EVENTS = Path(__file__).parents[1] / "events"
TELEPHONY = Path(__file__).parents[1] / "data" / "telephony"
LAKE, FILES, TABLE, CONTACTS, CALLS, LEASES = "lake", "files", "numbers", "contacts", "calls", "leases"
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
VISITOR_SECRET = "whsec_RaocZ9JpqOgtqpIgTOeVI+n/F8swopiv"
POOL = tuple(f"+749500000{n}" for n in (31, 32, 33, 34))
SETTINGS = {
    "site_id": "kvartal",
    "name": "Квартал",
    "hosts": ["kvartal.example"],
    "numbers": {
        "default": "+7 495 000-00-10",
        "replaces": ["8 (495) 000-00-11"],
        "static": [
            {"number": "+74950000041", "source": "vk", "medium": "cpc"},
            {"number": "+74950000051", "source": "banner", "medium": "offline", "campaign": "Тверская"},
        ],
    },
}
_ENVIRONMENT = {
    "STAGE": "test", "SERVICE": "numberpool", "LAKE_BUCKET": LAKE, "FILES_BUCKET": FILES,
    "NUMBERS_TABLE": TABLE, "CONTACTS_TABLE": CONTACTS, "CALL_STREAM": CALLS, "LEASE_STREAM": LEASES,
}  # fmt: skip


def recorded(name: str) -> dict[str, Any]:
    """A recorded API Gateway event."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return event


def told(name: str, **changes: Any) -> dict[str, Any]:
    """The body of a call event, as a PBX sends it."""
    body: dict[str, Any] = json.loads((TELEPHONY / f"call_end_{name}.json").read_text("utf-8"))
    return {**body, **changes}


def visitor_id(number: int) -> str:
    return f"0199d7a1-5c2e-7b6a-9c11-{number:012x}"


@cache
def dynamodb_client() -> Any:
    """One for all tests: making it takes longer than most of them. moto answers it while a test mocks AWS."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return botocore.session.get_session().create_client("dynamodb", region_name="eu-central-1", **keys)


def create_table(dynamodb: Any, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )


@contextmanager
def moto_dynamodb(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an empty account with both tables."""
    patch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb = dynamodb_client()
        for name in (TABLE, CONTACTS):
            create_table(dynamodb, name)
        yield dynamodb


class Clients(FakeClients):
    """Fakes, and the DynamoDB client that a test gives; `broken` makes the services in it fail."""

    def __init__(self, dynamodb: Any) -> None:
        super().__init__()
        self.dynamodb = dynamodb

    def __call__(self, service: str) -> Any:
        return self.dynamodb if service == "dynamodb" else super().__call__(service)


class Numbers:
    """`lambda_handler` of numberpool: lease, renew, ask, call; look into table and lake. `now` is the clock of all calls."""

    def __init__(self, patch: pytest.MonkeyPatch, dynamodb: Any) -> None:
        self.clients, self.dynamodb = Clients(dynamodb), dynamodb
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(handler, "client", self.clients)
        patch.setattr(handler, "question_client", self.clients)
        self.forget()
        self.publish(SETTINGS)
        parameters = {"visitor": VISITOR_SECRET, "identity": "key-of-the-hashes", "kvartal/calls-generic": SECRET}
        self.clients.ssm.parameters.update({f"/skvoz/test/{name}": value for name, value in parameters.items()})
        self.now = from_millis(recorded("numbers_lease_post")["requestContext"]["timeEpoch"])

    def forget(self) -> None:
        """As a new process."""
        for made in handler.CACHES:
            made.cache_clear()

    def publish(self, settings: dict[str, Any], **numbers: Any) -> None:
        merged = {**settings, "numbers": {**settings.get("numbers", {}), **numbers}}
        body = orjson.dumps(published(parse_settings(merged)))
        self.clients.s3.put_object(Bucket=FILES, Key=current_key(settings["site_id"]), Body=body)
        self.forget()

    def fill(self, *numbers: str, site: str = "kvartal", pool: str = "main") -> None:
        """Numbers as `skvoz numbers add` and their test calls leave them."""
        for number in numbers or POOL:
            self.dynamodb.update_item(
                TableName=TABLE,
                Key={"pk": {"S": pool_key(site, pool)}, "sk": {"S": number}},
                UpdateExpression="SET added_at = :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
            owner = {"pk": {"S": f"number#{number}"}, "sk": {"S": "owner"}, "site_id": {"S": site}, "pool": {"S": POOL_NAME}}
            self.dynamodb.put_item(TableName=TABLE, Item=owner)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        event["requestContext"]["timeEpoch"] = to_millis(self.now)
        answer: dict[str, Any] = handler.lambda_handler(event, None)
        return answer

    def token(self, visitor: int, site: str = "kvartal", age: timedelta = timedelta(0)) -> str:
        return sign_visitor(site, visitor_id(visitor), self.now - age, [VISITOR_SECRET])

    def post(self, name: str, body: dict[str, Any] | str, ip: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
        event = recorded(name)
        event["body"] = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        event["headers"] = {k: v for k, v in {**event["headers"], **(headers or {})}.items() if v}
        event["requestContext"]["http"]["sourceIp"] = ip or event["requestContext"]["http"]["sourceIp"]
        return self.call(event)

    def lease(self, visitor: int, ip: str = "", **sent: Any) -> dict[str, Any]:
        """What a visitor's lease request is answered; each visitor has an address prefix of his own unless `ip` tells one."""
        body = {"site": "kvartal", "visitor": self.token(visitor), **sent}
        answer = self.post("numbers_lease_post", body, ip or f"10.{visitor // 250}.{visitor % 250}.7")
        assert answer["statusCode"] == 200, answer["body"]
        return body_of(answer)

    def renew(self, visitor: int, given: dict[str, Any], **sent: Any) -> Any:
        """`lease` of the answer to a sign of life."""
        body = {"site": "kvartal", "visitor": self.token(visitor), "lease": {"number": given["number"], "id": given["lease"]["id"]}}
        answer = self.post("numbers_renew_post", {**body, **sent})
        assert answer["statusCode"] == 200, answer["body"]
        return body_of(answer)["lease"]

    def ring(
        self,
        body: dict[str, Any] | bytes,
        site: str = "kvartal",
        secret: str = SECRET,
        webhook_id: str = "msg_1",
        **headers: str,
    ) -> dict[str, Any]:
        """Post a signed call event."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        event = recorded("calls_generic_post")
        event["pathParameters"] = {"provider": "generic", "site": site}
        event["headers"] = {**event["headers"], **sign_webhook(raw, webhook_id, secret, self.now), **headers}
        event["body"] = raw.decode("utf-8", "surrogatepass")
        return self.call(event)

    def ask(self, number: str, query: str = "site=kvartal", signed: str | None = None, secret: str = SECRET) -> dict[str, Any]:
        """A signed look-up; `signed` is what the PBX signed, if not the path as it is."""
        event = copy.deepcopy(recorded("numbers_lookup_get"))
        text = signed if signed is not None else f"GET /v1/numbers/{number}?{query}"
        event["headers"] |= sign_webhook(text.encode(), "msg_2", secret, self.now)
        event["pathParameters"], event["rawQueryString"] = {"number": number}, query
        event["queryStringParameters"] = dict(part.split("=", 1) for part in query.split("&"))
        return self.call(event)

    def stored(self) -> list[dict[str, Any]]:
        """Call records of the lake."""
        return [json.loads(line) for line in self.clients.firehose.lines(CALLS)]

    def answered(self) -> list[dict[str, Any]]:
        """Lease records of the lake."""
        return [json.loads(line) for line in self.clients.firehose.lines(LEASES)]

    def rejected(self) -> list[dict[str, Any]]:
        keys = self.clients.s3.keys(LAKE, "rejected/calls-generic/")
        return [json.loads(line) for key in keys for line in self.clients.s3.body(LAKE, key).splitlines()]

    def items(self, prefix: str) -> list[dict[str, Any]]:
        """Items of the table whose pk begins so."""
        return [i for i in self.dynamodb.scan(TableName=TABLE)["Items"] if i["pk"]["S"].startswith(prefix)]


def body_of(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def counted(output: str) -> list[dict[str, Any]]:
    """Metrics of a captured standard output."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"_aws"')]
    return [{name: value for name, value in line.items() if name != "_aws"} for line in lines]
