"""Which functions our SQL may call: those that Athena's engine version 3 documents.

Its reference hands on to the chapters of Trino's (aggregate, array, comparison, conditional, conversion, date and time, JSON,
mathematical, regular expressions, string, URL, window). A new function needs a look there; Athena is close to Trino, not Trino.
"""

from __future__ import annotations

import re

ATHENA_FUNCTIONS = frozenset(
    """
    abs array_agg array_join bool_and bool_or cast chr coalesce count date_add date_diff date_format date_trunc element_at
    first_value floor json_extract_scalar lag last_value lead least length lower lpad max max_by md5 min min_by minute nullif power
    regexp_extract regexp_like regexp_replace replace round row_number sequence split split_part strpos substr sum to_hex to_utf8
    translate trim upper url_decode with_timezone
    """.split()  # noqa: SIM905 (forty quoted names would be harder to read)
)
_WORDS = frozenset(
    """
    and as by distinct else exists filter from in insert join lateral not on or over select sets then union unnest using values when
    where
    """.split()  # noqa: SIM905
)
_SILENT = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\{\w+\}|:\w+")
_CALL = re.compile(r"(?<!\bas )(?<!\binto )\b([a-z_]\w*)\s*\(")  # after AS and INTO stand names and types


def called(sql: str) -> set[str]:
    """Names of the functions that a statement, or a file of sql/, calls."""
    return set(_CALL.findall(" ".join(_SILENT.sub(" ", sql).lower().split()))) - _WORDS
