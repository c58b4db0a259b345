"""The toy phone: dials a number of the shop and tells the stack of the call, as a telephony would; the CRM gets a lead for it."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple

from functions.report.view.calls import resolution_name
from functions.report.view.words import texts
from infra.local.gateway import Answer, HttpRequest
from infra.shop import pbx
from infra.shop.crm import Crm
from infra.shop.pages import form_of, page, query_of, redirect, whole_number
from shared.identity import normal_phone

MOST_SECONDS = 200  # the call ends later than it is told, and the door takes nothing far ahead of its clock
WAIT_SECONDS = 6
OWN_NUMBER = "demo_caller"  # cookie: each browser has a toy phone of its own, so that two visitors are two people
SCREEN = "/demo/phone"


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

    def __init__(self, phone: Phone, chance: random.Random) -> None:
        self._phone, self._chance = phone, chance
        self._given: set[str] = set()

    def show(self, request: HttpRequest) -> Answer:
        """GET: the number may be given, as `?number=+74950000031`, by the link that was tapped in the shop."""
        caller = own_number(request) or self._fresh_number()
        self._given.add(caller)  # also one of an earlier run, which the browser has kept
        number = query_of(request).get("number", "")
        told = {"number": spaced(normal_phone(number) or number), "caller": spaced(caller), "talk": "65", "answered": "yes"}
        return _keeping(self._page(told), caller)

    def dial(self, request: HttpRequest) -> Answer:
        told = {"number": "", "caller": "", "talk": "", "answered": "yes", **form_of(request)}
        number, caller = normal_phone(told["number"]), normal_phone(told["caller"])
        talk = whole_number(told["talk"], 0, MOST_SECONDS)
        if number is None or caller is None:
            return self._page(told, "Нужны два номера, например +7 495 000-00-31")
        if told["answered"] == "yes" and talk is None:
            return self._page(told, f"Разговор: целое число секунд, от 0 до {MOST_SECONDS}")
        self._phone.dial(number, caller, talk if told["answered"] == "yes" else None)
        return _keeping(redirect(SCREEN), caller)

    def _fresh_number(self) -> str:
        """+7 900 000-10-00 to -99-99, given to no other browser of this run while there are such."""
        for _ in range(50):
            number = f"+7900000{self._chance.randint(1000, 9999)}"
            if number not in self._given:
                break
        return number

    def _page(self, told: Mapping[str, str], wrong: str = "") -> Answer:
        calls = [(call, resolution_name(call.resolved_by, texts("ru"))) for call in reversed(self._phone.calls)]
        return page("phone", {"here": SCREEN, "told": told, "wrong": wrong, "calls": calls}, 422 if wrong else 200)


def own_number(request: HttpRequest) -> str | None:
    """The number (E.164) of this browser's toy phone, if it has one yet."""
    try:
        kept = SimpleCookie("; ".join(value for name, value in request.headers if name.lower() == "cookie")).get(OWN_NUMBER)
    except CookieError:
        return None
    return normal_phone(kept.value) if kept else None


def spaced(number: str) -> str:
    """`+79000004821` → `+7 900 000-48-21`; other countries' numbers stay as they are."""
    if not number.startswith("+7") or len(number) != 12:
        return number
    return f"{number[:2]} {number[2:5]} {number[5:8]}-{number[8:10]}-{number[10:]}"


def _keeping(answer: Answer, caller: str) -> Answer:
    """The answer, with the browser's own number to remember (also one that its owner typed instead)."""
    cookie = f"{OWN_NUMBER}={caller}; Path={SCREEN}; HttpOnly; SameSite=Lax"
    return answer._replace(headers=[*answer.headers, ("set-cookie", cookie)])
