"""`skvoz doctor` over a stack in moto, as somebody types it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.crm_webhook.api.crm import Span
from functions.crm_webhook.reconcile.marks import Marks
from infra.cli import doctor as command
from infra.doctor.facts import AmoToken
from infra.doctor.gathering.stack import amo_token
from infra.doctor.run import Web
from shared.aws import client
from tests.api.doctor_cli import findings, run
from tests.api.doctor_stack import FILES, LAKE, STACK, STAGE, DoctorStack, doctor_stack
from tests.doctor_sound import FIGURES, SETTINGS

TAG = '<html><script async src="/skvoz/skvoz.js" data-site="shop"></script>'


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[DoctorStack]:
    with doctor_stack(monkeypatch) as made:
        monkeypatch.setattr(command, "WEB", Web(lambda url, hosts: TAG, lambda host: ["93.184.1.1"]))
        yield made


def of_stage(*more: str, status: int = 1) -> list[tuple[str, str]]:
    """(severity, what) of everything that is found in the stack."""
    return [(one["severity"], one["what"]) for one in findings("--stage", STAGE, *more, status=status)]


def test_a_sound_stack_has_nothing_broken_and_the_doctor_writes_nothing(stack: DoctorStack) -> None:
    before = stack.everything()
    assert findings("--stage", STAGE, "--page", "https://shop.example/") == [
        {
            "severity": "note",
            "site_id": "shop",
            "area": "tracker",
            "what": "the tracker comes by a path of the site (https://shop.example/skvoz): the cookie lasts 400 days, "
            "in Safari too",
            "do": "",
        }
    ]
    assert stack.everything() == before


def test_what_is_broken_comes_first_with_what_to_do_and_the_end_is_1(stack: DoctorStack) -> None:
    client("ssm").delete_parameter(Name=f"/skvoz/{STAGE}/shop/crm-hubspot-api")
    stack.reject("crm-hubspot", "bad_field", "amount: is no number")
    lines = [" ".join(line.split()) for line in run("--stage", STAGE, status=1).splitlines()]
    words = " ".join(lines)
    assert lines[0].startswith("BROKEN shop, secrets: /skvoz/test/shop/crm-hubspot-api is missing: no deal can be read")
    assert "→ aws ssm put-parameter" in lines[1]
    assert (
        words.index("BROKEN") < words.index("LOOK shop, refused records: 1 refused by the door crm-hubspot") < words.index("NOTE")
    )
    assert lines[-1].startswith("shop: 1 broken, 1 to look at, 1 notes; ")


def test_the_stack_alone_tells_its_stage(stack: DoctorStack) -> None:
    client("ssm").delete_parameter(Name=f"/skvoz/{STAGE}/visitor")
    [one] = [one for one in findings("--stack", STACK, status=1) if one["severity"] == "broken"]
    assert (one["site_id"], one["do"]) == ("", f"skvoz secrets init --stage {STAGE}")


def test_what_a_terminal_would_obey_is_not_printed(stack: DoctorStack) -> None:
    stack.reject("hits", "bad_url", "\x1b[2J\x9b2Kgone")
    printed = run("--stage", STAGE)
    assert "gone" in printed
    assert "\x1b" not in printed
    assert "\x9b" not in printed


def test_facts_of_the_stack_reach_the_checks(stack: DoctorStack) -> None:
    stack.secret("shop/crm-hubspot", "one two")
    stack.secret("identity", "whsec_one whsec_two")
    client("sqs").send_message(QueueUrl=client("sqs").get_queue_url(QueueName="CrmDeadLetters")["QueueUrl"], MessageBody="{}")
    client("cloudwatch").put_metric_alarm(
        AlarmName="skvoz-test-RefreshFailedAlarm-1A2B",
        AlarmDescription="It stopped.",
        MetricName="m",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    client("cloudwatch").set_alarm_state(AlarmName="skvoz-test-RefreshFailedAlarm-1A2B", StateValue="ALARM", StateReason="r")
    stack.reject("costs", "no_site", "put it into costs/inbox/SITE/", site_id="")
    told = of_stage()
    for severity, words in (
        ("broken", "/skvoz/test/identity holds 2 values"),
        ("broken", "1 CRM events failed five times"),
        ("broken", "RefreshFailedAlarm rings: It stopped."),
        ("broken", "1 refused by the door costs in 7 days: no_site"),
    ):
        assert [kind for kind, what in told if words in what] == [severity], told
    assert not [what for _, what in told if "crm-hubspot holds" in what]  # a rotation of today


def test_how_long_messages_have_waited_is_asked_of_cloudwatch(stack: DoctorStack) -> None:
    client("sqs").send_message(QueueUrl=client("sqs").get_queue_url(QueueName="CrmQueue")["QueueUrl"], MessageBody="{}")
    client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "CrmQueue"}],
                "Timestamp": stack.now - timedelta(minutes=6),
                "Value": 5400.0,
            }
        ],
    )
    assert ("broken", "1 messages of CrmQueue wait, the oldest for 90 minutes") in of_stage()


def test_facts_of_a_site_reach_the_checks(stack: DoctorStack) -> None:
    stack.publish({**SETTINGS, "stages": [{"pipeline": "other", "money_stage": "won", "stages": {"won": "won"}}]})
    pool = {"pk": {"S": "pool#shop#main"}, "sk": {"S": "+74950000031"}, "awaits_test": {"N": "1"}, "added_at": {"N": "1"}}
    client("dynamodb").put_item(TableName="numbers", Item=pool)
    stack.walked("hubspot", done_until=stack.now - timedelta(hours=8), failed="status 401", failed_at=stack.now.isoformat())
    stack.begun(stack.now - timedelta(hours=3))
    stack.claimed(stack.now - timedelta(days=1))
    stack.reported(stack.now, {**FIGURES, "source_control": {"findings": [{"code": "unsorted", "deals": 3, "oldest_days": 9.0,
                                                                            "pipeline": "sales", "stage": "new"}]}})  # fmt: skip
    told = of_stage()
    for severity, words in (
        ("broken", "pipeline sales has no rule: its deals (14 states lately)"),
        ("broken", "pool main: no number can be leased, 1 await their test call"),
        ("broken", "hubspot could not be checked since"),
        ("broken", "left the site half done"),
        ("look", "1 mails of the report were begun"),
        ("look", "3 deals are not sorted yet, the oldest for 9.0 days (sales, new)"),
    ):
        assert [kind for kind, what in told if words in what] == [severity], told


def test_silence_is_told_of_a_site_whose_neighbour_goes_on(stack: DoctorStack) -> None:
    for bucket_key in [one["Key"] for one in client("s3").list_objects_v2(Bucket=LAKE, Prefix="raw/crm_event/")["Contents"]]:
        if f"{stack.now - timedelta(minutes=20):%Y/%m/%d}" in bucket_key:
            client("s3").delete_object(Bucket=LAKE, Key=bucket_key)
    for hours in range(3):
        stack.record("crm_event", stack.now - timedelta(hours=hours), site_id="neighbour", provider="hubspot", deal_id="1")
    last = stack.now - timedelta(days=1, minutes=20)
    assert ("broken", f"no CRM events since {last:%Y-%m-%d %H:%M} UTC; they are never silent for more than 24 hours") in of_stage()


def test_amocrms_key_is_looked_for_in_secrets_manager_and_never_shown(stack: DoctorStack) -> None:
    amo = {"crm": {**SETTINGS["crm"], "hubspot": None, "amocrm": {"api": {"url": "https://shop.amocrm.ru"}}}}
    stack.publish({**SETTINGS, **amo})
    assert ("broken", "amoCRM is not connected: its deals cannot be read or checked") in of_stage()
    keys = {"access_token": "access-of-amo", "expires_at": (stack.now - timedelta(days=1)).timestamp()}
    client("secretsmanager").create_secret(Name=f"skvoz/{STAGE}/shop/crm-amocrm", SecretString=json.dumps(keys))
    told = of_stage()
    assert ("broken", f"the long-lived token ended on {stack.now - timedelta(days=1):%Y-%m-%d}") in told
    fresh = {**keys, "refresh_token": "refresh-of-amo"}
    client("secretsmanager").put_secret_value(SecretId=f"skvoz/{STAGE}/shop/crm-amocrm", SecretString=json.dumps(fresh))
    told = of_stage(status=0)
    assert [kind for kind, what in told if "the token was not renewed since" in what] == ["look"]
    assert "of-amo" not in run("--stage", STAGE)


def test_a_long_lived_key_says_itself_when_it_ends_and_a_pair_is_as_old_as_its_renewal(stack: DoctorStack) -> None:
    def token_of(**keys: Any) -> AmoToken:
        name = f"skvoz/{STAGE}/other/crm-amocrm"
        text = json.dumps({"client_id": "1", **keys})
        try:
            client("secretsmanager").create_secret(Name=name, SecretString=text)
        except ClientError:
            client("secretsmanager").put_secret_value(SecretId=name, SecretString=text)
        return amo_token(client, STAGE, "other")

    end = stack.now + timedelta(days=400)
    claims = base64.urlsafe_b64encode(json.dumps({"exp": end.timestamp()}).encode()).decode().rstrip("=")
    assert token_of(access_token=f"e30.{claims}.sign") == AmoToken(True, True, False, end)
    assert token_of(access_token="opaque") == AmoToken(True, True)
    pair = token_of(access_token="a", refresh_token="r", expires_at=int(end.timestamp()))
    assert pair == AmoToken(True, True, True, end, end - timedelta(days=1))
    assert token_of() == AmoToken(True)


def test_a_backfill_that_somebody_runs_has_not_stopped(stack: DoctorStack) -> None:
    span = Span(stack.now - timedelta(days=9), stack.now, "created")
    stack.walked("hubspot#2026-07-01:2026-07-31", span=span, deals=3)
    assert ("look", "hubspot: reading history 2026-07-01:2026-07-31 stopped after 3 deals") in of_stage(status=0)
    Marks(client("dynamodb"), "crm", "somebody").take("shop", "hubspot#2026-07-01:2026-07-31", stack.now)
    assert not [what for _, what in of_stage(status=0) if "reading history" in what]


def test_a_right_that_is_missing_hides_one_part_and_is_named(stack: DoctorStack, monkeypatch: pytest.MonkeyPatch) -> None:
    real = client

    def without_numbers(service: str) -> Any:
        if service == "ssm":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParametersByPath")
        return real(service)

    monkeypatch.setattr(command, "client", without_numbers)
    told = of_stage(status=0)
    assert ("look", "could not look at secrets (GetParametersByPath: AccessDeniedException)") in told
    assert not [what for _, what in told if "/skvoz/" in what]


def test_settings_that_are_missing_or_cannot_be_read_are_broken(stack: DoctorStack) -> None:
    assert ("broken", "no settings are published: every door answers 404 or 401") in of_stage("--site", "nobody")
    client("s3").put_object(Bucket=FILES, Key="settings/shop/current.json", Body=json.dumps({"site_id": "shop"}).encode())
    [(severity, what)] = [one for one in of_stage() if "cannot be read by this version" in one[1]]
    assert severity == "broken"
    assert "hosts: Field required" in what


def test_a_stack_without_sites_says_where_to_begin(stack: DoctorStack) -> None:
    client("s3").delete_object(Bucket=FILES, Key="settings/shop/current.json")
    [first, *_] = findings("--stage", STAGE, status=1)
    assert (first["what"], "skvoz sites add" in first["do"]) == ("no site is set up", True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give --stage STAGE (or --stack NAME), or --lake DIR"),
        (("--stage", "none"), "no stack skvoz-none"),
        (("--stage", STAGE, "--site", "No!"), "no site id"),
        (("--stage", STAGE, "--page", "https://stranger.example/"), "give a page of the site's own"),
        (("--stage", STAGE, "--page", "http://shop.example/"), "give a page of the site's own"),
        (("--stage", "other", "--stack", STACK), "is of the stage test, not other"),
        (("--lake", "."), "--lake needs --settings"),
    ],
)
def test_bad_input_is_told_and_nothing_is_looked_at(stack: DoctorStack, arguments: tuple[str, ...], words: str) -> None:
    assert words in run(*arguments, status=2)
