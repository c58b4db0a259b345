"""`skvoz`: which commands there are, and how a mistake is shown (what, where, what to do; never a stack trace for bad input)."""

from __future__ import annotations

import sys
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.cli import attribute, calls, crm, doctor, lake, numbers, replay, report, secrets, sites, source, stack, utm
from shared.errors import SkvozError


class _Group(typer.core.TyperGroup):
    """Prints our own errors for people and ends with 2; everything unforeseen still shows its trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SkvozError as error:
            print(f"error: {error.message}", file=sys.stderr)
            for field in error.fields:
                print(f"  {field.path}: {field.message}", file=sys.stderr)
            sys.exit(2)
        except (BotoCoreError, ClientError) as error:
            print(f"error: AWS did not do it: {error}", file=sys.stderr)
            print("  check the region, the credentials and the name of the stage or bucket, then run it again", file=sys.stderr)
            sys.exit(2)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="End-to-end marketing analytics in your own account.",
)
app.add_typer(sites.app, name="sites", help="Settings of the sites: add, check, apply.")
app.add_typer(secrets.app, name="secrets", help="Secrets of a stage: init, token.")
app.add_typer(numbers.app, name="numbers", help="Numbers of the sites: plan, add, import, test, status, list, retire.")
app.add_typer(calls.app, name="calls", help="Calls: pull what a telephony told nobody.")
app.add_typer(crm.app, name="crm", help="CRMs: try a body, how far they are read, backfill, redrive.")
app.add_typer(source.app, name="source", help="Sources of visits: explain, audit, diff, lists.")
app.add_typer(utm.app, name="utm", help="Tags of links: build, check, systems.")
app.add_typer(report.app, name="report", help="A report into a folder; and the reports that were sent.")
app.command("demo")(stack.demo)
app.command("up")(stack.up)
app.command("doctor")(doctor.doctor)
app.command("attribute")(attribute.attribute)
app.command("refresh")(lake.refresh)
app.command("replay")(replay.replay)
