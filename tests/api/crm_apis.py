"""Readers of CRMs' APIs as a site has them, on moto's DynamoDB and a clock that waits move: doubles and limits see one time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.crm_webhook.adapters import adapter_of, reader_of
from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.secrets import Secrets
from shared.settings import parse_settings, published
from shared.times import to_millis

KEY = b"identity key of the tests"
FIRST = datetime(2026, 10, 12, 7, 0, tzinfo=UTC)


class Clock:
    """Stands still, but for waits and what tests add to it."""

    def __init__(self, now: datetime = FIRST) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def tools_of(dynamodb: Any, clock: Clock, **secrets: str) -> Tools:
    """`secrets`: provider → key of its API."""
    named = {f"shop/crm-{provider}-api": key for provider, key in secrets.items()}
    pace = Pace(lambda: dynamodb, "crm", lambda: to_millis(clock()), clock.wait)
    return Tools(Http(), pace, Secrets(named.get), clock, "test", lambda: None)


def site_of(provider: str, **section: Any) -> dict[str, Any]:
    """Published settings of the site `shop`."""
    crm = {provider: section}
    return published(parse_settings({"site_id": "shop", "name": "Shop", "hosts": ["shop.example"], "crm": crm}))


def reader(site: dict[str, Any], provider: str, tools: Tools) -> CrmReader:
    made = reader_of(site, provider, tools)
    assert made is not None
    return made


def arrival(clock: Clock, cause: str = "cause") -> Arrival:
    return Arrival("shop", cause, clock(), KEY)


def read_on(made: CrmReader, pointers: Iterable[Pointer], clock: Clock) -> list[Outcome]:
    """A read, and what it leaves for later, each after another quarter of an hour."""
    outcomes, left = list[Outcome](), list(pointers)
    while left:
        outcomes.append(made.read(left, arrival(clock)))
        left = outcomes[-1].to_read
        clock.wait(900)
    return outcomes


def walk(made: CrmReader, span: Span, clock: Clock) -> list[Page]:
    """Every page of a span."""
    pages = [made.page(span, "", arrival(clock))]
    while pages[-1].cursor:
        pages.append(made.page(span, pages[-1].cursor, arrival(clock)))
    return pages


def took(site: dict[str, Any], provider: str, body: bytes, at: Arrival) -> Outcome:
    """What a webhook's body makes."""
    return adapter_of(provider)(body, at, site, provider)


def states(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Records in the order in which the marts read them, each once (of one id: the first that arrived)."""
    lines = [json.loads(line) for outcome in outcomes for _, line in outcome.records]
    once: dict[str, dict[str, Any]] = {}
    for line in sorted(lines, key=lambda line: line["received_at"]):
        once.setdefault(line["record_id"], line)
    return sorted(once.values(), key=lambda l: (l["occurred_at"], l["record_id"][:13], l["received_at"], l["record_id"]))  # noqa: E741


def standing(told: Iterable[dict[str, Any]], deal_id: str) -> dict[str, Any]:
    """How a deal stands after all that was told of it: what is not told stays as it was."""
    found: dict[str, Any] = {}
    for line in told:
        if line["deal_id"] == deal_id:
            found |= {name: value for name, value in line.items() if value is not None}
    return found
