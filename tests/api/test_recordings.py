"""Recordings of calls, from the call door to the listener's browser, on moto and a host of recordings on 127.0.0.1."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.report import handler
from functions.report.mail import recipient_hash
from functions.report.recordings import fetch, player
from functions.report.store import Ledger, Page
from shared.sites import current_key
from tests.api import numbers_door
from tests.api.numbers_door import SETTINGS, TABLE, Numbers, body_of, counted, create_table, moto_dynamodb
from tests.api.telephony_host import MP3, Host, answer, moved, telephony_host
from tests.api.test_calls import ringing, taken
from tests.fakes import FakeSsm
from tests.report_cases import NOW

BUCKET, LEDGER = numbers_door.FILES, "ledger"
LISTENER, READER = "owner@kvartal.example", "partner@kvartal.example"
HOSTS = ["pbx.example", "files.pbx.example", "app.mango-office.ru", "api.zadarma.com"]
CALLS = {"recordings": {"hosts": HOSTS, "listeners": [LISTENER]}, "mango": {}, "zadarma": {}}
SITE: dict[str, Any] = {**SETTINGS, "calls": CALLS, "report": {"recipients": [LISTENER, READER]}}
ID = "0199d7a1-5c2e-7b6a-9c11-000000000001"
OTHER_ID = "0199d7a1-5c2e-7b6a-9c11-000000000002"
ADDRESS = "https://pbx.example/rec/1.mp3"
BROWSER = {"accept": "text/html,*/*", "accept-language": "en"}


@cache
def s3_client() -> Any:
    """One for all tests, as `dynamodb_client`."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    session: Any = botocore.session.get_session()
    return session.create_client("s3", region_name="eu-central-1", **keys)


class Clients:
    """Of the report's function: moto's DynamoDB and S3, secrets in memory."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb, self.s3, self.ssm = dynamodb, s3_client(), FakeSsm()

    def __call__(self, service: str) -> Any:
        return {"s3": self.s3, "dynamodb": self.dynamodb, "ssm": self.ssm}[service]


class World:
    """Both functions over one account, and the telephony's host."""

    def __init__(self, patch: pytest.MonkeyPatch, dynamodb: Any, host: Host) -> None:
        self.numbers, self.host, self.aws, self.patch = Numbers(patch, dynamodb), host, Clients(dynamodb), patch
        create_table(dynamodb, LEDGER)
        self.aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        patch.setattr(handler, "client", self.aws)
        for name, value in {"LEDGER_TABLE": LEDGER, "FILES_BUCKET": BUCKET, "NUMBERS_TABLE": TABLE, "STAGE": "test"}.items():
            patch.setenv(name, value)
        self.wait(5.0)
        self.ledger = Ledger(self.aws.dynamodb, LEDGER)
        for token, recipient in (("listener", LISTENER), ("reader", READER), ("nobody", "")):
            self.admit(token, recipient)
        self.publish(SITE)

    def wait(self, seconds: float) -> None:
        self.patch.setattr(handler, "line", lambda: self.host.line(seconds))

    def admit(self, token: str, recipient: str, site: str = "kvartal") -> None:
        page = Page(site, f"reports/{site}/1.html", recipient_hash(recipient) if recipient else "", "Квартал", "ru")
        self.ledger.keep_token(token, page, NOW)

    def publish(self, site: dict[str, Any]) -> None:
        """For both functions; the call door's files bucket is another fake."""
        self.numbers.publish(site)
        key = current_key(site["site_id"])
        self.aws.s3.put_object(Bucket=BUCKET, Key=key, Body=self.numbers.clients.s3.body(numbers_door.FILES, key))

    def tell(self, reference: str, provider: str = "uis", site: str = "kvartal", request_id: str = ID) -> None:
        """A recording as the call door keeps it."""
        told = {"pk": f"recording#{site}", "sk": request_id, "provider": provider, "reference": reference, "call_id": "c-1"}
        item = {name: {"S": value} for name, value in told.items()} | {"told_at": {"N": "1791860400000"}}
        self.aws.dynamodb.put_item(TableName=TABLE, Item=item)

    def listen(self, request_id: str = ID, by: str = "listener", **headers: str) -> dict[str, Any]:
        event = {
            "routeKey": "GET /v1/reports/{token}",
            "pathParameters": {"token": by},
            "queryStringParameters": {"recording": request_id},
            "headers": {**BROWSER, **headers},
            "requestContext": {"http": {"sourceIp": "192.0.2.1"}, "timeEpoch": 1_791_860_400_000, "requestId": "r"},
        }
        found: dict[str, Any] = handler.lambda_handler(event, None)
        return found

    def why(self, capsys: pytest.CaptureFixture[str], **asked: Any) -> tuple[int, str]:
        """Status and counted reason of a recording that is not played."""
        capsys.readouterr()
        status = self.listen(**asked)["statusCode"]
        (metric,) = [m for m in counted(capsys.readouterr().out) if {"RecordingRefused", "RecordingNotPlayed"} & m.keys()]
        return status, str(metric["Reason"])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with moto_dynamodb(monkeypatch) as dynamodb, telephony_host() as host:
        yield World(monkeypatch, dynamodb, host)


def sound_in(found: dict[str, Any]) -> bytes:
    assert found["statusCode"] in (200, 206), found["body"]
    return base64.b64decode(found["body"])


# --- kept by the call door -------------------------------------------------------------------------------------------------------


def test_a_recorded_call_is_heard_by_a_listener(world: World) -> None:
    call = taken(world.numbers, ringing(world.numbers.now, recording=ADDRESS))
    world.host.answers["/rec/1.mp3"] = answer()
    found = world.listen(call["request_id"])
    assert sound_in(found) == MP3
    assert world.host.asked[0][:2] == ("pbx.example", "/rec/1.mp3")


def test_one_item_is_kept_for_a_call_with_what_is_needed_to_fetch_it_and_no_phone(world: World) -> None:
    call = taken(world.numbers, ringing(world.numbers.now, recording=ADDRESS, call_id="c-1"))
    (item,) = world.numbers.items("recording#")
    at = world.numbers.now + dt.timedelta(minutes=3)
    millis = int(at.timestamp() * 1000)
    assert {name: next(iter(value.values())) for name, value in item.items()} == {
        "pk": "recording#kvartal",
        "sk": call["request_id"],
        "provider": "generic",
        "reference": ADDRESS,
        "call_id": "c-1",
        "told_at": str(millis),
        "expires_at": str(millis // 1000 + 400 * 86_400),
    }


def test_the_reference_that_was_told_last_counts_and_a_repeat_changes_nothing(world: World) -> None:
    first = ringing(world.numbers.now, recording=ADDRESS, call_id="c-1")
    later = {**first, "recording": "https://pbx.example/rec/2.mp3", "duration": 119}
    taken(world.numbers, first, webhook_id="msg_1")
    taken(world.numbers, later, dt.timedelta(minutes=9), webhook_id="msg_2")
    before = world.numbers.items("recording#")
    assert [item["reference"]["S"] for item in before] == ["https://pbx.example/rec/2.mp3"]
    taken(world.numbers, first, dt.timedelta(minutes=20), webhook_id="msg_1")
    taken(world.numbers, later, dt.timedelta(minutes=21), webhook_id="msg_2")
    assert world.numbers.items("recording#") == before


def test_nothing_is_kept_of_a_site_that_names_no_hosts(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.publish({**SITE, "calls": {}})
    taken(world.numbers, ringing(world.numbers.now, recording=ADDRESS))
    assert world.numbers.items("recording#") == []
    assert {"RecordingNotKept": 1, "Reason": "no_hosts"} in counted(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["79000000017", "call_79000000017_1", "8-900-000-00-17"])
def test_a_reference_that_names_the_caller_is_not_kept(world: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    taken(world.numbers, ringing(world.numbers.now, recording=f"https://pbx.example/{name}.mp3"))
    assert world.numbers.items("recording#") == []
    assert {"RecordingNotKept": 1, "Reason": "phone"} in counted(capsys.readouterr().out)


def test_calls_without_a_recording_and_outgoing_ones_keep_nothing(world: World) -> None:
    taken(world.numbers, ringing(world.numbers.now, call_id="c-1"))
    taken(world.numbers, ringing(world.numbers.now, call_id="c-2", is_outgoing=1, recording=ADDRESS))
    assert world.numbers.items("recording#") == []


def test_a_call_whose_recording_cannot_be_kept_is_told_again(world: World) -> None:
    body = ringing(world.numbers.now, recording=ADDRESS)
    put = world.numbers.dynamodb.put_item

    def refuse(**call: Any) -> Any:
        if str(call["Item"]["pk"]["S"]).startswith("recording#"):
            raise OSError("no answer")
        return put(**call)

    world.numbers.later(minutes=3)
    world.patch.setattr(world.numbers.dynamodb, "put_item", refuse)
    assert world.numbers.ring(body)["statusCode"] == 503
    world.patch.setattr(world.numbers.dynamodb, "put_item", put)
    assert world.numbers.ring(body)["statusCode"] == 200
    assert len(world.numbers.items("recording#")) == 1


# --- who may listen --------------------------------------------------------------------------------------------------------------


def refusals(world: World) -> dict[str, Callable[[], dict[str, Any]]]:
    """reason → a try that is refused for it."""

    def unsubscribed() -> dict[str, Any]:
        world.ledger.set_off("kvartal", recipient_hash(LISTENER), True, NOW)
        found = world.listen()
        world.ledger.set_off("kvartal", recipient_hash(LISTENER), False, NOW)
        return found

    def with_site(**changes: Any) -> dict[str, Any]:
        world.publish({**SITE, **changes})
        found = world.listen()
        world.publish(SITE)
        return found

    return {
        "token": lambda: world.listen(by="made-up"),
        "no_listener": lambda: world.listen(by="reader"),
        "unsubscribed": unsubscribed,
        "unknown_call": lambda: world.listen(OTHER_ID),
        "bad_id": lambda: world.listen("1' OR '1'='1"),
        "no_hosts": lambda: with_site(calls={"recordings": {"listeners": [LISTENER]}}),
    }


def test_whoever_may_not_listen_sees_one_page_and_the_reason_is_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer()
    seen = set()
    for reason, attempt in refusals(world).items():
        capsys.readouterr()
        found = attempt()
        assert {"RecordingRefused": 1, "Reason": reason} in counted(capsys.readouterr().out)
        seen.add(orjson.dumps(found, option=orjson.OPT_SORT_KEYS))
    assert len(seen) == 1
    assert found["statusCode"] == 404
    assert "There is no recording" in found["body"]
    assert world.host.dialled == []
    assert sound_in(world.listen()) == MP3  # the same call, by who may


@pytest.mark.parametrize("token", ["", "nobody", "reader", "listener" * 40, "\x00", "../listener", "Listener"])
def test_no_other_token_opens_a_recording(world: World, token: str) -> None:
    world.tell(ADDRESS)
    assert world.listen(by=token)["statusCode"] == 404
    assert world.host.dialled == []


def test_a_listener_of_one_site_hears_nothing_of_another(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**SITE, "site_id": "other", "hosts": ["other.example"]}
    del other["numbers"]
    world.publish(other)
    world.tell(ADDRESS, site="other")
    assert world.why(capsys) == (404, "unknown_call")
    assert world.host.dialled == []


def test_a_listener_who_is_taken_off_the_recipients_hears_nothing_from_then_on(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer()
    assert sound_in(world.listen()) == MP3
    world.publish({**SITE, "report": {"recipients": [READER]}})
    assert world.why(capsys) == (404, "no_listener")


def test_a_site_whose_settings_are_gone_plays_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.tell(ADDRESS)
    world.aws.s3.delete_object(Bucket=BUCKET, Key=current_key("kvartal"))
    assert world.why(capsys) == (404, "unknown_site")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60) | st.sampled_from(["recording#kvartal", f"{ID}\n", ID.upper(), f" {ID}", "*", "a" * 5000, "%00"]))
def test_no_id_makes_anything_but_not_found(world: World, request_id: str) -> None:
    assert world.listen(request_id)["statusCode"] == 404


def test_programs_get_the_one_error_shape(world: World) -> None:
    found = world.listen(accept="*/*")
    assert (found["statusCode"], json.loads(found["body"])["error"]["code"]) == (404, "not_found")


def test_the_page_speaks_the_readers_language(world: World) -> None:
    world.tell("https://evil.example/1.mp3")
    assert "Записи нет" in world.listen(OTHER_ID, **{"accept-language": "ru-RU"})["body"]
    assert "Запись пока недоступна" in world.listen(**{"accept-language": "ru-RU"})["body"]


def test_while_our_own_store_fails_it_is_later_not_never(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tell(ADDRESS)
    monkeypatch.setenv("NUMBERS_TABLE", "gone")
    found = world.listen()
    assert (found["statusCode"], found["headers"]["retry-after"]) == (503, "30")


# --- what is answered ------------------------------------------------------------------------------------------------------------


def test_a_small_recording_is_the_answer_itself_and_no_cache_on_the_way_keeps_it(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer(content_type="audio/x-wav; charset=utf-8")
    found = world.listen()
    assert sound_in(found) == MP3
    headers = found["headers"]
    assert headers["content-type"] == "audio/wav"
    assert headers["content-disposition"] == f'inline; filename="{ID}.wav"'
    assert headers["cache-control"] == "no-store"
    assert headers["accept-ranges"] == "bytes"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    # A browser's own player loads the address once more; nothing else may be loaded.
    assert "default-src 'none'; media-src 'self'" in headers["content-security-policy"]


def test_a_player_may_seek_in_a_small_recording(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer()
    found = world.listen(range="bytes=0-1")
    assert (found["statusCode"], sound_in(found)) == (206, MP3[:2])
    assert found["headers"]["content-range"] == f"bytes 0-1/{len(MP3)}"


def test_the_telephony_gives_a_small_recording_out_once_for_all_parts_that_a_player_asks_for(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every part comes the same way as the first: players refuse a later part from another host."""
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer(content_type="audio/x-wav")
    ranges = ["bytes=0-1", "", "bytes=100-199", "bytes=-5", f"bytes={len(MP3)}-"]
    found = [world.listen(range=asked) for asked in ranges]
    assert [part["statusCode"] for part in found] == [206, 200, 206, 206, 416]
    assert [sound_in(part) for part in found[:4]] == [MP3[:2], MP3, MP3[100:200], MP3[-5:]]
    assert {(part["headers"]["content-type"], part["headers"]["content-disposition"]) for part in found[:4]} == {
        ("audio/wav", f'inline; filename="{ID}.wav"')
    }
    assert len(world.host.asked) == 1
    assert len([metric for metric in counted(capsys.readouterr().out) if "RecordingPlayed" in metric]) == 1
    (entry,) = world.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"recordings/kvartal/{ID}-")["Contents"]
    assert entry["Size"] == len(MP3)
    world.tell("https://pbx.example/rec/2.mp3")
    assert world.listen()["statusCode"] == 404  # another reference is not the recording that was kept


def test_what_is_kept_is_heard_by_nobody_who_may_not_listen(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer()
    assert sound_in(world.listen()) == MP3
    assert world.listen(by="reader")["statusCode"] == 404
    world.publish({**SITE, "calls": {**CALLS, "recordings": {"hosts": HOSTS, "listeners": []}}})
    assert world.listen()["statusCode"] == 404


def test_a_large_recording_lies_in_the_bucket_for_a_day_behind_a_signed_address(world: World) -> None:
    body = b"ID3" + bytes(player.MOST_ANSWER)
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer(body)
    found = world.listen(range="bytes=0-1")
    assert found["statusCode"] == 302
    location = found["headers"]["location"]
    assert f"recordings/kvartal/{ID}-" in location
    assert "ignature" in location
    (entry,) = world.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="recordings/")["Contents"]
    kept = world.aws.s3.get_object(Bucket=BUCKET, Key=entry["Key"])
    assert kept["Body"].read() == body
    assert kept["ContentType"] == "audio/mpeg"
    assert world.listen()["statusCode"] == 302
    assert len(world.host.asked) == 1  # from the bucket
    world.tell("https://pbx.example/rec/2.mp3")
    assert world.listen()["statusCode"] == 404  # another reference is not the recording that was kept


def test_the_limits_of_an_answer_are_exact(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer(b"ID3".ljust(player.MOST_ANSWER, b"\0"))
    found = world.listen()
    assert found["statusCode"] == 200
    assert len(found["body"]) < 6_000_000  # what Lambda answers at most


# --- the way to the telephony ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("https://pbx.example.evil.example/1", "host"),
        ("https://evil.example/1", "host"),
        ("https://pbx.example@evil.example/1", "bad_address"),
        ("https://169.254.169.254/latest/meta-data/iam", "bad_address"),
        ("https://[::ffff:169.254.169.254]/", "bad_address"),
        ("http://pbx.example/1", "bad_address"),
        ("https://pbx.example:8443/1", "bad_address"),
        ("file:///proc/self/environ", "bad_address"),
        ("//pbx.example/1", "bad_address"),
        ("r-1", "no_way"),
    ],
)
def test_no_reference_leads_anywhere_else(world: World, reference: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.tell(reference)
    assert world.why(capsys) == (404, reason)
    assert world.host.dialled == []
    assert reason in world.listen()["body"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["::ffff:10.0.0.1"], ["fd00:ec2::254"]],
)
def test_a_listed_name_that_leads_inside_is_not_dialled(
    world: World, addresses: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    world.tell(ADDRESS)
    world.host.names["pbx.example"] = addresses
    assert world.why(capsys) == (404, "private_address")
    assert world.host.dialled == []


def test_the_connection_goes_to_an_address_that_was_checked_the_next_where_one_refuses(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer()
    world.host.names["pbx.example"] = ["93.184.216.34", "93.184.216.35"]
    world.host.refusing.add("93.184.216.34")
    assert sound_in(world.listen()) == MP3
    assert world.host.dialled == [("pbx.example", "93.184.216.34"), ("pbx.example", "93.184.216.35")]


def test_redirects_are_followed_within_the_list(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers |= {
        "/rec/1.mp3": moved("../two?x=1"),
        "/two": moved("https://files.pbx.example/three"),
        "/three": moved("/four"),
        "/four": answer(),
    }
    assert sound_in(world.listen()) == MP3
    seen = [f"{host}{target}" for host, target, _ in world.host.asked]
    assert seen == ["pbx.example/rec/1.mp3", "pbx.example/two?x=1", "files.pbx.example/three", "files.pbx.example/four"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://evil.example/1", "host"),
        ("https://pbx.example.evil.example/1", "host"),
        ("//evil.example/1", "host"),
        ("http://pbx.example/1", "bad_address"),
        ("https://169.254.169.254/", "bad_address"),
        ("https://user@pbx.example/1", "bad_address"),
        ("https://pbx.example:22/1", "bad_address"),
        ("file:///etc/passwd", "bad_address"),
        ("javascript:alert(1)", "bad_address"),
        ("/rec/1.mp3", "redirects"),
        ("", "redirects"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(world: World, location: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = moved(location)
    assert world.why(capsys) == (404, reason)
    assert {host for host, _, _ in world.host.asked} == {"pbx.example"}
    assert len(world.host.asked) <= 4


def test_a_redirect_to_a_listed_name_that_leads_inside_is_not_followed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = moved("https://files.pbx.example/1")
    world.host.names["files.pbx.example"] = ["127.0.0.1"]
    assert world.why(capsys) == (404, "private_address")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(b"", status="404 Not Found"), "not_there"),
        (answer(b"", status="204 No Content"), "not_there"),
        (answer(b"later", status="202 Accepted"), "not_there"),
        (answer(b"", status="410 Gone"), "not_there"),
        (answer(b""), "not_there"),
        (answer(b"", status="401 Unauthorized"), "telephony_refused"),
        (answer(b"", status="403 Forbidden"), "telephony_refused"),
        (answer(b"", status="500 Internal Server Error"), "telephony_error"),
        (answer(b"", status="302 Found"), "redirects"),
        (answer(status="206 Partial Content"), "telephony_error"),
        (answer(content_encoding="gzip"), "telephony_error"),
        (answer(b"<script>alert(1)</script>", "text/html"), "not_audio"),
        (answer(b"<html>", "application/octet-stream"), "not_audio"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 60000000\r\n\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 100\r\n\r\nID3", "unreachable"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nID3", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000, "unreachable"),
        (b"\x16\x03\x01 not http", "unreachable"),
        (b"", "unreachable"),
    ],
)
def test_whatever_a_telephony_answers_it_is_a_page_that_says_why(
    world: World, raw: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = raw
    assert world.why(capsys) == (404, reason)


def test_headers_of_the_telephony_reach_nobody(world: World) -> None:
    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = answer(
        content_type="audio/mpeg\r\n folded: x",
        set_cookie="a=b",
        content_disposition="attachment; filename=a.exe",
        x_evil="1",
        access_control_allow_origin="*",
    )
    found = world.listen()
    assert found["statusCode"] == 200
    text = json.dumps(found["headers"]) + json.dumps(found.get("cookies", []))
    assert not [word for word in ("a=b", "a.exe", "evil", "folded", "allow-origin") if word in text]


def test_a_body_without_end_is_cut_off(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "MOST_BYTES", 300_000)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n\r\n")
        while not world.host.over.is_set():
            connection.sendall(b"a" * 65_536)

    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = endless
    assert world.why(capsys) == (404, "too_large")


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n\r\nID3"])
def test_who_drips_is_not_waited_for(world: World, start: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte now and then keeps every time-out of a socket away; the whole way is bounded, not its steps."""
    gone = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(start)
            while not world.host.over.wait(0.02):
                connection.sendall(b"a")
        except OSError:
            gone.set()

    world.tell(ADDRESS)
    world.host.answers["/rec/1.mp3"] = drip
    world.wait(0.3)
    assert world.why(capsys) == (404, "slow")
    assert gone.wait(5), "the connection is given up too"


def test_a_recording_by_our_limit_of_time_leaves_the_function_time_to_store_it() -> None:
    assert 2 * fetch.SECONDS < 29  # Zadarma is asked twice
    assert player.MOST_BYTES == 50_000_000


# --- telephonies that play by id -------------------------------------------------------------------------------------------------


def test_a_recording_of_mango_is_fetched_by_its_signed_link(world: World) -> None:
    world.aws.ssm.parameters["/skvoz/test/kvartal/calls-mango"] = "thekey:thesaltofsixteen"
    world.tell("TVRvME1EQQ==", "mango")
    world.publish(
        {
            **SITE,
            "calls": {**CALLS, "recordings": {"hosts": ["app.mango-office.ru", "files.mango-office.ru"], "listeners": [LISTENER]}},
        }
    )

    until = 1_791_860_400 + 4 * 3600
    sign = hashlib.sha256(f"thekey{until}TVRvME1EQQ==thesaltofsixteen".encode()).hexdigest()
    link = f"/vpbx/queries/recording/link/TVRvME1EQQ==/play/thekey/{until}/{sign}"
    world.host.answers |= {link: moved("https://files.mango-office.ru/once"), "/once": answer()}
    assert sound_in(world.listen()) == MP3


def test_a_recording_of_zadarma_is_asked_for_and_its_key_goes_to_the_api_alone(world: World) -> None:
    world.aws.ssm.parameters["/skvoz/test/kvartal/calls-zadarma"] = "thekey:thesecretofsixteen"
    world.tell("1791791527.4410023", "zadarma")
    link = orjson.dumps({"status": "success", "links": ["https://files.pbx.example/z.mp3", "https://files.pbx.example/y.mp3"]})
    world.host.answers |= {"/v1/pbx/record/request/": answer(link, "application/json"), "/z.mp3": answer()}
    assert sound_in(world.listen()) == MP3
    (api, question, first), (_, _, second) = world.host.asked
    assert (api, question) == (
        "api.zadarma.com",
        "/v1/pbx/record/request/?call_id=1791791527.4410023&format=json&lifetime=180",
    )
    assert first["authorization"].startswith("thekey:")
    assert "authorization" not in second


def test_the_proof_for_zadarma_does_not_follow_a_redirect(world: World) -> None:
    world.aws.ssm.parameters["/skvoz/test/kvartal/calls-zadarma"] = "thekey:thesecretofsixteen"
    world.tell("1.2", "zadarma")
    world.host.answers["/v1/pbx/record/request/"] = moved("https://pbx.example/elsewhere")
    world.listen()
    assert [("authorization" in headers) for _, _, headers in world.host.asked] == [True, False]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (b'{"status": "error", "message": "not found"}', "not_there"),
        (b'{"status": "success", "link": "http://127.0.0.1/private"}', "bad_address"),
        (b'{"status": "success", "link": "https://evil.example/"}', "host"),
        (b'{"status": "success", "link": 7, "links": "x"}', "not_there"),
        (b"[]", "not_there"),
        (b"<html>", "telephony_error"),
        (b'{"link": "' + b"a" * 70_000 + b'"}', "too_large"),
    ],
)
def test_what_zadarma_answers_is_believed_no_more_than_a_reference(
    world: World, told: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.aws.ssm.parameters["/skvoz/test/kvartal/calls-zadarma"] = "thekey:thesecretofsixteen"
    world.tell("1.2", "zadarma")
    world.host.answers["/v1/pbx/record/request/"] = answer(told, "application/json")
    assert world.why(capsys) == (404, reason)


def test_telephonies_are_asked_only_where_their_hosts_are_listed_and_a_secret_is_set(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.tell("1.2", "zadarma")
    assert world.why(capsys) == (404, "no_secret")
    world.aws.ssm.parameters["/skvoz/test/kvartal/calls-zadarma"] = "thekey:thesecretofsixteen"
    world.publish({**SITE, "calls": {**CALLS, "recordings": {"hosts": ["pbx.example"], "listeners": [LISTENER]}}})
    assert world.why(capsys) == (404, "host")
    assert world.host.dialled == []


# --- TLS -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host of TLS on 127.0.0.1 that greets whoever comes in, with a certificate of its own making for pbx.example."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx.example")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + dt.timedelta(days=36_500))
    for extension in (x509.SubjectAlternativeName([x509.DNSName("pbx.example")]), x509.BasicConstraints(ca=True, path_length=None)):
        made = made.add_extension(extension, critical=True)
    pem, own = serialization.Encoding.PEM, tmp_path / "host.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def accept() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection, context.wrap_socket(connection, server_side=True) as safe:
                    safe.sendall(b"hello")

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        monkeypatch.setattr(fetch, "_PORT", server.getsockname()[1])
        yield own
        thread.join(6)


def test_a_connection_is_made_where_the_certificate_is_the_hosts(tls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))  # vouched for
    with fetch.dialled("pbx.example", "127.0.0.1", 5) as connection:
        assert connection.recv(5) == b"hello"


def test_a_certificate_of_another_host_is_refused(tls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch.dialled("files.pbx.example", "127.0.0.1", 5)


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch.dialled("pbx.example", "127.0.0.1", 5)


def test_a_name_is_resolved_by_the_system() -> None:
    assert "127.0.0.1" in fetch.resolved("localhost")


def test_what_is_answered_says_nothing_of_the_reference(world: World) -> None:
    world.tell("https://evil.example/secret-path?key=1")
    found = world.listen()
    assert "evil" not in json.dumps(found)
    assert "secret-path" not in json.dumps(found)
    assert body_of(world.listen(accept="*/*"))["error"]["fields"] == []
