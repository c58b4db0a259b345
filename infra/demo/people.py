"""People of the demo: who came when from where, who asked, who bought, and what kept their source from us.

Pure: seeded randomness in, events and truth out."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from infra.demo.deals import deal
from infra.demo.month import DAYS, END, OBSTACLES, ZONE, Asked, Event, Month, Truth
from infra.demo.shop import BANNER_NUMBER, CAMPAIGNS, DEFAULT_NUMBER, FIRST_DAY, HOST, PAGES, WORDS, Campaign
from shared.ids import uuid7

DIRECT = CAMPAIGNS[-1]


def month(seed: int, scale: float = 1.0) -> Month:
    """The whole month; `scale` shrinks it for tests (1.0 is about 20,000 visits)."""
    made, chance = Month(), random.Random(seed)
    for number, campaign in enumerate(CAMPAIGNS):
        for _ in range(round(campaign.visits * scale)):
            _person(made, chance, number, campaign)
    _noise(made, chance, scale)
    # Somebody reads his mail in the night after: the data do not end before the month does.
    late = Event(END + timedelta(hours=2), "email_open", {"id": _uuid(chance), "visitor": _uuid(chance)})
    made.events = sorted([*(e for e in made.events if e.at < END), late], key=lambda e: (e.at, e.kind, str(e.data.get("id", ""))))
    return made


def _person(made: Month, chance: random.Random, number: int, campaign: Campaign) -> None:
    first = _moment(chance)
    obstacle = _obstacle(chance)
    asks = chance.random() < campaign.request_rate
    visitor = uuid7(first, chance.randbytes(10))
    visits = [(first, number)]
    while chance.random() < (0.45 if asks else 0.12) and len(visits) < 6:
        after = visits[-1][0] + timedelta(hours=chance.uniform(3, 140))
        if after >= END:
            break
        again = chance.random()
        visits.append((after, len(CAMPAIGNS) - 1 if again < 0.6 else chance.choice((5, 6)) if again < 0.85 else number))
    if asks and obstacle == "second_device" and len(visits) == 1:
        obstacle = ""
    for place, (at, source) in enumerate(visits):
        is_last = place == len(visits) - 1
        other = obstacle == "second_device" and not is_last
        _visit(made, chance, at, source, uuid7(at, chance.randbytes(10)) if other else visitor, obstacle if asks else "")
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
        hits.append(_hit(chance, moment, "page_view", url=url, ref=referrer, title="Теплодом"))
        referrer, moment = url, moment + timedelta(seconds=chance.randint(8, 240))
    # Many look at a number without calling it, so that numbers go from hand to hand and only the time tells whose a call is.
    looks = "/contacts/" in pages and obstacle != "no_consent" and chance.random() < 0.05
    _hits(made, moment, visitor, hits, "denied" if obstacle == "no_consent" else "granted", "ask" if looks else "")


def _hits(made: Month, at: datetime, visitor: str, hits: list[dict[str, Any]], consent: str = "granted", lease: str = "") -> None:
    """A batch of the tracker, and what it does about a number: asks for one, or renews the one it has."""
    made.events.append(Event(at, "visit", {"visitor": visitor, "hits": hits, "consent": consent, "lease": lease}))


def _hit(chance: random.Random, at: datetime, kind: str, **more: str) -> dict[str, Any]:
    contacts = {"url": f"https://{HOST}/contacts/", "ref": f"https://{HOST}/"}
    return {"id": _uuid(chance), "t": _millis(at), "kind": kind, **contacts, **more}


def _request(made: Month, chance: random.Random, visits: list[tuple[datetime, int]], visitor: str, obstacle: str) -> None:
    at = visits[-1][0] + timedelta(minutes=chance.uniform(17, 25))
    number = next((s for _, s in reversed(visits) if CAMPAIGNS[s] is not DIRECT), visits[-1][1])
    campaign = CAMPAIGNS[number]
    phone = f"+7900{chance.randint(1000000, 9999999)}"
    asked = Asked(_uuid(chance), phone)
    is_seen = obstacle not in ("blocker", "no_consent")
    if obstacle == "static_call" or (obstacle != "by_hand" and chance.random() < 0.4):
        holds = visitor if is_seen and obstacle != "static_call" else ""
        if holds:
            _reaches_for_phone(made, chance, at, visitor)
        asked = asked._replace(is_call=True, ended_at=call(made, chance, at, asked, {"visitor": holds, "number": DEFAULT_NUMBER}))
    elif obstacle not in ("by_hand", "blocker"):
        form = {"request_id": asked.key, "form": "Расчёт стоимости"}
        asked = asked._replace(ended_at=at, visitor=visitor if is_seen else "")
        _hits(made, at, visitor, [_hit(chance, at, "form", **form)], "granted" if is_seen else "denied")
    else:
        asked = Asked("", "" if obstacle == "by_hand" else phone, ended_at=at)
    deal(made, chance, asked, Truth("", campaign.channel, obstacle), chance.random() < campaign.sale_rate)


def _reaches_for_phone(made: Month, chance: random.Random, at: datetime, visitor: str) -> None:
    """Before a call at `at`: the contacts page gives the visitor a number, a tap on it is a sign of life."""
    looked, tapped = at - timedelta(seconds=chance.randint(25, 55)), at - timedelta(seconds=chance.randint(3, 9))
    _hits(made, looked, visitor, [_hit(chance, looked, "page_view", title="Контакты")], lease="ask")
    _hits(made, tapped, visitor, [_hit(chance, tapped, "call_click")], lease="renew")


def call(made: Month, chance: random.Random, at: datetime, asked: Asked, reached: dict[str, str]) -> datetime:
    """A call that starts at `at`, and the shop's call back where nobody answered; when it was over.

    `reached`: the visitor whose leased number is called, or the number.
    """
    wait, talk = chance.randint(4, 25), None if chance.random() < 0.08 else chance.randint(35, 400)
    told = {"request": asked.key, "call_id": f"call-{asked.key[:8]}", "phone": asked.phone, "wait": wait, **reached}
    ended = at + timedelta(seconds=wait + (talk or 0))
    made.events.append(Event(ended, "call", {**told, "talk": talk, "started_at": at}))
    if talk is None:
        back, talk = ended + timedelta(minutes=chance.randint(2, 9)), chance.randint(40, 240)
        told |= {"request": "", "call_id": f"back-{asked.key[:8]}", "visitor": "", "number": DEFAULT_NUMBER}
        ended = back + timedelta(seconds=wait + talk)
        made.events.append(Event(ended, "call_back", {**told, "talk": talk, "started_at": back}))
    return ended


def _noise(made: Month, chance: random.Random, scale: float) -> None:
    """Robots, opened mails and the owner's own test traffic: kept, counted apart, never visits."""
    for _ in range(round(400 * scale)):
        hit = {"id": _uuid(chance), "t": 0, "kind": "page_view", "url": f"https://{HOST}{chance.choice(PAGES)}", "ref": ""}
        at = _moment(chance)
        made.events.append(Event(at, "bot", {"visitor": uuid7(at, chance.randbytes(10)), "hits": [{**hit, "t": _millis(at)}]}))
    for _ in range(round(200 * scale)):
        made.events.append(Event(_moment(chance), "email_open", {"id": _uuid(chance), "visitor": _uuid(chance)}))
    for _ in range(round(30 * scale)):
        _reads_banner(made, chance)


def _reads_banner(made: Month, chance: random.Random) -> None:
    """Somebody who never saw the site calls the number of the banner: the number is his source."""
    at, asked = _moment(chance), Asked(_uuid(chance), f"+7900{chance.randint(1000000, 9999999)}", is_call=True)
    asked = asked._replace(ended_at=call(made, chance, at, asked, {"visitor": "", "number": BANNER_NUMBER}))
    deal(made, chance, asked, Truth("", "Offline ads"), chance.random() < 0.3)


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


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
