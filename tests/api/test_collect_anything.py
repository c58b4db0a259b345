"""Whatever comes through the hit door, it never crashes, answers in a known shape, and stores only what the contract knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.collect.handler import ROUTES
from shared.ids import uuid7
from shared.records import KINDS, Column
from shared.times import from_lake_text, from_millis
from shared.visitors import read_visitor
from tests.api.collect_door import HIT_ID, STREAMS, VISITOR_SECRET, Collect, body_of, now_of, recorded, token_of
from tests.api.dynamo import dynamodb

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
URLS = st.one_of(
    ANY_TEXT,
    st.builds("https://{}/{}?{}#{}".format, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    st.builds("https://xn--{}.example/?utm_source={}&gclid={}".format, ANY_TEXT, ANY_TEXT, ANY_TEXT),
)
IDS = st.uuids().map(str) | ANY_TEXT
KNOWN = "0199d7a1-0000-7000-8000-000000000001"
TOKEN = token_of(KNOWN)
# Ours, another site's, another secret's; with one character changed; in quotes; and what only looks like one.
TOKENS = st.one_of(
    st.just(TOKEN),
    st.just(token_of(KNOWN, site="other")),
    st.just(token_of(KNOWN, secret="other")),
    st.builds(
        lambda at, letter: TOKEN[:at] + letter + TOKEN[at + 1 :], st.integers(0, len(TOKEN)), st.characters(exclude_categories=())
    ),
    st.just(f'"{TOKEN}"'),
    st.builds("{}.{}.{}".format, IDS, st.integers() | st.sampled_from(["²", "١٧٩١"]), ANY_TEXT),
)
PROPOSALS = st.builds(
    lambda millis: uuid7(from_millis(millis), bytes(10)), st.integers(0, (1 << 48) - 1).filter(lambda m: m < 253_402_300_799_000)
)
NUMBERS = st.sampled_from(["+74950000031", "+7495", "٧٤٩٥", ""])
LEASES = st.fixed_dictionaries({}, optional={"number": NUMBERS | JSON, "id": IDS | JSON}) | JSON
CONTACT_TEXTS = st.sampled_from(["8 900 000-00-17", "vera@post.example", "12"]) | ANY_TEXT
CONTACTS = (
    st.fixed_dictionaries(
        {},
        optional={
            "phones": st.lists(CONTACT_TEXTS | JSON, max_size=6) | JSON,
            "emails": st.lists(CONTACT_TEXTS, max_size=6) | JSON,
        },
    )
    | JSON
)
HIT = st.fixed_dictionaries(
    {"id": IDS, "kind": st.sampled_from(["page_view", "event", "form", "call_click", "x"]), "url": URLS},
    optional={
        "t": st.integers(1791790000000, 1791791000000) | JSON,
        "ref": URLS | JSON,
        "title": ANY_TEXT | JSON,
        "name": ANY_TEXT | JSON,
        "form": ANY_TEXT | JSON,
        "request_id": ANY_TEXT | JSON,
        "lang": ANY_TEXT,
        "screen": ANY_TEXT,
        "contact": CONTACTS,
    },
)
BATCH = st.fixed_dictionaries(
    {"site": st.just("kvartal") | ANY_TEXT, "hits": st.lists(HIT | JSON, max_size=5) | JSON},
    optional={
        "visitor": IDS | TOKENS | PROPOSALS | JSON,
        "sent_at": st.integers(1791790000000, 1791791000000) | JSON,
        "consent": st.sampled_from(["granted", "denied", ""]) | JSON,
        "test": JSON,
        "lease": LEASES,
    },
)
LINE = st.fixed_dictionaries(
    {"type": st.sampled_from(["hit", "request", "payment"])},
    optional={
        "occurred_at": st.just("2026-10-12T10:40:26+03:00") | JSON,
        "id": IDS | JSON,
        "contact_channel": st.just("call") | JSON,
        "visitor_id": ANY_TEXT | JSON,
        "page_url": URLS | JSON,
        "page_title": ANY_TEXT | JSON,
        "utm_source": ANY_TEXT | JSON,
        "amount": st.decimals(-1000, 1000, places=2).map(str) | JSON,
        "deal_id": ANY_TEXT | JSON,
        "currency": st.just("RUB") | JSON,
        "phone": st.just("9000000017") | JSON,
        "email": ANY_TEXT | JSON,
        "ip": ANY_TEXT | JSON,
        "talk_seconds": JSON,
        "is_answered": JSON,
        "consent": JSON,
        "site_id": JSON,
    },
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "accept-language", "cloudfront-viewer-address", "cloudfront-viewer-city", "cloudfront-viewer-country",
            "cloudfront-viewer-country-region-name", "content-encoding", "content-type", "dnt", "if-none-match", "origin",
            "host", "referer", "sec-fetch-site", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp",
            "x-skvoz-host", "x-skvoz-proxy", "x-skvoz-viewer",
        ]
    ),
    ANY_TEXT,
    max_size=4,
)  # fmt: skip
QUERY = st.dictionaries(
    st.sampled_from(["site", "visitor", "url", "kind", "id", "consent", "title", "ref"]),
    ANY_TEXT | TOKENS | st.just("kvartal"),
    max_size=5,
)
COOKIES = st.lists(ANY_TEXT | st.builds("skvoz_kvartal={}".format, ANY_TEXT | TOKENS), max_size=3)


@pytest.fixture(scope="module")
def collect() -> Iterator[Collect]:
    with pytest.MonkeyPatch.context() as patch, dynamodb() as tables:
        collect = Collect(patch)
        collect.clients.dynamodb = tables
        forms = {"forms": {"contacts": True}, "pii": "vault"}
        collect.publish({"site_id": "kvartal", "name": "К", "hosts": ["kvartal.example"], **forms})
        yield collect


def dumped(value: object) -> bytes:
    """JSON as careless senders write it: half pairs and NaN included."""
    return json.dumps(value).encode()


def assert_answered(answer: dict[str, Any]) -> None:
    status = answer["statusCode"]
    assert status < 500, answer["body"]
    if status >= 400:
        error = body_of(answer)["error"]
        assert set(error) == {"code", "message", "fields"}
    orjson.dumps(answer)


def assert_contract(collect: Collect) -> None:
    for kind, stream in STREAMS.items():
        columns = {c.name: c for c in KINDS[kind].columns}
        for line in collect.clients.firehose.lines(stream):
            record = orjson.loads(line)
            assert {"record_id", "site_id", "occurred_at", "received_at", "via"} <= record.keys()
            for name, value in record.items():
                assert_column(columns[name], value)
        collect.clients.firehose.records.pop(stream, None)


def assert_column(column: Column, value: Any) -> None:
    if column.type == "varchar":
        assert isinstance(value, str)
        assert "\x00" not in value
        assert len(value) <= (column.limit or 64), column.name
    elif column.type == "timestamp":
        from_lake_text(value)
    elif column.type == "boolean":
        assert isinstance(value, bool)
    else:
        assert isinstance(value, (int, float))
        assert not isinstance(value, bool)


few = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def assert_somebody(collect: Collect, answer: dict[str, Any], batch: dict[str, Any]) -> None:
    """The visitor of the answer is that of the hits; the past of another is had only for his token."""
    sent = body_of(answer)
    hits = [orjson.loads(line) for line in collect.clients.firehose.lines(STREAMS["hit"])]
    assert {hit.get("visitor_id") for hit in hits} <= {sent["visitor"]}
    assert sent["visitor"] != KNOWN or batch["visitor"] == TOKEN
    assert ("token" in sent) is (sent["visitor"] is not None and sent["accepted"] > 0)
    assert ("cookies" in answer) is ("token" in sent)
    if "token" in sent:
        read = read_visitor(sent["token"], "kvartal", now_of("hits_post"), [VISITOR_SECRET])
        assert read is not None
        assert read.visitor_id == sent["visitor"]
    assert ("lease" in sent) is (batch.get("lease") is not None)


@few
@given(BATCH)
def test_any_batch(collect: Collect, batch: Any) -> None:
    answer = collect.hits(raw=dumped(batch).decode())
    assert_answered(answer)
    if answer["statusCode"] == 202:
        sent = body_of(answer)
        assert sent["accepted"] == len(collect.clients.firehose.lines(STREAMS["hit"]))
        assert sent["accepted"] + len(sent["rejected"]) == len(batch["hits"])
        assert_somebody(collect, answer, batch)
    assert_contract(collect)


@few
@given(st.sampled_from(sorted(ROUTES)), ANY_TEXT, HEADERS, QUERY, COOKIES, st.booleans(), ANY_TEXT)
def test_any_event(
    collect: Collect, route: str, body: str, headers: Any, query: Any, cookies: list[str], is_base64: bool, source_ip: str
) -> None:
    event = recorded("hits_post")
    event |= {"routeKey": route, "body": body, "queryStringParameters": query, "cookies": cookies, "isBase64Encoded": is_base64}
    event["headers"] = {**event["headers"], **headers}
    event["requestContext"]["http"]["sourceIp"] = source_ip
    assert_answered(collect.call(event))
    assert_contract(collect)


@few
@given(HEADERS, URLS, ANY_TEXT)
def test_good_hit_with_any_headers(collect: Collect, headers: Any, url: str, title: str) -> None:
    keep = {"origin", "content-type", "content-encoding", "webhook-id"}
    answer = collect.hits({"id": HIT_ID, "url": url, "title": title}, headers={k: v for k, v in headers.items() if k not in keep})
    assert_answered(answer)
    assert_contract(collect)


@few
@given(st.lists(LINE.map(dumped) | JSON.map(dumped) | st.binary(max_size=40), min_size=1, max_size=6))
def test_any_signed_import(collect: Collect, lines: list[bytes]) -> None:
    answer = collect.import_(b"\n".join(lines))
    assert_answered(answer)
    if answer["statusCode"] == 202:
        stored = sum(len(collect.clients.firehose.lines(stream)) for stream in STREAMS.values())
        assert body_of(answer)["accepted"] == stored
    assert_contract(collect)


@few
@given(st.binary(max_size=200))
def test_any_signed_bytes(collect: Collect, body: bytes) -> None:
    assert_answered(collect.import_(body))
    assert_answered(collect.import_(b"\x1f\x8b" + body))
    assert_contract(collect)
