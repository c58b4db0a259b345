"""Every check of `skvoz doctor`: what it says of an installation with that one thing wrong, and nothing of a sound one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.costs.messages import TEXTS
from functions.crm_webhook import generic
from functions.crm_webhook.amocrm import adapter as amocrm
from functions.crm_webhook.bitrix24 import hooks as bitrix24
from functions.crm_webhook.hubspot import hooks as hubspot
from functions.crm_webhook.mapped import hooks as mapped
from functions.crm_webhook.pipedrive import hooks as pipedrive
from functions.crm_webhook.requests import request
from functions.crm_webhook.tasks import send
from functions.report.view.words import texts
from infra.doctor.checks import SITE_CHECKS, STACK_CHECKS, arrivals, refresh, secrets, settings, sources, tracker
from infra.doctor.checks.reasons import LOSES_DATA, meaning_of
from infra.doctor.facts import (
    SiteFacts,
    StackFacts,
    Tag,
)
from infra.doctor.finding import Finding
from tests.doctor_cases import CASES, NOTE
from tests.doctor_sound import NOW, Case, page, shop, sound_site, sound_stack, spent

TODAY = NOW.date()


def told(check: Callable[[Any], Any], facts: SiteFacts | StackFacts) -> list[Finding]:
    return list(check(facts))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check.__name__}: {case.words[:50]}")
def test_a_check_names_what_is_wrong_and_what_to_do(case: Case) -> None:
    findings = told(case.check, case.facts)
    mine = [one for one in findings if re.search(case.words, f"{one.what} {one.do}", re.DOTALL)]
    assert [one.severity for one in mine] == [case.severity], findings
    assert all(one.area and one.do for one in mine)
    assert all(one.site_id == ("shop" if isinstance(case.facts, SiteFacts) else "") for one in findings)


@pytest.mark.parametrize("check", STACK_CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_said_of_a_sound_stack(check: Callable[[Any], Any]) -> None:
    assert told(check, sound_stack()) == []


@pytest.mark.parametrize("check", SITE_CHECKS, ids=lambda check: check.__name__)
def test_of_a_sound_site_only_how_its_tracker_comes_is_said(check: Callable[[Any], Any]) -> None:
    assert [one.what for one in told(check, sound_site()) if one.severity is not NOTE] == []
    assert told(check, sound_site()) == [] or check is tracker.on_page


def test_every_check_has_a_case_in_which_it_speaks() -> None:
    assert {check.__name__ for check in (*STACK_CHECKS, *SITE_CHECKS)} == {case.check.__name__ for case in CASES}


@pytest.mark.parametrize("check", SITE_CHECKS, ids=lambda check: check.__name__)
def test_what_nobody_looked_at_is_not_judged(check: Callable[[Any], Any]) -> None:
    """A plain folder has no stack, and rights may be missing."""
    bare = SiteFacts("shop", NOW, shop({}), unread={"the newest report": "AccessDenied"})
    if check is not refresh.unread_of_site:
        assert told(check, bare) == []
    assert told(check, SiteFacts("shop", NOW)) == [] or check in (settings.published,)


def test_a_tracker_on_the_sites_own_path_is_praised_and_a_near_subdomain_too() -> None:
    [own] = told(tracker.on_page, page(Tag("shop", "https://shop.example/skvoz")))
    assert (own.severity, "400 days" in own.what) == (NOTE, True)
    near = {"shop.example": ("93.184.1.1",), "stat.shop.example": ("93.184.9.9",)}
    [below] = told(tracker.on_page, page(Tag("shop", "https://stat.shop.example"), addresses=near))
    assert (below.severity, "own neighbourhood" in below.what) == (NOTE, True)


def test_silence_of_a_weekend_is_usual_where_weekends_are_silent() -> None:
    monday = datetime(2026, 11, 16, 6, tzinfo=UTC)
    workdays = [monday.date() - timedelta(days=n) for n in range(3, 14) if (monday - timedelta(days=n)).weekday() < 5]
    least = timedelta(hours=24)
    assert arrivals.usual_silence(frozenset(workdays), monday, least) == timedelta(days=4)
    assert arrivals.usual_silence(frozenset(TODAY - timedelta(days=n) for n in range(14)), NOW, least) == least
    assert arrivals.usual_silence(frozenset([TODAY]), NOW, least) == timedelta(days=7)


def test_an_account_whose_standing_still_is_imported_is_not_missed() -> None:
    assert told(arrivals.ad_accounts, spent(TODAY - timedelta(days=5), covered=TODAY - timedelta(days=1))) == []
    assert told(arrivals.ad_accounts, spent(TODAY - timedelta(days=2))) == []


def test_a_rule_of_another_crm_beside_amocrm_needs_no_words_of_amocrm() -> None:
    amo = {"crm": {"token_sha256": ["ab" * 32], "amocrm": {}}, "stages": [{"money_stage": "won", "stages": {"done": "won"}}]}
    assert list(settings.stages(SiteFacts("shop", NOW, shop(amo), stages={("generic", "", "done"): 3}))) == []


def test_calls_are_expected_where_numbers_or_a_telephony_are_set() -> None:
    assert not arrivals.is_expected("call", shop({"numbers": {}}))
    assert arrivals.is_expected("call", shop({"calls": {"mango": {}}}))


def _listed() -> set[str]:
    """Reasons in the table of docs/operations.md, rejected records: each stands as code in its second cell."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## Rejected records")[2].partition("\n## ")[0]
    cells = [line.split("|")[2] for line in table.splitlines() if line.startswith("| `")]
    return {reason for cell in cells for reason in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", cell)}


def test_every_reason_of_the_documents_and_of_the_doors_has_its_meaning() -> None:
    unknown = meaning_of("no such reason")
    doors = {*TEXTS}.union(*(door.REASONS for door in (generic, amocrm, bitrix24, hubspot, pipedrive, mapped, request, send)))
    listed = _listed()
    assert {"bad_json", "no_entity", "refused_by_crm"} <= listed
    assert sorted(reason for reason in listed | doors if meaning_of(reason) == unknown) == []
    assert {"wrong_account", "not_set_up"} - LOSES_DATA == set()


def test_all_that_the_reports_source_control_finds_has_words_here() -> None:
    assert texts("en")["control"]["findings"].keys() == sources.FINDINGS.keys()


def test_every_secret_that_a_door_needs_is_asked_for() -> None:
    site = shop(
        {
            "crm": {
                "token_sha256": ["ab" * 32],
                "bitrix24": {"api": {"url": "https://shop.bitrix24.ru/rest/1"}},
                "pipedrive": {"api": {"url": "https://shop.pipedrive.com"}},
                "mapped": {
                    "retail": {"signature": "standard_webhooks", "map": {"deal_id": "id"}},
                    "plain": {"map": {"deal_id": "id"}},
                },
            },
            "calls": {"zadarma": {}, "asterisk": {"contexts": ["from-trunk"]}, "mikopbx": {"token_sha256": ["ab" * 32]}},
        }
    )
    assert {wanted.name for wanted in secrets.wanted_secrets(site, "test", has_numbers=True)} == {
        "shop/import", "shop/crm-bitrix24", "shop/crm-bitrix24-api", "shop/crm-pipedrive-api", "shop/crm-retail",
        "shop/calls-zadarma", "shop/calls-asterisk",
    }  # fmt: skip
    bare = shop({"crm": {"token_sha256": ["ab" * 32]}})
    names = {wanted.name for wanted in secrets.wanted_secrets(bare, "test", has_numbers=True)}
    assert names == {"shop/import", "shop/crm-generic", "shop/calls-generic"}
