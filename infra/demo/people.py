"""People of the demo: who came when from where, who asked, who bought, and what kept their source from us.

Pure: seeded randomness in, events and truth out."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from infra.demo.shop import CAMPAIGNS, FIRST_DAY, HOST, LOSS_REASONS, MANAGERS, PAGES, WORDS, Campaign

ZONE = ZoneInfo("Europe/Moscow")
DAYS = 31
DIRECT = CAMPAIGNS[-1]
# What may stand between a person and his source, how often, and how it is said when a deal is explained.
OBSTACLES = {
    "blocker": (0.04, "a blocker stopped the tracker: no visit was ever seen"),
    "no_consent": (0.03, "the visitor refused consent: his visits carry no visitor id"),
    "second_device": (0.06, "the deciding visit was made on another device that never identified itself"),
    "static_call": (0.08, "he called a number that is not leased to visitors: the call knew no visitor"),
    "by_hand": (0.04, "a manager typed the deal in by hand, without request id, phone or source"),
}


@dataclass(frozen=True)
class Event:
    """Something that happens at `at`: kind is visit, call, deal, bot or email_open; `data` is what its sender sends."""

    at: datetime
    kind: str
    data: dict[str, Any]


@dataclass
class Truth:
    """What is known of a deal because it was invented: its true channel, and what stood in the way."""

    deal_id: str
    channel: str
    obstacle: str = ""
    revenue: Decimal = Decimal(0)


@dataclass
class Month:
    events: list[Event] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    clicks: dict[tuple[int, int], int] = field(default_factory=dict)  # (campaign, day) → clicks that cost money
    visits: int = 0


def month(seed: int, scale: float = 1.0) -> Month:
    """The whole month; `scale` shrinks it for tests (1.0 is about 20,000 visits)."""
    made, chance = Month(), random.Random(seed)
    for number, campaign in enumerate(CAMPAIGNS):
        for _ in range(round(campaign.visits * scale)):
            _person(made, chance, number, campaign)
    _noise(made, chance, scale)
    made.events.sort(key=lambda e: (e.at, e.kind, str(e.data.get("id", ""))))
    return made


def _person(made: Month, chance: random.Random, number: int, campaign: Campaign) -> None:
    first = _moment(chance)
    obstacle = _obstacle(chance)
    asks = chance.random() < campaign.request_rate
    visitor = _uuid(chance)
    visits = [(first, number)]
    while chance.random() < (0.45 if asks else 0.12) and len(visits) < 6:
        after = visits[-1][0] + timedelta(hours=chance.uniform(3, 140))
        if after >= _end():
            break
        again = chance.random()
        visits.append((after, len(CAMPAIGNS) - 1 if again < 0.6 else chance.choice((5, 6)) if again < 0.85 else number))
    if asks and obstacle == "second_device" and len(visits) == 1:
        obstacle = ""
    for place, (at, source) in enumerate(visits):
        is_last = place == len(visits) - 1
        other = obstacle == "second_device" and not is_last
        _visit(made, chance, at, source, _uuid(chance) if other else visitor, obstacle if asks else "")
    if asks:
        _request(made, chance, visits, visitor, obstacle)


def _visit(made: Month, chance: random.Random, at: datetime, source: int, visitor: str, obstacle: str) -> None:
    campaign = CAMPAIGNS[source]
    made.visits += 1
    if campaign.click_cost:
        key = (source, at.astimezone(ZONE).day)
        made.clicks[key] = made.clicks.get(key, 0) + 1
    if obstacle == "blocker":
        return
    query = campaign.query.format(
        ad=chance.randint(101, 109), word=quote(chance.choice(WORDS)), click=str(chance.randint(10**18, 10**19))
    )
    pages = [chance.choice(PAGES[:5]), *chance.sample(PAGES, k=chance.randint(0, 3))]
    hits, moment, referrer = [], at, campaign.referrer
    for place, path in enumerate(pages):
        url = f"https://{HOST}{path}" + (f"?{query}" if place == 0 and query else "")
        hits.append(
            {"id": _uuid(chance), "t": _millis(moment), "kind": "page_view", "url": url, "ref": referrer, "title": "Теплодом"}
        )
        referrer, moment = url, moment + timedelta(seconds=chance.randint(8, 240))
    made.events.append(
        Event(moment, "visit", {"visitor": visitor, "hits": hits, "consent": "denied" if obstacle == "no_consent" else "granted"})
    )


def _request(made: Month, chance: random.Random, visits: list[tuple[datetime, int]], visitor: str, obstacle: str) -> None:
    at = visits[-1][0] + timedelta(minutes=chance.uniform(16, 25))
    number = next((s for _, s in reversed(visits) if CAMPAIGNS[s] is not DIRECT), visits[-1][1])
    campaign = CAMPAIGNS[number]
    request_id, phone, deal_id = _uuid(chance), f"+7900{chance.randint(1000000, 9999999)}", f"D{len(made.truths) + 1:05d}"
    is_call = obstacle == "static_call" or (obstacle != "by_hand" and chance.random() < 0.4)
    knows_visitor = obstacle not in ("blocker", "no_consent", "static_call")
    if is_call:
        talk = chance.randint(35, 400)
        call = {"request_id": request_id, "call_id": f"call-{request_id[:8]}", "phone": phone, "talk_seconds": talk}
        made.events.append(Event(at, "call", {**call, "visitor": visitor if knows_visitor else None}))
    elif obstacle not in ("by_hand", "blocker"):
        hit = {"id": _uuid(chance), "t": _millis(at), "kind": "form", "url": f"https://{HOST}/contacts/", "ref": f"https://{HOST}/",
               "request_id": request_id, "form": "Расчёт стоимости"}  # fmt: skip
        made.events.append(
            Event(at, "visit", {"visitor": visitor, "hits": [hit], "consent": "denied" if obstacle == "no_consent" else "granted"})
        )
    deal: dict[str, Any] = {"deal_id": deal_id, "manager": chance.choice(MANAGERS), "pipeline": "Продажи"}
    if obstacle != "by_hand":
        deal |= {"request_id": request_id, "contact": {"id": f"C{deal_id}", "name": "Клиент", "phones": [phone]}}
    truth = Truth(deal_id, campaign.channel, obstacle)
    _stages(made, chance, at + timedelta(minutes=chance.uniform(1, 30)), deal, chance.random() < campaign.sale_rate, truth)
    made.truths.append(truth)


def _stages(made: Month, chance: random.Random, at: datetime, deal: dict[str, Any], buys: bool, truth: Truth) -> None:
    """A deal's way through the funnel; what lies after the month's end has not happened yet."""
    amount = Decimal(chance.randint(60, 480) * 100)
    way: list[tuple[str, str, dict[str, Any]]] = [("deal.created", "Неразобранное", {"created_at": at.isoformat()})]
    way.append(("deal.updated", "Первичный контакт", {"amount": str(amount)}))
    if buys or chance.random() < 0.45:
        way.append(("deal.updated", "Замер", {}))
    if buys:
        cost = (amount * Decimal(chance.randint(52, 70)) / 100).quantize(Decimal("0.01"))
        way += [
            ("deal.updated", "Договор", {"cost_price": str(cost)} if chance.random() < 0.8 else {}),
            ("deal.updated", "Оплачено", {}),
        ]
    elif chance.random() < 0.7:
        way.append(("deal.lost", "Отказ", {"reason": chance.choice(LOSS_REASONS)}))
    for place, (kind, stage, more) in enumerate(way):
        if at >= _end():
            return
        told = deal if place == 0 else {"deal_id": deal["deal_id"]}
        made.events.append(Event(at, "deal", {"type": kind, "data": {**told, "stage": stage, "currency": "RUB", **more}}))
        if stage == "Оплачено":
            truth.revenue = amount
        at += timedelta(hours=chance.uniform(1, 60))
    if buys and chance.random() < 0.05 and at < _end():
        back = (amount * Decimal("0.2")).quantize(Decimal("0.01"))
        payment = {"deal_id": deal["deal_id"], "payment": {"id": f"R{deal['deal_id']}", "amount": str(back)}}
        made.events.append(Event(at, "deal", {"type": "payment.refunded", "data": payment}))
        truth.revenue -= back


def _noise(made: Month, chance: random.Random, scale: float) -> None:
    """Robots, opened mails and the owner's own test traffic: kept, counted apart, never visits."""
    for _ in range(round(400 * scale)):
        hit = {"id": _uuid(chance), "t": 0, "kind": "page_view", "url": f"https://{HOST}{chance.choice(PAGES)}", "ref": ""}
        at = _moment(chance)
        made.events.append(Event(at, "bot", {"visitor": _uuid(chance), "hits": [{**hit, "t": _millis(at)}]}))
    for _ in range(round(200 * scale)):
        made.events.append(Event(_moment(chance), "email_open", {"id": _uuid(chance), "visitor": _uuid(chance)}))


def _obstacle(chance: random.Random) -> str:
    roll = chance.random()
    for name, (share, _) in OBSTACLES.items():
        if roll < share:
            return name
        roll -= share
    return ""


def _moment(chance: random.Random) -> datetime:
    """A moment of the month by local habits: few at night, most from morning to evening."""
    hour = min(23.99, max(0.0, chance.gauss(14.5, 4.2)))
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE)
    moment = start + timedelta(days=chance.randrange(DAYS), hours=hour)
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _end() -> datetime:
    return datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE) + timedelta(days=DAYS)


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
