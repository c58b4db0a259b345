"""What the expanded template promises: data is kept and closed, logs end, somebody is told, stages do not collide."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest

from functions.crm_webhook.providers import BUILT_IN
from functions.numberpool.choice import Refusal
from functions.numberpool.pbx.providers import ADAPTERS
from infra.template.intrinsic import Resolver
from infra.template.model import Template
from shared.handing_over import not_handed_over
from shared.log import count
from tests.stack.code import metrics_counted

Resources = dict[str, dict[str, Any]]

# Where each type of resource carries a physical name; None where it has none that could collide. A new type needs a line here.
NAMES: dict[str, str | None] = {
    "AWS::ApiGatewayV2::Api": None,
    "AWS::ApiGatewayV2::ApiMapping": None,
    "AWS::ApiGatewayV2::DomainName": None,
    "AWS::ApiGatewayV2::Stage": None,
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Glue::Database": "DatabaseInput.Name",
    "AWS::Glue::Table": "DatabaseName",  # its own name lives inside the database
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,  # inside its role
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Key": None,
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::EventInvokeConfig": None,
    "AWS::Lambda::EventSourceMapping": None,
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::Permission": None,
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogGroupName",  # its own name lives inside the group
    "AWS::Logs::MetricFilter": None,  # inside its group
    "AWS::S3::Bucket": "BucketName",
    "AWS::S3::BucketPolicy": None,
    "AWS::SES::ConfigurationSet": "Name",
    "AWS::SES::ConfigurationSetEventDestination": None,  # inside its set
    "AWS::SES::EmailIdentity": None,
    "AWS::SNS::Subscription": None,
    "AWS::SNS::Topic": "TopicName",
    "AWS::SNS::TopicPolicy": None,
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
ACCESS_LOG_MAY_HOLD = {"requestTimeEpoch", "requestId", "routeKey", "status", "responseLength", "responseLatency"}


def of_type(resources: Resources, kind: str) -> Resources:
    found = {logical_id: r for logical_id, r in resources.items() if r["Type"] == kind}
    assert found, f"the template has no {kind}"
    return found


def alarms(resources: Resources, namespace: str, metric: str) -> list[dict[str, Any]]:
    found = [r["Properties"] for r in of_type(resources, "AWS::CloudWatch::Alarm").values()]
    return [a for a in found if (a["Namespace"], a["MetricName"]) == (namespace, metric)]


def watched(resources: Resources, namespace: str, metric: str) -> set[str]:
    """Logical ids that an alarm of that metric watches."""
    values = [a["Dimensions"][0]["Value"] for a in alarms(resources, namespace, metric)]
    return {value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0] for value in values}


def named(template: Template, resource: dict[str, Any], stage: str) -> object:
    place: Any = resource.get("Properties", {})
    for step in (NAMES[resource["Type"]] or "").split("."):
        place = place.get(step) if isinstance(place, dict) else None
    stack = {"AWS::StackName": f"skvoz-{stage}", "AWS::AccountId": "111122223333", "AWS::Region": "eu-central-1"}
    # A reference to another resource carries that resource's name, which is checked on its own.
    resolver = Resolver(template.document, template.parameters({"Stage": stage}), lambda name: stack.get(name, f"{stage}.{name}"))
    return resolver.value(place)


def test_every_type_of_resource_says_where_its_name_is(resources: Resources) -> None:
    assert {r["Type"] for r in resources.values()} <= NAMES.keys()


def test_two_stages_in_one_account_never_share_a_name(template: Template, resources: Resources) -> None:
    for logical_id, resource in resources.items():
        first, second = named(template, resource, "a"), named(template, resource, "b")
        assert first is None or first != second, f"{logical_id} is called {first} in every stage"


def test_schedules_omit_their_names(template: Template, resources: Resources) -> None:
    for schedule in of_type(resources, "AWS::Scheduler::Schedule").values():
        assert "Name" not in schedule["Properties"]
    for kind in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
        for _, properties in template.of_type(kind):
            assert all(e["Properties"].get("OmitName") for e in properties.get("Events", {}).values() if e["Type"] == "ScheduleV2")


def test_every_log_ends(resources: Resources) -> None:
    for logical_id, group in of_type(resources, "AWS::Logs::LogGroup").items():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogDays"}, logical_id


def test_every_function_logs_into_a_group_of_its_own(resources: Resources) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    groups = [f["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for f in functions.values()]
    assert len(set(groups)) == len(functions)
    assert set(groups) <= of_type(resources, "AWS::Logs::LogGroup").keys()


def test_functions_run_on_arm_with_python_313(resources: Resources) -> None:
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert function["Properties"]["Runtime"] == "python3.13"
        assert function["Properties"]["Architectures"] == ["arm64"]


def test_the_access_log_holds_route_keys_and_never_a_path_or_a_query(resources: Resources) -> None:
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    text = stage["Properties"]["AccessLogSettings"]["Format"]
    assert set(re.findall(r"\$context\.([\w.]+)", text)) == ACCESS_LOG_MAY_HOLD
    assert json.loads(text)["route"] == "$context.routeKey"


def test_the_api_is_throttled_and_leaves_cors_to_the_functions(resources: Resources) -> None:
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    (api,) = of_type(resources, "AWS::ApiGatewayV2::Api").values()
    assert stage["Properties"]["DefaultRouteSettings"].keys() == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert "CorsConfiguration" not in api["Properties"]
    assert "x-amazon-apigateway-cors" not in api["Properties"]["Body"]


def test_the_domain_is_made_only_where_one_is_given(resources: Resources) -> None:
    for kind in ("AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"):
        (resource,) = of_type(resources, kind).values()
        assert resource["Condition"] == "HasDomain"


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"])
def test_data_outlives_the_stack(resources: Resources, kind: str) -> None:
    for logical_id, resource in of_type(resources, kind).items():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), logical_id


def test_buckets_are_encrypted_closed_and_versioned(resources: Resources) -> None:
    for bucket in of_type(resources, "AWS::S3::Bucket").values():
        properties = bucket["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        closed = properties["PublicAccessBlockConfiguration"]
        assert len(closed) == 4
        assert all(value is True for value in closed.values())


def test_buckets_refuse_everything_that_does_not_come_over_tls(resources: Resources) -> None:
    policies = {p["Properties"]["Bucket"]["Ref"]: p["Properties"] for p in of_type(resources, "AWS::S3::BucketPolicy").values()}
    assert policies.keys() == of_type(resources, "AWS::S3::Bucket").keys()
    for bucket, policy in policies.items():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]


def test_the_lake_forgets_what_it_must_and_keeps_raw_records(resources: Resources) -> None:
    rules = resources["LakeBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = {rule.get("Prefix", ""): rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    assert days == {"quarantine/": 30, "athena/": 7, "bi/": 7, "rejected/": 90}
    assert any("Prefix" not in rule and "NoncurrentVersionExpiration" in rule for rule in rules)
    assert all(rule["Status"] == "Enabled" for rule in rules)
    (marts,) = [rule for rule in rules if rule.get("Prefix") == "marts/"]
    assert marts["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}  # of every model's folder


def test_raw_bodies_are_gone_after_thirty_days_with_every_old_version(resources: Resources) -> None:
    rules = resources["LakeBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    quarantined = {provider.quarantine for provider in BUILT_IN.values()}
    quarantined |= {f"quarantine/{adapter.door}/" for adapter in ADAPTERS.values()}
    assert quarantined >= {"quarantine/crm-generic/", "quarantine/crm-amocrm/", "quarantine/calls-generic/"}
    for prefix in quarantined:
        (rule,) = [r for r in rules if "ExpirationInDays" in r and prefix.startswith(r["Prefix"])]
        # In a versioned bucket an expiry only sets a mark: what is under it goes a day later.
        assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == (30, {"NoncurrentDays": 1}), prefix


def test_tables_can_be_turned_back_and_are_encrypted_and_hard_to_delete(resources: Resources) -> None:
    for logical_id, table in of_type(resources, "AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["SSESpecification"]["SSEEnabled"] is True
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["DeletionProtectionEnabled"] is True, logical_id


def test_old_leases_go_by_themselves_and_contacts_do_not(template: Template) -> None:
    assert {table.logical_id: table.ttl_attribute for table in template.tables()} == {
        "LedgerTable": "expires_at",
        "NumbersTable": "expires_at",
        "CrmTable": "expires_at",
        "ContactsTable": None,
    }


def test_the_vault_has_a_key_of_its_own_that_turns_and_outlives_the_stack(resources: Resources) -> None:
    (table,) = [
        r for r in of_type(resources, "AWS::DynamoDB::Table").values() if r["Properties"]["SSESpecification"].get("SSEType")
    ]
    assert table is resources["ContactsTable"]
    assert table["Properties"]["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": {"Fn::GetAtt": ["ContactsKey", "Arn"]},
    }
    (key,) = of_type(resources, "AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True
    (statement,) = key["Properties"]["KeyPolicy"]["Statement"]
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}  # roles decide


def test_streams_are_encrypted_and_compressed_and_keep_failures_apart(resources: Resources) -> None:
    for stream in of_type(resources, "AWS::KinesisFirehose::DeliveryStream").values():
        s3 = stream["Properties"]["ExtendedS3DestinationConfiguration"]
        assert stream["Properties"]["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
        assert s3["CompressionFormat"] == "GZIP"
        # No expression: Firehose adds YYYY/MM/dd/HH/ itself, which is what the catalog's partitions are projected over.
        assert re.fullmatch(r"raw/[a-z_]+/", s3["Prefix"])
        assert not s3["ErrorOutputPrefix"].startswith("raw/")


def test_queues_are_encrypted_and_give_their_worker_time(resources: Resources, template: Template) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())
    for source in template.queue_sources():
        queue, worker = queues[source.queue]["Properties"], template.functions()[source.function]
        assert queue["VisibilityTimeout"] >= 6 * worker.timeout
        assert "RedrivePolicy" in queue


def test_every_alarm_reaches_the_topic(resources: Resources) -> None:
    for logical_id, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}], logical_id


def test_somebody_is_told_when_anything_stops(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    ends = {logical_id for logical_id, queue in queues.items() if "RedrivePolicy" not in queue["Properties"]}
    assert watched(resources, "AWS/SQS", "ApproximateNumberOfMessagesVisible") == ends
    assert watched(resources, "AWS/SQS", "ApproximateAgeOfOldestMessage") == queues.keys() - ends
    assert watched(resources, "AWS/Lambda", "Errors") == of_type(resources, "AWS::Lambda::Function").keys()
    streams = of_type(resources, "AWS::KinesisFirehose::DeliveryStream").keys()
    assert watched(resources, "AWS/Firehose", "DeliveryToS3.DataFreshness") == streams
    machines = of_type(resources, "AWS::StepFunctions::StateMachine").keys()
    assert watched(resources, "AWS/States", "ExecutionsFailed") == machines
    assert watched(resources, "AWS/ApiGateway", "5xx") == of_type(resources, "AWS::ApiGatewayV2::Api").keys()
    # The one table whose load lies in few partitions: a pool is one.
    for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
        assert watched(resources, "AWS/DynamoDB", metric) == {"NumbersTable"}


def test_every_alarm_on_a_metric_of_ours_watches_what_the_code_counts(resources: Resources) -> None:
    ours = [
        r["Properties"] for r in of_type(resources, "AWS::CloudWatch::Alarm").values() if r["Properties"]["Namespace"] == "Skvoz"
    ]
    assert ours
    for alarm in ours:
        assert (alarm["MetricName"], tuple(d["Name"] for d in alarm["Dimensions"])) in metrics_counted()
        # A stage's alarm never hears another stage.
        assert alarm["Dimensions"] == [{"Name": "Stage", "Value": {"Ref": "Stage"}}]


TOLD_BY_COUNTS = (
    "NumberpoolFull",
    "CrmReconcileNotChecked",
    "CrmSwitchedOffTold",
    "CollectNotHandedOver",
    "ReportSectionsFailed",
    "ReportScopesEmpty",
)  # with tests of their own below


def test_somebody_is_told_what_doors_survive_by_going_on_without(resources: Resources) -> None:
    """Leases, hits and deals do not fail with the vault or the numbers table: only their logs say so."""
    filters = [f for name, f in of_type(resources, "AWS::Logs::MetricFilter").items() if name not in TOLD_BY_COUNTS]
    assert {f["Properties"]["LogGroupName"]["Ref"] for f in filters} == {
        "CollectLog", "NumberpoolLog", "CrmWorkerLog", "CrmTaskLog", "CrmReconcileLog",
    }  # fmt: skip
    alarm = resources["LoggedErrorsAlarm"]["Properties"]
    for filter_ in filters:
        assert filter_["Properties"]["FilterPattern"] == '{ $.level = "ERROR" }'
        (made,) = filter_["Properties"]["MetricTransformations"]
        assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
        assert made["MetricNamespace"] == {"Fn::Sub": "Skvoz/${Stage}"}  # a stage's alarm never hears another stage


def test_a_pool_that_runs_short_is_told_of(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    filter_, alarm = resources["NumberpoolFull"]["Properties"], resources["PoolFullAlarm"]["Properties"]
    assert filter_["LogGroupName"] == {"Ref": "NumberpoolLog"}
    (made,) = filter_["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    assert alarm["Statistic"] == "Sum"
    count({"LeaseGiven": 1}, Kind="default", Reason="pool_full")  # the line that the filter looks for
    line = json.loads(capsys.readouterr().out)
    wanted = re.findall(r'\$\.(\w+) = "?(\w+)"?', filter_["FilterPattern"])
    assert {name: str(line[name]) for name, _ in wanted} == dict(wanted) == {"LeaseGiven": "1", "Reason": "pool_full"}
    assert "pool_full" in get_args(Refusal)


def test_requests_that_are_not_handed_over_ring(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    filter_, alarm = resources["CollectNotHandedOver"]["Properties"], resources["RequestNotHandedOverAlarm"]["Properties"]
    assert filter_["LogGroupName"] == {"Ref": "CollectLog"}
    (made,) = filter_["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    for reason in re.findall(r'\$\.Reason = "(\w+)"', filter_["FilterPattern"]):
        not_handed_over(reason, 3)  # the line that the filter looks for
        line = json.loads(capsys.readouterr().out)
        assert (line["RequestNotHandedOver"], line["Reason"]) == (3, reason)
    assert made["MetricValue"] == "$.RequestNotHandedOver"


@pytest.mark.parametrize(
    ("told", "filters", "dimensions"),
    [("ReportSectionFailed", "ReportSectionsFailed", ("Section",)), ("ReportScopeEmpty", "ReportScopesEmpty", ())],
)
def test_a_report_that_goes_out_without_a_part_or_empty_rings(
    resources: Resources, told: str, filters: str, dimensions: tuple[str, ...]
) -> None:
    filter_, alarm = resources[filters]["Properties"], resources[f"{told}Alarm"]["Properties"]
    assert (filter_["LogGroupName"], filter_["FilterPattern"]) == ({"Ref": "ReportMailLog"}, f"{{ $.{told} >= 1 }}")
    (made,) = filter_["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    assert made["MetricValue"] == f"$.{told}"
    assert (told, dimensions) in metrics_counted()


def test_checks_of_a_crm_that_fail_ring(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    filter_, alarm = resources["CrmReconcileNotChecked"]["Properties"], resources["CrmNotCheckedAlarm"]["Properties"]
    assert filter_["LogGroupName"] == {"Ref": "CrmReconcileLog"}
    (made,) = filter_["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    count({"CrmNotChecked": 1}, Provider="amocrm")  # the line that the filter looks for
    assert json.loads(capsys.readouterr().out)["CrmNotChecked"] == 1
    assert "$.CrmNotChecked = 1" in filter_["FilterPattern"]
    assert alarm["Statistic"] == "Sum"


def test_an_integration_that_was_switched_off_rings_at_once(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    filter_, alarm = resources["CrmSwitchedOffTold"]["Properties"], resources["CrmSwitchedOffAlarm"]["Properties"]
    assert filter_["LogGroupName"] == {"Ref": "CrmWebhookLog"}
    (made,) = filter_["MetricTransformations"]
    assert (made["MetricNamespace"], made["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    count({"CrmSwitchedOff": 1}, Provider="amocrm")  # the line that the filter looks for
    assert json.loads(capsys.readouterr().out)["CrmSwitchedOff"] == 1
    assert "$.CrmSwitchedOff = 1" in filter_["FilterPattern"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)


def test_functions_behind_the_api_end_before_it_stops_waiting(template: Template) -> None:
    for _, function in template.routes():
        assert template.functions()[function].timeout <= 29, function  # HTTP API: 30 s at most


def test_imports_get_a_whole_processor(template: Template) -> None:
    collect = template.functions()["CollectFunction"]
    assert (collect.timeout, collect.memory) == (29, 1769)  # Lambda gives one vCPU at 1,769 MB


def test_a_lease_is_over_and_done_before_its_guard_ends(template: Template) -> None:
    """A new lease guards its visitor for a minute from the event's own time: no call may still be writing then."""
    assert template.functions()["NumberpoolFunction"].timeout <= 15


def test_what_cannot_be_worked_off_is_kept(resources: Resources) -> None:
    for schedule in of_type(resources, "AWS::Scheduler::Schedule").values():
        assert schedule["Properties"]["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["FailedEvents", "Arn"]}}
    kept = {c["Properties"]["FunctionName"]["Ref"] for c in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()}
    # Those that are called without anybody waiting; alerts of a failed run are told by the next one.
    assert kept == {"CostsFunction", "ReportMailFunction", "ReportFeedbackFunction", "AlertsFunction"}


def test_mail_goes_over_tls_only(resources: Resources) -> None:
    (configuration,) = of_type(resources, "AWS::SES::ConfigurationSet").values()
    assert configuration["Properties"]["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}


def test_bounces_and_complaints_reach_their_function_and_nobody_else_tells_it_any(resources: Resources) -> None:
    (destination,) = of_type(resources, "AWS::SES::ConfigurationSetEventDestination").values()
    told = destination["Properties"]["EventDestination"]
    assert told["Enabled"] is True
    assert set(told["MatchingEventTypes"]) == {"BOUNCE", "COMPLAINT"}
    topic = told["SnsDestination"]["TopicARN"]["Ref"]
    (policy,) = of_type(resources, "AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}}
    # Nobody verifies signatures there: Lambda lets in the topic alone.
    callers = [
        p["Properties"]
        for p in of_type(resources, "AWS::Lambda::Permission").values()
        if p["Properties"]["FunctionName"] == {"Ref": "ReportFeedbackFunction"}
    ]
    assert [(c["Principal"], c["SourceArn"]) for c in callers] == [("sns.amazonaws.com", {"Ref": topic})]


def test_mail_over_smtp_is_encrypted_in_every_stack(template: Template) -> None:
    assert template.document["Parameters"]["SmtpSecurity"]["AllowedValues"] == ["starttls", "tls"]
