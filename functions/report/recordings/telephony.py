"""How each telephony gives out a recording: by the address that it told, or by an id that must be turned into one.

Addresses of Mango Office and Zadarma are signed with the secret that their call door has (`{site}/calls-{provider}`, `key:secret`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from functions.report.recordings.fetch import Line, NotPlayed
from shared.recordings import Reference

MANGO = "https://app.mango-office.ru/vpbx/queries/recording/link"
ZADARMA, ZADARMA_RECORD = "https://api.zadarma.com", "/v1/pbx/record/request/"
# One reading of Mango's manual counts the end of a link in Moscow's hours, the other in UTC: four hours are one hour at least.
MANGO_LINK = timedelta(hours=4)
ZADARMA_LINK_SECONDS = 180  # the least that it gives
_MOST_ANSWER = 65_536
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,400}")


class Asked(NamedTuple):
    """What is needed to turn an id into an address."""

    line: Line
    hosts: Sequence[str]
    key: str
    secret: str
    now: datetime


def address_of(told: Reference, line: Line, hosts: Sequence[str], secrets: Callable[[str], Sequence[str]], now: datetime) -> str:
    """Address of a recording; it is not checked yet. `secrets(provider)` gives the valid values of that telephony's secret.

    NotPlayed: `bad_reference` (an id that cannot be one), `no_way` (an id, of a telephony that plays by address only), `no_secret`
    (none of the values has a key), and what asking the telephony ends with.
    """
    if _ADDRESS.match(told.reference) or told.reference.startswith("//"):
        return told.reference
    way = _WAYS.get(told.provider)
    if way is None:
        raise NotPlayed("no_way")
    if not _ID.fullmatch(told.reference):
        raise NotPlayed("bad_reference")
    pairs = [(key, secret) for key, _, secret in (value.rpartition(":") for value in secrets(told.provider)) if key and secret]
    if not pairs:
        raise NotPlayed("no_secret")
    return way(told.reference, Asked(line, hosts, *pairs[0], now))


def mango_address(recording_id: str, key: str, salt: str, until: int) -> str:
    """Signed link of a recording, for whoever has it, until that unix second. Mango gives such links out only where the cabinet
    allows it; it redirects to a host of files."""
    sign = hashlib.sha256(f"{key}{until}{recording_id}{salt}".encode()).hexdigest()
    return "/".join((MANGO, quote(recording_id, safe="="), "play", quote(key, safe=""), str(until), sign))


def zadarma_headers(path: str, query: str, key: str, secret: str) -> Mapping[str, str]:
    """Proof of a question to Zadarma's API; `query` with its names in order. The signature is base64 of the hex text."""
    text = f"{path}{query}{hashlib.md5(query.encode(), usedforsecurity=False).hexdigest()}"
    sign = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    return {"authorization": f"{key}:{base64.b64encode(sign.encode()).decode()}"}


def _mango(recording_id: str, asked: Asked) -> str:
    return mango_address(recording_id, asked.key, asked.secret, int((asked.now + MANGO_LINK).timestamp()))


def _zadarma(call_id: str, asked: Asked) -> str:
    query = urlencode({"call_id": call_id, "format": "json", "lifetime": str(ZADARMA_LINK_SECONDS)})
    headers = zadarma_headers(ZADARMA_RECORD, query, asked.key, asked.secret)
    answer = asked.line.get(f"{ZADARMA}{ZADARMA_RECORD}?{query}", asked.hosts, _MOST_ANSWER, headers)
    try:
        told: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise NotPlayed("telephony_error", "api.zadarma.com") from error
    links = [told.get("link"), *(told["links"] if isinstance(told.get("links"), list) else ())] if isinstance(told, dict) else []
    address = next((link for link in links if isinstance(link, str) and link), None)
    if address is None:
        raise NotPlayed("not_there", "api.zadarma.com")
    return address


_WAYS: Mapping[str, Callable[[str, Asked], str]] = {"mango": _mango, "zadarma": _zadarma}
