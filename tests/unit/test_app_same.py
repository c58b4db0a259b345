"""The page's app says what the mail says: figures are written alike, and the tree of places is the report's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from functions.report.figures import MEASURES, measures
from functions.report.marts.kinds import Kinds
from functions.report.marts.questions import Answers
from functions.report.marts.tree import NO_SOURCE, Node, tree_of
from functions.report.snapshot.places import Places
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from tests.report_cases import settings_of
from tests.unit.node import APP, node_of, run_node

THRESHOLDS = {"good": 0.5, "normal": 0, "minimum_sales": 3}
VALUES = (
    0,
    0.5,
    -0.5,
    1,
    12.345,
    0.285,
    -0.285,
    99.995,
    999.994,
    999.995,
    1000,
    -1000.5,
    1234567.891,
    1e-7,
    2.675,
    1.005,
    33.333333333,
)
SUMS = (
    "cost", "visits", "clicks", "impressions", "requests", "qualified", "sales", "repeat_sales", "revenue", "profit", "priced",
    "unpriced",
)  # fmt: skip
WRITTEN = (("cost", 100), ("cpl", 100), ("requests", 1), ("visits", 1), ("roas", 1), ("romi", 1), ("margin_romi", 1))


@pytest.fixture(scope="module")
def node() -> str:
    return node_of(APP)


def written() -> tuple[list[dict[str, Any]], list[str]]:
    """Questions of figures, money in kopecks, and what Python writes."""
    asked, wanted = [], []
    for language in ("ru", "en"):
        for currency in ("RUB", "USD", "KZT"):
            formats = Formats(language, currency, "Europe/Moscow")
            for key, size in WRITTEN:
                for value in VALUES:
                    asked.append({"language": language, "currency": currency, "key": key, "value": value * size})
                    wanted.append(formats.money(value) if size == 100 else formats.figure(key, value))
    return asked, wanted


def made(seed: int) -> Answers:
    """Rows of a shop with every kind of hole: no source, no campaign, spend told coarser than its siblings."""
    random = Random(seed)
    channels = ("ads", "vk", "Organic", "direct")[: random.randint(1, 4)]
    keys = [
        (c, s, k) for c in channels for s in ("", "(not set)", "one", "two") for k in ("", "x", "y") if random.random() < 0.4
    ]  # fmt: skip
    visits = [{**_place(key), "visits": random.randint(0, 50)} for key in keys if random.random() < 0.8]
    spend = [{**_place(key), "cost": Decimal(random.randint(0, 10**9)) / 10**6} for key in keys if random.random() < 0.7]
    results = [{**_place(key), **_result(random)} for key in keys if random.random() < 0.6]
    none = [{"reason": reason, **_result(random)} for reason in ("not_passed", "overwritten") if random.random() < 0.5]
    return Answers({"visits": visits, "spend": spend, "results": results, "no_source": none})


def _place(key: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("channel", "source", "campaign"), key, strict=True))


def _result(random: Random) -> dict[str, Any]:
    sales = random.choice((0, 0.25, 1, 5))
    revenue = Decimal(random.randint(-10_000, 10**7)) / 100 if sales else Decimal(0)
    is_priced = random.random() < 0.7
    return {
        "requests": sales + random.choice((1 / 3, 2, 0)), "qualified": sales, "sales": sales, "revenue": revenue,
        "gross_profit": revenue / 2 if sales and is_priced else None,
        "priced_parts": int(bool(sales) and is_priced), "unpriced_parts": int(bool(sales) and not is_priced),
    }  # fmt: skip


def asked_of(answers: Answers) -> dict[str, Any]:
    """The same rows as the snapshot has them: places, and sums of the rows of each."""
    told = [{"content": "", "term": "", **row} for name in ("visits", "spend", "results") for row in answers[name]]
    sized = [{**row, "cost": 0, "revenue": 0, "requests": 0, "visits": 0, "places_total": len(told)} for row in told]
    places = Places(sized, Kinds({}, frozenset()), Names(settings_of()), is_together=False)
    own: dict[int, dict[str, float]] = {}
    places.channel(NO_SOURCE)

    def add(place: int, **sums: Any) -> None:
        kept = own.setdefault(place, dict.fromkeys(SUMS, 0.0))
        for name, value in sums.items():
            kept[name] += float(value)

    for row in answers["visits"]:
        add(places.place({"content": "", "term": "", **row}), visits=row["visits"])
    for row in answers["spend"]:
        add(places.place({"content": "", "term": "", **row}), cost=row["cost"] * 100)
    for row in answers["results"]:
        add(places.place({"content": "", "term": "", **row}), **_sums(row))
    for row in answers["no_source"]:
        add(places.no_source(row["reason"]), **_sums(row))
    return {"places": places.columns(), "own": own, "thresholds": THRESHOLDS}


def _sums(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: row[name] for name in ("requests", "qualified", "sales")}
    money = {"revenue": row["revenue"] * 100, "profit": (row["gross_profit"] or 0) * 100}
    return {**counts, **money, "priced": row["priced_parts"], "unpriced": row["unpriced_parts"]}


def shown(node: Node) -> dict[str, Any]:
    """A row of figures.json as the app tells it: money in kopecks."""
    m = measures(node.sums)
    if node.is_not_split:
        m |= dict.fromkeys(("cpl", "cpo", "roas", "romi", "margin_romi"))
    money = ("cost", "revenue", "gross_profit", "cpl", "cpo")
    values = [None if m[name] is None else float(m[name]) * (100 if name in money else 1) for name in MEASURES]
    return {"name": node.name, "values": values, "children": [shown(child) for child in node.children.values()]}


def _plain(row: dict[str, Any], level: int = 0) -> dict[str, Any]:
    """Figures to a millionth, rows by name: the order is that of the report's revenue, which ties may turn."""
    children = sorted((_plain(child, level + 1) for child in row["children"]), key=lambda child: child["name"])
    values = [None if value is None else round(value, 6) for value in row["values"]]
    return {"name": row["name"], "values": values, "children": children}


def _unset_together(answers: Answers) -> Answers:
    """The snapshot keeps rows that name no source, and those that name it "(not set)", at the channel."""

    def same(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "source": ""} if row["source"] == "(not set)" and not row["campaign"] else dict(row)

    return Answers(
        {
            **{name: [same(row) for row in answers[name]] for name in ("visits", "spend", "results")},
            "no_source": answers["no_source"],
        }
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_tree_is_that_of_the_report(node: str, seed: int) -> None:
    answers = _unset_together(made(seed))
    told = json.loads(run_node(APP, node, "test/run.mjs", "same", told=json.dumps({"formats": [], "tree": asked_of(answers)})))
    assert _plain(told["tree"]) == _plain(shown(tree_of(answers)))


def test_figures_are_written_alike(node: str) -> None:
    asked, wanted = written()
    question = {"formats": asked, "tree": asked_of(made(0))}
    told = json.loads(run_node(APP, node, "test/run.mjs", "same", told=json.dumps(question)))["formats"]
    assert [(one, is_, be) for one, is_, be in zip(asked, told, wanted, strict=True) if is_ != be] == []
