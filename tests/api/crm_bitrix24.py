"""A portal of Bitrix24 (its double, over HTTP) as the product reads it, on a clock of the test's; and the story's deal A in it.

`tests/data/bitrix24` holds invented bodies and answers in the portal's own shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from functions.crm_webhook.api.crm import CrmReader, Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.bitrix24 import api, hooks
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reconcile.marks import Marks
from functions.crm_webhook.reconcile.reconciler import Reconciler
from functions.crm_webhook.writing import Writing
from infra.doubles.bitrix24 import Bitrix24Server, Portal
from infra.doubles.bitrix24.portal import CONTACT, DEAL, multifields
from shared.lake import Lake
from shared.secrets import Secrets
from shared.settings import parse_settings, published
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

DATA = Path(__file__).parents[1] / "data" / "bitrix24"
KEY = b"identity-key"
CODE = "kvartalFAKEcode00000"
SECRET = "kvartal/crm-bitrix24-api"
BEGIN = datetime(2026, 10, 12, 7, 56, 2, tzinfo=UTC)  # deal A is made
WON_AT = datetime(2026, 10, 29, 13, 20, 31, tzinfo=UTC)
SECTION: Mapping[str, Any] = {
    "member_id": "3579cec3152226ccb7d4dcc830e69c52",
    "domain": "kvartal-example.bitrix24.ru",
    "fields": {
        "visitor_id": "UF_CRM_1790900000117",
        "cost_price": "ufCrm_1790900000150",
        "product": "UF_CRM_1790900000133",
        "attributes": {"yclid": "UF_CRM_1790900000125"},
    },
    "managers": {"17": "Анна Серова"},
    "sources": {"CALL": "Звонок"},
}


def payload(name: str) -> Any:
    """An answer of the portal."""
    return orjson.loads((DATA / f"{name}.json").read_bytes())


def site_of(url: str = "https://kvartal-example.bitrix24.ru/rest/17", **section: Any) -> dict[str, Any]:
    """Published settings of the shop."""
    told = {**SECTION, **section, "api": {"url": url, **section.get("api", {})}}
    return published(
        parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": {"bitrix24": told}})
    )


def arrival_at(now: datetime, webhook_id: str = "w") -> Arrival:
    return Arrival("kvartal", webhook_id, now, KEY)


def told(outcome: Outcome) -> list[dict[str, Any]]:
    """Its records as the lake has them."""
    return [orjson.loads(line) for _, line in outcome.records]


@dataclass
class World:
    """One portal, its clock, and the product's stores. Waiting moves the clock on."""

    dynamodb: Any
    now: datetime = BEGIN
    stores: FakeClients = field(default_factory=FakeClients)
    code: str = CODE
    queued: list[str] = field(default_factory=list)  # tasks of the regular check
    gone: set[int] = field(default_factory=set)  # deals whose ids must not come again

    def __post_init__(self) -> None:
        self.portal = Portal(self.clock, code=CODE, processes=(1220,))
        self.server = Bitrix24Server(self.portal)
        self.secrets = Secrets({SECRET: self.code}.get)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def at(self, instant: datetime) -> World:
        self.now = instant
        return self

    @property
    def tools(self) -> Tools:
        pace = Pace(lambda: self.dynamodb, "crm", lambda: round(self.now.timestamp() * 1000), self.sleep)
        return Tools(Http(), pace, self.secrets, self.clock, "test", lambda: None)

    def site(self, **section: Any) -> dict[str, Any]:
        return site_of(self.server.url, **section)

    def reader(self, **section: Any) -> CrmReader:
        return api.reader(self.site(**section), self.tools)

    def read(self, *pointers: tuple[str, str], **section: Any) -> Outcome:
        """What the API tells of these, now."""
        return self.reader(**section).read([Pointer(*one) for one in pointers], arrival_at(self.now))

    def reconciler(self) -> Reconciler:
        lake = Lake(self.stores.firehose, self.stores.s3, "lake", {"crm_event": "crm-events", "payment": "payments"})
        never: Any = None
        marks, writing = Marks(self.dynamodb, "crm", "one"), Writing(lake, never, never)
        return Reconciler(marks, writing, self.tools, lambda now: KEY, self.queued.append)

    def stored(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.stores.firehose.lines("crm-events")]

    def hear(self, body: str, site: Mapping[str, Any]) -> None:
        """An event as the product works on it: adapter, then what it points at, then the lake."""
        outcome = hooks.records_of(body.encode(), arrival_at(self.now, body), site)
        told_more = api.reader(site, self.tools).read(outcome.to_read, arrival_at(self.now)) if outcome.to_read else Outcome()
        lines = [line for _, line in (*outcome.records, *told_more.records)]
        if lines:
            self.stores.firehose.put_record(DeliveryStreamName="crm-events", Record={"Data": b"\n".join(lines)})


@contextmanager
def opened(table: Any = None) -> Iterator[World]:
    """A portal that listens; over an empty `table` where one is given, else over one of its own."""
    with dynamodb(("crm",)) if table is None else nullcontext(table) as client:
        world = World(client)
        world.server.start()
        try:
            yield world
        finally:
            world.server.close()


def play_deal_a(world: World) -> None:
    """Deal A of the story: 12 October to 29 October, as the payload files tell it."""
    world.at(BEGIN)
    world.portal.add(
        CONTACT, {"name": "Вера", "lastName": "Лугова", "fm": multifields(("8 900 000-00-17",), ("lugova@post.example",))}, 3382
    )
    item = payload("crm_item_get")["result"]["item"]
    first = {name: value for name, value in item.items() if not name.endswith("Time") and name not in ("id", "stageSemanticId")}
    world.portal.add(DEAL, {**first, "stageId": "C4:NEW", "opportunity": 0, "ufCrm_1790900000125": "15620471938264051729"}, 5194)
    world.at(datetime(2026, 10, 14, 9, 15, 40, tzinfo=UTC)).portal.move(5194, "C4:PREPARATION")
    world.at(datetime(2026, 10, 16, 14, 3, 11, tzinfo=UTC)).portal.move(5194, "C4:FINAL_INVOICE")
    world.at(WON_AT).portal.change(DEAL, 5194, {"stageId": "C4:WON", "opportunity": 186400, "ufCrm_1790900000150": "109600|RUB"})
