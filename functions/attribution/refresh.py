"""The refresh: one function called again and again until the marts are complete.

`advance(state)` does one thing (begin, poll a query, start the next one, finish) and says what comes next. Step Functions waits
between the calls, the local stack calls it in a loop; both pass its own output back in. A single writer by a lock with a lease;
where it stands is kept in the ledger, so a run that died goes on where it stopped, under the same refresh id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from functions.attribution.rules import RULE_TABLES, fingerprint, rule_rows
from functions.attribution.statements import create_table
from functions.attribution.steps import STEPS, Work
from functions.attribution.tables import MARTS, TOUCHES_VIEW
from functions.attribution.working_tables import WORKING
from shared.errors import SettingsError
from shared.ids import uuid7
from shared.records import encode
from shared.settings import SiteSettings
from shared.times import from_millis, lake_text
from shared.warehouse import Warehouse

State = dict[str, Any]

LEASE = timedelta(minutes=20)
POLL_SECONDS = 5
FIRST_ARRIVAL = "2026/01/01"  # nothing can have arrived before: the range of the raw tables' partitions begins here
OVERLAP = timedelta(days=2)
TABLE_MODEL = "*"  # in the ledger, beside the sites: the version of the table model that the marts have


class Ledger(Protocol):
    """What outlives a run: the lock, where the run stands, and the last complete run of each site."""

    def acquire(self, owner: str, now: datetime, until: datetime) -> bool:
        """Take or prolong the lock. False while another owner's lease runs."""
        ...

    def release(self, owner: str) -> None:
        """Give the lock back; nothing happens when it is somebody else's by now."""
        ...

    def load_run(self) -> State | None:
        """Where an unfinished run stands."""
        ...

    def save_run(self, state: State | None) -> None:
        """Remember where the run stands; None when it is complete."""
        ...

    def last_complete(self, site_id: str) -> Mapping[str, str]:
        """refresh_id, completed_at, data_to, last_arrival, fingerprint of the site's last complete run; empty before any."""
        ...

    def complete(self, site_id: str, run: Mapping[str, str]) -> None:
        """Mark a run of a site complete: from now on reports read it."""
        ...


@dataclass(frozen=True)
class Refresh:
    """Everything a refresh needs; `sites` reads the published settings, `marts_location` is where Athena keeps the marts."""

    warehouse: Warehouse
    ledger: Ledger
    sites: Callable[[], Sequence[SiteSettings]]
    marts_location: str
    randomness: Callable[[], bytes]

    def advance(self, state: State, now: datetime) -> State:
        """One move. `status`: running (wait and call again), next (call again), complete. Raises what went wrong."""
        if "refresh_id" not in state:
            return self._begin(now)
        if not self.ledger.acquire(state["owner"], now, now + LEASE):
            return {"status": "complete", "wait_seconds": 0, "note": "another refresh has taken over"}
        if state.get("query_id"):
            query = self.warehouse.poll(state["query_id"])
            if not query.is_done:
                return {**state, "status": "running", "wait_seconds": POLL_SECONDS}
            state = self._after_query({**state, "bytes_scanned": state["bytes_scanned"] + query.bytes_scanned}, now)
        else:
            state = self._start(state, now)
        self.ledger.save_run(None if state["status"] == "complete" else state)
        return state

    def _begin(self, now: datetime) -> State:
        owner = uuid7(now, self.randomness())
        if not self.ledger.acquire(owner, now, now + LEASE):
            return {"status": "complete", "wait_seconds": 0, "note": "another refresh is running"}
        left = self.ledger.load_run()
        if left is not None and {*left["sites"]} <= {s.site_id for s in self.sites()}:
            # A run died. What it had started is started anew, and may have been done: nothing is "first" any more.
            parts = [{**part, "is_first": False} if "is_first" in part else part for part in left["parts"]]
            return {**left, "owner": owner, "parts": parts, "query_id": None, "status": "next", "wait_seconds": 0}
        sites = list(self.sites())
        rows = rule_rows(sites)
        for kind in RULE_TABLES:
            self.warehouse.write_rules(kind.name, [encode_rule(kind.name, row) for row in rows[kind.name]])
        ddl = create_statements(self.warehouse.ddl_dialect, self.marts_location)
        version = hashlib.sha256("\n".join(ddl).encode()).hexdigest()[:16]
        is_same_model = self.ledger.last_complete(TABLE_MODEL).get("version") == version
        state: State = {
            "refresh_id": self._later_id(owner, sites),
            "owner": owner,
            "started_at": lake_text(now),
            "last_arrival": f"{now:%Y/%m/%d}",
            "sites": [s.site_id for s in sites],
            "fingerprints": {s.site_id: f"{fingerprint(rows, [s])}-{version}" for s in sites},
            "tables": version,
            "site": -1,  # -1: making the tables anew, when the table model is another than the last time
            "step": 0,
            "parts": [] if is_same_model else [{"table": n} for n in range(len(drop_statements()) + len(ddl))],
            "query_id": None,
            "bytes_scanned": 0,
            "status": "next",
            "wait_seconds": 0,
        }
        self.ledger.save_run(state)
        return state

    def _later_id(self, owner: str, sites: Sequence[SiteSettings]) -> str:
        """An id that sorts after every complete run: a clock set back must not hide what this run changes from the next one."""
        newest = max((self.ledger.last_complete(s.site_id).get("refresh_id", "") for s in sites), default="")
        if owner > newest:
            return owner
        return uuid7(from_millis(int(newest[:8] + newest[9:13], 16) + 1), self.randomness())

    def _start(self, state: State, now: datetime) -> State:
        """Start the statement of the first part that is left, or go on to the next step or site."""
        while not state["parts"]:
            state = self._next_step(state, now)
            if state["status"] == "complete":
                return state
        part = state["parts"][0]
        if state["site"] < 0:
            ddl = [*drop_statements(), *create_statements(self.warehouse.ddl_dialect, self.marts_location)]
            sql = ddl[part["table"]]
        else:
            sql = STEPS[state["step"]].statement(self._work(state), part)
        return {**state, "query_id": self.warehouse.start(sql), "status": "running", "wait_seconds": 1}

    def _after_query(self, state: State, now: datetime) -> State:
        part, *left = state["parts"]
        state = {**state, "query_id": None, "parts": left, "status": "next", "wait_seconds": 0}
        if state["site"] >= 0:
            more = STEPS[state["step"]].again(self._work(state), part)
            if more is not None:
                return {**state, "parts": [more, *left]}
        return state if left else self._next_step(state, now)

    def _next_step(self, state: State, now: datetime) -> State:
        if state["site"] < 0:
            self.ledger.complete(TABLE_MODEL, {"version": state["tables"]})
            state = {**state, "site": 0, "step": 0}
        elif state["step"] + 1 < len(STEPS):
            state = {**state, "step": state["step"] + 1}
        else:
            self._complete_site(state, now)
            state = {**state, "site": state["site"] + 1, "step": 0}
        if state["site"] >= len(state["sites"]):
            self.ledger.release(state["owner"])
            return {
                "status": "complete",
                "wait_seconds": 0,
                "refresh_id": state["refresh_id"],
                "bytes_scanned": state["bytes_scanned"],
            }
        return {**state, "parts": STEPS[state["step"]].plan(self._work(state)), "status": "next", "wait_seconds": 0}

    def _complete_site(self, state: State, now: datetime) -> None:
        work = self._work(state)
        data_to = work.ask(_DATA_TO)["data_to"]
        before = self.ledger.last_complete(work.site.site_id)
        self.ledger.complete(
            work.site.site_id,
            {
                "refresh_id": state["refresh_id"],
                "completed_at": lake_text(now),
                "data_to": lake_text(data_to) if data_to else before.get("data_to", state["started_at"]),
                "last_arrival": state["last_arrival"],
                "fingerprint": state["fingerprints"][work.site.site_id],
            },
        )

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
        return Work(self.warehouse, site, state["refresh_id"], last["refresh_id"] if is_same else "", first, state["last_arrival"])


_DATA_TO = """SELECT max(received_at) AS data_to FROM (
    SELECT max(received_at) AS received_at FROM hits WHERE site_id = :site_id AND refresh_id > :since_refresh
    UNION ALL SELECT max(received_at) FROM request_records WHERE site_id = :site_id
    UNION ALL SELECT max(received_at) FROM crm_events WHERE site_id = :site_id
) AS arrivals"""


def encode_rule(table: str, row: Mapping[str, Any]) -> bytes:
    """One row of a rule table as a JSON line."""
    return encode(next(k for k in RULE_TABLES if k.name == table), row)


def drop_statements() -> list[str]:
    """Marts are made of raw records alone, so another table model begins them anew instead of migrating them."""
    return ["DROP VIEW IF EXISTS touches", *(f"DROP TABLE IF EXISTS {table.name}" for table in (*WORKING, *MARTS))]


def create_statements(dialect: str, location: str) -> list[str]:
    """Statements that make every table and view of the marts where they are missing."""
    return [create_table(table, dialect, location) for table in (*WORKING, *MARTS)] + [TOUCHES_VIEW]
