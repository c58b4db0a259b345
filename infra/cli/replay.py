"""`skvoz replay`: a file of historical records through /v1/import, signed, in batches, with progress and resume.

The door derives ids from the content where a line gives none, so a batch that is sent twice is counted once.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer
from rich.progress import Progress

from functions.collect.imports.door import MOST_SHOWN
from functions.collect.imports.unpack import GZIP_MAGIC, MOST_LINE_BYTES
from shared.errors import BadInput
from shared.ids import is_site_id, uuid7
from shared.security import sign_webhook, webhook_key

BATCH_LINES = MOST_SHOWN  # the answer names at most that many refused lines: none goes unnamed
BATCH_BYTES = 3_000_000  # before packing; with one more line still under what the door takes, even if nothing packs
TRIES = 6

Post = Callable[[str, bytes, dict[str, str]], tuple[int, bytes]]


class Door(NamedTuple):
    """Where and how batches go: `post(url, body, headers)` gives status and answer, or raises OSError."""

    url: str
    secret: str
    post: Post
    sleep: Callable[[float], None]
    now: Callable[[], datetime]


class Batch(NamedTuple):
    """Lines with their numbers in the file (from 1). `end` is the last line looked at, `position` the place in the file, `digest`
    stands for all lines so far. `too_long` are lines that the door would refuse: they are not sent."""

    lines: list[tuple[int, bytes]]
    too_long: list[int]
    end: int
    position: int
    digest: str


def replay(
    file: Path,
    site: Annotated[str, typer.Option(help="site id")],
    endpoint: Annotated[str, typer.Option(help="address of the API, for example https://stat.example.com")],
    secret: Annotated[str, typer.Option(envvar="SKVOZ_IMPORT_SECRET", help="import secret of the site (whsec_…)")],
) -> None:
    """Send a JSON-lines file (plain or gzip) through the import door. Interrupted, it goes on where it stopped."""
    if not file.is_file():
        raise BadInput(f"{file} does not exist")
    total = file.stat().st_size
    with Progress() as progress:
        task = progress.add_task(f"{file.name} → {site}", total=total)
        result = send_file(file, site, endpoint, secret, on_progress=lambda done: progress.update(task, completed=done))
        progress.update(task, completed=total)
    print(f"accepted {result['accepted']}, rejected {result['rejected']}")
    if result["rejected"]:
        print(f"reasons, line by line: {_rejected_path(file)}")


def send_file(
    file: Path,
    site: str,
    endpoint: str,
    secret: str,
    *,
    post: Post | None = None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[int], None] = lambda done: None,
) -> dict[str, int]:
    """Send what is left of a file; gives how many records of it were accepted and rejected in all.

    Progress is kept beside it (`.progress`) until the end; refused lines go to `.rejected` with their line in the file.
    BadInput when the door refuses a whole batch (wrong secret, unknown site), stays unreachable after six tries, or the file cannot
    be read or is not the one whose first part was sent.
    """
    door = Door(_url(endpoint, site), _usable(secret), post or post_bytes, sleep, now)
    done = _resumed(file, door.url)
    for batch in _batches(file, done["lines"], done["digest"]):
        nothing: dict[str, Any] = {"accepted": 0, "rejected": [], "rejected_total": 0}
        answer = _send([line for _, line in batch.lines], door) if batch.lines else nothing
        refused = [{**item, "line": batch.lines[item["line"] - 1][0]} for item in answer["rejected"]]
        refused += [{"line": n, "reason": "line_too_long", "message": f"over {MOST_LINE_BYTES} bytes"} for n in batch.too_long]
        done |= {
            "lines": batch.end,
            "digest": batch.digest,
            "accepted": done["accepted"] + answer["accepted"],
            "rejected": done["rejected"] + answer["rejected_total"] + len(batch.too_long),
            "rejected_bytes": _note_rejected(file, sorted(refused, key=lambda item: item["line"])),
        }
        _write_whole(_progress_path(file), json.dumps(done))
        on_progress(batch.position)
    _progress_path(file).unlink(missing_ok=True)
    return {name: done[name] for name in ("lines", "accepted", "rejected")}


def _resumed(file: Path, url: str) -> dict[str, Any]:
    """What an interrupted run left, or a new start. Refusals noted after the last kept progress are taken back: they come again."""
    kept, noted = _progress_path(file), _rejected_path(file)
    if not kept.exists():
        noted.unlink(missing_ok=True)
        return {"url": url, "lines": 0, "digest": "", "accepted": 0, "rejected": 0, "rejected_bytes": 0}
    try:
        done: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        before = done["url"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{kept} is broken; delete it to send the whole file again (nothing is counted twice)") from error
    if before != url:
        raise BadInput(f"{file} was begun at {before}; finish it there, or delete {kept} to send all of it to {url}")
    if noted.exists():
        os.truncate(noted, min(done["rejected_bytes"], noted.stat().st_size))
    return done


def _note_rejected(file: Path, refused: list[dict[str, Any]]) -> int:
    """Adds to the list of refused lines; gives its length in bytes."""
    path = _rejected_path(file)
    if refused:
        with path.open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in refused)
    return path.stat().st_size if path.exists() else 0


def _send(lines: list[bytes], door: Door) -> dict[str, Any]:
    """The door's answer to one batch. Tried again with growing pauses while the door is busy or away."""
    body = gzip.compress(b"\n".join(lines), mtime=0)
    status, answer = 0, b""
    for attempt in range(TRIES):
        if attempt:
            door.sleep(2 ** (attempt - 1))
        now = door.now()
        headers = sign_webhook(body, uuid7(now, os.urandom(10)), door.secret, now)
        try:
            status, answer = door.post(door.url, body, {**headers, "content-type": "application/octet-stream"})
        except (OSError, http.client.HTTPException) as error:
            status, answer = 0, str(error).encode()
        if status == 202:
            return dict(json.loads(answer))
        if status and status != 429 and status < 500:
            raise BadInput(f"the import door refused the batch ({status}): {_told(answer)}")
    raise BadInput(
        f"the import door did not take a batch after {TRIES} tries (last answer: {status or 'none'}, {_told(answer)}); "
        "what was taken is kept: run the command again to go on"
    )


def _told(answer: bytes) -> str:
    """The message of the one error shape, or the beginning of whatever came."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace")[:300]


def _batches(file: Path, skip: int, digest: str) -> Iterator[Batch]:
    """Batches after the first `skip` lines. BadInput when those are not the lines that `digest` stands for."""
    seen = hashlib.sha256()
    lines: list[tuple[int, bytes]] = []
    too_long: list[int] = []
    size = number = position = 0
    for number, (line, position) in enumerate(_lines(file), 1):
        seen.update(line + b"\n")
        if number <= skip:
            if number == skip and seen.hexdigest() != digest:
                break
            continue
        if len(line) > MOST_LINE_BYTES:
            too_long.append(number)
        elif line:
            lines.append((number, line))
            size += len(line) + 1
        if len(lines) + len(too_long) >= BATCH_LINES or size >= BATCH_BYTES:
            yield Batch(lines, too_long, number, position, seen.hexdigest())
            lines, too_long, size = [], [], 0
    if number <= skip and skip and seen.hexdigest() != digest:
        raise BadInput(f"{file} is not the file that was begun; delete {_progress_path(file)} to send all of it")
    if lines or too_long:
        yield Batch(lines, too_long, number, position, seen.hexdigest())


def _lines(file: Path) -> Iterator[tuple[bytes, int]]:
    """(line without its end, place in the file as stored) of each line of a plain or packed file."""
    with file.open("rb") as raw:
        is_packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        source: Any = gzip.open(raw) if is_packed else raw  # noqa: SIM115 (ends with `raw`)
        position = 0
        try:
            for line in source:
                position = raw.tell() if is_packed else position + len(line)
                yield line.strip(), position
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(f"{file} is a broken gzip file ({error}); what came before the break may have been sent") from error


def _url(endpoint: str, site: str) -> str:
    if not is_site_id(site):
        raise BadInput(f"{site} is no site id; use a-z, 0-9 and hyphens")
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "localhost", "::1"))):
        raise BadInput(f"{endpoint} is no address of an API; give https://HOST (http only on this machine)")
    return f"{endpoint.rstrip('/')}/v1/import?site={site}"


def _usable(secret: str) -> str:
    try:
        key = webhook_key(secret)
    except ValueError:
        key = b""
    if not key:
        raise BadInput("the import secret is no whsec_… key; it was made by: skvoz secrets init")
    return secret


def post_bytes(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and answer; OSError where there is none."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _write_whole(path: Path, text: str) -> None:
    """Never half: a crash leaves the old content or the new."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _progress_path(file: Path) -> Path:
    return file.with_name(file.name + ".progress")


def _rejected_path(file: Path) -> Path:
    return file.with_name(file.name + ".rejected")
