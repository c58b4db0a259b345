"""`skvoz attribute`: attribution of anybody's CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.attribute.run import MODELS, TRANSFORMS
from infra.attribute.run import attribute as run
from shared.errors import BadInput


def attribute(
    touches: Annotated[Path, typer.Option(help="CSV: event_id, customer_id, touch_tstamp, channel [, campaign, source, medium]")],
    conversions: Annotated[Path, typer.Option(help="CSV: event_id, customer_id, conversion_tstamp, revenue")],
    out: Annotated[Path, typer.Option(help="folder for the tables")],
    spend: Annotated[Path | None, typer.Option(help="CSV: channel, spend")] = None,
    models: Annotated[str, typer.Option(help=f"all, or some of: {', '.join(MODELS)}")] = "all",
    lookback_days: Annotated[int, typer.Option(min=0, max=400, help="touches at most this many days before, by date")] = 90,
    path_transform: Annotated[str, typer.Option(help="none, or exposure (repeats of a channel in a row count once)")] = "none",
) -> None:
    """Attribute conversions to the touches before them: paths, credits, channels, campaigns as CSV."""
    if path_transform not in TRANSFORMS:
        raise BadInput(f"there is no path transform {path_transform}; choose from {', '.join(TRANSFORMS)}")
    chosen = [m.strip() for m in models.split(",") if m.strip()]
    done = run(touches, conversions, out, spend=spend, models=chosen, lookback_days=lookback_days, transform=path_transform)
    for name, rows in done.rows.items():
        print(f"{out / name}.csv  {rows} rows")
    if done.pathless:
        print(
            f"{done.pathless} conversions (revenue {done.pathless_revenue}) have no touch within {lookback_days} days: "
            "their path is empty, no channel gets them"
        )
