"""The local gateway against what API Gateway documents of payload format 2.0, and against what was measured of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.gateway import (
    MOST_BODY_BYTES,
    MOST_EVENT_BYTES,
    MOST_HEAD_BYTES,
    Answer,
    Event,
    Gateway,
    Headers,
    HttpRequest,
    Route,
    Router,
    answer_of,
)
from shared.http import json_response, request_of

NOW = datetime(2026, 10, 12, 7, 40, 26, 123000, tzinfo=UTC)
ROUTES = [
    Route("GET", "/v1/echo", "echo"),
    Route("POST", "/v1/echo", "echo"),
    Route("POST", "/v1/crm/{provider}/{site}/{token}", "echo"),
    Route("POST", "/v1/crm/generic/{site}/{token}", "echo"),
]


def gateway_for(invoke: Any) -> Gateway:
    return Gateway(ROUTES, invoke, lambda: NOW, lambda: "id-1")


def event_for(
    method: str = "POST",
    target: str = "/v1/echo",
    headers: Headers = (),
    body: bytes = b"",
    source_ip: str = "203.0.113.9",
) -> Event:
    """The event that a function gets."""
    seen: list[Event] = []

    def invoke(function: str, event: Event) -> Any:
        seen.append(event)
        return {"statusCode": 200}

    answer = gateway_for(invoke).handle(HttpRequest(method, target, headers, body, source_ip))
    assert answer.status == 200, answer
    return seen[0]


def answer_to(request: HttpRequest, result: Any = None) -> Answer:
    return gateway_for(lambda function, event: result or {"statusCode": 200}).handle(request)


def test_an_event_has_the_documented_shape() -> None:
    headers = [("Host", "stat.shop.example"), ("User-Agent", "Mozilla/5.0"), ("Content-Type", "text/plain")]
    assert event_for("POST", "/v1/crm/generic/shop/secret?a=1", headers, b"hello") == {
        "version": "2.0",
        "routeKey": "POST /v1/crm/generic/{site}/{token}",
        "rawPath": "/v1/crm/generic/shop/secret",
        "rawQueryString": "a=1",
        "queryStringParameters": {"a": "1"},
        "pathParameters": {"site": "shop", "token": "secret"},
        "headers": {
            "host": "stat.shop.example",
            "user-agent": "Mozilla/5.0",
            "content-type": "text/plain",
            "content-length": "5",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "stat.shop.example",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/v1/crm/generic/shop/secret",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "Mozilla/5.0",
            },
            "requestId": "id-1",
            "routeKey": "POST /v1/crm/generic/{site}/{token}",
            "stage": "$default",
            "time": "12/Oct/2026:07:40:26 +0000",
            "timeEpoch": 1791790826123,
        },
        "body": "hello",
        "isBase64Encoded": False,
    }


def test_empty_parts_are_left_out() -> None:
    assert event_for("GET").keys().isdisjoint({"body", "cookies", "queryStringParameters", "pathParameters"})


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/plain", True),
        ("text/plain;charset=UTF-8", True),
        ("TEXT/CSV", True),
        ("text/xml", True),
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("application/octet-stream", False),
        ("application/gzip", False),
        ("application/vnd.api+json", False),
        ("image/gif", False),
        ("", False),
    ],
)
def test_the_content_type_decides_what_arrives_as_base64(content_type: str, is_text: bool) -> None:
    event = event_for(headers=[("content-type", content_type)] if content_type else [], body=b"a=1")
    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == ("a=1" if is_text else "YT0x")


def test_bytes_that_are_no_utf8_are_lost_under_a_text_type() -> None:
    event = event_for(headers=[("content-type", "text/plain")], body=b"\x1f\x8b\xff")
    assert event["body"] == "\x1f\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


@given(st.binary(min_size=1, max_size=200))
def test_a_binary_body_reaches_the_function_unchanged(body: bytes) -> None:
    assert request_of(event_for(headers=[("content-type", "application/octet-stream")], body=body)).body == body


def test_repeated_headers_are_joined_and_names_are_lower_case() -> None:
    headers = event_for(headers=[("X-One", "a"), ("x-one", "b"), ("Connection", "keep-alive")])["headers"]
    assert headers["x-one"] == "a,b"
    assert "connection" not in headers


def test_forwarded_addresses_are_extended() -> None:
    event = event_for(headers=[("X-Forwarded-For", "198.51.100.1")])
    assert event["headers"]["x-forwarded-for"] == "198.51.100.1, 203.0.113.9"
    assert event["requestContext"]["http"]["sourceIp"] == "203.0.113.9"


def test_cookies_become_a_list_and_leave_the_headers() -> None:
    event = event_for(headers=[("Cookie", "a=1; b=2"), ("cookie", "c=x=y")])
    assert event["cookies"] == ["a=1", "b=2", "c=x=y"]
    assert "cookie" not in event["headers"]
    assert request_of(event).cookies == {"a": "1", "b": "2", "c": "x=y"}


def test_query_keys_are_decoded_repeats_joined_and_the_raw_string_is_kept() -> None:
    event = event_for("GET", "/v1/echo?tag=a&tag=b&q=%D1%8F+x&empty=&flag")
    assert event["queryStringParameters"] == {"tag": "a,b", "q": "я x", "empty": "", "flag": ""}
    assert event["rawQueryString"] == "tag=a&tag=b&q=%D1%8F+x&empty=&flag"


def test_path_parameters_are_decoded() -> None:
    event = event_for("POST", "/v1/crm/generic/shop%20one/t%2Bn")
    assert event["pathParameters"] == {"site": "shop one", "token": "t+n"}
    assert event["rawPath"] == "/v1/crm/generic/shop one/t+n"


def test_the_most_specific_route_wins() -> None:
    router = Router([Route("ANY", "/a/{rest+}", "greedy"), Route("GET", "/a/{x}", "one"), Route("GET", "/a/b", "fixed")])
    found = [router.find(*asked) for asked in (("GET", "/a/b"), ("GET", "/a/c"), ("POST", "/a/c"), ("GET", "/a/c/d"))]
    assert [route.function for route, _ in filter(None, found)] == ["fixed", "one", "greedy", "greedy"]
    assert found[3] is not None
    assert found[3][1] == {"rest": "c/d"}
    assert router.find("GET", "/b") is None


def test_a_default_route_takes_the_rest() -> None:
    found = Router([Route("ANY", "$default", "all"), Route("GET", "/a", "a")]).find("POST", "/x")
    assert found is not None
    assert (found[0].key, found[0].function) == ("$default", "all")


@pytest.mark.parametrize(("method", "path"), [("OPTIONS", "/v1/echo"), ("HEAD", "/v1/echo"), ("GET", "/v1/echo/"), ("GET", "/v2")])
def test_what_no_route_names_is_the_gateways_own_404(method: str, path: str) -> None:
    answer = answer_to(HttpRequest(method, path, [], b""))
    assert (answer.status, answer.body) == (404, b'{"message":"Not Found"}')


def test_an_escaped_slash_does_not_reach_another_route() -> None:
    assert answer_to(HttpRequest("POST", "/v1/crm/generic/a%2Fb/t/more", [], b"")).status == 404


def test_request_line_and_header_values_have_10240_bytes() -> None:
    def answer(length: int) -> int:
        return answer_to(HttpRequest("GET", "/v1/echo", [("x", "a" * length)], b"")).status

    room = MOST_HEAD_BYTES - len("GET/v1/echo HTTP/1.1 ")
    assert (answer(room), answer(room + 1)) == (200, 431)


def test_a_body_has_10_megabytes_and_an_event_6() -> None:
    def answer(length: int, content_type: str) -> int:
        return answer_to(HttpRequest("POST", "/v1/echo", [("content-type", content_type)], b"a" * length)).status

    assert answer(MOST_BODY_BYTES + 1, "text/plain") == 413
    assert answer(MOST_EVENT_BYTES, "text/plain") == 413
    assert answer(MOST_EVENT_BYTES - 5_000, "text/plain") == 200
    assert answer(4_700_000, "application/octet-stream") == 200
    assert answer(4_720_000, "application/octet-stream") == 413


def test_answers_carry_status_headers_cookies_and_bytes() -> None:
    gif = base64.b64encode(b"GIF89a").decode()
    answer = answer_of(
        {
            "statusCode": 200,
            "headers": {"Content-Type": "image/gif", "X-N": 5},
            "cookies": ["a=1", "b=2"],
            "body": gif,
            "isBase64Encoded": True,
        }
    )
    assert answer.body == b"GIF89a"
    assert answer.headers == [("content-type", "image/gif"), ("x-n", "5"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]


def test_our_own_answers_pass() -> None:
    answer = answer_of(json_response(202, {"accepted": 1}, {"vary": "Origin"}, ["v=1"]))
    assert (answer.status, answer.json(), answer.header("set-cookie"), answer.header("vary")) == (
        202,
        {"accepted": 1},
        "v=1",
        "Origin",
    )


@pytest.mark.parametrize(("result", "body"), [({"a": 1}, {"a": 1}), ([1], [1]), (None, None)])
def test_a_result_without_status_is_the_json_of_a_200(result: Any, body: Any) -> None:
    answer = answer_of(result)
    assert (answer.status, json.loads(answer.body), answer.header("content-type")) == (200, body, "application/json")


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "two hundred"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "***", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": ["list"]}},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b=1"}},
        {"statusCode": 200, "headers": "text"},
        {1, 2},
    ],
)
def test_junk_from_a_function_is_500_without_details(result: Any) -> None:
    answer = answer_to(HttpRequest("GET", "/v1/echo", [], b""), result)
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')


def test_every_answer_names_its_request() -> None:
    assert answer_to(HttpRequest("GET", "/nowhere", [], b"")).header("apigw-requestid") == "id-1"
