"""What an engine says when a query fails → what happened and what to do, for the person who must act.

Athena and Trino share the names (`SYNTAX_ERROR: …`, `EXCEEDED_TIME_LIMIT`), so one table serves both.
"""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """`marks` are looked for in the engine's words, upper-cased; the first advice that hits is given."""

    marks: tuple[str, ...]
    what: str
    what_to_do: str


_DRIFT = "deploy one version of the statements and the tables, then run the refresh, which makes the tables anew"
_OURS = "report it with the query id: no input may cause this"
_WAITS = "nothing of it was written, and the site's next report waits for a complete refresh"

ADVICE = (
    Advice(
        ("BYTES SCANNED LIMIT",),
        f"the guard against a large AWS bill stopped the query, which wanted to read more than MostBytesPerQuery allows; {_WAITS}",
        "if the data have simply grown, or a whole history is read for the first time, raise the parameter MostBytesPerQuery of the"
        " stack (100 GiB more let one query cost about $0.50 more) and start the refresh; if it came overnight, look first for what"
        " sends so many records",
    ),
    Advice(
        ("EXHAUSTED RESOURCES", "EXCEEDED_MEMORY", "EXCEEDED_LOCAL_MEMORY", "EXCEEDED_GLOBAL_MEMORY"),
        f"the query needs more memory than the engine gives it; {_WAITS}",
        "the next refresh tries it again by itself; if it fails again, give the engine more (Athena: provisioned capacity for the"
        " work group, Trino: query.max-memory), or shorten attribution.lookback_days in the site's settings",
    ),
    Advice(
        ("QUERY TIMEOUT", "EXCEEDED_"),
        f"the query was stopped because it took longer than it may; {_WAITS}",
        "the next refresh tries it again by itself; if it happens every time, look whether other queries keep the engine busy, then"
        " let it run longer (Athena: the quota DML query timeout, Trino: its limits of time)",
    ),
    Advice(
        ("TOO_MANY_OPEN_PARTITIONS",),
        "the statement writes more days than the engine takes at once",
        "Trino: set iceberg.max-partitions-per-writer to 100 or more; on Athena report it with the query id",
    ),
    Advice(
        ("ICEBERG_COMMIT_ERROR", "TRANSACTION_CONFLICT"),
        "another query changed the same table at the same time",
        "run it again; nothing was written",
    ),
    Advice(
        ("ACCESS_DENIED", "ACCESSDENIED", "ACCESS DENIED", "INSUFFICIENT PERMISSIONS", "PERMISSION_DENIED"),
        "the engine was not allowed to read or write something",
        "give the role of the function (or the user of Trino) the right that is named, on the lake and on the catalog",
    ),
    Advice(
        ("HIVE_BAD_DATA", "HIVE_CURSOR_ERROR"),
        "a file in the lake cannot be read",
        "take the named file out of raw/ (keep a copy), run the refresh, and report what wrote it",
    ),
    Advice(("WORKGROUP",), "the work group is missing or switched off", "compare WORKGROUP of the function with the stack"),
    Advice(
        ("SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND"),
        "the database does not exist",
        "run the refresh once, or compare DATABASE of the function with the stack",
    ),
    Advice(("TABLE_NOT_FOUND",), "a table does not exist", _DRIFT),
    Advice(("COLUMN_NOT_FOUND", "CANNOT BE RESOLVED"), "a column does not exist", _DRIFT),
    Advice(("DOES NOT EXIST",), "a table does not exist", _DRIFT),
    Advice(("TOO_MANY_STAGES", "TOO MANY STAGES"), "the statement has more stages than the engine plans (150)", _OURS),
    Advice(("TYPE_MISMATCH",), "the statement and the tables do not fit", _DRIFT),
    Advice(("SYNTAX_ERROR", "MISMATCHED INPUT"), "the engine does not understand the statement", _OURS),
    Advice(("DIVISION_BY_ZERO",), "the statement divided by zero", _OURS),
    Advice(("INVALID_CAST",), "a value has not the form that its column promises", _OURS),
    Advice(("NO_NODES_AVAILABLE", "SERVER_STARTING_UP"), "the engine is not ready", "run it again in a minute"),
    Advice(("INTERNAL",), "the engine itself failed", "run it again; if it fails again, ask the engine's owner with the query id"),
)
_UNKNOWN = Advice((), "the query failed", "read the reason; run it again if it sounds like a passing trouble")


def explain(query_id: str, reason: str, bytes_scanned: int = 0) -> str:
    """One message: what happened to the query, what to do, and the engine's own words. `query_id` may be empty.

    `bytes_scanned`: what it had read, where an engine counts it.
    """
    upper = reason.upper()
    advice = next((a for a in ADVICE if any(mark in upper for mark in a.marks)), _UNKNOWN)
    read = f", {bytes_scanned / 2**30:,.1f} GiB read" if bytes_scanned >= 2**30 / 20 else ""
    which = f" (query {query_id}{read})" if query_id else ""
    return f"{advice.what}{which}. What to do: {advice.what_to_do}. The engine said: {reason or 'nothing'}"
