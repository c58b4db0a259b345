"""API Gateway HTTP API events (payload 2.0) in, answers out. The only place that knows a status code of an error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from shared.errors import BadInput, SkvozError
from shared.times import from_millis

Event = Mapping[str, Any]
Response = dict[str, Any]

COMMON_HEADERS = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case; `body` is bytes as sent; `now` is the gateway's own time. Of cookies of one name
    `cookies` has the last, `cookie_values` all."""

    route: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    source_ip: str
    now: datetime
    request_id: str
    raw_query: str = field(default="", compare=False)
    cookie_pairs: Sequence[tuple[str, str]] = field(default=(), compare=False)

    def cookie_values(self, name: str) -> list[str]:
        """Every cookie of a name, in the browser's order: one name may stand for several paths and hosts."""
        return [value for own, value in self.cookie_pairs if own == name]


def request_of(event: Event) -> Request:
    """Event → Request. BadInput when the body claims base64 and is not."""
    context = event["requestContext"]
    raw = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadInput("the body is not valid base64") from error
    else:
        body = raw.encode("utf-8", "surrogatepass")
    cookies = [(name.strip(), value) for name, is_pair, value in (c.partition("=") for c in event.get("cookies") or ()) if is_pair]
    return Request(
        route=event["routeKey"],
        path_parameters=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        cookies=dict(cookies),
        body=body,
        source_ip=context["http"].get("sourceIp", ""),
        now=from_millis(int(context["timeEpoch"])),
        request_id=context.get("requestId", ""),
        raw_query=event.get("rawQueryString") or "",
        cookie_pairs=cookies,
    )


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None, cookies: Iterable[str] = ()) -> Response:
    """JSON answer; never cached."""
    return response(
        status, orjson.dumps(body).decode(), "application/json", {"cache-control": "no-store", **(headers or {})}, cookies
    )


def response(
    status: int, body: str | bytes, content_type: str, headers: Mapping[str, str] | None = None, cookies: Iterable[str] = ()
) -> Response:
    """Any answer; bytes travel as base64."""
    answer: Response = {
        "statusCode": status,
        "headers": {"content-type": content_type, **COMMON_HEADERS, **(headers or {})},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }
    if cookies := list(cookies):
        answer["cookies"] = cookies
    return answer


def error_response(error: SkvozError, headers: Mapping[str, str] | None = None) -> Response:
    """The one error shape; for doors that must add headers of their own (CORS) to it."""
    retry = {"retry-after": "30"} if error.status == 503 else {}
    return json_response(error.status, error.body(), {**retry, **(headers or {})})


def answer(event: Event, routes: Mapping[str, Callable[[Request], Response]], on_crash: Callable[[str], None]) -> Response:
    """Run the route's function; errors become the one error shape. `on_crash(route)` logs what nobody foresaw (500)."""
    route = str(event.get("routeKey", ""))
    try:
        handle = routes.get(route)
        if handle is None:
            return json_response(404, {"error": {"code": "not_found", "message": f"there is no route {route}", "fields": []}})
        return handle(request_of(event))
    except SkvozError as error:
        return error_response(error)
    except Exception:
        on_crash(route)
        message = "something failed on our side; the request id names it in the log"
        return json_response(500, {"error": {"code": "internal", "message": message, "fields": []}})
