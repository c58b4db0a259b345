"""`skvoz attribute`: attribution of anybody's CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.attribute.ready_paths import PATH_MODELS
from infra.attribute.run import MODELS, TRANSFORMS, attribute_paths
from infra.attribute.run import attribute as run
from shared.errors import BadInput


def attribute(
    out: Annotated[Path, typer.Option(help="folder for the tables")],
    touches: Annotated[
        Path | None, typer.Option(help="CSV: event_id, customer_id, touch_tstamp, channel [, campaign, source, medium]")
    ] = None,
    conversions: Annotated[Path | None, typer.Option(help="CSV: event_id, customer_id, conversion_tstamp, revenue")] = None,
    paths: Annotated[
        Path | None, typer.Option(help=f"instead of both, CSV: path (A > B > C), conversions, revenue; {', '.join(PATH_MODELS)}")
    ] = None,
    spend: Annotated[Path | None, typer.Option(help="CSV: channel, spend")] = None,
    models: Annotated[str, typer.Option(help=f"all, or some of: {', '.join(MODELS)}")] = "all",
    lookback_days: Annotated[int, typer.Option(min=0, max=400, help="touches at most this many days before, by date")] = 90,
    path_transform: Annotated[str, typer.Option(help="none, or exposure (repeats of a channel in a row count once)")] = "none",
) -> None:
    """Attribute conversions to the touches before them: paths, credits, channels, campaigns as CSV."""
    if path_transform not in TRANSFORMS:
        raise BadInput(f"there is no path transform {path_transform}; choose from {', '.join(TRANSFORMS)}")
    chosen = [m.strip() for m in models.split(",") if m.strip()]
    if paths is not None and touches is None and conversions is None:
        rows = attribute_paths(paths, out, spend=spend, models=chosen)["channels"]
        print(f"{out / 'channels'}.csv  {rows} rows")
        return
    if paths is not None or touches is None or conversions is None:
        raise BadInput("give --touches and --conversions, or --paths alone")
    done = run(touches, conversions, out, spend=spend, models=chosen, lookback_days=lookback_days, transform=path_transform)
    for name, rows in done.rows.items():
        print(f"{out / name}.csv  {rows} rows")
    if done.pathless:
        print(
            f"{done.pathless} conversions (revenue {done.pathless_revenue}) have no touch within {lookback_days} days: "
            "their path is empty, no channel gets them"
        )
