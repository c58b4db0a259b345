"""Data quality as sentences: what was left out and what to mend. A sentence is (tone, text); tone `warn` asks for action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions.report.view.formats import Formats, clean
from functions.report.view.left_out import left_out_rows, unknown_rows, unknown_text
from functions.report.view.names import Names

MOST_NAMED = 5
MOST_NAME = 60
MOST_HASH = 9
Line = tuple[str, str]
Words = Mapping[str, Any]


def quality_lines(quality: Mapping[str, Any], formats: Formats, names: Names) -> list[Line]:
    """Every remark that has something to say, but for what has lines of its own (`short_lines`) and what source control tells."""
    return [*_warnings(quality, formats, names), *_remarks(quality, formats, names.words)]


def short_lines(quality: Mapping[str, Any], formats: Formats, words: Words) -> list[Line]:
    """A line each of unknown marks and of what made no visit, for outputs without room for tables of them."""
    lines: list[Line] = []
    unknown = unknown_rows(quality, formats, MOST_NAMED)
    if unknown["rows"]:
        listed = ", ".join(unknown_text(row, words) for row in unknown["rows"])
        if unknown["left"]:
            listed = f"{listed} {words['quality']['more'].format(count=unknown['left'])}"
        lines.append(("warn", words["unknown"]["line"].format(list=listed)))
    if left_out := left_out_rows(quality, formats, words):
        told = ", ".join(f"{row['name']} {row['hits']}" for row in left_out)
        lines.append(("info", words["quality"]["hits_excluded"].format(list=told)))
    return lines


def _warnings(quality: Mapping[str, Any], formats: Formats, names: Names) -> Iterable[Line]:
    words = names.words
    say = words["quality"]
    for line in quality["without_rate"]:
        text = say["rate_money" if line["what"] == "money" else "rate_costs"]
        currency = clean(line["currency"], 10) or words["unset"]
        yield "warn", text.format(currency=currency, lines=formats.count(line["lines"]), amount=formats.amount(line["amount"]))
    if quality["without_cost_price"]["revenue"]:
        yield "warn", say["cost_price"].format(revenue=formats.money(quality["without_cost_price"]["revenue"]))
    if quality["deals"]["unmatched"]:
        yield "warn", say["unmatched"].format(count=formats.count(quality["deals"]["unmatched"]))
    idle = quality["costs_without_requests"]
    if idle["cost"]:
        places = [f"{_place(place, names)} {formats.money(place['cost'])}" for place in idle["places"]]
        yield "warn", say["idle_costs"].format(cost=formats.money(idle["cost"]), list=_listed(places, formats, words))


def _remarks(quality: Mapping[str, Any], formats: Formats, words: Words) -> Iterable[Line]:
    say = words["quality"]
    counts = {name: formats.count(n) for name, n in quality["requests"].items() if name != "without_source"}
    if quality["requests"]["made"]:
        yield "info", say["requests"].format(**counts)
    if quality["deals"]["implied"]:
        deals = quality["deals"]
        yield "info", say["implied"].format(count=formats.count(deals["implied"]), made=formats.count(deals["made"]))
    if quality["immature"]["requests"]:
        yield "info", _immature(quality["immature"], formats, say)
    if quality["costs_not_split"]:
        yield "info", say["not_split"].format(cost=formats.money(quality["costs_not_split"]))
    for name, count, keys in (
        ("hubs", quality["hub_keys"], quality["hubs"]),
        ("unsettled", quality["unsettled_keys"], quality["unsettled"]),
    ):
        if count:
            yield "info", say[name].format(count=formats.count(count), list=_keys(keys, count, formats, words))


def _immature(told: Mapping[str, Any], formats: Formats, say: Words) -> str:
    values = {"count": formats.count(told["requests"]), "share": formats.share(told["share"])}
    values["days"] = formats.decimal(told["median_days"], 1, fixed=False)
    if not told["revenue_share"]:
        return str(say["immature"].format(**values))
    revenue = {"revenue": formats.money(told["revenue"]), "revenue_share": formats.share(told["revenue_share"])}
    return str(say["immature_revenue"].format(**values, **revenue))


def _keys(keys: Sequence[Mapping[str, str]], count: int, formats: Formats, words: Words) -> str:
    """Keys by kind and name; of a hash its beginning, which is enough to tell it from others."""
    say = words["quality"]
    names = [
        say["key"].format(
            kind=say["keys"].get(key["key_kind"], key["key_kind"]),
            key=clean(key["key"], MOST_NAME if key["key_kind"] in ("contact", "visitor") else MOST_HASH),
        )
        for key in keys
    ]
    shown, left = ", ".join(names[:MOST_NAMED]), count - min(len(names), MOST_NAMED)
    return shown if left <= 0 else f"{shown} {say['more'].format(count=formats.count(left))}"


def _listed(names: list[str], formats: Formats, words: Words) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    left = len(names) - MOST_NAMED
    return shown if left <= 0 else f"{shown} {words['quality']['more'].format(count=formats.count(left))}"


def _place(place: Mapping[str, Any], names: Names) -> str:
    """Channel, and source and campaign where they are known."""
    parts = [names.channel(place["channel"])]
    if place["source"]:
        parts.append(clean(names.source(place["channel"], place), MOST_NAME))
    return " › ".join([*parts, *([clean(place["campaign"], MOST_NAME)] if place["campaign"] else [])])
