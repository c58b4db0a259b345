"""A round of the doctor for people: worst first, each with where and what to do; or as JSON lines."""

from __future__ import annotations

import json

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from infra.doctor.finding import Finding, Severity
from infra.doctor.run import Round

_STYLES = {Severity.BROKEN: "bold red", Severity.LOOK: "bold yellow", Severity.NOTE: "dim"}
_WIDEST = 130


def show(found: Round) -> None:
    """Print findings and a closing line."""
    console = Console(highlight=False)
    console.width = min(console.width, _WIDEST)
    for one in found.findings:
        console.print(_head(one))
        if one.do:
            console.print(Padding(Text(f"→ {one.do}"), (0, 0, 0, 8)))
    counts = {severity: sum(one.severity is severity for one in found.findings) for severity in Severity}
    sites = ", ".join(found.sites) or "no site"
    console.print(
        Text(
            f"{sites}: {counts[Severity.BROKEN]} broken, {counts[Severity.LOOK]} to look at, {counts[Severity.NOTE]} notes; "
            f"{found.fine} of {found.checks} checks found nothing"
        )
    )


def _head(one: Finding) -> Text:
    place = f"{one.site_id}, {one.area}" if one.site_id else one.area
    return Text.assemble((f"{one.severity.name:<6}", _STYLES[one.severity]), f"  {place}: {one.what}")


def show_json(found: Round) -> None:
    """One finding a line."""
    for one in found.findings:
        print(json.dumps({**one._asdict(), "severity": one.severity.name.lower()}, ensure_ascii=False))
