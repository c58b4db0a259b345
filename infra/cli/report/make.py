"""`skvoz report --out DIR`: a report of any period into a folder, from a refreshed folder or from a stack. Nothing is sent."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import orjson
import typer

from functions.report.delivery.making import Maker, Report, Wanted
from functions.report.delivery.scope import as_told
from functions.report.figures import to_json
from functions.report.render import CHART_ID, LOGO_ID, Mail, mail, page
from functions.report.store import Ledger, Refresh
from infra.cli.crm.place import installation, sites_of
from infra.cli.files import read_settings
from infra.cli.lake import Now, now_of
from infra.cli.report.asked import Asked, period_asked, settings_as_asked
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger
from shared.aws import client, env
from shared.engines import engine
from shared.errors import BadInput
from shared.settings import published
from shared.times import from_lake_text
from shared.warehouse import Warehouse

FILES = {"xlsx": "report.xlsx", "json": "figures.json"}


class Place(NamedTuple):
    """Where the marts are, as the last complete refresh left them."""

    warehouse: Warehouse
    settings: Mapping[str, Any]
    refresh: Refresh


def report(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="folder for report.html, report.xlsx, mail.html, mail.txt and figures.json")
    ] = None,
    site: Annotated[str, typer.Option(help="site; may be left out with --settings")] = "",
    first: Annotated[str, typer.Option("--from", help="first day, for example 2026-10-01; default: the site's daily report")] = "",
    last: Annotated[str, typer.Option("--to", help="last day, included")] = "",
    model: Annotated[str, typer.Option(help="attribution model; default: the site's own")] = "",
    basis: Annotated[str, typer.Option(help="request, payment or touch: by which day results count; default: the site's own")] = "",
    language: Annotated[str, typer.Option(help="ru or en; default: the site's own")] = "",
    scope: Annotated[str, typer.Option(help="one of report.scopes: the report as its readers see it")] = "",
    lake: Annotated[Path | None, typer.Option(help="refreshed folder (skvoz refresh --lake)")] = None,
    settings: Annotated[list[Path] | None, typer.Option(help="settings file of the site, with --lake")] = None,
    stack: Annotated[str | None, typer.Option(help="name of the stack in AWS, instead of --lake")] = None,
    now: Now = None,
) -> None:
    """Render the report of a period into a folder, without sending anything."""
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise BadInput("give --out DIR, the folder for the report")
    if any(path.exists() and not path.is_dir() for path in (out, *out.parents)):
        raise BadInput(f"--out {out} is no folder, and none can be made there")
    asked, present = Asked(first, last, model, basis, language, scope), now_of(now)
    with _place(lake, settings, stack, site) as place:
        made, read = _made(place, asked, present)
    _write(made, out)
    period, totals = made.figures["period"], json.loads(to_json(made.figures["totals"]))
    print(json.dumps({"period": period, "model": made.figures["model"], "totals": totals}, indent=1))
    for section in made.extras.failed:
        print(f"the {section} could not be made; the log above says why")
    print(f"read: {read:,} bytes of the marts" if read else "read: the marts alone; this engine does not count bytes")
    print(f"written to {out}")


@contextmanager
def _place(lake: Path | None, files: list[Path] | None, stack: str | None, site: str) -> Iterator[Place]:
    if lake is not None:
        if stack is not None:
            raise BadInput("give --lake DIR or --stack NAME, not both")
        with _folder(lake, files or [], site) as place:
            yield place
    else:
        if files:
            raise BadInput("--settings FILE goes with --lake DIR; a stack has its own settings")
        if not site:
            raise BadInput("give --lake DIR and the --settings FILE of one site, or --stack NAME and --site SITE")
        with installation(stack, "FILES_BUCKET", "LAKE_BUCKET", "LEDGER_TABLE", "DATABASE", "WORKGROUP"):
            yield _of_stack(site)


@contextmanager
def _folder(lake: Path, files: list[Path], site: str) -> Iterator[Place]:
    if not files or (len(files) != 1 and not site):
        raise BadInput("give --lake DIR and the --settings FILE of one site")
    told = {one["site_id"]: one for one in (published(read_settings(path)) for path in files)}
    if site and site not in told:
        raise BadInput(f"there is no site {site} in these settings; there is {', '.join(told)}")
    settings = told[site] if site else next(iter(told.values()))
    last = FileLedger(lake / "marts" / "ledger.json").last_complete(settings["site_id"])
    if not last:
        named = " ".join(f"--settings {path}" for path in files)
        raise BadInput(f"{lake} has no complete refresh of {settings['site_id']}; run first: skvoz refresh --lake {lake} {named}")
    warehouse = DuckDbWarehouse(lake, lake / "marts" / "warehouse.duckdb")
    try:
        yield Place(warehouse, settings, _told(last))
    finally:
        warehouse.close()


def _told(last: Mapping[str, str]) -> Refresh:
    return Refresh(last["refresh_id"], from_lake_text(last["completed_at"]), from_lake_text(last["data_to"]))


def _of_stack(site: str) -> Place:
    settings, ledger = orjson.loads(sites_of(site)[site]), Ledger(client("dynamodb"), env("LEDGER_TABLE"))
    refresh = ledger.last_refresh(site)
    if refresh is None:
        raise BadInput(f"{site} has no complete refresh yet; run first: skvoz refresh --stack NAME")
    if ledger.is_between(site, refresh):
        raise BadInput(f"a refresh of {site} is under way, and its marts are half old, half new; try again when it is complete")
    return Place(engine(), settings, refresh)


def _made(place: Place, asked: Asked, now: datetime) -> tuple[Report, int]:
    """The report, and how many bytes its questions read (0 where the engine does not count)."""
    settings = settings_as_asked(place.settings, asked)
    wanted = Wanted("day", period_asked(settings, asked, now), asked.scope, settings["report"]["language"])
    before = place.warehouse.bytes_scanned
    with redirect_stdout(sys.stderr):  # logs and metrics of the functions
        made = Maker(place.warehouse, settings, place.refresh).make(wanted)
    return made, place.warehouse.bytes_scanned - before


def _write(made: Report, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written = mail(made.figures, made.settings, "", made.extras)
    snapshot = made.snapshot and made.snapshot._replace(is_hosted=False)  # opened from a folder
    (out / "report.html").write_text(page(made.figures, made.settings, made.extras, FILES, snapshot), encoding="utf-8")
    if made.extras.workbook:
        (out / "report.xlsx").write_bytes(made.extras.workbook)
    (out / "mail.html").write_text(_with_picture(written), encoding="utf-8")
    (out / "mail.txt").write_text(written.text, encoding="utf-8")
    (out / "figures.json").write_bytes(to_json(as_told(made.figures)))


def _with_picture(written: Mail) -> str:
    """The mail's HTML as a browser can show it: its pictures within, where a mail has them beside."""
    html = written.html
    for name, picture in ((CHART_ID, written.picture), (LOGO_ID, written.logo)):
        if picture is not None:
            html = html.replace(f"cid:{name}", f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    return html
