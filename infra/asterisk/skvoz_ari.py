"""Events of Asterisk's REST Interface (ARI), for `poster.py --ari`: a file to copy beside it. Python 3.9 or later, nothing else.

ARI tells events over a WebSocket (RFC 6455) to an application by its name. Ours subscribes to every channel, whatever application
or dialplan it runs in, and takes none of them over. No other client may use its name: the newer one would get its events.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

BEGINS, ENDS = ("ChannelCreated", "StasisStart"), ("StasisEnd", "ChannelHangupRequest", "ChannelDestroyed")
RESULTS = ("ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "CHANUNAVAIL")  # of a Dial, when it is over
MOST_MESSAGE, MOST_VALUE, MOST_LEGS = 1_000_000, 200, 10_000  # bytes of a message, letters of a value, legs that are known
SECONDS, LOOK = 30.0, 0.5  # for an answer; between looks at `stop`
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3

Event = dict[str, Any]


def heard(config: Any, stop: threading.Event) -> Iterator[Event]:
    """What tells of calls, {} when Asterisk let us in, until `stop`; `config` is the poster's. ConnectionError when it refuses us
    or ends the connection, OSError when it cannot be reached."""
    with _opened(config.ari_url) as line:
        frames = Frames(_let_in(line, config.ari_url, config.ari_user, config.ari_secret, config.ari_app))
        yield {}
        line.settimeout(LOOK)
        legs = Legs()
        while not stop.is_set():
            for kind, payload in frames.whole():
                if kind == PING:
                    line.sendall(masked(PONG, payload))
                elif kind == CLOSE:
                    raise ConnectionError("Asterisk closed the connection")
                elif kind == TEXT and (event := legs.needed(_object(payload))):
                    yield event
            try:
                data = line.recv(65_536)
            except socket.timeout:  # noqa: UP041 (until Python 3.9 it is no TimeoutError)
                continue
            if not data:
                raise ConnectionError("Asterisk closed the connection")
            frames.feed(data)


class Legs:
    """Which channels are operators' legs, as Dial tells: they are no calls of their own."""

    def __init__(self) -> None:
        self._legs: OrderedDict[str, None] = OrderedDict()

    def needed(self, told: Mapping[str, Any]) -> Event:
        """The event with the fields that tell of a call; {} for all others."""
        kind = told.get("type")
        if kind == "Dial":
            return self._dialled(told)
        channel = _part(told, "channel")
        if kind not in (*BEGINS, *ENDS) or not channel.get("id") or channel["id"] in self._legs:
            return {}
        plan = _fields(_part(channel, "dialplan"), "context", "exten")
        if kind == "ChannelCreated" and plan.get("exten", "s") in ("", "s"):  # a leg, or it tells no number
            return {}
        kept = _fields(channel, "id", "creationtime")
        if kind in BEGINS:
            kept |= {"dialplan": plan, "caller": _fields(_part(channel, "caller"), "number")}
        return {**_fields(told, "type", "timestamp", "cause"), "channel": kept}

    def _dialled(self, told: Mapping[str, Any]) -> Event:
        caller, peer = _part(told, "caller"), _part(told, "peer")
        if not caller.get("id"):
            return {}
        self._legs[str(peer.get("id"))] = None
        while len(self._legs) > MOST_LEGS:
            self._legs.popitem(last=False)
        if told.get("dialstatus") not in RESULTS:
            return {}
        who = {"caller": _fields(_part(peer, "caller"), "number")}
        return {**_fields(told, "type", "timestamp", "dialstatus"), "caller": _fields(caller, "id"), "peer": who}


class Frames:
    """Bytes as the line gives them → whole messages. ConnectionError for what no server may send."""

    def __init__(self, data: bytes = b"") -> None:
        self._rest, self._kind, self._message = data, 0, b""

    def feed(self, data: bytes) -> None:
        self._rest += data

    def whole(self) -> Iterator[tuple[int, bytes]]:
        """(kind, content) of every message that is complete."""
        while frame := self._frame():
            is_last, kind, content = frame
            if kind >= CLOSE:  # may stand between the parts of a message
                yield kind, content
                continue
            self._kind, self._message = kind or self._kind, self._message + content
            if len(self._message) > MOST_MESSAGE:
                raise ConnectionError("a message is too long")
            if is_last:
                told, self._message = self._message, b""
                yield self._kind, told

    def _frame(self) -> tuple[bool, int, bytes] | None:
        if len(self._rest) < 2:
            return None
        first, length, begin = self._rest[0], self._rest[1], 2
        if first & 0x70 or length & 0x80:
            raise ConnectionError("this is no WebSocket: its frames are masked or extended")
        if length >= 126:
            begin += 2 if length == 126 else 8
            if len(self._rest) < begin:
                return None
            length = int.from_bytes(self._rest[2:begin], "big")
        if length > MOST_MESSAGE:
            raise ConnectionError("a message is too long")
        if len(self._rest) < begin + length:
            return None
        content, self._rest = self._rest[begin : begin + length], self._rest[begin + length :]
        return bool(first & 0x80), first & 0x0F, content


def masked(kind: int, content: bytes) -> bytes:
    """A short frame of a client, which must mask what it sends."""
    mask, content = os.urandom(4), content[:125]
    return bytes((0x80 | kind, 0x80 | len(content))) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))


def _opened(url: str) -> socket.socket:
    parts = urlsplit(url)
    is_safe, host = parts.scheme == "https", parts.hostname or ""
    line = socket.create_connection((host, parts.port or (8089 if is_safe else 8088)), timeout=SECONDS)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return ssl.create_default_context().wrap_socket(line, server_hostname=host) if is_safe else line


def _let_in(line: socket.socket, url: str, user: str, secret: str, app: str) -> bytes:
    """What came after the answer that let us in."""
    parts, key = urlsplit(url), base64.b64encode(os.urandom(16))
    query = urlencode({"app": app, "subscribeAll": "true"})
    asked = (
        f"GET {parts.path.rstrip('/')}/ari/events?{query} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket",
        "Connection: Upgrade", f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13",
        f"Authorization: Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}",
    )  # fmt: skip
    line.sendall("\r\n".join((*asked, "", "")).encode())
    came = b""
    while b"\r\n\r\n" not in came:
        if len(came) > 65_536 or not (data := line.recv(65_536)):
            raise ConnectionError("Asterisk gave no answer of HTTP")
        came += data
    head, _, rest = came.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    accept = base64.b64encode(hashlib.sha1(key + _ACCEPT).digest()).decode()  # noqa: S324 (the protocol's own)
    if " 101" not in status[:14] or headers.get("sec-websocket-accept") != accept:
        raise ConnectionError(f"Asterisk refused: {status[:100]}")
    return rest


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(payload)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _fields(told: Mapping[str, Any], *names: str) -> Event:
    """Texts and numbers of those names, cut to what an event of ours may hold."""
    plain = {name: told[name] for name in names if isinstance(told.get(name), (str, int))}
    return {name: value[:MOST_VALUE] if isinstance(value, str) else value for name, value in plain.items()}
