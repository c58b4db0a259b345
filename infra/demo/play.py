"""Plays a month into the running local stack: every event through the endpoint that its sender would use, at its own time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

from infra.demo.people import Event, Month
from infra.demo.shop import CAMPAIGNS, CRM_TOKEN, FIRST_DAY, HOST, SEO_MONTH, SITE
from infra.local.clock import SimulatedClock
from infra.local.gateway import Answer
from infra.local.stack import LocalStack
from shared.security import sign_webhook

PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
ROBOT = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bots.example/about)"


class Player:
    """Sends events; counts what was taken and keeps every refusal, so that a demo that loses something says so."""

    def __init__(self, stack: LocalStack, clock: SimulatedClock, import_secret: str, crm_secret: str) -> None:
        self.stack, self.clock = stack, clock
        self.import_secret, self.crm_secret = import_secret, crm_secret
        self.sent: dict[str, int] = {}
        self.refused: list[str] = []
        self._numbers = count(1)

    def play(self, month: Month, on_day: Callable[[date], None]) -> None:
        """All events in order; at each midnight the day's queues are worked off and yesterday's ad costs come in."""
        day = FIRST_DAY
        for event in month.events:
            while self._local(event.at) > day:
                self._night(month, day)
                on_day(day)
                day += timedelta(days=1)
            self.clock.set(max(event.at, self.clock.now()))
            self._send(event)
        while day <= self._local(month.events[-1].at):
            self._night(month, day)
            on_day(day)
            day += timedelta(days=1)

    def upload(self, name: str, rows: list[dict[str, str]]) -> None:
        """A cost file into the site's inbox."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        self.stack.put_file(f"costs/inbox/{SITE}/{name}", text.getvalue().encode())
        self.stack.pump()

    def _night(self, month: Month, day: date) -> None:
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
            seo = {
                "month": f"{day:%Y-%m}",
                "account": "SEO",
                "medium": "organic",
                "cost": str(SEO_MONTH),
            }
            self.upload("seo-october.csv", [seo])
        self.stack.pump()

    def _send(self, event: Event) -> None:
        data = event.data
        if event.kind in ("visit", "bot"):
            body = {"site": SITE, "visitor": data["visitor"], "sent_at": int(event.at.timestamp() * 1000), "hits": data["hits"]}
            if "consent" in data:
                body["consent"] = data["consent"]
            agent = ROBOT if event.kind == "bot" else PERSON
            headers = {
                "content-type": "text/plain",
                "origin": f"https://{HOST}",
                "user-agent": agent,
                "accept-language": "ru-RU,ru",
            }
            answer = self.stack.call("POST", "/v1/hits", headers, json.dumps(body), source_ip="203.0.113.7")
            self._note("hits", answer, len(data["hits"]))
        elif event.kind == "email_open":
            target = f"/v1/hit.gif?site={SITE}&kind=email_open&id={data['id']}&visitor={data['visitor']}&url=https://{HOST}/mail"
            self._note("email opens", self.stack.call("GET", target, {"user-agent": PERSON}))
        elif event.kind == "call":
            line = {"type": "request", "contact_channel": "call", "occurred_at": event.at.isoformat(), "is_answered": True}
            line |= {name: data[name] for name in ("request_id", "call_id", "phone", "talk_seconds")}
            if data["visitor"]:
                line["visitor_id"] = data["visitor"]
            body_bytes = json.dumps(line).encode()
            headers = {"content-type": "application/octet-stream", **self._signed(body_bytes, self.import_secret)}
            self._note("calls", self.stack.call("POST", f"/v1/import?site={SITE}", headers, body_bytes), 1)
        else:
            body_bytes = json.dumps({"timestamp": event.at.isoformat(), **data}, ensure_ascii=False).encode()
            headers = {"content-type": "application/json", **self._signed(body_bytes, self.crm_secret)}
            self._note("CRM events", self.stack.call("POST", f"/v1/crm/generic/{SITE}/{CRM_TOKEN}", headers, body_bytes))

    def _note(self, what: str, answer: Answer, items: int = 0) -> None:
        self.sent[what] = self.sent.get(what, 0) + max(items, 1)
        if answer.status >= 300:
            self.refused.append(f"{what}: {answer.status} {answer.body[:200]!r}")
        elif items and (told := json.loads(answer.body))["accepted"] != items:
            self.refused.append(f"{what}: {told['rejected'][:3]}")

    def _signed(self, body: bytes, secret: str) -> dict[str, str]:
        return sign_webhook(body, f"msg_{next(self._numbers):06d}", secret, self.clock.now())

    @staticmethod
    def _local(at: datetime) -> date:
        return (at + timedelta(hours=3)).date()
