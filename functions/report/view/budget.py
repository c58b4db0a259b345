"""What the budget calculator knows of each channel, as texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from functions.report.marts.budget import LEAST_SALES, LEAST_WEEKS
from functions.report.view import tables
from functions.report.view.formats import EMPTY, Formats
from functions.report.view.names import Names

COLUMNS = ("weeks", "spend_now", "sales_now", "more", "next_sale_price", "b", "says")
MORE = 1.2
View = dict[str, Any]
Row = Mapping[str, Any]


def budget_view(figures: Mapping[str, Any], formats: Formats, names: Names) -> View:
    """A table of channels; `none` says that there are no weeks to learn from."""
    told, say = figures["budget"], names.words["budget"]
    if told["first_week"] is None or not told["channels"]:
        return {"none": say["none"], "note": "", "table": None}
    rows = [
        tables.row(names.channel(row["channel"]), _cells(row, told["z"], formats, say), names.channel_colour(row["channel"]))
        for row in told["channels"]
    ]
    days = {end: formats.short_day(date.fromisoformat(told[f"{end}_week"])) for end in ("first", "last")}
    table = tables.table(say["name"], tables.columns_of(say["columns"], COLUMNS), rows, texts=("says",))
    return {"none": "", "note": say["note"].format(**days), "table": table}


def expected(row: Row, cost: float, z: float) -> tuple[float, float, float]:
    """Weekly sales at that weekly cost: what to expect, and the ends of the 90 % interval."""
    x = math.log(cost)
    centre = row["a"] + row["b"] * x
    (aa, ab), (_, bb) = row["cov"]
    half = z * math.sqrt(max(aa + 2 * x * ab + x * x * bb, 0.0))
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)


def says(row: Row, formats: Formats, say: Mapping[str, Any]) -> str:
    """What is known of a channel: the weeks behind its fit, or why there is none."""
    if not row["is_fit"]:
        return str(say["why"][row["why"]].format(weeks=LEAST_WEEKS, sales=LEAST_SALES)) + "."
    ends = {"least": formats.money(row["least_cost"]), "most": formats.money(row["most_cost"])}
    told = [say["fit"].format(weeks=row["weeks"], **ends)]
    told += [say["capped"]] * row["is_capped"]
    told += [say["stopped"]] * (not row["spend_now"])
    told += [say["beyond"]] * (row["spend_now"] * MORE > row["most_cost"])
    return "; ".join(told) + "."


def _cells(row: Row, z: float, formats: Formats, say: Mapping[str, Any]) -> View:
    cells = {
        "weeks": tables.cell(formats.count(row["weeks"])),
        "spend_now": tables.cell(formats.amount(row["spend_now"])),
        "sales_now": tables.cell(formats.decimal(row["sales_now"], 1)),
        "says": tables.cell(says(row, formats, say)),
    }
    nothing = {name: tables.cell(EMPTY, "none") for name in ("more", "next_sale_price", "b")}
    if not row["is_fit"]:
        return {**cells, **nothing}
    b = tables.cell(formats.decimal(row["b"], 2))
    if not row["spend_now"]:
        return {**cells, **nothing, "b": b}
    _, *now = expected(row, row["spend_now"], z)
    more, *then = expected(row, row["spend_now"] * MORE, z)
    return {
        **cells,
        "sales_now": tables.cell(formats.decimal(row["sales_now"], 1), small=_interval(now, formats, say)),
        "more": tables.cell(formats.decimal(more, 1), small=_interval(then, formats, say)),
        "next_sale_price": tables.cell(
            formats.amount(row["next_sale_price"]), small=_prices(row["next_sale_interval"], formats, say)
        ),
        "b": b,
    }


def _interval(ends: list[float], formats: Formats, say: Mapping[str, Any]) -> str:
    return str(say["interval"].format(low=formats.decimal(ends[0], 1), high=formats.decimal(ends[1], 1)))


def _prices(ends: list[float], formats: Formats, say: Mapping[str, Any]) -> str:
    return str(say["interval"].format(low=formats.amount(ends[0]), high=formats.amount(ends[1])))
