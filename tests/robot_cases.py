"""User agents with what they are, for every engine: tests/data/robots, and the question as one statement in Athena's dialect."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from shared.robots import cleaned_sql, is_robot, parameters
from shared.sql import bind, literal

DATA = Path(__file__).parent / "data/robots"
LIST = DATA / "crawler-user-agents.json"


def judged() -> list[tuple[str, bool]]:
    """Agents that were judged one by one, and whether each is a robot's."""
    lines = (DATA / "judged.tsv").read_text(encoding="utf-8").removesuffix("\n").split("\n")[1:]
    return [(agent, verdict == "robot") for verdict, agent in (line.split("\t") for line in lines)]


def sample(name: str) -> list[str]:
    """Agents of people.txt or bots_other.txt."""
    lines = (DATA / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [line.partition("\t")[2] for line in lines]


def listed() -> list[str]:
    """All agents that the published list gives as examples."""
    entries = json.loads(LIST.read_text(encoding="utf-8"))
    return [agent for entry in entries for agent in entry.get("instances", ())]


def everything() -> list[str]:
    """Every agent of the data, once, sorted: what engines must agree on."""
    return sorted({*sample("people.txt"), *sample("bots_other.txt"), *listed(), *(agent for agent, _ in judged())})


def question(agents: Iterable[str]) -> str:
    """A statement that asks an engine for each agent: rows of `agent`, `is_robot`."""
    text = cleaned_sql("agent")
    values = ", ".join(f"({literal(agent)})" for agent in agents)
    return bind(
        f"""SELECT agent, CASE
            WHEN agent = '' THEN TRUE
            WHEN regexp_like(agent, :plain_browser_pattern) THEN FALSE
            WHEN NOT regexp_like({text}, :browser_pattern) THEN TRUE
            ELSE regexp_like({text}, :robot_pattern)
        END AS is_robot FROM (VALUES {values}) AS agents (agent)""",
        parameters(),
    )


def differences(rows: Iterable[dict[str, object]]) -> list[str]:
    """Agents on which an engine's rows differ from Python."""
    return [str(row["agent"]) for row in rows if row["is_robot"] is not is_robot(str(row["agent"]))]
