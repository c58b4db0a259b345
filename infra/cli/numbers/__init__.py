"""`skvoz numbers`: the numbers of a site's pools, from planning and buying to their last call."""

from __future__ import annotations

import typer

from infra.cli.numbers.adding import MOST_NUMBERS, add
from infra.cli.numbers.importing import import_
from infra.cli.numbers.planning import plan
from infra.cli.numbers.retiring import retire
from infra.cli.numbers.trying import try_out
from infra.cli.numbers.watching import list_, status

__all__ = ["MOST_NUMBERS", "app"]

app = typer.Typer(no_args_is_help=True)
app.command()(plan)
app.command()(add)
app.command("import")(import_)
app.command("test")(try_out)
app.command()(status)
app.command("list")(list_)
app.command()(retire)
