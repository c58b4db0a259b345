"""All models side by side: what each gives each channel, how far they are apart, and the model markov (docs/method.md, models)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.report import render
from functions.report.figures import Figures, build
from functions.report.marts.questions import Answers, Period, ask
from functions.report.view.formats import Formats
from functions.report.view.models import VIEWS, models_text, models_view
from functions.report.view.names import Names
from functions.report.view.words import texts
from shared.models import MARKOV, MODELS, PATH_MODELS
from shared.settings import SiteSettings, published
from tests.lakes import NOW, Marts, Record, cost, deal, hit, marts_of, request, shop, utc
from tests.random_lakes import random_records, random_shop
from tests.report_cases import DATA_TO, PERIOD, figures_of, model, place, results, settings_of
from tests.report_cases import cost as spend
from tests.report_cases import shop as shop_rows
from tests.report_marts import BEFORE, DAY, SEARCH, YANDEX, SmallMarts

EVER = Period(date(2026, 1, 1), date(2026, 12, 31))
D = timedelta(days=1)
COUNTS = ("requests", "qualified", "sales")
ROW = {"channel", "requests", "qualified", "sales", "revenue", "gross_profit", "margin_romi"}


@pytest.fixture
def marts(tmp_path: Path) -> Iterator[SmallMarts]:
    made = SmallMarts(tmp_path)
    yield made
    made.warehouse.close()


def effect(marts: SmallMarts, month: str, **shares: float) -> None:
    names = {"yandex": "Yandex Direct", "search": "Organic search", "vk": "VK Ads"}
    for name, share in shares.items():
        marts.add("removal_effects", month=month, channel=names[name], share=share)


def sold(marts: SmallMarts, request_id: str, day: date, revenue: str, source: dict[str, str], **more: Any) -> None:
    """A request whose path is one touch of that source: what shapley and every other model give."""
    money = {"revenue": Decimal(revenue), "gross_profit": more.pop("gross_profit", None)}
    parts = [(source, 1.0, revenue, money["gross_profit"])]
    marts.request(request_id, day=day, credits={"shapley": parts, "last_non_direct": parts}, sales=1, **money, **more)


def by_channel(figures: Figures, name: str = MARKOV) -> dict[str, Any]:
    return {row["channel"]: row for row in figures["models"][name]}


# The model markov


def test_markov_splits_each_request_month_by_its_own_fit(marts: SmallMarts) -> None:
    """September: 100.00 by 3/4 and 1/4; October: 60.00 by 1/4 and 3/4. The period has a part of each month."""
    sold(marts, "s", date(2026, 9, 20), "100.00", YANDEX)
    sold(marts, "o", date(2026, 10, 5), "60.00", SEARCH)
    sold(marts, "out", BEFORE, "999.00", SEARCH)
    effect(marts, "2026-09", yandex=0.75, search=0.25)
    effect(marts, "2026-10", yandex=0.25, search=0.75)
    rows = by_channel(marts.figures())
    assert rows["Yandex Direct"]["revenue"] == 75 + 15
    assert rows["Organic search"]["revenue"] == 25 + 45
    for name in COUNTS:
        assert (rows["Yandex Direct"][name], rows["Organic search"][name]) == (1, 1), name


def test_markovs_money_is_cut_to_the_kopeck_and_earlier_names_get_the_odd_one(marts: SmallMarts) -> None:
    sold(marts, "a", DAY, "100.00", YANDEX, gross_profit=Decimal("-0.01"))
    effect(marts, "2026-10", yandex=1 / 3, search=1 / 3, vk=1 / 3)
    rows = by_channel(marts.figures())
    assert [rows[name]["revenue"] for name in ("Organic search", "VK Ads", "Yandex Direct")] == [
        Decimal("33.34"), Decimal("33.33"), Decimal("33.33")
    ]  # fmt: skip
    assert [rows[name]["gross_profit"] for name in ("Organic search", "VK Ads", "Yandex Direct")] == [Decimal("-0.01"), 0, 0]
    assert rows["Yandex Direct"]["sales"] == pytest.approx(1 / 3)


def test_a_month_without_a_fit_is_split_as_shapley_does(marts: SmallMarts) -> None:
    halves = [(YANDEX, 0.5, "0.00", None), (SEARCH, 0.5, "0.00", None)]
    marts.request("lost", credits={"shapley": halves, "last_non_direct": [(YANDEX, 1.0, "0.00", None)]})
    figures = marts.figures()
    assert {name: row["requests"] for name, row in by_channel(figures).items() if row["requests"]} == {
        "Yandex Direct": 0.5, "Organic search": 0.5
    }  # fmt: skip
    assert figures["markov_months"] == [{"month": "2026-10", "is_fitted": False, "is_immature": False}]


def test_markov_counts_only_what_counts_and_leaves_requests_without_a_path_alone(marts: SmallMarts) -> None:
    sold(marts, "duplicate", DAY, "10.00", YANDEX, is_counted=False, is_qualified=False)
    marts.request("lost", sales=1, revenue=Decimal("5.00"), no_source_reason="not_passed")
    effect(marts, "2026-10", yandex=1.0)
    rows = by_channel(marts.figures())
    assert (rows["Yandex Direct"]["requests"], rows["Yandex Direct"]["sales"], rows["Yandex Direct"]["revenue"]) == (0, 1, 10)
    assert (rows["no source"]["requests"], rows["no source"]["revenue"]) == (1, 5)


def test_by_payment_day_markov_splits_money_by_the_fit_of_its_requests_month(marts: SmallMarts) -> None:
    sold(marts, "old", BEFORE, "80.00", YANDEX)
    key = {"request_id": "old", "model": "shapley", "touch_id": "old-0", "money_event_id": "m"}
    marts.add("credit_money", **key, day=DAY, revenue=Decimal("80.00"))
    marts.add("deals", deal_id="d", request_id="old", created_at=datetime(2026, 9, 1), sale_day=DAY)
    effect(marts, "2026-09", yandex=0.5, search=0.5)
    effect(marts, "2026-10", search=1.0)
    figures = marts.figures(report={"date_basis": "payment"})
    assert {name: (row["sales"], row["revenue"]) for name, row in by_channel(figures).items() if row["revenue"]} == {
        "Yandex Direct": (0.5, 40), "Organic search": (0.5, 40)
    }  # fmt: skip
    assert [row["month"] for row in figures["markov_months"]] == ["2026-09"]


@pytest.mark.parametrize(
    ("data_to", "days", "is_immature"),
    [
        (datetime(2026, 10, 13), 5, True),  # the month still runs
        (datetime(2026, 11, 4), 5, True),  # requests of 31 October are four days old
        (datetime(2026, 11, 5), 5, False),
        (datetime(2026, 10, 13), 0, False),  # sold on the day of the request
    ],
)
def test_a_month_is_immature_while_its_last_requests_are_younger_than_the_usual_way_to_a_sale(
    data_to: datetime, days: int, is_immature: bool
) -> None:
    rows = {
        "sale_delays": [{"days": days, "sales": 3}],
        "markov": [{"month": "2026-10", **results("A", "")}],
        "removal_effects": [{"month": "2026-10", "channel": "A", "share": 1.0}],
    }
    settings = settings_of(time_zone="UTC")
    at = data_to.astimezone(DATA_TO.tzinfo).replace(hour=12)
    figures = build(settings, PERIOD, Answers(rows), Answers(), at.replace(day=data_to.day, month=data_to.month))
    assert figures["markov_months"] == [{"month": "2026-10", "is_fitted": True, "is_immature": is_immature}]
    notes = models_view(figures, Formats("ru", "RUB", "UTC"), Names(settings))["notes"]
    assert bool(notes) == is_immature
    assert all("10.2026" in note for note in notes)


@given(st.integers(-(10**15), 10**15), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).filter(lambda told: sum(told) > 0))
def test_markovs_parts_add_up_to_the_kopeck_whatever_the_sum(kopecks: int, effects: list[float]) -> None:
    shares = [share / sum(effects) for share in effects]
    amount = Decimal(kopecks) / 100
    rows = {
        "markov": [{"month": "2026-10", **results("A", "", revenue=amount, gross_profit=-amount)}],
        "removal_effects": [{"month": "2026-10", "channel": f"C{n}", "share": share} for n, share in enumerate(shares)],
    }
    told = figures_of(rows)["models"][MARKOV]
    assert sum(row["revenue"] for row in told) == amount
    assert sum(row["gross_profit"] for row in told) == -amount


# All models


@cache
def lake(seed: int) -> tuple[Marts, SiteSettings]:
    site = random_shop()
    with TemporaryDirectory() as folder:  # the marts are in memory
        return marts_of(Path(folder), random_records(seed, 40), site), site


def report(marts: Marts, site: SiteSettings, period: Period = EVER) -> Figures:
    settings = published(site)
    return build(settings, period, *ask(marts.warehouse, settings, period), NOW)


@pytest.mark.parametrize("seed", [51, 52])
@pytest.mark.parametrize("period", [EVER, Period(date(2026, 10, 4), date(2026, 10, 13))])
def test_totals_of_every_model_equal_the_crms(seed: int, period: Period) -> None:
    marts, site = lake(seed)
    first, last, *_ = period
    (crm,) = marts.warehouse.rows(
        "SELECT sum(CASE WHEN is_counted THEN 1 ELSE 0 END) AS requests, "
        "sum(CASE WHEN is_qualified THEN 1 ELSE 0 END) AS qualified, "
        "sum(sales) AS sales, sum(revenue) AS revenue, sum(gross_profit) AS gross_profit "
        f"FROM requests WHERE day BETWEEN DATE '{first}' AND DATE '{last}'"
    )
    models = report(marts, site, period)["models"]
    assert tuple(models) == MODELS
    for name, rows in models.items():
        assert all(set(row) == ROW for row in rows)
        assert sum(row["revenue"] for row in rows) == crm["revenue"] != 0, name
        assert sum(row["gross_profit"] or 0 for row in rows) == crm["gross_profit"], name
        for measure in COUNTS:
            assert sum(row[measure] for row in rows) == pytest.approx(crm[measure], abs=1e-6), (name, measure)


def test_the_default_model_is_the_reports_own_tree() -> None:
    marts, site = lake(51)
    figures = report(marts, site)
    own = by_channel(figures, figures["model"])
    for channel in figures["channels"]:
        if channel["channel"] in own:
            for name in (*COUNTS, "revenue", "gross_profit", "margin_romi"):
                assert own[channel["channel"]][name] == channel[name], (channel["channel"], name)


def journey(visitor: str, start: str, *ads: str, sold_for: str | None = None) -> list[Record]:
    """Visits a day apart by ads (`-` = direct), a request on the last day and, where it was sold, its won deal."""
    at = utc(f"{start} 09:00")
    visits = [hit(visitor, at + n * D, "" if ad == "-" else ad) for n, ad in enumerate(ads)]
    asked = at + (len(ads) - 1) * D + timedelta(minutes=5)
    told = [request(f"r-{visitor}", asked, visitor=visitor)]
    stage, amount = ("won", sold_for) if sold_for else ("lost", None)
    return [*visits, *told, deal(f"d-{visitor}", asked + timedelta(hours=1), stage, amount, request_id=f"r-{visitor}")]


def two_months() -> list[Record]:
    """October: yandex → vk sells twice, vk alone never; without yandex nothing sells. November: nothing sells."""
    return [
        *journey("a", "10-03", "yandex/cpc/a", "vk/cpc/b", sold_for="100.00"),
        *journey("b", "10-05", "yandex/cpc/a", "vk/cpc/b", sold_for="50.01"),
        *journey("c", "10-07", "vk/cpc/b"),
        *journey("d", "11-03", "yandex/cpc/a", "vk/cpc/b", "vk/cpc/b"),
        cost("10-03", "yandex/cpc/a", "30"),
    ]


def test_from_records_to_figures_markov_has_a_fit_a_month_and_shapleys_split_without_a_sale(tmp_path: Path) -> None:
    """October by hand: start → yandex 2/3, → vk 1/3; yandex → vk 1; vk → sale 2/3. P(sale) = 2/3. Without yandex 1/3 · 2/3 = 2/9:
    effect 2/3; without vk nothing: effect 1. Shares 2/5 and 3/5 of 150.01 and of 2 sales."""
    site = shop()
    marts = marts_of(tmp_path, two_months(), site)
    figures = report(marts, site)
    rows = by_channel(figures)
    yandex, vk = rows["Yandex Direct"], rows["VK Ads"]
    assert (yandex["revenue"], vk["revenue"]) == (Decimal("60.00"), Decimal("90.01"))
    assert (yandex["sales"], vk["sales"]) == (pytest.approx(0.8), pytest.approx(1.2))
    assert figures["markov_months"] == [
        {"month": "2026-10", "is_fitted": True, "is_immature": False},
        {"month": "2026-11", "is_fitted": False, "is_immature": False},
    ]
    november = report(marts, site, Period(date(2026, 11, 1), date(2026, 11, 30)))
    split = {name: row["requests"] for name, row in by_channel(november).items() if row["requests"]}
    assert split == {"Yandex Direct": 0.5, "VK Ads": 0.5}  # by channels, though there were two visits from VK
    assert by_channel(november) == by_channel(november, "shapley")


def test_the_paths_of_deals_hold_touches_that_get_nothing(tmp_path: Path) -> None:
    site = shop(attribution={"default_model": "first"})
    figures = report(marts_of(tmp_path, two_months(), site), site)
    (told,) = [row for row in figures["deals"] if row["deal_id"] == "crm:d-a"]
    assert [touch["channel"] for touch in told["path"]] == ["Yandex Direct", "VK Ads"]
    assert [touch["weight"] for touch in told["path"]] == [1, 0]


# The range across models


def ranged() -> dict[str, Any]:
    all_of_a = {"requests": 4.0, "qualified": 3.0, "sales": 2.0, "revenue": Decimal(300), "gross_profit": Decimal(150)}
    return {
        "spend": [spend("A", "a", "100")],
        "results": [results("A", "a", **all_of_a)],
        "models": [
            *(model(name, "A", **all_of_a) for name in PATH_MODELS[1:]),
            model("first", "A", requests=1.0, sales=0.5, revenue=Decimal(40), gross_profit=Decimal(20)),
            model("first", "B", requests=3.0, qualified=3.0, sales=1.5, revenue=Decimal(260), gross_profit=Decimal(130)),
        ],
        "markov": [{"month": "2026-10", **results("A", "", **all_of_a)}],
        "removal_effects": [{"month": "2026-10", "channel": "A", "share": 1.0}],
    }


def test_the_range_names_the_least_and_the_most_and_the_models_that_say_so() -> None:
    a, b = figures_of(ranged())["model_range"]
    most = [name for name in MODELS if name != "first"]
    assert a == {
        "channel": "A",
        "requests": {"low": 1, "low_models": ["first"], "high": 4, "high_models": most},
        "qualified": {"low": 0, "low_models": ["first"], "high": 3, "high_models": most},
        "sales": {"low": 0.5, "low_models": ["first"], "high": 2, "high_models": most},
        "revenue": {"low": 40, "low_models": ["first"], "high": 300, "high_models": most},
        "margin_romi": {"low": -0.8, "low_models": ["first"], "high": 0.5, "high_models": most},
    }
    assert b["requests"] == {"low": 0, "low_models": most, "high": 3, "high_models": ["first"]}
    assert b["sales"] == {"low": 0, "low_models": most, "high": 1.5, "high_models": ["first"]}
    assert b["margin_romi"] is None  # B cost nothing


def test_a_channel_that_only_costs_has_a_range_and_no_source_has_none() -> None:
    figures = figures_of(
        {"spend": [spend("A", "a", "10")], "no_source": [{**results("", "", revenue=Decimal(5)), "reason": "not_passed"}]}
    )
    (only,) = figures["model_range"]
    assert (only["channel"], only["margin_romi"]["low"], only["margin_romi"]["high_models"]) == ("A", -1, list(MODELS))
    assert all(rows == [rows[-1]] and rows[-1]["revenue"] == 5 for rows in figures["models"].values())


def test_channels_without_a_rule_are_one_row_of_the_range() -> None:
    rows = shop_rows()
    assert [row["channel"] for row in figures_of(rows)["model_range"]].count("other traffic") == 1


def test_who_says_so_is_one_some_or_all() -> None:
    words = texts("ru")
    assert models_text(["linear"], 12, words) == "Линейная"
    assert models_text(["first", "last", "shapley"], 12, words) == "Первое касание и\u00a0ещё\u00a02"
    assert models_text(list(MODELS), 12, words) == "все модели"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_shows_every_model_and_the_range_and_the_mail_leads_there(language: str) -> None:
    settings = settings_of(report={"language": language})
    figures, words = figures_of(shop_rows(), report={"language": language}), texts(language)
    page, mail = render.page(figures, settings), render.mail(figures, settings, "https://stats.example/t")
    for name in MODELS:
        assert f">{words['models'][name]}" in page
        assert words["model_help"][name][-20:] in page.replace("&#39;", "'")
    for view in VIEWS:
        assert f'id="view-{view}"' in page
    assert words["model_range"]["help"][:40] in page.replace("&#39;", "'")
    assert words["model_range"]["every"] in page
    heads = re.findall(r'<th role="columnheader" scope="col">([^<]+)</th>', page[page.index('class="range"') :])[1:6]
    assert heads == [words["metrics"][name] for name in ("requests", "qualified", "sales", "revenue", "margin_romi")]
    assert words["model_notes"]["immature"].format(months="10.2026")[-40:] in page
    for text in (mail.html, mail.text):
        assert words["mail"]["links"]["models"] in text
        assert "https://stats.example/t#view=models" in text


def test_every_model_has_a_name_an_explanation_and_a_reason() -> None:
    for language in ("ru", "en"):
        words = texts(language)
        assert set(words["models"]) == set(words["model_help"]) == set(MODELS)
        assert set(PATH_MODELS) <= set(words["why"])


def test_margin_romi_of_a_model_is_to_the_channels_spend() -> None:
    figures = figures_of(ranged())
    assert place(figures["models"]["first"], "A")["margin_romi"] == -0.8
    assert place(figures["models"]["first"], "B")["margin_romi"] is None
