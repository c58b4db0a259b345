"""What runs at the engine while nobody waits for it: nothing is written beside it, and it is stopped."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from functions.attribution import left_over
from functions.attribution.refresh import BUSY_SECONDS, LEASE, MOST_BUSY_TURNS, MOST_RESUMES
from functions.attribution.standing import State, place_of
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import SettingsError, WarehouseBusy, WarehouseError
from shared.warehouse import QueryState
from tests.lakes import NOW, Marts, deal, hit, request, shop, utc, write

LATER = LEASE + timedelta(seconds=1)


class Slow(DuckDbWarehouse):
    """An engine that runs statements by itself: each is done at its second poll, and none beside another."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, None, threads=1)
        self.running: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.polled: list[str] = []
        self.stopped: list[str] = []
        self.stubborn = False  # does not hear that it should stop
        self.never_done = ""  # statements with this text run on and on
        self.busy = 0  # so many calls are not answered
        self.read = 0

    @property
    def bytes_scanned(self) -> int:  # type: ignore[override]
        return self.read

    def start(self, sql: str, token: str = "") -> str:
        self._answer()
        if token in self.tokens:
            return self.tokens[token]
        assert not self.running, "two statements at once"
        query_id = f"q-{len(self.tokens) + 1}"
        self.running[query_id] = sql
        self.tokens[token] = query_id
        return query_id

    def poll(self, query_id: str) -> QueryState:
        self._answer()
        if query_id in self.stopped and not self.stubborn:
            self.running.pop(query_id, None)
            raise WarehouseError(f"{query_id} was stopped")
        if query_id not in self.running:
            return QueryState(is_done=True)
        if query_id not in self.polled or (self.never_done and self.never_done in self.running[query_id]):
            self.polled.append(query_id)
            return QueryState(is_done=False)
        super().start(self.running.pop(query_id))
        self.read += 10
        return QueryState(is_done=True, bytes_scanned=10)

    def cancel(self, query_id: str) -> None:
        self._answer()
        self.stopped.append(query_id)

    def _answer(self) -> None:
        if self.busy:
            self.busy -= 1
            raise WarehouseBusy("the engine is busy")


@pytest.fixture
def slow(tmp_path: Path) -> Slow:
    return Slow(tmp_path)


@pytest.fixture
def marts(slow: Slow, tmp_path: Path) -> Marts:
    told = [
        hit("v", utc("10-05 10:00"), "yandex/cpc"),
        request("r", utc("10-05 10:10"), visitor="v"),
        deal("d", utc("10-05 11:00"), "won", "100", request_id="r"),
    ]
    write(tmp_path, told, NOW)
    return Marts(tmp_path, warehouse=slow)


def until_a_query_runs(marts: Marts, step: str, now: datetime = NOW, state: State | None = None) -> State:
    """Moves up to the first poll of a step's statement; its state as it was kept."""
    state = state or {}
    for _ in range(2000):
        state = marts.machine().advance(state, now)
        if state.get("query_id") and place_of(state)["step"] == step:
            return state
    raise AssertionError(f"{step} never ran")


def to_the_end(marts: Marts, state: State, now: datetime) -> State:
    for _ in range(2000):
        state = marts.machine().advance(state, now)
        if state["status"] in ("complete", "failed"):
            return state
    raise AssertionError("it never ends")


def test_a_run_that_is_taken_up_stops_what_it_left_running_before_it_writes_anything(marts: Marts, slow: Slow) -> None:
    left = until_a_query_runs(marts, "sessions")
    resumed = marts.machine().advance({}, NOW + LATER)
    assert (resumed["refresh_id"], resumed["query_id"], resumed["stopping"]) == (left["refresh_id"], None, left["query_id"])
    assert slow.stopped == [left["query_id"]]
    assert to_the_end(marts, resumed, NOW + LATER)["status"] == "complete"
    assert len(marts.rows("credits", model="last")) == 1


def test_nothing_is_written_until_the_left_query_has_really_ended(marts: Marts, slow: Slow) -> None:
    left = until_a_query_runs(marts, "sessions")
    slow.stubborn, slow.never_done = True, slow.running[left["query_id"]]
    state = marts.machine().advance({}, NOW + LATER)
    started = len(slow.tokens)
    for _ in range(3):
        state = marts.machine().advance(state, NOW + LATER)
        assert (state["status"], state["wait_seconds"]) == ("running", 5)
    assert len(slow.tokens) == started
    slow.never_done = ""
    assert to_the_end(marts, state, NOW + LATER)["status"] == "complete"


def test_a_query_that_cannot_be_stopped_keeps_everybody_out_and_is_told(marts: Marts, slow: Slow) -> None:
    left = until_a_query_runs(marts, "sessions")
    slow.stubborn, slow.never_done = True, slow.running[left["query_id"]]
    state = marts.machine().advance({}, NOW + LATER)
    with pytest.raises(WarehouseError, match=rf"query {left['query_id']}.*What to do: stop it in the engine's console"):
        to_the_end(marts, state, NOW + LATER)
    assert marts.ledger.load_run() is not None


def test_a_run_that_is_given_up_is_stopped_too(marts: Marts, slow: Slow) -> None:
    left = until_a_query_runs(marts, "sessions")
    kept = marts.ledger.load_run()
    assert kept is not None
    kept["resumes"] = MOST_RESUMES
    anew = marts.machine().advance({}, NOW + LATER)
    assert anew["refresh_id"] != left["refresh_id"]
    assert anew["stopping"] == left["query_id"]
    assert to_the_end(marts, anew, NOW + LATER)["status"] == "complete"


def test_who_comes_back_and_finds_himself_replaced_leaves_no_query_running(marts: Marts, slow: Slow) -> None:
    left = until_a_query_runs(marts, "sessions")
    assert marts.ledger.acquire("another", NOW + LATER, NOW + LATER + LEASE)
    stopped = marts.machine().advance(left, NOW + LATER)
    assert stopped["note"] == "another refresh has taken over"
    assert slow.stopped == [left["query_id"]]


def test_a_site_whose_query_failed_is_left_after_the_query_ended(marts: Marts, slow: Slow) -> None:
    marts.sites = [shop(), shop(site_id="other")]
    left = until_a_query_runs(marts, "sessions")
    slow.stopped.append(left["query_id"])  # as a query that took too long: poll says so, the engine still works on it
    slow.running["late"] = slow.running[left["query_id"]]
    state = marts.machine().advance(left, NOW)
    assert (state["stopping"], state["site"], list(state["failed"])) == (left["query_id"], left["site"], ["shop"])
    del slow.running["late"]
    end = to_the_end(marts, state, NOW)
    assert end["failed"] == {"shop": f"{left['query_id']} was stopped"}
    assert "other" in marts.ledger.last
    assert "shop" not in marts.ledger.last


def test_a_run_that_died_while_starting_a_query_is_not_taken_up_until_that_one_must_have_ended(
    marts: Marts, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_over, "RUNS_UNSEEN", {"duckdb"})
    state = until_a_query_runs(marts, "hits")
    del state["query_id"]  # started, and the process died before it could tell
    marts.ledger.save_run({**state, "query_id": None})
    early = marts.machine().advance({}, NOW + left_over.MOST_UNSEEN - timedelta(seconds=1))
    assert (early["status"], early["note"].split(";")[0]) == (
        "complete",
        "a statement of the run that died may still be running",
    )
    slow.running.clear()  # by now it has ended
    assert marts.machine().advance({}, NOW + left_over.MOST_UNSEEN)["refresh_id"] == state["refresh_id"]


def test_that_a_query_is_being_started_is_kept_before_it_is(marts: Marts, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_over, "RUNS_UNSEEN", {"duckdb"})
    begun = marts.machine().advance({}, NOW)
    seen: list[State | None] = []
    monkeypatch.setattr(slow, "start", lambda sql, token="": seen.append(marts.ledger.load_run()) or "q")
    marts.machine().advance(begun, NOW)
    assert [(kept or {}).get("asked_at") for kept in seen] == ["2026-11-20 03:00:00.000"]


def test_the_same_start_asked_for_twice_is_one_query(marts: Marts, slow: Slow) -> None:
    state = marts.machine().advance({}, NOW)
    first, again = marts.machine().advance(state, NOW), marts.machine().advance(state, NOW)
    assert first["query_id"] == again["query_id"] == "q-1"


@pytest.mark.parametrize("step", ["tables", "sessions"])
def test_an_engine_that_does_not_answer_is_asked_again_and_no_site_is_left(marts: Marts, slow: Slow, step: str) -> None:
    state = until_a_query_runs(marts, step)
    slow.busy = MOST_BUSY_TURNS
    for _ in range(MOST_BUSY_TURNS):
        state = marts.machine().advance(state, NOW)
        assert (state["status"], state["wait_seconds"], state["note"]) == ("running", BUSY_SECONDS, "the engine is busy")
    end = to_the_end(marts, state, NOW)
    assert end["status"] == "complete"
    assert "note" not in end


def test_an_engine_that_never_answers_fails_the_site_after_ten_minutes(marts: Marts, slow: Slow) -> None:
    state = until_a_query_runs(marts, "sessions")
    slow.busy = MOST_BUSY_TURNS + 1
    for _ in range(MOST_BUSY_TURNS + 1):
        state = marts.machine().advance(state, NOW)
    assert state["failed"] == {"shop": "the engine is busy"}
    assert slow.stopped == [state["stopping"]]
    assert to_the_end(marts, state, NOW)["status"] == "failed"


def test_a_refresh_that_could_not_begin_gives_the_lock_back(marts: Marts) -> None:
    def broken() -> list[object]:
        raise SettingsError("the settings of shop are wrong")

    machine = marts.machine()
    object.__setattr__(machine, "sites", broken)
    with pytest.raises(SettingsError):
        machine.advance({}, NOW)
    assert marts.machine().advance({}, NOW)["status"] == "next"


def test_the_bytes_of_a_run_are_the_sum_of_its_queries(marts: Marts, slow: Slow) -> None:
    end = to_the_end(marts, {}, NOW)
    assert end["bytes_scanned"] == slow.read == 10 * len(slow.tokens)


def test_lines_of_the_log_tell_site_and_step_of_a_query(
    marts: Marts, slow: Slow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.log import logger

    state = until_a_query_runs(marts, "sessions")
    original = slow.poll

    def poll(query_id: str) -> QueryState:
        logger().info("query ended", extra={"query_id": query_id})
        return original(query_id)

    monkeypatch.setattr(slow, "poll", poll)
    capsys.readouterr()
    marts.machine().advance(state, NOW)
    line = capsys.readouterr().out
    for told in (
        '"site":"shop"',
        '"step":"sessions"',
        f'"refresh_id":"{state["refresh_id"]}"',
        f'"query_id":"{state["query_id"]}"',
    ):
        assert told in line
