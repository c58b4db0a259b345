"""`skvoz refresh`: on a plain folder of raw records, or on a stack in AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.files import read_settings
from infra.warehouse.local import refresh_folder
from shared.aws import client
from shared.errors import BadInput
from shared.times import parse_instant

Lake = Annotated[Path | None, typer.Option(help="folder with raw/<record kind>/…*.jsonl[.gz]; marts go to marts/ beside it")]
Settings = Annotated[list[Path] | None, typer.Option(help="settings file of a site; repeat for more sites")]
Stack = Annotated[str | None, typer.Option(help="name of the stack in AWS, instead of --lake")]
Now = Annotated[str | None, typer.Option(help="take this as now, for example 2026-11-01T09:00:00+03:00")]


def refresh(lake: Lake = None, settings: Settings = None, stack: Stack = None, now: Now = None) -> None:
    """Bring the marts up to date: in a folder (DuckDB), or by starting the stack's refresh."""
    if stack is not None:
        started = client("stepfunctions").start_execution(stateMachineArn=resource(stack, "RefreshMachine"), input="{}")
        print(f"refresh started: {started['executionArn']}")
        return
    if lake is None or not settings:
        raise BadInput("give --lake DIR and --settings FILE, or --stack NAME")
    if not (lake / "raw").is_dir():
        raise BadInput(f"{lake} has no folder raw/; raw records lie in raw/hit/, raw/request/ and so on")
    sites = [read_settings(path) for path in settings]
    state = refresh_folder(lake, sites, now_of(now), on_step=lambda name: print(f"  {name}", flush=True))
    if "note" in state:
        raise BadInput(f"nothing was refreshed: {state['note']}")
    print(f"refresh {state['refresh_id']} is complete; marts: {lake / 'marts'}/<table>.parquet")


def now_of(text: str | None) -> datetime:
    """The clock of a command: as `--now` says it, or the machine's."""
    try:
        return parse_instant(text) if text else datetime.now(UTC)
    except ValueError as error:
        raise BadInput(f"--now: {error}") from error


def resource(stack: str, logical_id: str) -> str:
    """What CloudFormation made of a resource of the template: its name or ARN."""
    answer: Any = client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    arn: str = answer["StackResourceDetail"]["PhysicalResourceId"]
    return arn
