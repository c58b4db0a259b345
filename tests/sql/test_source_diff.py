"""`skvoz source diff`: what it foretells is what a refresh with the new settings then does."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.source_rules import RULES
from infra.sources.diff import LEFT_OUT, Difference, Weight, difference
from infra.sources.marts import folder_marts
from infra.sources.tables import diff_text
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import refresh_folder
from shared.errors import BadInput
from shared.settings import SiteSettings
from tests.lakes import NOW, cost, deal, hit, request, shop, utc, write

START = utc("11-15 10:00")
RECORDS = [
    *(hit(f"y{n}", START, "yandx/cpc/a") for n in range(3)),
    hit("p", START, "partner/cpc/b"),
    hit("v", START, "vk/cpc/c"),
    hit("r", START, referrer="https://shop-pay.example/", referrer_host="shop-pay.example"),
    hit("d", START),
    request("q1", utc("11-15 12:00"), visitor="y0"),
    deal("d1", utc("11-15 13:00"), "won", "1000", request_id="q1"),
    request("q2", utc("11-15 12:00"), "yandx/cpc/a", phone="p2", contact_channel="manual"),
    deal("d2", utc("11-15 13:00"), "won", "500", request_id="q2"),
    cost("11-14", "yandx/cpc/a", "70"),
]
NEW = shop(sources={"own": [{"id": "yandex", "synonyms": ["yandx"]}]}, payment_hosts=["shop-pay.example"])


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write(tmp_path, RECORDS, NOW)
    refresh_folder(tmp_path, [shop()], NOW)
    return tmp_path


def figures(lake: Path) -> dict[str, tuple[int, Decimal]]:
    """Visits and cost of each channel as the marts have them."""
    text = """SELECT channel, CAST(sum(visits) AS bigint) AS visits, sum(cost) AS cost
        FROM (SELECT channel, 1 AS visits, 0 AS cost FROM sessions UNION ALL SELECT channel, 0, cost FROM costs) AS both
        GROUP BY channel"""
    with folder_marts(lake, "shop") as warehouse:
        return {row["channel"]: (row["visits"], row["cost"]) for row in warehouse.rows(text)}


def moved(found: Difference) -> dict[str, tuple[int, int]]:
    return {name: (old.visits, new.visits) for name, old, new in found.channels}


def test_what_is_foretold_is_what_the_refresh_then_does(lake: Path) -> None:
    before, foretold = figures(lake), difference(lake, shop(), NEW)
    refresh_folder(lake, [NEW], NOW)
    after = figures(lake)
    assert {name: (old.visits, old.cost) for name, old, _ in foretold.channels if old != Weight()} == {
        name: before[name] for name, old, _ in foretold.channels if old != Weight()
    }
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name for name, _, _ in foretold.channels} == changed == {"yandx / cpc", "Yandex Direct", "Referral", "direct"}
    for name, _, new in foretold.channels:
        assert (new.visits, new.cost) == after.get(name, (0, Decimal(0))), name


def test_requests_revenue_and_cost_go_with_the_touches(lake: Path) -> None:
    found = difference(lake, shop(), NEW)
    first = found.changed[0]
    assert first.entry_key == "yandx|cpc|||a"
    assert (first.before, first.after) == (("yandx / cpc", "yandx", "cpc"), ("Yandex Direct", "yandex", "cpc"))
    assert first.weight == Weight(3, 2.0, Decimal(1500), Decimal(70))
    assert first.also == ("channel group Paid Other → Paid Search",)


def test_the_same_settings_change_nothing_and_it_is_said(lake: Path) -> None:
    found = difference(lake, shop(), shop())
    assert (list(found.changed), list(found.channels)) == ([], [])
    assert diff_text(found, 20).startswith("nothing would change")


def test_nothing_is_written(lake: Path) -> None:
    before = {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    difference(lake, shop(), NEW)
    assert {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()} == before


def rules_with(folder: Path, file: str, more: str) -> Path:
    shutil.copytree(RULES, folder)
    with (folder / file).open("a", encoding="utf-8") as out:
        out.write(more)
    return folder


def test_other_rule_files_are_compared(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    rules = rules_with(tmp_path_factory.mktemp("r") / "rules", "spam.tsv", "shop-pay.example\tshop-pay.example\tspam\t\n")
    found = difference(lake, shop(), shop(), rules)
    assert [(c.before[0], c.after[0]) for c in found.changed] == [("Referral", LEFT_OUT)]
    assert moved(found) == {"Referral": (1, 0), LEFT_OUT: (0, 1)}


def test_marks_alone_that_change_move_no_figure(lake: Path) -> None:
    found = difference(lake, shop(), shop(sources={"own": [{"id": "vk", "is_ad": False}]}))
    assert [c.also for c in found.changed] == [("ad yes → no",)]
    assert "no figure of a channel moves" in diff_text(found, 20)


def test_what_combinations_of_marks_cannot_tell_is_named(lake: Path) -> None:
    found = difference(lake, shop(), shop(sources={"parameters": {"utm_source": ["from"]}}))
    assert "sources.parameters" in " ".join(found.unseen)


@pytest.mark.parametrize(("changes", "says"), [({"site_id": "other"}, "two sites"), ({}, "no folder of rules")])
def test_what_cannot_be_compared_is_refused(lake: Path, changes: dict[str, Any], says: str) -> None:
    new: SiteSettings = shop(**changes)
    with pytest.raises(BadInput, match=says):
        difference(lake, shop(), new, lake / "raw")


def test_a_folder_in_use_or_never_refreshed_is_named(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(BadInput, match="no complete refresh"):
        difference(tmp_path_factory.mktemp("none"), shop(), NEW)
    other = DuckDbWarehouse(lake, lake / "marts" / "warehouse.duckdb")
    try:
        with pytest.raises(BadInput, match="try again"):
            difference(lake, shop(), NEW)
    finally:
        other.close()
