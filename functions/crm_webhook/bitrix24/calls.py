"""Methods of Bitrix24's REST API through an inbound webhook: several commands in one call (`batch`), and their errors told apart.

The webhook's code is a secret and a part of every address, so no message here tells an address, and a code that would make a bad
one is refused before anything is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote

from functions.crm_webhook.api.crm import Tools, section_of
from functions.crm_webhook.api.http import Answer, CrmBusy
from functions.crm_webhook.api.line import CrmClosed, CrmRefused, Limits, Line

PROVIDER = "bitrix24"
SECRET = "crm-bitrix24-api"  # noqa: S105 (its name in the Parameter Store)
MOST_COMMANDS = 50  # of one batch
# The portal blocks a call over 50 that have not run off yet (2 a second). Ours reach it sooner or later after each other than they
# leave here, and its clock is not ours: a few are kept back.
PER_SECOND, AT_ONCE = 2, 45
# All calls of a method may run 480 s in ten minutes, of all applications of the portal together; beyond it is blocked.
MOST_OPERATING = 450.0
_DEFAULT_WAIT = 60.0  # what is blocked is counted by the minute
_LONGEST_WAIT = 600.0
_CODE = re.compile(r"[A-Za-z0-9]{1,100}")
_ERROR = re.compile(r"[A-Za-z0-9_]{1,60}")
_BUSY = frozenset(
    {"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT", "INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"}
)


class Command(NamedTuple):
    """One method; `parameters` hold texts, numbers, lists and dictionaries of them."""

    method: str
    parameters: Mapping[str, Any]


class Failed(NamedTuple):
    """The portal's error of one command: its constant word (`NOT_FOUND`), never its text."""

    error: str


class PortalLine(Line):
    """The portal's word in a refusal counts before its status: a method that ran its time is 429 for minutes, not for seconds."""

    def __init__(self, *args: Any, stopped: Callable[[Line, str, Any], Exception]) -> None:
        super().__init__(*args)
        self._stopped = stopped

    def _judged(self, answer: Answer) -> Any:
        if not 200 <= answer.status < 300:
            try:
                told = _dict(answer.json())
            except CrmBusy:
                told = {}
            if _word(told) in _BUSY:
                raise self._stopped(self, _word(told), told.get("time"))
        return super()._judged(answer)


class Calls:
    """One site's portal. `site` are published settings with `crm.bitrix24`."""

    def __init__(self, site: Mapping[str, Any], tools: Tools) -> None:
        self._site_id, self._tools = str(site["site_id"]), tools
        self._api: Mapping[str, Any] = section_of(site, PROVIDER)["api"]

    def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """The result of one method. CrmBusy, CrmClosed (both TryLater) as in api/line.py; CrmRefused for any other error."""
        result = self.batch({"one": Command(method, parameters)})["one"]
        if isinstance(result, Failed):
            raise CrmRefused(400, {"error": result.error})
        return result

    def needed(self, commands: Mapping[str, Command]) -> dict[str, Any]:
        """Results by the commands' names. CrmClosed where one fails: the webhook lacks a right, or the settings name a process
        that is none; somebody must mend it."""
        results = self.batch(commands)
        for name, result in results.items():
            if isinstance(result, Failed):
                raise CrmClosed(f"Bitrix24 refuses {commands[name].method}: {result.error}; check the webhook (docs/crm.md)")
        return results

    def batch(self, commands: Mapping[str, Command]) -> dict[str, Any]:
        """Results, or Failed, by the commands' names; one call each 50 commands. CrmBusy where the portal asks to wait, whatever
        the others gave: all are asked again later."""
        results: dict[str, Any] = {}
        rest = iter(commands.items())
        while some := dict(islice(rest, MOST_COMMANDS)):
            results |= self._asked(some)
        return results

    def _asked(self, commands: Mapping[str, Command]) -> dict[str, Any]:
        line = self._line()
        asked = {name: f"{one.method}?{php_query(one.parameters)}" for name, one in commands.items()}
        try:
            answer = line.send("/batch", {"halt": 0, "cmd": asked})
        except CrmRefused as error:
            raise CrmClosed(f"Bitrix24 refuses every call: status {error.status}; check the webhook (docs/crm.md)") from None
        told = _dict(_dict(answer).get("result"))
        if not told:
            if word := _word(answer):
                raise self._stopped(line, word, _dict(answer).get("time"))
            raise CrmClosed("crm.bitrix24.api.url answers nothing that Bitrix24 would; it must be https://PORTAL/rest/USER")
        results, errors, times = (_dict(told.get(part)) for part in ("result", "result_error", "result_time"))
        for name in commands:
            word = _word({"error": errors[name]} if isinstance(errors.get(name), str) else errors.get(name))
            if word in _BUSY:
                raise self._stopped(line, word, times.get(name) or _dict(answer).get("time"))
            if name in errors:
                results[name] = Failed(word or "UNKNOWN")
            elif name not in results:
                raise line.busy(f"Bitrix24's answer lacks a result of {commands[name].method}")
        self._spare(line, times)
        return {name: results[name] for name in commands}

    def _line(self) -> Line:
        codes = self._tools.secrets.get(f"{self._site_id}/{SECRET}", self._tools.clock())
        if not codes or not _CODE.fullmatch(codes[0]):
            raise CrmClosed(f"the secret {self._site_id}/{SECRET} must be the code of an inbound webhook: letters and digits alone")
        base, limits = f"{self._api['url']}/{codes[0]}", Limits.of(self._api, PER_SECOND, AT_ONCE)
        tools = self._tools
        return PortalLine(
            tools.http, tools.pace, self._site_id, PROVIDER, base, limits, lambda is_renewed: {}, stopped=self._stopped
        )

    def _stopped(self, line: Line, word: str, time: Any) -> CrmBusy | CrmClosed:
        if word in _BUSY:
            wait = self._wait(time) if word == "OPERATION_TIME_LIMIT" else None
            return line.busy(f"Bitrix24 asks to wait: {word}", wait)
        return CrmClosed(f"Bitrix24 does not let us in: {word}; check the webhook (docs/crm.md)")

    def _spare(self, line: Line, times: Mapping[str, Any]) -> None:
        """Where a method has nearly run its time, all wait before the portal blocks it: other applications use it as well."""
        told = [time for time in map(_dict, times.values()) if isinstance(time.get("operating"), (int, float))]
        longest = max(told, key=lambda time: float(time["operating"]), default={})
        if longest.get("operating", 0) > MOST_OPERATING:
            line.busy("a method of Bitrix24 has nearly run its time", self._wait(longest))

    def _wait(self, time: Any) -> float:
        """Seconds until the portal counts anew."""
        reset = _dict(time).get("operating_reset_at")
        if isinstance(reset, bool) or not isinstance(reset, (int, float)):
            return _DEFAULT_WAIT
        return min(max(reset - self._tools.clock().timestamp(), 1.0), _LONGEST_WAIT)


def items_in(result: Any) -> list[Mapping[str, Any]]:
    """`items` of a list method. PHP writes an empty item as a list; those are left out."""
    return [item for item in rows_in(result) if isinstance(item, dict) and item]


def rows_in(result: Any) -> list[Any]:
    """All of them, empty ones too. PHP writes a list that lost one of its rows as a dictionary."""
    items = _dict(result).get("items")
    if isinstance(items, dict):
        return list(items.values())
    return items if isinstance(items, list) else []


def php_query(parameters: Mapping[str, Any]) -> str:
    """`{"filter": {"@id": [1, 2]}}` → `filter[@id][0]=1&filter[@id][1]=2`, percent-encoded, as PHP reads it."""
    return "&".join(f"{quote(name, safe='[]')}={quote(str(value), safe='')}" for name, value in _pairs(parameters))


def _pairs(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        yield from _below(str(name), value)


def _below(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield from _below(f"{name}[{part}]", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from _below(f"{name}[{place}]", inner)
    else:
        yield name, value


def _dict(told: Any) -> dict[str, Any]:
    """PHP writes an empty dictionary as an empty list."""
    return told if isinstance(told, dict) else {}


def _word(told: Any) -> str:
    """The error's constant; "" where there is none. What is no such word is not repeated."""
    if not isinstance(told, dict) or "error" not in told:
        return ""
    word = str(told["error"])
    return word if _ERROR.fullmatch(word) else "UNKNOWN"
