"""The refresh's Lambda entry: what a turn leaves in the log and in the metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.attribution import handler
from functions.attribution.standing import TABLES, State, place_of
from functions.attribution.steps import STEPS

HITS = [step.name for step in STEPS].index("hits")


class Answers:
    """Stands in for the refresh."""

    def __init__(self, answer: State) -> None:
        self.answer, self.given = answer, State()

    def advance(self, state: State, now: object) -> State:
        self.given = state
        return self.answer


def turn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: State, event: State) -> list[dict[str, Any]]:
    """Lines that a turn with that answer printed."""
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setattr(handler, "_refresh", lambda: Answers(answer))
    capsys.readouterr()
    assert handler.lambda_handler(event, None) == answer
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


RUNNING = {
    "status": "running",
    "refresh_id": "r",
    "sites": ["shop"],
    "site": 0,
    "step": HITS,
    "query_id": "q-1",
    "bytes_scanned": 5,
}


def test_a_turn_tells_site_step_and_query_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = turn(monkeypatch, capsys, RUNNING, {"time": "2026-11-20T03:00:00Z"})
    told = {name: line[name] for name in ("status", "refresh_id", "site", "step", "query_id", "bytes_scanned")}
    assert told == {"status": "running", "refresh_id": "r", "site": "shop", "step": "hits", "query_id": "q-1", "bytes_scanned": 5}


@pytest.mark.parametrize(("place", "step"), [(TABLES, "tables"), (1, "upkeep")])
def test_work_on_the_tables_of_all_sites_belongs_to_none(place: int, step: str) -> None:
    assert place_of({**RUNNING, "site": place}) == {"site": "", "step": step}


def test_the_end_of_a_run_counts_sites_and_bytes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    end = {"status": "failed", "refresh_id": "r", "completed": 2, "failed": {"shop": "why"}, "bytes_scanned": 12_345_678_901}
    metrics, _ = turn(monkeypatch, capsys, end, RUNNING)
    counted = {name: metrics[name] for name in ("RefreshCompleted", "RefreshSiteFailed", "RefreshBytes", "Stage")}
    assert counted == {"RefreshCompleted": 2, "RefreshSiteFailed": 1, "RefreshBytes": 12_345_678_901, "Stage": "test"}
    units = {m["Name"]: m["Unit"] for m in metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"RefreshCompleted": "Count", "RefreshSiteFailed": "Count", "RefreshBytes": "Bytes"}


def test_a_run_that_found_another_one_counts_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = turn(monkeypatch, capsys, {"status": "complete", "wait_seconds": 0, "note": "another refresh is running"}, {})
    assert line["note"] == "another refresh is running"
