"""The options of `skvoz attribute`, each against a case worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.attribute import fit
from shared.models import MODELS, PATH_MODELS
from tests.attribute_cases import channels_of, files, journeys, refusal, run, table, weights_of

MANY = ("D", "A", "B", "B", "C", "D", "C", "C")
TOUCHES = "event_id,customer_id,touch_tstamp,channel,medium\n"
CONVERSIONS = "event_id,customer_id,conversion_tstamp,revenue\n"


def path_after(folder: Path, channels: tuple[str, ...], *more: object, direct: str = "") -> tuple[str, str]:
    """The one conversion's path and transformed path."""
    code, _, wrong = run(*journeys(folder, {"c": channels}, {"c": "1.00"}, direct), *more, "--models", "last")
    assert (code, wrong) == (0, "")
    (row,) = table(folder / "out/paths.csv")
    return row["path"].replace(" > ", ""), row["transformed_path"].replace(" > ", "")


@pytest.mark.parametrize(
    ("told", "path", "after"),
    [
        (["none"], MANY, "DABBCDCC"),
        (["exposure"], MANY, "DABCDC"),
        (["exposure_path"], MANY, "DABCDC"),
        (["first"], MANY, "DABC"),
        (["first_path"], MANY, "DABC"),
        (["unique"], MANY, "DABBCDCC"),
        (["unique_path"], MANY, "DABBCDCC"),
        (["drop_last_direct"], ("A", "B", "A", "A"), "AB"),
        (["remove_if_last_and_not_all"], ("A", "B", "A", "A"), "AB"),
        (["remove_if_last_and_not_all"], ("A", "A"), "AA"),
        (["drop_direct"], ("A", "B", "A", "A"), "B"),
        (["remove_if_not_all"], ("A", "B", "A", "A"), "B"),
        (["remove_if_not_all"], ("A", "A"), "AA"),
        (["drop_direct,exposure"], ("B", "A", "B"), "B"),
        (["exposure,drop_direct"], ("B", "A", "B"), "BB"),
        (["exposure", "drop_direct"], ("B", "A", "B"), "BB"),
    ],
)
def test_transforms_as_other_systems_show_them(tmp_path: Path, told: list[str], path: tuple[str, ...], after: str) -> None:
    """Direct is A; each is applied in the order given."""
    more = [part for name in told for part in ("--path-transform", name)]
    direct = "A" if set(path) <= {"A", "B"} else "none of them"
    assert path_after(tmp_path, path, *more, direct=direct) == ("".join(path), after)


def test_paths_that_led_to_nothing_are_transformed_likewise(tmp_path: Path) -> None:
    assert (
        run(*journeys(tmp_path, {"c": "AB", "n": "BBA"}, {"c": "1"}, "A"), "--path-transform", "exposure,drop_last_direct")[0] == 0
    )
    assert table(tmp_path / "out/nonconverting_paths.csv") == [{"customer_id": "n", "path": "B > B > A", "transformed_path": "B"}]


def test_the_last_touches_are_cut_before_the_transforms(tmp_path: Path) -> None:
    assert path_after(tmp_path, ("A", "B", "B", "C"), "--lookback-steps", 3, "--path-transform", "exposure") == ("BBC", "BC")


def test_excluded_channels_go_before_the_last_touches_are_counted(tmp_path: Path) -> None:
    more = ("--exclude-channel", "X", "--exclude-channel", "Y", "--lookback-steps", 2)
    assert path_after(tmp_path, ("A", "X", "Y", "B"), *more) == ("AB", "AB")
    assert {r["channel"] for r in table(tmp_path / "out/channels.csv")} == {"A", "B"}


def test_a_conversion_of_excluded_channels_only_is_told_and_no_null(tmp_path: Path) -> None:
    arguments = journeys(tmp_path, {"c": "A", "x": "X", "n": "X"}, {"c": "10.00", "x": "5.50"})
    code, told, _ = run(*arguments, "--exclude-channel", "X")
    assert code == 0
    assert "1 conversions (revenue 5.50) have no touch within 90 days outside the excluded channels" in told
    assert table(tmp_path / "out/nonconverting_paths.csv") == []
    assert channels_of(tmp_path / "out", "markov") == {"A": (1.0, "10.00")}


def test_an_excluded_channel_that_nobody_came_by_is_told(tmp_path: Path) -> None:
    code, told, _ = run(*journeys(tmp_path, {"c": "A"}, {"c": "1"}), "--exclude-channel", "Aa", "--exclude-channel", "A")
    assert code == 0
    assert "no touch has the excluded channel Aa\n" in told


@pytest.mark.parametrize(
    ("reset", "paths"), [("never", ["A", "AB", "AB"]), ("request", ["A", "B", "B"]), ("sale", ["A", "B", "B"])]
)
def test_a_path_begins_after_the_previous_conversion_where_asked(tmp_path: Path, reset: str, paths: list[str]) -> None:
    """The third conversion is in the second one's second: what is left of its path is the last touch."""
    touches = TOUCHES + "t1,c,2026-10-01 10:00:00,A,\nt2,c,2026-10-03 10:00:00,B,\n"
    times = ("2026-10-02 10:00:00", "2026-10-04 10:00:00", "2026-10-04 10:00:00")
    conversions = CONVERSIONS + "".join(f"k{n},c,{at},1\n" for n, at in enumerate(times))
    assert run(*files(tmp_path, touches, conversions), "--reset", reset)[0] == 0
    found = {r["event_id"]: r["path"].replace(" > ", "") for r in table(tmp_path / "out/paths.csv")}
    assert found == dict(zip(("k0", "k1", "k2"), paths, strict=True))


def test_shares_of_ones_own(tmp_path: Path) -> None:
    arguments = journeys(tmp_path, {"c": "ABCD", "two": "AB"}, {"c": "1", "two": "1"})
    assert run(*arguments, "--position", "10-80-10", "--custom", "50-20-30")[0] == 0
    out = tmp_path / "out"
    assert weights_of(out, "position", "sale-c") == [("A", 0.1), ("B", 0.4), ("C", 0.4), ("D", 0.1)]
    assert weights_of(out, "custom", "sale-c") == [("A", 0.5), ("B", 0.1), ("C", 0.1), ("D", 0.3)]
    assert weights_of(out, "custom", "sale-two") == [("A", 0.625), ("B", 0.375)]


def test_a_half_life_of_ones_own(tmp_path: Path) -> None:
    touches = TOUCHES + "t1,c,2026-10-01 10:00:00,A,\nt2,c,2026-10-02 10:00:00,B,\n"
    conversions = CONVERSIONS + "k,c,2026-10-03 10:00:00,1\n"
    assert run(*files(tmp_path, touches, conversions), "--half-life-days", 1)[0] == 0
    assert weights_of(tmp_path / "out", "time_decay", "k") == [("A", pytest.approx(1 / 3)), ("B", pytest.approx(2 / 3))]


@pytest.mark.parametrize(
    ("more", "winner"), [((), "Ads"), (("--significant", "EMAIL"), "Mail"), (("--significant", "tv"), "Search")]
)
def test_media_that_count_are_a_choice(tmp_path: Path, more: tuple[str, ...], winner: str) -> None:
    """Where none counts, the last that is not direct wins."""
    rows = ("Ads,CPC", "Mail,email", "Search,organic", "Direct,")
    touches = TOUCHES + "".join(f"t{n},c,2026-10-01 1{n}:00:00,{row}\n" for n, row in enumerate(rows))
    assert run(*files(tmp_path, touches, CONVERSIONS + "k,c,2026-10-02,1\n"), *more)[0] == 0
    assert weights_of(tmp_path / "out", "last_significant", "k") == [(winner, 1.0)]


# A sold once alone and once before B; B alone led to nothing.
THREE = {"one": "A", "two": "AB", "none": "B"}
THREE_SOLD = {"one": "60.01", "two": "40.00"}


def test_markov_splits_the_totals_by_the_exact_removal_effects(tmp_path: Path) -> None:
    """P(sale) = 2/3 · 3/4 + 1/3 · 1/2 = 2/3; without A 1/6, without B 1/3: effects 3/4 and 1/2. 100.01 in 3 : 2: 60.006, 40.004."""
    assert run(*journeys(tmp_path, THREE, THREE_SOLD))[0] == 0
    out = tmp_path / "out"
    rows = [(r["channel"], *(float(r[c]) for c in ("removal_effect", "share"))) for r in table(out / "removal_effects.csv")]
    assert rows == [("A", pytest.approx(0.75), pytest.approx(0.6)), ("B", pytest.approx(0.5), pytest.approx(0.4))]
    assert channels_of(out, "markov") == {"A": (pytest.approx(1.2), "60.01"), "B": (pytest.approx(0.8), "40.00")}
    assert weights_of(out, "markov_path", "sale-two") == [("A", pytest.approx(0.6)), ("B", pytest.approx(0.4))]
    assert weights_of(out, "shapley", "sale-two") == [("A", 0.5), ("B", 0.5)]
    assert weights_of(out, "marginal", "sale-two") == [("A", 1.0)]  # B alone never sold, A alone always did


def test_a_chain_of_two_touches_knows_where_it_came_from(tmp_path: Path) -> None:
    """B after A always sells, B alone never: without A nothing is sold, without B a half."""
    assert run(*journeys(tmp_path, THREE, THREE_SOLD), "--markov-order", 2)[0] == 0
    rows = table(tmp_path / "out/removal_effects.csv")
    assert [(r["channel"], float(r["removal_effect"]), r["markov_order"]) for r in rows] == [
        ("A", pytest.approx(1.0), "2"),
        ("B", pytest.approx(0.5), "2"),
    ]


def test_a_fit_of_each_month_sees_that_month_only(tmp_path: Path) -> None:
    """October: A sold. November: B sold, A > B did not: effects 1/2 and 1, so a third and two thirds of November's sale."""
    told, days = {"one": "A", "two": "B", "none": "AB"}, {"one": "2026-10-31", "two": "2026-11-01", "none": "2026-11-02"}
    assert run(*journeys(tmp_path, told, {"one": "10.00", "two": "1.00"}, days=days), "--fit", "month")[0] == 0
    rows = table(tmp_path / "out/removal_effects.csv")
    assert [(r["month"], r["channel"], float(r["removal_effect"]), r["revenue"]) for r in rows] == [
        ("2026-10", "A", pytest.approx(1.0), "10.00"),
        ("2026-11", "A", pytest.approx(0.5), "0.33"),
        ("2026-11", "B", pytest.approx(1.0), "0.67"),
    ]
    assert channels_of(tmp_path / "out", "markov") == {"A": (pytest.approx(4 / 3), "10.33"), "B": (pytest.approx(2 / 3), "0.67")}
    assert run(*journeys(tmp_path, told, {"one": "10.00", "two": "1.00"}, days=days), "--fit", "all")[0] == 0
    rows = table(tmp_path / "out/removal_effects.csv")
    assert [(r["channel"], float(r["removal_effect"])) for r in rows] == [("A", pytest.approx(0.75)), ("B", pytest.approx(0.5))]
    assert "month" not in rows[0]


def test_without_a_markov_model_no_table_of_effects_is_left(tmp_path: Path) -> None:
    assert run(*journeys(tmp_path, THREE, THREE_SOLD))[0] == 0
    assert run(*journeys(tmp_path, THREE, THREE_SOLD), "--models", "last")[0] == 0
    assert not (tmp_path / "out/removal_effects.csv").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--reset", "monthly"), "--reset: Input should be 'never', 'request' or 'sale'"),
        (("--fit", "week"), "--fit week: choose from all, month"),
        (("--position", "40/20/40"), "--position 40/20/40: give the shares"),
        (("--position", "40-20"), "--position 40-20: give the shares"),
        (("--custom", "40-40-40"), "--custom: Value error, the three shares must be 0 or more and add up to 100"),
        (("--path-transform", "shuffle"), "there is no path transform shuffle; choose from none, exposure, first, unique"),
        (("--path-transform", "exposure,exposure_path"), "--path-transform names exposure twice"),
        (("--path-transform", "none,first"), "--path-transform none stands alone"),
        (("--models", "markov,magic"), "there is no model magic"),
        (("--exclude-channel", ""), "--exclude-channel: String should have at least 1 character"),
        (("--lookback-steps", "0"), "lookback-steps"),
        (("--markov-order", "4"), "markov-order"),
        (("--half-life-days", "0"), "half-life-days"),
        (("--lookback-days", "401"), "lookback-days"),
    ],
)
def test_senseless_options_are_refused_by_name(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    assert said in refusal(tmp_path, *more)


def test_a_channel_with_the_character_that_joins_paths_is_refused(tmp_path: Path) -> None:
    touches = TOUCHES + "t1,c1,2026-10-01 10:00:00,A\x1fB,\n"
    assert "line 2, channel: 'A\\x1fB' holds the control character 31" in refusal(tmp_path, touches=touches)


def test_a_chain_that_is_too_long_is_refused_and_other_models_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "MOST_STATES", 2)
    code, _, wrong = run(*journeys(tmp_path, THREE, THREE_SOLD))
    assert code == 2
    assert "the Markov chain has 3 states, at most 2 are solved: choose a lower --markov-order" in wrong
    assert not (tmp_path / "out").exists()
    assert run(*journeys(tmp_path, THREE, THREE_SOLD), "--models", "last,shapley,marginal")[0] == 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    customers=st.lists(
        st.tuples(st.text("ABD", min_size=1, max_size=6), st.none() | st.integers(-5000, 5000)), min_size=1, max_size=12
    ).filter(lambda them: any(money is not None for _, money in them)),
    transform=st.sampled_from(["none", "exposure", "first", "drop_direct", "drop_last_direct", "first,drop_direct"]),
    order=st.integers(1, 3),
)
def test_weights_sum_to_one_and_totals_are_the_files_own(
    tmp_path: Path, customers: list[tuple[str, int | None]], transform: str, order: int
) -> None:
    told = {f"c{n}": channels for n, (channels, _) in enumerate(customers)}
    sold = {f"c{n}": f"{money / 100:.2f}" for n, (_, money) in enumerate(customers) if money is not None}
    code, _, wrong = run(*journeys(tmp_path, told, sold, "D"), "--path-transform", transform, "--markov-order", order)
    assert (code, wrong) == (0, "")
    for model in PATH_MODELS:
        for customer in sold:
            assert sum(weight for _, weight in weights_of(tmp_path / "out", model, f"sale-{customer}")) == pytest.approx(
                1, abs=1e-9
            )
    rows = table(tmp_path / "out/channels.csv")
    for model in MODELS:
        assert sum(float(r["conversions"]) for r in rows if r["model"] == model) == pytest.approx(len(sold), abs=1e-9)
        assert sum(Decimal(r["revenue"]) for r in rows if r["model"] == model) == sum(map(Decimal, sold.values()))
