"""One address through every door of collect: as a page of the tracker, of the pixel and of an import."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.collect_door import HIT_ID, LAKE, Collect, body_of

SHOP = "https://kvartal.example/"
SETTINGS = {
    "site_id": "kvartal",
    "name": "Квартал",
    "hosts": ["kvartal.example", "квартал.рф"],
    "sources": {"parameters": {"utm_campaign": ["cid"]}, "click_ids": {"partner_click": {"source": "partner"}}},
}
LINE = {"type": "hit", "id": HIT_ID, "occurred_at": "2026-10-12T10:40:26+03:00"}


@contextlib.contextmanager
def fresh() -> Iterator[Collect]:
    with pytest.MonkeyPatch.context() as patch:
        collect = Collect(patch)
        collect.publish(SETTINGS)
        yield collect
    collect.forget()  # whoever was there before is asked again


def everything(collect: Collect) -> str:
    """All that the lake holds."""
    streams = b"".join(b"".join(blobs) for blobs in collect.clients.firehose.records.values())
    return (collect.clients.s3.all_bytes(LAKE) + streams).decode()


def through_each_door(collect: Collect, url: object, ref: object = None) -> list[dict[str, Any] | str]:
    """What became of one address as a page of the tracker, of the pixel and of an import: the record, or the reason. The pixel's
    query holds text alone."""
    return [came_through(collect, door, url, ref) for door in ("hits", "pixel", "import") if door != "pixel" or is_text(url, ref)]


def is_text(*values: object) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def came_through(collect: Collect, door: str, url: object, ref: object = None) -> dict[str, Any] | str:
    collect.clients.firehose.records.clear()
    known = collect.clients.s3.keys(LAKE)
    if door == "hits":
        raw = json.dumps({"site": "kvartal", "hits": [{"id": HIT_ID, "kind": "page_view", "url": url, "ref": ref}]})
        answer = collect.hits(raw=raw)  # escaped: halves of surrogate pairs arrive as such
    elif door == "pixel":
        answer = collect.pixel(site="kvartal", url=str(url), ref=str(ref or ""))
    else:
        answer = collect.import_(json.dumps({**LINE, "page_url": url, **({"referrer": ref} if ref else {})}).encode())
    assert answer["statusCode"] in (200, 202), answer["body"]
    stored, rejected = collect.stored(), rejected_since(collect, known)
    assert len(stored) + len(rejected) == 1, "an address was lost"
    if door != "pixel":
        assert body_of(answer)["accepted"] == len(stored)
    return stored[0] if stored else str(rejected[0]["reason"])


def rejected_since(collect: Collect, known: list[str]) -> list[dict[str, Any]]:
    keys = set(collect.clients.s3.keys(LAKE)).difference(known)
    return [json.loads(line) for key in keys for line in collect.clients.s3.body(LAKE, key).splitlines()]
