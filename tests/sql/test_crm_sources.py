"""The CRM's own source field, what else a deal tells of itself, creations in whole seconds (docs/method.md, section 2)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lakes import Marts, Record, deal, marts_of, request, shop, utc

AT = utc("10-05 10:00")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def source(tmp_path: Path, *records: Record, **settings: Any) -> tuple[Any, ...]:
    row = marts_of(tmp_path, records, shop(**settings)).row("requests")
    return row["channel"], row["source"], row["no_source_reason"]


def test_the_crms_own_source_names_the_source_of_a_deal_without_marks(tmp_path: Path) -> None:
    assert source(tmp_path / "own", deal("d", AT, "working", crm_source="Агент Петров"))[1] == "агент петров"
    marked = [deal("d", AT, "working", crm_source="Сайт"), deal("d", AT + HOUR, None, None, "yandex/cpc")]
    assert source(tmp_path / "marked", *marked)[:2] == ("Yandex Direct", "yandex")
    assert source(tmp_path / "none", deal("d", AT, "working"))[1:] == (None, "not_passed")


def test_the_first_source_that_the_crm_told_stands(tmp_path: Path) -> None:
    told = [deal("d", AT, "working", crm_source="Выставка"), deal("d", AT + HOUR, None, crm_source="Звонок")]
    marts = marts_of(tmp_path, told)
    assert (marts.row("requests")["source"], marts.row("deals")["crm_source"]) == ("выставка", "Выставка")
    assert marts.row("requests")["no_source_reason"] == "overwritten"


def test_marks_and_the_crms_own_word_are_no_two_sources(tmp_path: Path) -> None:
    told = [deal("d", AT, "working", None, "yandex/cpc", crm_source="Сайт"), deal("d", AT + HOUR, None, crm_source="Звонок")]
    assert not marts_of(tmp_path, told).row("deal_facts")["is_overwritten"]


@pytest.mark.parametrize("name", ["Агент-Петров", "агент петров", "ПЕТРОВ"])
def test_own_sources_and_synonyms_know_it(name: str, tmp_path: Path) -> None:
    own = {"own": [{"id": "agent-petrov", "synonyms": ["агент петров", "петров"], "channel": "Агенты"}]}
    assert source(tmp_path, deal("d", AT, "working", crm_source=name), sources=own)[:2] == ("Агенты", "agent-petrov")


@pytest.mark.parametrize(("apart", "channel"), [(True, "Yandex Direct · Агентство А"), (False, "Yandex Direct")])
def test_contractors_are_merged_or_apart(apart: bool, channel: str, tmp_path: Path) -> None:
    agency = {"name": "Агентство А", "source": "yandex", "synonyms": ["Директ агентства"], "campaigns": []}
    settings = {"contractors": [agency], "contractors_apart": apart}
    assert source(tmp_path, deal("d", AT, "working", crm_source="Директ агентства"), sources=settings)[0] == channel


def test_a_source_with_a_bar_stays_one_part(tmp_path: Path) -> None:
    assert source(tmp_path, deal("d", AT, "working", crm_source="a|b"))[1] == "a/b"


def test_a_deal_that_found_its_request_leaves_the_visit_its_source(tmp_path: Path) -> None:
    told = [request("r", AT, "vk/cpc"), deal("d", AT + HOUR, "working", request_id="r", crm_source="Сайт")]
    assert source(tmp_path, *told)[1] == "vk"


def test_a_deal_keeps_the_latest_of_what_it_tells_of_itself(tmp_path: Path) -> None:
    first: dict[str, Any] = {"is_handmade": True, "product": "Кухни", "tags": '["a"]', "communications": 1, "receivable": "100"}
    later: dict[str, Any] = {"tags": '["a","b"]', "communications": 3, "attributes": '{"place":"x"}'}
    row = marts_of(tmp_path, [deal("d", AT, "working", **first), deal("d", AT + HOUR, None, **later)]).row("deals")
    told = {name: str(row[name]) if name == "receivable" else row[name] for name in {**first, **later}}
    assert told == {**first, **later, "receivable": "100.00"}


def since(tmp_path: Path, *records: Record) -> str:
    return f"{marts_of(tmp_path, records).row('deals')['stage_since']:%d %H:%M}"


def test_a_stage_is_entered_with_its_last_unbroken_stretch(tmp_path: Path) -> None:
    way = [deal("d", AT, "working"), deal("d", AT + HOUR, "won"), deal("d", AT + DAY, "working")]
    again = [deal("d", AT + DAY + HOUR, "working", "5"), deal("d", AT + 2 * DAY, None, "7")]
    assert since(tmp_path / "back", *way, *again) == "06 10:00"
    other = [deal("d", AT, "won", pipeline="a"), deal("d", AT + HOUR, "won", pipeline="b")]
    assert since(tmp_path / "pipeline", *other) == "05 11:00"


# Creations in whole seconds


def matched(tmp_path: Path, asked: Any, created: Any) -> str:
    marts = marts_of(tmp_path, [request("r", asked, phone="p"), deal("d", created, "working", phone="p")])
    return str(marts.row("deals")["match_method"])


@pytest.mark.parametrize(
    ("asked", "created", "method"),
    [
        (AT + 0.999 * SECOND, AT, "phone"),
        (AT + SECOND, AT, "implied"),
        (AT + 0.999 * SECOND, AT + 0.001 * SECOND, "implied"),
        (AT - 30 * DAY, AT, "phone"),
        (AT - 30 * DAY - 0.001 * SECOND, AT, "implied"),
    ],
)
def test_a_deal_created_in_whole_seconds_takes_a_request_of_that_second(
    asked: Any, created: Any, method: str, tmp_path: Path
) -> None:
    assert matched(tmp_path, asked, created) == method


def test_a_request_of_that_second_is_the_nearest(tmp_path: Path) -> None:
    asked = [request("before", AT - SECOND, phone="p"), request("within", AT + 0.5 * SECOND, phone="p")]
    marts: Marts = marts_of(tmp_path, [*asked, deal("d", AT, "working", phone="p")])
    assert marts.row("deals")["request_id"] == "within"
