"""Published settings of the sites, read by the functions: `settings/{site}/current.json` in the files bucket, cached 60 s.

Kept free of pydantic: the hit door reads them as plain mappings (they were checked when they were published).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from shared.errors import NotFound, TryLater
from shared.ids import is_site_id
from shared.log import count

KEEP = timedelta(seconds=60)
PREFIX = "settings/"


class Sites:
    """`read(key)` gives the object's bytes or None; `now` decides what is stale, so a simulated clock works too."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._kept: dict[str, tuple[datetime, Mapping[str, Any] | None]] = {}

    def get(self, site_id: str, now: datetime) -> Mapping[str, Any]:
        """Settings of a site. NotFound when nobody published any; unknown sites are remembered too. TryLater when unreadable."""
        if not is_site_id(site_id):
            raise NotFound("a site id consists of a-z, 0-9 and hyphens")
        kept = self._kept.get(site_id)
        if kept is None or not timedelta(0) <= now - kept[0] < KEEP:
            kept = self._fresh(site_id, now) or kept
            if kept is None:
                raise TryLater("the site's settings cannot be read now; keep the data and send it again")
            if len(self._kept) > 1000:
                self._kept.clear()
            self._kept[site_id] = kept
        if kept[1] is None:
            raise NotFound(f"site {site_id} is not set up; publish its settings with: skvoz sites apply FILE")
        return kept[1]

    def find(self, site_id: str, now: datetime) -> Mapping[str, Any]:
        """As `get`; {} for a site that nobody published any for."""
        try:
            return self.get(site_id, now)
        except NotFound:
            return {}

    def _fresh(self, site_id: str, now: datetime) -> tuple[datetime, Mapping[str, Any] | None] | None:
        """None where the store does not answer: settings a minute old serve better than an outage."""
        try:
            raw = self._read(current_key(site_id))
        except Exception:
            count({"SettingsNotRead": 1})
            return None
        return now, orjson.loads(raw) if raw is not None else None


def known_site(sites: Sites, site_id: str, door: str, now: datetime) -> Mapping[str, Any]:
    """Settings of the site that a door was told. NotFound is counted and nothing of the request kept: junk for sites that are none
    must cost nothing. TryLater while they cannot be read."""
    try:
        return sites.get(site_id, now)
    except NotFound:
        count({"Refused": 1}, Door=door, Reason="unknown_site")
        raise


def current_key(site_id: str) -> str:
    """Where the settings in force lie."""
    return f"{PREFIX}{site_id}/current.json"


def version_key(site_id: str, version: str) -> str:
    """Where one published version stays for good."""
    return f"{PREFIX}{site_id}/versions/{version}.json"


def object_reader(s3: Any, bucket: str) -> Callable[[str], bytes | None]:
    """Reader for `Sites` over an S3 client: bytes, or None where there is no such object."""

    def read(key: str) -> bytes | None:
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body
        except s3.exceptions.NoSuchKey:
            return None

    return read


def list_sites(s3: Any, bucket: str) -> dict[str, bytes]:
    """Published settings of every site: site id → JSON bytes."""
    read = object_reader(s3, bucket)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX, Delimiter="/")
    names = [p["Prefix"][len(PREFIX) : -1] for page in pages for p in page.get("CommonPrefixes", ())]
    found = {name: read(current_key(name)) for name in names}
    return {name: raw for name, raw in found.items() if raw is not None}
