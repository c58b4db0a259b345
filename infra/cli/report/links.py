"""`skvoz report links`, `revoke` and `rotate`: who has which link to a site's reports. Tokens are stored hashed: none is shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from functions.report.links import Link, Links
from functions.report.mail import recipient_hash
from functions.report.store import Ledger
from infra.cli.lake import now_of
from infra.smoke.stack import find_stack
from shared.aws import client
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.times import from_lake_text, lake_text

Stack = Annotated[str, typer.Option(help="name of the stack in AWS")]
TableName = Annotated[str, typer.Option("--table", envvar="LEDGER_TABLE", help="ledger table of the stack, instead of its name")]
Site = Annotated[str, typer.Option(help="site whose reports they are")]
Recipient = Annotated[str, typer.Option(help="address of a recipient")]
Now = Annotated[str | None, typer.Option(help="take this as now, for example 2026-11-01T09:00:00+03:00")]
ALERT = "alert"  # kind of an alert's link, which lives no longer than the page it points at
MASK = 8  # characters of a recipient's hash that are shown
USUAL_DAYS = 400  # of a link whose predecessor never expired: report.link_days of settings that say nothing
_WIDE = 130


def links(
    site: Site,
    stack: Stack = "",
    table: TableName = "",
    recipient: Recipient = "",
    is_all: Annotated[bool, typer.Option("--all", help="expired and revoked ones, too")] = False,
    now: Now = None,
) -> None:
    """Show who has which link: recipient (masked), kind of report, scope, when it was made, until when it opens, revoked or not."""
    present = now_of(now)
    found = list(_of(Links(client("dynamodb"), _table(site, stack, table)).listed(site), recipient))
    shown = [link for link in found if is_all or link.page.state(present) == "open"]
    answer = Table("recipient", "kind", "scope", "made (UTC)", "opens until (UTC)", "state")
    for link in shown:
        page = link.page
        state = f"revoked {page.revoked_at[:16]}" if page.revoked_at else page.state(present)
        until = page.expires_at[:16] or "always"
        answer.add_row(_masked(link), page.kind, page.scope or "everything", link.made_at[:16], until, state)
    if shown:
        Console(width=_WIDE).print(answer)
    print(f"{len(shown)} links of {site}" + ("" if is_all else f"; {len(found) - len(shown)} more open nothing any more (--all)"))


def revoke(
    site: Site,
    stack: Stack = "",
    table: TableName = "",
    recipient: Recipient = "",
    is_all: Annotated[bool, typer.Option("--all", help="every link of the site")] = False,
    previews: Annotated[bool, typer.Option("--previews", help="links of previews, which are nobody's own")] = False,
    before: Annotated[str, typer.Option(help="links made before this day (UTC), for example 2026-11-01")] = "",
    now: Now = None,
) -> None:
    """Revoke links: they open nothing from now on, at once. Unsubscribing by them still works, and the next mail has a new link."""
    if not (recipient or is_all or before or previews):
        raise BadInput("say which links: --recipient ADDRESS, --before DATE, both, --previews, or --all")
    if (is_all and (recipient or before or previews)) or (recipient and previews):
        raise BadInput("--all goes without --recipient, --previews and --before, and --recipient without --previews")
    first = _midnight(before) if before else ""
    kept = Links(client("dynamodb"), _table(site, stack, table))
    present = now_of(now)
    told = [
        link
        for link in _of(kept.every(site), recipient)
        if not link.page.revoked_at
        and (not first or link.made_at < first)  # a link without a date is an old one
        and not (previews and link.page.recipient_hash)
    ]
    for link in told:
        kept.revoke(link, present)
    print(f"{len(told)} links of {site} revoked")


def rotate(
    site: Site,
    recipient: Recipient,
    stack: Stack = "",
    table: TableName = "",
    url: Annotated[str, typer.Option(envvar="PUBLIC_URL", help="public address of the API; default: the stack's")] = "",
    now: Now = None,
) -> None:
    """Revoke a recipient's links, and print a new one to his latest report: once, since nothing keeps it."""
    name, present = _table(site, stack, table), now_of(now)
    address = url or (find_stack(client, stack).outputs.get("Url", "") if stack else "")
    if not address:
        raise BadInput("say where the pages are: --url https://… (or --stack NAME)")
    kept = Links(client("dynamodb"), name)
    found = _of(kept.listed(site), recipient)
    latest = next((link for link in found if link.page.object_key and link.page.kind != ALERT), None)
    if latest is None:
        raise BadInput(f"{site} has no link of that recipient; his next report brings him one")
    for link in _of(kept.every(site), recipient):
        kept.revoke(link, present)
    token = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    until = present + _life(latest)
    page = latest.page._replace(revoked_at="", expires_at=lake_text(until))
    Ledger(client("dynamodb"), name).keep_token(token, page, present)
    print(f"{address.rstrip('/')}/v1/reports/{token}")
    print(f"opens until {until:%Y-%m-%d %H:%M} UTC; the links before it open nothing any more")


def _table(site: str, stack: str, table: str) -> str:
    if not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    if stack:
        return find_stack(client, stack).outputs["LedgerTableName"]
    if not table:
        raise BadInput("say which installation: --stack NAME, or --table LEDGER_TABLE")
    return table


def _of(found: Iterable[Link], recipient: str) -> Iterable[Link]:
    mine = recipient_hash(recipient)
    return (link for link in found if not recipient or link.page.recipient_hash == mine)


def _masked(link: Link) -> str:
    return f"{link.page.recipient_hash[:MASK]}…" if link.page.recipient_hash else "unknown"


def _midnight(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--before: {text} is no day; write it like 2026-11-01") from error
    return lake_text(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _life(link: Link) -> timedelta:
    """As long as the link had that it replaces."""
    if not link.page.expires_at:
        return timedelta(days=USUAL_DAYS)
    return from_lake_text(link.page.expires_at) - from_lake_text(link.made_at)
