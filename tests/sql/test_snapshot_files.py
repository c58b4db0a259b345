"""Bounds of a snapshot: places and descriptions that are folded, tables that are cut, pages, and answers asked for in windows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.kinds import Kinds
from functions.report.snapshot import build as builder
from functions.report.snapshot import requests as pages
from functions.report.snapshot import snapshot as maker
from functions.report.snapshot.build import RESULTS, TRAFFIC, Days, Months, Table, files_of, pack, to_json
from functions.report.snapshot.dims import Dims
from functions.report.snapshot.places import Places
from functions.report.snapshot.results import add_traffic
from functions.report.snapshot.scope import EVERYTHING
from functions.report.snapshot.snapshot import Snapshot, TooBig, packed, snapshot_of
from functions.report.view.names import Names
from functions.report.view.words import texts
from shared.settings import published
from tests.report_cases import settings_of
from tests.snapshot_cases import snapshot_of_deals
from tests.sql.test_snapshot import REFRESH, lake, path_of, read, rows_of

DAYS = Days(date(2026, 9, 20), date(2026, 11, 2))
KINDS = Kinds({"Yandex Direct": True, "direct": False, "a / b": True, "c / d": False}, frozenset({"a / b", "c / d"}))
NAMES = Names(settings_of())


def place_row(*levels: str, cost: str = "0", visits: int = 1, total: int = 0) -> dict[str, Any]:
    told = dict(zip(("channel", "source", "campaign", "content", "term"), (*levels, "", "", "", ""), strict=False))
    return {**told, "cost": Decimal(cost), "revenue": Decimal(0), "requests": 0.0, "visits": visits, "places_total": total}


def places_of(rows: list[dict[str, Any]], most: int = 100, is_together: bool = True) -> Places:
    return Places(rows, KINDS, NAMES, is_together=is_together, most=most)


def test_an_empty_level_in_the_middle_is_a_place_without_a_name() -> None:
    columns = places_of([place_row("Yandex Direct", "yandex", "", "", "кухни")]).columns()
    assert columns["id"] == ["", "Yandex Direct", "yandex", "", "", "кухни"]
    assert columns["level"] == [0, 1, 2, 3, 4, 5]
    assert columns["parent"] == [-1, 0, 1, 2, 3, 4]
    assert columns["name"][1:4] == ["Яндекс Директ", "Яндекс", texts("ru")["unset"]]
    assert columns["is_ad"] == [None, True, True, True, True, True]


def test_channels_without_a_rule_stand_under_other_traffic_or_alone() -> None:
    rows = [place_row("a / b", "a"), place_row("c / d", "c", "осень")]
    folded = places_of(rows).columns()
    told = list(zip(folded["level"], folded["id"], folded["is_ad"], folded["kind"], strict=True))
    assert told[1] == (1, "other traffic", None, "other"), "both kinds are there"
    assert set(told[2:]) == {(2, "a / b", True, "other"), (2, "c / d", False, "other"), (3, "осень", False, "other")}
    apart = places_of(rows, is_together=False)
    assert "other traffic" not in apart.columns()["id"]


def test_spend_without_a_source_stands_at_its_channel() -> None:
    places = places_of([place_row("Yandex Direct", "yandex", "k")])
    assert places.path(place_row("Yandex Direct", "(not set)")) == ("Yandex Direct",)
    assert places.path(place_row("Yandex Direct", "(not set)", "k")) == ("Yandex Direct", "(not set)", "k")


def test_the_least_places_count_at_their_parents() -> None:
    rows = [place_row("Yandex Direct", "yandex", "k", "ad", f"word {n}", cost=str(n), total=50) for n in range(50)]
    places = places_of(rows, most=15)
    assert len(places.columns()["id"]) == 15
    assert places.folded == 40  # root, channel, source, campaign and ad leave room for ten words
    kept = {row["term"] for row in rows if places.columns()["level"][places.place(row)] == 5}
    assert kept == {f"word {n}" for n in range(40, 50)}
    assert places.columns()["id"][places.place(rows[0])] == "ad"


def test_a_channel_always_has_a_place_even_one_that_was_not_among_the_rows() -> None:
    places = places_of([place_row(f"c{n}") for n in range(30)], most=3)
    assert {places.columns()["level"][places.channel(f"c{n}")] for n in range(30)} == {1}
    late = places.place(place_row("late", "s", "k"))
    assert (places.columns()["id"][late], places.columns()["level"][late]) == ("late", 1)


@given(st.lists(st.lists(st.sampled_from(["", "x", "y"]), min_size=5, max_size=5), max_size=30), st.integers(1, 40))
def test_folding_loses_nothing(levels: list[list[str]], most: int) -> None:
    rows = [{**place_row(*told), "day": DAYS.first, "clicks": 0, "impressions": None} for told in levels]
    add_traffic(months := Months(), rows, places_of(rows, most), DAYS, EVERYTHING)
    told = [json.loads(body) for body in months.files(DAYS, DAYS).values()]
    assert sum(sum(table["visits"]) for table in told) == len(rows)


def test_descriptions_beyond_the_most_are_the_rest() -> None:
    dims = Dims(CrmNames({}), texts("ru"), most=3)
    row = {"provider": "amocrm", "pipeline": "p", "manager": "m", "branch": "", "contact_channel": "form"}
    numbers = [dims.number({**row, "product": f"product {n}"}) for n in range(40)]
    columns = dims.columns()
    assert len(columns["product"]) <= 6
    assert [columns["product"][n] for n in numbers[:3]] == ["product 0", "product 1", "…"]
    assert numbers[-1] == numbers[-2]


def test_names_of_the_crm_are_those_of_the_settings() -> None:
    dims = Dims(CrmNames({"crm": {"amocrm": {"managers": {"7": "Анна"}, "pipelines": {"1": "Продажи"}}}}), texts("ru"))
    row = {"provider": "amocrm", "pipeline": "1", "manager": "7", "branch": None, "product": None, "contact_channel": "call"}
    dims.number(row)
    assert {name: column[1] for name, column in dims.columns().items()} == {
        "pipeline": "Продажи", "manager": "Анна", "branch": "", "product": "", "contact": texts("ru")["contact_channels"]["call"]
    }  # fmt: skip


def random_table(rows: int) -> Table:
    random, table = Random(rows), Table(TRAFFIC, 2)
    for n in range(rows):
        table.add((n, random.randrange(10**9)), [random.randrange(10**9) for _ in range(4)])
    return table


def test_a_table_that_is_too_big_is_cut_into_halves_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MOST_BYTES", 2000)
    files = files_of("traffic-2026-10", random_table(400).columns())
    assert len(files) > 4
    assert all(name.startswith("traffic-2026-10-") and set(name[16:]) <= set("ab") for name in files)
    assert max(len(pack(body)) for body in files.values()) <= 2000
    days = [day for name in sorted(files) for day in json.loads(files[name])["day"]]
    assert days == list(range(400))


def test_a_table_without_rows_is_no_file() -> None:
    assert files_of("traffic-2026-10", Table(TRAFFIC, 2).columns()) == {}


def test_rows_of_one_key_are_added_up() -> None:
    table = Table(RESULTS, 3)
    table.add((1, 2, 3), [0.1, 0, 0, 0, 0.1, 5, None, 0, 1])
    table.add((1, 2, 3), [0.2, 1, 0, 0, 0, 7, 3, 1, 0])
    assert [column[0] for column in table.columns().values()] == [1, 2, 3, 0.3, 1, 0, 0, 0.1, 12, 3, 1, 1]


def test_windows_are_as_many_days_as_have_so_many_rows() -> None:
    days = Days(date(2026, 9, 29), date(2026, 10, 3))
    sizes = {days.first + timedelta(days=n): rows for n, rows in enumerate((5, 6, 4, 30, 1))}
    told = [(window.first.day, window.last.day) for window in days.windows(sizes, 11)]
    assert told == [(29, 30), (1, 1), (2, 2), (3, 3)], "a day of more rows than that stands alone"
    assert len(list(days.windows(sizes, 1))) == 5
    assert list(days.windows({}, 1)) == [days]
    assert days.months == ["2026-09", "2026-10"]


def test_a_months_rows_wait_until_its_last_day_is_over() -> None:
    months = Months()
    told = {window: random_table(3).columns() | {"day": [window, window, window]} for window in (1, 2)}
    months.add("traffic", "2026-10", told[1])
    assert months.files(DAYS, Days(DAYS.first, date(2026, 10, 30))) == {}
    months.add("traffic", "2026-10", told[2])
    months.add("traffic", "2026-11", told[2])
    files = months.files(DAYS, Days(DAYS.first, date(2026, 10, 31)))
    assert files == files_of("traffic-2026-10", {name: told[1][name] + told[2][name] for name in told[1]})
    assert months.files(DAYS, DAYS) == files_of("traffic-2026-11", told[2])


@pytest.mark.parametrize("most", [1, 10])
def test_answers_in_windows_make_the_same_snapshot(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Windows of a day each, and of some days that begin and end within months."""
    marts, site, period = lake("8")
    whole = snapshot_of(marts.warehouse, published(site), period, "day", REFRESH)
    monkeypatch.setattr(maker, "MOST_ROWS", most)
    monkeypatch.setattr(maker, "MOST_TOUCH_ROWS", most)
    cut = snapshot_of(marts.warehouse, published(site), period, "day", REFRESH)
    one, other = read(whole), read(cut)
    assert one["manifest"]["pages"] == other["manifest"]["pages"]
    assert len(one["manifest"]["months"]) > 2
    assert {name: one[name]["id"] for name in one if name.startswith("requests")} == {
        name: other[name]["id"] for name in other if name.startswith("requests")
    }
    for name in ("traffic", "results-linear-request", "results-linear-payment", "results-first-touch", "landings", "sections"):
        told = [sorted(told_rows(files, name)) for files in (one, other)]
        assert told[0] == told[1] != [], name


def told_rows(files: Mapping[str, Any], name: str) -> list[str]:
    """Rows with their places, descriptions and pages instead of numbers, which depend on the order of the answers."""
    dims, pages_of = files["dims"], files["landings"]["names"]
    rows = []
    for row in rows_of(files, name):
        if "place" in row:
            row["place"] = path_of(files["places"], row["place"], 5)
        if "dim" in row:
            row["dim"] = [column[row["dim"]] for column in dims.values()]
        if "landing" in row:
            row["landing"] = pages_of[row["landing"]]
        rows.append(json.dumps(row, ensure_ascii=False))
    return rows


def test_a_months_requests_are_told_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    marts, site, period = lake("3")
    whole = read(snapshot_of(marts.warehouse, published(site), period, "day", REFRESH))
    monkeypatch.setattr(pages, "PAGE", 7)
    files = read(snapshot_of(marts.warehouse, published(site), period, "day", REFRESH))
    listed = files["manifest"]["pages"]
    assert max(page["rows"] for page in listed) == 7
    ids = [request for page in listed for request in files[page["name"]]["id"]]
    assert ids == [request for page in whole["manifest"]["pages"] for request in whole[page["name"]]["id"]]
    times = [at for page in listed for at in files[page["name"]]["at"]]
    assert times == sorted(times, reverse=True), "newest first"
    for page in listed:
        assert (page["from"], page["to"]) == (min(files[page["name"]]["day"]), max(files[page["name"]]["day"]))


def test_a_file_that_cannot_be_cut_is_refused_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "MOST_BYTES", 100)
    noise = Random(1).randbytes(4000).hex().encode()
    with pytest.raises(TooBig, match="places has"):
        packed(Snapshot({"places": b'"' + noise + b'"'}))


def test_a_page_with_everything_in_it_leaves_out_other_models_before_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    files = snapshot_of_deals(400, ("last_non_direct", "linear"))
    other = sum(len(body) for name, body in files.items() if name.startswith("results-linear"))
    size = sum(map(len, files.values()))
    monkeypatch.setattr(maker, "MOST_INLINED", size - other)
    text = Snapshot(files, is_hosted=False).inlined()
    assert "results-linear" not in text, "neither a file nor its name in the manifest"
    assert "results-last_non_direct" in text
    monkeypatch.setattr(maker, "MOST_INLINED", (size - other) // 2)
    fewer = Snapshot(files, is_hosted=False).inlined()
    assert 'data-name="requests-2026-10-0"' in fewer
    assert fewer.count('data-name="requests-') < text.count('data-name="requests-')


def test_all_in_one_page_is_what_the_files_are() -> None:
    manifest = {"a": "</script><!--", "files": {"places": 12}, "model": "first", "pages": []}
    files = {"manifest": to_json(manifest), "places": to_json({"id": ["<b>"]})}
    text = Snapshot(files, is_hosted=False).inlined()
    told: dict[str, Any] = {}
    for element in text.split("\n"):
        name, _, body = (
            element.removeprefix('<script type="application/json" data-name="').removesuffix("</script>").partition('">')
        )
        told[name] = json.loads(body)
    assert told == {"manifest": manifest, "places": {"id": ["<b>"]}}


def test_history_ends_with_the_last_whole_day_that_is_known() -> None:
    marts, site, period = lake("8")
    days = maker.history_of(published(site), period, REFRESH)
    assert days.last == REFRESH.data_to.date() - timedelta(days=1)
    old = REFRESH._replace(data_to=REFRESH.data_to - timedelta(days=300))
    assert maker.history_of(published(site), period, old).last == period.last
    assert marts.warehouse.bytes_scanned == 0
