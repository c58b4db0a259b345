"""`skvoz replay`: a file of historical records through /v1/import, signed, in batches, with progress and resume.

Ids are derived from the content where the file gives none, so a batch sent twice is counted once.
"""

from __future__ import annotations

import gzip
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from shared.errors import BadInput
from shared.ids import uuid7
from shared.security import sign_webhook

BATCH_LINES = 2_000
BATCH_BYTES = 3_000_000
TRIES = 6

Post = Callable[[str, bytes, dict[str, str]], tuple[int, bytes]]


def replay(
    file: Path,
    site: Annotated[str, typer.Option(help="site id")],
    endpoint: Annotated[str, typer.Option(help="address of the API, for example https://stat.example.com")],
    secret: Annotated[str, typer.Option(envvar="SKVOZ_IMPORT_SECRET", help="import secret of the site (whsec_…)")],
) -> None:
    """Send a JSON-lines file (plain or .gz) through the import door. Interrupted, it goes on where it stopped."""
    if not file.is_file():
        raise BadInput(f"{file} does not exist")
    total = file.stat().st_size
    with Progress() as progress:
        task = progress.add_task(f"{file.name} → {site}", total=total)
        result = send_file(
            file,
            site,
            endpoint,
            secret,
            post=_post,
            sleep=time.sleep,
            on_progress=lambda done: progress.update(task, completed=done),
        )
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
    post: Post,
    sleep: Callable[[float], None],
    on_progress: Callable[[int], None] = lambda done: None,
) -> dict[str, int]:
    """Send what is left of a file. Progress is kept beside it (`.progress`) until the end; refused lines go to `.rejected`.

    BadInput when the door refuses the whole batch (wrong secret, unknown site) or stays unreachable after six tries.
    """
    kept = _progress_path(file)
    done: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {"lines": 0, "accepted": 0, "rejected": 0}
    for first, lines, position in _batches(file, done["lines"]):
        answer = _send(lines, site, endpoint, secret, post, sleep)
        refused = answer["rejected"]
        if refused:
            with _rejected_path(file).open("a", encoding="utf-8") as out:
                for item in refused:
                    out.write(json.dumps({**item, "line": first + int(item.get("line", 1))}, ensure_ascii=False) + "\n")
        rejected = len(lines) - answer["accepted"]
        done = {
            "lines": first + len(lines),
            "accepted": done["accepted"] + answer["accepted"],
            "rejected": done["rejected"] + rejected,
        }
        kept.write_text(json.dumps(done))
        on_progress(position)
    kept.unlink(missing_ok=True)
    return done


def _send(lines: list[bytes], site: str, endpoint: str, secret: str, post: Post, sleep: Callable[[float], None]) -> dict[str, Any]:
    body = gzip.compress(b"\n".join(lines), mtime=0)
    url = f"{endpoint.rstrip('/')}/v1/import?site={site}"
    for attempt in range(TRIES):
        now = datetime.now(UTC)
        headers = sign_webhook(body, uuid7(now, os.urandom(10)), secret, now)
        try:
            status, answer = post(url, body, {**headers, "content-type": "application/octet-stream"})
        except OSError as error:
            status, answer = 0, str(error).encode()
        if status == 202:
            return dict(json.loads(answer))
        if status and status != 429 and status < 500:
            raise BadInput(f"the import door refused the batch ({status}): {answer.decode('utf-8', 'replace')[:500]}")
        sleep(2**attempt)
    raise BadInput(
        f"the import door did not take a batch after {TRIES} tries (last answer {status}); run the command again to go on"
    )


def _batches(file: Path, skip: int) -> Iterator[tuple[int, list[bytes], int]]:
    """(number of lines before, lines, position in the file) of each batch after the first `skip` lines."""
    with file.open("rb") as raw:
        source: Any = gzip.open(raw) if file.suffix == ".gz" else raw  # noqa: SIM115 (ends with `raw`)
        batch: list[bytes] = []
        size, first = 0, skip
        for number, line in enumerate(source):
            if number < skip:
                continue
            batch.append(line.rstrip(b"\r\n"))
            size += len(line)
            if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
                yield first, batch, raw.tell()
                first, batch, size = first + len(batch), [], 0
        if batch:
            yield first, batch, raw.tell()


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _progress_path(file: Path) -> Path:
    return file.with_name(file.name + ".progress")


def _rejected_path(file: Path) -> Path:
    return file.with_name(file.name + ".rejected")
