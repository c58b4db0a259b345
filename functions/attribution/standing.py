"""Where a run of the refresh stands: the state that Step Functions hands back and the ledger keeps."""

from __future__ import annotations

from typing import Any

from functions.attribution.steps import STEPS

State = dict[str, Any]  # plain values only
TABLES = -1  # as a place in the list of sites: before the first one the tables are made, after the last one they are kept small


def place_of(state: State) -> dict[str, str]:
    """Site and step for the log; the work before the first site and after the last one belongs to none."""
    place = state["site"]
    if place == TABLES or place >= len(state["sites"]):
        return {"site": "", "step": "tables" if place == TABLES else "upkeep"}
    return {"site": state["sites"][place], "step": STEPS[state["step"]].name}
