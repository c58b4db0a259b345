"""Snapshots of a made-up furniture shop without marts, for tests of the page's app: the same files as functions/report/snapshot
makes (tests/sql/test_snapshot.py holds their columns together)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

from functions.report.snapshot.build import (
    DIMS,
    LANDINGS,
    PLACES,
    REQUESTS,
    RESULTS,
    SECTIONS,
    TRAFFIC,
    Columns,
    Days,
    Table,
    files_of,
    month_of,
    to_json,
)
from functions.report.snapshot.manifest import Told, manifest_of
from functions.report.snapshot.scope import EVERYTHING
from shared.models import PATH_MODELS
from shared.times import from_lake_text
from tests.report_cases import PERIOD, settings_of

DEFAULT_MODEL = "last_non_direct"
BASES = ("request", "payment", "touch")
HISTORY = Days(PERIOD.last - timedelta(days=399), PERIOD.last)
PAGE = 1000
# channel, name, colour, is it advertising, kind, cost of a visit in millionths, sources
CHANNELS: tuple[tuple[str, str, str, bool | None, str, int, tuple[str, ...]], ...] = (
    ("Yandex Direct", "Яндекс Директ", "#f6c026", True, "", 34_512_345, ("yandex",)),
    ("Google Ads", "Google Ads", "#3f7de0", True, "", 48_120_000, ("google",)),
    ("VK Ads", "VK Реклама", "#2787f5", True, "", 21_700_500, ("vk", "mytarget")),
    ("Organic search", "Органический поиск", "#43a047", False, "", 0, ("yandex", "google")),
    ("direct", "Прямые заходы", "#8d99a8", False, "direct", 0, ("(direct)",)),
    ("other traffic", "Прочий трафик", "#c4ccd6", None, "other", 0, ("blogger_ivanov / posev-tg", "katalog / promo")),
    ("no source", "Без источника", "#c4ccd6", None, "no_source", 0, ("not_passed", "not_determined")),
)
REASONS = {"not_passed": "Не передан", "not_determined": "Не определён"}
CAMPAIGNS = ("Кухни Москва", "Шкафы-купе", "Бренд", "Ретаргетинг", "Распродажа <осень>", "kuhni_spb_poisk")
ADS, WORDS = ("объявление 1", "объявление 2"), ("кухни на заказ", "купить кухню", "шкаф купе цена", "мебель на заказ")
PAGES = ("", "…", "/", "/kuhni", "/kuhni/belye", "/shkafy", "/contacts", "/akcii")
SITE_SECTIONS = ("…", "/", "/kuhni", "/shkafy", "/contacts", "/akcii")
MANAGERS, BRANCHES = ("Анна Петрова", "Борис <b>Жук</b>", "Вера Ким", ""), ("Москва", "Казань", "")
PRODUCTS, CONTACTS = ("Кухня", "Шкаф", "Прихожая", ""), ("Форма", "Звонок", "Чат")
STAGES = (("won", "Успешно реализовано"), ("working", "Замер"), ("qualified", "Договор"), ("lost", "Закрыто"))


class Touch(NamedTuple):
    """A touch of a made-up path."""

    place: int
    at: datetime


def sample() -> dict[str, bytes]:
    """600 requests of 400 days under every model and date basis."""
    return snapshot_of_deals(600, PATH_MODELS)


@cache
def snapshot_of_deals(n: int, models: Sequence[str] = (DEFAULT_MODEL,)) -> dict[str, bytes]:
    """Files of `n` requests, each with a deal, evenly over 400 days. The manifest names only these models."""
    random = Random(n)
    places, leaves = _places()
    dims: list[tuple[str, ...]] = [
        ("", "", "", "", ""),
        *(("Продажи", m, b, p, c) for m in MANAGERS for b in BRANCHES for p in PRODUCTS for c in CONTACTS),
    ]
    months: dict[str, Columns] = {}
    results = {(model, basis): {month: Table(RESULTS, 3) for month in HISTORY.months} for model in models for basis in BASES}
    for number in range(n):
        _request(number, n, random, leaves, places, dims, models, months, results)
    files = {"places": to_json(places), "dims": to_json(dict(zip(DIMS, map(list, zip(*dims, strict=True)), strict=True)))}
    files["landings"] = to_json({"names": PAGES, "sections": SITE_SECTIONS, "folded": 0})
    files |= _traffic(random, leaves, places, results.get((DEFAULT_MODEL, "request"), {}))
    for (model, basis), by_month in results.items():
        for month, table in by_month.items():
            files |= files_of(f"results-{model}-{basis}-{month}", table.columns())
    pages = []
    for month in sorted(months, reverse=True):
        columns = months[month]
        order = sorted(range(len(columns["id"])), key=lambda row: (columns["at"][row], columns["id"][row]), reverse=True)
        for page in range(0, len(order), PAGE):
            rows = {name: [column[row] for row in order[page : page + PAGE]] for name, column in columns.items()}
            name = f"requests-{month}-{page // PAGE}"
            files[name] = to_json(rows)
            pages.append({"name": name, "from": min(rows["day"]), "to": max(rows["day"]), "rows": len(rows["id"])})
    told = Told(PERIOD, "day", HISTORY, from_lake_text("2026-10-13 02:40:00.000"), EVERYTHING, pages, 0, None, tuple(models), BASES)
    return {"manifest": manifest_of(settings_of(), told, {name: len(body) for name, body in files.items()}), **files}


def _places() -> tuple[Columns, list[int]]:
    """The tree, and its leaves with those of advertising four times, "no source" not among them."""
    columns: Columns = {name: [] for name in PLACES}

    def add(parent: int, level: int, raw: str, name: str, like: tuple[str, bool | None, str]) -> int:
        for key, value in zip(PLACES, (parent, level, raw, name, *like), strict=True):
            columns[key].append(value)
        return len(columns["id"]) - 1

    root = add(-1, 0, "", "Итого", ("", None, ""))
    leaves: list[int] = []
    for raw, name, colour, is_ad, kind, _cost, sources in CHANNELS:
        channel = add(root, 1, raw, name, (colour, is_ad, kind))
        for source in sources:
            at = add(channel, 2, source, REASONS.get(source, source), (colour, is_ad, kind))
            if not is_ad:
                leaves += [at] * 3 if kind != "no_source" else []
                continue
            for campaign in CAMPAIGNS:
                below = add(at, 3, campaign, campaign, ("", is_ad, kind))
                for ad in ADS:
                    text = add(below, 4, ad, ad, ("", is_ad, kind))
                    leaves += [add(text, 5, word, word, ("", is_ad, kind)) for word in WORDS]
    return columns, leaves


def _channel(places: Columns, place: int) -> int:
    while places["level"][place] > 1:
        place = places["parent"][place]
    return place


def _traffic(random: Random, leaves: list[int], places: Columns, made: dict[str, Table]) -> dict[str, bytes]:
    """Visits of every place on most days; what came of them stands at the page that belongs to the place."""
    costs = {raw: cost for raw, *_, cost, _sources in CHANNELS}
    days = range((HISTORY.last - HISTORY.first).days + 1)
    files: dict[str, bytes] = {}
    tables = {m: (Table(TRAFFIC, 2), Table(LANDINGS, 3), Table(SECTIONS, 2)) for m in HISTORY.months}
    for day in days:
        traffic, landings, sections = tables[month_of(HISTORY.first + timedelta(days=day))]
        for place in sorted(set(leaves)):
            if random.random() < 0.4:
                continue
            visits, channel = random.randint(1, 40), _channel(places, place)
            cost = costs[places["id"][channel]] * visits
            clicks = visits + visits // 8 if cost else 0
            traffic.add((day, place), [visits, clicks, clicks * 31, cost])
            landings.add((day, channel, 2 + place % 6), [visits, 0, 0, 0])
            sections.add((day, 1 + place % 5), [visits, visits // 30, visits // 38])
    for month, results in made.items():
        told = results.columns()
        for day, place, requests, sales, revenue in zip(
            *(told[name] for name in ("day", "place", "requests", "sales", "revenue")), strict=True
        ):
            page = 2 + place % 6 if places["kind"][place] != "no_source" else 0
            tables[month][1].add((day, _channel(places, place), page), [0, requests, sales, revenue])
    for month, three in tables.items():
        for name, table in zip(("traffic", "landings", "sections"), three, strict=True):
            files |= files_of(f"{name}-{month}", table.columns())
    return files


def _request(
    number: int, n: int, random: Random, leaves: list[int], places: Columns, dims: list[tuple[str, ...]],
    models: Sequence[str], months: dict[str, Columns], results: dict[tuple[str, str], dict[str, Table]],
) -> None:  # fmt: skip
    """One request with its path and deal, told in its page and in every model's results."""
    span = (HISTORY.last - HISTORY.first).days + 1
    at = datetime.combine(HISTORY.first, datetime.min.time()) + timedelta(
        minutes=int(number * (span * 1440 - 9) / n) + random.randrange(9)
    )
    day, dim = (at.date() - HISTORY.first).days, random.randrange(1, len(dims))
    path = [Touch(random.choice(leaves), at - timedelta(minutes=random.randrange(5, 40_000))) for _ in range(random.randint(1, 4))]
    path.sort(key=lambda touch: touch.at)
    is_lost_source = random.random() < 0.06
    path = [] if is_lost_source else path
    meaning, stage = random.choices(STAGES, (3, 3, 2, 2))[0]
    revenue = random.randrange(900_000, 28_000_000) if meaning == "won" else 0
    profit = None if not revenue or random.random() < 0.1 else revenue * 42 // 100
    counted, qualified = int(random.random() < 0.9), int(meaning in ("won", "qualified"))
    sold = min(day + random.randrange(1, 30), span - 1)
    none = next(i for i, raw in enumerate(places["id"]) if raw == "not_passed")
    split = {model: _weights(model, path) for model in models}
    for (model, basis), by_month in results.items():
        parts = list(zip(path, split[model], strict=True)) or [(Touch(none, at), 1.0)]
        money, gained = _cut(revenue, [w for _, w in parts]), _cut(profit or 0, [w for _, w in parts])
        for (touch, part), whole, gain in zip(parts, money, gained, strict=True):
            if not part:
                continue
            asked = max((touch.at.date() - HISTORY.first).days, -1) if basis == "touch" and path else day
            paid = sold if basis == "payment" else asked
            sums = [counted * part, counted * qualified * part]
            came = counted * part if dims[dim][4] == "Форма" and path else 0
            for when, these in ((asked, [*sums, 0, 0, came, 0, None, 0, 0]), (paid, _paid(part, revenue, profit, whole, gain))):
                if when >= 0 and any(these):
                    table = by_month[month_of(HISTORY.first + timedelta(days=when))]
                    table.add((when, touch.place, dim), list(these))
    deal: dict[str, Any] = {
        "id": f"amocrm:{100_000 + number}",
        "pipeline": "Продажи",
        "stage": stage,
        "meaning": meaning,
        "status": stage,
    }
    deal |= {"amount": revenue or None, "currency": "RUB", "sale_day": sold if revenue else None, "manager": dims[dim][1]}
    row: dict[str, Any] = {
        "id": f"request-{number}", "day": day, "at": at.isoformat(timespec="minutes"), "contact": dims[dim][4], "dim": dim,
        "counted": counted, "qualified": counted * qualified, "disqualified": int(meaning == "lost"), "sales": int(bool(revenue)),
        "revenue": revenue, "profit": profit, "deals": [deal], "order": f"KV-{number}" if revenue else "",
        "loss_reason": "Дорого" if meaning == "lost" else "", "loss_group": "",
        "match": "implied" if is_lost_source else "request_id",
        "reason": "not_passed" if is_lost_source else "",
        "left_out": "Робот" if is_lost_source and number % 2 else "", "communications": random.randint(0, 12), "receivable": None,
        "path_length": len(path),
        "source": [
            [t.place, t.at.isoformat(timespec="minutes"), [round(split[m][i], 9) for m in models], i + 1, 2]
            for i, t in enumerate(path)
        ],
    }  # fmt: skip
    columns = months.setdefault(month_of(at.date()), {name: [] for name in REQUESTS})
    for name in REQUESTS:
        columns[name].append(row[name])


def _paid(part: float, revenue: int, profit: int | None, money: int, gained: int) -> list[Any]:
    if not revenue:
        return [0, 0, 0, 0, 0, 0, None, 0, 0]
    return [0, 0, part, 0, 0, money, None if profit is None else gained, int(profit is not None), int(profit is None)]


def _weights(model: str, path: Sequence[Touch]) -> list[float]:
    """Weights that differ between models; those of the fitted ones are made up."""
    size = len(path)
    if not size:
        return []
    if model == "first":
        return [1.0, *[0.0] * (size - 1)]
    if model in ("last", "last_non_direct", "last_significant"):
        return [*[0.0] * (size - 1), 1.0]
    told = {"linear": 1.0, "shapley": 1.0, "time_decay": 1.6, "marginal": 1.3, "markov_path": 0.8}.get(model, 1.0)
    raw = [told**place for place in range(size)]
    if model in ("position", "custom") and size > 2:
        raw = [2.0 * (size - 2), *[1.0] * (size - 2), 2.0 * (size - 2)]
    return [value / sum(raw) for value in raw]


def _cut(total: int, weights: Sequence[float]) -> list[int]:
    parts = [int(total * part) for part in weights]
    heaviest = max(range(len(parts)), key=lambda place: weights[place])
    parts[heaviest] += total - sum(parts)
    return parts


def last_day_of(month: str) -> date:
    """The last day of `2026-09`."""
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, monthrange(year, number)[1])
