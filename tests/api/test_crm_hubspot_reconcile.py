"""HubSpot and Pipedrive under the regular check and a backfill: runs that end early go on, and what webhooks lost is found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from functions.crm_webhook.reconcile.marks import Marks
from functions.crm_webhook.reconcile.reconciler import Progress, Reconciler
from functions.crm_webhook.writing import Writing
from infra.doubles.hubspot import server as hubspot
from infra.doubles.listening import Answered
from infra.doubles.pipedrive import server as pipedrive
from shared.lake import Lake
from tests.api.crm_apis import FIRST, KEY, Clock, site_of, tools_of
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

DEALS = 120


class World:
    """One CRM, the product's stores, and runs of the check with room for so many pages."""

    def __init__(self, provider: str, crm: hubspot.HubSpot | pipedrive.Pipedrive, clock: Clock, table: Any) -> None:
        self.provider, self.crm, self.clock, self.fakes = provider, crm, clock, FakeClients()
        self.queued: list[str] = []
        self.site = site_of(provider, api={"url": crm.url})
        tools = tools_of(table, clock, hubspot=hubspot.TOKEN, pipedrive=pipedrive.TOKEN)
        never: Any = None
        lake = Lake(self.fakes.firehose, self.fakes.s3, "lake", {"crm_event": "crm-events", "payment": "payments"})
        self.reconciler = Reconciler(
            Marks(table, "crm", "one"), Writing(lake, never, never), tools, lambda now: KEY, self.queued.append
        )

    def put(self, number: int, is_won: bool = False) -> None:
        if isinstance(self.crm, hubspot.HubSpot):
            self.crm.account.put_deal(str(7000 + number), dealstage="closedwon" if is_won else "appointmentscheduled")
        else:
            self.crm.company.put_deal(7000 + number, status="won" if is_won else "open")

    def check(self, pages: int = 1000) -> Progress:
        left = iter(range(pages))
        return self.reconciler.check(self.site, self.provider, lambda: next(left, None) is not None)

    def stages(self) -> Mapping[str, set[str]]:
        """Every stage told of each deal."""
        told: dict[str, set[str]] = {}
        for line in map(json.loads, self.fakes.firehose.lines("crm-events")):
            told.setdefault(line["deal_id"], set()).add(line.get("stage", ""))
        return told


@pytest.fixture(params=["hubspot", "pipedrive"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    clock = Clock()
    with dynamodb(("crm",)) as table:
        made = hubspot.HubSpot(clock) if request.param == "hubspot" else pipedrive.Pipedrive(clock)
        with made:
            yield World(request.param, made, clock, table)


def test_a_check_that_ends_early_goes_on_where_it_was_and_the_next_one_reads_what_changed_alone(world: World) -> None:
    for number in range(DEALS):
        world.put(number)
    world.clock.wait(1200)  # beyond the overlap of two checks
    first = world.check(pages=1)
    assert (first.is_done, 0 < first.deals < DEALS) == (False, True)
    rest = world.check()
    assert (rest.is_done, first.deals + rest.deals) == (True, DEALS)
    assert set(world.stages()) == {str(7000 + number) for number in range(DEALS)}
    world.clock.wait(3600)
    world.put(5, is_won=True)
    world.clock.wait(60)
    again = world.check()
    assert (again.is_done, again.deals) == (True, 1)
    assert "won" in world.stages()["7005"]
    assert world.crm.refused == 0


def test_a_crm_that_fails_halfway_is_read_to_its_end_by_a_later_check(world: World) -> None:
    for number in range(DEALS):
        world.put(number)
    world.clock.wait(60)
    world.check(pages=1)
    world.crm.failing = [Answered(503)]
    stopped = world.check()
    assert (stopped.is_done, stopped.walk is not None and stopped.walk.failed != "") == (False, True)
    world.clock.wait(30)
    assert world.check().is_done
    assert set(world.stages()) == {str(7000 + number) for number in range(DEALS)}


def test_a_backfill_reads_deals_by_the_day_of_their_creation(world: World) -> None:
    for number in range(20):
        world.put(number)
        world.clock.wait(6 * 3600)
    first, last = (FIRST + timedelta(days=1)).date(), (FIRST + timedelta(days=2)).date()
    done = world.reconciler.backfill(world.site, world.provider, first, last, lambda: True)
    # Days are the site's (Moscow): the 13th begins at 21:00 UTC of the 12th.
    assert done.is_done
    assert set(world.stages()) == {str(7000 + number) for number in range(3, 11)}
