"""The readers that the local stack is built from say what the template says."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.template.intrinsic import Resolver, read
from infra.template.model import Template

ACCOUNT = {"AWS::AccountId": "111122223333", "AWS::Region": "eu-central-1", "AWS::StackName": "skvoz-x", "AWS::Partition": "aws"}


def reference(name: str) -> str:
    return ACCOUNT.get(name, f"<{name}>")


def test_routes_are_the_documented_ones(template: Template) -> None:
    assert sorted(template.routes()) == [
        ("GET /skvoz.core.js", "CollectFunction"),
        ("GET /skvoz.js", "CollectFunction"),
        ("GET /v1/calls/{provider}/{site}", "NumberpoolFunction"),
        ("GET /v1/calls/{provider}/{site}/{rest+}", "NumberpoolFunction"),
        ("GET /v1/crm/{provider}/{site}/{token}", "CrmWebhookFunction"),
        ("GET /v1/hit.gif", "CollectFunction"),
        ("GET /v1/numbers/{number}", "NumberpoolFunction"),
        ("GET /v1/reports/{token}", "ReportFunction"),
        ("GET /v1/reports/{token}/unsubscribe", "ReportFunction"),
        ("HEAD /v1/reports/{token}", "ReportFunction"),
        ("OPTIONS /v1/hits", "CollectFunction"),
        ("OPTIONS /v1/numbers/lease", "NumberpoolFunction"),
        ("OPTIONS /v1/numbers/renew", "NumberpoolFunction"),
        ("POST /v1/calls/{provider}/{site}", "NumberpoolFunction"),
        ("POST /v1/calls/{provider}/{site}/{rest+}", "NumberpoolFunction"),
        ("POST /v1/crm/{provider}/{site}/{token}", "CrmWebhookFunction"),
        ("POST /v1/hits", "CollectFunction"),
        ("POST /v1/import", "CollectFunction"),
        ("POST /v1/numbers/lease", "NumberpoolFunction"),
        ("POST /v1/numbers/renew", "NumberpoolFunction"),
        ("POST /v1/reports/{token}", "ReportFunction"),
        ("POST /v1/reports/{token}/unsubscribe", "ReportFunction"),
    ]


def test_functions_carry_the_common_environment_and_their_own(template: Template) -> None:
    resolver = template.resolver(reference, {"Stage": "local"})
    environment = template.environment("CrmWebhookFunction", resolver)
    assert environment == {
        "STAGE": "local",
        "SERVICE": "crm_webhook",
        "LAKE_BUCKET": "<LakeBucket>",
        "FILES_BUCKET": "skvoz-local-files-111122223333-eu-central-1",
        "CRM_QUEUE_URL": "<CrmQueue>",
    }


def test_the_bucket_that_costs_reads_is_the_bucket_that_wakes_it(template: Template) -> None:
    (source,) = template.bucket_sources()
    names = {bucket.logical_id: bucket.name for bucket in template.buckets()}
    resolver = template.resolver(reference, {"Stage": "local"})
    assert (source.prefix, source.function) == ("costs/inbox/", "CostsFunction")
    assert resolver.text(names[source.bucket]) == template.environment("CostsFunction", resolver)["FILES_BUCKET"]


def test_queues_come_with_their_dead_letters_first(template: Template) -> None:
    queues = template.queues()
    seen: set[str] = set()
    for queue in queues:
        assert queue.dead_letter is None or queue.dead_letter in seen
        seen.add(queue.logical_id)
    named = {queue.logical_id: queue for queue in queues}
    worked_off = [(s.function, named[s.queue].dead_letter, named[s.queue].most_receives) for s in template.queue_sources()]
    assert worked_off == [("CrmWorkerFunction", "CrmDeadLetters", 5), ("CrmTaskFunction", "CrmTaskDeadLetters", 60)]


def test_streams_deliver_raw_records_into_the_lake(template: Template) -> None:
    assert [(s.prefix, s.bucket) for s in template.streams()] == [
        (f"raw/{kind}/", "LakeBucket") for kind in ("hit", "request", "call", "lease", "crm_event", "payment")
    ]


def test_schedules_name_what_they_start(template: Template) -> None:
    resolver = template.resolver(reference, {"Stage": "local"})
    found = {(s.target, s.target_kind, resolver.text(s.expression), resolver.text(s.time_zone)) for s in template.schedules()}
    assert found == {
        ("CrmReconcileFunction", "function", "rate(15 minutes)", "UTC"),
        ("AlertsFunction", "function", "rate(15 minutes)", "UTC"),
        ("RefreshMachine", "state_machine", "rate(1 hour)", "UTC"),
        ("ReportMailFunction", "function", "cron(10/15 * * * ? *)", "UTC"),
    }


def test_tables_are_as_create_table_takes_them(template: Template) -> None:
    assert [table.logical_id for table in template.tables()] == ["NumbersTable", "ContactsTable", "CrmTable", "LedgerTable"]
    for table in template.tables():
        keys = [(key["AttributeName"], key["KeyType"]) for key in table.create["KeySchema"]]
        assert keys == [("pk", "HASH"), ("sk", "RANGE")], table.logical_id


def test_a_parameter_that_does_not_exist_is_refused(template: Template) -> None:
    with pytest.raises(ValueError, match="Staage"):
        template.parameters({"Staage": "x", "Stage": "x"})
    with pytest.raises(ValueError, match="Stage"):
        template.parameters({})


@pytest.mark.parametrize(
    ("yaml", "plain"),
    [
        ("!Sub 'a-${Stage}-${Bucket}-${!literal}'", "a-x-<Bucket>-${literal}"),
        ("!Sub ['${A}/${Bucket.Arn}', {A: !Ref Stage}]", "x/<Bucket.Arn>"),
        ("!GetAtt Queue.Arn", "<Queue.Arn>"),
        ("!If [Yes_, !Ref Stage, other]", "x"),
        ("!If [No_, a, !Join ['-', [b, !Ref Stage]]]", "b-x"),
        ("[1, !Ref AWS::NoValue, {a: !Ref AWS::NoValue, b: !Select [1, [c, d]]}]", [1, {"b": "d"}]),
        ("!FindInMap [Sizes, !Ref Stage, most]", 5),
    ],
)
def test_intrinsic_functions_become_plain_values(tmp_path: Path, yaml: str, plain: object) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        "Conditions:\n  Yes_: !Equals [!Ref Stage, x]\n"
        "  No_: !Or [!Not [!Condition Yes_], !And [!Condition Yes_, !Equals [a, b]]]\n"
        f"Mappings:\n  Sizes: {{ x: {{ most: 5 }} }}\nValue: {yaml}\n",
        encoding="utf-8",
    )
    document = read(file)
    assert Resolver(document, {"Stage": "x"}, reference).value(document["Value"]) == plain


def test_an_unknown_function_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("Value: !Cidr [a, 1, 2]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="Fn::Cidr"):
        Resolver({}, {}, reference).value(read(file)["Value"])
