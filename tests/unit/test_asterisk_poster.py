"""The poster beside Asterisk, against a Manager Interface and an API on this machine."""

from __future__ import annotations

import ast
import json
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.asterisk import poster
from infra.asterisk.poster import BATCH, MOST_EVENT, Config, Frames, Spool, body_of, config_of, grouped, is_needed, main, stamped
from shared.security import verify_webhook, webhook_key

SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
EXAMPLES = Path(__file__).parents[1] / "data" / "telephony" / "asterisk"
ANSWERED = (EXAMPLES / "ami_call_answered.stream.txt").read_bytes()
MISSED = (EXAMPLES / "ami_hangup_missed.stream.txt").read_bytes()
ENVIRONMENT = {"SKVOZ_URL": "https://api.kvartal.example/v1/calls/asterisk/kvartal", "SKVOZ_SECRET": SECRET}
ENVIRONMENT |= {"SKVOZ_AMI_USER": "skvoz", "SKVOZ_AMI_SECRET": "password"}
QUICK = (0.02, 0.05)


def until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    """A bounded poll for what other threads bring about."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        threading.Event().wait(0.01)


class Api:
    """`answers` are the statuses to give, the last one again and again; `bodies` what came, its signature checked."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.bodies, self.ids = list(answers) or [200], [], []  # type: ignore[var-annotated]
        api = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told = {name.lower(): value for name, value in self.headers.items()}
                api.ids.append(verify_webhook(body, told, [SECRET], datetime.now(UTC)))
                status = api.answers.pop(0) if len(api.answers) > 1 else api.answers[0]
                if status == 200:
                    api.bodies.append(json.loads(body))
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b'{"events": 1, "refused": []}')

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *told: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/calls/asterisk/kvartal"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in body["events"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Ami:
    """A Manager Interface: each connection hears the banner, the login's answer, and then one of `streams`, in pieces."""

    def __init__(
        self, *streams: list[bytes], login: bytes = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
    ) -> None:
        self.streams, self.login, self.logins = list(streams), login, []  # type: ignore[var-annotated]
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
                self.logins.append(asked.decode())
                connection.sendall(b"Asterisk Call Manager/9.0.0\r\n" + self.login)
                for piece in self.streams.pop(0) if self.streams else []:
                    connection.sendall(piece)
                if not self.streams:
                    self.stop.wait(15)

    def close(self) -> None:
        self.stop.set()
        self.listener.close()


@contextmanager
def running(ami: Ami, api_url: str, folder: Path) -> Iterator[None]:
    told = {**ENVIRONMENT, "SKVOZ_URL": api_url, "SKVOZ_AMI_PORT": str(ami.port), "SKVOZ_SPOOL": str(folder)}
    config, stop = config_of(told), threading.Event()
    spool = Spool(folder, config.spool_mb * 1e6)
    threads = [
        threading.Thread(target=poster.listen, args=(config, spool, stop, QUICK)),
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
        assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


def left(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def test_a_call_s_events_are_posted_signed_however_packets_split(api: Api, tmp_path: Path) -> None:
    ami = Ami([ANSWERED[at : at + 7] for at in range(0, len(ANSWERED), 7)])
    with running(ami, api.url, tmp_path):
        until(lambda: len(api.events()) >= 5)
    ami.close()
    kinds = [event["Event"] for event in api.events()]
    assert sorted(kinds) == ["DialBegin", "DialEnd", "Hangup", "Newchannel", "UserEvent"]
    assert {event["Linkedid"] for event in api.events()} == {"1791791527.118"}
    assert all(abs(event["at"] - time.time()) < 60 for event in api.events())
    assert ami.logins == ["Action: Login\r\nUsername: skvoz\r\nSecret: password\r\nEvents: call,user\r\n\r\n"]
    assert left(tmp_path) == []


def test_a_connection_that_breaks_is_made_again(api: Api, tmp_path: Path) -> None:
    half = len(ANSWERED) // 2
    ami = Ami([ANSWERED[:half]], [ANSWERED, MISSED])
    with running(ami, api.url, tmp_path):
        until(lambda: any(event["Linkedid"] == "1791994360.204" for event in api.events()))
    ami.close()
    assert len(ami.logins) == 2


def test_a_refused_login_is_tried_again_and_never_in_a_rush(api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ami = Ami([], [], [], login=b"Response: Error\r\nMessage: Authentication failed\r\n\r\n")
    with running(ami, api.url, tmp_path):
        until(lambda: len(ami.logins) >= 3)
    ami.close()
    assert "Asterisk refused: Authentication failed" in caplog.text
    assert "password" not in caplog.text


def test_an_outage_loses_nothing_and_repeats_carry_one_id(tmp_path: Path) -> None:
    api = Api(503, 401, 302, 500, 200)
    ami = Ami([ANSWERED])
    with running(ami, api.url, tmp_path):
        until(lambda: len(api.events()) >= 5)
    ami.close()
    api.close()
    assert len(api.events()) == 5
    assert len(set(api.ids)) == len(api.bodies)


def test_events_outlive_the_poster(api: Api, tmp_path: Path) -> None:
    """The API cannot be reached while the first poster runs; the next one finds its events, a half-written line aside."""
    ami = Ami([ANSWERED], [MISSED])
    closed = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    closed.close()
    with running(ami, address, tmp_path):
        until(lambda: sum(path.read_bytes().count(b"\n") for path in tmp_path.iterdir()) == 5)
    file = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)  # a try to post may have begun a second one
    with file.open("ab") as torn:
        torn.write(b'{"Event": "Newch')
    with running(ami, api.url, tmp_path):
        until(lambda: len(api.events()) == 6)
    ami.close()
    assert left(tmp_path) == []


def test_a_batch_that_is_refused_for_good_does_not_stop_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api, spool = Api(400, 200), Spool(tmp_path, 1e6)
    for number in range(BATCH + 1):
        spool.add({"Event": "Hangup", "Linkedid": str(number), "Uniqueid": str(number), "at": 1.0})
    stop = threading.Event()
    config = config_of({**ENVIRONMENT, "SKVOZ_URL": api.url})
    thread = threading.Thread(target=poster.send, args=(config, spool, stop, 0.01, QUICK))
    thread.start()
    until(lambda: len(api.events()) == 1)
    stop.set()
    thread.join(20)
    api.close()
    assert left(tmp_path) == [".refused"]
    assert "was refused and is kept" in caplog.text


def test_a_full_spool_drops_the_oldest_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path, 20_000)
    for number in range(20 * BATCH):
        spool.add({"Event": "Hangup", "Linkedid": str(number), "at": 1.0})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 23_000
    some = spool.oldest()
    assert some is not None
    assert int(some[1][0]["Linkedid"]) > 0
    assert "the oldest events" in caplog.text
    newest = [json.loads(line) for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert max(int(event["Linkedid"]) for event in newest) == 20 * BATCH - 1


def test_the_spool_is_the_service_s_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1e6)
    spool.add({"CallerIDNum": "79000000017"})
    [file] = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, len(ANSWERED) - 1), max_size=40))
def test_frames_do_not_depend_on_packets(cuts: list[int]) -> None:
    edges = sorted({0, *cuts, len(ANSWERED)})
    frames = Frames()
    split = [event for a, b in pairwise(edges) for event in frames.feed(ANSWERED[a:b])]
    assert split == list(Frames().feed(ANSWERED))
    assert len(split) == 6


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_garbage_is_passed_over_and_the_next_event_is_heard(garbage: list[bytes]) -> None:
    frames = Frames()
    for piece in garbage:
        list(frames.feed(piece))
    heard = [event for event in frames.feed(b"\r\n\r\n" + MISSED) if is_needed(event)]
    assert [event["Linkedid"] for event in heard][-1:] == ["1791994360.204"]
    body_of(stamped(event, 2e9) for event in heard)


@pytest.mark.parametrize("size", [MOST_EVENT + 1, 3 * MOST_EVENT])
def test_a_giant_event_is_passed_over_without_being_kept(size: int) -> None:
    frames = Frames()
    giant = b"Event: Hangup\r\nX: " + b"x" * size + b"\r\n\r\n"
    pieces = [giant[at : at + 1000] for at in range(0, len(giant), 1000)]
    assert [event for piece in pieces for event in frames.feed(piece)] == []
    assert len(frames._rest) <= MOST_EVENT
    assert [event["Cause"] for event in frames.feed(MISSED)] == ["19"]


def test_ringing_together_is_told_once_and_an_answer_always() -> None:
    legs = [{"Event": "DialBegin", "Linkedid": "1.1", "Uniqueid": "1.1", "at": leg} for leg in range(9)]
    ends = [{"Event": "DialEnd", "Linkedid": "1.1", "DialStatus": "NOANSWER", "at": leg} for leg in range(9)]
    other = {"Event": "Newchannel", "Linkedid": "2.1", "at": 5}
    answer = {"Event": "DialEnd", "Linkedid": "1.1", "DialStatus": "ANSWER", "at": 7}
    assert grouped([*legs[:5], other, *legs[5:], *ends, answer]) == [legs[0], ends[-1], answer, other]


def test_an_event_s_own_time_counts_over_the_clock() -> None:
    assert stamped({"Event": "Hangup", "Timestamp": "1791791735.123456"}, 5.0) == {"Event": "Hangup", "at": 1791791735.123}
    assert stamped({"Timestamp": "soon"}, 1.8e9) == {"at": 1.8e9}
    assert stamped({"Timestamp": "nan"}, 1.8e9) == {"at": 1.8e9}


def test_a_dry_run_prints_what_would_be_posted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dry-run", str(EXAMPLES / "ami_call_answered.stream.txt")]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert [event["Event"] for event in json.loads(line)["events"]] == ["Newchannel", "UserEvent", "DialBegin", "DialEnd", "Hangup"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SKVOZ_URL": ""}, "SKVOZ_URL"),
        ({"SKVOZ_URL": "http://api.kvartal.example/"}, "https"),
        ({"SKVOZ_SECRET": "whsec_***"}, "SKVOZ_SECRET"),
        ({"SKVOZ_AMI_PORT": "ami"}, "SKVOZ_AMI_PORT"),
        ({"SKVOZ_AMI_SECRET": ""}, "SKVOZ_AMI_SECRET"),
    ],
)
def test_a_wrong_configuration_is_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_of({**ENVIRONMENT, **changes})
    assert isinstance(config_of(ENVIRONMENT), Config)
    assert config_of(ENVIRONMENT).secret == webhook_key(SECRET)


def test_the_service_runs_from_its_file_and_ends_on_a_signal(api: Api, tmp_path: Path) -> None:
    """As systemd runs it: the file alone, elsewhere, with the environment."""
    file = tmp_path / "poster.py"
    file.write_bytes(Path(poster.__file__).read_bytes())
    ami = Ami([ANSWERED])
    environment = {**ENVIRONMENT, "SKVOZ_URL": api.url, "SKVOZ_AMI_PORT": str(ami.port), "SKVOZ_SPOOL": str(tmp_path / "spool")}
    with subprocess.Popen([sys.executable, "-I", str(file)], env=environment, stderr=subprocess.PIPE) as service:
        until(lambda: len(api.events()) >= 5, 30)
        service.terminate()
        assert service.wait(20) == 0
    ami.close()


def test_the_service_says_what_is_not_set() -> None:
    done = subprocess.run([sys.executable, "-I", poster.__file__], env={}, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "not set: SKVOZ_URL, SKVOZ_SECRET, SKVOZ_AMI_USER, SKVOZ_AMI_SECRET" in done.stderr


@pytest.mark.parametrize("name", ["poster.py", "skvoz_ari.py"])
def test_the_file_is_python_3_9_and_needs_nothing_else(name: str) -> None:
    tree = ast.parse(Path(poster.__file__).with_name(name).read_text("utf-8"), feature_version=(3, 9))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
