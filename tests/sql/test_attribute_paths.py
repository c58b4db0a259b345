"""`skvoz attribute --paths`: ready paths with how often they sold, what they brought, and how often they led to nothing."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.attribute import fit
from infra.attribute.options import READY_MODELS
from tests.attribute_cases import channels_of, journeys, run, table

PATHS = "path,conversions,value\nDirect > Search > Direct,3,300.01\nSearch,2,\nSocial>Search,1,0.01\n"


def paths_run(folder: Path, text: str, *more: object) -> tuple[int, str, str]:
    (folder / "paths.csv").write_text(text)
    return run("--paths", folder / "paths.csv", "--out", folder / "out", *more)


def given_by(folder: Path, model: str) -> dict[str, tuple[float, str]]:
    return channels_of(folder / "out", model)


def test_ready_paths_are_attributed_with_their_conversions(tmp_path: Path) -> None:
    assert paths_run(tmp_path, PATHS, "--custom", "60-20-20")[0] == 0
    assert {r["model"] for r in table(tmp_path / "out/channels.csv")} == set(READY_MODELS)
    assert given_by(tmp_path, "first") == {"Direct": (3.0, "300.01"), "Search": (2.0, "0.00"), "Social": (1.0, "0.01")}
    assert given_by(tmp_path, "last") == {"Direct": (3.0, "300.01"), "Search": (3.0, "0.01")}
    assert given_by(tmp_path, "last_non_direct") == {"Search": (6.0, "300.02")}
    # 300.01 in thirds, Direct stands twice: 200.00(6) and 100.00(3), and half a kopeck each of the last line.
    assert given_by(tmp_path, "linear") == {
        "Direct": (pytest.approx(2.0), "200.01"),
        "Search": (pytest.approx(1.0 + 2 + 0.5), "100.01"),
        "Social": (pytest.approx(0.5), "0.00"),
    }
    assert given_by(tmp_path, "position")["Search"] == (pytest.approx(0.2 * 3 + 2 + 0.5), "60.01")
    assert given_by(tmp_path, "custom")["Social"] == (pytest.approx(0.75), "0.01")
    # Equal parts for the two channels of the first line, however often each stands in it: 150.00(5) and 150.00(5) + 0.00(5).
    assert given_by(tmp_path, "shapley")["Direct"] == (pytest.approx(1.5), "150.01")


def test_the_chain_of_ready_paths_is_solved_exactly(tmp_path: Path) -> None:
    """The case of three customers in tests/sql/test_attribute_options.py, ten times over, in other systems' words."""
    text = "path,total_conversions,total_conversion_value,total_null\nA,10,60.01,0\nA > B,10,40.00,0\nB,0,,10\n"
    assert paths_run(tmp_path, text)[0] == 0
    rows = [(r["channel"], float(r["removal_effect"]), float(r["share"])) for r in table(tmp_path / "out/removal_effects.csv")]
    assert rows == [("A", pytest.approx(0.75), pytest.approx(0.6)), ("B", pytest.approx(0.5), pytest.approx(0.4))]
    assert given_by(tmp_path, "markov") == {"A": (pytest.approx(12), "60.01"), "B": (pytest.approx(8), "40.00")}
    assert given_by(tmp_path, "markov_path") == {"A": (pytest.approx(16), "84.01"), "B": (pytest.approx(4), "16.00")}
    assert given_by(tmp_path, "marginal") == {"A": (pytest.approx(20), "100.01")}
    assert paths_run(tmp_path, text, "--markov-order", 2)[0] == 0
    assert [float(r["removal_effect"]) for r in table(tmp_path / "out/removal_effects.csv")] == pytest.approx([1.0, 0.5])


def test_lines_of_one_path_are_one_path(tmp_path: Path) -> None:
    assert paths_run(tmp_path, "path,conversions,nulls\nA>B,1,\n A  >  B ,1,1\n")[0] == 0
    assert given_by(tmp_path, "marginal") == {"A": (1.0, "0.00"), "B": (1.0, "0.00")}


def test_conversions_by_parts_and_money_given_back_are_counted_as_they_are(tmp_path: Path) -> None:
    """A refund is cut like the money it takes back: 0.05 in halves, the odd kopeck to the first name, twice."""
    assert paths_run(tmp_path, "path,conversions,value\nA>B,0.25,0.05\nA>B,1.5,-0.05\nB,0,-2\n")[0] == 0
    assert given_by(tmp_path, "linear") == {"A": (0.875, "0.00"), "B": (0.875, "-2.00")}
    for model in READY_MODELS:
        rows = given_by(tmp_path, model).values()
        assert sum(count for count, _ in rows) == pytest.approx(1.75)
        assert sum(Decimal(money) for _, money in rows) == -2


def test_where_nothing_was_sold_markov_is_shapley(tmp_path: Path) -> None:
    assert paths_run(tmp_path, "path,conversions,value,nulls\nA>B,0,10.00,3\nC,0,0,0\n")[0] == 0
    assert given_by(tmp_path, "markov") == given_by(tmp_path, "shapley") == {"A": (0.0, "5.00"), "B": (0.0, "5.00")}
    assert given_by(tmp_path, "markov_path") == given_by(tmp_path, "shapley")
    assert given_by(tmp_path, "marginal") == {"B": (0.0, "10.00")}  # every chance is 0: the last touch
    assert table(tmp_path / "out/removal_effects.csv") == []


def test_ready_paths_are_cut_and_transformed_as_others(tmp_path: Path) -> None:
    text = "path,conversions,value\nA > X > B > B > Direct,1,1.00\nX,2,5.00\n"
    more = ("--exclude-channel", "X", "--exclude-channel", "Z", "--lookback-steps", 3, "--path-transform", "exposure,drop_direct")
    code, told, _ = paths_run(tmp_path, text, *more)
    assert code == 0
    assert "2 conversions (revenue 5.00) have no touch outside the excluded channels" in told
    assert "no touch has the excluded channel Z" in told
    assert given_by(tmp_path, "first") == given_by(tmp_path, "markov") == {"B": (1.0, "1.00")}


def test_only_excluded_channels_leave_nothing_and_say_so(tmp_path: Path) -> None:
    code, told, _ = paths_run(tmp_path, "path,conversions\nX,2\n", "--exclude-channel", "X")
    assert (code, table(tmp_path / "out/channels.csv")) == (0, [])
    assert "2 conversions (revenue 0.00)" in told


def test_spend_stands_beside_ready_paths(tmp_path: Path) -> None:
    (tmp_path / "spend.csv").write_text("channel,spend\nSearch,10\nTV,5\n")
    assert paths_run(tmp_path, PATHS, "--models", "last", "--spend", tmp_path / "spend.csv")[0] == 0
    rows = {r["channel"]: (r["spend"], r["roas"]) for r in table(tmp_path / "out/channels.csv")}
    assert rows == {"Search": ("10.00", "0.001"), "TV": ("5.00", "0.0"), "Direct": ("", ""), "Social": ("", "")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,conversions,revenue\nA > > B,1,1\n", "line 2, path"),
        ("path,conversions\nA,1\n> B,1\n", "line 3, path"),
        ("path,conversions\nA,1\n,1\n", "line 3, path"),
        ("path,conversions\nA\x1fB,1\n", "line 2, path"),
        ("path,conversions,revenue\nA,-1,1\n", "line 2, conversions"),
        ("path,conversions,revenue\nA,1,1\nB,nan,1\n", "line 3, conversions"),
        ("path,conversions\nA,\n", "line 2, conversions"),
        ("path,conversions\nA,1e3\n", "line 2, conversions"),
        ("path,conversions\nA,0.1234567\n", "line 2, conversions"),
        ("path,conversions\nA,1000000000000\n", "line 2, conversions"),
        ("path,conversions,revenue\nA,1,1.234\n", "line 2, revenue"),
        ("path,conversions,value\nA,1,much\n", "line 2, value"),
        ("path,conversions,nulls\nA,1,-2\nB,1,x\n", "line 3, nulls"),
        ("path,total_conversions,total_null\nA,1,-2\n", "line 2, total_null"),
        ("path,value\nA,1\n", "no column conversions"),
        ("path,conversions,value,revenue\nA,1,1,1\n", "several columns value"),
        ("path,conversions\n", "has no lines below its header"),
        ("", "is empty"),
    ],
)
def test_wrong_ready_paths_are_named_by_line(tmp_path: Path, text: str, said: str) -> None:
    code, _, wrong = paths_run(tmp_path, text)
    assert code == 2
    assert said in wrong
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--models", "time_decay"), "no model time_decay here"),
        (("--models", "last_significant"), "no model last_significant here"),
        (("--touches", "t.csv"), "give --touches and --conversions, or --paths alone"),
        (("--lookback-days", "0"), "neither times nor media: leave out --lookback-days"),
        (("--reset", "sale", "--fit", "month"), "leave out --reset, --fit"),
        (("--half-life-days", "3", "--significant", "cpc"), "leave out --half-life-days, --significant"),
    ],
)
def test_what_needs_times_or_media_is_refused(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    code, _, wrong = paths_run(tmp_path, PATHS, *more)
    assert (code, said in wrong) == (2, True), wrong
    assert not (tmp_path / "out").exists()


def test_a_chain_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "MOST_STATES", 3)
    assert "the Markov chain has 4 states" in paths_run(tmp_path, PATHS)[2]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    customers=st.lists(st.tuples(st.text("ABD", min_size=1, max_size=5), st.booleans()), min_size=1, max_size=15).filter(
        lambda them: any(has_bought for _, has_bought in them)
    ),
    more=st.sampled_from(
        [(), ("--path-transform", "exposure,drop_last_direct"), ("--lookback-steps", "2"), ("--exclude-channel", "B")]
    ),
    order=st.sampled_from(["1", "2", "3"]),
)
def test_ready_paths_give_what_their_touches_give(
    tmp_path: Path, customers: list[tuple[str, bool]], more: tuple[str, ...], order: str
) -> None:
    """The same customers as touches and as ready paths; D is called Direct. Each sale is 60.00, which is seldom cut unevenly."""
    told = {f"c{n}": [name.replace("D", "Direct") for name in names] for n, (names, _) in enumerate(customers)}
    sold = {f"c{n}": "60.00" for n, (_, has_bought) in enumerate(customers) if has_bought}
    assert run(*journeys(tmp_path, told, sold), *more, "--markov-order", order)[0] == 0
    from_touches = {model: given_by(tmp_path, model) for model in READY_MODELS}
    counted = Counter((" > ".join(names), customer in sold) for customer, names in told.items())
    lines = [f"{path},{n if sale else 0},{60 * n if sale else 0},{0 if sale else n}" for (path, sale), n in counted.items()]
    assert paths_run(tmp_path, "path,conversions,value,nulls\n" + "\n".join(lines) + "\n", *more, "--markov-order", order)[0] == 0
    for model, expected in from_touches.items():
        found = given_by(tmp_path, model)
        for channel in expected | found:
            (ours, money), (theirs, their_money) = found.get(channel, (0.0, "0")), expected.get(channel, (0.0, "0"))
            assert ours == pytest.approx(theirs, abs=1e-9), (model, channel)
            assert abs(Decimal(money) - Decimal(their_money)) <= Decimal("0.01") * len(sold), (model, channel)
        assert sum(Decimal(m) for _, m in found.values()) == sum(Decimal(m) for _, m in expected.values())
