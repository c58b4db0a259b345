"""One POST to an address of the settings or of our own, within one time for all of it. The standard library's client: nothing
follows a redirect, a proxy or another scheme, and nothing is shipped for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import socket
    from http.client import HTTPConnection

SECONDS = 4.0
_MOST_TRIED = 4  # addresses of one host


def resolved(host: str, port: int) -> list[str]:
    """IP addresses of a host, as the system's resolver orders them."""
    import socket

    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float = SECONDS,
    resolve: Callable[[str, int], Sequence[str]] = resolved,
) -> int:
    """Status of the answer; its body is not read. OSError or HTTPException where there is none within so many seconds in all:
    name, connections to its addresses, TLS, request and the answer's headers together."""
    attempt = _Attempt(url, body, headers, monotonic() + seconds, resolve)
    # A thread, because neither the resolver nor a server that drips its answer byte by byte can be bounded otherwise.
    thread = threading.Thread(target=attempt.run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        attempt.stop()
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    if attempt.error is not None:
        raise attempt.error
    return attempt.status


class _Attempt:
    """One POST, in its own thread. `until` is the end of its time."""

    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str], until: float, resolve: Callable[[str, int], Sequence[str]]
    ) -> None:
        self._url, self._body, self._headers, self._until, self._resolve = url, body, headers, until, resolve
        self._socket: socket.socket | None = None
        self._is_stopped = False
        self.status = 0
        self.error: Exception | None = None

    def run(self) -> None:
        """Fill in `status` or `error`."""
        try:
            self.status = self._asked()
        except Exception as error:
            self.error = error
        finally:
            if self._socket is not None:
                self._socket.close()

    def stop(self) -> None:
        """Wake the thread where it waits for the server, so that it ends and sends nothing more."""
        import socket

        self._is_stopped = True
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # TLS's own would let plain bytes through after it

    def _asked(self) -> int:
        parts = urlsplit(self._url)
        connection = self._connected(parts)
        self._take_time()
        connection.request("POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", self._body, dict(self._headers))
        self._take_time()
        with connection.getresponse() as answer:
            return answer.status

    def _connected(self, parts: SplitResult) -> HTTPConnection:
        """A client whose connection is made already, because its own gives every address the whole time."""
        from http.client import HTTPConnection, HTTPSConnection  # with ssl: the lease's door needs neither, a visitor waits for it

        host = parts.hostname or ""
        if parts.scheme == "http":  # settings take https only
            connection = HTTPConnection(host, parts.port)
            self._socket = self._dialled(host, parts.port or 80)
        else:
            import ssl

            context = ssl.create_default_context()
            connection = HTTPSConnection(host, parts.port, context=context)
            plain = self._dialled(host, parts.port or 443)
            safe = self._socket = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            self._take_time()
            safe.do_handshake()
        connection.auto_open = 0
        connection.sock = self._socket
        return connection

    def _dialled(self, host: str, port: int) -> socket.socket:
        """A connection to the first address that takes one; each gets its share of the time that is left."""
        import socket

        addresses = self._resolve(host, port)[:_MOST_TRIED]
        failed: OSError = OSError("the host has no address")
        for place, address in enumerate(addresses):
            try:
                return socket.create_connection((address, port), self._left() / (len(addresses) - place))
            except OSError as error:
                failed = error
        raise failed

    def _left(self) -> float:
        left = self._until - monotonic()
        if self._is_stopped or left <= 0:
            raise TimeoutError("nobody waits any more")
        return left

    def _take_time(self) -> None:
        """No step waits longer than the whole may."""
        if self._socket is not None:
            self._socket.settimeout(self._left())
