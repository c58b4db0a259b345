"""`skvoz report preview`, `suppressed` and `unsuppress`: a report to look at first, and readers whom no mail reaches."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from functions.report.delivery.suppressed import Suppressed, address_hash, masked
from infra.cli.lake import now_of, resource
from infra.smoke.stack import find_stack
from shared.aws import client
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.times import lake_text

Stack = Annotated[str, typer.Option(help="name of the stack in AWS")]
TableName = Annotated[str, typer.Option("--table", envvar="LEDGER_TABLE", help="ledger table of the stack, instead of its name")]
Now = Annotated[str | None, typer.Option(help="take this as now, for example 2026-11-01T09:00:00+03:00")]
WHY = {
    "bounce": "there is no such mailbox",
    "complaint": "its reader marked a report as spam",
    "transient": "refused five times within a week",
}
MOST_SECONDS = 905  # the mailer has 900
_WIDE = 110


def preview(
    stack: Stack,
    site: Annotated[str, typer.Option(help="site whose report it is")],
    to: Annotated[str, typer.Option(help="address that it goes to; the site's owner without it")] = "owner",
    kind: Annotated[str, typer.Option(help="day, week or month")] = "day",
    scope: Annotated[str, typer.Option(help="what a reader of this scope would see; everything without it")] = "",
    language: Annotated[str, typer.Option(help="ru or en; as the site has it without")] = "",
    now: Now = None,
) -> None:
    """Render a report now and send it to one address with [Preview] in its subject; nobody's own report changes by it."""
    if not is_site_id(site):
        raise BadInput(f"{site}: no site id; use a-z, 0-9 and hyphens")
    asked = {"time": now_of(now).isoformat(), "site_id": site, "preview": to, "kind": kind, "scope": scope, "language": language}
    name = resource(stack, "ReportMailFunction")
    answer = patient_client("lambda").invoke(FunctionName=name, Payload=json.dumps(asked).encode())
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise BadInput(f"the report was not sent: {told.get('errorMessage') or 'the log of the report function says why'}")
    if not told.get("sent"):
        raise BadInput("the stack has no sender: deploy it with the parameter MailFrom")
    period = told["period"]
    print(f"sent the report of {site}, {period['from']} … {period['to']}, to {'its owner' if to == 'owner' else to}")
    for section in told["failed"]:
        print(f"{section} could not be made; the log of the report function says why")


def suppressed(stack: Stack = "", table: TableName = "", now: Now = None) -> None:
    """Show whom no report reaches any more, and why: bounces and complaints, masked."""
    found = Suppressed(client("dynamodb"), _table(stack, table)).all(now_of(now))
    answer = Table("recipient", "why", "since (UTC)")
    for one in sorted(found.values(), key=lambda one: one.at, reverse=True):
        answer.add_row(one.address, WHY[one.reason], lake_text(one.at)[:16])
    if found:
        Console(width=_WIDE).print(answer)
    print(f"{len(found)} recipients get no reports" + ("; again: skvoz report unsuppress ADDRESS" if found else ""))


def unsuppress(
    address: Annotated[str, typer.Argument(help="address that reports go to again")],
    stack: Stack = "",
    table: TableName = "",
    now: Now = None,
) -> None:
    """Send reports to an address again: from the next one on that becomes due. Takes it off SES's own list as well."""
    kept, present = Suppressed(client("dynamodb"), _table(stack, table)), now_of(now)
    try:
        found = kept.all(present).get(address_hash(address))
    except ValueError as error:
        raise BadInput(str(error)) from error
    if found is None:
        raise BadInput(f"{masked(address)} is not suppressed; see: skvoz report suppressed")
    kept.note(address, "lifted", present, uuid.uuid4().hex)
    ses = client("sesv2")
    # Otherwise SES would go on taking mails to it and sending none, and tell of a bounce each time.
    with contextlib.suppress(ses.exceptions.NotFoundException):
        ses.delete_suppressed_destination(EmailAddress=address)
    print(f"reports go to {masked(address)} again")


def patient_client(service: str) -> Any:
    """A client that waits for a whole report and asks once: a second call would send it twice."""
    import botocore.session
    from botocore.config import Config

    config = Config(read_timeout=MOST_SECONDS, retries={"total_max_attempts": 1})
    return botocore.session.get_session().create_client(service, config=config)


def _table(stack: str, table: str) -> str:
    if not (stack or table):
        raise BadInput("give --stack NAME, or --table, its ledger")
    return table or find_stack(client, stack).outputs["LedgerTableName"]
