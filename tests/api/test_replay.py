"""`skvoz replay`: history through the import door in batches; interrupted anywhere, it goes on and loses or doubles nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from functions.collect.imports.unpack import MOST_LINE_BYTES, MOST_LINES, MOST_SENT_BYTES, lines_of
from infra.cli.main import app
from infra.cli.replay import BATCH_BYTES, BATCH_LINES, TRIES, send_file
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.errors import BadInput
from shared.security import verify_webhook
from shared.settings import parse_settings

SECRET = "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"
NOW = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)
ENDPOINT = "https://stat.example.com"


class FakeDoor:
    """Takes lines as the real door does (its own unpacking, its own limits); refuses those with `bad` in them.

    `answers` are consumed first: statuses or exceptions in place of an answer.
    """

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []
        self.batches: list[int] = []
        self.urls: set[str] = set()
        self.ids: list[str] = []
        self.crash_after: int | None = None

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self.ids.append(verify_webhook(body, headers, [SECRET], NOW))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer, json.dumps({"error": {"code": "x", "message": f"told {answer}", "fields": []}}).encode()
        if self.crash_after is not None and len(self.batches) >= self.crash_after:
            raise KeyboardInterrupt
        self.urls.add(url)
        lines = lines_of(body, "")
        self.batches.append(len(lines))
        bad = [{"line": n, "reason": "bad_json", "message": "no"} for n, line in lines if b"bad" in line]
        self.taken += [line for _, line in lines if b"bad" not in line]
        told = {"accepted": len(lines) - len(bad), "rejected_total": len(bad), "rejected": bad[:1000]}
        return 202, json.dumps(told).encode()


def send(file: Path, door: FakeDoor, sleep: Callable[[float], None] | None = None, **changes: Any) -> dict[str, int]:
    told = {"site": "kvartal", "endpoint": ENDPOINT, "secret": SECRET, "now": lambda: NOW} | changes
    return send_file(file, post=door, sleep=sleep or (lambda seconds: None), **told)


def refused(file: Path) -> list[tuple[int, str]]:
    lines = file.with_name(file.name + ".rejected").read_text().splitlines()
    return [(item["line"], item["reason"]) for item in map(json.loads, lines)]


def numbered(count: int) -> list[bytes]:
    return [b'{"n":%d}' % n for n in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join(numbered(3 * BATCH_LINES + 5)) + b"\n")
    return path


def progress_of(file: Path) -> Path:
    return file.with_name(file.name + ".progress")


def test_a_file_goes_in_batches_and_leaves_no_progress(file: Path) -> None:
    door, seen = FakeDoor(), []
    assert send(file, door, on_progress=seen.append) == {"lines": 3005, "accepted": 3005, "rejected": 0}
    assert door.taken == numbered(3005)
    assert door.batches == [1000, 1000, 1000, 5]
    assert door.urls == {f"{ENDPOINT}/v1/import?site=kvartal"}
    assert seen == sorted(seen)
    assert seen[-1] == file.stat().st_size
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_packed_file_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "history.txt"
    path.write_bytes(gzip.compress(b"\r\n".join(numbered(5))))
    door = FakeDoor()
    assert send(path, door)["accepted"] == 5
    assert door.taken == numbered(5)


def test_interrupted_it_goes_on_where_it_stopped(file: Path) -> None:
    door = FakeDoor()
    door.crash_after = 2
    with pytest.raises(KeyboardInterrupt):
        send(file, door)
    assert progress_of(file).exists()
    door.crash_after = None
    assert send(file, door) == {"lines": 3005, "accepted": 3005, "rejected": 0}
    assert door.taken == numbered(3005)
    assert not progress_of(file).exists()


def test_a_crash_between_the_answer_and_the_note_sends_that_batch_again_and_names_no_line_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join([b"bad", *numbered(BATCH_LINES), b"bad"]))
    door = FakeDoor()

    def crash(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr("infra.cli.replay._write_whole", crash)
        with pytest.raises(OSError, match="disk full"):
            send(path, door)
    assert refused(path) == [(1, "bad_json")]
    assert send(path, door) == {"lines": BATCH_LINES + 2, "accepted": BATCH_LINES, "rejected": 2}
    assert refused(path) == [(1, "bad_json"), (BATCH_LINES + 2, "bad_json")]


def test_refusals_after_the_kept_progress_are_taken_back_on_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join([b"bad"] * (BATCH_LINES + 1)))
    door, written = FakeDoor(), 0
    from infra.cli import replay

    original = replay._write_whole

    def crash_second(target: Path, text: str) -> None:
        nonlocal written
        written += 1
        if written == 2:
            raise KeyboardInterrupt
        original(target, text)

    with monkeypatch.context() as broken:
        broken.setattr(replay, "_write_whole", crash_second)
        with pytest.raises(KeyboardInterrupt):
            send(path, door)
    assert len(refused(path)) == BATCH_LINES + 1
    assert send(path, door)["rejected"] == BATCH_LINES + 1
    assert [line for line, _ in refused(path)] == list(range(1, BATCH_LINES + 2))


def test_a_busy_door_is_asked_again_with_growing_pauses(file: Path) -> None:
    door, pauses = FakeDoor(503, OSError("reset"), 429, 502), []
    assert send(file, door, pauses.append)["accepted"] == 3005
    assert pauses == [1, 2, 4, 8]
    assert len(set(door.ids)) == len(door.ids)  # every try is signed anew: a late one is no replay


def test_a_door_that_stays_away_ends_with_what_to_do_and_keeps_the_progress(file: Path) -> None:
    door, pauses = FakeDoor(), []
    door.crash_after = 1
    with pytest.raises(KeyboardInterrupt):
        send(file, door)
    away = FakeDoor(*[503] * TRIES)
    with pytest.raises(BadInput, match=r"after 6 tries \(last answer: 503, told 503\).*run the command again"):
        send(file, away, pauses.append)
    assert pauses == [1, 2, 4, 8, 16]
    assert send(file, FakeDoor()) == {"lines": 3005, "accepted": 3005, "rejected": 0}


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_a_refused_batch_is_an_error_with_the_doors_own_words_and_is_not_tried_again(file: Path, status: int) -> None:
    door = FakeDoor(status)
    with pytest.raises(BadInput, match=rf"refused the batch \({status}\): told {status}"):
        send(file, door)
    assert len(door.ids) == 1


def test_refused_lines_carry_their_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    lines = [b"", b"bad", *numbered(BATCH_LINES), b"", b"x" * (MOST_LINE_BYTES + 1), b"bad", b'{"n":"last"}', b""]
    path.write_bytes(b"\n".join(lines))
    door = FakeDoor()
    assert send(path, door) == {"lines": len(lines) - 1, "accepted": BATCH_LINES + 1, "rejected": 3}
    assert refused(path) == [(2, "bad_json"), (BATCH_LINES + 4, "line_too_long"), (BATCH_LINES + 5, "bad_json")]
    for line, reason in refused(path):
        assert (lines[line - 1] == b"bad") == (reason == "bad_json")


def test_every_refused_line_is_named_even_where_all_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"bad\n" * (2 * BATCH_LINES + 7))
    assert send(path, FakeDoor())["rejected"] == 2 * BATCH_LINES + 7
    assert [line for line, _ in refused(path)] == list(range(1, 2 * BATCH_LINES + 8))


def test_empty_lines_alone_are_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n\n \r\n")
    door = FakeDoor()
    assert send(path, door)["accepted"] == 0
    assert door.ids == []


def test_batches_stay_under_the_doors_limits_even_where_nothing_packs() -> None:
    assert BATCH_LINES <= MOST_LINES
    assert (BATCH_BYTES + MOST_LINE_BYTES) * 1.001 + 1024 < MOST_SENT_BYTES


def test_long_lines_make_short_batches(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join([b"y" * 60_000] * 120))
    door = FakeDoor()
    assert send(path, door)["accepted"] == 120
    assert door.batches == [50, 50, 20]


def test_another_file_under_the_same_name_is_not_taken_for_the_one_begun(file: Path) -> None:
    door = FakeDoor()
    door.crash_after = 2
    with pytest.raises(KeyboardInterrupt):
        send(file, door)
    file.write_bytes(b"\n".join(reversed(numbered(3005))))
    with pytest.raises(BadInput, match=r"is not the file that was begun; delete .*progress"):
        send(file, FakeDoor())
    file.write_bytes(b"\n".join(numbered(10)))
    with pytest.raises(BadInput, match="is not the file that was begun"):
        send(file, FakeDoor())


def test_a_file_that_grew_meanwhile_is_sent_to_its_new_end(file: Path) -> None:
    door = FakeDoor()
    door.crash_after = 2
    with pytest.raises(KeyboardInterrupt):
        send(file, door)
    file.write_bytes(b"\n".join(numbered(4000)) + b"\n")
    door.crash_after = None
    assert send(file, door)["accepted"] == 4000
    assert door.taken == numbered(4000)


def test_a_file_begun_for_another_site_is_not_mixed(file: Path) -> None:
    door = FakeDoor()
    door.crash_after = 1
    with pytest.raises(KeyboardInterrupt):
        send(file, door)
    with pytest.raises(BadInput, match=r"was begun at .*site=kvartal"):
        send(file, FakeDoor(), site="other")
    progress_of(file).write_text("{")
    with pytest.raises(BadInput, match="is broken; delete it"):
        send(file, FakeDoor())


def test_a_cut_gzip_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(numbered(50_000)))[:-50])
    with pytest.raises(BadInput, match="is a broken gzip file"):
        send(path, FakeDoor())


@pytest.mark.parametrize(
    "endpoint", ["stat.example.com", "ftp://stat.example.com", "http://stat.example.com", "https://", "http://[", ""]
)
def test_an_endpoint_that_is_none_or_not_private_is_refused(file: Path, endpoint: str) -> None:
    with pytest.raises(BadInput, match="is no address of an API"):
        send(file, FakeDoor(), endpoint=endpoint)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_a_secret_that_is_none_is_refused(file: Path, secret: str) -> None:
    with pytest.raises(BadInput, match="is no whsec_"):
        send(file, FakeDoor(), secret=secret)


def test_the_command_replays_through_a_running_stack(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    hit = {"type": "hit", "visitor_id": "v-1", "occurred_at": "2025-03-01T10:00:00+03:00"}
    lines = [json.dumps({**hit, "page_url": f"https://kvartal.example/{n}"}) for n in range(1500)]
    path.write_text("\n".join([*lines[:1200], '{"type": "hit"}', *lines[1200:]]))
    now = datetime.now(UTC)  # the command signs with the machine's clock
    with LocalStack(tmp_path / "stack", SimulatedClock(now)) as stack:
        stack.publish(parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}))
        stack.put_secret("kvartal/import", SECRET)
        arguments = ["replay", str(path), "--site", "kvartal", "--endpoint", stack.url, "--secret", SECRET]
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, done.stderr) == (0, "")
        assert "accepted 1500, rejected 1" in done.stdout
        assert refused(path) == [(1201, "missing_field")]
        stored = [json.loads(line) for o in stack.objects("LakeBucket", "raw/hit/").values() for line in o.splitlines()]
        assert {record["page_url"] for record in stored} == {json.loads(line)["page_url"] for line in lines}
        assert {record["occurred_at"] for record in stored} == {"2025-03-01 07:00:00.000"}
        wrong = CliRunner().invoke(app, [*arguments[:-1], "whsec_" + "A" * 32])
        assert wrong.exit_code == 2
        assert "refused the batch (401)" in wrong.stderr
        unknown = CliRunner().invoke(app, ["replay", str(path), "--site", "nobody", *arguments[4:]])
        assert (unknown.exit_code, "(404)" in unknown.stderr) == (2, True)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["replay", str(tmp_path / "no.jsonl"), "--site", "a", "--endpoint", ENDPOINT, "--secret", SECRET]
    )
    assert (told.exit_code, "no.jsonl does not exist" in told.stderr) == (2, True)
