"""The refresh as AWS runs it: the loop's statuses, how long things may last, and who is told when it fails or is missing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from functions.attribution import refresh
from infra.template.model import Template
from shared import athena

Resources = dict[str, dict[str, Any]]


def alarms(resources: Resources, namespace: str, metric: str) -> list[dict[str, Any]]:
    found = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    return [a for a in found if (a["Namespace"], a["MetricName"]) == (namespace, metric)]


def test_the_refresh_loop_knows_every_status_and_ends_failures_in_fail(template: Template) -> None:
    (machine,) = template.state_machines()
    states = machine.definition["States"]
    decisions = {c["Condition"].split("'")[1]: c["Next"] for c in states["Decide"]["Choices"] if "'" in c["Condition"]}
    assert decisions == {"complete": "Complete", "failed": "Failed", "running": "Pause", "next": "Advance"}
    assert (states["Decide"]["Default"], states["Failed"]["Type"]) == ("Failed", "Fail")
    advance = states["Advance"]
    assert "Lambda.TooManyRequestsException" in advance["Retry"][0]["ErrorEquals"]
    assert advance["Catch"] == [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
    assert states["Pause"]["Seconds"] == "{% $states.input.wait_seconds %}"
    (schedule,) = [s for s in template.schedules() if s.target == machine.logical_id]
    assert schedule.input is not None
    assert json.loads(schedule.input) == {"time": "<aws.scheduler.scheduled-time>"}


def test_a_refresh_is_missed_by_what_it_completes_and_not_by_its_executions(resources: Resources) -> None:
    # An execution that found another refresh running, or handed over, succeeds too.
    assert alarms(resources, "AWS/States", "ExecutionsSucceeded") == []
    (missing,) = alarms(resources, "Skvoz", "RefreshCompleted")
    assert (missing["Statistic"], missing["ComparisonOperator"], missing["Threshold"]) == ("Sum", "LessThanThreshold", 1)
    assert (missing["Period"], missing["EvaluationPeriods"]) == (3600, {"Ref": "MostHoursWithoutRefresh"})
    assert missing["TreatMissingData"] == "breaching"


def test_the_hours_without_a_refresh_fit_its_schedule(template: Template) -> None:
    parameters = template.parameters({"Stage": "a"})
    assert parameters["RefreshSchedule"] == "rate(1 hour)"
    hours = int(parameters["MostHoursWithoutRefresh"])
    # One run that died and one lease that had to end are no reason to wake anybody.
    assert timedelta(hours=hours) > 2 * timedelta(hours=1) + refresh.LEASE
    # CloudWatch looks back seven days at most where a period is an hour.
    assert template.document["Parameters"]["MostHoursWithoutRefresh"]["MaxValue"] * 3600 <= timedelta(days=7).total_seconds()


def test_somebody_is_told_of_a_site_that_was_not_refreshed(resources: Resources) -> None:
    (failed,) = alarms(resources, "Skvoz", "RefreshSiteFailed")
    assert (failed["Statistic"], failed["ComparisonOperator"], failed["Threshold"]) == ("Sum", "GreaterThanThreshold", 0)
    assert failed["TreatMissingData"] == "notBreaching"


def test_functions_that_ask_athena_live_longer_than_their_questions(template: Template) -> None:
    functions = template.functions()
    assert functions["AttributionFunction"].timeout >= 2 * athena.MOST_WAIT_SECONDS
    assert functions["ReportMailFunction"].timeout >= 3 * athena.MOST_WAIT_SECONDS
    assert functions["AlertsFunction"].timeout >= 3 * athena.MOST_WAIT_SECONDS
    assert (
        timedelta(seconds=functions["AttributionFunction"].timeout) < refresh.LEASE
    )  # else another run takes over from a live one


def test_a_turn_of_the_refresh_that_ran_out_of_time_is_repeated_and_never_overlaps_itself(template: Template) -> None:
    (machine,) = template.state_machines()
    advance = machine.definition["States"]["Advance"]
    (again,) = [retry for retry in advance["Retry"] if "States.Timeout" in retry["ErrorEquals"]]
    # Step Functions names a function's timeout Lambda.Unknown, or by its error type.
    assert {"Lambda.Unknown", "Sandbox.Timedout"} <= set(again["ErrorEquals"])
    assert 1 <= again["MaxAttempts"] <= 3
    assert template.functions()["AttributionFunction"].timeout < advance["TimeoutSeconds"]
    assert timedelta(seconds=advance["TimeoutSeconds"] + again["IntervalSeconds"]) < refresh.LEASE
