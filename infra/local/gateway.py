"""HTTP ⇄ API Gateway HTTP API, payload format 2.0: what the handlers get locally is what they get in AWS.

Facts it keeps to, each of which a handler can trip over:
- a body is text only for `text/*`, `application/json`, `application/xml` and `application/javascript` (parameters ignored), read as
  UTF-8 with U+FFFD for what is none; every other type, forms and a missing type included, arrives as base64;
- header names are lower case, repeats joined by a comma; cookies are taken out into an array;
- `rawPath` and path parameters are percent-decoded, `rawQueryString` is not; repeated query keys are joined by a comma;
- empty parts (body, cookies, query, path parameters) are left out;
- limits: 10,240 bytes of request line and header values, 10 MB of body, 6 MB of event for the function (a base64 body reaches it
  at 4.5 MB);
- OPTIONS and HEAD are routes like any other: without one the gateway itself answers 404.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from shared.times import to_millis

Headers = Sequence[tuple[str, str]]
Event = dict[str, Any]

MOST_HEAD_BYTES = 10_240
MOST_BODY_BYTES = 10 * 1024 * 1024
MOST_EVENT_BYTES = 6 * 1024 * 1024
TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# About the connection between two hosts, not about the request: never passed on.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"})


class Answer(NamedTuple):
    """What goes back over the wire; header names are lower case, `set-cookie` may repeat."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """First header of that name (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came: `target` is path and query, still percent-encoded."""

    method: str
    target: str
    headers: Headers
    body: bytes
    source_ip: str = "127.0.0.1"


class Route(NamedTuple):
    """`method` may be ANY; `path` as in the template (`/v1/x/{name}`, `{rest+}`, or `$default`); `function` is its logical id."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


class Router:
    """Finds the most specific route: fixed path, then {parameters}, then {greedy+}, then $default; a method before ANY."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        patterns: list[tuple[tuple[bool, int, bool], re.Pattern[str], Route]] = []
        self._default: Route | None = None
        for route in routes:
            if route.path == "$default":
                self._default = route
            elif "{" not in route.path:
                self._fixed[route.method, route.path] = route
            else:
                rank = ("+}" in route.path, route.path.count("{"), route.method == "ANY")
                patterns.append((rank, _pattern(route.path), route))
        self._patterns = [(pattern, route) for _, pattern, route in sorted(patterns, key=lambda entry: entry[0])]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Route and path parameters of a decoded path, or None."""
        fixed = self._fixed.get((method, path)) or self._fixed.get(("ANY", path))
        if fixed:
            return fixed, {}
        for pattern, route in self._patterns:
            if route.method in (method, "ANY") and (match := pattern.fullmatch(path)):
                return route, match.groupdict()
        return (self._default, {}) if self._default else None


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\+?\})", path)
    return re.compile("".join(_part(part) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    if part.startswith("{"):
        name = part.strip("{}+")
        return f"(?P<{name}>.+)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"
    return re.escape(part)


class Gateway:
    """`invoke(function, event)` runs a function; what it raises becomes 500, as a crashed Lambda does. `new_id` names requests."""

    def __init__(
        self, routes: Iterable[Route], invoke: Callable[[str, Event], Any], now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._router, self._invoke, self._now, self._new_id = Router(routes), invoke, now, new_id

    def handle(self, request: HttpRequest) -> Answer:
        """One request from head to tail."""
        request_id = self._new_id()
        answer = self._checked(request) or self._routed(request, request_id)
        return answer._replace(headers=[*answer.headers, ("apigw-requestid", request_id)])

    def _checked(self, request: HttpRequest) -> Answer | None:
        head = len(request.method) + len(request.target) + len(" HTTP/1.1 ") + sum(len(value) for _, value in request.headers)
        if head > MOST_HEAD_BYTES:
            return refusal(431, "Request Header Fields Too Large")
        if len(request.body) > MOST_BODY_BYTES:
            return refusal(413, "Request Entity Too Large")
        return None

    def _routed(self, request: HttpRequest, request_id: str) -> Answer:
        path, _, query = request.target.partition("?")
        decoded = unquote(path, errors="replace")
        found = self._router.find(request.method, decoded)
        if found is None:
            return refusal(404, "Not Found")
        route, parameters = found
        event = event_of(request, route.key, decoded, query, parameters, self._now(), request_id)
        if _event_bytes(event) > MOST_EVENT_BYTES:
            return refusal(413, "Request Entity Too Large")
        try:
            return answer_of(self._invoke(route.function, event))
        except Exception:
            # The function's own error is in its log; a caller sees no more of it than in AWS.
            return refusal(500, "Internal Server Error")


def refusal(status: int, message: str) -> Answer:
    """The gateway's own word, in its own shape."""
    return Answer(status, [("content-type", "application/json")], json.dumps({"message": message}, separators=(",", ":")).encode())


def _event_bytes(event: Event) -> int:
    # Only the body can be large: the head was bounded before. Anything near the limit is measured exactly.
    body = event.get("body", "")
    return len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")) if len(body) > MOST_EVENT_BYTES // 8 else len(body)


def event_of(
    request: HttpRequest, route_key: str, path: str, query: str, parameters: Mapping[str, str], now: datetime, request_id: str
) -> Event:
    """Request → event of payload format 2.0, stage `$default`."""
    headers, cookies = _headers_and_cookies(request)
    event: Event = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": headers.get("host", "localhost"),
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": f"{now:%d/%b/%Y:%H:%M:%S +0000}",
            "timeEpoch": to_millis(now),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _query_parameters(query)
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        is_text = is_text_type(headers.get("content-type", ""))
        event["body"] = request.body.decode("utf-8", "replace") if is_text else base64.b64encode(request.body).decode()
        event["isBase64Encoded"] = not is_text
    return event


def is_text_type(content_type: str) -> bool:
    """Whether API Gateway passes a body of this type as text."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in TEXT_TYPES


def _headers_and_cookies(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        low = name.lower()
        if low == "cookie":
            cookies += [part for part in (piece.strip() for piece in value.split(";")) if part]
        elif low not in _HOP_BY_HOP:
            headers[low] = f"{headers[low]},{value}" if low in headers else value
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    headers.setdefault("content-length", str(len(request.body)))
    headers.setdefault("x-forwarded-proto", "https")
    headers.setdefault("x-forwarded-port", "443")
    return headers, cookies


def _query_parameters(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def answer_of(result: Any) -> Answer:
    """What a function returned → answer. ValueError (or a kin) when it is no answer: the caller makes it 500.

    Without a `statusCode` the whole result is the JSON body of a 200, as the format says.
    """
    if not isinstance(result, Mapping) or "statusCode" not in result:
        body = result if isinstance(result, str) else json.dumps(result)
        return Answer(200, [("content-type", "application/json")], body.encode())
    status = result["statusCode"]
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        raise ValueError("statusCode must be a number from 100 to 599")
    headers = [(str(name).lower(), _header_value(value)) for name, value in (result.get("headers") or {}).items()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    headers += [("set-cookie", _header_value(cookie)) for cookie in result.get("cookies") or ()]
    return Answer(status, headers, _body_bytes(result.get("body"), bool(result.get("isBase64Encoded"))))


def _header_value(value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        raise TypeError("a header's value must be text")
    text = str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("a header's value must be one line")
    return text


def _body_bytes(body: Any, is_base64: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("the body must be text; bytes travel as base64")
    if not is_base64:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError("isBase64Encoded is set and the body is no base64") from error
