"""The snapshot of a page says what figures.json says: for every model, date basis and place, over the mailed period."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from functions.report.figures import Figures, build
from functions.report.marts import questions
from functions.report.marts.questions import Period, ask
from functions.report.snapshot import build as columns_of
from functions.report.snapshot.build import Days
from functions.report.snapshot.requests import OWN_SOURCE
from functions.report.snapshot.scope import EVERYTHING
from functions.report.snapshot.site import section_files
from functions.report.snapshot.snapshot import Snapshot, packed, snapshot_of
from functions.report.store import Refresh
from shared.errors import BadInput
from shared.models import PATH_MODELS
from shared.settings import SiteSettings, published
from tests.lakes import NOW, Marts, marts_of
from tests.random_lakes import random_records, random_shop
from tests.report_cases import settings_of
from tests.report_marts import DAY, SEARCH, YANDEX, SmallMarts
from tests.snapshot_cases import sample, snapshot_of_deals
from tests.story_lake import story_records, story_shop

BASES = ("request", "payment", "touch")
REFRESH = Refresh("r1", NOW, NOW)
OCTOBER = Period(date(2026, 10, 5), date(2026, 10, 17))
STORY = Period(date(2026, 10, 12), date(2026, 11, 16))
COUNTS = ("requests", "qualified", "sales")
Files = Mapping[str, Any]


@cache
def lake(name: str) -> tuple[Marts, SiteSettings, Period]:
    site = story_shop() if name == "story" else random_shop(report={"history_days": 60})
    records = story_records() if name == "story" else random_records(int(name), 50)
    with TemporaryDirectory() as folder:  # the marts are in memory
        return marts_of(Path(folder), records, site), site, STORY if name == "story" else OCTOBER


@cache
def files_of(name: str) -> Files:
    marts, site, period = lake(name)
    return read(snapshot_of(marts.warehouse, published(site), period, "day", REFRESH))


def read(snapshot: Snapshot) -> Files:
    return {name: json.loads(body) for name, body in snapshot.files.items()}


def figures_of(name: str, **changes: str) -> Figures:
    """Figures of the same marts, with another model or date basis."""
    marts, site, period = lake(name)
    settings = published(site)
    settings["report"] = {**settings["report"], "date_basis": changes.get("basis", "request")}
    settings["attribution"] = {**settings["attribution"], "default_model": changes.get("model", "last_non_direct")}
    return build(settings, period, *ask(marts.warehouse, settings, period), NOW)


def tree_of(name: str, **changes: str) -> Figures:
    """Figures of the questions that the tree of channels needs, which are asked for every model and basis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "OTHER_QUESTIONS", ("channels",))
        patch.setattr(questions, "COMPARED_QUESTIONS", ())
        return figures_of(name, **changes)


def rows_of(files: Files, name: str, period: Period | None = None) -> Iterator[dict[str, Any]]:
    """Rows of all months of a table, those of the period where one is given."""
    first = date.fromisoformat(files["manifest"]["history"]["from"])
    for key in sorted(files):
        if key.startswith(name + "-20"):
            table = files[key]
            for values in zip(*table.values(), strict=True):
                row = dict(zip(table, values, strict=True))
                if period is None or period.first <= first + timedelta(days=row["day"]) <= period.last:
                    yield row


def path_of(places: Files, number: int, level: int) -> tuple[str, ...]:
    """Ids of a place's ancestors down to that level."""
    path: list[str] = []
    while number > 0:
        path.insert(0, places["id"][number])
        number = places["parent"][number]
    return tuple([*path, "", "", ""][:level])


def sums_of(files: Files, model: str, basis: str, period: Period, level: int) -> dict[tuple[str, ...], dict[str, Any]]:
    """Sums of traffic and results by the first `level` ids of their places."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for table in ("traffic", f"results-{model}-{basis}"):
        for row in rows_of(files, table, period):
            total = found.setdefault(path_of(files["places"], row["place"], level), {})
            for name, value in row.items():
                if name not in ("day", "place", "dim"):
                    total[name] = total.get(name, 0) + (value or 0)
    return found


def money(value: Any) -> int:
    return round(Decimal(value) * 100)


def assert_same(told: Mapping[str, Any], expected: Mapping[str, Any], what: object, cost_off: int = 0) -> None:
    """A row of figures.json and the sums of the snapshot: counts to 10⁻⁶, money to the kopeck; the cost of a row of the tree is cut
    to kopecks so that rows add up, so it may be a kopeck off what is spent to the millionth."""
    for name in COUNTS:
        assert told.get(name, 0) == pytest.approx(float(expected[name]), abs=1e-6), (what, name)
    assert told.get("visits", 0) == expected["visits"], what
    assert told.get("revenue", 0) == money(expected["revenue"]), what
    profit = None if told.get("unpriced", 0) and not told.get("priced", 0) else told.get("profit", 0)
    assert profit == (None if expected["gross_profit"] is None else money(expected["gross_profit"])), what
    cost = (Decimal(told.get("cost", 0)) / 10_000).to_integral_value(ROUND_HALF_UP)
    assert abs(cost - money(expected["cost"])) <= cost_off, what


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("model", PATH_MODELS)
@pytest.mark.parametrize("name", ["story", "3", "8"])
def test_sums_equal_the_figures_of_every_model_and_basis(name: str, model: str, basis: str) -> None:
    files, (_, _, period) = files_of(name), lake(name)
    figures = tree_of(name, model=model, basis=basis)
    (totals,) = sums_of(files, model, basis, period, 0).values()
    assert_same(totals, figures["totals"], "totals")
    assert figures["totals"]["visits"]
    assert figures["totals"]["cost"]
    channels = sums_of(files, model, basis, period, 1)
    for channel in figures["channels"]:
        assert_same(channels.pop((channel["channel"],), {}), channel, channel["channel"], cost_off=1)
        assert_same_sources(files, model, basis, period, channel)
    assert not any(any(told.values()) for told in channels.values()), "a channel that figures.json does not know"


def assert_same_sources(files: Files, model: str, basis: str, period: Period, channel: Figures) -> None:
    """Sources and campaigns of a channel: what is not split stands at the parent itself."""
    for level, key, rows in (
        (2, lambda row: (channel["channel"], row["source"]), [channel]),
        (3, lambda row: (channel["channel"], row["source"], row["campaign"]), channel["sources"]),
    ):
        sums = sums_of(files, model, basis, period, level)
        for parent in rows:
            told = parent["sources"] if level == 2 else parent["campaigns"]
            for row in told:
                if not row.get("is_not_split") and not is_unset(row, parent):
                    place = key({**parent, **row})
                    assert_same(sums.get(place, {}), row, place, cost_off=1)


def is_unset(row: Figures, parent: Figures) -> bool:
    """Spend without a source stands at the channel, whether it has others or not; so does a campaign's without one."""
    return row.get("campaign") == "" or row.get("source") in ("", "(not set)") or parent.get("source") == "(not set)"


@pytest.mark.parametrize("name", ["story", "3"])
def test_requests_add_up_to_the_totals_of_their_days(name: str) -> None:
    files, (_, _, period) = files_of(name), lake(name)
    rows = list(rows_of(files, "requests", period))
    totals = figures_of(name)["totals"]
    assert sum(row["counted"] for row in rows) == totals["requests"] > 0
    assert sum(row["qualified"] for row in rows) == totals["qualified"]
    assert sum(row["sales"] for row in rows) == totals["sales"]
    assert sum(row["revenue"] for row in rows) == money(totals["revenue"])
    for row in rows:
        weights = [sum(touch[2][place] for touch in row["source"]) for place in range(len(PATH_MODELS))]
        assert row["reason"] if not row["source"] else weights == pytest.approx([1.0] * len(PATH_MODELS), abs=1e-6), row["id"]


def test_the_deals_of_requests_are_those_of_the_figures() -> None:
    files, (_, _, period) = files_of("3"), lake("3")
    told = {deal["id"]: row for row in rows_of(files, "requests", period) for deal in row["deals"]}
    deals = figures_of("3")["deals"]
    assert told.keys() == {deal["deal_id"] for deal in deals}
    for deal in deals:
        row = told[deal["deal_id"]]
        (mine,) = (d for d in row["deals"] if d["id"] == deal["deal_id"])
        assert (mine["pipeline"], mine["meaning"]) == (deal["pipeline"], deal["meaning"])
        assert mine["amount"] == (None if deal["amount"] is None else money(deal["amount"]))
        assert row["path_length"] == deal["path_length"]
        assert (row["reason"] == "") == (deal["no_source_reason"] is None)
        assert bool(row["left_out"]) == (deal["why"]["code"] == "visits_left_out")
        marks = [touch[4] for touch in row["source"] if touch[3] == deal["why"]["touch"]]
        assert [mark & OWN_SOURCE for mark in marks] == [int(deal["why"]["code"] == "own_source")] * len(marks)
        heaviest = [path_of(files["places"], touch[0], 2) for touch in row["source"] if touch[2][2] > 0.5]
        assert all(deal["channel"] in path for path in heaviest)  # other traffic has the channel as a source


def test_landings_add_up_to_visits_and_results() -> None:
    files, (_, _, period) = files_of("8"), lake("8")
    totals, rows = figures_of("8")["totals"], list(rows_of(files, "landings", period))
    lost = next(c for c in figures_of("8")["channels"] if c["channel"] == "no source")
    assert sum(row["visits"] for row in rows) == totals["visits"]
    assert sum(row["requests"] for row in rows) == pytest.approx(float(totals["requests"] - lost["requests"]), abs=1e-6)
    assert sum(row["sales"] for row in rows) == pytest.approx(float(totals["sales"] - lost["sales"]), abs=1e-6)
    assert sum(row["revenue"] for row in rows) == money(totals["revenue"] - lost["revenue"])
    assert {files["landings"]["names"][row["landing"]] for row in rows} >= {"", "/0"}


def test_sections_add_up_to_those_of_the_figures() -> None:
    files, (_, _, period) = files_of("story"), lake("story")
    sums: dict[str, list[int]] = {}
    for row in rows_of(files, "sections", period):
        total = sums.setdefault(files["landings"]["sections"][row["section"]], [0, 0, 0])
        for place, name in enumerate(("visits", "requests", "sales")):
            total[place] += row[name]
    # Of the four who bought or asked in these visits, C filled the form on the main page's visit, which saw the contacts as well.
    assert sums.keys() == {"/", "/contacts"}
    assert sums["/"] == sums["/contacts"]
    assert sums["/"][0] == figures_of("story")["totals"]["visits"]
    for row in figures_of("story")["site_sections"]["rows"]:
        assert sums["/" + row["section"]] == [row["visits"], row["requests"], row["sales"]]


def test_the_same_section_written_in_two_ways_is_one() -> None:
    rows = [
        {"day": DAY, "channel": "", "section": name, "is_rest": False, "visits": 2, "requests": 1, "sales": 0}
        for name in ("кухни", "%D0%BA%D1%83%D1%85%D0%BD%D0%B8", "")
    ]
    names, files = section_files(rows, Days(DAY, DAY), EVERYTHING)
    assert names[1:] == ["/кухни", "/"]
    table = json.loads(files[f"sections-{DAY:%Y-%m}"])
    assert (table["section"], table["visits"], table["requests"]) == ([1, 2], [4, 2], [2, 1])


@pytest.mark.parametrize("name", ["story", "3", "8"])
@pytest.mark.parametrize("model", ["last_non_direct", "linear"])
def test_requests_made_during_a_visit_are_those_of_the_funnel(name: str, model: str) -> None:
    files, (_, _, period) = files_of(name), lake(name)
    funnel = figures_of(name, model=model)["funnel"]
    (totals,) = sums_of(files, model, "request", period, 0).values()
    step = next(step for step in funnel["steps"] if step["step"] == "requests")
    assert totals["on_visit"] == pytest.approx(float(step["reached"]), abs=1e-6)
    assert 0 < totals["on_visit"] <= totals["requests"]
    channels = sums_of(files, model, "request", period, 1)
    for row in funnel["channels"]:
        told = channels.get((row["channel"],), {})
        if row["rates"]["requests"] is not None:
            assert told.get("on_visit", 0) / told["visits"] == pytest.approx(row["rates"]["requests"], abs=1e-9)


@pytest.mark.parametrize("model", ["first", "linear"])
def test_repeat_sales_are_those_after_the_persons_first(model: str) -> None:
    marts, _, _ = lake("3")
    files = files_of("3")
    (expected,) = marts.warehouse.rows(
        """SELECT sum(CASE WHEN place > 1 THEN 1 ELSE 0 END) AS repeats
        FROM (SELECT row_number() OVER (PARTITION BY person_id ORDER BY sale_day, created_at, deal_id) AS place
              FROM deals WHERE sale_day IS NOT NULL) AS sold"""
    )
    for basis in ("request", "payment"):
        told = sum(row["repeat_sales"] for row in rows_of(files, f"results-{model}-{basis}"))
        assert told == pytest.approx(float(expected["repeats"]), abs=1e-6)


def test_every_number_points_at_a_row() -> None:
    files = files_of("8")
    places, dims = len(files["places"]["id"]), len(files["dims"]["manager"])
    for name in ("traffic", *(f"results-{m}-{b}" for m in PATH_MODELS for b in BASES)):
        for row in rows_of(files, name):
            assert 0 < row["place"] < places, (name, row)
            assert 0 <= row.get("dim", 0) < dims, (name, row)
            assert row["day"] >= 0, (name, row)
    assert all(parent < number for number, parent in enumerate(files["places"]["parent"]))
    assert all(
        files["places"]["level"][number] == files["places"]["level"][parent] + 1
        for number, parent in enumerate(files["places"]["parent"])
        if number
    )


def test_traffic_has_one_row_a_day_and_place_with_clicks_and_impressions() -> None:
    marts, _, _ = lake("8")
    rows = list(rows_of(files_of("8"), "traffic"))
    assert len({(row["day"], row["place"]) for row in rows}) == len(rows)
    (told,) = marts.warehouse.rows("SELECT sum(clicks) AS clicks, sum(impressions) AS impressions, sum(cost) AS cost FROM costs")
    assert sum(row["clicks"] for row in rows) == told["clicks"] > 0
    assert sum(row["impressions"] for row in rows) == (told["impressions"] or 0)
    assert sum(row["cost"] for row in rows) == told["cost"] * 1_000_000


def test_the_same_marts_make_the_same_bytes_and_no_stored_file_is_too_big() -> None:
    marts, site, period = lake("3")
    one, other = (packed(snapshot_of(marts.warehouse, published(site), period, "day", REFRESH)) for _ in range(2))
    assert one == other
    assert max(map(len, one.values())) <= columns_of.MOST_BYTES


def test_no_visitor_phone_or_e_mail_is_told() -> None:
    marts, site, period = lake("story")
    text = b"\n".join(snapshot_of(marts.warehouse, published(site), period, "day", REFRESH).files.values()).decode()
    for word in ("visitor-", "phone-", "email-", "client-"):
        assert word not in text
    assert "call-A" in text, "the requests themselves are told"


# ---------------------------------------------------------------------------------------------------------------- scopes
SCOPES = [{"name": "vk", "channels": ["vk реклама"]}, {"name": "ads", "channels": ["Yandex Direct", "Google Ads"]}]


def scoped(name: str, scope: str) -> tuple[Files, str]:
    marts, site, period = lake(name)
    settings = published(site)
    plan = [{"month": "2026-10", "channel": channel, "sales": 3} for channel in (None, "VK Ads", "Meta Ads")]
    settings["report"] = {**settings["report"], "scopes": SCOPES, "plan": plan}
    made = snapshot_of(marts.warehouse, settings, period, "day", REFRESH, scope)
    files = read(made)
    words = ("texts", "views", "metrics", "names")  # of the product itself, the same for everybody
    told = {**files, "manifest": {name: value for name, value in files["manifest"].items() if name not in words}}
    return files, json.dumps(told, ensure_ascii=False)


def test_a_scope_tells_nothing_of_other_channels() -> None:
    files, text = scoped("story", "vk")
    assert "VK Реклама" in files["places"]["name"]
    assert [row["channel"] for row in files["manifest"]["plan"]] == ["VK Ads"]
    assert [row["id"] for row in rows_of(files, "requests")] == ["form-C"]
    for word in ("Yandex", "yandex", "Google Ads", "Meta", "708815521", "22381907754", "parquet", "call-A", "call-B", "call-D"):
        assert word not in text, word


def test_a_scope_has_the_same_sums_as_the_whole_for_its_channels() -> None:
    for name in ("story", "3"):
        files, _ = scoped(name, "ads")
        for model, basis in (("last_non_direct", "request"), ("linear", "payment"), ("shapley", "touch")):
            period = lake(name)[2]
            whole = sums_of(files_of(name), model, basis, period, 1)
            mine = sums_of(files, model, basis, period, 1)
            assert mine == {place: sums for place, sums in whole.items() if place[0] in ("Yandex Direct", "Google Ads")} != {}


def half_a_deal(marts: SmallMarts) -> None:
    """A deal of 1000.00 that two channels share by 3 to 7."""
    parts = {"last_non_direct": [(YANDEX, 0.3, "300.00", "60.00"), (SEARCH, 0.7, "700.00", "140.00")]}
    marts.request("r", credits=parts, created_at=datetime(2026, 10, 1, 9), deals=1, sales=1, revenue=Decimal("1000.00"))
    marts.add(
        "deals", deal_id="amocrm:1", request_id="r", created_at=datetime(2026, 10, 1), meaning="won", amount=Decimal("1000.00")
    )
    for number, source in enumerate((YANDEX, SEARCH)):
        key = {"request_id": "r", "touch_id": f"r-{number}", "position": number + 1, "path_length": 2, "day": DAY}
        marts.add("paths", **key, **source, touched_at=datetime(2026, 9, 30, number))
    for number, source in enumerate((YANDEX, SEARCH)):
        told = {"site_id": "kvartal", "entry_key": str(number), "is_ad": not number, "is_direct": False}
        marts.add("sources", **{k: v for k, v in {**told, **source}.items() if k not in ("site_id", "campaign")})


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def small_files(marts: SmallMarts, scope: str = "", **changes: Any) -> tuple[Files, Snapshot]:
    settings = settings_of(**changes)
    made = snapshot_of(marts.warehouse, settings, Period(DAY, DAY + timedelta(days=11)), "day", REFRESH, scope)
    return read(made), made


def test_a_scoped_reader_sees_the_part_of_a_deal_that_is_credited_to_his_channels(small: SmallMarts) -> None:
    half_a_deal(small)
    scopes = {"report": {"scopes": [{"name": "y", "channels": ["Яндекс Директ"]}]}}
    files, made = small_files(small, "y", **scopes)
    (row,) = rows_of(files, "requests")
    assert (row["revenue"], row["profit"], row["sales"], row["receivable"]) == (30_000, 6_000, 0.3, None)
    assert [deal["amount"] for deal in row["deals"]] == [None], "the whole sum would tell the other channels' part"
    assert [touch[2][2] for touch in row["source"]] == [0.3]
    assert (row["path_length"], row["source"][0][3]) == (1, 1)
    assert not any(b"google" in body.lower() for name, body in made.files.items() if name != "manifest")
    whole, _ = small_files(small, "", **scopes)
    (row,) = rows_of(whole, "requests")
    assert (row["revenue"], row["sales"], row["deals"][0]["amount"], len(row["source"])) == (100_000, 1, 100_000, 2)


def test_an_unknown_scope_shows_nothing(small: SmallMarts) -> None:
    with pytest.raises(BadInput, match="no scope elsewhere"):
        small_files(small, "elsewhere")


def test_a_scope_may_name_a_channel_that_is_shown_among_other_traffic(small: SmallMarts) -> None:
    for source in ("blogger", "katalog"):
        channel = f"{source} / promo"
        small.add("sources", entry_key=source, channel=channel, source=source, medium="promo", is_direct=False, is_ad=False)
        small.add("sessions", session_id=source, visitor_id="v", day=DAY, channel=channel, source=source)
    files, made = small_files(small, "b", report={"scopes": [{"name": "b", "channels": ["blogger / promo"]}]})
    assert [(row["visits"], path_of(files["places"], row["place"], 2)) for row in rows_of(files, "traffic")] == [
        (1, ("other traffic", "blogger / promo"))
    ]
    assert b"katalog" not in b"".join(made.files.values())


# ------------------------------------------------------------------------------------------------------- hostile and empty
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x01 =cmd|'/C calc'!A0 " + "ж" * 500


def test_hostile_names_are_one_clean_line_and_end_no_element(small: SmallMarts) -> None:
    source = {"channel": HOSTILE, "source": HOSTILE, "campaign": HOSTILE, "content": HOSTILE, "term": HOSTILE}
    small.request("r\u202e<b>", credits={"last_non_direct": [(source, 1.0, "5.00", None)]}, created_at=datetime(2026, 10, 1, 9))
    told = {"pipeline": HOSTILE, "stage": HOSTILE, "manager": HOSTILE, "branch": HOSTILE, "product": HOSTILE, "order_id": HOSTILE}
    small.add("deals", deal_id=f"amocrm:{HOSTILE}", request_id="r\u202e<b>", created_at=datetime(2026, 10, 1), **told)
    small.add("sessions", session_id="s", visitor_id="v", day=DAY, landing_path=f"/{HOSTILE}", **source)
    files, made = small_files(small)
    names = [*files["places"]["name"], *files["dims"]["manager"], *files["landings"]["names"]]
    (row,) = rows_of(files, "requests")
    names += [row["order"], row["id"], *(str(told) for deal in row["deals"] for told in deal.values())]
    assert max(map(len, names)) <= 200
    assert not any("\u202e" in name or "\x01" in name for name in [*names, *files["places"]["id"]])
    page = Snapshot(made.files, is_hosted=False).inlined()
    assert page.count("</script>") == len(made.files) == page.count("<script ")
    assert page.count("<") == 2 * len(made.files)


def test_a_site_without_any_data_has_a_snapshot(small: SmallMarts) -> None:
    files, made = small_files(small)
    assert files.keys() == {"manifest", "places", "dims", "landings"}
    assert (files["places"]["level"], files["dims"]["manager"], files["manifest"]["pages"]) == ([0], [""], [])
    assert packed(made).keys() == files.keys()


def test_a_month_without_sales_says_so_by_its_rows(small: SmallMarts) -> None:
    small.request("r", credits={"last_non_direct": [(YANDEX, 1.0, "0.00", None)]}, created_at=datetime(2026, 10, 1, 9))
    files, _ = small_files(small)
    (row,) = rows_of(files, "results-last_non_direct-request")
    assert (row["requests"], row["sales"], row["revenue"], row["profit"], row["unpriced"]) == (1, 0, 0, None, 0)
    assert list(rows_of(files, "results-last_non_direct-payment")) == [row], "asked for and qualified on its own day, not paid"


def test_the_manifest_tells_of_every_file_and_of_the_history(small: SmallMarts) -> None:
    files, made = small_files(small, report={"history_days": 31, "sections": ["deals", "summary"]}, rates=[])
    manifest = files["manifest"]
    assert manifest["files"] == {name: len(body) for name, body in made.files.items() if name != "manifest"}
    # 31 days that end with the last whole day known, and back to the period before the mailed one.
    assert manifest["history"] == {"from": "2026-09-19", "to": "2026-11-19"}
    assert manifest["months"] == ["2026-09", "2026-10", "2026-11"]
    assert manifest["sections"] == ["deals", "summary"]
    assert manifest["models"] == list(PATH_MODELS)


def test_settings_of_before_there_were_snapshots_are_enough(small: SmallMarts) -> None:
    settings = dict(settings_of())
    later = ("history_days", "link_days", "scopes", "sections", "own_sections", "plan", "alerts", "brand", "frame_ancestors")
    settings["report"] = {name: told for name, told in settings["report"].items() if name not in later}
    made = snapshot_of(small.warehouse, settings, Period(DAY, DAY), "day", REFRESH)
    assert json.loads(made.files["manifest"])["plan"] == []


def test_the_plan_of_a_channel_that_nobody_knows_is_marked(small: SmallMarts) -> None:
    plan = [{"month": "2026-10", "channel": name, "cost": "100"} for name in ("Яндекс Директ", "Яндек Директ")]
    made = snapshot_of(small.warehouse, settings_of(report={"plan": plan}), Period(DAY, DAY), "day", REFRESH)
    told = [(row["channel"], row.get("is_unknown", False)) for row in json.loads(made.files["manifest"])["plan"]]
    assert told == [("Yandex Direct", False), ("Яндек Директ", True)]


def test_a_made_up_snapshot_has_the_columns_of_a_true_one() -> None:
    true = files_of("3")
    for made in (sample(), snapshot_of_deals(50)):
        files = {name: json.loads(body) for name, body in made.items()}
        for kind in (
            "manifest",
            "places",
            "dims",
            "landings",
            "traffic-20",
            "landings-20",
            "sections-20",
            "requests-20",
            "results-",
        ):
            one, other = (next(f for name, f in sorted(each.items()) if name.startswith(kind)) for each in (files, true))
            assert list(one) == list(other), kind
        deals, true_deals = (next(row for row in rows_of(each, "requests") if row["deals"])["deals"] for each in (files, true))
        assert deals[0].keys() == true_deals[0].keys()
