"""Cases for the tests of the report: settings as published and answers of the marts, small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.report.figures import Figures, build
from functions.report.marts.questions import Answers, Period
from shared.models import PATH_MODELS
from shared.settings import parse_settings, published

PERIOD = Period(date(2026, 9, 13), date(2026, 10, 12))
NOW = datetime(2026, 10, 13, 3, 0, tzinfo=UTC)
DATA_TO = datetime(2026, 10, 13, 2, 40, tzinfo=UTC)


def settings_of(**changes: Any) -> Mapping[str, Any]:
    """Published settings of the shop; `changes` replace parts of them."""
    raw = {
        "site_id": "kvartal",
        "name": "Квартал",
        "hosts": ["kvartal.example"],
        "report": {"recipients": ["owner@kvartal.example"]},
    }
    return published(parse_settings({**raw, **changes}))


def results(channel: str, source: str, campaign: str = "", **figures: Any) -> dict[str, Any]:
    """A row of `results`: nothing but what is given."""
    row = {"requests": 0.0, "qualified": 0.0, "sales": 0.0, "revenue": Decimal("0.00"), "gross_profit": None}
    row |= {"priced_parts": 0, "unpriced_parts": 0, "unpriced_revenue": Decimal("0.00")} | figures
    if row["revenue"] and row["gross_profit"] is None:
        row |= {"unpriced_parts": 1, "unpriced_revenue": row["revenue"]}
    elif row["revenue"]:
        row["priced_parts"] = 1
    return {"channel": channel, "source": source, "campaign": campaign, **row}


def model(name: str, channel: str, **figures: Any) -> dict[str, Any]:
    """A row of `models`."""
    return {"model": name, **results(channel, "", **figures)}


def cost(channel: str, source: str, amount: str, campaign: str = "") -> dict[str, Any]:
    """A row of `spend`."""
    return {"channel": channel, "source": source, "campaign": campaign, "cost": Decimal(amount)}


def contact(name: str, made: int, requests: float, sales: float, revenue: Decimal, gross_profit: Decimal | None) -> dict[str, Any]:
    """A row of `contact_channels`."""
    parts = {"priced_parts": int(gross_profit is not None), "unpriced_parts": int(gross_profit is None and revenue != 0)}
    row = {"contact_channel": name, "made": made, "requests": requests, "qualified": int(requests) // 2, "sales": sales}
    return {**row, "revenue": revenue, "gross_profit": gross_profit, **parts}


def calls(resolved_by: str, number: int, answered: int, target: int, unique: int, direction: str = "in") -> dict[str, Any]:
    """A row of `calls`: two minutes of talk and fifteen seconds of waiting each."""
    taken = {"calls": number, "answered": answered, "target": target, "unique_target": unique}
    waits = {"talk_seconds": answered * 120, "wait_seconds": number * 15, "waits": number}
    told = {"abandoned": 0, "busy": 0, "failed": 0, "repeats": 0, "spam": 0, "two_candidates": 0}
    return {"direction": direction, "resolved_by": resolved_by, **taken, **waits, **told}


def listed_call(call_id: str, hour: int, **told: Any) -> dict[str, Any]:
    """A row of `call_list`: an answered incoming call of 12 October whose visitor was known, unless told otherwise."""
    at = datetime(2026, 10, 12, hour, 15, tzinfo=UTC)
    row: dict[str, Any] = {"provider": "uis", "call_id": call_id, "started_at": at, "direction": "in", "number": "+74950000031"}
    row |= {"outcome": "answered", "is_answered": True, "answered_by": "104", "wait_seconds": 12, "talk_seconds": 95}
    row |= {"has_recording": True, "is_target": True, "is_unique": True, "is_repeat": False, "is_spam": False}
    row |= {"request_id": f"call-{call_id}", "has_visitor": True, "resolved_by": "lease", "other_resolved_by": None}
    row |= {"is_reached": False, "channel": "Yandex Direct", "source": "yandex", "campaign": "yandex_kuhni_msk_0"}
    return {**row, "calls_total": 4, **told}


def unanswered_call(call_id: str, hour: int, outcome: str = "missed", **told: Any) -> dict[str, Any]:
    """A row of `call_list`: a call that nobody answered."""
    without = {"is_answered": False, "answered_by": None, "talk_seconds": 0, "has_recording": False, "is_target": False}
    return listed_call(call_id, hour, outcome=outcome, wait_seconds=33, **{**without, **told})


def lease_pool(pool: str | None, visitors: int, with_number: int, refused: int = 0, **told: Any) -> dict[str, Any]:
    """A row of `lease_pools`: each lease held half an hour, the busiest hour had a tenth of all leases."""
    row: dict[str, Any] = {"pool": pool, "visitors": visitors, "with_number": with_number, "refused": refused, "excluded": 0}
    row |= {"leases": with_number, "pool_full": refused, "peak_held": 9, "peak_utilisation": 0.9, "numbers": 10}
    row |= {"hold_seconds": with_number * 1800, "holds": with_number, "busiest_arrivals": with_number // 10}
    return {**row, "busiest_hour": datetime(2026, 10, 7, 9, tzinfo=UTC), **told}


def call_number(number: str, calls_: int, leases: int = 0, **told: Any) -> dict[str, Any]:
    """A row of `call_numbers`: every lease confirmed, every call of a leased number resolved by its lease."""
    row: dict[str, Any] = {"number": number, "calls": calls_, "told_calls": calls_, "lease_calls": calls_ if leases else 0}
    row |= {"by_number": 0, "by_nothing": 0, "leases": leases, "confirmed_leases": leases, "was_leased": leases > 0}
    return {**row, **told}


def deal(deal_id: str, day: int, **told: Any) -> dict[str, Any]:
    """A row of `deals`: a form of that day of October whose deal was won the next day, unless told otherwise."""
    at = datetime(2026, 10, day, 9, 30, tzinfo=UTC)
    row: dict[str, Any] = {"deal_id": f"amocrm:{deal_id}", "request_id": f"request-{deal_id}", "request_day": at.date()}
    row |= {"requested_at": at, "created_at": at + timedelta(minutes=2), "contact_channel": "form", "pipeline": "Продажи"}
    row |= {"stage": "Успешно реализовано", "meaning": "won", "amount": Decimal("40000.00"), "currency": "RUB"}
    row |= {"revenue": row["amount"], "gross_profit": Decimal("16000.00"), "sale_day": at.date() + timedelta(days=1)}
    row |= {"match_method": "request_id", "manager": "Анна", "order_id": f"KV-{deal_id}", "loss_reason": None}
    row |= {"loss_group": None, "branch": "Москва", "product": None, "tags": '["кухня"]', "crm_source": None, "is_handmade": False}
    row |= {"communications": 4, "receivable": None}
    return {**row, "no_source_reason": "not_determined", "deals_total": 5, **told}


def path(deal_id: str, day: int, *touches: tuple[str, float], length: int | None = None, own: bool = False) -> list[dict[str, Any]]:
    """Rows of `deal_paths`: (channel/source/medium/campaign, weight) a day apart, the last one on that day of October."""
    last = datetime(2026, 10, day, 9, 12, tzinfo=UTC)
    heaviest = max(range(len(touches)), key=lambda place_: touches[place_][1])
    rows = []
    for place_, touch in enumerate(touches):
        marks = dict(zip(("channel", "source", "medium", "campaign"), f"{touch[0]}///".split("/")[:4], strict=True))
        at = last - timedelta(days=len(touches) - 1 - place_)
        position = place_ + 1 if place_ + 1 < len(touches) else length or len(touches)
        names = {"request_id": f"request-{deal_id}", "touch_id": f"request-{deal_id}" if own else f"touch-{deal_id}-{place_}"}
        counted = {"position": position, "path_length": length or len(touches), "touched_at": at}
        judged = {"is_significant": marks["medium"] == "cpc", "is_heaviest": place_ == heaviest}
        rows.append({**names, **counted, **marks, "weight": touch[1], **judged})
    return rows


def customers(abcd: str, buyers: int, revenue: str, gross_profit: str | None, **told: int) -> dict[str, Any]:
    """A row of `customers`: as many people and sales as buyers, and what is told of repeat ones and lapsed ones."""
    repeats = told.get("repeat_sales", 0)
    counts = {"persons": buyers, "buyers": buyers, "sales": buyers + repeats, "repeat_sales": repeats, "repeat_buyers": repeats}
    counts |= {"lapsed": told.get("lapsed", 0), "priced_buyers": buyers if gross_profit else 0}
    profit = Decimal(gross_profit) if gross_profit else None
    return {"abcd": abcd, **counts, "revenue": Decimal(revenue), "gross_profit": profit}


def cohort(
    month: str, channel: str | None, persons: int, buyers: int, revenue: str, gross_profit: str | None = None,
    cost: str | None = None, payback_days: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A row of `cohorts`: a sale a buyer; without a channel that of all."""
    row = {
        "month": month,
        "channel": channel or "",
        "is_all": channel is None,
        "persons": persons,
        "buyers": buyers,
        "sales": buyers,
    }
    money = {"revenue": Decimal(revenue), "gross_profit": Decimal(gross_profit) if gross_profit else None}
    money |= {"unpriced_revenue": Decimal(0) if gross_profit else Decimal(revenue), "cost": Decimal(cost) if cost else None}
    return {**row, **money, "payback_days": payback_days}


def came(day: date, channel: str, source: str, requests: int, deals: int = 0, reason: str = "", **told: int) -> dict[str, Any]:
    """A row of `source_days`: nobody made a deal by hand, and the CRM tells no communications, unless told otherwise."""
    counts = {"requests": requests, "deals": deals, "handmade": 0, "communications": 0, "communicated": 0}
    return {"day": day, "channel": channel, "source": source, "reason": reason, **counts, **told}


def standing(stage: str, deals: int, days: float, usual: float | None = None, **told: Any) -> dict[str, Any]:
    """A row of `stages_standing`: nothing unsorted, none late, the oldest twice the mean, ten stays over, unless told otherwise."""
    stays = 0 if usual is None else 10
    row: dict[str, Any] = {"provider": "amocrm", "pipeline": "Продажи", "stage": stage, "deals": deals, "unsorted": 0}
    row |= {"age_seconds": int(days * 86_400) * deals, "oldest_seconds": int(days * 2 * 86_400), "stays": stays, "late": 0}
    return {**row, "stay_seconds": int((usual or 0) * 86_400) * stays, **told}


def made_by(dimension: str, name: str, deals: int, without: int = 0, **told: int) -> dict[str, Any]:
    """A row of `deal_dimensions`."""
    counts = {"handmade": 0, "handmade_without_source": 0, "communications": deals * 4, "communicated": deals}
    return {"dimension": dimension, "provider": "amocrm", "name": name, "deals": deals, "without_source": without, **counts, **told}


def source_days(first: date, days: int, is_quiet: bool = False) -> list[dict[str, Any]]:
    """Rows of `source_days` of a shop: Meta brought a good part of the requests as long as it was quiet, and hardly any had no
    source."""
    rows = []
    for n in range(days):
        day = first + timedelta(days=n)
        rows += [
            came(day, "Yandex Direct", "yandex", 3, 2, communications=9, communicated=2),
            came(day, "Google Ads", "google", 2, 1),
        ]
        rows += [came(day, "Organic search", "yandex", 1, 1), came(day, "direct", "(direct)", 1 + n % 2, n % 2)]
        if is_quiet:
            rows.append(came(day, "Meta Ads", "instagram", 1, 1))
        elif n % 2 == 0:
            rows.append(came(day, "VK Ads", "vk", 1, 1))
            rows.append(came(day, "", "", 1, 1, "not_passed", handmade=n % 4 // 2))
        if n % 10 == 3:
            rows.append(came(day, "Referral", "otzovik.example", 1))
            rows.append(came(day, "katalog-mebeli / promo", "katalog-mebeli", 1, 1))
        if n % 8 == 1:
            rows.append(came(day, "", "", 1, 0, "not_determined"))
            rows.append(came(day, "", "", 0 if is_quiet else 1, 1, "overwritten"))
    return rows


def shop_before() -> dict[str, Any]:
    """What source control asks of the period before: quieter than `shop`."""
    matched = [{"method": "request_id", "deals": 150}, {"method": "implied", "deals": 2}, {"method": "phone", "deals": 18}]
    return {"source_days": source_days(PERIOD.previous.first, 30, is_quiet=True), "deals_matched": matched}


def kind(channel: str, *, is_ad: bool = False, is_unnamed: bool = False) -> dict[str, Any]:
    """A row of `channels`."""
    return {"channel": channel, "is_ad": is_ad, "is_unnamed": is_unnamed}


def unknown(parameter: str, value: str, visits: int, *, is_new: bool = False, total: int = 1) -> dict[str, Any]:
    """A row of `unknown_values`."""
    return {"parameter": parameter, "value": value, "visits": visits, "is_new": is_new, "values_total": total}


def figures_of(rows: Mapping[str, Any], previous: Mapping[str, Any] | None = None, **changes: Any) -> Figures:
    """Figures of some answers."""
    return build(settings_of(**changes), PERIOD, Answers(rows), Answers(previous or {}), DATA_TO)


def place(rows: list[Figures], name: str) -> Figures:
    """The row of that name."""
    return next(row for row in rows if name in (row.get("channel"), row.get("source"), row.get("campaign")))


def shop(scale: int = 1) -> dict[str, Any]:
    """A month of a furniture shop with all that a report can say; `scale` multiplies the campaigns."""
    spend, found, visits = [], [], []
    ads = [("Yandex Direct", "yandex", 61234.56), ("Google Ads", "google", 34210.0), ("VK Ads", "vk", 28000.5)]
    for number, (channel, source, amount) in enumerate(ads):
        for place_ in range(4 * scale):
            campaign = f"{source}_kuhni_msk_{place_}"
            money = Decimal(f"{amount * (4 - place_ % 4) * (1.1 - 0.35 * number):.2f}")
            spend.append(cost(channel, source, f"{amount / (place_ % 4 + 2):.6f}", campaign))
            visits.append({"channel": channel, "source": source, "campaign": campaign, "visits": 1800 // (place_ % 4 + 1 + number)})
            parts = {"requests": 14.4 - place_ % 4, "qualified": 9.0, "sales": 5.4 - number, "revenue": money}
            found.append(results(channel, source, campaign, **parts, gross_profit=money * Decimal("0.55")))
        visits.append({"channel": channel, "source": source, "campaign": "", "visits": 212})
    spend.append(cost("Yandex Direct", "yandex", "4500"))
    spend.append(cost("Offline ads", "flyers", "15000", "весна"))
    spend.append(cost("katalog-mebeli / promo", "katalog-mebeli", "3500", "осень"))
    for channel, source, count, revenue in (
        ("Organic search", "yandex", 4210, "412300.00"),
        ("Organic search", "google", 2105, "98120.40"),
        ("direct", "(direct)", 3020, "150000.00"),
        ("Referral", "otzovik.example", 310, "0.00"),
        ("blogger_ivanov / posev-tg", "blogger_ivanov", 44, "12000.00"),
        ("katalog-mebeli / promo", "katalog-mebeli", 31, "0.00"),
    ):
        visits.append({"channel": channel, "source": source, "campaign": "", "visits": count})
        earned = Decimal(revenue)
        parts = {"requests": count / 200, "qualified": count / 400, "sales": count / 600 if earned else 0.0, "revenue": earned}
        found.append(results(channel, source, **parts, gross_profit=earned / 2))
    lost = [
        {"reason": "not_passed", "requests": 5, "qualified": 3, "sales": 2, "revenue": Decimal("54000.00"), "gross_profit": None},
        {"reason": "overwritten", "requests": 1, "qualified": 0, "sales": 0, "revenue": Decimal("0.00"), "gross_profit": None},
    ]
    for row in lost:
        row |= {"priced_parts": 0, "unpriced_parts": int(row["revenue"] > 0), "unpriced_revenue": row["revenue"]}
    models = [
        {"model": name, **row, "sales": row["sales"] * (1 + shift / 20)}
        for shift, name in enumerate(PATH_MODELS)
        for row in _by_channel(found)
    ]
    contacts = [
        contact("call", 96, 61, 18.0, Decimal("310000.00"), Decimal("170500.00")),
        contact("crm", 8, 5, 2.0, Decimal("54000.00"), None),
        contact("chat", 14, 9, 0.0, Decimal("0.00"), Decimal("0.00")),
    ]
    everything = found + lost
    left = {name: sum(r[name] for r in everything) - sum(r[name] for r in contacts) for name in ("requests", "sales", "revenue")}
    contacts.append(contact("form", 180, left["requests"], left["sales"], left["revenue"], left["revenue"] / 2))
    open_ = {"revenue": None, "gross_profit": None, "sale_day": None, "order_id": None}
    direct, search = "direct/(direct)/(none)", "Organic search/google/organic"
    return {
        "source_days": source_days(PERIOD.first, 30),
        "stages_standing": [
            standing("Замер", 12, 21.0, 6.4, late=7),
            standing("Договор", 5, 3.2, 4.0),
            standing("Неразобранное", 9, 4.5, unsorted=9, pipeline="Входящие"),
        ],
        "deal_dimensions": [
            made_by("manager", "Анна", 90, 4, handmade=5, handmade_without_source=3),
            made_by("manager", "Борис <b>", 62, 9, handmade=8, handmade_without_source=4),
            made_by("manager", "", 20, 2),
            made_by("branch", "Москва", 120, 9, communications=360),
            made_by("branch", "Казань", 52, 6, communications=1196),
            made_by("product", "", 172, 15),
            made_by("tags", '["кухня","рассрочка"]', 40, 2),
            made_by("tags", '["кухня"]', 30, 1),
        ],
        "deals_lost": [
            {"provider": "amocrm", "loss_group": "Не наш клиент", "loss_reason": "Дорого", "deals": 14, "disqualified": 9},
            {"provider": "amocrm", "loss_group": "Не наш клиент", "loss_reason": "Не тот город", "deals": 6, "disqualified": 6},
            {"provider": "amocrm", "loss_group": "", "loss_reason": "Купили у других", "deals": 5, "disqualified": 0},
        ],
        "pipelines_apart": [{"provider": "amocrm", "pipeline": "Доставка", "kind": "auxiliary", "deals": 17}],
        "receivables": [{"currency": "RUB", "deals": 6, "amount": Decimal("184500.00")}],
        "new_sources": [
            {"kind": "crm", "provider": "amocrm", "channel": "", "source": "Агент Петров", "arrivals": 3, "sources_total": 2},
            {"kind": "visits", "provider": "", "channel": "VK Ads", "source": "vk", "arrivals": 800, "sources_total": 2},
        ],
        "visits": visits,
        "results": found,
        "spend": spend,
        "no_source": lost,
        "models": models,
        "markov": [{"month": "2026-10", **row} for row in _by_channel(found)],
        "removal_effects": [
            {"month": "2026-10", "channel": channel, "share": share}
            for channel, share in (("Yandex Direct", 0.375), ("Google Ads", 0.25), ("Organic search", 0.25), ("VK Ads", 0.125))
        ],
        "hits": [
            {"reason": reason, "hits": count}
            for reason, count in (
                ("", 61200),
                ("bot", 4210),
                ("test", 12),
                ("speed", 930),
                ("spam_referrer", 18),
                ("own_address", 240),
                ("email_open", 310),
                ("future", 2),
                ("no_visitor", 1204),
            )
        ],
        "requests_made": [
            {
                "day": date(2026, 10, day),
                "made": 22,
                "counted": 15,
                "repeats": 2,
                "duplicates": 3,
                "disqualified": 1,
                "revenue": Decimal("70000.00"),
            }
            for day in range(1, 13)
        ],
        "deals_matched": [
            {"method": "request_id", "deals": 140},
            {"method": "implied", "deals": 8},
            {"method": "phone", "deals": 21},
        ],
        "unknown_stages": [{"pipeline": "Продажи", "stage": "Замер назначен", "deals": 4}],
        "unknown_values": [
            unknown("utm_source", "blogger_ivanov", 44, is_new=True, total=3),
            unknown("utm_medium", "posev-tg", 44, total=3),
            unknown("utm_source", "katalog-mebeli", 31, total=3),
        ],
        "channels": [
            *(kind(channel, is_ad=True) for channel, *_ in ads),
            kind("Offline ads", is_ad=True),
            kind("Organic search"),
            kind("Referral"),
            kind("blogger_ivanov / posev-tg", is_unnamed=True),
            kind("katalog-mebeli / promo", is_ad=True, is_unnamed=True),
        ],
        "left_out": [{"request_id": "request-5", "reason": "bot"}],
        "money_without_rate": [{"currency": "USD", "lines": 1, "amount": Decimal("450.00")}],
        "sale_delays": [{"days": 2, "sales": 10}, {"days": 6, "sales": 12}, {"days": 20, "sales": 5}],
        "hub_keys": [{"why": "hub", "key_kind": "phone", "key": "5be1a07c3f2d9e60", "keys": 1}],
        "contact_channels": contacts,
        "calls": [
            calls("lease", 71, 64, 52, 44),
            calls("late_lease", 6, 5, 4, 3),
            calls("caller", 9, 9, 6, 1),
            calls("number", 7, 6, 5, 5),
            calls("nothing", 3, 2, 1, 1),
            calls("nothing", 38, 25, 0, 0, direction="out"),
        ],
        "call_list": [
            unanswered_call("4", 16, "abandoned", is_reached=True, is_repeat=True),
            listed_call("3", 12, direction="out", request_id=None, channel=None, source=None, campaign=None, resolved_by="nothing"),
            listed_call("2", 11, other_resolved_by="caller"),
            unanswered_call("1", 7, channel=None, source=None, campaign=None, has_visitor=False, resolved_by="nothing"),
        ],
        "call_numbers": [
            call_number("+74950000031", 60, 600),
            call_number("+74950000032", 0, 100),
            call_number("+74950000010", 20, by_nothing=12),
            call_number("+74950000011", 7, by_number=7),
        ],
        "lease_pools": [
            lease_pool(None, 720, 640, 60, excluded=31),
            lease_pool("main", 600, 520, 60),
            lease_pool("spb", 130, 130, busiest_hour=None, busiest_arrivals=None, hold_seconds=None, holds=0),
        ],
        "lease_reasons": [
            {"kind": "default", "reason": "pool_full", "visitors": 60},
            {"kind": "static", "reason": "too_many_from_address", "visitors": 20},
        ],
        "customers": [
            customers("A", 6, "402000.00", "188000.00", repeat_sales=5),
            customers("B", 11, "241000.50", "96400.20", repeat_sales=3, lapsed=1),
            customers("C", 14, "120600.00", "54000.00", lapsed=3),
            customers("D", 9, "40200.00", None, lapsed=2),
            {**customers("", 240, "0.00", None), "buyers": 1, "sales": 1},
        ],
        "customers_repeats": [
            {"is_repeat": False, "in_period": True, "sales": 22, "revenue": Decimal("390000.00")},
            {"is_repeat": True, "in_period": True, "sales": 5, "revenue": Decimal("98000.00")},
            {"is_repeat": False, "in_period": False, "sales": 19, "revenue": Decimal("240800.50")},
            {"is_repeat": True, "in_period": False, "sales": 3, "revenue": Decimal("75000.00")},
        ],
        "cohorts": [
            cohort("2026-10", None, 150, 11, "165000.00", "72000.00", "81000.40"),
            cohort("2026-10", "Yandex Direct", 74, 8, "121000.00", "54000.00", "61000.40"),
            cohort("2026-10", "direct", 41, 2, "32000.00", "18000.00"),
            cohort("2026-10", "blogger_ivanov / posev-tg", 20, 1, "12000.00"),
            cohort("2026-10", "VK Ads", 0, 0, "0.00", cost="20000.00"),
            cohort("2026-10", "", 15, 0, "0.00"),
            cohort("2026-09", None, 130, 30, "638800.50", "266400.20", "120000.00", 34),
            cohort("2026-09", "Yandex Direct", 90, 24, "498800.50", "206400.20", "95000.00", 19),
            cohort("2026-09", "Google Ads", 40, 6, "140000.00", "60000.00", "25000.00", 47),
        ],
        "deals": [
            deal("5", 12, stage="Замер", meaning="qualified", **open_),
            deal("4", 12, stage="Замер", meaning="qualified", **open_),
            deal("3", 10, contact_channel="crm", match_method="implied", no_source_reason="not_passed", gross_profit=None),
            deal("2", 9, contact_channel="call", match_method="call_id", manager="Борис <b>"),
            deal(
                "1", 3, contact_channel="call", stage="Закрыто", meaning="lost", loss_reason="Дорого", match_method="phone", **open_
            ),
        ],
        "deal_paths": [
            *path("4", 12, ("VK Ads/vk/cpc/vk_msk_1", 0.0), ("Yandex Direct/yandex/cpc/yandex_kuhni_msk_0", 1.0), (direct, 0.0)),
            *path("2", 9, ("Offline ads/flyers/offline/весна", 1.0), own=True),
            *path("1", 3, ("Google Ads/google/cpc/google_kuhni_msk_2", 0.0), (direct, 0.0), (search, 1.0), length=23),
        ],
    }


def _by_channel(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results as the questions of the models answer them: without source and campaign."""
    names = ("requests", "qualified", "sales", "revenue", "gross_profit", "priced_parts", "unpriced_parts")
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = sums.setdefault(row["channel"], {"channel": row["channel"], **dict.fromkeys(names, 0)})
        for name in names:
            total[name] += row[name] or 0
    return list(sums.values())
