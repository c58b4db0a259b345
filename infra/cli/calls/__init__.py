"""`skvoz calls`: calls that a telephony told nobody while we, or the line, were down."""

from __future__ import annotations

import typer

from infra.cli.calls.pulling import pull

app = typer.Typer(no_args_is_help=True)


@app.callback()
def calls() -> None:
    """Calls of the telephonies."""


app.command()(pull)
