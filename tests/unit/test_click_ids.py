"""The click ids that the doors read are those that the rules know a source for: two lists, one content."""

from __future__ import annotations

import csv
from pathlib import Path

from shared.marks import AD_IDS, CLICK_IDS, PERSONAL, UTM
from shared.records import HIT

RULES = Path(__file__).parents[2] / "functions/attribution/rules/clicks.tsv"
FREE = {"fbclid", "igshid", "igsh", "ysclid", "srsltid"}


def rules() -> list[dict[str, str]]:
    with RULES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_click_id_has_a_source_and_a_kind_and_no_rule_waits_for_an_id_that_is_not_read() -> None:
    assert [rule["click_id"] for rule in rules()] == list(CLICK_IDS)
    assert all(rule["source"] and rule["medium_kind"] for rule in rules())


def test_ids_that_free_links_carry_come_last_and_are_no_ads() -> None:
    kinds = {rule["click_id"]: rule["medium_kind"] for rule in rules()}
    assert set(CLICK_IDS[-len(FREE) :]) == FREE
    assert {kinds[name] for name in FREE} == {"social", "organic"}
    assert {kind for name, kind in kinds.items() if name not in FREE} <= {"paid", "display", "network", "affiliate", "email"}


def test_names_are_compared_in_lower_case_and_fit_their_column() -> None:
    limit = next(column.limit for column in HIT.columns if column.name == "click_id_name")
    assert limit is not None
    for names in (CLICK_IDS, AD_IDS, PERSONAL, UTM):
        assert [name for name in names if name != name.lower()] == []
    assert [name for name in CLICK_IDS if len(name) > limit] == []


def test_no_name_stands_in_two_lists() -> None:
    lists = [set(CLICK_IDS), AD_IDS, PERSONAL, UTM]
    assert len(CLICK_IDS) == len(set(CLICK_IDS))
    assert sum(map(len, lists)) == len(set().union(*lists))
