"""`skvoz source`: why a visit has its source; what seen tags have wrong; what a change of rules would do to history."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from functions.attribution.source_rules import RULES
from infra.cli.files import read_settings
from infra.lists.refresh import origins
from infra.sources.audit import audit as look
from infra.sources.diff import difference
from infra.sources.explain import FIELDS, row_of, short_of, text_of
from infra.sources.links import Link, read_links
from infra.sources.lists import Newer, change_text, refresh_lists
from infra.sources.marts import folder_marts, stack_marts
from infra.sources.tables import FINDING_COLUMNS, aligned, audit_text, diff_text, finding_cells
from infra.sources.visits import visits_of
from infra.utm.rows import table
from shared.errors import BadInput, FieldError

app = typer.Typer(no_args_is_help=True)

Lake = Annotated[Path | None, typer.Option(help="folder that skvoz refresh has brought up to date")]
Most = Annotated[int, typer.Option(min=1, max=100_000, help="rows of each kind that are shown")]


@app.command()
def explain(
    url: Annotated[str, typer.Argument(help="link that a visitor came by; - = many, from standard input")] = "",
    referrer: Annotated[str, typer.Argument(help="page that the link stood on")] = "",
    settings: Annotated[Path | None, typer.Option(help="settings of the site; default: a site of the link's own host")] = None,
    user_agent: Annotated[str | None, typer.Option(help="the visitor's browser, in its own words")] = None,
    from_: Annotated[str, typer.Option("--from", help="file of links, one a line or a table with url, referrer; - = input")] = "",
    short: Annotated[bool, typer.Option("--short", help="result and reason alone")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one line a link")] = False,
) -> None:
    """Say which source a visit gets, which rule decided, and why. Many links make a table."""
    many = from_ or ("-" if url == "-" else "")
    if bool(many) == bool(url and url != "-"):
        raise BadInput("say which link: skvoz source explain 'https://shop.example/?utm_source=vk' [REFERRER], or --from FILE")
    links = read_links(many) if many else [Link("", url, referrer)]
    if user_agent is not None:
        links = [link if link.user_agent is not None else link._replace(user_agent=user_agent) for link in links]
    visits = visits_of(links, read_settings(settings) if settings else None, datetime.now(UTC))
    refused = [visit for visit in visits if visit.error]
    if refused and not many:
        hint = f"; did you mean https://{url}?" if "://" not in url else ""
        raise BadInput(f"{_shown(url)}: {refused[0].error}{hint}")
    if as_json:
        print("\n".join(json.dumps(row_of(visit), ensure_ascii=False) for visit in visits))
    elif short:
        print("\n".join(short_of(visit) for visit in visits if not visit.error))
    elif many:
        columns = (*FIELDS, "error")
        rows = [row_of(visit) for visit in visits]
        print(table(columns, ([_cell(row.get(column)) for column in columns] for row in rows)), end="")
    else:
        print(text_of(visits[0]))
    if refused:
        told = [FieldError(visit.link.place, f"{_shown(visit.link.url)}: {visit.error}") for visit in refused]
        print(f"error: {len(refused)} of {len(visits)} links are no addresses:", file=sys.stderr)
        print("\n".join(f"  {field.path}: {field.message}" for field in told[:20]), file=sys.stderr)
        raise typer.Exit(2)


@app.command()
def audit(
    settings: Annotated[Path, typer.Option(help="settings of the site")],
    lake: Lake = None,
    stack: Annotated[str | None, typer.Option(help="name of the stack in AWS, instead of --lake")] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="the last days of the data")] = 30,
    most: Most = 20,
    as_table: Annotated[bool, typer.Option("--csv", help="a table of all findings instead of words")] = False,
) -> None:
    """List ads without tags, mistyped tags, unknown values and costs without visits, with what to do."""
    site = read_settings(settings)
    if (lake is None) == (stack is None):
        raise BadInput("give --lake DIR or --stack NAME")
    with folder_marts(lake, site.site_id) if lake else stack_marts(stack or "") as warehouse:
        found = look(warehouse, site, days)
    if as_table:
        print(table(FINDING_COLUMNS, (finding_cells(finding) for finding in found.findings)), end="")
    else:
        print(audit_text(found, most))


@app.command()
def diff(
    settings: Annotated[Path, typer.Option(help="settings of the site, by which the folder was refreshed")],
    lake: Lake = None,
    new: Annotated[Path | None, typer.Option(help="settings to compare with; default: the same")] = None,
    rules: Annotated[Path | None, typer.Option(help="folder of rule files to compare with (skvoz source lists --out)")] = None,
    most: Most = 20,
) -> None:
    """Show what other settings or rules would change in history, before they are applied. Nothing is written."""
    if lake is None:
        raise BadInput("give --lake DIR, a folder that skvoz refresh has brought up to date")
    site = read_settings(settings)
    print(diff_text(difference(lake, site, read_settings(new) if new else site, rules or RULES), most))


@app.command()
def lists(
    search: Annotated[Path | None, typer.Option(help="Matomo's SearchEngines.yml")] = None,
    social: Annotated[Path | None, typer.Option(help="Matomo's Socials.yml")] = None,
    ai: Annotated[Path | None, typer.Option(help="Matomo's AIAssistants.yml")] = None,
    hosts: Annotated[Path | None, typer.Option(help="category rules of Clickstream Analytics on AWS, JSON")] = None,
    robots: Annotated[Path | None, typer.Option(help="crawler-user-agents.json")] = None,
    revision: Annotated[str, typer.Option(help="their authors' name of the version, for example a commit")] = "",
    taken: Annotated[str, typer.Option("--date", help="day on which the files were taken, YYYY-MM-DD; default: today")] = "",
    out: Annotated[Path, typer.Option(help="folder for the rules with the newer lists")] = Path("new-rules"),
    apply: Annotated[bool, typer.Option("--apply", help="put the newer lists into the product instead")] = False,
    fewer: Annotated[bool, typer.Option("--fewer", help="a list may lose more than a fifth of its rows")] = False,
    most: Most = 20,
) -> None:
    """Show the bundled lists; with newer files, make them anew beside the product and say what comes and goes."""
    newer = Newer(search, social, ai, hosts, robots)
    if not any(newer):
        if apply or revision or taken or fewer:
            raise BadInput("name the newer files: --search, --social, --ai, --hosts or --robots")
        columns = ("file", "rows", "date", "revision", "licence", "origin")
        print(aligned([columns, *([row[name] for name in columns] for row in origins())]))
        return
    if not revision:
        raise BadInput("say which version the files are: --revision (a commit or a release of their authors)")
    print(change_text(refresh_lists(newer, revision, _day(taken), None if apply else out, fewer=fewer), most))
    if apply:
        print("applied; the next refresh corrects history")
        return
    print(f"written to {out}; nothing is applied")
    print(f"  what it would change in history: skvoz source diff --lake DIR --settings FILE --rules {out}")
    print("  to apply it: the same command with --apply")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError as error:
        raise BadInput(f"--date: {text} is no day such as 2026-11-22") from error


def _cell(value: object) -> str:
    return "" if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _shown(text: str) -> str:
    """A link as errors quote it: printable, short, without what stands before an @."""
    told = text.encode("utf-8", "replace").decode()
    told = "".join(c if c.isprintable() else "?" for c in told).rpartition("@")[2]
    return told if len(told) <= 100 else f"{told[:97]}…"
