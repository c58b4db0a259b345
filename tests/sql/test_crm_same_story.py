"""One shop, four CRMs: the deals of tests/data/story.json come out the same whoever tells them, by webhooks or by the check
alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.identity import email_hash, phone_hash
from shared.records import CRM_EVENT, PAYMENT
from tests.api.crm_apis import KEY
from tests.api.dynamo import dynamodb
from tests.crm_story import PROVIDERS, told_by
from tests.lakes import Marts, Record, marts_of
from tests.story_lake import STORY, story_records, story_shop

# What a CRM calls its own: ids, names of stages and pipelines, who leads a deal, when it was touched last.
OWN = {"deal_id", "person_id", "pipeline", "stage", "manager", "is_handmade", "refresh_id", "tags", "crm_source"}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The story told straight to the lake (tests/sql/test_story.py holds it to the truth)."""
    records = [_known(record) for record in story_records()]
    ids = {client: deal["ids"]["amocrm_lead"] for client, deal in STORY["deals"].items()}
    return seen(marts_of(tmp_path_factory.mktemp("straight"), records, story_shop()), "crm", ids)


@pytest.mark.parametrize("way", ["webhooks", "check"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_storys_deals_are_the_same_from_every_crm(
    provider: str, way: Any, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    with dynamodb(("crm",)):
        told, settings, ids = told_by(provider, way)
    lead = STORY["deals"]["C"]["ids"]["amocrm_lead"]
    others = [_known(record) for record in story_records() if record.kind != CRM_EVENT.name]
    returned = [
        Record(one.kind, {**one.values, "provider": provider, "deal_id": ids["C"]})
        for one in others
        if one.kind == PAYMENT.name and one.values["deal_id"] == lead
    ]
    assert len(returned) == 1
    records = [one for one in others if one.kind != PAYMENT.name] + returned + told
    found = seen(marts_of(tmp_path, records, settings), provider, ids)
    for client in "ABCD":
        assert found[client] == expected[client], client


def test_the_story_is_what_is_compared(expected: dict[str, dict[str, Any]]) -> None:
    assert {client: str(one["deal"]["sale_day"]) for client, one in expected.items()} == {
        "A": "2026-10-29", "B": "None", "C": "2026-11-09", "D": "2026-11-12",
    }  # fmt: skip
    revenue = {client: one["deal"]["revenue"] for client, one in expected.items() if one["deal"]["revenue"]}
    assert revenue == {"A": Decimal("186400.00"), "C": Decimal("84500.00"), "D": Decimal("61300.00")}
    assert {client: one["deal"]["request_id"] for client, one in expected.items()} == {
        "A": "call-A", "B": "call-B", "C": "form-C", "D": "call-D",
    }  # fmt: skip


def seen(marts: Marts, provider: str, ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Everything that marts say of each client's deal, request and money, without what a CRM calls its own."""
    found = {}
    for client, number in ids.items():
        deal = dict(marts.row("deals", deal_id=f"{provider}:{number}"))
        money = marts.rows("money_events", "kind", "day", "occurred_at", "amount", "cost_price", deal_id=f"{provider}:{number}")
        request = dict(marts.row("requests", request_id=str(deal["request_id"])))
        found[client] = {
            "deal": {name: value for name, value in deal.items() if name not in OWN},
            "money": sorted(money, key=str),
            "request": {name: value for name, value in request.items() if name not in OWN},
            "credits": marts.credits(str(deal["request_id"]), "last_non_direct"),
        }
    return found


def _known(record: Record) -> Record:
    """The story's people by the hashes of their true phones and e-mails, as the doors make them."""
    values = dict(record.values)
    for column, plain, hashed in (("phone_hash", "phone_e164", phone_hash), ("email_hash", "email", email_hash)):
        if told := values.get(column):
            values[column] = hashed(STORY["clients"][told[-1]][plain], KEY)
    return Record(record.kind, values)
