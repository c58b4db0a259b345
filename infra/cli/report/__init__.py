"""`skvoz report`: a report into a folder; its subcommands look after the reports that were sent."""

from __future__ import annotations

import typer

from infra.cli.report import delivery, links
from infra.cli.report.make import report

app = typer.Typer(invoke_without_command=True)
app.callback()(report)
app.command()(links.links)
app.command()(links.revoke)
app.command()(links.rotate)
app.command()(delivery.preview)
app.command()(delivery.suppressed)
app.command()(delivery.unsuppress)
