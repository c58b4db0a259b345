"""`skvoz calls pull uis`: UIS's own report of calls (Data API, get.calls_report), page by page through the door of calls.

UIS promises no repeats of a notification, so what it told while we were down is asked for. A row and the notifications of its call
are one call: pulling a span twice, or one that had no gap, changes nothing.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import typer

from functions.numberpool.pbx.providers.uis_report import MOST_ROWS
from infra.cli.replay import TRIES, Post, post_bytes
from shared.errors import BadInput
from shared.ids import is_site_id

SPAN = timedelta(days=7)  # of a report: short ones keep its offsets small
LIMIT_EXCEEDED, LIMIT_PAUSE = -32029, 60.0  # UIS's points of a minute are spent: seconds until there are new ones
_TIME = "%Y-%m-%d %H:%M:%S"
FIELDS = (
    "id", "start_time", "finish_time", "virtual_phone_number", "contact_phone_number", "direction", "finish_reason",
    "talk_duration", "wait_duration", "total_wait_duration", "employees", "call_records", "full_record_file_link",
)  # fmt: skip
Row = Mapping[str, Any]


class Place(NamedTuple):
    """`api`: UIS's Data API; `door`: our address for its report, its token in it."""

    api: str
    access_token: str
    door: str


class Pulled(NamedTuple):
    """How many calls the door took; what it could not read, with the id of each call."""

    calls: int
    refused: Sequence[str]


def pull(
    telephony: Annotated[Literal["uis"], typer.Argument(help="uis (CoMagic, Novofon and CallGear too)")],
    site: Annotated[str, typer.Argument(help="site id")],
    since: Annotated[datetime, typer.Option("--from", help="first moment, in the time of the UIS account")],
    until: Annotated[datetime, typer.Option("--to", help="last moment, in the time of the UIS account")],
    api: Annotated[str, typer.Option(help="Data API of your brand, for example https://dataapi.uiscom.ru/v2.0")],
    endpoint: Annotated[str, typer.Option(help="address of our API, for example https://stat.example.com")],
    access_token: Annotated[str, typer.Option(envvar="SKVOZ_UIS_TOKEN", help="key of UIS's API, rights to read calls")],
    token: Annotated[str, typer.Option(envvar="SKVOZ_CALLS_TOKEN", help="token of the site's address for UIS")],
) -> None:
    """Ask UIS for the calls of a span and tell them to the door; those that are there already stay one."""
    if not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    if since >= until:
        raise BadInput("--from must be before --to")
    place = Place(_safe(api), access_token, f"{_safe(endpoint)}/v1/calls/{telephony}/{site}/{quote(token, safe='')}/report")
    done = pulled(place, since, until, post_bytes, time.sleep)
    for line in done.refused:
        print(f"not read: {line}")
    print(f"{done.calls} calls of {since:{_TIME}} to {until:{_TIME}} told, {len(done.refused)} not read")


def pulled(place: Place, since: datetime, until: datetime, post: Post, sleep: Callable[[float], None]) -> Pulled:
    """All calls of the span, each page told to the door before the next is asked for. BadInput where UIS or the door refuses, or
    stays away after six tries: run it again, nothing is counted twice."""
    calls, refused = 0, list[str]()
    for rows in _pages(place, since, until, post, sleep):
        body = json.dumps({"result": {"data": rows}}, ensure_ascii=False).encode()
        told = _asked("the door of calls", place.door, body, post, sleep)
        calls += told["calls"]
        refused += [_named(one, rows) for one in told["refused"]]
    return Pulled(calls, refused)


def _pages(place: Place, since: datetime, until: datetime, post: Post, sleep: Callable[[float], None]) -> Iterator[Sequence[Row]]:
    """Pages by the time of the call: calls that come meanwhile are after all that were read."""
    begin = since
    while begin < until:
        end, offset = min(begin + SPAN, until), 0
        while rows := _page(place, begin, end, offset, post, sleep):
            yield rows
            offset += len(rows)
            if len(rows) < MOST_ROWS:
                break
        begin = end


def _page(place: Place, begin: datetime, end: datetime, offset: int, post: Post, sleep: Callable[[float], None]) -> Sequence[Row]:
    asked = {
        "jsonrpc": "2.0",
        "id": f"skvoz-{offset}",
        "method": "get.calls_report",
        "params": {
            "access_token": place.access_token,
            "date_from": f"{begin:{_TIME}}",
            "date_till": f"{end:{_TIME}}",
            "limit": MOST_ROWS,
            "offset": offset,
            "fields": list(FIELDS),
            "sort": [{"field": "start_time", "order": "asc"}],
        },
    }
    told = _asked("UIS", place.api, json.dumps(asked).encode(), post, sleep)
    result = told.get("result")
    rows = result.get("data") if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise BadInput(f"UIS gave no list of calls: {json.dumps(told.get('error', told), ensure_ascii=False)[:300]}")
    return rows


def _asked(who: str, url: str, body: bytes, post: Post, sleep: Callable[[float], None]) -> dict[str, Any]:
    """The JSON object of the answer. Tried again with growing pauses while nobody answers, or is told to wait."""
    last = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(LIMIT_PAUSE if last == "limit" else 2 ** (attempt - 1))
        try:
            status, answer = post(url, body, {"content-type": "application/json; charset=UTF-8", "user-agent": "skvoz"})
        except (OSError, http.client.HTTPException) as error:
            last = type(error).__name__  # its text may name the address, and that has a token
            continue
        if status == 429 or status >= 500:
            last = str(status)
            continue
        told = _object(answer)
        if status != 200 or told is None:
            raise BadInput(f"{who} refused ({status}): {answer.decode('utf-8', 'replace')[:300]}")
        if isinstance(told.get("error"), dict) and told["error"].get("code") == LIMIT_EXCEEDED:
            last = "limit"
            continue
        return told
    raise BadInput(f"{who} did not answer after {TRIES} tries ({last}); what was told is kept: run the command again")


def _object(answer: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(answer)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _named(refused: Mapping[str, str], rows: Sequence[Row]) -> str:
    """`result.data[3].direction` is of the page that was told; people know the call by its id."""
    place, _, field = refused["path"].removeprefix("result.data[").partition("].")
    row = rows[int(place)]
    return f"call {row.get('id') if isinstance(row, dict) else place}, {field}: {refused['message']}"


def _safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
        raise BadInput("an address must begin with https:// (http only on this machine)")
    return url.rstrip("/")
