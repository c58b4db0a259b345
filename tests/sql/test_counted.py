"""Which requests count: confirmed, target calls, duplicates, repeats, qualified (docs/method.md, requests)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import Marts, Record, call, deal, marts_of, request, shop, utc

AT = utc("10-05 10:00")
DAY = timedelta(days=1)
MS = timedelta(milliseconds=1)


def counted(tmp_path: Path, *records: Record, **changes: Any) -> dict[str, bool]:
    return dict(marts_of(tmp_path, records, shop(**changes)).rows("requests", "request_id", "is_counted"))


def test_a_request_counts_when_its_deal_is_beyond_cleaning_and_unsorted(tmp_path: Path) -> None:
    stages = ("unsorted", "cleaning", "working", "qualified", "won", "lost", "claim", "unheard of")
    made = [
        r for n, stage in enumerate(stages) for r in (request(stage, AT + n * MS), deal(stage, AT + DAY, stage, request_id=stage))
    ]
    confirmed = {"working", "qualified", "won", "lost"}
    assert counted(tmp_path, *made, request("none", AT)) == {name: name in confirmed for name in sorted({*stages, "none"})}


def test_a_deleted_deal_confirms_nothing(tmp_path: Path) -> None:
    made = [request("r", AT), deal("d", AT, "working", request_id="r"), deal("d", AT + DAY, is_deleted=True)]
    assert counted(tmp_path, *made) == {"r": False}


@pytest.mark.parametrize(("talk", "target"), [(0, False), (29, False), (30, True)])
def test_a_target_call_is_answered_and_lasts_thirty_seconds(talk: int, target: bool, tmp_path: Path) -> None:
    assert counted(tmp_path, call("c", AT, talk, phone="p")) == {"c": target}


def test_the_length_of_a_target_call_is_a_setting(tmp_path: Path) -> None:
    assert counted(tmp_path, call("c", AT, 5, phone="p"), requests={"target_talk_seconds": 5}) == {"c": True}


def test_a_call_is_unique_when_the_caller_made_no_target_call_in_a_day(tmp_path: Path) -> None:
    a_day = timedelta(seconds=86_400)
    made = [call("a", AT, phone="p"), call("b", AT + a_day, phone="p"), call("c", AT + 2 * a_day + MS, phone="p")]
    other = [call("short", AT, 3, phone="q"), call("long", AT + timedelta(hours=1), phone="q")]
    found = counted(tmp_path, *made, *other, requests={"duplicate_days": "off"})
    assert found == {"a": True, "b": False, "c": True, "short": False, "long": True}


@pytest.mark.parametrize(
    ("days", "apart", "is_duplicate"),
    [
        (30, 30 * DAY, True),
        (30, 30 * DAY + MS, False),
        ("off", MS, False),
        ("ever", 45 * DAY, True),
        (0, MS, False),
        (0, 0 * DAY, True),
    ],
)
def test_a_duplicate_follows_a_confirmed_request_of_the_person(
    days: Any, apart: timedelta, is_duplicate: bool, tmp_path: Path
) -> None:
    first, second = AT - 30 * DAY, AT - 30 * DAY + apart
    made = [
        request("a", first, phone="p"),
        deal("a", first, "won", request_id="a"),
        request("b", second, phone="p"),
        deal("b", second, "won", request_id="b"),
    ]
    marts = marts_of(tmp_path, made, shop(requests={"duplicate_days": days}))
    row = marts.row("requests", request_id="b")
    assert (row["duplicate_of"], row["is_counted"]) == (("a", False) if is_duplicate else (None, True))
    assert row["repeat_of"] is None


def test_a_request_that_was_not_confirmed_makes_no_duplicate(tmp_path: Path) -> None:
    made = [
        request("a", AT, phone="p"),
        deal("a", AT, "cleaning", request_id="a"),
        request("b", AT + DAY, phone="p"),
        deal("b", AT + DAY, "won", request_id="b"),
    ]
    assert counted(tmp_path, *made) == {"a": False, "b": True}


def repeats(tmp_path: Path, *records: Record) -> dict[str, str | None]:
    return dict(marts_of(tmp_path, records, shop(requests={"duplicate_days": "off"})).rows("requests", "request_id", "repeat_of"))


def test_a_request_while_a_deal_of_the_person_is_open_repeats_it(tmp_path: Path) -> None:
    won = AT + 5 * DAY
    made = [request("r", AT, phone="p"), deal("d", AT + DAY, "working", request_id="r"), deal("d", won, "won")]
    moments = {"before": AT - MS, "at_once": AT + MS, "open": won - MS, "at_the_end": won, "after": won + DAY}
    more = [call(name, at, phone="p") for name, at in moments.items()]
    found = repeats(tmp_path, *made, *more)
    assert found == {"r": None, "before": None, "at_once": "crm:d", "open": "crm:d", "at_the_end": None, "after": None}


def test_a_reopened_deal_is_open_again(tmp_path: Path) -> None:
    told = [deal("d", AT + n * DAY, stage, request_id="r") for n, stage in enumerate(("working", "lost", "working", "lost"))]
    made = [request("r", AT - MS, phone="p"), *told, call("b", AT + 1.5 * DAY, phone="p"), call("c", AT + 3.5 * DAY, phone="p")]
    assert repeats(tmp_path, *made) == {"r": None, "b": "crm:d", "c": None}


def test_a_deletion_closes_a_deal_until_it_is_told_alive(tmp_path: Path) -> None:
    made = [request("r", AT - MS, phone="p"), deal("d", AT, "working", request_id="r"), deal("d", AT + 2 * DAY, is_deleted=True)]
    made += [call("open", AT + DAY, phone="p"), call("gone", AT + 3 * DAY, phone="p"), call("back", AT + 5 * DAY, phone="p")]
    assert repeats(tmp_path / "deleted", *made) == {"r": None, "open": "crm:d", "gone": None, "back": None}
    restored = deal("d", AT + 4 * DAY, is_deleted=False)
    assert repeats(tmp_path / "restored", *made, restored) == {"r": None, "open": "crm:d", "gone": "crm:d", "back": "crm:d"}


def test_a_deal_that_was_won_stays_closed_when_it_is_deleted(tmp_path: Path) -> None:
    made = [request("r", AT - MS, phone="p"), deal("d", AT, "won", request_id="r"), deal("d", AT + 2 * DAY, is_deleted=True)]
    assert repeats(tmp_path, *made, call("b", AT + DAY, phone="p"), call("c", AT + 3 * DAY, phone="p")) == dict.fromkeys("rbc")


def test_a_request_with_a_deal_of_its_own_is_no_repeat_and_other_people_are_none(tmp_path: Path) -> None:
    made = [
        request("r", AT, phone="p"),
        deal("d", AT, "working", request_id="r"),
        request("own", AT + DAY, phone="p"),
        deal("e", AT + DAY, "working", request_id="own"),
        call("stranger", AT + DAY, phone="q"),
    ]
    assert set(repeats(tmp_path, *made).values()) == {None}


def test_a_claim_opens_nothing(tmp_path: Path) -> None:
    made = [request("r", AT, phone="p"), deal("d", AT, "claim", "5", request_id="r"), call("b", AT + DAY, phone="p")]
    assert repeats(tmp_path, *made) == {"r": None, "b": None}


def judged(marts: Marts) -> tuple[bool, bool, str | None]:
    row = marts.row("requests", request_id="r")
    return row["is_qualified"], row["is_disqualified"], row["loss_reason"]


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (["working"], (False, False, None)),
        (["working", "qualified", "working"], (True, False, None)),
        (["won"], (True, False, None)),
        (["working", "lost"], (False, True, "price")),
        (["qualified", "lost"], (True, False, "price")),
        (["lost", "working"], (False, False, None)),
    ],
)
def test_qualified_once_is_qualified_and_lost_before_that_is_disqualified(stages: list[str], expected: Any, tmp_path: Path) -> None:
    told = [deal("d", AT + n * DAY, stage, request_id="r", loss_reason="price") for n, stage in enumerate(stages)]
    assert judged(marts_of(tmp_path, [request("r", AT), *told])) == expected


def test_an_unknown_stage_changes_nothing_and_is_told(tmp_path: Path) -> None:
    told = [deal("d", AT, "qualified"), deal("d", AT + DAY, "Qualifed")]
    row = marts_of(tmp_path, told).row("deals")
    assert (row["stage"], row["meaning"], row["is_unknown_stage"]) == ("Qualifed", "qualified", True)


def test_a_stage_means_what_its_pipeline_and_day_say(tmp_path: Path) -> None:
    rules = [
        {"stages": {"5": "working"}},
        {"pipeline": "service", "stages": {"5": "won"}},
        {"pipeline": "service", "valid_from": "2026-10-06", "stages": {"5": "lost"}},
    ]
    told = [
        deal("a", AT, "5"),
        deal("b", AT, "5", pipeline="unheard of"),
        deal("c", AT, "5", pipeline="service"),
        deal("d", AT + DAY, "5", pipeline="service"),
    ]
    assert marts_of(tmp_path, told, shop(stages=rules)).rows("deals", "meaning") == ["working", "working", "won", "lost"]
