"""Where the parts of an installation are: by the name of its stack in AWS, or by the variables that its functions have.

The same names as in the functions' environment (CONTRIBUTING.md), so that their own code can be run by a command.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, Any

import typer

from infra.local.environment import variables
from shared.aws import client, env
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.sites import list_sites

Stack = Annotated[str | None, typer.Option(help="name of the stack in AWS; default: the environment's own variables")]
Site = Annotated[str | None, typer.Option(help="this site alone")]

_PARTS = {
    "LAKE_BUCKET": "LakeBucket",
    "FILES_BUCKET": "FilesBucket",
    "CRM_TABLE": "CrmTable",
    "CRM_QUEUE_URL": "CrmQueue",
    "CRM_TASK_QUEUE_URL": "CrmTaskQueue",
    "CRM_EVENT_STREAM": "CrmEventStream",
    "PAYMENT_STREAM": "PaymentStream",
    "CONTACTS_TABLE": "ContactsTable",
    "NUMBERS_TABLE": "NumbersTable",
    "LEDGER_TABLE": "LedgerTable",
    "DATABASE": "Database",
    "WORKGROUP": "WorkGroup",
}


@contextmanager
def installation(stack: str | None, *names: str) -> Iterator[None]:
    """While open, the environment has these variables. BadInput names those that nobody told."""
    told = _of_stack(stack, names) if stack else {name: os.environ.get(name, "") for name in names}
    if missing := [name for name, value in told.items() if not value]:
        raise BadInput(f"say which installation: --stack NAME (or set {', '.join(missing)})")
    with variables(told):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """While open, what the functions print (metrics, logs) does not come between a command's own words."""
    with redirect_stdout(io.StringIO()):
        yield


def sites_of(site: str | None) -> dict[str, bytes]:
    """Published settings by site, as text; those of one site where it is told. BadInput where it has none."""
    if site is not None and not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    sites = dict(list_sites(client("s3"), env("FILES_BUCKET")))
    if site is None:
        return sites
    if site not in sites:
        raise BadInput(f"site {site} has no settings; publish them with: skvoz sites apply FILE")
    return {site: sites[site]}


def _of_stack(stack: str, names: tuple[str, ...]) -> Mapping[str, str]:
    cloudformation = client("cloudformation")

    def part(logical_id: str) -> str:
        answer: Any = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    told = {name: part(_PARTS[name]) for name in names if name in _PARTS}
    if "STAGE" in names:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        told["STAGE"] = next(p["ParameterValue"] for p in described["Parameters"] if p["ParameterKey"] == "Stage")
    return told
