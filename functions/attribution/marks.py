"""What the ledger is told of a site: that a run begins to rewrite it, and that one has completed it."""

from __future__ import annotations

from datetime import datetime

from functions.attribution.ledger import Ledger
from functions.attribution.standing import State
from functions.attribution.statements import render
from functions.attribution.work import Work
from shared.times import lake_text


def begin_site(ledger: Ledger, site_id: str, state: State) -> None:
    """What is rewritten by other rules follows the old ones no more: should this run be given up and the rules be changed back, the
    next one makes everything anew all the same."""
    ledger.begin(site_id, state["refresh_id"])
    last = ledger.last_complete(site_id)
    if last and last["fingerprint"] != state["fingerprints"][site_id]:
        ledger.complete(site_id, {**last, "fingerprint": f"left-{last['fingerprint'].rpartition('-')[2]}"})


def complete_site(ledger: Ledger, work: Work, state: State, now: datetime) -> None:
    """From now on reports read what the run made."""
    before = ledger.last_complete(work.site.site_id)
    if before.get("refresh_id") == state["refresh_id"]:
        return  # the process died right after it had said so
    data_to = work.ask(render("data_to"))["data_to"]
    ledger.complete(
        work.site.site_id,
        {
            "refresh_id": state["refresh_id"],
            "started_at": state["started_at"],
            "completed_at": lake_text(now),
            "data_to": lake_text(data_to) if data_to else before.get("data_to", state["started_at"]),
            "last_arrival": state["last_arrival"],
            "fingerprint": state["fingerprints"][work.site.site_id],
        },
    )
