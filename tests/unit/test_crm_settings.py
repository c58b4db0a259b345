"""Settings of CRMs that would read nothing, or meet names of ours, are refused with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import SettingsError
from shared.settings import parse_settings

HEAD = {"site_id": "shop", "name": "Shop", "hosts": ["shop.example"]}


def refusal(crm: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings({**HEAD, "crm": crm})
    return str(caught.value) + repr(getattr(caught.value, "details", ""))


@pytest.mark.parametrize("name", ["requests", "tasks", "outgoing", "amocrm", "generic"])
def test_a_map_is_not_called_by_a_name_of_ours(name: str) -> None:
    assert "is a name of our own" in refusal({"mapped": {name: {"map": {"deal_id": "id"}}}})


@pytest.mark.parametrize("name", ["requests", "tasks", "outgoing", "shop"])
def test_deals_belong_to_a_crm_or_to_another_map(name: str) -> None:
    assert "no CRM and no other map" in refusal({"mapped": {"shop": {"map": {"deal_id": "id"}, "deals_of": name}}})


@pytest.mark.parametrize(
    ("provider", "path"),
    [("amocrm", "/api/v4"), ("amocrm", "/api"), ("pipedrive", "/api/v2"), ("pipedrive", "/v1/"), ("pipedrive", "/api/v1")],
)
def test_an_address_with_the_apis_own_path_is_refused_with_what_to_write(provider: str, path: str) -> None:
    told = refusal({provider: {"api": {"url": f"https://shop.example{path}"}}})
    assert f"write https://shop.example without {path.rstrip('/')}" in told


def test_notes_are_counted_through_the_api_and_instead_of_a_field_of_ones_own() -> None:
    api = {"url": "https://shop.amocrm.ru"}
    parse_settings({**HEAD, "crm": {"amocrm": {"api": api, "count_notes": True}}})
    assert "set api" in refusal({"amocrm": {"count_notes": True}})
    assert "fields.communications" in refusal(
        {"amocrm": {"api": api, "count_notes": True, "fields": {"communications": "Касания"}}}
    )


@pytest.mark.parametrize("url", ["https://v4.amocrm.ru", "https://proxy.example/amo", "http://127.0.0.1:8080"])
def test_an_account_address_is_taken(url: str) -> None:
    crm = parse_settings({**HEAD, "crm": {"amocrm": {"api": {"url": url}}}}).crm
    assert crm.amocrm is not None
    assert crm.amocrm.api is not None
    assert crm.amocrm.api.url == url


@pytest.mark.parametrize(("per_second", "fits"), [(0.1, True), (0.09, False), (0, False), (50, True)])
def test_the_pace_is_a_call_in_ten_seconds_at_the_slowest(per_second: float, fits: bool) -> None:
    crm = {"pipedrive": {"api": {"url": "https://shop.pipedrive.com", "per_second": per_second}}}
    if fits:
        parse_settings({**HEAD, "crm": crm})
    else:
        assert "per_second" in refusal(crm)
