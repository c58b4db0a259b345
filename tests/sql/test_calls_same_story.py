"""One shop, eight telephonies: the calls of A, B and D of tests/data/story.json are the same requests of the same visitors,
credited to the same channels, whoever tells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.numberpool.pbx.providers import ADAPTERS
from shared.identity import phone_hash
from shared.records import CALL, CRM_EVENT
from tests.api.numbers_door import visitor_id
from tests.api.open_calls import VISITORS
from tests.call_story import BY_CLIENT, CLIENTS, TELL, began, records_of
from tests.lakes import Record, marts_of
from tests.story_lake import STORY, story_records, story_shop

KEY = b"key-of-the-hashes"
MODELS = ("first", "last", "last_non_direct", "linear")
CHANNELS = {"A": {"Yandex Direct": 1.0}, "B": {"Google Ads": 1.0}, "D": {"Google Ads": 1.0}}  # by the last non-direct touch


@pytest.mark.parametrize("provider", TELL)
def test_the_storys_calls_are_the_same_from_every_telephony(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = records_of(provider, monkeypatch)
    calls = {str(record.values["number"]): record.values for record in told}
    assert calls.keys() == {BY_CLIENT[client]["to"] for client in CLIENTS}
    marts = marts_of(tmp_path, [*_without_calls(calls), *told], story_shop())
    for client in CLIENTS:
        lead = STORY["deals"][client]["ids"]["amocrm_lead"]
        deal = marts.row("deals", deal_id=f"crm:{lead}")
        call = calls[BY_CLIENT[client]["to"]]
        assert deal["request_id"] == call["request_id"], client
        request = marts.row("requests", request_id=call["request_id"])
        assert (request["visitor_id"], request["contact_channel"]) == (visitor_id(VISITORS[client]), "call"), client
        assert request["created_at"].replace(tzinfo=None) == began(client).replace(tzinfo=None), client
        credits = {model: marts.credits(call["request_id"], model) for model in MODELS}
        assert credits["last_non_direct"] == CHANNELS[client], client
        assert credits["first"] == ({"Meta Ads": 1.0} if client == "D" else CHANNELS[client]), client
        assert all(sum(shares.values()) == pytest.approx(1) for shares in credits.values()), client
    assert len(marts.rows("requests")) == len(CLIENTS) + 1, "C's form is the fourth request, and nothing else is one"


def test_every_telephony_of_the_door_tells_the_story() -> None:
    assert TELL.keys() == ADAPTERS.keys()


def _without_calls(calls: dict[str, dict[str, Any]]) -> list[Record]:
    """The story but its calls, for the visitors whom the door knows. What D did on the day of her call is moved to its hour, and
    B's deal names the call as the CRM's telephony would."""
    late = next(r.values["occurred_at"] for r in story_records() if r.values.get("request_id") == "call-D") - began("D")
    found = []
    for record in story_records():
        values = dict(record.values)
        if record.kind == CALL.name:
            continue
        if client := str(values.get("visitor_id", ""))[-1:]:
            values["visitor_id"] = visitor_id(VISITORS[client])
        if phone := values.get("phone_hash"):
            values["phone_hash"] = phone_hash(STORY["clients"][phone[-1]]["phone_e164"], KEY)
        if values.get("call_id") and record.kind == CRM_EVENT.name:
            values["call_id"] = calls[BY_CLIENT["B"]["to"]]["call_id"]
        is_of_d = "D" in (client, str(values.get("contact_id", ""))[-1:])
        if is_of_d and values["occurred_at"].date() == (began("D") + late).date():
            values |= {name: values[name] - late for name in ("occurred_at", "received_at")}
        found.append(Record(record.kind, values))
    return found
