"""Least privilege, read from the expanded template: SAM adds statements of its own, so the source alone proves nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.template.model import Template, load
from tests.stack.code import reached, texts_given_to

Resources = dict[str, dict[str, Any]]

# Wildcards that are more than "everything under one prefix", each with its reason.
WIDE = {
    # In the sandbox SES checks the recipients' identities too; the condition on the sender bounds it.
    ("ReportMailRole", "SendMail"): "identity/*",
}
# Prefix of the IAM actions of a client.
ACTIONS_OF = {"sesv2": "ses"}


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, statement) of every role and policy."""
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        elif resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            documents = [properties["PolicyDocument"]]
        else:
            continue
        for document in documents:
            for statement in document["Statement"]:
                yield logical_id, statement


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
                    r"(?:Arn\}|Region\})/[a-z_]+(?:/[a-z_]+)?/\*$|/skvoz/\$\{Stage\}/\*$|table/\$\{Database\}/\*$", resource
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


def test_secrets_are_read_only_below_the_stage(resources: Resources) -> None:
    found = [(who, s) for who, s in statements(resources) if any(a.startswith("ssm:") for a in listed(s["Action"]))]
    assert found
    for who, statement in found:
        assert listed(statement["Action"]) == ["ssm:GetParameter"], who
        assert arn(statement["Resource"]).endswith(":parameter/skvoz/${Stage}/*"), who


def test_only_the_api_the_inbox_and_nobody_else_may_call_functions(resources: Resources) -> None:
    permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission"]
    for permission in permissions:
        assert permission["Principal"] in ("apigateway.amazonaws.com", "s3.amazonaws.com")
        assert permission.keys() & {"SourceArn", "SourceAccount"}


@pytest.mark.parametrize("function", load().functions())
def test_a_role_allows_the_services_that_the_code_calls_and_no_others(
    template: Template, resources: Resources, function: str
) -> None:
    handler = template.functions()[function].handler.rpartition(".")[0]
    called = {ACTIONS_OF.get(service, service) for service in texts_given_to("client", reached(handler))}
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]
    own = [s for policy in role["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    if "ManagedPolicyArns" in role["Properties"]:
        own += resources["SettingsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = {action.split(":")[0] for statement in own for action in listed(statement["Action"])}
    assert called <= allowed
    # Lambda itself writes the log, takes from the queue and keeps failed events; Athena reads the catalog with the role's rights.
    assert allowed - called <= {"logs", "sqs"} | ({"glue"} if "athena" in called else set())


@pytest.mark.parametrize("function", load().functions())
def test_only_functions_that_read_settings_may(template: Template, resources: Resources, function: str) -> None:
    handler = template.functions()[function].handler.rpartition(".")[0]
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    own = [path for path in reached(handler) if "functions" in path.parts]
    reads = any(re.search(r"\b(?:object_reader|list_sites)\(", path.read_text(encoding="utf-8")) for path in own)
    assert (role.get("ManagedPolicyArns") == [{"Ref": "SettingsPolicy"}]) == reads
