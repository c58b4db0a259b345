"""The local stack: the template comes to life, and what a function does in it is what it would do in AWS."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from infra.local.transport import InProcess
from shared.aws import client
from shared.secrets import Secrets, parameter_reader
from shared.settings import parse_settings
from shared.sites import Sites, object_reader
from tests.api.local_stack_functions import CALLS

TEMPLATE = Path("tests/data/local_stack.yaml").resolve()
START = datetime(2026, 10, 12, 7, 40, 26, tzinfo=UTC)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("stack"), SimulatedClock(START), template=TEMPLATE) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _as_at_the_start(stack: LocalStack) -> None:
    assert isinstance(stack.clock, SimulatedClock)
    stack.clock.set(START)
    CALLS.clear()


def test_a_hit_posted_over_a_socket_lies_in_the_lake_under_its_simulated_hour(stack: LocalStack) -> None:
    assert isinstance(stack.clock, SimulatedClock)
    stack.clock.set(datetime(2026, 3, 5, 21, 59, 59, tzinfo=UTC))
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.url.rpartition(":")[2]), timeout=10)
    connection.request("POST", "/v1/hits", b'{"record_id":"r1"}', {"Content-Type": "text/plain"})
    assert connection.getresponse().status == 202
    assert list(stack.objects("LakeBucket", "raw/hit/2026/03/05/21/").values()) == [b'{"record_id":"r1"}\n']


def test_the_event_has_the_simulated_time(stack: LocalStack) -> None:
    context = stack.call("GET", "/v1/echo").json()["requestContext"]
    assert (context["timeEpoch"], context["time"]) == (1791790826000, "12/Oct/2026:07:40:26 +0000")


def test_each_function_sees_its_own_variables_and_no_others(stack: LocalStack) -> None:
    seen = stack.call("GET", "/v1/environment").json()
    assert seen["variables"] == {
        "SERVICE": "environment",
        "HIT_STREAM": None,
        "LAKE_BUCKET": "skvoz-local-lake-bucket",
        "STAGE": "local",
    }
    assert seen["listed"] == ["LAKE_BUCKET", "SERVICE", "STAGE"]


def test_names_are_the_templates_own_where_it_gives_them(stack: LocalStack) -> None:
    assert stack.environment["FILES_BUCKET"] == "own-name-local-files"
    assert {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]} == {
        "own-name-local-files",
        "skvoz-local-lake-bucket",
    }


def test_tables_have_their_keys_and_time_to_live(stack: LocalStack) -> None:
    client("dynamodb").put_item(TableName="skvoz-local-ledger", Item={"pk": {"S": "lock"}})
    with pytest.raises(client("dynamodb").exceptions.ConditionalCheckFailedException):
        client("dynamodb").put_item(
            TableName="skvoz-local-ledger", Item={"pk": {"S": "lock"}}, ConditionExpression="attribute_not_exists(pk)"
        )
    ttl = client("dynamodb").describe_time_to_live(TableName="skvoz-local-ledger")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")


def test_published_settings_are_what_functions_read(stack: LocalStack) -> None:
    stack.publish(parse_settings({"site_id": "shop", "name": "Shop", "hosts": ["shop.example"]}))
    sites = Sites(object_reader(client("s3"), stack.environment["FILES_BUCKET"]))
    assert sites.get("shop", START)["origins"] == ["https://shop.example", "https://www.shop.example"]
    assert len(stack.objects("FilesBucket", "settings/shop/versions/")) == 1


def test_secrets_are_there_and_can_be_set(stack: LocalStack) -> None:
    secrets = Secrets(parameter_reader(client("ssm"), "local"))
    stack.put_secret("shop/import", "new", "old")
    assert len(secrets.key("identity", START)) == 64
    assert secrets.get("shop/import", START) == ["new", "old"]
    assert secrets.get("shop/none", START) == []


def test_what_a_function_prints_goes_to_its_log(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.call("GET", "/v1/shout")
    assert "heard from inside" in (stack.root / "functions.log").read_text()
    assert capsys.readouterr().out == ""


def test_a_crash_is_500_outside_and_a_trace_in_the_log(stack: LocalStack) -> None:
    answer = stack.call("GET", "/v1/echo?return=crash")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')
    assert "RuntimeError: a secret detail" in (stack.root / "functions.log").read_text()


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [("junk", 500, b'{"message":"Internal Server Error"}'), ("bytes", 200, b"GIF8"), ("plain", 200, b'{"hello": "world"}')],
)
def test_answers_of_functions_are_mapped(stack: LocalStack, asked: str, status: int, body: bytes) -> None:
    answer = stack.call("GET", f"/v1/echo?return={asked}")
    assert (answer.status, answer.body) == (status, body)


def test_preflight_is_not_answered_unless_the_template_has_it(stack: LocalStack) -> None:
    assert stack.call("OPTIONS", "/v1/echo").status == 404


def test_the_refresh_is_walked_until_it_is_complete(stack: LocalStack) -> None:
    assert stack.refresh() == {"status": "complete", "turn": 3, "wait_seconds": 0}
    states = [state for name, state in CALLS if name == "advance"]
    assert [state.get("turn", 0) for state in states] == [0, 1, 2]
    assert {state["time"] for state in states} == {"2026-10-12T07:40:26.000Z"}


def test_new_raw_objects_are_in_the_folder_before_the_refresh(stack: LocalStack) -> None:
    stack.call("POST", "/v1/hits", {"content-type": "text/plain"}, '{"record_id":"r2"}')
    stack.refresh()
    assert '{"record_id":"r2"}' in (stack.root / "lake/raw/hit/2026/10/12/07/part.jsonl").read_text().splitlines()


def test_a_report_is_sent_and_the_mail_can_be_read(stack: LocalStack) -> None:
    before = len(stack.sent_mail())
    assert stack.send_report() == {"sent": 1}
    mail = stack.sent_mail()[before:]
    assert len(mail) == 1
    assert mail[0].startswith(b"From: reports@skvoz.example\r\n")
    assert mail[0].endswith("Привет".encode())


def test_a_schedule_without_input_gets_the_schedulers_event(stack: LocalStack) -> None:
    stack.run_schedule("Daily")
    event: Any = CALLS[-1][1]
    assert (event["detail-type"], event["time"], event["detail"]) == ("Scheduled Event", "2026-10-12T07:40:26Z", "{}")


def test_an_unknown_schedule_is_named_with_those_that_exist(stack: LocalStack) -> None:
    with pytest.raises(LookupError, match="no schedule Weekly; it has: Daily, Refresh"):
        stack.run_schedule("Weekly")


def test_other_processes_see_the_same_account_through_the_server(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed and sent over the socket, as the AWS command line would."""
    import botocore.handlers
    import botocore.session

    plain = [handler for handler in botocore.handlers.BUILTIN_HANDLERS if not isinstance(handler[1], InProcess)]
    assert len(plain) == len(botocore.handlers.BUILTIN_HANDLERS) - 1
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", plain)
    stack.put_file("costs/processed/seen.csv", b"a;b")
    s3: Any = botocore.session.Session().create_client("s3")
    assert s3.get_object(Bucket="own-name-local-files", Key="costs/processed/seen.csv")["Body"].read() == b"a;b"


def test_errors_of_aws_are_botocores_own(stack: LocalStack) -> None:
    with pytest.raises(client("s3").exceptions.NoSuchKey):
        client("s3").get_object(Bucket="own-name-local-files", Key="missing")
    with pytest.raises(client("firehose").exceptions.ResourceNotFoundException):
        client("firehose").put_record(DeliveryStreamName="none", Record={"Data": b"x"})
