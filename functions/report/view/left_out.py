"""What made no visit, and marks that no rule knows, as rows for page and workbook; a word of each for the mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.view.formats import Formats, clean

MOST_NAME = 60
MOST_ON_PAGE = 20
View = dict[str, Any]
Words = Mapping[str, Any]


def left_out_rows(quality: Mapping[str, Any], formats: Formats, words: Words) -> list[View]:
    """One row a reason, most hits first: its name, how many hits, and how they are told."""
    excluded = quality["hits"]["excluded"]
    ordered = sorted(excluded.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {"name": left_out_name(reason, words), "hits": formats.count(hits), "how": words["left_out"].get(reason, ("", ""))[1]}
        for reason, hits in ordered
    ]


def left_out_name(reason: str, words: Words) -> str:
    """A reason by its name."""
    return str(words["left_out"][reason][0]) if reason in words["left_out"] else clean(reason, MOST_NAME)


def unknown_rows(quality: Mapping[str, Any], formats: Formats, most: int = MOST_ON_PAGE) -> View:
    """The first rows of values that no rule knows, and how many more there are."""
    told = quality["unknown_values"]
    rows = [
        {
            "parameter": row["parameter"],
            "value": clean(row["value"], MOST_NAME),
            "visits": formats.count(row["visits"]),
            "is_new": row["is_new"],
        }
        for row in told["values"][:most]
    ]
    left = told["total"] - len(rows)
    return {"rows": rows, "left": formats.count(left) if left else ""}


def unknown_text(row: Mapping[str, Any], words: Words) -> str:
    """A value in one line: `utm_medium «promopost»: 44, новое`."""
    text = words["unknown"]["value" if not row["is_new"] else "new_value"]
    return str(text.format(parameter=row["parameter"], value=row["value"], visits=row["visits"]))
