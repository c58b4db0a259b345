"""`skvoz attribute` on the data of Snowplow's fractribution (tests/data/attribution, its licence beside it), and on bad files.

Their tables hold revenue as fractions; with us a part of a conversion is whole kopecks, so a revenue cell may differ from theirs by
half a kopeck per conversion. Their "shapley" is a leave-one-out, our `marginal`. Their file was rounded at about 10⁻⁹.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from shared.models import MARKOV, MODELS, PATH_MODELS
from tests.attribute_cases import DATA, GOOD_CONVERSIONS, GOOD_TOUCHES, files, refusal, run, table


def expected(name: str) -> list[dict[str, str]]:
    rows = table(DATA / f"expected/snowplow_fractribution_{name}_expected.csv")
    return [{column.lower(): value for column, value in row.items()} for row in rows]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attribute")
    inputs = ("--touches", DATA / "input/touches.csv", "--conversions", DATA / "input/conversions.csv")
    options = ("--spend", DATA / "input/spend.csv", "--models", "all", "--lookback-days", 30, "--path-transform", "exposure")
    code, told, wrong = run(*inputs, *options, "--out", folder)
    assert (code, wrong) == (0, "")
    assert "no touch" not in told
    return folder


@pytest.mark.conformance
def test_paths_to_conversion_equal_the_expected_table(out: Path) -> None:
    columns = ("customer_id", "conversion_tstamp", "path", "transformed_path")
    ours = {tuple(r[c].removesuffix(".000") for c in columns): Decimal(r["revenue"]) for r in table(out / "paths.csv")}
    theirs = {tuple(r[c] for c in columns): Decimal(r["revenue"]) for r in expected("paths_to_conversion")}
    assert ours == theirs
    assert len(ours) == 6


@pytest.mark.conformance
def test_nonconverting_paths_equal_the_expected_table(out: Path) -> None:
    columns = ("customer_id", "path", "transformed_path")
    ours = Counter(tuple(r[c] for c in columns) for r in table(out / "nonconverting_paths.csv"))
    theirs = Counter(tuple(r[c] for c in columns) for r in expected("paths_to_non_conversion"))
    assert ours == theirs
    assert ours.total() == 61


@pytest.mark.conformance
def test_the_summary_of_paths_equals_the_expected_table(out: Path) -> None:
    converted, lost = table(out / "paths.csv"), Counter(r["transformed_path"] for r in table(out / "nonconverting_paths.csv"))
    won = Counter(r["transformed_path"] for r in converted)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in converted:
        revenue[row["transformed_path"]] += Decimal(row["revenue"])
    ours = {path: (won[path], lost[path], revenue.get(path)) for path in won | lost}
    theirs = {
        r["transformed_path"]: (
            int(r["conversions"]),
            int(r["non_conversions"]),
            Decimal(r["revenue"]) if r["revenue"] else None,
        )
        for r in expected("path_summary")
    }
    assert ours == theirs


@pytest.mark.conformance
@pytest.mark.parametrize(("model", "theirs_is"), [("last", "last_touch"), ("marginal", "shapley")])
def test_channels_equal_the_expected_report_table(out: Path, model: str, theirs_is: str) -> None:
    ours = {r["channel"]: r for r in table(out / "channels.csv") if r["model"] == model}
    theirs = {r["channel"]: r for r in expected("report_table") if r["attribution_type"] == theirs_is}
    assert ours.keys() == theirs.keys()
    assert {"Paid_Search_Other", "Referral", "Unmatched_Channel"} <= ours.keys()  # spend, and no sale
    shared_by = Counter(r["channel"] for r in table(out / "credits.csv") if r["model"] == model)
    for channel, row in theirs.items():
        mine = ours[channel]
        assert float(mine["conversions"]) == pytest.approx(float(row["conversions"]), abs=1e-8)
        difference = abs(Decimal(mine["revenue"]) - Decimal(row["revenue"]))
        assert difference <= Decimal("0.005") * shared_by[channel] + Decimal("1e-9")
        assert Decimal(mine["spend"]) == Decimal(row["spend"])
        half_kopecks = 0.005 * shared_by[channel] / float(row["spend"])
        assert float(mine["roas"]) == pytest.approx(float(row["roas"]), abs=half_kopecks + 1e-11)


@pytest.mark.conformance
def test_last_touch_revenue_is_theirs_to_the_kopeck(out: Path) -> None:
    ours = {r["channel"]: Decimal(r["revenue"]) for r in table(out / "channels.csv") if r["model"] == "last"}
    theirs = {r["channel"]: r["revenue"] for r in expected("channel_attribution") if r["attribution_type"] == "last_touch"}
    assert ours == {channel: Decimal(revenue).quantize(Decimal("0.01")) for channel, revenue in theirs.items()}


def test_weights_of_each_conversion_sum_to_one_and_its_parts_to_its_revenue_in_every_model(out: Path) -> None:
    weights: dict[tuple[str, str], float] = defaultdict(float)
    parts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in table(out / "credits.csv"):
        weights[row["model"], row["event_id"]] += float(row["weight"])
        parts[row["model"], row["event_id"]] += Decimal(row["revenue"])
    whole = {r["event_id"]: Decimal(r["revenue"]) for r in table(out / "paths.csv")}
    assert weights.keys() == {(model, event) for model in PATH_MODELS for event in whole}
    assert list(weights.values()) == pytest.approx([1.0] * len(weights), abs=1e-12)
    assert parts == {(model, event): whole[event] for model in PATH_MODELS for event in whole}


def test_the_channels_of_every_model_add_up_to_all_conversions(out: Path) -> None:
    rows = table(out / "channels.csv")
    assert {row["model"] for row in rows} == set(MODELS)
    for model in MODELS:
        assert sum(float(r["conversions"]) for r in rows if r["model"] == model) == pytest.approx(6, abs=1e-12)
        assert sum(Decimal(r["revenue"]) for r in rows if r["model"] == model) == Decimal("500.92")


def test_campaigns_add_up_to_their_channels(out: Path) -> None:
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in table(out / "campaigns.csv"):
        total = sums[row["model"], row["channel"]]
        total[0] += Decimal(row["conversions"])
        total[1] += Decimal(row["revenue"])
    for row in table(out / "channels.csv"):
        if row["model"] == MARKOV:  # of channels only: it splits totals, not paths
            continue
        conversions, revenue = sums[row["model"], row["channel"]]
        assert float(conversions) == pytest.approx(float(row["conversions"]), abs=1e-12)
        assert revenue == Decimal(row["revenue"])


# --- anybody's files --------------------------------------------------------------------------------------------------------------


def test_every_mistake_of_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    conversions = (
        "event_id,customer_id,conversion_tstamp,revenue\n"
        "k1,c1,2026-10-02 10:00:00,100.00\n"
        'k2,"c2\nof two lines",yesterday,12.345\n'
        "\n"
        ",c3,infinity,much\n"
    )
    told = refusal(tmp_path, conversions=conversions)
    assert "conversions.csv" in told
    assert [line.split(":")[0].strip() for line in told.splitlines()[1:]] == [
        "line 3, conversion_tstamp",
        "line 3, revenue",
        "line 6, event_id",
        "line 6, conversion_tstamp",
        "line 6, revenue",
    ]
    assert "'yesterday' is no time" in told
    assert "'12.345' is no amount" in told


def test_a_missing_column_is_named_and_so_are_those_that_are_there(tmp_path: Path) -> None:
    told = refusal(tmp_path, touches="event_id,customer_id,when\nt1,c1,2026-10-01\n")
    assert "touches.csv has no column touch_tstamp, channel; its columns are: event_id, customer_id, when" in told


def test_lines_with_too_many_or_too_few_cells_are_named_together(tmp_path: Path) -> None:
    told = refusal(tmp_path, touches=GOOD_TOUCHES + "t2,c2,2026-10-01 10:00:00,Ads,extra\nt3,c3\n")
    assert "line 3: has 5 cells, the header has 4" in told
    assert "line 4: has 2 cells, the header has 4" in told


@pytest.mark.parametrize("line", ['t2,c2,2026-10-01,"Ads\nt3,c3,2026-10-01,Ads\n', 't2,"c2"x,2026-10-01,Ads\n'])
def test_broken_quotes_are_refused_and_never_swallow_lines(tmp_path: Path, line: str) -> None:
    assert "line 3: is broken" in refusal(tmp_path, touches=GOOD_TOUCHES + line)


def test_an_empty_file_a_bare_header_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert "touches.csv is empty" in refusal(tmp_path, touches="\n")
    assert "conversions.csv has no lines" in refusal(tmp_path, conversions=GOOD_CONVERSIONS.splitlines()[0])
    arguments = files(tmp_path)
    (tmp_path / "touches.csv").unlink()
    code, _, wrong = run(*arguments)
    assert (code, "touches.csv cannot be read" in wrong) == (2, True)


def test_a_file_that_is_not_utf8_is_refused_with_the_line(tmp_path: Path) -> None:
    told = refusal(tmp_path, touches=GOOD_TOUCHES.encode() + "t2,c2,2026-10-01,Реклама\n".encode("cp1251"))
    assert "touches.csv is not UTF-8 (line 3)" in told


def test_an_id_of_two_different_events_is_a_mistake_and_a_repeated_line_counts_once(tmp_path: Path) -> None:
    told = refusal(tmp_path, touches=GOOD_TOUCHES + "t1,c9,2026-10-01 11:00:00,Ads\n")
    assert "line 2, event_id: 't1' stands in several lines" in told
    assert "line 3, event_id: 't1' stands in several lines" in told
    code, _, _ = run(*files(tmp_path, touches=GOOD_TOUCHES + GOOD_TOUCHES.splitlines()[1], conversions=GOOD_CONVERSIONS))
    assert code == 0
    assert [r["path"] for r in table(tmp_path / "out/paths.csv")] == ["Ads"]


def test_unknown_models_and_transforms_are_refused_with_those_there_are(tmp_path: Path) -> None:
    told = refusal(tmp_path, "--models", "last,magic")
    assert "there is no model magic" in told
    assert "time_decay" in told
    assert "there is no model" in refusal(tmp_path, "--models", ",")
    assert "choose from none, exposure" in refusal(tmp_path, "--path-transform", "shuffle")


def test_only_the_named_models_are_written(tmp_path: Path) -> None:
    assert run(*files(tmp_path), "--models", "last, marginal")[0] == 0
    assert {r["model"] for r in table(tmp_path / "out/credits.csv")} == {"last", "marginal"}
    assert {r["model"] for r in table(tmp_path / "out/channels.csv")} == {"last", "marginal"}


def test_files_of_a_spreadsheet_are_read_as_they_are(tmp_path: Path) -> None:
    touches = "\ufeffEvent_ID;Customer_ID;touch_tstamp;Channel;note\r\nt1;c1;2026-10-01T13:00:00+03:00;Ads;x, y\r\n"
    assert run(*files(tmp_path, touches=touches.encode()), "--models", "last")[0] == 0
    assert [(r["path"], r["revenue"]) for r in table(tmp_path / "out/paths.csv")] == [("Ads", "100.00")]


def test_times_with_an_offset_decide_the_order_and_a_touch_after_the_conversion_is_none(tmp_path: Path) -> None:
    touches = (
        "event_id,customer_id,touch_tstamp,channel\n"
        "t1,c1,2026-10-02T12:00:00+03:00,Second\n"
        "t2,c1,2026-10-02 08:00:00,First\n"
        "t3,c1,2026-10-02 10:00:01,Late\n"
    )
    assert run(*files(tmp_path, touches=touches))[0] == 0
    assert [r["path"] for r in table(tmp_path / "out/paths.csv")] == ["First > Second"]


def test_the_look_back_is_compared_by_date(tmp_path: Path) -> None:
    touches = "event_id,customer_id,touch_tstamp,channel\nt1,c1,2026-09-30 00:00:00,Inside\nt2,c1,2026-09-29 23:59:59,Outside\n"
    assert run(*files(tmp_path, touches=touches), "--lookback-days", "2")[0] == 0
    assert [r["path"] for r in table(tmp_path / "out/paths.csv")] == ["Inside"]


def test_a_conversion_without_a_touch_keeps_an_empty_path_and_is_told(tmp_path: Path) -> None:
    conversions = GOOD_CONVERSIONS + "k2,c9,2026-10-02 10:00:00,55.50\n"
    code, told, _ = run(*files(tmp_path, conversions=conversions))
    assert code == 0
    assert "1 conversions (revenue 55.50) have no touch within 90 days" in told
    assert {r["event_id"]: r["path"] for r in table(tmp_path / "out/paths.csv")} == {"k1": "Ads", "k2": ""}


def test_roas_is_empty_without_spend_and_nought_without_revenue(tmp_path: Path) -> None:
    spend = "channel,spend\nPaid but silent,10\nNo figure,\nNought,0\nAds,40\nAds,10\n"
    assert run(*files(tmp_path, spend=spend), "--models", "last")[0] == 0
    rows = {r["channel"]: (r["spend"], r["roas"]) for r in table(tmp_path / "out/channels.csv")}
    assert rows == {"Ads": ("50.00", "2.0"), "Paid but silent": ("10.00", "0.0"), "No figure": ("", ""), "Nought": ("0.00", "")}
    assert "line 2, spend: 'ten' is no amount" in refusal_of_spend(tmp_path, "channel,spend\nAds,ten\n")


def refusal_of_spend(folder: Path, spend: str) -> str:
    (folder / "again").mkdir()
    return refusal(folder / "again", spend=spend)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(tmp_path: Path, start: str) -> None:
    hostile = f"{start}cmd()"
    touches = f"event_id,customer_id,touch_tstamp,channel,campaign\nt1,{hostile},2026-10-01 10:00:00,{hostile},{hostile}\n"
    conversions = f"event_id,customer_id,conversion_tstamp,revenue\n{hostile},{hostile},2026-10-02 10:00:00,-5.00\n"
    assert run(*files(tmp_path, touches=touches, conversions=conversions), "--models", "last")[0] == 0
    for name in ("paths", "credits", "channels", "campaigns"):
        (row,) = table(tmp_path / f"out/{name}.csv")
        assert "'" + hostile in row.values()
        assert not [cell for cell in row.values() if cell.startswith(start) and cell != "-5.00"]
        assert row["revenue"] == "-5.00"  # a number stays a number


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    arguments = files(tmp_path)
    (tmp_path / "out").write_text("mine")
    code, _, wrong = run(*arguments)
    assert (code, "--out names a folder" in wrong) == (2, True)
    assert (tmp_path / "out").read_text() == "mine"
