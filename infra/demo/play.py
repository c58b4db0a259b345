"""Plays a month into the running local stack: every event through the endpoint that its sender would use, at its own time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from infra.demo.advertising import BANNER_MONTH, CAMPAIGNS, SEO_MONTH
from infra.demo.month import DAYS, ZONE, Event, Month
from infra.demo.portal import act
from infra.demo.senders import Senders
from infra.demo.shop import FIRST_DAY, SITE
from infra.doubles.amocrm.account import Account
from infra.doubles.bitrix24 import Portal
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from infra.shop import pbx
from infra.shop.amocrm import COST_FIELD

CHECK = "CrmCheck"  # the schedule that asks the CRMs for deals that changed


class Player:
    """Sends events; remembers what the doors answered, as browsers and telephony do: tokens, leases, request ids. Deals are
    made in the shop's amoCRM and Bitrix24, which send their webhooks by themselves."""

    def __init__(self, stack: LocalStack, clock: SimulatedClock, senders: Senders, account: Account, portal: Portal) -> None:
        self.stack, self.clock, self.senders = stack, clock, senders
        self.account, self.portal = account, portal
        self._tokens: dict[str, str] = {}
        self._leases: dict[str, dict[str, str]] = {}
        self._requests: dict[str, str] = {}  # a call's key in the month → the request id that the door gave it

    def play(self, month: Month, on_day: Callable[[date], None]) -> None:
        """All events in order; at each midnight the day's queues are worked off, yesterday's ad costs come in, and the CRM is asked
        what its webhooks did not tell."""
        day, last = FIRST_DAY, FIRST_DAY + timedelta(days=DAYS - 1)
        for event in month.events:
            while day <= last and event.at.astimezone(ZONE).date() > day:
                day = self._end_day(month, day, on_day)
            self.clock.set(max(event.at, self.clock.now()))
            getattr(self, f"_{event.kind}")(event)
        while day <= last:
            day = self._end_day(month, day, on_day)

    def upload(self, name: str, rows: list[dict[str, str]]) -> None:
        """A cost file into the site's inbox."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        self.stack.put_file(f"costs/inbox/{SITE}/{name}", text.getvalue().encode())
        self.stack.pump()

    def check(self) -> None:
        """The CRM is asked what its webhooks did not tell."""
        self.stack.run_schedule(CHECK)

    def _end_day(self, month: Month, day: date, on_day: Callable[[date], None]) -> date:
        """Night: the ad systems' files come in, the queues are worked off. Gives the next day."""
        rows = []
        for number, campaign in enumerate(CAMPAIGNS):
            clicks = month.clicks.get((number, day.day), 0)
            if clicks:
                cost = (campaign.click_cost * clicks).quantize(Decimal("0.01"))
                marks = {"source": campaign.source, "medium": campaign.medium, "campaign": campaign.campaign}
                rows.append(
                    {"day": day.isoformat(), "account": campaign.channel, **marks, "clicks": str(clicks), "cost": str(cost)}
                )
        if rows:
            self.upload(f"ads-{day}.csv", rows)
        if day == FIRST_DAY:
            whole = {"month": f"{day:%Y-%m}"}
            self.upload("seo-october.csv", [{**whole, "account": "SEO", "medium": "organic", "cost": str(SEO_MONTH)}])
            self.upload("banner-october.csv", [{**whole, "account": "Banner", **BANNER_MONTH}])
        self.stack.pump()
        self.check()
        on_day(day)
        return day + timedelta(days=1)

    def _visit(self, event: Event) -> None:
        data = event.data
        visitor = data["visitor"]
        body = {"consent": data["consent"], "hits": data["hits"]}
        if data["consent"] == "granted":
            body["visitor"] = self._tokens.get(visitor, visitor)
        renewed = self._leases.get(visitor) if data["lease"] == "renew" else None
        if renewed:
            body["lease"] = renewed
        answer = self.senders.hits(body, data["browser"])
        if answer.get("token"):
            self._tokens[visitor] = answer["token"]
        if data["lease"] == "ask":
            given = self.senders.lease(self._tokens[visitor], data["browser"], data.get("marks", {}))
            if given.get("lease"):
                self._leases[visitor] = {"number": given["number"], "id": given["lease"]["id"]}
        elif renewed and not answer.get("lease"):
            self.senders.refused.append(f"hits: the lease of {renewed['number']} was lost")

    def _left_out(self, event: Event) -> None:
        data = event.data
        body = {"visitor": data["visitor"], "hits": data["hits"]}
        self.senders.hits(body | ({"test": True} if data["reason"] == "test" else {}), data["browser"])

    def _email_open(self, event: Event) -> None:
        self.senders.email_open(event.data["id"], event.data["visitor"])

    def _call(self, event: Event) -> None:
        data = event.data
        holder = data["visitor"] or data.get("held_by", "")
        number = self._leases[holder]["number"] if holder else data["number"]
        told = self.senders.call(
            pbx.call_ended(data["call_id"], number, data["phone"], data["started_at"], data["wait"], data["talk"])
        )
        self._requests[data["request"]] = told.get("request_id", "")

    def _call_back(self, event: Event) -> None:
        data = event.data
        ended = pbx.call_ended(data["call_id"], data["number"], data["phone"], data["started_at"], data["wait"], data["talk"])
        self.senders.call({**ended, "is_outgoing": 1})

    def _deal(self, event: Event) -> None:
        data: dict[str, Any] = dict(event.data["data"])
        if key := event.data["request"]:
            data["request_id"] = self._requests.get(key, key)
        self.senders.generic({"type": event.data["type"], "timestamp": event.at.isoformat(), "data": data})

    def _portal_deal(self, event: Event) -> None:
        asked = event.data.get("asked")
        act(self.portal, event.data, self._requests.get(asked.key, asked.key) if asked else "")

    def _lead(self, event: Event) -> None:
        data, asked = event.data, event.data.get("asked")
        if asked is None:
            account = self.account
            account.fill(data["lead_id"], {COST_FIELD: data["cost"]} if "cost" in data else {})
            account.move(data["lead_id"], data["status_id"], price=data.get("price"), loss_reason_id=data.get("loss_reason_id", ""))
            return
        told = {}
        if asked.key:
            told = {"skvoz_request_id": self._requests.get(asked.key, asked.key), "skvoz_visitor_id": asked.visitor}
        self.account.add_lead(
            data["name"],
            lead_id=data["lead_id"],
            price=data.get("price", 0),
            status_id=data["status_id"],
            manager_id=data["manager_id"],
            creator_id=int(data["manager_id"]) if data["is_handmade"] else 0,
            fields=told,
            phone=asked.phone,
            person="Клиент" if asked.phone else "",
        )
