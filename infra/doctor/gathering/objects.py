"""Objects of a bucket, newest first, a bounded number of them: the doctor samples, the refresh counts."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from infra.doctor.facts import REJECTED_DAYS, SAMPLED_DAYS, Arrivals, Refused
from shared.ids import uuid7
from shared.times import from_lake_text

_MOST_PAGES = 100  # of 1,000 keys
_MOST_LINES = 20_000  # of one object
_MOST_BYTES = 32_000_000  # as stored; Firehose packs at most 64 MB into one
_NEWEST, _OF_A_DAY = 20, 4  # objects that are looked through for a site's records: of the newest day, of each other one
_MOST_REJECTED = 300
_FIGURES_DAYS = 40
_MOST_REPORTS = 60  # that are looked through for one that is of no scope
_GZIP = b"\x1f\x8b"
Record = Mapping[str, Any]


class Objects:
    """`s3` is a client. What was read is kept: sites share objects."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket
        self._keys: dict[tuple[str, str], list[str]] = {}
        self._lines: dict[str, list[Record]] = {}

    def keys(self, prefix: str, after: str) -> list[str]:
        """Keys of a prefix that sort after a text, oldest first."""
        found = self._keys.get((prefix, after))
        if found is None:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, StartAfter=after)
            found = [one["Key"] for _, page in zip(range(_MOST_PAGES), pages, strict=False) for one in page.get("Contents", ())]
            self._keys[(prefix, after)] = found
        return found

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below a prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return [one["Prefix"][len(prefix) : -1] for page in pages for one in page.get("CommonPrefixes", ())]

    def body(self, key: str) -> bytes:
        """The object's bytes; nothing of one that is too large to be looked into."""
        answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        return b"" if answer["ContentLength"] > _MOST_BYTES else bytes(answer["Body"].read())

    def lines(self, key: str) -> list[Record]:
        """JSON lines of an object, plain or packed; what is no JSON object is passed over."""
        if key not in self._lines:
            self._lines[key] = list(_records(self.body(key)))
        return self._lines[key]


def _records(body: bytes) -> Iterator[Record]:
    try:
        text = gzip.decompress(body) if body[:2] == _GZIP else body
    except (OSError, EOFError, zlib.error):
        return
    for line in text.splitlines()[:_MOST_LINES]:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            yield record


def _since(prefix: str, now: datetime, days: int) -> str:
    """The key after which objects of the last days come (UTC, today is one of them)."""
    return f"{prefix}{now - timedelta(days=days - 1):%Y/%m/%d}/"


class RawZone:
    """Records of the lake's raw zone by kind and site."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def arrivals(self, kind: str, site_id: str, now: datetime) -> Arrivals:
        """On which days records of the site came, and when the latest one did."""
        prefix = f"raw/{kind}/"
        by_day: dict[str, list[str]] = {}
        for key in self._objects.keys(prefix, _since(prefix, now, SAMPLED_DAYS)):
            by_day.setdefault(key[len(prefix) : len(prefix) + 10], []).append(key)
        last_at: datetime | None = None
        days = set()
        for day in sorted(by_day, reverse=True):
            most = _OF_A_DAY if last_at else _NEWEST
            times = _first_met(self._objects, by_day[day][: -most - 1 : -1], site_id)
            if times:
                days.add(date.fromisoformat(day.replace("/", "-")))
                last_at = last_at or max(times)
        return Arrivals(last_at, frozenset(days))

    def records(self, kind: str, site_id: str, now: datetime, days: int, most: int) -> list[Record]:
        """Records of the site in the newest `most` objects of the last days."""
        prefix = f"raw/{kind}/"
        keys = self._objects.keys(prefix, _since(prefix, now, days))[: -most - 1 : -1]
        return [record for key in keys for record in self._objects.lines(key) if record.get("site_id") == site_id]


def _first_met(objects: Objects, keys: Sequence[str], site_id: str) -> list[datetime]:
    """Times of arrival in the first of the objects that has records of the site, and in the rest of its hour: names of objects
    of one hour do not tell their order."""
    for place, key in enumerate(keys):
        if times := _times(objects, key, site_id):
            hour = key.rpartition("/")[0]
            near = [other for other in keys[place + 1 : place + 4] if other.rpartition("/")[0] == hour]
            return times + [at for other in near for at in _times(objects, other, site_id)]
    return []


def _times(objects: Objects, key: str, site_id: str) -> list[datetime]:
    found = []
    for record in objects.lines(key):
        if record.get("site_id") == site_id:
            try:
                found.append(from_lake_text(str(record.get("received_at"))))
            except ValueError:
                continue
    return found


def rejected(objects: Objects, now: datetime) -> dict[str, list[Refused]]:
    """What doors refused in the last days, by site ("" where a line names none), the most first."""
    prefixes = [f"rejected/{door}/" for door in objects.folders("rejected/")]
    keys = [key for prefix in prefixes for key in objects.keys(prefix, _since(prefix, now, REJECTED_DAYS))]
    newest = sorted(keys, key=lambda key: key.split("/", 2)[2], reverse=True)[:_MOST_REJECTED]
    return summed(line for key in newest for line in objects.lines(key))


def summed(lines: Iterable[Record]) -> dict[str, list[Refused]]:
    """Lines, the latest first → how many of each door and reason, by site."""
    counts: Counter[tuple[str, str, str]] = Counter()
    messages: dict[tuple[str, str, str], str] = {}
    for line in lines:
        key = (str(line.get("site_id") or ""), str(line.get("door") or ""), str(line.get("reason") or ""))
        counts[key] += 1
        messages.setdefault(key, str(line.get("message") or ""))
    found: dict[str, list[Refused]] = {}
    for (site_id, door, reason), records in counts.most_common():
        found.setdefault(site_id, []).append(Refused(door, reason, records, messages[(site_id, door, reason)]))
    return found


def newest_figures(objects: Objects, site_id: str, now: datetime) -> Any:
    """figures.json of the site's newest report of everything; None where there is none of the last weeks. Names of reports sort by
    time; those of a scope tell nothing of the site."""
    prefix = f"reports/{site_id}/"
    after = f"{prefix}{uuid7(now - timedelta(days=_FIGURES_DAYS), bytes(10))}"
    keys = [key for key in objects.keys(prefix, after) if key.endswith(".json")]
    found = (orjson.loads(objects.body(key)) for key in reversed(keys[-_MOST_REPORTS:]))
    return next((figures for figures in found if not figures.get("scope")), None)
