"""The product itself on the local stack: the real template, the real functions, one path through every door."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.security import sign_webhook, token_sha256
from shared.settings import parse_settings

DEAL = (Path(__file__).parents[1] / "data/standard_webhooks/deal_won.json").read_bytes()
NOW = datetime(2026, 10, 29, 13, 20, 41, 250_000, tzinfo=UTC)
MILLIS = int(NOW.timestamp() * 1000)
TOKEN, SECRET = "path-token-of-the-stack-tests", "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
PAGE = "https://kvartal.example/?utm_source=yandex&utm_medium=cpc"
HIT = {"id": "0192d2f0-7c4e-7e1a-8a53-5a1f0c6b7d10", "kind": "page_view", "t": MILLIS, "url": PAGE}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("product"), SimulatedClock(NOW)) as stack:
        crm = {"token_sha256": [token_sha256(TOKEN)]}
        stack.publish(parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": crm}))
        stack.put_secret("kvartal/crm-generic", SECRET)
        yield stack


@pytest.fixture(autouse=True)
def _as_at_the_start(stack: LocalStack) -> None:
    assert isinstance(stack.clock, SimulatedClock)
    stack.clock.set(NOW)


def lines(stack: LocalStack, prefix: str) -> list[dict[str, object]]:
    objects = stack.objects("LakeBucket", prefix).values()
    return [json.loads(line) for content in objects for line in content.splitlines()]


def test_a_hit_over_the_socket_lands_under_its_simulated_hour(stack: LocalStack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.url.rpartition(":")[2]), timeout=10)
    body = json.dumps({"site": "kvartal", "sent_at": MILLIS, "hits": [HIT]})
    connection.request("POST", "/v1/hits", body, {"Content-Type": "text/plain", "Origin": "https://kvartal.example"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["accepted"]) == (202, 1)
    (record,) = lines(stack, "raw/hit/2026/10/29/13/")
    assert (record["record_id"], record["received_at"]) == (HIT["id"], "2026-10-29 13:20:41.250")


def test_a_crm_event_goes_through_the_queue_into_the_lake(stack: LocalStack) -> None:
    headers = sign_webhook(DEAL, "msg-1", SECRET, NOW) | {"content-type": "application/json"}
    assert stack.call("POST", f"/v1/crm/generic/kvartal/{TOKEN}", headers, DEAL).status == 202
    assert lines(stack, "raw/crm_event/") == []
    assert stack.pump() == 1
    assert [record["site_id"] for record in lines(stack, "raw/crm_event/2026/10/29/13/")] == ["kvartal"]


def test_a_cost_file_is_taken_from_the_inbox(stack: LocalStack) -> None:
    text = "day,source,medium,campaign,cost\n2026-10-01,yandex,cpc,brand,1000.50\n"
    stack.put_file("costs/inbox/kvartal/october.csv", text.encode())
    stack.pump()
    assert stack.objects("FilesBucket", "costs/inbox/") == {}
    assert [record["utm_source"] for record in lines(stack, "raw/cost/") if not record["is_scope_mark"]] == ["yandex"]


def test_the_refresh_runs_to_its_end(stack: LocalStack) -> None:
    assert isinstance(stack.clock, SimulatedClock)
    stack.clock.advance(timedelta(hours=1))
    assert stack.refresh()["status"] == "complete"
