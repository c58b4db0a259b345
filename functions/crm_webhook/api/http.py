"""One call of a CRM's API: bounded in time and size; no redirect is followed, nothing is tried again here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson

from shared.errors import TryLater

SECONDS = 20.0  # an answer that begins later is none; Bitrix24 takes up to 60 s for a batch, which its reader keeps small
MOST_BYTES = 20 * 1024 * 1024


class CrmBusy(TryLater):
    """The CRM does not answer, or asks to wait: `seconds` where it says how long."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class Answer(NamedTuple):
    """What the CRM answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body; None for an empty one. CrmBusy where it is no JSON (an error page of somebody in between)."""
        if not self.body.strip():
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise CrmBusy(f"the CRM answered {self.status} with something that is no JSON") from error


class Http:
    """`ask` over connections that are kept; `seconds` bounds each call's connecting and each wait for bytes."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """CrmBusy for no answer, or one larger than 20 MB."""
        from urllib3.exceptions import HTTPError

        try:
            answer = _pool().request(
                method, url, body=body, headers={"user-agent": "skvoz", **headers}, timeout=self._seconds, retries=False,
                redirect=False, preload_content=False,
            )  # fmt: skip
            try:
                told = answer.read(MOST_BYTES + 1, decode_content=True)
            finally:
                answer.release_conn()
        except (HTTPError, OSError) as error:
            raise CrmBusy(f"the CRM did not answer ({type(error).__name__})") from error
        if len(told) > MOST_BYTES:
            raise CrmBusy("the CRM's answer is larger than 20 MB")
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, told)


@cache
def _pool() -> Any:
    import urllib3

    return urllib3.PoolManager(num_pools=10, maxsize=4)
