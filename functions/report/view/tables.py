"""Tables that the page shows by one macro (templates/tables.html.j2): columns, rows of cells, a total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

View = dict[str, Any]
Cells = Mapping[str, View]


def cell(text: str, tone: str = "", small: str = "", small_tone: str = "", pill: str = "") -> View:
    """One cell: its figure and the tone of it, a line under it with its own, or a verdict's pill."""
    return {"text": text, "tone": tone, "small": small, "small_tone": small_tone, "pill": pill}


def row(name: str, cells: Cells, colour: str = "", note: str = "", group: str = "") -> View:
    """One row under its name; `note` stands under the name, `group` is the name of those that begin with it."""
    return {"name": name, "cells": cells, "colour": colour, "note": note, "group": group}


def table(
    name: str, columns: Iterable[tuple[str, str]], rows: Sequence[View], total: View | None = None, texts: Iterable[str] = ()
) -> View:
    """`columns` are (key, shown name), `texts` the keys of those that hold words; `name` stands over the first one."""
    return {"name": name, "columns": list(columns), "rows": list(rows), "total": total, "texts": frozenset(texts)}


def columns_of(words: Mapping[str, Any], keys: Iterable[str]) -> list[tuple[str, str]]:
    """Columns with their names of the reader's language."""
    return [(key, str(words[key])) for key in keys]
