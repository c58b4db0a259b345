"""The toy phone: dials a number of the shop and tells the stack of the call, as a telephony would; the CRM gets a lead for it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from infra.local.gateway import Answer, HttpRequest
from infra.shop import pbx
from infra.shop.crm import Crm
from infra.shop.pages import form_of, page, query_of, redirect, whole_number
from shared.identity import normal_phone

MOST_SECONDS = 200  # the call ends later than it is told, and the door takes nothing far ahead of its clock
WAIT_SECONDS = 6
CALLER = "+7 900 000-00-42"


class Call(NamedTuple):
    """One call and what the stack answered: `resolved_by` and `visitor_id` as in docs/method.md, numbers and calls."""

    at: datetime
    number: str
    caller: str
    talk_seconds: int | None
    status: int
    resolved_by: str
    visitor_id: str
    request_id: str


class Phone:
    """`ring` posts one call event; every call makes a lead in the CRM, as telephonies do."""

    def __init__(self, ring: Callable[[Mapping[str, Any]], Answer], crm: Crm, now: Callable[[], datetime]) -> None:
        self._ring, self._crm, self._now = ring, crm, now
        self._lock = threading.Lock()
        self.calls: list[Call] = []

    def dial(self, number: str, caller: str, talk_seconds: int | None) -> Call:
        """Call `number` from `caller` (both E.164) now; `talk_seconds` is None for a call that nobody answers."""
        with self._lock:
            now = self._now()
            call_id = f"toy-{uuid.uuid4().hex[:12]}"
            answer = self._ring(pbx.call_ended(call_id, number, caller, now, WAIT_SECONDS, talk_seconds))
            told = answer.json() if answer.status == 200 else {}
            resolved_by, visitor_id, request_id = (told.get(name) or "" for name in ("resolved_by", "visitor_id", "request_id"))
            call = Call(now, number, caller, talk_seconds, answer.status, resolved_by, visitor_id, request_id)
            self.calls.append(call)
            if answer.status == 200:
                title = f"{'Пропущенный звонок' if talk_seconds is None else 'Звонок'}: {caller}"
                self._crm.take(title, "Звонивший", caller, fields={"skvoz_request_id": request_id, "skvoz_call_id": call_id})
            return call


class PhoneScreen:
    """The keypad and the list of calls."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def show(self, request: HttpRequest) -> Answer:
        """GET: the number may be given, as `?number=+74950000031`, by the link that was tapped in the shop."""
        return self._page({"number": query_of(request).get("number", ""), "caller": CALLER, "talk": "65", "answered": "yes"})

    def dial(self, request: HttpRequest) -> Answer:
        told = {"number": "", "caller": "", "talk": "", "answered": "yes", **form_of(request)}
        number, caller = normal_phone(told["number"]), normal_phone(told["caller"])
        talk = whole_number(told["talk"], 0, MOST_SECONDS)
        if number is None or caller is None:
            return self._page(told, "Нужны два номера, например +7 495 000-00-31")
        if told["answered"] == "yes" and talk is None:
            return self._page(told, f"Разговор: целое число секунд, от 0 до {MOST_SECONDS}")
        self._phone.dial(number, caller, talk if told["answered"] == "yes" else None)
        return redirect("/demo/phone")

    def _page(self, told: Mapping[str, str], wrong: str = "") -> Answer:
        values = {"here": "/demo/phone", "told": told, "wrong": wrong, "calls": self._phone.calls[::-1]}
        return page("phone", values, 422 if wrong else 200)
