"""`skvoz doctor`: what to mend, and where. It only reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from functions.report.recordings.fetch import resolved
from infra.cli.files import read_settings
from infra.doctor.gathering.folder import folder_facts
from infra.doctor.gathering.page import fetched
from infra.doctor.gathering.stack import stage_of
from infra.doctor.run import Round, Web, judged, of_stack
from infra.doctor.show import show, show_json
from infra.smoke.stack import find_stack, stack_name
from shared.aws import client
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.times import parse_instant

WEB = Web(fetched, resolved)


def doctor(
    stage: Annotated[str, typer.Option(help="stage of the stack, for example prod")] = "",
    stack: Annotated[str, typer.Option(help="name of the stack; default: what samconfig.toml says, else skvoz-STAGE")] = "",
    site: Annotated[str, typer.Option(help="only this site; default: all of them")] = "",
    page: Annotated[str, typer.Option(help="a page of the site: how its tracker reaches us, and what Safari does to it")] = "",
    lake: Annotated[Path | None, typer.Option(help="instead of a stack: folder that skvoz refresh works on")] = None,
    settings: Annotated[Path | None, typer.Option(help="with --lake: settings file of the site")] = None,
    now: Annotated[str | None, typer.Option(help="with --lake: take this as now; default: the latest arrival")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one line a finding")] = False,
) -> None:
    """Look an installation over: what is wrong or missing, worst first, and what to do. Ends with 1 when something is broken."""
    if bool(stage or stack) == (lake is not None):
        raise BadInput("give --stage STAGE (or --stack NAME), or --lake DIR and --settings FILE")
    if site and not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    found = _of_stage(stage, stack, site, page) if lake is None else _of_folder(lake, settings, now, page)
    (show_json if as_json else show)(found)
    if found.is_broken:
        raise typer.Exit(1)


def _of_stage(stage: str, stack: str, site: str, page: str) -> Round:
    found = find_stack(client, stack or stack_name(stage))
    told = stage_of(client, found.name)
    if stage and told not in ("", stage):
        raise BadInput(f"the stack {found.name} is of the stage {told}, not {stage}")
    return of_stack(client, found, stage or told, site, page, WEB, datetime.now(UTC))


def _of_folder(lake: Path, settings: Path | None, now: str | None, page: str) -> Round:
    if settings is None:
        raise BadInput("--lake needs --settings FILE of the site")
    if page:
        raise BadInput("--page goes with --stage: it is looked at together with the stack's address")
    try:
        present = parse_instant(now) if now else None
    except ValueError as error:
        raise BadInput(f"--now: {error}") from error
    return judged(None, [folder_facts(lake, read_settings(settings), present)])
