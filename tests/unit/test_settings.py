"""Settings of a site: every mistake is named with its place; what is published reads back the same."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.crm_webhook.amocrm.states import CLOSED_STAGES
from infra.cli.sites import warnings_of
from shared.errors import SettingsError
from shared.settings import AMO_CLOSED, MEANING_RANK, SiteSettings, parse_settings, published

LEAST: dict[str, Any] = {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}
FULL = """
site_id: kvartal
name: Квартал
hosts: [Kvartal.example, shop.kvartal.example]
origins: [https://kvartal.example, "http://localhost:8080"]
payment_hosts: [pay.example]
time_zone: Asia/Yekaterinburg
currency: RUB
pii: hash
crm:
  token_sha256: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
stages:
  - pipeline: Продажи
    valid_from: 2026-01-01
    money_stage: won
    stages: {Новая: unsorted, В работе: working, Оплачено: paid, Отказ: lost}
  - stages: {won: won, lost: lost}
margins:
  - {valid_from: 2026-01-01, percent: 41.2}
rates:
  - {currency: USD, day: 2026-10-01, rate: 92.5}
attribution: {lookback_days: 30, default_model: linear, position: [50, 0, 50]}
costs: {show: net, vat_percent: 22}
requests: {duplicate_days: ever, target_talk_seconds: 40}
report:
  recipients: [owner@kvartal.example]
  language: en
  days: 7
  thresholds: {good: 1, normal: 0.2, minimum_sales: 5}
"""


def mistakes(raw: object) -> dict[str, str]:
    """Place → message of every mistake."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(raw)
    assert caught.value.fields
    return {field.path: field.message for field in caught.value.fields}


def test_a_file_as_people_write_it_is_read_with_all_its_parts() -> None:
    site = parse_settings(yaml.safe_load(FULL))
    assert site.hosts == ["kvartal.example", "shop.kvartal.example"]
    assert site.stages[0].valid_from == date(2026, 1, 1)
    assert site.stages[0].stages["Оплачено"] == "paid"
    assert site.margins[0].percent == Decimal("41.2")
    assert site.rates[0].rate == Decimal("92.5")
    assert site.attribution.position == (50, 0, 50)
    assert site.requests.duplicate_days == "ever"
    assert site.report.language == "en"
    assert site.allowed_origins == ["https://kvartal.example", "http://localhost:8080"]


@pytest.mark.parametrize("bare", ["0101", "101", "+101", "1_0", "10:30", "1.50", "yes"])
def test_a_destination_without_quotes_is_refused_for_yaml_may_read_another_one(bare: str) -> None:
    """A bare 0101 is 65 in YAML 1.1."""
    raw = yaml.safe_load(f"calls: {{managers: {{Анна: {bare}}}, routes: [{{to: {bare}}}]}}")
    told = mistakes({**LEAST, **raw})
    assert set(told) == {"calls.managers.Анна", "calls.routes.0.to"}
    assert all("write it in quotes, so that a leading zero stays" in message for message in told.values())


def test_a_destination_in_quotes_keeps_its_leading_zero() -> None:
    raw = yaml.safe_load('calls: {managers: {Анна: "0101"}, routes: [{to: "0102"}, {to: sales}]}')
    calls = parse_settings({**LEAST, **raw}).calls
    assert (calls.managers, [route.to for route in calls.routes]) == ({"Анна": "0101"}, ["0102", "sales"])


def test_the_settings_that_the_guide_of_asterisk_shows_are_accepted() -> None:
    guide = (Path(__file__).parents[2] / "infra" / "asterisk" / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) + re.findall(r"`(calls: \{.*?\})`", guide)
    assert shown
    for text in shown:
        asterisk = parse_settings({**LEAST, **yaml.safe_load(text)}).calls.asterisk
        assert asterisk is not None
        assert asterisk.contexts == ["from-trunk"]


def test_three_lines_are_enough_and_the_rest_has_the_laws_defaults() -> None:
    site = parse_settings(LEAST)
    assert (site.time_zone, site.currency, site.pii, site.report.language) == ("Europe/Moscow", "RUB", "hash", "ru")
    assert (site.attribution.lookback_days, site.attribution.default_model) == (90, "last_non_direct")
    assert site.attribution.position == (40, 20, 40)
    assert (site.requests.duplicate_days, site.requests.target_talk_seconds) == (30, 30)
    assert site.report.thresholds.minimum_sales == 10
    assert site.crm.token_sha256 == []


def test_without_stage_rules_the_meanings_themselves_are_the_stages_and_won_brings_money() -> None:
    (rule,) = parse_settings(LEAST).stages
    assert rule.stages == {name: name for name in MEANING_RANK}
    assert (rule.pipeline, rule.money_stage) == ("*", "won")


def test_origins_follow_the_hosts_unless_they_are_listed() -> None:
    assert parse_settings(LEAST).allowed_origins == ["https://kvartal.example", "https://www.kvartal.example"]
    assert parse_settings({**LEAST, "origins": ["https://a.example"]}).allowed_origins == ["https://a.example"]


@pytest.mark.parametrize(
    ("change", "place", "word"),
    [
        ({"site_id": "Квартал"}, "site_id", "match"),
        ({"site_id": "../x"}, "site_id", "match"),
        ({"site_id": "a" * 41}, "site_id", "match"),
        ({"site_id": "kvartal\n"}, "site_id", "match"),
        ({"site_id": None}, "site_id", "string"),
        ({"name": ""}, "name", "at least 1"),
        ({"hosts": []}, "hosts", "at least 1"),
        ({"hosts": "kvartal.example"}, "hosts", "list"),
        ({"hosts": ["kvartal.example", "https://kvartal.example/"]}, "hosts.1", "match"),
        ({"origins": ["https://kvartal.example/path"]}, "origins.0", "match"),
        ({"origins": ["kvartal.example"]}, "origins.0", "match"),
        ({"time_zone": "Moscow"}, "time_zone", "Europe/Moscow"),
        ({"currency": "рубли"}, "currency", "match"),
        ({"currency": "rub"}, "currency", "match"),
        ({"pii": "plain"}, "pii", "'hash' or 'vault'"),
        ({"crm": {"token_sha256": ["token"]}}, "crm.token_sha256.0", "match"),
        ({"crm": {"token_sha256": ["a" * 64] * 3}}, "crm.token_sha256", "at most 2"),
        ({"crm": {"token": "x"}}, "crm.token", "not permitted"),
        ({"stages": []}, "stages", "at least 1"),
        ({"stages": [{"stages": {}}]}, "stages.0", "at least 1"),
        ({"stages": [{"stages": {"Новая": "new"}}]}, "stages.0.stages.Новая", "unsorted"),
        ({"stages": [{"stages": {"a": "won"}, "money_stage": "lost"}]}, "stages.0.money_stage", "'won'"),
        ({"stages": [{"stages": {"a": "won"}, "valid_from": "soon"}]}, "stages.0.valid_from", "date"),
        ({"margins": [{"percent": 40}]}, "margins.0.valid_from", "required"),
        ({"margins": [{"valid_from": "2026-01-01", "percent": 101}]}, "margins.0.percent", "100"),
        ({"margins": [{"valid_from": "2026-01-01", "percent": "much"}]}, "margins.0.percent", "decimal"),
        ({"rates": [{"currency": "USD", "day": "2026-01-01", "rate": 0}]}, "rates.0.rate", "greater than 0"),
        ({"attribution": {"lookback_days": -1}}, "attribution.lookback_days", "0"),
        ({"attribution": {"default_model": "magic"}}, "attribution.default_model", "last_non_direct"),
        ({"attribution": {"position": [40, 40, 40]}}, "attribution.position", "100"),
        ({"attribution": {"position": [120, -40, 20]}}, "attribution.position", "0 or more"),
        ({"costs": {"show": "both"}}, "costs.show", "gross"),
        ({"costs": {"vat_percent": 120}}, "costs.vat_percent", "100"),
        ({"report": {"recipients": ["nobody"]}}, "report.recipients.0.address", "match"),
        ({"report": {"recipients": ["a@b.example\nBcc: c@d.example"]}}, "report.recipients.0.address", "match"),
        ({"report": {"language": "de"}}, "report.language", "'ru' or 'en'"),
        ({"report": {"days": 0}}, "report.days", "1"),
        ({"report": {"thresholds": {"good": "high"}}}, "report.thresholds.good", "decimal"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"calls": {"uis": {}}}, "calls.uis.token_sha256", "required"),
        ({"calls": {"calltouch": {"token_sha256": []}}}, "calls.calltouch.token_sha256", "at least 1"),
        ({"calls": {"mikopbx": {"token_sha256": []}}}, "calls.mikopbx.token_sha256", "at least 1"),
        ({"calls": {"asterisk": {"contexts": []}}}, "calls.asterisk.contexts", "at least 1"),
    ],
)
def test_a_mistake_is_named_with_its_place(change: dict[str, Any], place: str, word: str) -> None:
    found = mistakes({**LEAST, **change})
    assert list(found) == [place]
    assert word in found[place]


def test_a_wrong_number_of_duplicate_days_is_named() -> None:
    assert all(
        place.startswith("requests.duplicate_days") for place in mistakes({**LEAST, "requests": {"duplicate_days": "never"}})
    )


@pytest.mark.parametrize("missing", ["site_id", "name", "hosts"])
def test_what_is_needed_and_missing_is_named(missing: str) -> None:
    raw = {name: value for name, value in LEAST.items() if name != missing}
    assert mistakes(raw) == {missing: "Field required"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stages": [{"stages": {"a": "won"}}, {"stages": {"b": "won"}}]}, ("stages", "*", "2000-01-01", "twice")),
        ({"margins": [{"valid_from": "2026-01-01", "percent": p} for p in (1, 2)]}, ("margins", "2026-01-01", "twice")),
        ({"rates": [{"currency": "USD", "day": "2026-01-01", "rate": p} for p in (1, 2)]}, ("rates", "USD", "2026-01-01", "twice")),
    ],
)
def test_two_rules_for_the_same_day_are_refused_by_name(change: dict[str, Any], words: tuple[str, ...]) -> None:
    (message,) = mistakes({**LEAST, **change}).values()
    assert all(word in message for word in words)


def test_rules_of_different_days_and_pipelines_stand_side_by_side() -> None:
    rules = [
        {"stages": {"a": "won"}},
        {"stages": {"a": "lost"}, "valid_from": "2026-02-01"},
        {"pipeline": "Опт", "stages": {"a": "working"}},
    ]
    assert len(parse_settings({**LEAST, "stages": rules}).stages) == 3


def test_all_mistakes_are_named_at_once_in_one_readable_text() -> None:
    raw = {**LEAST, "time_zone": "Mars", "currency": "?", "report": {"days": 0, "language": "de"}}
    assert mistakes(raw).keys() == {"time_zone", "currency", "report.days", "report.language"}
    with pytest.raises(SettingsError) as caught:
        parse_settings(raw)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert "not applied" in lines[0]
    assert any(line.strip().startswith("time_zone: ") for line in lines[1:])


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_a_file_that_is_no_mapping_is_named_as_a_whole(raw: object) -> None:
    assert list(mistakes(raw)) == ["(file)"]


def test_what_is_published_is_plain_json_with_every_default_and_reads_back_the_same() -> None:
    for raw in (LEAST, yaml.safe_load(FULL)):
        site = parse_settings(raw)
        told = published(site)
        assert json.loads(json.dumps(told)) == told
        assert told.keys() == SiteSettings.model_fields.keys()
        again = parse_settings(copy.deepcopy(told))
        assert published(again) == told


def test_sums_and_percents_are_published_exactly() -> None:
    told = published(parse_settings({**LEAST, "margins": [{"valid_from": "2026-01-01", "percent": "33.333333"}]}))
    assert Decimal(told["margins"][0]["percent"]) == Decimal("33.333333")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=8), c, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(SiteSettings.model_fields)), VALUES, max_size=5))
def test_any_file_is_taken_or_every_mistake_is_named(change: dict[str, Any]) -> None:
    raw = {**LEAST, **change}
    try:
        told: Any = published(parse_settings(raw))
    except SettingsError as error:
        told = [field for field in error.fields if field.path and field.message]
    assert told


def test_a_bare_off_of_yaml_switches_duplicates_off() -> None:
    assert parse_settings({**LEAST, "requests": {"duplicate_days": yaml.safe_load("off")}}).requests.duplicate_days == "off"
    with pytest.raises(SettingsError, match=r"duplicate_days.*off or ever"):
        parse_settings({**LEAST, "requests": {"duplicate_days": True}})


def amo(*rules: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {**LEAST, "crm": {"amocrm": settings}, "stages": list(rules)}


def test_the_closed_stages_of_amocrm_are_those_that_its_adapter_renames() -> None:
    assert AMO_CLOSED == CLOSED_STAGES


def test_amocrms_closed_stages_are_refused_by_number_and_the_word_is_named() -> None:
    rules: list[dict[str, Any]] = [
        {"stages": {"a": "working"}},
        {"pipeline": 6904417, "stages": {142: "paid", "143": "lost", "won": "paid"}},
    ]
    (message,) = mistakes(amo(*rules)).values()
    assert "stages.1.stages.142: write won" in message
    assert "stages.1.stages.143: write lost" in message
    assert "stages.0" not in message


def test_without_amocrm_142_is_a_stage_like_any_other() -> None:
    rule = {"stages": {"142": "paid"}}
    assert parse_settings({**LEAST, "stages": [rule]}).stages[0].stages == {"142": "paid"}


@pytest.mark.parametrize(
    ("money_stage", "meanings", "is_warned"),
    [
        ("paid", ("working", "won", "lost"), True),
        ("paid", ("won", "paid"), False),
        ("won", ("contract", "lost", "claim"), True),
        ("won", ("won",), False),
        ("won", ("paid",), False),
        ("contract", ("qualified",), True),
        ("contract", ("contract",), False),
    ],
)
def test_a_rule_whose_stages_never_bring_money_is_warned_of(money_stage: str, meanings: tuple[str, ...], is_warned: bool) -> None:
    rule = {"pipeline": "Опт", "money_stage": money_stage, "stages": {meaning: meaning for meaning in meanings}}
    warnings = warnings_of(parse_settings({**LEAST, "stages": [{"stages": {"a": "paid"}}, rule]}))
    told = f"stages.1: no stage of pipeline Опт means {money_stage} or later: money comes from payments only"
    assert warnings == ([told] if is_warned else [])


def test_channels_of_a_scope_that_nobody_names_are_warned_of() -> None:
    own = {"id": "radio", "name": {"ru": "Радио", "en": "Radio"}, "synonyms": ["radio"], "channel": "Эфир"}
    known = ["Yandex Direct", "яндекс директ", "Организация · Анна", "Google Ads · Анна", "blogger / cpa", "Прочий трафик", "эфир"]
    scopes = [{"name": "a", "channels": ["VK Ads"]}, {"name": "b", "channels": [*known, "Yandex Direkt", "no source"]}]
    told = parse_settings({**LEAST, "sources": {"own": [own]}, "report": {"scopes": scopes}})
    warnings = warnings_of(told)
    assert [warning.partition("the channel ")[2].partition(":")[0] for warning in warnings] == [
        "Организация · Анна", "Yandex Direkt", "no source"
    ]  # fmt: skip
    assert warnings[1].startswith("report.scopes.1.channels: no rule and no own source has the channel Yandex Direkt: readers of b")


def test_names_where_amocrm_tells_ids_are_warned_of() -> None:
    named = {"pipeline": "Продажи", "stages": {"Оплачено": "paid"}}
    ids = {"pipeline": "6904417", "stages": {"58113402": "unsorted", "Замер": "qualified", "won": "paid", "lost": "lost"}}
    (warning,) = warnings_of(parse_settings(amo(named)))
    assert "stages: no rule is for amoCRM's deals" in warning
    (warning,) = warnings_of(parse_settings(amo(named, ids)))
    assert warning.startswith("stages.1: amoCRM tells stages by id")
    assert warning.endswith(": Замер")
    assert warnings_of(parse_settings(amo({"stages": {"Оплачено": "paid", "won": "paid"}}))) == []
    assert warnings_of(parse_settings({**LEAST, "stages": [named]})) == []


def test_settings_without_rules_of_their_own_give_no_warning() -> None:
    assert warnings_of(parse_settings(LEAST)) == []


def test_leases_that_end_between_two_signs_of_life_are_warned_of() -> None:
    pools = [{"name": "spb", "lease_seconds": 60}, {"name": "msk", "lease_seconds": 120}]
    warnings = warnings_of(parse_settings({**LEAST, "numbers": {"first_lease_seconds": 30, "pools": pools}}))
    assert [text.partition(":")[0] for text in warnings if text.startswith("numbers")] == [
        "numbers.first_lease_seconds", "numbers.pools.0.lease_seconds",
    ]  # fmt: skip


def test_pipelines_that_stand_apart_are_not_warned_of() -> None:
    delivery = {"pipeline": "delivery", "kind": "auxiliary"}
    sales = {"money_stage": "won", "stages": {"won": "won"}}
    assert warnings_of(parse_settings({**LEAST, "stages": [sales, delivery]})) == []
