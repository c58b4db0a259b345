"""`skvoz crm backfill`: deals of a span of days read through the CRM's API, in this process, at the CRM's own pace."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from functions.crm_webhook import wiring
from functions.crm_webhook.adapters import WITH_API, api_settings
from functions.crm_webhook.api.tools import tools
from functions.crm_webhook.reconcile.marks import Marks, Walk
from functions.crm_webhook.reconcile.reconciler import Progress, Reconciler
from infra.cli.crm.place import Stack, installation, quiet, sites_of
from shared.aws import client, env
from shared.errors import BadInput
from shared.ids import uuid7
from shared.times import local_day

NEEDS = (
    "STAGE", "LAKE_BUCKET", "FILES_BUCKET", "CRM_TABLE", "CRM_TASK_QUEUE_URL", "CRM_EVENT_STREAM", "PAYMENT_STREAM",
    "CONTACTS_TABLE", "NUMBERS_TABLE",
)  # fmt: skip
FRUITLESS_TRIES, WAIT_SECONDS = 4, 30
_DAY = ["%Y-%m-%d"]


def backfill(
    site: Annotated[str, typer.Option(help="site id")],
    provider: Annotated[str, typer.Option(help=f"{', '.join(WITH_API)}")],
    from_: Annotated[datetime, typer.Option("--from", formats=_DAY, help="first day of creation, site-local")],
    to: Annotated[datetime, typer.Option("--to", formats=_DAY, help="last day, included")],
    stack: Stack = None,
) -> None:
    """Read the deals that were made within a span of days. Interrupted, the same command goes on where it stopped."""
    first, last = from_.date(), to.date()
    with installation(stack, *NEEDS):
        settings = orjson.loads(sites_of(site)[site])
        _check(settings, provider, first, last)
        made = tools()
        marks = Marks(client("dynamodb"), env("CRM_TABLE"), uuid7(made.clock(), os.urandom(16)))
        told = Telling(f"{provider} {first} … {last}")
        secrets = wiring.secrets()
        reconciler = Reconciler(marks, wiring.writing(), made, lambda now: secrets.key("identity", now), wiring.put_task, told.page)

        def run() -> Progress:
            return reconciler.backfill(settings, provider, first, last, lambda: True)

        try:
            with quiet():
                done = whole(run, told.waits)
        except KeyboardInterrupt:
            _let_go(marks, site, f"{provider}#{first}:{last}", made.clock())
            print(f"\nstopped after {told.deals:,} deals; the same command goes on there")
            raise typer.Exit(130) from None
    if done.walk is not None:
        again = " (nothing new to read: this span had been read whole)" if done.deals == 0 and not told.pages else ""
        print(f"{provider}: {done.walk.deals:,} deals of {first} to {last} are read{again}")
        print("the next refresh counts them: skvoz refresh --stack NAME")


def whole(run: Callable[[], Progress], wait: Callable[[str], None]) -> Progress:
    """Run until the span is read. BadInput where another reader holds it, or the CRM does not let it go on for some tries."""
    fruitless = 0
    while True:
        progress = run()
        if progress.walk is None:
            raise BadInput("another reader holds this span; its hold ends two minutes after its last page: try again then")
        if progress.is_done:
            return progress
        fruitless = 0 if progress.deals else fruitless + 1
        why = progress.walk.failed or "the CRM did not go on"
        if fruitless >= FRUITLESS_TRIES:
            raise BadInput(f"stopped after {progress.walk.deals:,} deals: {why}. Mend it; the same command goes on there")
        wait(why)


class Telling:
    """Progress for people: one line that changes on a terminal, a line a page elsewhere."""

    def __init__(self, what: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._what, self._sleep, self._console = what, sleep, Console(file=sys.stdout, highlight=False)
        self.deals, self.pages = 0, 0

    def page(self, walk: Walk) -> None:
        self.deals, self.pages = walk.deals, self.pages + 1
        end = "\r" if self._console.is_terminal else "\n"
        self._console.print(f"{self._what}: {walk.deals:,} deals, page {self.pages}", end=end)

    def waits(self, why: str) -> None:
        self._console.print(f"{self._what}: waits {WAIT_SECONDS} s: {why}")
        self._sleep(WAIT_SECONDS)


def _check(settings: dict[str, Any], provider: str, first: date, last: date) -> None:
    if provider not in WITH_API:
        raise BadInput(f"--provider {provider}: only the API of {', '.join(WITH_API)} can be read")
    if api_settings(settings, provider) is None:
        raise BadInput(f"crm.{provider}.api of the site's settings is not set (docs/crm.md)")
    if first > last:
        raise BadInput(f"--from {first} is later than --to {last}")
    today = local_day(tools().clock(), str(settings["time_zone"]))
    if last > today:
        raise BadInput(f"--to {last} has not come yet; the site's day is {today}")


def _let_go(marks: Marks, site: str, name: str, now: datetime) -> None:
    walk = marks.take(site, name, now)
    if walk is not None:
        marks.keep(walk, now, is_over=True)
