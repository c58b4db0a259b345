"""Least privilege, read from the expanded template: SAM adds statements of its own, so the source alone proves nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.template.model import Template, load
from shared.new_requests import PLACE
from tests.stack.code import reached, texts_given_to

Resources = dict[str, dict[str, Any]]

# Wildcards that are more than "everything under one prefix", each with its reason.
WIDE = {
    # In the sandbox SES checks the recipients' identities too; the condition on the sender bounds it.
    ("ReportMailRole", "SendMail"): "identity/*",
    ("AlertsRole", "SendMail"): "identity/*",
}
# Who may list without a prefix, each with its reason.
UNBOUND_LISTS = {
    # Firehose's guide grants the bucket; nothing says which prefixes the service asks for.
    ("DeliveryRole", "SeeBucket"),
}
# Prefix of the IAM actions of a client.
ACTIONS_OF = {"sesv2": "ses"}


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, statement) of every role and managed policy; a policy put on a role is the role's."""
    for logical_id, resource in resources.items():
        properties, who = resource.get("Properties", {}), logical_id
        if resource["Type"] == "AWS::IAM::Role":
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents = [properties["PolicyDocument"]]
        elif resource["Type"] == "AWS::IAM::Policy":
            documents, who = [properties["PolicyDocument"]], properties["Roles"][0]["Ref"]
            assert len(properties["Roles"]) == 1
        else:
            continue
        for document in documents:
            for statement in document["Statement"]:
                yield who, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def arn(value: Any) -> str:
    return str(value["Fn::Sub"]) if isinstance(value, dict) and "Fn::Sub" in value else json.dumps(value)


def test_no_statement_allows_an_action_by_wildcard(resources: Resources) -> None:
    for logical_id, statement in statements(resources):
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), f"{logical_id} {statement.get('Sid')}: {action}"


def test_no_statement_reaches_beyond_one_prefix_of_one_resource(resources: Resources) -> None:
    for logical_id, statement in statements(resources):
        assert statement["Effect"] == "Allow"
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        for resource in map(arn, listed(statement["Resource"])):
            place = f"{logical_id} {statement.get('Sid')}: {resource}"
            if (allowed := WIDE.get((logical_id, statement.get("Sid", "")))) and resource.endswith(allowed):
                assert statement["Condition"], place
                continue
            # A bucket's whole content is never meant: `<bucket>/*` has no prefix before the star.
            if "*" in resource:
                assert re.search(
                    r"(?:Arn\}|Region\})/[a-z_]+(?:/[a-z_-]+)?/(?:calls-)?\*$|[/:]skvoz/\$\{Stage\}/\*/(?:[a-z-]+|calls-\*|crm-\*)$|table/\$\{Database\}/\*$",
                    resource,
                ), place


def test_every_statement_says_what_it_is_for(resources: Resources) -> None:
    for logical_id, statement in statements(resources):
        assert statement.get("Sid"), logical_id


def test_no_role_carries_a_policy_that_is_not_written_here(resources: Resources) -> None:
    own = {logical_id for logical_id, r in resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"}
    for logical_id, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("ManagedPolicyArns", ()):
                assert isinstance(policy, dict), f"{logical_id}: {policy}"
                assert policy.get("Ref") in own, f"{logical_id}: {policy}"


def test_every_function_has_a_role_of_its_own(resources: Resources) -> None:
    roles = [
        r["Properties"]["Role"]["Fn::GetAtt"][0] if isinstance(r["Properties"]["Role"], dict) else r["Properties"]["Role"]
        for r in resources.values()
        if r["Type"] == "AWS::Lambda::Function"
    ]
    assert len(set(roles)) == len(roles)


def test_each_role_reads_only_its_own_secrets_of_its_stage(resources: Resources) -> None:
    found = {who: s for who, s in statements(resources) if any(a.startswith("ssm:") for a in listed(s["Action"]))}
    assert all(listed(statement["Action"]) == ["ssm:GetParameter"] for statement in found.values())
    names = {who: {arn(r).partition(":parameter")[2] for r in listed(s["Resource"])} for who, s in found.items()}
    assert names == {
        "CollectRole": {"/skvoz/${Stage}/identity", "/skvoz/${Stage}/visitor", "/skvoz/${Stage}/*/import"},
        "NumberpoolRole": {"/skvoz/${Stage}/identity", "/skvoz/${Stage}/visitor", "/skvoz/${Stage}/*/calls-*"},
        "CrmWebhookRole": {"/skvoz/${Stage}/*/crm-*"},
        "CrmWorkerRole": {"/skvoz/${Stage}/identity"},
        "CrmTaskRole": {"/skvoz/${Stage}/identity", "/skvoz/${Stage}/*/crm-*"},
        "CrmReconcileRole": {"/skvoz/${Stage}/identity", "/skvoz/${Stage}/*/crm-*"},
        "AttributionRole": {"/skvoz/${Stage}/trino"},
        "ReportRole": {"/skvoz/${Stage}/*/calls-mango", "/skvoz/${Stage}/*/calls-zadarma"},
        "ReportMailRole": {"/skvoz/${Stage}/trino", "/skvoz/${Stage}/smtp"},
        "AlertsRole": {"/skvoz/${Stage}/trino", "/skvoz/${Stage}/smtp"},
    }


def allowed(resources: Resources, role: str, action: str) -> set[str]:
    """Resources on which a role's own policy allows an action."""
    return {arn(r) for who, s in statements(resources) if who == role and action in s["Action"] for r in listed(s["Resource"])}


def prefixes(resources: Resources, role: str) -> set[str]:
    """Prefixes that a role (or managed policy) may list."""
    found = [s for who, s in statements(resources) if who == role and "s3:ListBucket" in listed(s["Action"])]
    return {p for s in found for p in listed(s["Condition"]["StringLike"]["s3:prefix"])}


def test_listing_is_bound_to_prefixes(resources: Resources) -> None:
    for who, statement in statements(resources):
        if "s3:ListBucket" in listed(statement["Action"]) and (who, statement["Sid"]) not in UNBOUND_LISTS:
            # Alone: another action of the statement that knows no prefix would be refused.
            assert listed(statement["Action"]) == ["s3:ListBucket"], who
            assert all(re.fullmatch(r"[a-z]+/([a-z-]+/)?\*", prefix) for prefix in prefixes(resources, who)), who


def test_a_missing_object_is_told_from_a_forbidden_one_wherever_that_matters(resources: Resources) -> None:
    # S3 answers 404 only to those who may list the key; all of these take 404 for an answer.
    assert prefixes(resources, "SettingsPolicy") == {"settings/*"}
    assert prefixes(resources, "CrmWorkerRole") == {"quarantine/*"}
    assert prefixes(resources, "CostsRole") == {"costs/inbox/*"}
    assert prefixes(resources, "ReportRole") == {"reports/*", "recordings/*"}


@pytest.mark.parametrize("role", ["AttributionRole", "ReportMailRole", "AlertsRole"])
def test_roles_that_query_reach_the_catalog_as_athena_demands(resources: Resources, role: str) -> None:
    # Athena's guide, "Access policy to the default database and catalog per AWS Region".
    for action in ("glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"):
        ends = {resource.rpartition("${AWS::AccountId}:")[2] for resource in allowed(resources, role, action)}
        assert ends >= {"catalog", "database/default"}, action
    # Nobody makes another database.
    ends = {resource.rpartition("${AWS::AccountId}:")[2] for resource in allowed(resources, role, "glue:CreateDatabase")}
    assert ends == {"catalog", "database/default"}
    lake = '{"Fn::GetAtt": ["LakeBucket", "Arn"]}'
    assert lake in allowed(resources, role, "s3:GetBucketLocation")
    assert prefixes(resources, role) >= {"marts/*", "athena/*"}


def test_the_refresh_may_drop_and_tidy_its_tables(resources: Resources) -> None:
    # DROP TABLE of a partitioned table, and OPTIMIZE and VACUUM of an Iceberg one: entries of the catalog and objects of the marts.
    for action in ("glue:DeleteTable", "glue:UpdateTable", "glue:DeletePartition", "glue:BatchDeletePartition"):
        ends = {resource.rpartition("${AWS::AccountId}:")[2] for resource in allowed(resources, "AttributionRole", action)}
        assert ends == {"catalog", "database/${Database}", "table/${Database}/*"}, action
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert "${LakeBucket.Arn}/marts/*" in allowed(resources, "AttributionRole", action), action
    assert prefixes(resources, "AttributionRole") == {"raw/*", "rules/*", "marts/*", "athena/*"}


def test_the_reports_function_may_start_itself_and_no_other(resources: Resources) -> None:
    own = '{"Fn::GetAtt": ["ReportMailFunction", "Arn"]}'
    assert {arn(r) for who, s in statements(resources) if who == "ReportMailRole" and "lambda:InvokeFunction" in listed(s["Action"])
            for r in listed(s["Resource"])} == {own}  # fmt: skip


@pytest.mark.parametrize("role", ["ReportMailRole", "AlertsRole"])
def test_reports_and_alerts_cannot_change_marts(resources: Resources, role: str) -> None:
    assert allowed(resources, role, "s3:DeleteObject") == set()
    assert "${LakeBucket.Arn}/marts/*" not in allowed(resources, role, "s3:PutObject")
    assert allowed(resources, role, "glue:DeleteTable") == set()


def test_the_vault_is_written_where_contacts_come_in_and_read_for_the_crm_alone(resources: Resources) -> None:
    contacts = '{"Fn::GetAtt": ["ContactsTable", "Arn"]}'
    found = {
        (who, action)
        for who, s in statements(resources)
        for action in listed(s["Action"])
        if contacts in map(arn, listed(s["Resource"]))
    }
    writers = {"CollectRole", "NumberpoolRole", "CrmWorkerRole", "CrmTaskRole", "CrmReconcileRole"}
    # New requests are told to the CRM with the contact that the vault has.
    assert found == {(who, "dynamodb:UpdateItem") for who in writers} | {("CrmTaskRole", "dynamodb:GetItem")}


def test_the_key_of_the_vault_is_used_through_its_table_only(resources: Resources) -> None:
    found = [(who, s) for who, s in statements(resources) if any(a.startswith("kms:") for a in listed(s["Action"]))]
    assert {who for who, _ in found} == {"CollectRole", "NumberpoolRole", "CrmWorkerRole", "CrmTaskRole", "CrmReconcileRole"}
    for _, statement in found:
        assert arn(statement["Resource"]) == '{"Fn::GetAtt": ["ContactsKey", "Arn"]}'
        assert list(statement["Condition"]["StringEquals"]) == ["kms:ViaService"]


def test_numbers_are_leased_by_their_function_and_renewed_by_the_hit_door(resources: Resources) -> None:
    numbers = '{"Fn::GetAtt": ["NumbersTable", "Arn"]}'
    rights: dict[str, list[str]] = {}
    for who, s in statements(resources):
        if numbers in map(arn, listed(s["Resource"])):
            rights[who] = sorted([*rights.get(who, []), *(a.partition(":")[2] for a in listed(s["Action"]))])
    assert rights == {
        "CollectRole": ["GetItem", "UpdateItem"],
        "CrmWorkerRole": ["UpdateItem"],
        "CrmTaskRole": ["UpdateItem"],
        "CrmReconcileRole": ["UpdateItem"],
        "NumberpoolRole": ["ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"],
        "ReportRole": ["GetItem"],
    }


def test_the_hit_door_reads_of_numbers_where_visitors_came_from_and_nothing_else(resources: Resources) -> None:
    own = [s for who, s in statements(resources) if who == "CollectRole" and "dynamodb:GetItem" in listed(s["Action"])]
    (statement,) = [s for s in own if arn(s["Resource"]) == '{"Fn::GetAtt": ["NumbersTable", "Arn"]}']
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["way#*"]}}


def test_alerts_note_in_the_ledger_which_paths_were_given_and_speak_to_no_queue_but_that_of_crm_tasks(resources: Resources) -> None:
    own = {s["Sid"]: s for who, s in statements(resources) if who == "AlertsRole"}
    noted = own["KeepWhatWasNoted"]
    assert noted["Action"] == "dynamodb:PutItem"
    assert noted["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["path#*"]}}
    queues = [s["Resource"] for s in own.values() if "sqs:SendMessage" in listed(s["Action"])]
    assert list(map(arn, queues)) == ['{"Fn::GetAtt": ["CrmTaskQueue", "Arn"]}']


def test_what_hears_of_bounces_may_add_suppressed_recipients_and_nothing_else(resources: Resources) -> None:
    own = [s for who, s in statements(resources) if who == "ReportFeedbackRole"]
    assert {s["Sid"] for s in own} == {"WriteLog", "Suppress", "KeepFailedEvents"}
    (statement,) = [s for s in own if s["Sid"] == "Suppress"]
    assert statement["Action"] == "dynamodb:PutItem"
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["suppressed#*"]}}


def test_the_reports_page_reads_of_numbers_where_recordings_are_and_nothing_else(resources: Resources) -> None:
    (statement,) = [s for who, s in statements(resources) if who == "ReportRole" and s["Sid"] == "FindRecordings"]
    assert statement["Action"] == "dynamodb:GetItem"
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["recording#*"]}}
    assert allowed(resources, "ReportRole", "s3:PutObject") == {"${FilesBucket.Arn}/recordings/*"}
    assert allowed(resources, "ReportRole", "s3:GetObject") == {"${FilesBucket.Arn}/reports/*", "${FilesBucket.Arn}/recordings/*"}


def test_recordings_are_gone_after_a_day_old_versions_too(resources: Resources) -> None:
    rules = resources["FilesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == "recordings/"]
    assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == (1, {"NoncurrentDays": 1})


@pytest.mark.parametrize("role", ["CrmWorkerRole", "CrmTaskRole", "CrmReconcileRole"])
def test_the_crms_workers_write_of_the_numbers_table_only_who_leads_whose_deals(resources: Resources, role: str) -> None:
    (statement,) = [s for who, s in statements(resources) if who == role and s["Sid"] == "KeepManagers"]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["client#*", "deal#*"]}}


def test_new_requests_are_put_where_the_tasks_read_them(resources: Resources) -> None:
    for role in ("NumberpoolRole", "CollectRole"):
        assert f"${{LakeBucket.Arn}}/{PLACE}*" in allowed(resources, role, "s3:PutObject")
        assert allowed(resources, role, "sqs:SendMessage") == {'{"Fn::GetAtt": ["CrmTaskQueue", "Arn"]}'}
    assert "${LakeBucket.Arn}/quarantine/*" in allowed(resources, "CrmTaskRole", "s3:GetObject")
    assert PLACE.startswith("quarantine/")


def test_the_reports_page_writes_nothing_but_who_wants_no_mail(resources: Resources) -> None:
    (statement,) = [
        s
        for who, s in statements(resources)
        if who == "ReportRole" and any(a.startswith("dynamodb:") and a != "dynamodb:GetItem" for a in listed(s["Action"]))
    ]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["unsubscribe#*"]}}


def test_only_the_api_the_inbox_and_the_topic_of_bounces_may_call_functions(resources: Resources) -> None:
    permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission"]
    for permission in permissions:
        assert permission["Principal"] in ("apigateway.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com")
        assert permission.keys() & {"SourceArn", "SourceAccount"}


@pytest.mark.parametrize("function", load().functions())
def test_a_role_allows_the_services_that_the_code_calls_and_no_others(
    template: Template, resources: Resources, function: str
) -> None:
    handler = template.functions()[function].handler.rpartition(".")[0]
    called = {ACTIONS_OF.get(service, service) for service in texts_given_to("client", reached(handler))}
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]
    own = [s for who, s in statements(resources) if resources[who] is role]
    if "ManagedPolicyArns" in role["Properties"]:
        own += resources["SettingsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = {action.split(":")[0] for statement in own for action in listed(statement["Action"])}
    assert called <= allowed
    # Lambda itself writes the log, takes from the queue and keeps failed events; Athena reads the catalog with the role's rights,
    # DynamoDB uses the key of the vault.
    vault = "ContactsTable" in json.dumps(role)
    assert allowed - called <= {"logs", "sqs"} | ({"glue"} if "athena" in called else set()) | ({"kms"} if vault else set())


@pytest.mark.parametrize("function", load().functions())
def test_only_functions_that_read_settings_may(template: Template, resources: Resources, function: str) -> None:
    handler = template.functions()[function].handler.rpartition(".")[0]
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    own = [path for path in reached(handler) if "functions" in path.parts]
    reads = any(re.search(r"\b(?:object_reader|list_sites)\(", path.read_text(encoding="utf-8")) for path in own)
    assert (role.get("ManagedPolicyArns") == [{"Ref": "SettingsPolicy"}]) == reads
