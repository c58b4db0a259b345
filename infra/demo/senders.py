"""Those who send in the demo, each to its own door; counts what was taken and keeps every refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from infra.demo.browsing import PEOPLE
from infra.demo.month import Browser
from infra.demo.shop import CRM_TOKEN, HOST, SITE
from infra.local.clock import SimulatedClock
from infra.local.gateway import Answer
from infra.local.stack import LocalStack
from shared.security import sign_webhook
from shared.times import to_millis


class Senders:
    """`sent` and `refused` say whether a demo lost something; `secret` signs for telephony and the shop's own CRM."""

    def __init__(self, stack: LocalStack, clock: SimulatedClock, secret: str) -> None:
        self._stack, self._clock, self._secret = stack, clock, secret
        self.sent: dict[str, int] = {}
        self.refused: list[str] = []
        self._numbers = count(1)

    def hits(self, body: Mapping[str, Any], browser: Browser) -> dict[str, Any]:
        """A batch of the tracker; what the door answered."""
        whole = {"site": SITE, "sent_at": to_millis(self._clock.now()), **body}
        answer = self._browser("/v1/hits", whole, browser)
        told = self._note("hits", answer, len(body["hits"]))
        if told and told["accepted"] != len(body["hits"]):
            self.refused.append(f"hits: {told['rejected'][:3]}")
        return told

    def lease(self, token: str, browser: Browser, marks: Mapping[str, str]) -> dict[str, Any]:
        """A page asks for its visitor's number. `marks`: of a campaign whose pool is too small; all others must get one."""
        body = {"site": SITE, "visitor": token, "page_url": f"https://{HOST}/contacts/", **marks}
        told = self._note("leases", self._browser("/v1/numbers/lease", body, browser))
        is_full = told.get("reason") == "pool_full"
        if told and told["kind"] != "dynamic" and not (marks and is_full):
            self.refused.append(f"leases: {told['kind']} number, {told.get('reason')}")
        return told

    def email_open(self, hit_id: str, visitor: str) -> None:
        """A mail's picture is loaded."""
        target = f"/v1/hit.gif?site={SITE}&kind=email_open&id={hit_id}&visitor={visitor}&url=https://{HOST}/mail"
        self._note("email opens", self._stack.call("GET", target, {"user-agent": PEOPLE[0]}), is_json=False)

    def call(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The telephony tells of a call; the request id that it gets for it, among other things."""
        body = json.dumps(event).encode()
        return self._note("calls", self._stack.call("POST", f"/v1/calls/generic/{SITE}", self._signed(body), body))

    def generic(self, event: Mapping[str, Any]) -> None:
        """The shop's own CRM, through the generic door."""
        body = json.dumps(event, ensure_ascii=False).encode()
        target = f"/v1/crm/generic/{SITE}/{CRM_TOKEN}"
        self._note("CRM events", self._stack.call("POST", target, self._signed(body), body), is_json=False)

    def amocrm(self, body: str) -> None:
        """A webhook of amoCRM."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        target = f"/v1/crm/amocrm/{SITE}/{CRM_TOKEN}"
        self._note("amoCRM webhooks", self._stack.call("POST", target, headers, body), is_json=False)

    def bitrix24(self, body: str) -> None:
        """An event of Bitrix24."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        target = f"/v1/crm/bitrix24/{SITE}/{CRM_TOKEN}"
        self._note("Bitrix24 events", self._stack.call("POST", target, headers, body), is_json=False)

    def _browser(self, target: str, body: Mapping[str, Any], browser: Browser) -> Answer:
        headers = {"content-type": "text/plain", "origin": f"https://{HOST}", "user-agent": browser.agent}
        if browser.language:
            headers["accept-language"] = browser.language
        if browser.asn:
            headers["cloudfront-viewer-asn"] = browser.asn
        return self._stack.call("POST", target, headers, json.dumps(body), source_ip=browser.address)

    def _note(self, what: str, answer: Answer, items: int = 1, *, is_json: bool = True) -> dict[str, Any]:
        self.sent[what] = self.sent.get(what, 0) + items
        if answer.status >= 300:
            self.refused.append(f"{what}: {answer.status} {answer.body[:200]!r}")
            return {}
        return dict(answer.json()) if is_json else {}

    def _signed(self, body: bytes) -> dict[str, str]:
        signed = sign_webhook(body, f"msg_{next(self._numbers):06d}", self._secret, self._clock.now())
        return {"content-type": "application/json", **signed}
