"""The refresh: one function called again and again until the marts are complete.

`advance(state)` does one thing (begin, poll a query, start the next one, finish) and says what comes next. Step Functions waits
between the calls, the local stack calls it in a loop; both pass its own output back in. A single writer by a lock with a lease;
where it stands is kept in the ledger, so a run that died goes on where it stopped, under the same refresh id. A site whose
query fails is left for the next run; the other sites go on. A statement that nobody waits for any more is stopped first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from functions.attribution import left_over
from functions.attribution.bi.views import view_statements, views_version
from functions.attribution.ddl import create_statements, drop_statements, model_version, upkeep_statements
from functions.attribution.ledger import Ledger
from functions.attribution.marks import begin_site, complete_site
from functions.attribution.rules import RULE_TABLES, fingerprint, rule_rows
from functions.attribution.standing import TABLES, State, place_of
from functions.attribution.steps import STEPS
from functions.attribution.work import Part, Work, compared
from shared.errors import SettingsError, WarehouseBusy, WarehouseError
from shared.ids import uuid7
from shared.log import logger
from shared.records import KINDS, encode
from shared.settings import SiteSettings
from shared.times import from_lake_text, from_millis, lake_text
from shared.warehouse import Warehouse

LEASE = timedelta(minutes=20)
POLL_SECONDS = 5
BUSY_SECONDS = 30
MOST_BUSY_TURNS = 20  # in a row: an engine that does not answer for ten minutes fails the site
FIRST_ARRIVAL = "2026/01/01"  # nothing can have arrived before: the range of the raw tables' partitions begins here
OVERLAP = timedelta(days=2)
MOST_RESUMES = 3  # a run that died so often is given up and begun anew
UPKEEP_EVERY = timedelta(days=7)
# Kept in the ledger beside the sites:
TABLE_MODEL = "*"  # the version of the table model that the marts have
UPKEEP = "*upkeep"  # when the tables were last kept small
BI_VIEWS = "*views"  # the version of the views for BI tools that were last made


@dataclass(frozen=True)
class Refresh:
    """Everything a refresh needs; `sites` reads the published settings, `marts_location` is where Athena keeps the marts."""

    warehouse: Warehouse
    ledger: Ledger
    sites: Callable[[], Sequence[SiteSettings]]
    marts_location: str
    randomness: Callable[[], bytes]

    def advance(self, state: State, now: datetime) -> State:
        """One move. `status`: running (wait and call again), next (call again), complete, failed (`failed`: site → reason).

        Raises what is not the fault of one site's data or settings.
        """
        if "refresh_id" not in state:
            return self._begin(now)
        if not self.ledger.acquire(state["owner"], now, now + LEASE):
            if state.get("query_id"):  # whoever has taken over began that statement anew
                left_over.stop(self.warehouse, state["query_id"])
            return {"status": "complete", "wait_seconds": 0, "note": "another refresh has taken over"}
        read = self.warehouse.bytes_scanned
        with logger().append_context_keys(refresh_id=state["refresh_id"], **place_of(state)):
            moved = self._turn(state, now)
        moved = {**moved, "bytes_scanned": moved["bytes_scanned"] + self.warehouse.bytes_scanned - read}
        self.ledger.save_run(None if moved["status"] in ("complete", "failed") else moved)
        return moved

    def _turn(self, state: State, now: datetime) -> State:
        if state.get("stopping"):
            state = left_over.waited(self.warehouse, state)
            if state.get("stopping"):
                return {**state, "status": "running", "wait_seconds": POLL_SECONDS}
        try:
            moved = self._move(state, now)
        except WarehouseBusy as error:
            return self._wait_out(state, str(error), now)
        except (WarehouseError, SettingsError, ValueError) as error:
            return self._leave(state, str(error), now)
        return {name: value for name, value in moved.items() if name not in ("busy", "note")}

    def _move(self, state: State, now: datetime) -> State:
        if state.get("is_left"):
            return self._enter({**state, "is_left": False}, state["site"] + 1, now)
        if not state.get("query_id"):
            return self._start(state, now)
        query = self.warehouse.poll(state["query_id"])
        if not query.is_done:
            asked_next = query.query_id or state["query_id"]
            return {**state, "query_id": asked_next, "status": "running", "wait_seconds": POLL_SECONDS}
        return self._after_query(state, now)

    def _wait_out(self, state: State, reason: str, now: datetime) -> State:
        """The engine did not answer: the same again in half a minute (a statement has a token: it is started once)."""
        turns = state.get("busy", 0) + 1
        if turns > MOST_BUSY_TURNS:
            return self._leave({**state, "busy": 0}, reason, now)
        told = {"busy": turns, "asked_at": lake_text(now), "note": reason}
        return {**state, **told, "status": "running", "wait_seconds": BUSY_SECONDS}

    def _leave(self, state: State, reason: str, now: datetime) -> State:
        """Give up what failed: the tables (then everything), one site (the next one goes on), one view or one table's upkeep."""
        place = state["site"]
        if place == TABLES:
            raise WarehouseError(f"the tables could not be made: {reason}")
        stopping = left_over.stopping(self.warehouse, state)
        state = {**state, **stopping, "query_id": None, "asked_at": None, "status": "next", "wait_seconds": 0}
        if place == len(state["sites"]):
            logger().warning("not done after the refresh", extra={"part": state["parts"][:1], "reason": reason})
            return {**state, "parts": state["parts"][1:], "views": "", "note": reason}
        state = {**state, "failed": {**state["failed"], state["sites"][place]: reason}}
        return {**state, "is_left": True} if stopping else self._enter(state, place + 1, now)

    def _begin(self, now: datetime) -> State:
        owner = uuid7(now, self.randomness())
        if not self.ledger.acquire(owner, now, now + LEASE):
            return {"status": "complete", "wait_seconds": 0, "note": "another refresh is running"}
        try:
            return self._take_up(owner, now)
        except Exception:
            self.ledger.release(owner)  # what is wrong may be mended at once, and the refresh started again
            raise

    def _take_up(self, owner: str, now: datetime) -> State:
        """Go on with the run that died, if there is one, else begin."""
        left = self.ledger.load_run()
        if left is None:
            return self._begin_anew(owner, now, {})
        if left_over.may_run_unseen(self.warehouse, left, now):
            self.ledger.release(owner)
            note = "a statement of the run that died may still be running; the next refresh goes on there"
            return {"status": "complete", "wait_seconds": 0, "note": note}
        stopping = left_over.stopping(self.warehouse, left)
        sites = list(self.sites())
        if left["resumes"] >= MOST_RESUMES or left["fingerprints"] != self._fingerprints(sites, rule_rows(sites)):
            return self._begin_anew(owner, now, stopping)
        # What it had started is started anew, and may have been done: nothing is "first" any more.
        parts = [{**part, "is_first": False} if "is_first" in part else part for part in left["parts"]]
        again = {"owner": owner, "parts": parts, "query_id": None, "asked_at": None, "status": "next", "wait_seconds": 0}
        state = {**left, **again, **stopping, "resumes": left["resumes"] + 1}
        self.ledger.save_run(state)
        return state

    def _begin_anew(self, owner: str, now: datetime, stopping: State) -> State:
        sites = list(self.sites())
        rows = rule_rows(sites)
        self.warehouse.open_lake((*KINDS.values(), *RULE_TABLES))
        for kind in RULE_TABLES:
            self.warehouse.write_rules(kind.name, [encode_rule(kind.name, row) for row in rows[kind.name]])
        is_new_model = self.ledger.last_complete(TABLE_MODEL).get("version") != model_version(self.warehouse.ddl_dialect)
        state = {
            "refresh_id": self._later_id(owner, sites),
            "owner": owner,
            "resumes": 0,
            "started_at": lake_text(now),
            "last_arrival": f"{now:%Y/%m/%d}",
            "sites": [s.site_id for s in sites],
            "fingerprints": self._fingerprints(sites, rows),
            "failed": {},
            "site": TABLES,
            "step": 0,
            "parts": [{"table": n} for n in range(len(self._table_statements(is_new_model)))],
            "is_new_model": is_new_model,
            "query_id": None,
            "bytes_scanned": 0,
            "status": "next",
            "wait_seconds": 0,
            **stopping,
        }
        if is_new_model:
            for site in sites:
                self.ledger.begin(site.site_id, state["refresh_id"])
        self.ledger.save_run(state)
        return state

    def _fingerprints(self, sites: Sequence[SiteSettings], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
        """What the figures of each site are made by: rules, settings and queries, then the table model."""
        version = model_version(self.warehouse.ddl_dialect)
        return {s.site_id: f"{fingerprint(rows, [s])}-{version}" for s in sites}

    def _later_id(self, owner: str, sites: Sequence[SiteSettings]) -> str:
        """An id that sorts after every complete run: a clock set back must not hide what this run changes from the next one."""
        newest = max((self.ledger.last_complete(s.site_id).get("refresh_id", "") for s in sites), default="")
        if owner > newest:
            return owner
        return uuid7(from_millis(int(newest[:8] + newest[9:13], 16) + 1), self.randomness())

    def _table_statements(self, is_new_model: bool) -> list[str]:
        create = create_statements(self.warehouse.ddl_dialect, self.marts_location)
        return [*drop_statements(), *create] if is_new_model else create

    def _start(self, state: State, now: datetime) -> State:
        """Start the statement of the first part that is left, or go on to the next step or site."""
        while not state["parts"]:
            state = self._next_step(state, now)
            if state["status"] in ("complete", "failed"):
                return state
        part = state["parts"][0]
        # The same start asked for twice (a call repeated by AWS) is one query; a run that took over asks anew.
        asked = [state["owner"], state["refresh_id"], state["site"], state["step"], part, len(state["parts"])]
        token = hashlib.sha256(orjson.dumps(asked)).hexdigest()
        sql, state = self._sql(state, part), {**state, "asked_at": lake_text(now)}
        if self.warehouse.ddl_dialect in left_over.RUNS_UNSEEN:
            self.ledger.save_run(state)
        return {**state, "query_id": self.warehouse.start(sql, token), "status": "running", "wait_seconds": 1}

    def _sql(self, state: State, part: Part) -> str:
        if state["site"] == TABLES:
            return self._table_statements(state["is_new_model"])[part["table"]]
        if state["site"] == len(state["sites"]):
            if "view" in part:
                return view_statements(self.sites())[part["view"]]
            return upkeep_statements(self.warehouse.ddl_dialect)[part["table"]]
        return STEPS[state["step"]].statement(self._work(state), part)

    def _after_query(self, state: State, now: datetime) -> State:
        part, *left = state["parts"]
        state = {**state, "query_id": None, "asked_at": None, "parts": left, "status": "next", "wait_seconds": 0}
        if 0 <= state["site"] < len(state["sites"]):
            more = STEPS[state["step"]].again(self._work(state), part)
            if more is not None:
                return {**state, "parts": [more, *left]}
        return state if left else self._next_step(state, now)

    def _next_step(self, state: State, now: datetime) -> State:
        place = state["site"]
        if place == TABLES:
            self.ledger.complete(TABLE_MODEL, {"version": model_version(self.warehouse.ddl_dialect)})
        elif place == len(state["sites"]):
            if state.get("views"):
                self.ledger.complete(BI_VIEWS, {"version": state["views"]})
            return self._end(state, now)
        elif state["step"] + 1 < len(STEPS):
            state = {**state, "step": state["step"] + 1}
            return {**state, "parts": STEPS[state["step"]].plan(self._work(state)), "status": "next", "wait_seconds": 0}
        else:
            complete_site(self.ledger, self._work(state), state, now)
        return self._enter(state, place + 1, now)

    def _enter(self, state: State, place: int, now: datetime) -> State:
        """Go to a site's first step, or after the last site to the upkeep of the tables, when it is due."""
        state = {**state, "site": place, "step": 0, "parts": [], "status": "next", "wait_seconds": 0}
        if place < len(state["sites"]):
            begin_site(self.ledger, state["sites"][place], state)
            try:
                return {**state, "parts": STEPS[0].plan(self._work(state))}
            except WarehouseBusy:
                raise
            except (WarehouseError, SettingsError, ValueError) as error:
                return self._leave(state, str(error), now)
        views = views_version(self.sites(), model_version(self.warehouse.ddl_dialect))
        is_new = self.ledger.last_complete(BI_VIEWS).get("version") != views
        parts = [{"view": n} for n in range(len(view_statements(self.sites())))] if is_new else []
        kept = self.ledger.last_complete(UPKEEP).get("at")
        is_due = kept is None or now - from_lake_text(kept) >= UPKEEP_EVERY
        if is_due:
            self.ledger.complete(UPKEEP, {"at": lake_text(now)})
        statements = upkeep_statements(self.warehouse.ddl_dialect) if is_due and kept is not None else []
        parts += [{"table": n} for n in range(len(statements))]
        return {**state, "parts": parts, "views": views if is_new else ""} if parts else self._end(state, now)

    def _end(self, state: State, now: datetime) -> State:
        self.ledger.release(state["owner"])
        kept = {name: state[name] for name in ("refresh_id", "bytes_scanned", "failed")}
        completed = len(state["sites"]) - len(state["failed"])
        told = {"wait_seconds": 0, "completed": completed, **kept}
        if not state["failed"]:
            return {"status": "complete", **told}
        message = "; ".join(f"{site}: {reason}" for site, reason in state["failed"].items())
        return {"status": "failed", "message": f"not refreshed: {message}"[:4000], **told}

    def _work(self, state: State) -> Work:
        site_id = state["sites"][state["site"]]
        site = next((s for s in self.sites() if s.site_id == site_id), None)
        if site is None:
            raise SettingsError(f"the settings of {site_id} vanished while it was refreshed; the next refresh begins without them")
        last = self.ledger.last_complete(site_id)
        is_same = last.get("fingerprint") == state["fingerprints"][site_id]
        first = FIRST_ARRIVAL
        if is_same:
            overlap = datetime.strptime(last["last_arrival"], "%Y/%m/%d").replace(tzinfo=None) - OVERLAP
            first = f"{overlap:%Y/%m/%d}"
        since = last["refresh_id"] if is_same else ""
        restated = *compared(last, state["fingerprints"][site_id], site), from_lake_text(state["started_at"])
        return Work(self.warehouse, site, state["refresh_id"], since, first, state["last_arrival"], *restated)


def encode_rule(table: str, row: Mapping[str, Any]) -> bytes:
    """One row of a rule table as a JSON line."""
    return encode(next(k for k in RULE_TABLES if k.name == table), row)
