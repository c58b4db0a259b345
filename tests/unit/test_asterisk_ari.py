"""`poster.py --ari`: a WebSocket of Asterisk's REST Interface on 127.0.0.1 tells calls, and what is posted of them."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.asterisk import poster, skvoz_ari
from infra.asterisk.poster import Config, Spool, config_of
from infra.asterisk.skvoz_ari import MOST_MESSAGE, Frames, Legs, masked
from tests.unit.test_asterisk_poster import EXAMPLES, QUICK, SECRET, Api, until
from tests.unit.test_asterisk_poster import api as api  # the fixture

STARTED: dict[str, Any] = json.loads((EXAMPLES / "ari_stasis_start.json").read_text("utf-8"))
CHANNEL = STARTED["channel"]
LEG = {"id": "leg-214", "name": "PJSIP/214-1", "caller": {"number": "214"}, "dialplan": {"context": "from-internal", "exten": "s"}}
CALL = [
    {**STARTED, "type": "ChannelCreated"},
    STARTED,
    {"type": "ChannelCreated", "channel": LEG, "timestamp": "2026-10-12T10:52:12.000+0300"},
    {"type": "Dial", "dialstatus": "", "caller": CHANNEL, "peer": LEG, "timestamp": "2026-10-12T10:52:13.000+0300"},
    {"type": "Dial", "dialstatus": "RINGING", "caller": CHANNEL, "peer": LEG, "timestamp": "2026-10-12T10:52:14.000+0300"},
    {"type": "Dial", "dialstatus": "ANSWER", "caller": CHANNEL, "peer": LEG, "timestamp": "2026-10-12T10:52:21.000+0300"},
    {"type": "ChannelDestroyed", "channel": LEG, "cause": 16, "timestamp": "2026-10-12T10:55:34.000+0300"},
    {"type": "ChannelVarset", "channel": CHANNEL, "variable": "X", "value": "1"},
    {"type": "ChannelDestroyed", "channel": CHANNEL, "cause": 16, "timestamp": "2026-10-12T10:55:35.000+0300"},
]
TOLD = ["ChannelCreated", "StasisStart", "Dial", "ChannelDestroyed"]


def frame(content: bytes, kind: int = 1, is_last: bool = True) -> bytes:
    """A server's frame."""
    size = len(content)
    length = bytes([size]) if size < 126 else bytes([126 + (size > 65_535)]) + size.to_bytes(8 if size > 65_535 else 2, "big")
    return bytes([(0x80 if is_last else 0) | kind]) + length + content


def text(event: dict[str, Any]) -> bytes:
    return frame(json.dumps(event, ensure_ascii=False).encode())


class Ari:
    """An Asterisk: each connection is let in and hears the next of `streams`, in pieces; `asked` is what came first of each."""

    def __init__(self, *streams: list[bytes], status: str = "101 Switching Protocols", accept: str = "") -> None:
        self.streams, self.status, self.accept = list(streams), status, accept
        self.asked: list[str] = []
        self.came = b""  # after the handshakes
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stop = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += connection.recv(1000)
                self.asked.append(asked.decode())
                key = next(line.split(": ")[1] for line in self.asked[-1].splitlines() if line.startswith("Sec-WebSocket-Key"))
                proof = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324
                accept = self.accept or base64.b64encode(proof).decode()
                head = f"HTTP/1.1 {self.status}\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
                pieces = self.streams.pop(0) if self.streams else []
                connection.sendall(head + b"".join(pieces[:1]))  # the first event rides with the answer
                for piece in pieces[1:]:
                    connection.sendall(piece)
                if not self.streams:
                    self._listen(connection)

    def _listen(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        while not self.stop.is_set():
            try:
                data = connection.recv(1000)
            except TimeoutError:
                continue
            if not data:
                return
            self.came += data

    def close(self) -> None:
        self.stop.set()
        self.listener.close()


def environment(ari: Ari, url: str, folder: Path) -> dict[str, str]:
    told = {"URL": url, "SECRET": SECRET, "ARI_URL": f"http://127.0.0.1:{ari.port}", "ARI_USER": "skvoz", "ARI_SECRET": "password"}
    return {f"SKVOZ_{name}": value for name, value in {**told, "SPOOL": str(folder)}.items()}


@contextmanager
def running(ari: Ari, url: str, folder: Path) -> Iterator[None]:
    config, stop = config_of(environment(ari, url, folder), "ari"), threading.Event()
    spool = Spool(folder, 1e6)
    threads = [
        threading.Thread(target=poster.listen, args=(config, spool, stop, QUICK, skvoz_ari.heard)),
        threading.Thread(target=poster.send, args=(config, spool, stop, 0.02, QUICK)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        ari.close()
        assert not any(thread.is_alive() for thread in threads)


def kinds(api: Api) -> list[str]:
    return [event["type"] for event in api.events()]


def test_a_call_s_events_are_posted_and_those_of_operators_legs_are_not(api: Api, tmp_path: Path) -> None:
    with running(ari := Ari([text(event) for event in CALL]), api.url, tmp_path):
        until(lambda: len(api.events()) >= len(TOLD))
    assert kinds(api) == TOLD
    assert {(event.get("channel") or event["caller"])["id"] for event in api.events()} == {CHANNEL["id"]}
    started = api.events()[1]["channel"]
    assert (started["dialplan"]["exten"], started["caller"]["number"]) == (
        CHANNEL["dialplan"]["exten"],
        CHANNEL["caller"]["number"],
    )
    assert "name" not in started, "nothing that no figure is made of leaves the telephone system"
    line, *headers = ari.asked[0].split("\r\n")
    assert parse_qs(urlsplit(line.split()[1]).query) == {"app": ["skvoz"], "subscribeAll": ["true"]}
    assert f"Authorization: Basic {base64.b64encode(b'skvoz:password').decode()}" in headers


def test_messages_may_be_split_anywhere_and_pings_are_answered(api: Api, tmp_path: Path) -> None:
    """In frames and in packets; a ping may stand between the frames of a message."""
    whole = json.dumps(STARTED).encode()
    split = frame(whole[:40], is_last=False) + frame(b"are you there", 9) + frame(whole[40:], 0)
    stream = split + b"".join(text(event) for event in CALL[1:])
    ari = Ari([stream[at : at + 11] for at in range(0, len(stream), 11)])
    with running(ari, api.url, tmp_path):
        until(lambda: len(api.events()) >= 4 and len(ari.came) >= 19)
    assert kinds(api) == ["StasisStart", *TOLD[1:]]
    mask, content = ari.came[2:6], ari.came[6:19]
    assert ari.came[:2] == bytes([0x8A, 0x80 | 13]), "a masked pong"
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(content)) == b"are you there"


def test_a_connection_that_breaks_or_is_closed_is_made_again(api: Api, tmp_path: Path) -> None:
    events = [text(event) for event in CALL]
    ari = Ari(events[:1], [*events[1:2], frame(b"\x03\xe8", 8)], events[3:])
    with running(ari, api.url, tmp_path):
        until(lambda: len(api.events()) >= 4)
    assert kinds(api) == TOLD
    assert len(ari.asked) == 3


@pytest.mark.parametrize(
    ("status", "accept", "said"),
    [
        ("401 Unauthorized", "", "refused: HTTP/1.1 401 Unauthorized"),
        ("101 Switching Protocols", "c29tZWJvZHkgZWxzZQ==", "refused"),
        ("200 OK", "", "refused: HTTP/1.1 200 OK"),
    ],
)
def test_a_refusal_is_told_and_tried_again(
    status: str, accept: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ari = Ari([], [], [], status=status, accept=accept)
    with running(ari, "http://127.0.0.1:9/", tmp_path):
        until(lambda: len(ari.asked) >= 3)
    assert said in caplog.text
    assert "password" not in caplog.text


@pytest.mark.parametrize(
    "garbage",
    [
        bytes([0xC1, 1]) + b"x",  # an extension that nobody agreed on
        bytes([0x81, 0x81]) + b"maskx",
        bytes([0x81, 127]) + (MOST_MESSAGE + 1).to_bytes(8, "big"),
        frame(b"x" * MOST_MESSAGE, is_last=False) + frame(b"x", 0),
    ],
)
def test_what_no_server_may_send_ends_the_connection(garbage: bytes) -> None:
    with pytest.raises(ConnectionError):
        list(Frames(garbage).whole())


NOTHING = (b"", b"[]", b"{", b"\xff", b'{"type": 7}', b'{"type": "StasisStart", "channel": 1}', b'{"type": "Dial"}')


@pytest.mark.parametrize("content", NOTHING)
def test_content_that_tells_nothing_is_passed_over(content: bytes) -> None:
    assert Legs().needed(skvoz_ari._object(content)) == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6), st.integers(1, 50))
def test_messages_do_not_depend_on_packets(messages: list[bytes], step: int) -> None:
    stream, frames, found = b"".join(frame(each) for each in messages), Frames(), []
    for at in range(0, len(stream), step):
        frames.feed(stream[at : at + step])
        found += [content for _, content in frames.whole()]
    assert found == messages


def test_a_pong_is_never_longer_than_a_control_frame_may_be() -> None:
    assert len(masked(10, b"x" * 500)) == 2 + 4 + 125


def test_the_legs_that_are_known_are_bounded() -> None:
    legs = Legs()
    for place in range(skvoz_ari.MOST_LEGS + 5):
        legs.needed({"type": "Dial", "caller": {"id": "1"}, "peer": {"id": str(place)}})
    assert len(legs._legs) == skvoz_ari.MOST_LEGS


def test_what_is_not_set_is_named() -> None:
    told = {"SKVOZ_URL": "https://api.kvartal.example/", "SKVOZ_SECRET": SECRET}
    with pytest.raises(ValueError, match="not set: SKVOZ_ARI_USER, SKVOZ_ARI_SECRET"):
        config_of(told, "ari")
    assert isinstance(config_of({**told, "SKVOZ_ARI_USER": "a", "SKVOZ_ARI_SECRET": "b"}, "ari"), Config)


def test_the_service_runs_from_its_two_files(api: Api, tmp_path: Path) -> None:
    """As systemd runs it: the files alone, elsewhere, with the environment."""
    for module in (poster, skvoz_ari):
        file = Path(str(module.__file__))
        (tmp_path / file.name).write_bytes(file.read_bytes())
    ari = Ari([text(event) for event in CALL])
    told = environment(ari, api.url, tmp_path / "spool")
    with subprocess.Popen([sys.executable, str(tmp_path / "poster.py"), "--ari"], env=told, stderr=subprocess.PIPE) as service:
        until(lambda: len(api.events()) >= len(TOLD), 30)
        service.terminate()
        assert service.wait(20) == 0
    ari.close()
    assert kinds(api) == TOLD
