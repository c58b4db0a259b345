"""One call of a CRM's API: bounded in time and size; no redirect is followed, nothing is tried again here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from time import monotonic
from typing import Any, NamedTuple

from shared.errors import TryLater
from shared.json_texts import json_of

SECONDS = 20.0  # an answer that begins later is none; Bitrix24 takes up to 60 s for a batch, which its reader keeps small
WHOLE_SECONDS = 60.0
MOST_BYTES = 20 * 1024 * 1024
_CHUNK = 65_536


class CrmBusy(TryLater):
    """The CRM does not answer, or asks to wait: `seconds` where it says how long."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotYet(CrmBusy):
    """One thing must wait; the CRM itself answers, and what else goes to it need not."""


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
            return json_of(self.body)
        except ValueError as error:
            raise CrmBusy(f"the CRM answered {self.status} with something that is no JSON") from error


class Http:
    """`ask` over connections that are kept; `seconds` bounds each call's connecting and each wait for bytes, `whole` all of it."""

    def __init__(self, seconds: float = SECONDS, whole: float = WHOLE_SECONDS) -> None:
        self._seconds, self._whole = seconds, whole

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """CrmBusy for no answer, one that takes too long, or one larger than 20 MB. Its words hold no address: some are secrets."""
        from urllib3.exceptions import HTTPError

        until = monotonic() + self._whole
        try:
            answer = _pool().request(
                method, url, body=body, headers={"user-agent": "skvoz", **headers}, timeout=self._seconds, retries=False,
                redirect=False, preload_content=False,
            )  # fmt: skip
            try:
                told = _read(answer, until)
            except BaseException:
                answer.close()  # what is left of the answer must not be taken for the next one
                raise
            answer.release_conn()
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a header or an address that cannot be sent; it quotes them
            raise CrmBusy(f"the CRM did not answer ({type(error).__name__})") from None
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, told)


def _read(answer: Any, until: float) -> bytes:
    told = bytearray()
    while chunk := answer.read(_CHUNK, decode_content=True):
        told += chunk
        if len(told) > MOST_BYTES:
            raise CrmBusy("the CRM's answer is larger than 20 MB")
        if monotonic() > until:
            raise CrmBusy("the CRM's answer does not end")
    return bytes(told)


@cache
def _pool() -> Any:
    import logging

    import urllib3

    # Its warnings tell whole addresses, and an address may hold a key (Bitrix24's webhooks).
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return urllib3.PoolManager(num_pools=10, maxsize=4)
