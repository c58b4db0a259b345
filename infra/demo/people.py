"""People of the demo: who came when from where, who asked, who bought, and what kept their source from us.

Pure: seeded randomness in, events and truth out."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from infra.demo.advertising import CAMPAIGNS, DIRECT, ORGANIC, RETURNS, WORDS, Campaign, Link, drawn
from infra.demo.broadcast import broadcast
from infra.demo.browsing import agent, hit, moment, uuid_of
from infra.demo.deals import deal
from infra.demo.month import END, OBSTACLES, ZONE, Asked, Browser, Event, Month, Truth
from infra.demo.noise import noise
from infra.demo.shop import BANNER_NUMBER, DEFAULT_NUMBER, HOST, PAGES
from shared.ids import uuid7


class Visit(NamedTuple):
    """When somebody came, on which line of advertising (its place in CAMPAIGNS) and by which of its links."""

    at: datetime
    number: int
    link: Link


class Person(NamedTuple):
    """`obstacle`: what keeps his source from us, if anything does."""

    visitor: str
    browser: Browser
    obstacle: str


def month(seed: int, scale: float = 1.0) -> Month:
    """The whole month; `scale` shrinks it for tests (1.0 is about 20,000 visits)."""
    made, chance = Month(), random.Random(seed)
    for number, campaign in enumerate(CAMPAIGNS):
        for _ in range(max(1, round(campaign.visits * scale))):
            _person(made, chance, number, campaign)
    for _ in range(round(30 * scale)):
        _reads_banner(made, chance)
    noise(made, chance, scale)
    broadcast(made, chance)
    # Somebody reads his mail in the night after: the data do not end before the month does.
    late = Event(END + timedelta(hours=2), "email_open", {"id": uuid_of(chance), "visitor": uuid_of(chance)})
    made.events = sorted([*(e for e in made.events if e.at < END), late], key=lambda e: (e.at, e.kind, str(e.data.get("id", ""))))
    return made


def _person(made: Month, chance: random.Random, number: int, campaign: Campaign) -> None:
    first = moment(chance)
    obstacle = _obstacle(chance)
    asks = chance.random() < campaign.request_rate
    visits = [Visit(first, number, drawn(chance, campaign.links))]
    while chance.random() < (0.45 if asks else 0.12) and len(visits) < 6:
        after = visits[-1].at + timedelta(hours=chance.uniform(3, 140))
        if after >= END:
            break
        again = chance.random()
        next_number = DIRECT if again < 0.6 else chance.choice(ORGANIC) if again < 0.85 else number
        links = RETURNS if next_number == DIRECT else CAMPAIGNS[next_number].links
        visits.append(Visit(after, next_number, drawn(chance, links)))
    if asks and obstacle == "second_device" and len(visits) == 1:
        obstacle = ""
    person = Person(uuid7(first, chance.randbytes(10)), Browser(agent(chance)), obstacle if asks else "")
    for visit in visits:
        other = obstacle == "second_device" and visit is not visits[-1]
        _visit(made, chance, visit, person._replace(visitor=uuid7(visit.at, chance.randbytes(10))) if other else person)
    if asks:
        _request(made, chance, visits, person)


def _visit(made: Month, chance: random.Random, visit: Visit, person: Person) -> None:
    campaign, link, is_denied = CAMPAIGNS[visit.number], visit.link, person.obstacle == "no_consent"
    made.visits += 1
    if campaign.click_cost:
        key = (visit.number, visit.at.astimezone(ZONE).day)
        made.clicks[key] = made.clicks.get(key, 0) + 1
    if person.obstacle == "blocker":
        return
    filled = {"ad": chance.randint(101, 109), "word": quote(chance.choice(WORDS)), "click": str(chance.randint(10**18, 10**19))}
    query, referrer = link.query.format(**filled), link.referrer.format(**filled)
    pages = [chance.choice(PAGES[:5]), *chance.sample(PAGES, k=chance.randint(0, 3))]
    hits, at = [], visit.at
    for place, path in enumerate(pages):
        url = f"https://{HOST}{path}" + (f"?{query}" if place == 0 and query else "")
        hits.append(hit(chance, at, "page_view", url=url, ref=referrer, title="Теплодом"))
        referrer, at = url, at + timedelta(seconds=chance.randint(8, 240))
    # Many look at a number without calling it, so that numbers go from hand to hand and only the time tells whose a call is.
    looks = "/contacts/" in pages and not is_denied and chance.random() < 0.05
    _hits(made, at, person, hits, "ask" if looks else "")
    if at < END and not is_denied:
        made.seen[link.channel or campaign.channel, link.source] += 1


def _hits(made: Month, at: datetime, person: Person, hits: list[dict[str, Any]], lease: str = "") -> None:
    """A batch of the tracker, and what it does about a number: asks for one, or renews the one it has."""
    consent = "denied" if person.obstacle == "no_consent" else "granted"
    told = {"visitor": person.visitor, "browser": person.browser, "hits": hits, "consent": consent, "lease": lease}
    made.events.append(Event(at, "visit", told))


def _request(made: Month, chance: random.Random, visits: list[Visit], person: Person) -> None:
    at, obstacle = visits[-1].at + timedelta(minutes=chance.uniform(17, 25)), person.obstacle
    decided = next((visit for visit in reversed(visits) if visit.number != DIRECT), visits[-1])
    campaign = CAMPAIGNS[decided.number]
    phone = f"+7900{chance.randint(1000000, 9999999)}"
    asked = Asked(uuid_of(chance), phone)
    is_seen = obstacle not in ("blocker", "no_consent")
    if obstacle == "static_call" or (obstacle != "by_hand" and chance.random() < 0.4):
        holds = person.visitor if is_seen and obstacle != "static_call" else ""
        if holds:
            _reaches_for_phone(made, chance, at, person)
        asked = asked._replace(is_call=True, ended_at=call(made, chance, at, asked, {"visitor": holds, "number": DEFAULT_NUMBER}))
    elif obstacle not in ("by_hand", "blocker"):
        form = {"request_id": asked.key, "form": "Расчёт стоимости"}
        asked = asked._replace(ended_at=at, visitor=person.visitor if is_seen else "")
        _hits(made, at, person, [hit(chance, at, "form", **form)])
    else:
        asked = Asked("", "" if obstacle == "by_hand" else phone, ended_at=at)
    truth = Truth("", campaign.channel, obstacle or decided.link.obstacle)
    deal(made, chance, asked, truth, chance.random() < campaign.sale_rate)


def _reaches_for_phone(made: Month, chance: random.Random, at: datetime, person: Person) -> None:
    """Before a call at `at`: the contacts page gives the visitor a number, a tap on it is a sign of life."""
    looked, tapped = at - timedelta(seconds=chance.randint(25, 55)), at - timedelta(seconds=chance.randint(3, 9))
    _hits(made, looked, person, [hit(chance, looked, "page_view", title="Контакты")], "ask")
    _hits(made, tapped, person, [hit(chance, tapped, "call_click")], "renew")


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


def _reads_banner(made: Month, chance: random.Random) -> None:
    """Somebody who never saw the site calls the number of the banner: the number is his source."""
    at, asked = moment(chance), Asked(uuid_of(chance), f"+7900{chance.randint(1000000, 9999999)}", is_call=True)
    asked = asked._replace(ended_at=call(made, chance, at, asked, {"visitor": "", "number": BANNER_NUMBER}))
    deal(made, chance, asked, Truth("", "Offline ads"), chance.random() < 0.3)


def _obstacle(chance: random.Random) -> str:
    roll = chance.random()
    for name, (share, _) in OBSTACLES.items():
        if roll < share:
            return name
        roll -= share
    return ""
