"""`skvoz refresh` and `skvoz report`: on a plain folder of raw records, or on a stack in AWS."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from functions.report.extras import extras_of
from functions.report.figures import build, to_json
from functions.report.marts.questions import ask, period_of
from functions.report.render import CHART_ID, Mail, mail, page
from infra.cli.files import read_settings
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger, refresh_folder
from shared.aws import client
from shared.errors import BadInput
from shared.settings import published
from shared.times import from_lake_text, parse_instant

Lake = Annotated[Path | None, typer.Option(help="folder with raw/<record kind>/…*.jsonl[.gz]; marts go to marts/ beside it")]
Settings = Annotated[list[Path] | None, typer.Option(help="settings file of a site; repeat for more sites")]
Stack = Annotated[str | None, typer.Option(help="name of the stack in AWS, instead of --lake")]
Now = Annotated[str | None, typer.Option(help="take this as now, for example 2026-11-01T09:00:00+03:00")]


def refresh(lake: Lake = None, settings: Settings = None, stack: Stack = None, now: Now = None) -> None:
    """Bring the marts up to date: in a folder (DuckDB), or by starting the stack's refresh."""
    if stack is not None:
        started = client("stepfunctions").start_execution(stateMachineArn=_resource(stack, "RefreshMachine"), input="{}")
        print(f"refresh started: {started['executionArn']}")
        return
    if lake is None or not settings:
        raise BadInput("give --lake DIR and --settings FILE, or --stack NAME")
    if not (lake / "raw").is_dir():
        raise BadInput(f"{lake} has no folder raw/; raw records lie in raw/hit/, raw/request/ and so on")
    sites = [read_settings(path) for path in settings]
    state = refresh_folder(lake, sites, _now(now), on_step=lambda name: print(f"  {name}", flush=True))
    if "note" in state:
        raise BadInput(f"nothing was refreshed: {state['note']}")
    print(f"refresh {state['refresh_id']} is complete; marts: {lake / 'marts'}/<table>.parquet")


def report(
    out: Annotated[Path, typer.Option(help="folder for report.html, report.xlsx, mail.html, mail.txt and figures.json")],
    lake: Lake = None,
    settings: Settings = None,
    now: Now = None,
) -> None:
    """Render the report of a refreshed folder, without sending anything."""
    if lake is None or not settings or len(settings) != 1:
        raise BadInput("give --lake DIR and the --settings FILE of one site")
    site = published(read_settings(settings[0]))
    last = FileLedger(lake / "marts" / "ledger.json").last_complete(site["site_id"])
    if not last:
        raise BadInput(
            f"{lake} has no complete refresh of {site['site_id']}; run first: skvoz refresh --lake {lake} --settings {settings[0]}"
        )
    warehouse = DuckDbWarehouse(lake, lake / "marts" / "warehouse.duckdb")
    try:
        period = period_of(site, _now(now))
        read = {name: from_lake_text(last[name]) for name in ("data_to", "completed_at")}
        answers = ask(warehouse, site, period)
        figures = build(site, period, *answers, read["data_to"], refreshed_at=read["completed_at"])
    finally:
        warehouse.close()
    out.mkdir(parents=True, exist_ok=True)
    extras = extras_of(figures, site)
    written = mail(figures, site, "", extras)
    files = {"xlsx": "report.xlsx", "json": "figures.json"}
    (out / "report.html").write_text(page(figures, site, extras, files), encoding="utf-8")
    if extras.workbook:
        (out / "report.xlsx").write_bytes(extras.workbook)
    (out / "mail.html").write_text(_with_picture(written), encoding="utf-8")
    (out / "mail.txt").write_text(written.text, encoding="utf-8")
    (out / "figures.json").write_bytes(to_json(figures))
    print(json.dumps({"period": figures["period"], "totals": json.loads(to_json(figures["totals"]))}, indent=1))
    for section in extras.failed:
        print(f"the {section} could not be made; the log above says why")
    print(f"written to {out}")


def _with_picture(written: Mail) -> str:
    """The mail's HTML as a browser can show it: its picture within, where a mail has it beside."""
    if written.picture is None:
        return written.html
    return written.html.replace(f"cid:{CHART_ID}", f"data:image/png;base64,{base64.b64encode(written.picture).decode()}")


def _now(text: str | None) -> datetime:
    try:
        return parse_instant(text) if text else datetime.now(UTC)
    except ValueError as error:
        raise BadInput(f"--now: {error}") from error


def _resource(stack: str, logical_id: str) -> str:
    answer: Any = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    arn: str = answer["StackResourceDetail"]["PhysicalResourceId"]
    return arn
