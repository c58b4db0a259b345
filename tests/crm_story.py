"""The deals of tests/data/story.json as people would keep them in each CRM: its double over HTTP, its webhooks, its API.

What a deal is in the CRM's own words (stages, fields, ids) is different everywhere; settings say what it means.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from functions.crm_webhook.adapters import adapter_of, reader_of
from functions.crm_webhook.api.crm import Span, Tools
from functions.crm_webhook.api.http import Http
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.outcome import Arrival, Outcome
from infra.doubles.amocrm import AmoServer, Hooks
from infra.doubles.bitrix24 import Bitrix24Server, Portal
from infra.doubles.bitrix24.portal import DEAL
from infra.doubles.hubspot import server as hubspot
from infra.doubles.pipedrive import server as pipedrive
from shared.aws import client
from shared.records import CRM_EVENT
from shared.secrets import Secrets
from shared.settings import SiteSettings, published
from shared.times import from_lake_text, to_millis
from tests.api.crm_apis import KEY, Clock
from tests.lakes import Record
from tests.story_lake import SITE_ID, STORY, story_shop

REASON = STORY["deals"]["B"]["loss_reason"]
END = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
Fields = Mapping[str, str]
Tell = Callable[[str], None]


class Said(NamedTuple):
    """What happened to the deal of one client: it was made or closed, at which stage, and what was filled in."""

    at: datetime
    client: str
    stage: Literal["unsorted", "working", "won", "lost", ""]  # "": somebody touches the deal
    fields: Fields = MappingProxyType({})
    amount: str = ""


@dataclass
class Kept:
    """A CRM that keeps the story: `open(client, stage, fields)` makes a deal with its contact and gives its id; `close(…)` ends
    it."""

    section: dict[str, Any]
    stages: dict[str, str]
    open: Callable[[str, str, Fields], str]
    close: Callable[[str, str, str, Fields], None]
    touch: Callable[[str], None]
    ids: dict[str, str] = field(default_factory=dict)


def told_by(provider: str, way: Literal["webhooks", "check"]) -> tuple[list[Record], SiteSettings, dict[str, str]]:
    """CRM records of the story, the settings that they need, and the ids of the deals: told by every webhook and what they point
    at, or, where none came, by one check in the end."""
    clock, outcomes, bodies = Clock(_said()[0].at), list[Outcome](), list[bytes]()
    with _CRMS[provider](clock, lambda body: bodies.append(body.encode())) as crm:
        settings = story_shop(crm={provider: crm.section}, stages=[{"money_stage": "won", "stages": crm.stages}])
        site = published(settings)
        reader = reader_of(site, provider, _tools(clock))
        assert reader is not None
        for number, said in enumerate(_said()):
            clock.now = max(clock.now, said.at)
            if not said.stage:
                crm.touch(crm.ids[said.client])
            elif said.client in crm.ids:
                crm.close(crm.ids[said.client], said.stage, said.amount, said.fields)
            else:
                crm.ids[said.client] = crm.open(said.client, said.stage, said.fields)
            clock.now += timedelta(seconds=30)
            if way == "webhooks":
                arrival = Arrival(SITE_ID, f"hook-{number}", clock.now, KEY)
                heard = [adapter_of(provider)(body, arrival, site, provider) for body in bodies]
                outcomes += heard
                if pointers := list(dict.fromkeys(one for outcome in heard for one in outcome.to_read)):
                    outcomes.append(reader.read(pointers, arrival))
            bodies.clear()
        if way == "check":
            clock.now, cursor, is_first = END, "", True
            while cursor or is_first:
                page = reader.page(Span(_said()[0].at - timedelta(days=1), END), cursor, Arrival(SITE_ID, "check", clock.now, KEY))
                outcomes.append(page.outcome)
                cursor, is_first = page.cursor, False
        assert [one for outcome in outcomes for one in outcome.rejected] == []
        return [_record(line) for outcome in outcomes for _, line in outcome.records], settings, dict(crm.ids)


def _said() -> list[Said]:
    """In order of time."""
    calls, deals = STORY["calls"], STORY["deals"]
    first_c = _at(STORY["clients"]["C"]["first_visit"])
    said = [
        Said(_at(calls["A"]["start"]) + timedelta(minutes=4), "A", "working"),
        Said(_at(calls["B"]["start"]) + timedelta(minutes=2), "B", "unsorted", {"call_id": calls["B"]["ids"]["uis"]}),
        Said(first_c + timedelta(minutes=8), "C", "working", {"request_id": "form-C"}),
        Said(datetime(2026, 10, 28, 15, 44, tzinfo=UTC), "D", "working"),
        Said(_at(deals["B"]["lost_at"]), "B", "lost", {"loss_reason": REASON}, deals["B"]["amount"]),
    ]
    for one in "ACD":
        deal = deals[one]
        said.append(Said(_at(deal["won_at"]), one, "won", {"order_id": deal["order"], "cost_price": deal["cost"]}, deal["amount"]))
    # Deals are touched after their closing, so that the time of a deal's last change tells nothing of its sale.
    said += [Said(_at(deals[one].get("won_at") or deals[one]["lost_at"]) + timedelta(days=2), one, "") for one in "ABCD"]
    return sorted(said, key=lambda one: one.at)


def _whole(amount: str) -> int:
    """The story's sums are whole roubles."""
    return int(amount.removesuffix(".00"))


@contextmanager
def _amocrm(clock: Clock, tell: Tell) -> Iterator[Kept]:
    names = {"request_id": "skvoz_request_id", "call_id": "skvoz_call_id", "order_id": "Заказ", "cost_price": "Себестоимость"}
    stages = {"unsorted": "58113402", "working": "58113406", "won": "142", "lost": "143"}
    with AmoServer(clock, Hooks(lambda body, headers: tell(body)), seconds=lambda: clock.now.timestamp()) as amo:
        client("secretsmanager").create_secret(Name=f"skvoz/test/{SITE_ID}/crm-amocrm", SecretString=json.dumps(amo.keys.secret()))

        def open_(who: str, stage: str, fields: Fields) -> str:
            phone = "" if who == "B" else STORY["clients"][who]["phone_e164"]  # B is known by his call alone
            own = {names[name]: value for name, value in fields.items()}
            return str(amo.account.add_lead(person=f"Клиент {who}", phone=phone, status_id=stages[stage], fields=own))

        def close(deal: str, stage: str, amount: str, fields: Fields) -> None:
            reason = "11938870" if fields.get("loss_reason") else ""
            amo.account.fill(int(deal), {names[name]: value for name, value in fields.items() if name in names})
            amo.account.move(int(deal), stages[stage], price=_whole(amount), loss_reason_id=reason)

        def touch(deal: str) -> None:
            amo.account.change(int(deal), manager_id="8830152")

        section = {"fields": names, "loss_reasons": {"11938870": REASON}, "api": {"url": amo.url}}
        yield Kept(section, {"58113402": "unsorted", "58113406": "working", "won": "won", "lost": "lost"}, open_, close, touch)


@contextmanager
def _bitrix24(clock: Clock, tell: Tell) -> Iterator[Kept]:
    names = dict.fromkeys(("request_id", "call_id", "order_id", "cost_price", "loss_reason"))
    own = {name: f"ufCrm_179090000{number:04d}" for number, name in enumerate(names)}
    stages = {"unsorted": "NEW", "working": "PREPARATION", "won": "WON", "lost": "LOSE"}
    portal = Portal(clock, deliver=lambda body, headers: tell(body))
    server = Bitrix24Server(portal)
    server.start()

    def open_(who: str, stage: str, fields: Fields) -> str:
        contact = 0 if who == "B" else portal.client(name=who, phones=(STORY["clients"][who]["phone_e164"],))
        told = {own[name]: value for name, value in fields.items()}
        return str(portal.add(DEAL, {"stageId": stages[stage], "contactId": contact, **told}))

    def close(deal: str, stage: str, amount: str, fields: Fields) -> None:
        told = {own[name]: value for name, value in fields.items()}
        portal.change(DEAL, int(deal), {"stageId": stages[stage], "opportunity": _whole(amount), **told})

    def touch(deal: str) -> None:
        portal.change(DEAL, int(deal), {"title": "Двери"})

    try:
        yield Kept({"fields": own, "api": {"url": server.url}}, {id_: word for word, id_ in stages.items()}, open_, close, touch)
    finally:
        server.close()


@contextmanager
def _hubspot(clock: Clock, tell: Tell) -> Iterator[Kept]:
    names = {"request_id": "skvoz_request_id", "call_id": "skvoz_call_id", "order_id": "order_number", "cost_price": "cost"}
    names["loss_reason"] = "closed_lost_reason"
    stages = {"unsorted": "appointmentscheduled", "working": "qualifiedtobuy", "won": "closedwon", "lost": "closedlost"}
    with hubspot.HubSpot(clock, lambda body, headers: tell(body)) as crm:

        def open_(who: str, stage: str, fields: Fields) -> str:
            contact = str(ord(who))
            if who != "B":
                crm.account.put_contact(contact, phone=STORY["clients"][who]["phone_e164"])
            told: dict[str, Any] = {names[name]: value for name, value in fields.items()}
            linked = () if who == "B" else (contact,)
            return crm.account.put_deal("", None, linked, dealstage=stages[stage], pipeline="default", **told)

        def close(deal: str, stage: str, amount: str, fields: Fields) -> None:
            told: dict[str, Any] = {names[name]: value for name, value in fields.items()}
            crm.account.put_deal(deal, dealstage=stages[stage], amount=amount, **told)

        def touch(deal: str) -> None:
            crm.account.put_deal(deal, dealname="Двери")

        meant = {"appointmentscheduled": "unsorted", "qualifiedtobuy": "working", "won": "won", "lost": "lost"}
        yield Kept({"fields": {**names, "loss_reason": None}, "api": {"url": crm.url}}, meant, open_, close, touch)


@contextmanager
def _pipedrive(clock: Clock, tell: Tell) -> Iterator[Kept]:
    names = {name: f"{number:040x}" for number, name in enumerate(("request_id", "call_id", "order_id", "cost_price"))}
    with pipedrive.Pipedrive(clock, lambda body, headers: tell(body)) as crm:

        def own(deal: int, fields: Fields) -> dict[str, Any]:
            before = crm.company.deals[deal]["custom_fields"] if deal else {}
            return {"custom_fields": {**before, **{names[name]: value for name, value in fields.items() if name in names}}}

        def open_(who: str, stage: str, fields: Fields) -> str:
            if who != "B":
                crm.company.put_person(ord(who), (STORY["clients"][who]["phone_e164"],))
            person = None if who == "B" else ord(who)
            return str(crm.company.put_deal(person_id=person, stage_id=71 if stage == "unsorted" else 72, **own(0, fields)))

        def close(deal: str, stage: str, amount: str, fields: Fields) -> None:
            more: dict[str, Any] = {"status": stage, "value": _whole(amount), "lost_reason": fields.get("loss_reason")}
            crm.company.put_deal(int(deal), **more, **own(int(deal), fields))

        def touch(deal: str) -> None:
            crm.company.put_deal(int(deal), title="Двери")

        meant = {"71": "unsorted", "72": "working", "won": "won", "lost": "lost"}
        yield Kept({"fields": names, "api": {"url": crm.url}}, meant, open_, close, touch)


_CRMS = {"amocrm": _amocrm, "bitrix24": _bitrix24, "hubspot": _hubspot, "pipedrive": _pipedrive}
PROVIDERS = tuple(_CRMS)


def _tools(clock: Clock) -> Tools:
    keys = {"hubspot": hubspot.TOKEN, "pipedrive": pipedrive.TOKEN, "bitrix24": Portal(clock).code}
    pace = Pace(lambda: client("dynamodb"), "crm", lambda: to_millis(clock()), clock.wait)
    secrets = Secrets({f"{SITE_ID}/crm-{provider}-api": key for provider, key in keys.items()}.get)
    return Tools(Http(), pace, secrets, clock, "test", lambda: client("secretsmanager"))


def _record(line: bytes) -> Record:
    """A record as tests/lakes.py writes it."""
    types = {column.name: column.type for column in CRM_EVENT.columns}
    told = {name: value for name, value in json.loads(line).items() if value is not None}
    return Record(CRM_EVENT.name, {name: from_lake_text(v) if types[name] == "timestamp" else v for name, v in told.items()})


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
