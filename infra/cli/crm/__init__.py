"""`skvoz crm`: what becomes of a CRM's bodies, how far its deals are read, and what to do with what got stuck."""

from __future__ import annotations

import typer

from infra.cli.crm.backfilling import backfill
from infra.cli.crm.connect import amocrm
from infra.cli.crm.redriving import redrive
from infra.cli.crm.trying import try_out
from infra.cli.crm.watching import status

connecting = typer.Typer(no_args_is_help=True)
connecting.command()(amocrm)


@connecting.callback()
def _several() -> None:
    """Keys of a CRM's API."""


app = typer.Typer(no_args_is_help=True)
app.command("try")(try_out)
app.add_typer(connecting, name="connect")
app.command()(status)
app.command()(backfill)
app.command()(redrive)
