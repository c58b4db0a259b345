"""Into the raw lake: Firehose first, S3 itself where Firehose refuses; an accepted record is never lost.

TryLater (503) only when neither took it. Rejected input goes to `rejected/` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from shared.errors import TryLater
from shared.identity import redact
from shared.log import count
from shared.records import RecordKind
from shared.times import lake_text

MOST_BYTES = 1_000_000  # Firehose takes 1,024,000 bytes a record
MOST_REJECTED_TEXT = 2_000
_LONGEST_KEY = 400  # characters of an e-mail or phone: one that the cut goes through is redacted whole


@dataclass(frozen=True, slots=True)
class Rejected:
    """One refused item: its reason (a closed set per door), a message and what was sent. Both are kept cut to 2,000 characters,
    without phones and e-mails; names are hidden from neither, so a message quotes nothing that people wrote."""

    reason: str
    message: str
    content: str = ""


class Lake:
    """`streams` maps a record kind to its Firehose stream; `firehose` and `s3` are clients."""

    def __init__(self, firehose: Any, s3: Any, bucket: str, streams: Mapping[str, str]) -> None:
        self._firehose, self._s3, self._bucket, self._streams = firehose, s3, bucket, streams

    def append(self, kind: RecordKind, lines: Sequence[bytes], batch_id: str, now: datetime) -> None:
        """Store encoded records. Newline-joined into as few Firehose records as fit (each is billed from 5 KB up)."""
        for number, blob in enumerate(_blobs(lines)):
            try:
                self._firehose.put_record(DeliveryStreamName=self._streams[kind.name], Record={"Data": blob})
            except Exception as error:
                count({"FirehoseRefused": 1}, RecordKind=kind.name)
                self._spill(f"raw/{kind.name}/{now:%Y/%m/%d/%H}/spill-{batch_id}-{number}.jsonl", blob, error)

    def write_object(self, kind: RecordKind, lines: Sequence[bytes], name: str, now: datetime) -> None:
        """Store encoded records as one object: imports of files, which must land whole or not at all."""
        key = f"raw/{kind.name}/{now:%Y/%m/%d/%H}/{name}.jsonl"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"".join(line + b"\n" for line in lines))

    def reject(self, site_id: str, door: str, items: Iterable[Rejected], batch_id: str, now: datetime) -> None:
        """Keep refused items with their reasons and count them by reason. Losing one is logged, not answered with 5xx."""
        items = list(items)
        if not items:
            return
        for reason in {item.reason for item in items}:
            count({"Rejected": sum(item.reason == reason for item in items)}, Door=door, Reason=reason)
        head = {"site_id": site_id, "door": door, "received_at": lake_text(now)}
        lines = [
            orjson.dumps({**head, "reason": r.reason, "message": _kept(r.message), "content": _kept(r.content)}) for r in items
        ]
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"rejected/{door}/{now:%Y/%m/%d/%H}/{batch_id}.jsonl",
                Body=b"".join(line + b"\n" for line in lines),
            )
        except Exception:
            count({"RejectedNotKept": len(items)}, Door=door)

    def _spill(self, key: str, blob: bytes, cause: Exception) -> None:
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=blob)
        except Exception as error:
            count({"NotStored": 1}, RecordKind=key.split("/")[1])
            raise TryLater("nothing could be stored; keep the data and send it again") from (error or cause)


def _kept(content: str) -> str:
    return redact(content[: MOST_REJECTED_TEXT + _LONGEST_KEY])[:MOST_REJECTED_TEXT]


def _blobs(lines: Sequence[bytes]) -> Iterable[bytes]:
    blob: list[bytes] = []
    size = 0
    for line in lines:
        if blob and size + len(line) + 1 > MOST_BYTES:
            yield b"\n".join(blob) + b"\n"
            blob, size = [], 0
        blob.append(line)
        size += len(line) + 1
    if blob:
        yield b"\n".join(blob) + b"\n"
