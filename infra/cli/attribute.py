"""`skvoz attribute`: attribution of anybody's CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.attribute.options import FITS, OTHER_NAMES, READY_MODELS, TRANSFORMS, options, shares, transforms
from infra.attribute.out import Attributed
from infra.attribute.ready_paths import attribute_paths
from infra.attribute.run import attribute as run
from shared.attribution_settings import Attribution
from shared.errors import BadInput
from shared.models import MODELS

_Models = Annotated[list[str], typer.Option(help=f"all, or some of: {', '.join(MODELS)}", metavar="NAMES")]
_Transforms = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help=f"in this order, repeated or by commas: {', '.join(TRANSFORMS)}; also {', '.join(OTHER_NAMES)} (of direct)",
    ),
]


def attribute(
    out: Annotated[Path, typer.Option(help="folder for the tables")],
    touches: Annotated[
        Path | None, typer.Option(help="CSV: event_id, customer_id, touch_tstamp, channel [, campaign, source, medium]")
    ] = None,
    conversions: Annotated[Path | None, typer.Option(help="CSV: event_id, customer_id, conversion_tstamp, revenue")] = None,
    paths: Annotated[
        Path | None,
        typer.Option(help=f"instead of both, CSV: path (A > B > C), conversions [, value, nulls]; {', '.join(READY_MODELS)}"),
    ] = None,
    spend: Annotated[Path | None, typer.Option(help="CSV: channel, spend")] = None,
    models: _Models = ["all"],  # noqa: B006 (typer copies it)
    lookback_days: Annotated[
        int | None, typer.Option(min=0, max=400, help="touches at most this many days before, by date", show_default="90")
    ] = None,
    lookback_steps: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="only the last touches of a path", show_default="all")
    ] = None,
    exclude_channel: Annotated[list[str] | None, typer.Option(help="a channel that no path contains; repeatable")] = None,
    reset: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="a path begins after the customer's previous conversion: never, request, sale"),
    ] = None,
    path_transform: _Transforms = None,
    position: Annotated[
        str | None, typer.Option(metavar="A-B-C", help="first, middle, last; percent", show_default="40-20-40")
    ] = None,
    custom: Annotated[
        str | None, typer.Option(metavar="A-B-C", help="the same of the model custom", show_default="30-40-30")
    ] = None,
    half_life_days: Annotated[int | None, typer.Option(min=1, max=400, help="of time_decay", show_default="7")] = None,
    markov_order: Annotated[
        int | None, typer.Option(min=1, max=3, help="how many touches back markov and markov_path look", show_default="1")
    ] = None,
    significant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEDIUM",
            help="a medium that counts in last_significant; repeatable",
            show_default=", ".join(Attribution().significant_media),
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT", help=f"what markov, markov_path and marginal are fitted to: {' or '.join(FITS)}", show_default="all"
        ),
    ] = None,
) -> None:
    """Attribute conversions to the touches before them: paths, credits, channels, campaigns, removal effects as CSV.

    Every conversion is a sale; customers without one are what markov, markov_path and marginal compare with.
    """
    timed = {
        "lookback-days": lookback_days,
        "reset": reset,
        "half-life-days": half_life_days,
        "significant": significant,
        "fit": fit,
    }
    chosen = [name.strip() for part in models for name in part.split(",") if name.strip()]
    told = options(
        chosen,
        MODELS if paths is None else READY_MODELS,
        fit or "all",
        lookback_days=lookback_days,
        lookback_touches=lookback_steps,
        excluded_channels=exclude_channel,
        path_transforms=transforms(path_transform or []),
        reset_after=reset,
        position=shares("position", position),
        custom=shares("custom", custom),
        half_life_days=half_life_days,
        markov_order=markov_order,
        significant_media=significant,
    )
    if paths is not None and touches is None and conversions is None:
        if useless := [f"--{name}" for name, value in timed.items() if value not in (None, [])]:
            raise BadInput(f"ready paths have neither times nor media: leave out {', '.join(useless)}")
        _tell(out, attribute_paths(paths, out, told, spend), "no touch outside the excluded channels")
        return
    if paths is not None or touches is None or conversions is None:
        raise BadInput("give --touches and --conversions, or --paths alone")
    why = f"no touch within {told.site.attribution.lookback_days} days" + (
        " outside the excluded channels" if exclude_channel else ""
    )
    _tell(out, run(touches, conversions, out, told, spend), why)


def _tell(out: Path, done: Attributed, why: str) -> None:
    for name, rows in done.rows.items():
        print(f"{out / name}.csv  {rows} rows")
    if done.not_met:
        print(f"no touch has the excluded channel {', '.join(done.not_met)}")
    if done.pathless:
        lost = f"{done.pathless:.15g} conversions (revenue {done.pathless_revenue})"
        print(f"{lost} have {why}: their path is empty, no channel gets them")
