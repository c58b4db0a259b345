"""The tables of `skvoz attribute` as CSV files, and what the channels cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from infra.attribute.files import amount, filled, load, write_csv
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import BadInput
from shared.warehouse import Row

TOTALS = ("conversions", "revenue", "spend", "roas")
EFFECTS = ("channel", "removal_effect", "share", "conversions", "revenue", "markov_order")


class Brought(NamedTuple):
    """What a model gives a channel."""

    conversions: float
    revenue: Decimal


class Attributed(NamedTuple):
    """Rows of each file written; conversions (and their revenue) without any touch that counts, which no channel gets; excluded
    channels that no touch has."""

    rows: dict[str, int]
    pathless: float
    pathless_revenue: Decimal
    not_met: list[str]


NOTHING = Brought(0.0, Decimal("0.00"))


def refuse_file(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; --out names a folder")


def load_spend(warehouse: DuckDbWarehouse, spend: Path | None) -> dict[str, Decimal | None]:
    """CSV with channel and spend → channel: the sum of its lines, None where no line has a figure. BadInput names wrong lines."""
    if spend is None:
        return {}
    load(warehouse.connection, "spend_in", spend, [filled("channel"), amount("spend")])
    sums = "SELECT channel, sum(nullif(trim(spend), '')::decimal(18, 2)) FROM spend_in GROUP BY channel"
    return dict(warehouse.connection.execute(sums).fetchall())


def write_channels(
    out: Path,
    models: Sequence[str],
    channels: Iterable[str],
    brought: Mapping[tuple[str, str], Brought],
    spend: Mapping[str, Decimal | None],
) -> int:
    """`channels.csv`: every model with every channel, also those that only cost; ROAS is empty without spend. Gives its rows."""
    rows = [
        {"model": model, "channel": channel, "conversions": got.conversions, "revenue": got.revenue, **_spent(channel, got, spend)}
        for model in sorted(models)
        for channel in sorted({*channels, *spend})
        for got in [brought.get((model, channel), NOTHING)]
    ]
    write_csv(out / "channels.csv", ("model", "channel", *TOTALS), rows)
    return len(rows)


def write_effects(out: Path, rows: Sequence[Row] | None, fit: str) -> dict[str, int]:
    """`removal_effects.csv`, with the month of each fit where there are several; gives its rows.

    None: no Markov model was asked for; the table of an earlier run, which would be taken for this one's, goes.
    """
    path = out / "removal_effects.csv"
    if rows is None:
        path.unlink(missing_ok=True)
        return {}
    write_csv(path, ("month", *EFFECTS) if fit == "month" else EFFECTS, rows)
    return {"removal_effects": len(rows)}


def _spent(channel: str, got: Brought, spend: Mapping[str, Decimal | None]) -> dict[str, object]:
    spent = spend.get(channel)
    return {"spend": spent, "roas": float(got.revenue) / float(spent) if spent else None}
