"""Parts of a call → the call: whatever order they come in and however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.numberpool.pbx.event import Call, CallEvent, Outcome, State, call_of, merged

AT = datetime(2026, 10, 12, 7, 52, 7, tzinfo=UTC)
RANG = CallEvent("c", "1", (1, 1), number="+74950000031", is_incoming=True, started_at=AT)
ANSWERED = CallEvent("c", "2", (1, 2), answered_at=AT + timedelta(seconds=14))
ENDED = CallEvent("c", "3", (1, 3), ended_at=AT + timedelta(seconds=208))


def state_of(*events: CallEvent) -> State:
    state: State = {}
    for event in events:
        state = merged(state, event, "hash" if event.number else None)
    return state


def call(*events: CallEvent) -> Call:
    found = call_of(state_of(*events))
    assert found is not None
    return found


def test_a_call_is_put_together_in_every_order() -> None:
    whole = Call("+74950000031", "hash", True, AT, True, "answered", 14, 194, None, None, None)
    assert {call(*order) for order in permutations((RANG, ANSWERED, ENDED))} == {whole}


@pytest.mark.parametrize("missing", ["number", "is_incoming", "started_at"])
def test_a_call_is_none_until_number_direction_and_start_are_known(missing: str) -> None:
    assert call_of(state_of(RANG._replace(**{missing: None}), ENDED)) is None  # type: ignore[arg-type]
    assert call_of(state_of(RANG)) is not None


def test_a_call_that_still_rings_has_no_outcome() -> None:
    assert (call(RANG).outcome, call(RANG).is_answered, call(RANG).wait_seconds, call(RANG).talk_seconds) == (None, False, None, 0)


def test_a_call_that_ended_without_an_answer_was_missed_and_waited_to_its_end() -> None:
    assert (call(RANG, ENDED).outcome, call(RANG, ENDED).wait_seconds, call(RANG, ENDED).talk_seconds) == ("missed", 208, 0)


@pytest.mark.parametrize("outcome", ["missed", "abandoned", "busy", "failed"])
def test_the_outcome_that_is_told_outweighs_times_and_talk(outcome: Outcome) -> None:
    told = call(RANG, ANSWERED, ENDED._replace(outcome=outcome, talk_seconds=5))
    assert (told.outcome, told.is_answered, told.talk_seconds) == (outcome, False, 0)


def test_seconds_of_talk_are_an_answer() -> None:
    told = call(RANG, CallEvent("c", "9", (2, 0), talk_seconds=60))
    assert (told.outcome, told.is_answered, told.talk_seconds, told.wait_seconds) == ("answered", True, 60, None)


def test_no_span_is_negative_where_clocks_disagree() -> None:
    early = AT - timedelta(seconds=2)
    told = call(RANG, ANSWERED._replace(answered_at=early), ENDED._replace(ended_at=early - timedelta(seconds=1)))
    assert (told.wait_seconds, told.talk_seconds) == (0, 0)


def test_the_weightier_event_counts_and_a_whole_one_takes_back_what_it_leaves_open() -> None:
    part = CallEvent("c", "4", (0, 9), talk_seconds=1, answered_by="214", recording="r-1")
    summary = CallEvent("c", "5", (5, 0), talk_seconds=194, outcome="answered")
    assert call(RANG, summary, part).talk_seconds == call(RANG, part, summary).talk_seconds == 194
    assert call(RANG, part, summary).answered_by == "214"
    whole = RANG._replace(order=(5, 1), event_id="6", is_whole=True)
    assert call(RANG, part, summary, whole)[5:11] == (None, None, 0, None, None, None)
    assert call(whole, RANG, part, summary) == call(RANG, part, summary, whole)


_EVENTS = st.lists(
    st.builds(
        CallEvent,
        call_id=st.just("c"),
        event_id=st.just(""),
        order=st.tuples(st.integers(0, 2), st.integers(0, 2)),
        number=st.sampled_from([None, "+74950000031", "+74950000032"]),
        is_incoming=st.sampled_from([None, True, False]),
        started_at=st.sampled_from([None, AT, AT + timedelta(seconds=1)]),
        answered_at=st.sampled_from([None, AT + timedelta(seconds=9)]),
        ended_at=st.sampled_from([None, AT + timedelta(seconds=60)]),
        outcome=st.sampled_from([None, "answered", "missed", "busy"]),
        wait_seconds=st.sampled_from([None, 0, 7]),
        talk_seconds=st.sampled_from([None, 0, 51]),
        recording=st.sampled_from([None, "a", "b"]),
        is_whole=st.booleans(),
    ),
    max_size=5,
)


@given(_EVENTS, st.randoms(use_true_random=False))
def test_every_order_and_every_repeat_gives_the_same_call(events: list[CallEvent], play: object) -> None:
    import random

    assert isinstance(play, random.Random)
    again = [*events, *(event for event in events if play.random() < 0.5)]
    play.shuffle(again)
    assert state_of(*events) == state_of(*again)
    assert call_of(state_of(*events)) == call_of(state_of(*again))


def test_the_talk_of_an_answered_call_may_be_unknown_and_none_without_an_answer() -> None:
    """Not 0: a call of unknown length is no call without talk, as those of spam are."""
    assert call(RANG, CallEvent("c", "9", (2, 0), outcome="answered")).talk_seconds is None
    assert call(RANG, CallEvent("c", "9", (2, 0), outcome="busy")).talk_seconds == 0
