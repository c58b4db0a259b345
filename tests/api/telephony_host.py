"""A telephony's host of recordings on 127.0.0.1, for the tests: plain HTTP, reached by a `Line` that dials it for every host."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from functions.report.recordings.fetch import Line

PUBLIC = "93.184.216.34"
MP3 = b"ID3\x04" + bytes(range(256)) * 4


class Host:
    """`answers[path]` are raw bytes of an answer, or a function that gets the socket. `asked` are the requests (host, target,
    headers) as they came; `dialled` the addresses that the line went to; `names` what names resolve to (default: a public
    address)."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.dialled: list[tuple[str, str]] = []
        self.names: dict[str, list[str]] = {}
        self.refusing: set[str] = set()
        self.over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self._threads: list[threading.Thread] = []

    def line(self, seconds: float = 5.0) -> Line:
        return Line(self._resolve, self._dial, seconds)

    def serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:  # nobody called for a while, or the test is over
                continue
            thread = threading.Thread(target=self._answer, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who waits for a call
        for thread in self._threads:
            thread.join(5)

    def hang_up(self) -> None:
        self._server.close()

    def _resolve(self, name: str) -> list[str]:
        return self.names.get(name, [PUBLIC])

    def _dial(self, name: str, address: str, seconds: float) -> socket.socket:
        self.dialled.append((name, address))
        if address in self.refusing:
            raise ConnectionRefusedError
        return socket.create_connection(self._server.getsockname(), timeout=seconds)

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            raw = b""
            while b"\r\n\r\n" not in raw and (more := connection.recv(65536)):
                raw += more
            first, *lines = raw.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            target = first.split(" ")[1]
            self.asked.append((headers["host"], target, headers))
            answer = self.answers.get(target.partition("?")[0], b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)


@contextmanager
def telephony_host() -> Iterator[Host]:
    host = Host()
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.close()
        thread.join(5)
        host.hang_up()


def answer(body: bytes = MP3, content_type: str = "audio/mpeg", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer."""
    named: dict[str, Any] = {
        "content-type": content_type,
        "content-length": len(body),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def moved(location: str) -> bytes:
    return answer(b"", "text/plain", "302 Found", location=location)
