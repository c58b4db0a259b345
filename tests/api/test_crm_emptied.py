"""A field that somebody emptied: CRMs whose API shows whole objects tell it, beside what the object says otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from functions.crm_webhook.bitrix24.items import DEAL, Item, client_of
from functions.crm_webhook.bitrix24.states import Teller
from functions.crm_webhook.deals import DealState
from functions.crm_webhook.fields import emptied
from functions.crm_webhook.hubspot.states import Reader, deal_states
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from infra.doubles.pipedrive.server import TOKEN, Pipedrive
from tests.api import crm_bitrix24
from tests.api.crm_amocrm_api import START, world
from tests.api.crm_apis import FIRST, KEY, Clock, arrival, reader, site_of, states, tools_of
from tests.api.dynamo import dynamodb

SETTINGS: dict[str, Any] = {
    "request_id": "Заявка",
    "branch": "Филиал",
    "receivable": "Долг",
    "attributes": {"place": "Адрес", "kind": "Тип"},
}
EMPTY = {"emptied": "request_id branch", "receivable": 0, "attributes": "{}"}
FILLED = {"Заявка": "form-A", "Филиал": "Юг", "Долг": "150", "Адрес": "Лесная, 7"}


def left(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was told as emptied, without the records' heads."""
    return [
        {name: one[name] for name in EMPTY if name in one} for one in records if "emptied" in one or one.get("attributes") == "{}"
    ]


def test_amocrm_tells_fields_that_the_settings_name_and_that_the_lead_has_not_any_more() -> None:
    """Hooks and answers list filled fields alone: a default field may not be there at all, one of the settings is."""
    with world(is_worked=False, fields=SETTINGS) as told:
        number = told.account.add_lead(fields=FILLED)
        told.now = START + timedelta(minutes=5)
        told.account.change(number, price=100)
        told.read([Pointer("lead", str(number))])
        assert left(told.records) == []
        told.now = START + timedelta(minutes=9)
        told.account.change(number, fields=dict.fromkeys(FILLED, ""))
        for _ in range(2):
            told.read([Pointer("lead", str(number))])
        assert left(told.records) == [EMPTY]
    with world(is_worked=False) as told:
        number = told.account.add_lead()
        told.now = START + timedelta(minutes=5)
        told.account.change(number, price=100)
        told.read([Pointer("lead", str(number))])
        assert left(told.records) == []


def test_bitrix24_tells_fields_that_an_item_shows_empty() -> None:
    raw = crm_bitrix24.payload("crm_item_get")["result"]["item"]
    codes = {"Заявка": "ufCrm_1", "Филиал": "ufCrm_2", "Долг": "ufCrm_3", "Адрес": "ufCrm_4", "Тип": "ufCrm_5"}
    fields = {
        **{name: codes[SETTINGS[name]] for name in ("request_id", "branch", "receivable")},
        "attributes": {"place": "ufCrm_4", "kind": "ufCrm_5"},
    }

    def told(values: dict[str, Any]) -> list[dict[str, Any]]:
        site = crm_bitrix24.site_of(fields=fields)
        teller = Teller(
            site["crm"]["bitrix24"], site["currency"], crm_bitrix24.arrival_at(crm_bitrix24.BEGIN + timedelta(days=99)), Outcome()
        )
        item = Item({**raw, **values})
        teller.item(DEAL, item, client_of(item, {}))
        return left(crm_bitrix24.told(teller.outcome))

    assert told({codes[name]: value for name, value in {**FILLED, "Тип": None}.items()}) == []
    assert told({"ufCrm_1": "", "ufCrm_2": None, "ufCrm_3": "", "ufCrm_4": False, "ufCrm_5": []}) == [EMPTY]
    assert told({}) == []  # fields that the portal has not


def test_hubspot_tells_properties_that_a_deal_shows_empty() -> None:
    times = {"createdate": "2026-10-12T07:00:00Z", "hs_lastmodifieddate": "2026-10-13T07:00:00Z"}
    names = [*FILLED, "Тип"]

    def told(values: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        deal = {"id": "7", "properties": {**times, **values}, **more}
        section = site_of("hubspot", fields=SETTINGS)["crm"]["hubspot"]
        made = deal_states(deal, (), Reader(Arrival("shop", "delivery", FIRST, KEY), section, {}, Outcome()))
        return left([dict(state.values) for state in made])

    assert told({**dict.fromkeys(names), **FILLED}) == []
    assert told(dict.fromkeys(names)) == [EMPTY]
    assert told({}) == []
    assert told(dict.fromkeys(names), archivedAt="2026-10-14T07:00:00Z") == []


def test_pipedrive_tells_fields_that_a_deal_shows_empty() -> None:
    clock = Clock()
    with dynamodb(("crm",)) as table, Pipedrive(clock) as crm:
        api = reader(
            site_of("pipedrive", api={"url": crm.url}, fields=SETTINGS), "pipedrive", tools_of(table, clock, pipedrive=TOKEN)
        )
        found = []
        deal = crm.company.put_deal(custom_fields={**FILLED, "Тип": None})
        for fields in ({**FILLED, "Тип": None}, dict.fromkeys([*FILLED, "Тип"]), {}):
            clock.wait(60)
            crm.company.put_deal(deal, custom_fields=fields)
            found.append(left(states([api.read([Pointer("deal", str(deal))], arrival(clock))])))
    assert found == [[], [EMPTY], []]


def some(**values: Any) -> Iterator[DealState]:
    """States of a deal as it was made, and as it was changed a second later."""
    for seconds in (0, 1):
        told = {"deal_created_at": FIRST, **values}
        yield DealState(deal_id="7", told_at=FIRST + timedelta(seconds=seconds), rank=3, via="api", values=told)


def test_nothing_is_told_of_a_deal_that_was_not_changed_since_it_was_made() -> None:
    made, changed = (emptied(state, lambda field: True, SETTINGS) for state in some())
    assert made == []
    assert [(one.rank, one.via, one.told_at) for one in changed] == [(3, "api", FIRST + timedelta(seconds=1))]


def test_what_stands_for_an_empty_field_and_one_of_several_attributes_is_not_emptied() -> None:
    """Bitrix24's own number of an order stands for an empty field of the settings, say."""
    _, changed = some(order_id="KV-7", branch=None)
    fields = {"order_id": "Заказ", "branch": "Филиал", "attributes": SETTINGS["attributes"], "product": None}
    (found,) = emptied(changed, lambda field: field != "Тип", fields)
    assert json.loads(json.dumps(found.values)) == {"emptied": "branch"}
    assert emptied(changed, lambda field: False, fields) == []
