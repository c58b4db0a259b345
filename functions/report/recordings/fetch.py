"""Fetching from addresses that others wrote: over https, from the hosts of the settings, bounded in time and size.

Every step of the way is held to the same rules, so that neither an address nor a redirect leads anywhere else: a listed host to the
letter (its subdomains may be somebody else's), port 443, no user, no bare IP address; all that the name resolves to is public, and
the connection goes to what was checked, not to what the name means a moment later.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

Reason = Literal[
    "bad_reference", "bad_address", "host", "private_address", "redirects", "not_there", "telephony_refused", "telephony_error",
    "unreachable", "slow", "too_large", "not_audio", "no_secret", "no_way",
]  # fmt: skip

SECONDS = 10.0
MOST_REDIRECTS = 3
MOST_ADDRESS = 4000
_MOST_TRIED = 3  # addresses of one host
_CHUNK = 65_536
_PORT = 443
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REASONS: Mapping[int, Reason] = {
    **dict.fromkeys((202, 204, 404, 410), "not_there"),
    **dict.fromkeys((401, 402, 403, 407), "telephony_refused"),
}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IN_PATHS = "/%:@!$&'()*+,;=~"


class NotPlayed(Exception):
    """The recording cannot be had: `reason` is counted and shown, `host` is where it would have come from."""

    def __init__(self, reason: Reason, host: str = "") -> None:
        super().__init__(reason)
        self.reason, self.host = reason, host


class Place(NamedTuple):
    """Where an address leads: the host in ASCII, and path with query."""

    host: str
    target: str


class Fetched(NamedTuple):
    """What a host answered with 200. `content_type` is its text, not to be repeated to anybody."""

    content_type: str
    body: bytes


def place_of(address: str, hosts: Iterable[str]) -> Place:
    """Where an address leads. NotPlayed (bad_address, host) unless it is a plain https address of a listed host."""
    if len(address) > MOST_ADDRESS or _UNFIT.search(address):
        raise NotPlayed("bad_address")
    try:
        parts = urlsplit(address)
        port, host = parts.port, _ascii(parts.hostname or "")
    except ValueError as error:
        raise NotPlayed("bad_address") from error
    is_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2])
    if parts.scheme != "https" or port not in (None, _PORT) or re.search(r"[@\[\]]", parts.netloc) or not host or is_number:
        raise NotPlayed("bad_address", host)
    if host not in _listed(hosts):
        raise NotPlayed("host", host)
    query = f"?{quote(parts.query, safe=_IN_PATHS + '?')}" if parts.query else ""
    return Place(host, (quote(parts.path, safe=_IN_PATHS) or "/") + query)


def is_public(address: str) -> bool:
    """Whether an IP address is the internet's: no loopback, private, link-local (cloud metadata), shared or reserved one, nor an
    IPv6 address that stands for such an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        nat64 = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or nat64
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def resolved(host: str) -> list[str]:
    """IP addresses of a host, as the system's resolver orders them."""
    found = socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def dialled(host: str, address: str, seconds: float) -> socket.socket:
    """A TLS connection to exactly that IP address, whose certificate is the host's."""
    plain = socket.create_connection((address, _PORT), timeout=seconds)
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


class Line:
    """The way out. `resolve` gives a host's IP addresses, `dial` a connection to one of them (OSError where it fails)."""

    def __init__(
        self,
        resolve: Callable[[str], Sequence[str]] = resolved,
        dial: Callable[[str, str, float], socket.socket] = dialled,
        seconds: float = SECONDS,
    ) -> None:
        self.resolve, self.dial, self.seconds = resolve, dial, seconds

    def get(self, address: str, hosts: Iterable[str], most: int, headers: Mapping[str, str] | None = None) -> Fetched:
        """What an address answers, over at most three redirects: at most `most` bytes, within `seconds` in all. `headers` go to the
        first host only. NotPlayed with the reason otherwise."""
        attempt = _Attempt(self, address, frozenset(hosts), most, headers or {})
        # A thread, because neither the resolver nor a host that drips its headers byte by byte can be bounded otherwise.
        thread = threading.Thread(target=attempt.run, daemon=True)
        thread.start()
        thread.join(self.seconds)
        if thread.is_alive():
            attempt.stop()
            raise NotPlayed("slow", attempt.host)
        if attempt.error is not None:
            raise attempt.error
        return attempt.found


class _Attempt:
    """One `get`, in its own thread."""

    def __init__(self, line: Line, address: str, hosts: frozenset[str], most: int, headers: Mapping[str, str]) -> None:
        self._line, self._address, self._hosts, self._most, self._headers = line, address, hosts, most, headers
        self._socket: socket.socket | None = None
        self._is_stopped = False
        self.host = ""
        self.found = Fetched("", b"")
        self.error: Exception | None = None

    def run(self) -> None:
        """Fill in `found` or `error`."""
        try:
            self.found = self._follow()
        except (OSError, http.client.HTTPException):
            self.error = NotPlayed("unreachable", self.host)
        except Exception as error:
            self.error = error
        finally:
            self._hang_up()

    def stop(self) -> None:
        """Wake the thread where it waits for the host, so that it ends."""
        self._is_stopped = True
        _cut(self._socket)

    def _follow(self) -> Fetched:
        address, headers = self._address, self._headers
        for _ in range(MOST_REDIRECTS + 1):
            place = place_of(address, self._hosts)
            self.host = place.host
            answer = self._asked(place, headers)
            if answer.status == 200:
                return self._read(answer)
            if answer.status not in _REDIRECTS:
                raise NotPlayed(_REASONS.get(answer.status, "telephony_error"), place.host)
            address, headers = urljoin(f"https://{place.host}{place.target}", answer.getheader("location") or ""), {}
            self._hang_up()
        raise NotPlayed("redirects", self.host)

    def _asked(self, place: Place, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(place.host)
        connection.auto_open = 0  # it would dial by itself, without TLS
        connection.sock = self._socket = self._dialled(place.host)
        if self._is_stopped:
            raise OSError("nobody waits any more")
        fixed = {
            "accept": "audio/*, application/octet-stream, application/json",
            "accept-encoding": "identity",
            "connection": "close",
        }
        connection.request("GET", place.target, headers={**fixed, **headers})
        return connection.getresponse()

    def _dialled(self, host: str) -> socket.socket:
        addresses = self._line.resolve(host)
        if not all(map(is_public, addresses)):
            raise NotPlayed("private_address", host)
        for address in addresses[:_MOST_TRIED]:
            with suppress(OSError):
                return self._line.dial(host, address, self._line.seconds)
        raise NotPlayed("unreachable", host)

    def _read(self, answer: http.client.HTTPResponse) -> Fetched:
        if answer.getheader("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise NotPlayed("telephony_error", self.host)
        length, parts, size = answer.length, [], 0  # no length: until the host hangs up
        if length is not None and length > self._most:
            raise NotPlayed("too_large", self.host)
        while (length is None or size < length) and (part := answer.read1(_CHUNK)):
            parts.append(part)
            size += len(part)
            if size > self._most:
                raise NotPlayed("too_large", self.host)
        if self._is_stopped or (length is not None and size < length):
            raise NotPlayed("unreachable", self.host)
        return Fetched(answer.getheader("content-type", ""), b"".join(parts))

    def _hang_up(self) -> None:
        _cut(self._socket)
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _cut(connection: socket.socket | None) -> None:
    """End a connection for whoever still holds it: the answer that is read from it does, and a thread that waits in it."""
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _listed(hosts: Iterable[str]) -> set[str]:
    """Hosts as settings have them, in ASCII; one that cannot be written so is no host."""
    found = set()
    for host in hosts:
        with suppress(ValueError):
            found.add(_ascii(host))
    return found


def _ascii(host: str) -> str:
    """Lower case, without the root's dot, letters of other scripts as punycode. ValueError where that cannot be."""
    return host.lower().removesuffix(".").encode("idna").decode()
