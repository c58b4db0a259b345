"""Asterisk's calls → Skvoz: one file to copy to the PBX (README.md). Python 3.9 or later, nothing else.

It listens to the Manager Interface (AMI), or with `--ari` to ARI (skvoz_ari.py beside it), keeps the few events that tell of calls,
and posts them, signed with Standard Webhooks. What cannot be posted waits in a folder, up to a bound, and is sent again and again.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import hmac
import http.client
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

LOG = logging.getLogger("skvoz")
KEPT = (
    "Event", "Uniqueid", "Linkedid", "DestLinkedid", "DestUniqueid", "CallerIDNum", "DestCallerIDNum", "Exten", "Context", "CODE",
    "DialStatus", "Cause", "UserEvent", "FROM_DID", "CALLERID", "Timestamp", "Response", "Message",
)  # fmt: skip
MOST_EVENT, MOST_VALUE, BATCH = 65_536, 200, 50  # bytes of an event (a longer one is none that we need), letters of a value, events
PAUSES, ANSWER_WITHIN = (1.0, 60.0), 30.0  # seconds: before the second try and at most; for an answer

Event = dict[str, Any]
Pauses = tuple[float, float]


class Later(Exception):
    """It did not work now."""


class Config(NamedTuple):  # each field is a variable of the environment: SKVOZ_URL and so on
    url: str
    secret: bytes
    ami_user: str = ""
    ami_secret: str = ""
    ami_host: str = "127.0.0.1"
    ami_port: int = 5038
    ari_url: str = "http://127.0.0.1:8088"
    ari_user: str = ""
    ari_secret: str = ""
    ari_app: str = "skvoz"
    spool: str = "/var/lib/skvoz"
    spool_mb: float = 64


def config_of(environ: Mapping[str, str], by: str = "ami") -> Config:
    """ValueError names what is missing or wrong. `by`: ami or ari."""
    named: dict[str, Any] = {n: environ.get(f"SKVOZ_{n.upper()}") or Config._field_defaults.get(n) for n in Config._fields}
    if missing := ", ".join(f"SKVOZ_{n.upper()}" for n in ("url", "secret", f"{by}_user", f"{by}_secret") if not named[n]):
        raise ValueError(f"not set: {missing}")
    if not str(named["url"]).startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("SKVOZ_URL must begin with https://")
    secret = str(named["secret"]).removeprefix("whsec_")
    try:
        named["secret"] = base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
        return Config(**{**named, "ami_port": int(named["ami_port"]), "spool_mb": float(named["spool_mb"])})
    except ValueError as error:
        raise ValueError("SKVOZ_SECRET must be whsec_ and base64, SKVOZ_AMI_PORT and SKVOZ_SPOOL_MB numbers") from error


class Frames:
    """Bytes as the socket gives them → events. A packet may end anywhere; an event ends with an empty line."""

    def __init__(self) -> None:
        self._rest, self._skips = b"", False

    def feed(self, data: bytes) -> Iterator[Event]:
        self._rest += data
        *blocks, self._rest = self._rest.split(b"\r\n\r\n")
        for block in blocks:
            if self._skips or len(block) > MOST_EVENT:
                LOG.warning("an event of more than %d bytes was passed over", MOST_EVENT)
                self._skips = False
            elif event := parsed(block):
                yield event
        if len(self._rest) > MOST_EVENT:
            self._rest, self._skips = self._rest[-3:], True  # the empty line may have begun


def parsed(block: bytes) -> Event:
    event: Event = {}
    for line in block.split(b"\r\n"):
        name, is_field, value = line.decode("utf-8", "replace").partition(":")
        if is_field and name in KEPT:
            event.setdefault(name, value.strip()[:MOST_VALUE])
    return event


def is_needed(event: Event) -> bool:
    """Whether it tells of a call: of its first channel made, dialling and hung up; of any leg, how its dial ended."""
    kind, linked_id = event.get("Event"), event.get("Linkedid") or event.get("DestLinkedid")
    if not linked_id or kind == "DialEnd":
        return bool(linked_id and event.get("DialStatus"))
    is_told = kind == "UserEvent" and ("FROM_DID" in event or "CODE" in event)
    return event.get("Uniqueid") == linked_id and (is_told or kind in ("Newchannel", "DialBegin", "Hangup"))


def stamped(event: Event, now: float) -> Event:
    """With `at`, unix seconds: its own Timestamp (manager.conf: timestampevents = yes), else when it was heard."""
    at = now
    with contextlib.suppress(ValueError):
        at = float(event.get("Timestamp", now))
    return {**{name: value for name, value in event.items() if name != "Timestamp"}, "at": round(at if at > 1e9 else now, 3)}


def grouped(events: Iterable[Event]) -> list[Event]:
    """Call by call; of the legs of a call that rang together the first beginning and the last unanswered end are enough."""
    calls: dict[str, dict[Any, Event]] = {}
    for place, event in enumerate(events):
        call = calls.setdefault(str(event.get("Linkedid") or event.get("DestLinkedid")), {})
        kind, is_answer = event.get("Event"), event.get("DialStatus") == "ANSWER"
        if kind == "DialBegin":
            call.setdefault("begin", event)
        else:
            call["end" if kind == "DialEnd" and not is_answer else place] = event
    return [event for call in calls.values() for event in call.values()]


class Spool:
    """Events on disk until they are posted: files of at most BATCH lines, the oldest first. For two threads."""

    def __init__(self, folder: Path, most_bytes: float) -> None:
        self._folder, self._most, self._lock = folder, most_bytes, threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob("*.open"):
            left.rename(left.with_suffix(".jsonl"))
        self._sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.jsonl"))}
        self._name, self._lines, self._last = "", 0, 0

    def add(self, event: Event) -> None:
        line = json.dumps(event, ensure_ascii=True).encode() + b"\n"
        with self._lock:
            if not self._name:
                self._last = max(time.time_ns(), self._last + 1)
                self._name, self._lines = f"{self._last:020d}-{os.urandom(6).hex()}", 0
            descriptor = os.open(self._folder / f"{self._name}.open", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(descriptor, "ab") as file:  # noqa: PTH123 (a descriptor, so that nobody else may read it)
                file.write(line)
            self._lines += 1
            if self._lines >= BATCH:
                self._seal()

    def oldest(self) -> tuple[str, list[Event]] | None:
        """Name and events of the oldest file; None when there is none."""
        with self._lock:
            if not self._sizes:
                self._seal()
            if not self._sizes:
                return None
            name, events = min(self._sizes), []
            with contextlib.suppress(FileNotFoundError):  # somebody emptied the folder
                for line in (self._folder / name).read_bytes().splitlines():
                    with contextlib.suppress(ValueError):  # a line that a crash left unfinished
                        events.append(json.loads(line))
            return name, events

    def done(self, name: str, is_taken: bool) -> None:
        """The file is posted; a refused one stays beside, for the administrator, until the bound takes it."""
        path = self._folder / name
        with self._lock, contextlib.suppress(FileNotFoundError):  # dropped meanwhile: the spool was full
            self._sizes.pop(name, None)
            path.unlink() if is_taken else path.rename(path.with_suffix(".refused"))

    def _seal(self) -> None:
        if not self._name:
            return
        path = (self._folder / f"{self._name}.open").rename(self._folder / f"{self._name}.jsonl")
        self._sizes[path.name], self._name = path.stat().st_size, ""
        refused = sorted(self._folder.glob("*.refused"))
        size = sum(self._sizes.values()) + sum(one.stat().st_size for one in refused)
        while size > self._most and (refused or len(self._sizes) > 1):
            oldest = refused.pop(0) if refused else self._folder / min(self._sizes)
            size -= oldest.stat().st_size
            self._sizes.pop(oldest.name, None)
            oldest.unlink()
            LOG.error("the spool is full: the oldest events, %s, were dropped", oldest.name)


def body_of(events: Iterable[Event]) -> bytes:
    return json.dumps({"events": grouped(events)}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def post(config: Config, name: str, events: Iterable[Event], now: float) -> bool:
    """False when it was refused for good; Later. Standard Webhooks: the id is the file's name, the same in every try."""
    body, webhook_id, stamp = body_of(events), f"asterisk-{name.partition('.')[0]}", str(int(now))
    proof = base64.b64encode(hmac.new(config.secret, f"{webhook_id}.{stamp}.".encode() + body, hashlib.sha256).digest())
    headers = {"webhook-id": webhook_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{proof.decode()}"}
    headers |= {"content-type": "application/json", "user-agent": "skvoz-poster/1"}
    try:
        with urllib.request.urlopen(urllib.request.Request(config.url, body, headers), timeout=ANSWER_WITHIN) as answer:
            told = answer.read(MOST_EVENT)
            if answer.url != config.url:
                raise Later(f"the address leads to {answer.url}")  # by a GET: nothing was posted
    except urllib.error.HTTPError as error:
        message = f"{error.code} {error.read(1000).decode('utf-8', 'replace')}"
        if error.code not in (400, 413, 415, 422):  # of which the same body would be refused again
            raise Later(message) from error
        LOG.error("%s was refused and is kept as .refused: %s", name, message)
        return False
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Later(f"{type(error).__name__}: {error}") from error
    with contextlib.suppress(ValueError, AttributeError):
        if bad := json.loads(told).get("refused"):
            LOG.error("events that Skvoz cannot read: %s", bad)
    return True


def send(config: Config, spool: Spool, stop: threading.Event, linger: float = 1.0, pauses: Pauses = PAUSES) -> None:
    """Post what is in the spool, oldest first, until `stop`; look every `linger` seconds: events of a moment travel together."""
    pause = pauses[0]
    while not stop.is_set():
        if (some := spool.oldest()) is None:
            stop.wait(linger)
            continue
        name, events = some
        try:
            spool.done(name, is_taken=not events or post(config, name, events, time.time()))
            pause = pauses[0]
        except Later as error:
            LOG.warning("not posted, again in %g s: %s", pause, error)
            stop.wait(pause)
            pause = min(2 * pause, pauses[1])


def by_ami(config: Config, stop: threading.Event) -> Iterator[Event]:
    """What tells of calls, {} when Asterisk let us in, until `stop`; Later when it refuses us or ends the connection."""
    login, frames = f"Username: {config.ami_user}\r\nSecret: {config.ami_secret}\r\nEvents: call,user", Frames()
    with socket.create_connection((config.ami_host, config.ami_port), timeout=ANSWER_WITHIN) as ami:
        ami.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        ami.sendall(f"Action: Login\r\n{login}\r\n\r\n".encode())
        while not stop.is_set():
            if not select.select([ami], [], [], 0.5)[0]:
                continue
            if not (data := ami.recv(65_536)):
                raise Later("Asterisk closed the connection")
            for event in frames.feed(data):
                if event.get("Response") == "Error":
                    raise Later(f"Asterisk refused: {event.get('Message', '')}")
                if event.get("Response") == "Success":
                    yield {}
                elif is_needed(event):
                    yield stamped(event, time.time())


def listen(config: Config, spool: Spool, stop: threading.Event, pauses: Pauses = PAUSES, heard: Any = by_ami) -> None:
    """Keep what Asterisk tells, connecting again and again, until `stop`."""
    pause = pauses[0]
    while not stop.is_set():
        try:
            for event in heard(config, stop):
                pause = pause if event else pauses[0]
                if event:
                    spool.add(event)
        except (OSError, Later) as error:
            LOG.warning("no events of Asterisk, again in %g s: %s", pause, error)
        stop.wait(pause)
        pause = min(2 * pause, pauses[1])


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; 2 when the configuration is wrong."""
    parser = argparse.ArgumentParser(description="Posts calls of Asterisk to Skvoz.")
    parser.add_argument("--dry-run", metavar="FILE", help="print what a recorded AMI stream would post")
    parser.add_argument("--ari", action="store_true", help="listen to ARI, not to AMI (skvoz_ari.py lies beside this file)")
    told = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    if told.dry_run:
        heard = [stamped(event, time.time()) for event in Frames().feed(Path(told.dry_run).read_bytes()) if is_needed(event)]
        sys.stdout.writelines(body_of(heard[at : at + BATCH]).decode() + "\n" for at in range(0, len(heard), BATCH))
        return 0
    try:
        config = config_of(os.environ, "ari" if told.ari else "ami")
        spool = Spool(Path(config.spool), config.spool_mb * 1e6)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=send, args=(config, spool, stop), daemon=True).start()
    listen(config, spool, stop, heard=importlib.import_module("skvoz_ari").heard if told.ari else by_ami)
    return 0


if __name__ == "__main__":
    sys.exit(main())
