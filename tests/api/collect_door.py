"""The hit door with in-memory clients behind it, for the tests of collect."""

from __future__ import annotations

import base64
import copy
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.collect import handler
from shared.security import sign_webhook
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.times import from_millis
from shared.visitors import sign_visitor
from tests.fakes import FakeClients

EVENTS = Path(__file__).parents[1] / "events"
LAKE, FILES = "lake", "files"
STREAMS = {"hit": "hits", "request": "requests", "payment": "payments"}
SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
OLD_SECRET = "whsec_RaocZ9JpqOgtqpIgTOeVI+n/F8swopiv"
HIT_ID = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"
VISITOR = "01a12f0e-3e28-7b6a-9c11-2f6d3e4a5b60"  # as the recorded batch proposes it: made three seconds before
VISITOR_SECRET, OLD_VISITOR_SECRET = "secret-of-the-visitors", "older-secret-of-the-visitors"
_ENVIRONMENT = {
    "STAGE": "test", "LAKE_BUCKET": LAKE, "FILES_BUCKET": FILES, "SERVICE": "collect",
    "NUMBERS_TABLE": "numbers", "CONTACTS_TABLE": "contacts",
    "HIT_STREAM": STREAMS["hit"], "REQUEST_STREAM": STREAMS["request"], "PAYMENT_STREAM": STREAMS["payment"],
}  # fmt: skip


def recorded(name: str) -> dict[str, Any]:
    """A recorded API Gateway event."""
    event: dict[str, Any] = json.loads((EVENTS / f"collect_{name}.json").read_text("utf-8"))
    return event


class Clients(FakeClients):
    """`dynamodb` is put there by the tests that may need it: other hits must not even make its client."""

    dynamodb: Any = None

    def __call__(self, service: str) -> Any:
        if service != "dynamodb":
            return super().__call__(service)
        assert self.dynamodb is not None, "this hit needs no DynamoDB"
        return self.dynamodb


class Collect:
    """`lambda_handler` over fakes: post hits, import lines, look into the lake."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clients = Clients()
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(handler, "client", self.clients)
        self.forget()
        self.publish({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example", "квартал.рф"]})
        self.clients.ssm.parameters["/skvoz/test/kvartal/import"] = f"{SECRET} {OLD_SECRET}"
        self.clients.ssm.parameters["/skvoz/test/identity"] = "key-of-the-hashes"
        self.clients.ssm.parameters["/skvoz/test/visitor"] = f"{VISITOR_SECRET} {OLD_VISITOR_SECRET}"

    def forget(self) -> None:
        """As a new process."""
        for made in (handler._sites, handler._lake, handler._secrets, handler._vault):
            made.cache_clear()

    def publish(self, settings: dict[str, Any]) -> None:
        body = orjson.dumps(published(parse_settings(settings)))
        self.clients.s3.put_object(Bucket=FILES, Key=current_key(settings["site_id"]), Body=body)

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        return handler.lambda_handler(event, None)

    def hits(
        self,
        *hits: Any,
        headers: dict[str, str] | None = None,
        cookies: list[str] | None = None,
        raw: str | None = None,
        **batch: Any,
    ) -> dict[str, Any]:
        """Post a batch; hits without an id, kind or url get the recorded ones."""
        event = recorded("hits_post")
        sent = {**json.loads(event["body"]), **batch}
        if hits:
            default = {"id": HIT_ID, "kind": "page_view", "url": "https://kvartal.example/"}
            sent["hits"] = [{**default, **hit} if isinstance(hit, dict) else hit for hit in hits]
        event["body"] = raw if raw is not None else json.dumps({k: v for k, v in sent.items() if v is not None}, ensure_ascii=False)
        event["headers"] = {k: v for k, v in {**event["headers"], **(headers or {})}.items() if v}
        if cookies:
            event["cookies"] = cookies
        return self.call(event)

    def pixel(self, headers: dict[str, str] | None = None, cookies: list[str] | None = None, **query: str) -> dict[str, Any]:
        event = recorded("hit_gif_get")
        event["queryStringParameters"] = query
        event["headers"].update(headers or {})
        if cookies:
            event["cookies"] = cookies
        return self.call(event)

    def import_(
        self, body: bytes, *, secret: str = SECRET, headers: dict[str, str] | None = None, site: str = "kvartal", **change: Any
    ) -> dict[str, Any]:
        """Post a signed import; `signed_at` (milliseconds) and `signed_body` forge it."""
        event = recorded("import_post")
        now = from_millis(change.get("signed_at", event["requestContext"]["timeEpoch"]))
        signature = sign_webhook(change.get("signed_body", body), "msg_1", secret, now)
        event["headers"] = {"content-type": "application/octet-stream", **signature, **(headers or {})}
        event["queryStringParameters"] = {"site": site}
        event["body"] = base64.b64encode(body).decode()
        return self.call(event)

    def lines(self, *lines: Any) -> dict[str, Any]:
        return self.import_(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines))

    def stored(self, kind: str = "hit") -> list[dict[str, Any]]:
        """Records of a kind, from the stream and from what was spilled."""
        spilled = [self.clients.s3.body(LAKE, key) for key in self.clients.s3.keys(LAKE, f"raw/{kind}/")]
        lines = [*self.clients.firehose.lines(STREAMS[kind]), *(line for blob in spilled for line in blob.splitlines())]
        return [json.loads(line) for line in lines]

    def rejected(self, door: str = "hits") -> list[dict[str, Any]]:
        keys = self.clients.s3.keys(LAKE, f"rejected/{door}/")
        return [json.loads(line) for key in keys for line in self.clients.s3.body(LAKE, key).splitlines()]


def token_of(visitor_id: str, *, age: timedelta = timedelta(days=1), secret: str = VISITOR_SECRET, site: str = "kvartal") -> str:
    """A token as the server gave it `age` before the recorded batch."""
    return sign_visitor(site, visitor_id, now_of("hits_post") - age, [secret])


def counted(printed: str, metric: str) -> list[dict[str, Any]]:
    """Lines of the log that count `metric`, without AWS's own part."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [{name: value for name, value in line.items() if name != "_aws"} for line in lines if metric in line]


def body_of(response: dict[str, Any]) -> Any:
    return json.loads(response["body"])


def now_of(event_name: str) -> datetime:
    return from_millis(recorded(event_name)["requestContext"]["timeEpoch"])


def changed(event: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(event), **parts}


def assert_error(response: dict[str, Any], status: int, code: str) -> None:
    """The one error shape."""
    assert response["statusCode"] == status, response["body"]
    error = body_of(response)["error"]
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["fields"], list)
