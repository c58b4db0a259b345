"""Calls of one site's CRM: paced, with its key, and every answer that is no answer told apart.

CrmBusy: it asks to wait (429, 503), fails (5xx) or does not answer; CrmClosed: it does not let us in (401, 403), which somebody
must mend; CrmRefused: it will never take this (400, 422, …). The first two are TryLater: the work waits in its queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from functions.crm_webhook.api.http import Answer, CrmBusy, Http
from functions.crm_webhook.api.pace import Pace
from shared.errors import TryLater
from shared.log import count

_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_DEFAULT_WAIT = 5.0


_UNTIL: ContextVar[float | None] = ContextVar("_UNTIL", default=None)


@contextmanager
def time_left(seconds: float) -> Iterator[None]:
    """Within, no call is made after so many seconds: CrmBusy then. A function that is killed tells nobody what it did."""
    token = _UNTIL.set(monotonic() + seconds)
    try:
        yield
    finally:
        _UNTIL.reset(token)


class CrmClosed(TryLater):
    """The CRM does not let us in: the key is wrong, expired or lacks a right."""


class CrmRefused(Exception):
    """The CRM will never take this; `status` is its answer's, `told` its body, not to be stored or logged."""

    def __init__(self, status: int, told: Any = None) -> None:
        super().__init__(f"the CRM refused the call: status {status}")
        self.status, self.told = status, told


class Limits(NamedTuple):
    """Calls that the CRM allows: so many a second, so many at once after a rest."""

    per_second: float
    at_once: int = 1

    @classmethod
    def of(cls, api: Mapping[str, Any], per_second: float, at_once: int = 1) -> Limits:
        """The settings' where they tell any, else these."""
        return cls(float(api.get("per_second") or per_second), int(api.get("at_once") or at_once))


class Line:
    """`base` is the API's address; `headers(is_renewed)` gives those that let us in, made anew after a 401 where it can."""

    def __init__(
        self,
        http: Http,
        pace: Pace,
        site_id: str,
        provider: str,
        base: str,
        limits: Limits,
        headers: Callable[[bool], Mapping[str, str]],
    ) -> None:
        self._http, self._pace, self._site_id, self.provider = http, pace, site_id, provider
        self._base, self._limits, self._headers = base, limits, headers

    def get(
        self, path: str, query: Mapping[str, Any] | list[tuple[str, Any]] | None = None, *, may_be_missing: bool = False
    ) -> Any:
        """Parsed answer; None where there is nothing (204), or for 404 where one thing is asked for that may be gone."""
        return self.ask("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path, may_be_missing=may_be_missing)

    def send(self, path: str, body: object, method: str = "POST") -> Any:
        """Parsed answer to JSON; None where there is nothing (204)."""
        return self.ask(method, path, orjson.dumps(body))

    def ask(self, method: str, path: str, body: bytes | None = None, *, may_be_missing: bool = False) -> Any:
        """The parsed answer; None for 204."""
        answer = self._answer(method, path, body, False)
        if answer.status == 401:
            answer = self._answer(method, path, body, True)
        if answer.status == 404 and may_be_missing:
            return None
        if answer.status == 404 and method == "GET":
            # A list that is not there means another API than ours: taken for an empty one, it would lose every deal.
            count({"CrmClosed": 1}, Provider=self.provider)
            raise CrmClosed("the CRM answers 404 where its lists should be; check api.url of its settings (docs/crm.md)")
        told = self._judged(answer)
        if told is None and method == "GET" and answer.status != 204:
            raise self.busy("the CRM's answer is empty")
        return told

    def _answer(self, method: str, path: str, body: bytes | None, is_renewed: bool) -> Answer:
        if (until := _UNTIL.get()) is not None and monotonic() > until:
            raise CrmBusy("the time of this run is up")
        headers = {"accept": "application/json", **({"content-type": "application/json"} if body is not None else {})}
        headers |= self._headers(is_renewed)
        self._pace.take(self._site_id, self.provider, self._limits.per_second, self._limits.at_once)
        count({"CrmCalls": 1}, Provider=self.provider)
        return self._http.ask(method, f"{self._base}{path}", headers, body)

    def _judged(self, answer: Answer) -> Any:
        status = answer.status
        if status == 204:
            return None
        if 200 <= status < 300:
            return answer.json()
        if status in (401, 403):
            count({"CrmClosed": 1}, Provider=self.provider)
            raise CrmClosed(f"the CRM does not let us in: status {status}; check its key (docs/crm.md)")
        if status in _BUSY or status >= 500:
            raise self.busy(f"the CRM answered {status}", answer.headers.get("retry-after"))
        count({"CrmRefused": 1}, Provider=self.provider)
        raise CrmRefused(status, _told(answer))

    def busy(self, message: str, retry_after: str | float | None = None) -> CrmBusy:
        """The error to raise where the CRM asks to wait; all others wait with us."""
        try:
            seconds = float(retry_after) if retry_after is not None else _DEFAULT_WAIT
        except ValueError:
            seconds = _DEFAULT_WAIT  # a date
        # Besides, as long as it takes to empty the bucket: else those who may call at once would not wait at all.
        self._pace.hold(self._site_id, self.provider, seconds + self._limits.at_once / self._limits.per_second)
        count({"CrmBusy": 1}, Provider=self.provider)
        return CrmBusy(message, seconds)


def _told(answer: Answer) -> Any:
    """The body of a refusal, where it is JSON: pages of somebody in between are none."""
    try:
        return answer.json()
    except CrmBusy:
        return None
