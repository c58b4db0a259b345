"""The models that lean on all paths of a month: markov, markov_path, shapley, marginal (docs/method.md, models)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.markov import SEPARATOR
from infra.warehouse.duckdb import DuckDbWarehouse
from tests.lakes import NOW, Marts, Record, assert_same, deal, hit, marts_of, request, shop, utc, write

ADS = {"A": "yandex/cpc", "B": "vk/cpc", "C": "google/cpc"}
A, B, C = "Yandex Direct", "VK Ads", "Google Ads"
FIRST = utc("10-05 12:00")


def people(*paths: str, month: int = 10) -> list[Record]:
    """Each text a visitor of his own and his visits; `+` at the end: he asked and bought, `-`: he asked only, else he went away."""
    told = []
    for number, letters in enumerate(paths):
        visitor, at = f"{month}-{number}", FIRST.replace(month=month) + timedelta(hours=number)
        told += [hit(visitor, at + timedelta(days=n), ADS[letter]) for n, letter in enumerate(letters.rstrip("+-"))]
        asked = at + timedelta(days=9)
        if letters[-1] in "+-":
            told.append(request(f"r{visitor}", asked, visitor=visitor))
            told.append(deal(f"d{visitor}", asked, "won" if letters[-1] == "+" else "lost", "100", request_id=f"r{visitor}"))
    return told


def fitted(tmp_path: Path, *paths: str, **attribution: Any) -> Marts:
    return marts_of(tmp_path, people(*paths), shop(attribution=attribution))


def effects(marts: Marts, month: str = "2026-10") -> dict[str, float]:
    return {row["channel"]: row["removal_effect"] for row in marts.rows("removal_effects") if row["month"] == month}


def test_paths_count_once_and_convert_by_a_sale(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "A+", "A+", "A-", "A", "AB", "AB-", "B")
    counts = {row["path"]: (row["touches"], row["conversions"], row["nulls"]) for row in marts.rows("path_counts")}
    assert counts == {A: (1, 2, 2), f"{A}{SEPARATOR}{B}": (2, 0, 2), B: (1, 0, 1)}
    assert marts.rows("path_months", "paths", "conversions", "nulls") == [(3, 2, 5)]


def test_removal_effects_are_the_solved_chains(tmp_path: Path) -> None:
    """Start goes to A 3 of 4 times; P = 3/4 · (1/3 + 1/3 · 1/2) + 1/4 · 1/2 = 1/2; without A 1/8, without B 1/4."""
    marts = fitted(tmp_path, "A+", "A-", "AB+", "B")
    assert effects(marts) == pytest.approx({A: 0.75, B: 0.5}, abs=1e-12)
    shares = {row["channel"]: row["share"] for row in marts.rows("removal_effects")}
    assert shares == pytest.approx({A: 0.6, B: 0.4}, abs=1e-12)


def test_markov_path_parts_a_path_by_the_effects_of_its_channels(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "A+", "A-", "ABA+", "B")
    found = effects(marts)
    split = marts.credits("r10-2", "markov_path")
    assert split == pytest.approx({name: found[name] / (found[A] + found[B]) for name in (A, B)}, abs=1e-9)
    of_a = [
        row["weight"]
        for row in marts.rows("credits")
        if (row["request_id"], row["model"], row["channel"]) == ("r10-2", "markov_path", A)
    ]
    assert of_a[0] == pytest.approx(of_a[1], abs=1e-12)


def test_each_month_has_its_own_fit(tmp_path: Path) -> None:
    marts = marts_of(tmp_path, [*people("A+", "B"), *people("B+", "A", month=11)])
    assert effects(marts, "2026-10") == pytest.approx({A: 1.0}, abs=1e-12)
    assert effects(marts, "2026-11") == pytest.approx({B: 1.0}, abs=1e-12)


def test_a_month_without_a_sale_is_split_like_shapley(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "AAB-", "C")
    assert marts.rows("removal_effects") == []
    assert marts.credits("r10-0", "markov_path") == pytest.approx({A: 0.5, B: 0.5}, abs=1e-12)


def test_the_second_order_sees_what_came_before(tmp_path: Path) -> None:
    """After B the ad A sells, alone it does not."""
    told = ("BA+", "BA+", "A", "A")
    assert effects(fitted(tmp_path, *told, markov_order=2)) == pytest.approx({A: 1.0, B: 1.0}, abs=1e-12)
    assert effects(fitted(tmp_path / "one", *told)) == pytest.approx({A: 1.0, B: 0.5}, abs=1e-12)
    assert {row["markov_order"] for row in fitted(tmp_path / "three", *told, markov_order=3).rows("removal_effects")} == {3}


def test_shapley_parts_a_path_equally_over_its_channels_and_these_over_their_touches(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "ABAC+")
    weights = sorted((row["position"], row["weight"]) for row in marts.rows("credits") if row["model"] == "shapley")
    assert [weight for _, weight in weights] == pytest.approx([1 / 6, 1 / 3, 1 / 6, 1 / 3], abs=1e-12)


def test_marginal_is_what_a_path_loses_without_a_touch(tmp_path: Path) -> None:
    """p(AB) = 1; without A: p(B) = 1/2; without B: p(A) = 3/4. So A makes 1/2 and B 1/4."""
    marts = fitted(tmp_path, "AB+", "A+", "A+", "A+", "A", "B+", "B")
    assert marts.credits("r10-0", "marginal") == pytest.approx({A: 2 / 3, B: 1 / 3}, abs=1e-12)
    assert marts.credits("r10-1", "marginal") == {A: 1.0}


def test_marginal_where_no_touch_makes_a_difference_is_the_last_one(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "AB+", "AB", "A+", "B+")
    assert marts.credits("r10-0", "marginal") == {B: 1.0}


def test_marginal_of_paths_that_nobody_took_without_a_touch_is_even(tmp_path: Path) -> None:
    marts = fitted(tmp_path, "ABC+")
    assert marts.credits("r10-0", "marginal") == pytest.approx(dict.fromkeys((A, B, C), 1 / 3), abs=1e-12)


def test_marginal_takes_out_one_touch_of_a_repeated_channel(tmp_path: Path) -> None:
    """ABA without its first touch is BA, without its last AB; p(AB) = 1, p(BA) = 0, p(AA) unseen."""
    marts = fitted(tmp_path, "ABA+", "AB+", "BA")
    weights = sorted(
        (row["position"], row["weight"])
        for row in marts.rows("credits")
        if row["request_id"] == "r10-0" and row["model"] == "marginal"
    )
    assert weights == [(1, pytest.approx(0.5)), (2, pytest.approx(0.5))]


def test_a_visitor_who_never_asks_counts_in_the_month_of_his_last_visit_within_the_look_back(tmp_path: Path) -> None:
    told = [
        hit("v", utc("10-30 10:00"), "yandex/cpc"),
        hit("v", utc("11-02 10:00"), "vk/cpc"),
        hit("w", utc("10-30 10:00"), "vk/cpc"),
    ]
    near = marts_of(tmp_path, told, shop(attribution={"lookback_days": 2}))
    assert {(row["month"], row["path"]) for row in near.rows("path_counts")} == {("2026-11", B), ("2026-10", B)}
    far = marts_of(tmp_path / "b", told, shop(attribution={"lookback_days": 3}))
    assert ("2026-11", f"{A}{SEPARATOR}{B}") in {(row["month"], row["path"]) for row in far.rows("path_counts")}


def test_a_late_sale_refits_its_month_and_moves_the_credits_of_others(tmp_path: Path) -> None:
    records = people("AB+", "A-", "B")
    marts = marts_of(tmp_path, records)
    before = marts.credits("r10-0", "markov_path")
    late = deal("d10-1", utc("10-20 12:00"), "won", "100", request_id="r10-1")
    assert marts_of(tmp_path / "b", [*records, late]).credits("r10-0", "markov_path") != pytest.approx(before)


def test_many_removal_effects_are_written_in_several_statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ("A+", "BA+", "CB+", "B-", "C")
    whole = {row["channel"]: row["removal_effect"] for row in fitted(tmp_path, *told).rows("removal_effects")}
    monkeypatch.setattr("functions.attribution.path_steps.MOST_BYTES", 60)
    marts = fitted(tmp_path / "b", *told)
    assert {row["channel"]: row["removal_effect"] for row in marts.rows("removal_effects")} == whole
    assert len(whole) == 3
    marts.sites[:] = [shop(attribution={"excluded_channels": ["VK Ads"]})]
    marts.refresh(NOW + timedelta(days=1))
    assert set(effects(marts)) == {A, C}


def test_names_as_long_as_a_door_lets_them_in_stay_within_a_statement(tmp_path: Path) -> None:
    """Athena takes 262,144 bytes; a channel that no rule names may have 400 letters of two bytes each."""
    asked: list[str] = []

    class Heard(DuckDbWarehouse):
        def start(self, sql: str, token: str = "") -> str:
            asked.append(sql)
            return super().start(sql, token)

    told = []
    for number in range(300):
        visitor, at = f"v{number}", FIRST + timedelta(minutes=number)
        told.append(hit(visitor, at, f"{'я' * 195}{number}/{'ж' * 200}"))
        told.append(request(f"r{number}", at + timedelta(hours=1), visitor=visitor))
        told.append(deal(f"d{number}", at + timedelta(hours=1), "won", "1", request_id=f"r{number}"))
    write(tmp_path, told, NOW)
    marts = Marts(tmp_path, shop(), warehouse=Heard(tmp_path, None, threads=1))
    marts.refresh(NOW)
    assert len(marts.rows("removal_effects")) == 300
    assert sum("INTO removal_effects" in sql for sql in asked) == 2
    assert max(len(sql.encode()) for sql in asked) < 262_144


def test_a_separator_in_a_mark_of_the_crm_makes_no_channels(tmp_path: Path) -> None:
    odd = request("r", FIRST, f"a{SEPARATOR}b/cpx", phone="p")
    sold = deal("d", FIRST, "won", "1", request_id="r")
    assert marts_of(tmp_path, [odd, sold]).rows("path_counts", "touches", "conversions") == [(1, 1)]


def test_a_touch_that_becomes_significant_moves_its_credits_in_the_next_refresh(tmp_path: Path) -> None:
    """An older event of the CRM arrives late and names another medium of the same channel, source and campaign."""
    site = shop(attribution={"significant_media": ["cpm"]})
    known = [
        hit("v", FIRST - timedelta(days=2), "vk/cpm"),
        deal("d", FIRST, "working", ad="yandex/cpc/k", visitor="v", phone="p"),
    ]
    older = deal("d", FIRST - timedelta(hours=1), "working", ad="yandex/cpm/k", visitor="v", phone="p")
    marts = Marts(tmp_path / "a", site)
    for day, records in enumerate([known, [older]]):
        write(marts.root, records, NOW - timedelta(days=1 - day))
        marts.refresh(NOW - timedelta(days=1 - day))
    assert_same(marts.everything(), marts_of(tmp_path / "b", [*known, older], site).everything())
