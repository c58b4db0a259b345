"""`skvoz crm redrive --rejected`: bodies that were rejected are read again once what was wrong has been mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.cli.crm.queues import waiting
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client
from shared.ids import derived_id
from shared.lake import Lake, Rejected
from shared.security import token_sha256
from shared.settings import parse_settings
from tests.api.test_crm_cli import NOW, TOKEN, run
from tests.api.test_crm_cli import told as said
from tests.fakes import FakeS3

MAP = {"deal_id": "id", "stage": "stage", "amount": "sum"}


def site_of(site_id: str, fields: dict[str, Any] | None) -> Any:
    crm = {"token_sha256": [token_sha256(TOKEN)], "mapped": {"shop": {"map": fields}} if fields else {}}
    return parse_settings({"site_id": site_id, "name": "Shop", "hosts": ["shop.example"], "crm": crm})


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(tmp_path, SimulatedClock(NOW)) as stack:
        for site_id in ("one", "two"):
            stack.publish(site_of(site_id, MAP | {"stage": "sum"}))
        yield stack


def post(stack: LocalStack, site_id: str, body: Any) -> None:
    answer = stack.call(
        "POST", f"/v1/crm/shop/{site_id}/{TOKEN}", {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False)
    )
    assert answer.status == 202
    stack.pump()


def mend(stack: LocalStack, *site_ids: str, fields: dict[str, Any] | None = None) -> None:
    """New settings hold once those in memory are old."""
    for site_id in site_ids:
        stack.publish(site_of(site_id, MAP if fields is None else fields))
    stack.clock.advance(timedelta(minutes=10))  # type: ignore[attr-defined]


def states(stack: LocalStack) -> list[dict[str, Any]]:
    lines = [line for body in stack.objects("LakeBucket", "raw/crm_event/").values() for line in body.splitlines()]
    return [json.loads(line) for line in lines]


def queued(stack: LocalStack) -> int:
    return sum(waiting(stack.aws.queue_url("CrmQueue")))


BAD = {"id": 7, "stage": "won", "sum": 1.5}


def test_bodies_of_a_mended_map_are_read_again_and_repeats_make_the_same_records(stack: LocalStack) -> None:
    post(stack, "one", BAD)
    post(stack, "two", BAD | {"id": 8})
    assert states(stack) == []
    mend(stack, "one", "two")
    shown = said(stack, "redrive", "--rejected", "bad_field", "--dry-run")
    assert "bad_field: 2 can be read again" in shown
    assert "map.stage: leads to a fraction" in shown
    assert "quarantine/crm-shop/2026/11/10/09/" in shown
    assert queued(stack) == 0
    assert "bad_field: 1 queued again" in said(stack, "redrive", "--rejected", "bad_field", "--site", "one")
    stack.pump()
    (state,) = states(stack)
    assert (state["deal_id"], state["stage"], state["amount"]) == ("7", "won", 1.5)
    assert state["received_at"] == "2026-11-10 09:00:00.000"
    assert "bad_field: 2 queued again" in said(stack, "redrive", "--rejected", "bad_field")
    stack.pump()
    assert sorted(one["deal_id"] for one in states(stack)) == ["7", "7", "8"]
    assert len({one["record_id"] for one in states(stack)}) == 2


def test_what_was_accepted_of_a_body_makes_the_same_records_when_it_is_read_again(stack: LocalStack) -> None:
    mend(stack, "one", fields=MAP)
    post(stack, "one", [{"id": 1, "stage": "won"}, {"id": 2, "stage": 1.5}])
    said(stack, "redrive", "--rejected", "bad_field")
    stack.pump()
    first, again = states(stack)
    assert first["record_id"] == again["record_id"]


def test_bodies_of_a_door_that_was_shut_meanwhile_are_read_once_it_is_open(stack: LocalStack) -> None:
    body = {"content-type": "application/json"}
    assert stack.call("POST", f"/v1/crm/shop/one/{TOKEN}", body, '{"id": 7, "stage": "won"}').status == 202
    stack.publish(site_of("one", None))
    stack.clock.advance(timedelta(minutes=10))  # type: ignore[attr-defined]
    stack.pump()
    mend(stack, "one")
    assert "not_set_up: 1 queued again" in said(stack, "redrive", "--rejected", "not_set_up")
    stack.pump()
    assert [one["deal_id"] for one in states(stack)] == ["7"]


def test_a_replay_is_bounded_and_says_where_to_go_on(stack: LocalStack) -> None:
    for number in range(3):
        post(stack, "one", BAD | {"id": number})
        stack.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    shown = said(stack, "redrive", "--rejected", "bad_field", "--most", "2")
    assert "bad_field: 2 queued again --most 2 was reached; go on with --since 2026-11-10T11" in shown
    assert "bad_field: 1 queued again" in said(stack, "redrive", "--rejected", "bad_field", "--since", "2026-11-10T11")
    assert queued(stack) == 3


def test_bodies_that_are_gone_and_rejects_without_one_are_counted(stack: LocalStack) -> None:
    post(stack, "one", BAD)
    (key,) = stack.objects("LakeBucket", "quarantine/crm-shop/")
    client("s3").delete_object(Bucket=stack.environment["LAKE_BUCKET"], Key=key)
    client("sqs").send_message(QueueUrl=stack.aws.queue_url("CrmQueue"), MessageBody="{}")
    stack.pump()
    assert "bad_field: 1 gone from the quarantine" in said(stack, "redrive", "--rejected", "bad_field")
    assert "bad_message: 1 without a body" in said(stack, "redrive", "--rejected", "bad_message")
    shown = said(stack, "redrive", "--rejected", "future")
    assert "bad_field 1, bad_message 1" in shown
    assert "future: no bodies" in shown


def test_a_reject_cannot_name_a_body_of_another_door(stack: LocalStack) -> None:
    post(stack, "one", BAD)
    (key,) = stack.objects("LakeBucket", "quarantine/crm-shop/")
    lake = Lake(client("firehose"), client("s3"), stack.environment["LAKE_BUCKET"], {})
    lake.reject("one", "crm-amocrm", [Rejected("odd", "why", key), Rejected("odd", "why", f"{key}/../x")], "batch", NOW)
    assert "odd: 2 without a body" in said(stack, "redrive", "--rejected", "odd")


def test_a_body_from_before_its_delivery_was_kept_is_known_by_its_key(stack: LocalStack) -> None:
    key = f"quarantine/crm-shop/2026/11/10/08/{derived_id(NOW - timedelta(hours=1), 'x')}.json"
    bucket = stack.environment["LAKE_BUCKET"]
    client("s3").put_object(Bucket=bucket, Key=key, Body=b'{"id": 7, "stage": "won"}')
    Lake(client("firehose"), client("s3"), bucket, {}).reject("one", "crm-shop", [Rejected("odd", "why", key)], "batch", NOW)
    mend(stack, "one")
    for _ in range(2):
        assert "odd: 1 queued again" in said(stack, "redrive", "--rejected", "odd")
        stack.pump()
    first, again = states(stack)
    assert first["record_id"] == again["record_id"]
    assert first["received_at"] == "2026-11-10 08:00:00.000"


def test_since_goes_with_rejected_alone() -> None:
    result = run("redrive", "--since", "2026-11-10")
    assert result.exit_code == 2
    assert "--since goes with --rejected" in result.stderr


def test_messages_of_rejects_tell_no_phone_and_no_email() -> None:
    s3 = FakeS3()
    told = Rejected("bad_field", "8 900 000-00-17 and vera@post.example", "vera@post.example")
    Lake(None, s3, "lake", {}).reject("one", "crm-shop", [told], "batch", NOW)
    (key,) = s3.keys("lake")
    kept = json.loads(s3.body("lake", key))
    assert (kept["message"], kept["content"]) == ("[phone] and [email]", "[email]")
