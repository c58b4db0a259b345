"""The three date bases: which day puts a figure into the period (docs/method.md, metrics and reports)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from functions.report import render
from functions.report.extras import extras_of
from functions.report.figures import Figures, build
from functions.report.marts.questions import Period, ask
from functions.report.view.words import texts
from shared.models import MODELS, PATH_MODELS
from shared.settings import SiteSettings, published
from tests.lakes import NOW, Marts, cost, deal, hit, marts_of, payment, request, shop, utc
from tests.random_lakes import random_records, random_shop
from tests.report_cases import PERIOD, figures_of, place, settings_of
from tests.report_cases import shop as shop_rows
from tests.report_marts import BEFORE, DAY, SEARCH, YANDEX, SmallMarts
from tests.unit.test_report_workbook import sheets_of

BASES = ("request", "payment", "touch")
EVER = Period(date(2026, 1, 1), date(2027, 12, 31))
RUNS = Period(date(2026, 10, 1), date(2026, 10, 31))
D = timedelta(days=1)


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def report(marts: Marts, site: SiteSettings, basis: str, period: Period) -> Figures:
    settings = published(site)
    settings["report"] = {**settings["report"], "date_basis": basis}
    return build(settings, period, *ask(marts.warehouse, settings, period), NOW)


def sold_over_two_months(marts: SmallMarts) -> None:
    """Touched on 10 September (before the period) and 1 October by halves, asked for on 1 October, half of 1000.00 paid in the
    period and half after it; the deal has been a sale since the period's first money."""
    for model in ("last_non_direct", "shapley"):
        for number, (source, touched) in enumerate(((SEARCH, datetime(2026, 9, 9, 21, 30)), (YANDEX, datetime(2026, 10, 1, 8)))):
            key = {"request_id": "r", "model": model, "touch_id": f"t{number}"}
            money = {"revenue": Decimal("500.00"), "gross_profit": Decimal("100.00")}
            marts.add("credits", **key, day=DAY, touched_at=touched, **source, weight=0.5, **money)
            for event, day in (("in", PERIOD.last), ("after", PERIOD.last + D)):
                part = {"revenue": Decimal("250.00"), "gross_profit": Decimal("50.00")}
                marts.add("credit_money", **key, money_event_id=event, day=day, **part)
    marts.request("r", sales=1, revenue=Decimal("1000.00"), gross_profit=Decimal("200.00"))
    marts.add("deals", deal_id="d", created_at=datetime(2026, 10, 1), request_id="r", day=DAY, sale_day=PERIOD.last)


@pytest.mark.parametrize(
    ("basis", "totals"),
    [
        ("request", (1, 1, 1, 1000, 200)),
        ("payment", (1, 1, 1, 500, 100)),
        ("touch", (0.5, 0.5, 0.5, 500, 100)),
    ],
)
def test_each_basis_counts_by_its_own_day(basis: str, totals: tuple[float, ...], marts: SmallMarts) -> None:
    sold_over_two_months(marts)
    found = marts.figures(report={"date_basis": basis})["totals"]
    assert tuple(found[name] for name in ("requests", "qualified", "sales", "revenue", "gross_profit")) == totals


def test_the_previous_period_follows_the_basis(marts: SmallMarts) -> None:
    """The first touch was on 10 September by Moscow's clock, in the 30 days before 13 September; the request was not."""
    sold_over_two_months(marts)
    before = {basis: marts.figures(report={"date_basis": basis})["previous"]["totals"] for basis in BASES}
    assert {basis: (found["requests"], found["revenue"]) for basis, found in before.items()} == {
        "request": (0, 0), "payment": (0, 0), "touch": (0.5, 500)
    }  # fmt: skip


def test_the_day_of_a_touch_is_the_sites_own(marts: SmallMarts) -> None:
    """21:30 UTC on 12 September is the 13th in Moscow, the first day of the period."""
    marts.request("r", day=PERIOD.last, credits={})
    key = {"request_id": "r", "model": "last_non_direct", "touch_id": "t", "day": PERIOD.last}
    marts.add("credits", **key, touched_at=datetime(2026, 9, 12, 21, 30), **YANDEX, weight=1.0)
    changes: dict[str, Any] = {"report": {"date_basis": "touch"}}
    assert marts.figures(**changes)["totals"]["requests"] == 1
    assert marts.figures(time_zone="UTC", **changes)["totals"]["requests"] == 0


@pytest.mark.parametrize(("basis", "sums"), [("request", (1, 1, 70)), ("payment", (1, 0, 30)), ("touch", (1, 1, 70))])
def test_what_has_no_source_keeps_the_request_day_but_for_its_money(basis: str, sums: tuple[int, ...], marts: SmallMarts) -> None:
    marts.request("r", sales=1, revenue=Decimal("70.00"), no_source_reason="not_passed")
    marts.add("deals", deal_id="d", created_at=datetime(2026, 10, 1), request_id="r", sale_day=PERIOD.last + D)
    marts.add("money_events", money_event_id="1", request_id="r", day=DAY, amount=Decimal("30.00"))
    marts.add("money_events", money_event_id="2", request_id="r", day=PERIOD.last + D, amount=Decimal("40.00"))
    marts.request("old", day=BEFORE, revenue=Decimal("5.00"))
    lost = place(marts.figures(report={"date_basis": basis})["channels"], "no source")
    assert (lost["requests"], lost["sales"], lost["revenue"]) == sums


def test_money_of_an_older_request_counts_by_payment_day_alone(marts: SmallMarts) -> None:
    credit = {"last_non_direct": [(YANDEX, 1.0, "900.00", None)]}
    marts.request("old", day=BEFORE, credits=credit, sales=1, revenue=Decimal("900.00"))
    marts.add("deals", deal_id="d", created_at=datetime(2026, 10, 1), request_id="old", sale_day=DAY)
    key = {"request_id": "old", "model": "last_non_direct", "touch_id": "old-0"}
    marts.add("credit_money", **key, money_event_id="m", day=DAY, revenue=Decimal("900.00"))
    totals = {basis: marts.figures(report={"date_basis": basis})["totals"] for basis in ("request", "payment")}
    assert (totals["request"]["requests"], totals["request"]["sales"], totals["request"]["revenue"]) == (0, 0, 0)
    assert (totals["payment"]["requests"], totals["payment"]["sales"], totals["payment"]["revenue"]) == (0, 1, 900)


def test_a_refund_stands_on_its_own_day(tmp_path: Path) -> None:
    """10,000 in October, 4,000 back in November: October keeps its money by payment day and not by request day."""
    at = utc("10-12 09:00")
    records = [
        cost("10-12", "yandex/cpc/doors", "1000"),
        hit("v", at, "yandex/cpc/doors"),
        request("r", at + timedelta(minutes=5), visitor="v"),
        deal("d", at + timedelta(hours=1), "work", "10000", request_id="r"),
        payment("d", at + D, "10000", "p"),
        payment("d", at + 25 * D, "-4000", "q"),
    ]
    site = shop()
    marts = marts_of(tmp_path, records, site)
    revenue = {basis: report(marts, site, basis, RUNS)["totals"]["revenue"] for basis in BASES}
    assert revenue == {"request": 6000, "payment": 10000, "touch": 6000}
    november = Period(date(2026, 11, 1), date(2026, 11, 30))
    found = report(marts, site, "payment", november)["totals"]
    assert (found["requests"], found["sales"], found["revenue"]) == (0, 0, -4000)


@cache
def lake(seed: int) -> tuple[Marts, SiteSettings]:
    site = random_shop()
    with TemporaryDirectory() as folder:  # the marts are in memory
        return marts_of(Path(folder), random_records(seed, 40), site), site


@pytest.mark.parametrize("seed", [41, 42])
def test_over_all_days_the_bases_agree_for_every_channel_and_every_model(seed: int) -> None:
    marts, site = lake(seed)
    asked, paid, touched = (report(marts, site, basis, EVER) for basis in BASES)
    (told,) = marts.warehouse.rows("SELECT sum(revenue) AS revenue, sum(gross_profit) AS gross_profit FROM requests")
    assert asked["totals"]["revenue"] == told["revenue"] != 0
    for other in (paid, touched):
        assert_same_rows([asked["totals"]], [other["totals"]])
        assert_same_rows(asked["channels"], other["channels"])
        for model in MODELS:
            assert_same_rows(asked["models"][model], other["models"][model])


def assert_same_rows(rows: list[Figures], others: list[Figures]) -> None:
    by_name = {row.get("channel"): row for row in others}
    assert by_name.keys() == {row.get("channel") for row in rows}
    for row in rows:
        for name in ("requests", "qualified", "sales"):
            assert by_name[row.get("channel")][name] == pytest.approx(row[name], abs=1e-6), (row.get("channel"), name)
        for name in ("revenue", "gross_profit"):
            assert (by_name[row.get("channel")][name] or 0) == (row[name] or 0), (row.get("channel"), name)


@pytest.mark.parametrize("basis", BASES)
def test_days_add_up_to_their_period(basis: str) -> None:
    """Every figure belongs to one day: a week's is the sum of its days'."""
    marts, site = lake(41)
    first = date(2026, 10, 8)
    week = report(marts, site, basis, Period(first, first + 6 * D))["totals"]
    days = [report(marts, site, basis, Period(first + n * D, first + n * D))["totals"] for n in range(7)]
    for name in ("requests", "qualified", "sales"):
        assert sum(day[name] for day in days) == pytest.approx(week[name], abs=1e-6), name
    for name in ("revenue", "gross_profit"):
        assert sum(day[name] or 0 for day in days) == (week[name] or 0), name


@pytest.mark.parametrize("basis", ["request", "payment"])
def test_in_any_period_every_model_gives_away_the_same_totals(basis: str) -> None:
    marts, site = lake(42)
    figures = report(marts, site, basis, Period(date(2026, 10, 5), date(2026, 10, 15)))
    for model in MODELS:
        rows = figures["models"][model]
        assert sum(row["revenue"] for row in rows) == figures["totals"]["revenue"] != 0, model
        assert sum(row["gross_profit"] or 0 for row in rows) == (figures["totals"]["gross_profit"] or 0), model
        for name in ("requests", "qualified", "sales"):
            assert sum(row[name] for row in rows) == pytest.approx(figures["totals"][name], abs=1e-6), (model, name)


def test_by_touch_days_markov_keeps_the_request_day() -> None:
    marts, site = lake(42)
    period = Period(date(2026, 10, 5), date(2026, 10, 15))
    asked, touched = (report(marts, site, basis, period) for basis in ("request", "touch"))
    named = [row for row in touched["models"]["markov"] if row["channel"] != "no source"]
    assert named == [row for row in asked["models"]["markov"] if row["channel"] != "no source"]
    assert any(touched["models"][model] != asked["models"][model] for model in PATH_MODELS)
    assert touched["days"]["markov"] == touched["days"]["no_source"] == "request"


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("basis", BASES)
def test_every_form_of_the_report_states_its_basis(basis: str, language: str) -> None:
    changes = {"report": {"date_basis": basis, "language": language}}
    figures, settings = figures_of(shop_rows(), **changes), settings_of(**changes)
    extras = extras_of(figures, settings)
    assert extras.workbook is not None
    mail, words = render.mail(figures, settings, "", extras), texts(language)
    sentence = words["date_basis"][basis]
    assert figures["date_basis"] == basis
    assert figures["days"]["revenue"] == basis
    page = render.page(figures, settings, extras)
    for text in (unescape(page), unescape(mail.html), re.sub(r"(?<=\S)\n *", " ", mail.text)):
        assert sentence in text
    assert (words["own_basis"] in unescape(page)) == (basis != "request")  # of parts that the mail leaves to the page
    definitions = sheets_of(extras.workbook)[words["workbook"]["sheets"]["definitions"]]
    assert [row[1] for row in definitions if row[0] == words["workbook"]["settings"]["date_basis"]] == [sentence]
    formula = {**words["workbook"]["formulas"], **words["workbook"]["formulas_by_basis"].get(basis, {})}["revenue"]
    assert [words["metrics"]["revenue"], formula] in [row[:2] for row in definitions]


def test_settings_published_before_there_was_a_choice_count_by_request_day(marts: SmallMarts) -> None:
    sold_over_two_months(marts)
    settings = settings_of()
    old = {**settings, "report": {name: value for name, value in settings["report"].items() if name != "date_basis"}}
    figures = build(old, PERIOD, *ask(marts.warehouse, old, PERIOD), datetime(2026, 10, 13, tzinfo=UTC))
    assert (figures["date_basis"], figures["totals"]["revenue"]) == ("request", 1000)
