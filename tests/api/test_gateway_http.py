"""The gateway's socket: what a client sends arrives as it was sent, and the answer comes back whole."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from infra.local.gateway import MOST_BODY_BYTES, Answer, HttpRequest
from infra.local.server import HttpServer


class Door:
    """Keeps what it was asked, gives what it is told."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []
        self.answer = Answer(200, [("content-type", "text/plain")], b"ok")
        self.server = HttpServer(self._handle)
        self.server.start()

    def _handle(self, request: HttpRequest) -> Answer:
        self.asked.append(request)
        return self.answer

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", int(self.server.url.rpartition(":")[2]), timeout=10)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.server.close()


def test_target_headers_and_body_arrive_as_sent(door: Door) -> None:
    connection = door.connect()
    connection.putrequest("POST", "/v1/hits?a=%20b&a=c", skip_accept_encoding=True)
    connection.putheader("X-Repeated", "one")
    connection.putheader("X-Repeated", "two")
    connection.putheader("X-City", "Москва".encode())
    connection.putheader("Content-Length", "3")
    connection.endheaders(b"\x00\xff\n")
    assert connection.getresponse().read() == b"ok"
    request = door.asked[0]
    assert (request.method, request.target, request.body, request.source_ip) == (
        "POST",
        "/v1/hits?a=%20b&a=c",
        b"\x00\xff\n",
        "127.0.0.1",
    )
    assert [value for name, value in request.headers if name == "X-Repeated"] == ["one", "two"]
    assert ("X-City", "Москва") in request.headers


def test_a_chunked_body_is_put_together(door: Door) -> None:
    connection = door.connect()
    connection.request("POST", "/", iter([b"ab", b"c" * 1000]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    connection.getresponse().read()
    assert door.asked[0].body == b"ab" + b"c" * 1000


def test_several_cookies_are_several_headers(door: Door) -> None:
    door.answer = Answer(200, [("set-cookie", "a=1"), ("set-cookie", "b=2")], b"x")
    connection = door.connect()
    connection.request("GET", "/")
    assert connection.getresponse().headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_a_connection_serves_many_requests(door: Door) -> None:
    connection = door.connect()
    for number in range(3):
        connection.request("POST", f"/{number}", b"body")
        assert connection.getresponse().read() == b"ok"
    assert [request.target for request in door.asked] == ["/0", "/1", "/2"]


def test_a_204_has_no_body_and_keeps_the_connection(door: Door) -> None:
    connection = door.connect()
    door.answer = Answer(204, [], b"")
    connection.request("OPTIONS", "/")
    first = connection.getresponse()
    assert (first.status, first.read()) == (204, b"")
    door.answer = Answer(200, [], b"next")
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"


def test_a_body_over_the_limit_is_refused_unread(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", int(door.server.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_BODY_BYTES + 1}\r\n\r\n".encode())
        head, _, body = raw.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body) == {"message": "Request Entity Too Large"}
    assert door.asked == []


@pytest.mark.parametrize("head", ["Content-Length: many", "Content-Length: -5", "Transfer-Encoding: chunked"])
def test_a_broken_length_is_400(door: Door, head: str) -> None:
    with socket.create_connection(("127.0.0.1", int(door.server.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nzz\r\n\r\n".encode())
        raw.shutdown(socket.SHUT_WR)
        assert raw.makefile("rb").read().startswith(b"HTTP/1.1 400")
    assert door.asked == []


def test_the_port_is_free_after_closing() -> None:
    first = Door()
    port = int(first.server.url.rpartition(":")[2])
    first.server.close()
    second = HttpServer(lambda request: Answer(200, [], b""), port)
    assert second.url.endswith(f":{port}")
    second.close()
