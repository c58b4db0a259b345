"""Source control (docs/method.md): do all requests and deals arrive, with their source, and does anybody work them? Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from functions.report.marts.control.arrivals import (
    Arrivals,
    channels_of,
    communications_of,
    days_of,
    handmade_of,
    methods_of,
)
from functions.report.marts.control.findings import findings_of
from functions.report.marts.control.people import dimensions_of, losses_of
from functions.report.marts.control.shares import share_of
from functions.report.marts.control.standing import apart_of, new_sources_of, receivables_of, stages_of, unsorted_of
from functions.report.marts.crm_names import CrmNames
from functions.report.marts.questions import Answers, Period
from functions.report.marts.tree import NO_SOURCE

Control = dict[str, Any]


def source_control_of(
    settings: Mapping[str, Any],
    period: Period,
    answers: Answers,
    previous: Answers,
    unknown_stages: Collection[Mapping[str, Any]],
    together: Collection[str] = (),
) -> Control:
    """The block `source_control` of figures.json. Requests are all that were made, deals those created in the period; both whole,
    each at the touch that the default model credits most. Shares are unrounded; `is_jump` marks those that differ from the period
    before by five points at least and by more than chance (99 %)."""
    names = CrmNames(settings)
    now, before = Arrivals.of(answers["source_days"], together), Arrivals.of(previous["source_days"], together)
    lost, lost_before = now.at(NO_SOURCE), before.at(NO_SOURCE)
    control: Control = {
        "requests": now.total.requests,
        "deals": now.total.deals,
        "requests_before": before.total.requests,
        "without_source": {
            "requests": lost.requests,
            "deals": lost.deals,
            **share_of(lost.requests, now.total.requests, lost_before.requests, before.total.requests),
        },
        "channels": channels_of(now, before),
        "days": days_of(period, now, before),
        "match_methods": methods_of(answers, previous),
        "handmade": handmade_of(now, before),
        "unsorted": unsorted_of(answers, names),
        "stages": stages_of(answers, names),
        **dimensions_of(answers, names),
        "losses": losses_of(answers, names),
        "communications": communications_of(now),
        "pipelines_apart": apart_of(answers, names),
        "receivables": receivables_of(answers["receivables"]),
        "new_sources": new_sources_of(answers, names),
    }
    return {**control, "findings": findings_of(control, unknown_stages)}
