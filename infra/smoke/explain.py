"""Explains statements at an engine, some at once: what it says of each, in the order asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from infra.smoke.statements import Statement
from shared.errors import WarehouseBusy, WarehouseError
from shared.warehouse import Warehouse

# Plans of all stages, which counts them as well: Athena refuses more than 150. Nothing is read and nothing written.
EXPLAIN = "EXPLAIN (TYPE DISTRIBUTED)\n"
AT_ONCE = 5  # leaves most of Athena's places to the refresh
POLL_SECONDS = 1.0
MOST_POLLS = 240  # of one statement


class Answer(NamedTuple):
    """`words` are the engine's, empty where it understands the statement."""

    statement: Statement
    words: str


def explained(warehouse: Warehouse, statements: Iterable[Statement], sleep: Callable[[float], None]) -> list[Answer]:
    """One EXPLAIN for each. An engine that does not answer ends it (WarehouseBusy): the rest would not fare better."""
    waiting, running = deque(statements), deque[tuple[Statement, str, int]]()
    answers: list[Answer] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            statement = waiting.popleft()
            try:
                running.append((statement, warehouse.start(EXPLAIN + statement.sql), 0))
            except WarehouseBusy:
                raise
            except WarehouseError as error:
                answers.append(Answer(statement, error.message))
        is_any_done = False
        for _ in range(len(running)):
            statement, query_id, polls = running.popleft()
            words, query_id = _asked(warehouse, query_id, polls)
            if words is None:
                running.append((statement, query_id, polls + 1))
            else:
                is_any_done = True
                answers.append(Answer(statement, words))
        if running and not is_any_done:
            sleep(POLL_SECONDS)
    return answers


def _asked(warehouse: Warehouse, query_id: str, polls: int) -> tuple[str | None, str]:
    """The engine's words when the query has ended, else None; and the id to ask for next."""
    try:
        query = warehouse.poll(query_id)
    except WarehouseBusy:
        raise
    except WarehouseError as error:
        return error.message, query_id
    if query.is_done:
        return "", query_id
    following = query.query_id or query_id
    if polls < MOST_POLLS:
        return None, following
    warehouse.cancel(following)
    return f"not explained after {MOST_POLLS * POLL_SECONDS:.0f} s, stopped (query {following})", following


def table_of(answers: Sequence[Answer]) -> list[tuple[str, int, list[str]]]:
    """(file or step, statements it is in, the engine's words about them), sorted; words name the step that sends the statement."""
    rows: dict[str, list[Answer]] = {}
    for answer in answers:
        for name in answer.statement.files or (f"step {answer.statement.what}",):
            rows.setdefault(name, []).append(answer)
    told = {name: sorted({f"{a.statement.what}: {a.words}" for a in found if a.words}) for name, found in rows.items()}
    return [(name, len(rows[name]), told[name]) for name in sorted(rows)]
