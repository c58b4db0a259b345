"""POST /v1/import through the handler: signed JSON lines in, records of the lake out."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import orjson
import pytest

from functions.collect.imports.unpack import MOST_INFLATED_BYTES, MOST_SENT_BYTES
from shared.identity import email_hash, phone_hash
from shared.security import sign_webhook
from shared.times import to_millis
from tests.api.collect_door import HIT_ID, LAKE, OLD_SECRET, SECRET, STREAMS, Collect, assert_error, body_of, now_of, recorded

NOW = now_of("import_post")
KEY = b"key-of-the-hashes"
HIT = {"type": "hit", "id": HIT_ID, "occurred_at": "2026-10-12T10:40:26+03:00", "visitor_id": "v-1"}
CALL = {"type": "request", "occurred_at": "2026-10-12T10:52:07+03:00", "contact_channel": "call"}
PAYMENT = {"type": "payment", "occurred_at": 1793280031, "deal_id": "41870233", "amount": "186400.00"}


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    return Collect(monkeypatch)


def reasons(answer: dict[str, Any]) -> list[tuple[int, str]]:
    assert answer["statusCode"] == 202, answer["body"]
    return [(r["line"], r["reason"]) for r in body_of(answer)["rejected"]]


def test_recorded_import_becomes_records_of_each_kind(collect: Collect) -> None:
    body = base64.b64decode(recorded("import_post")["body"])
    answer = collect.import_(body, headers={"content-encoding": "gzip"})
    assert body_of(answer) == {"accepted": 3, "rejected_total": 0, "rejected": []}
    [hit], [request], [payment] = collect.stored("hit"), collect.stored("request"), collect.stored("payment")
    assert hit == {
        "record_id": HIT_ID,
        "site_id": "kvartal",
        "occurred_at": "2026-10-12 07:40:26.000",
        "received_at": "2026-11-18 11:06:40.000",
        "via": "import",
        "kind": "page_view",
        "visitor_id": "179179082645120937",
        "page_url": "https://kvartal.example/kuhni?utm_source=yandex&utm_medium=cpc&yclid=15620471938264051729",
        "page_host": "kvartal.example",
        "page_path": "/kuhni",
        "referrer": "https://yandex.ru/",
        "referrer_host": "yandex.ru",
        "utm_source": "yandex",
        "utm_medium": "cpc",
        "click_id_name": "yclid",
        "click_id": "15620471938264051729",
    }
    assert request["phone_hash"] == phone_hash("+79000000017", KEY)
    assert request["email_hash"] == email_hash("lugova@post.example", KEY)
    assert (request["request_id"], request["call_id"], request["talk_seconds"]) == ("kv-A", "7130448215", 194)
    assert request["is_answered"] is True
    assert (payment["amount"], payment["currency"], payment["provider"]) == (186400.0, "RUB", "generic")
    assert payment["payment_id"] == "p-1"


def test_the_same_file_again_gives_the_same_records(collect: Collect) -> None:
    lines = [{**HIT, "id": None, "event_name": "a"}, CALL, PAYMENT, {**HIT, "id": "order-17"}]
    collect.lines(*lines)
    first = {kind: collect.stored(kind) for kind in STREAMS}
    collect.lines(*[dict(reversed(line.items())) for line in lines])
    for kind, records in first.items():
        assert collect.stored(kind) == records * 2
    ids = [r["record_id"] for records in first.values() for r in records]
    assert len(set(ids)) == 4


def test_explicit_marks_outrank_those_of_the_address(collect: Collect) -> None:
    page = "https://kvartal.example/?utm_source=google&utm_medium=cpc&utm_campaign=1"
    collect.lines({**HIT, "page_url": page, "utm_source": "Google", "utm_campaign": "весна"})
    [hit] = collect.stored()
    assert (hit["utm_source"], hit["utm_medium"], hit["utm_campaign"]) == ("Google", "cpc", "весна")


def test_marks_of_a_requests_page_are_its_own(collect: Collect) -> None:
    collect.lines({**CALL, "page_url": "https://kvartal.example/x?utm_source=vk&yclid=1"})
    [request] = collect.stored("request")
    assert request["utm_source"] == "vk"
    assert not request.keys() & {"click_id", "page_host"}


def test_hit_is_masked_and_redacted_like_a_live_one(collect: Collect) -> None:
    collect.lines(
        {**HIT, "ip": "198.51.100.77", "page_url": "https://kvartal.example/?email=a@b.example", "page_title": "a@b.example"}
    )
    [hit] = collect.stored()
    assert (hit["ip_masked"], hit["page_title"]) == ("198.51.100.0", "[email]")
    assert hit["page_url"] == "https://kvartal.example/?email=[removed]"


def test_denied_hit_is_imported_without_the_visitor(collect: Collect) -> None:
    collect.lines({**HIT, "consent": "denied", "ip": "198.51.100.77", "user_agent": "x"})
    assert not collect.stored()[0].keys() & {"visitor_id", "ip_masked", "user_agent"}


def test_request_without_an_id_of_its_own_gets_one(collect: Collect) -> None:
    collect.lines(CALL)
    [request] = collect.stored("request")
    assert request["request_id"] == request["record_id"]


def test_refund_is_a_negative_payment(collect: Collect) -> None:
    collect.lines({**PAYMENT, "amount": "-9750.00", "currency": "USD"})
    assert collect.stored("payment")[0]["amount"] == -9750.0
    assert collect.stored("payment")[0]["currency"] == "USD"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[]", "bad_item"),
        ({}, "unknown_type"),
        ({**HIT, "type": "deal"}, "unknown_type"),
        ({**HIT, "type": ["hit"]}, "unknown_type"),
        ({**HIT, "utm_sorce": "x"}, "unknown_field"),
        ({**HIT, "phone": "+79000000017"}, "unknown_field"),
        ({**HIT, "phone_hash": "00"}, "unknown_field"),
        ({**HIT, "site_id": "other"}, "bad_field"),
        ({**HIT, "occurred_at": None}, "missing_field"),
        ({**HIT, "occurred_at": "12.10.2026"}, "bad_time"),
        ({**HIT, "occurred_at": "2026-10-12T10:40:26"}, "bad_time"),
        ({**HIT, "occurred_at": 1e300}, "bad_time"),
        ({**HIT, "occurred_at": to_millis(NOW) + 301_000}, "in_future"),
        ({**HIT, "occurred_at": 0}, "too_old"),
        ({**HIT, "id": "x" * 201}, "bad_id"),
        ({**HIT, "id": []}, "bad_id"),
        ({**HIT, "kind": "purchase"}, "bad_field"),
        ({**HIT, "page_url": "kuhni.html"}, "bad_url"),
        ({**HIT, "is_own": True}, "unknown_field"),
        ({**HIT, "asn": 64500}, "unknown_field"),
        ({**HIT, "referrer": 5}, "bad_field"),
        ({**HIT, "visitor_id": 1.5}, "bad_field"),
        ({**HIT, "visitor_id": "v" * 65}, "too_long"),
        ({**HIT, "visitor_id": "vera@post.example"}, "bad_field"),
        ({**HIT, "visitor_id": "79161234567"}, "bad_field"),
        ({**CALL, "request_id": "89161234567"}, "bad_field"),
        ({**HIT, "utm_campaign": "c" * 301}, "too_long"),
        ({**HIT, "ip": "777.2"}, "bad_field"),
        ({**HIT, "country": "Russia"}, "bad_field"),
        ({**HIT, "is_test": "yes"}, "bad_field"),
        ({**CALL, "contact_channel": "pigeon"}, "bad_field"),
        ({**CALL, "contact_channel": None}, "missing_field"),
        ({**CALL, "talk_seconds": -1}, "bad_field"),
        ({**CALL, "talk_seconds": 12.5}, "bad_field"),
        ({**CALL, "phone": "anonymous"}, "bad_field"),
        ({**CALL, "email": "vera"}, "bad_field"),
        ({**CALL, "name": "Вера Лугова"}, "unknown_field"),
        ({**PAYMENT, "deal_id": ""}, "missing_field"),
        ({**PAYMENT, "amount": "1e5"}, "bad_amount"),
        ({**PAYMENT, "amount": "10.005"}, "bad_amount"),
        ({**PAYMENT, "currency": "руб"}, "bad_field"),
        ({**HIT, "page_title": "x" * 65_536}, "line_too_long"),
    ],
)
def test_wrong_line_is_rejected_with_its_number(collect: Collect, line: Any, reason: str) -> None:
    answer = collect.lines(HIT, line)
    assert reasons(answer) == [(2, reason)]
    assert body_of(answer)["accepted"] == 1
    assert [(r["site_id"], r["reason"]) for r in collect.rejected("import")] == [("kvartal", reason)]


def test_plain_phones_mails_and_names_stay_nowhere(collect: Collect) -> None:
    personal = {"phone": "9000000017", "email": "vera@post.example"}
    collect.lines(
        {**CALL, **personal}, {**CALL, **personal, "name": "Вера Лугова"}, b'{"phone": "900 000-00-17", "vera@post.example"'
    )
    everything = collect.clients.s3.all_bytes(LAKE) + b"".join(
        b"".join(blobs) for blobs in collect.clients.firehose.records.values()
    )
    for secret in ("post.example", "0000017", "00-17", "Лугова"):
        assert secret.encode() not in everything
    assert len(collect.rejected("import")) == 2


def test_lines_are_numbered_as_in_the_file(collect: Collect) -> None:
    answer = collect.import_(b"\xef\xbb\xbf" + orjson.dumps(HIT) + b"\r\n\r\n{}\r\n")
    assert reasons(answer) == [(3, "unknown_type")]
    assert len(collect.stored()) == 1


def test_answer_lists_the_first_thousand_mistakes_and_the_lake_keeps_all(collect: Collect) -> None:
    answer = collect.lines(*[b"{}"] * 1200)
    assert len(reasons(answer)) == 1000
    assert body_of(answer)["rejected_total"] == 1200
    assert len(collect.rejected("import")) == 1200


def test_old_secret_is_valid_while_rotating(collect: Collect) -> None:
    assert collect.import_(orjson.dumps(HIT), secret=OLD_SECRET)["statusCode"] == 202


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"},
        {"signed_body": b"{}"},
        {"signed_at": to_millis(NOW) - 301_000},
        {"signed_at": to_millis(NOW) + 301_000},
        {"headers": {"webhook-id": "msg_2"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-timestamp": "99999999999"}},
        {"headers": {"webhook-timestamp": "999999999999"}},
        {"headers": {"webhook-timestamp": "now"}},
        {"headers": {"webhook-id": ""}},
    ],
)
def test_forged_and_replayed_signatures_are_refused(collect: Collect, forged: dict[str, Any]) -> None:
    assert_error(collect.import_(orjson.dumps(HIT), **forged), 401, "unauthorized")
    assert collect.stored() == []


def test_site_without_an_import_secret_takes_nothing(collect: Collect) -> None:
    collect.clients.ssm.parameters.clear()
    assert_error(collect.import_(orjson.dumps(HIT)), 401, "unauthorized")


@pytest.mark.parametrize("unusable", ["whsec_", "AAAA", "whsec_not-base64!", "пароль", "whsec_" + "A" * 31])
def test_a_secret_that_is_no_strong_key_opens_nothing_and_is_passed_over(
    collect: Collect, capsys: pytest.CaptureFixture[str], unusable: str
) -> None:
    try:
        signature = sign_webhook(orjson.dumps(HIT), "msg_1", unusable, NOW)
    except ValueError:
        signature = {}
    name = "/skvoz/test/kvartal/import"
    collect.clients.ssm.parameters[name] = unusable
    assert_error(collect.import_(orjson.dumps(HIT), headers=signature), 401, "unauthorized")
    assert '"SecretsUnusable":1' in capsys.readouterr().out
    collect.forget()
    collect.clients.ssm.parameters[name] = f"{unusable} {SECRET}"
    assert collect.import_(orjson.dumps(HIT))["statusCode"] == 202
    assert_error(collect.import_(orjson.dumps(HIT), headers=signature or {"webhook-id": ""}), 401, "unauthorized")


def test_an_import_as_large_as_allowed_is_taken(collect: Collect) -> None:
    line = orjson.dumps({"type": "hit", "occurred_at": 1791790828, "page_url": "https://kvartal.example/?x=" + "y%20" * 600})
    body = b"\n".join([line] * (MOST_INFLATED_BYTES // (len(line) + 1)))
    assert len(body) > MOST_INFLATED_BYTES - 4_000
    assert body_of(collect.import_(gzip.compress(body)))["accepted"] == body.count(b"\n") + 1


def test_unknown_site_is_not_found(collect: Collect) -> None:
    assert_error(collect.import_(orjson.dumps(HIT), site="other"), 404, "not_found")


def test_gzip_is_known_by_its_first_bytes(collect: Collect) -> None:
    two_members = gzip.compress(orjson.dumps(HIT) + b"\n") + gzip.compress(orjson.dumps(CALL))
    assert body_of(collect.import_(two_members))["accepted"] == 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b"{}", mtime=0)[:-9], {}),
        (gzip.compress(b"{}", mtime=0) + b"junk", {}),
        (b"\x1f\x8bnonsense", {}),
        (b"{}", {"content-encoding": "gzip"}),
        (b"{}", {"content-encoding": "br"}),
        (b"", {}),
        (b"\n \n", {}),
    ],
)
def test_broken_or_empty_body_is_a_bad_request(collect: Collect, body: bytes, headers: dict[str, str]) -> None:
    assert_error(collect.import_(body, headers=headers), 400, "bad_input")


def test_bomb_is_refused_before_it_grows(collect: Collect) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(MOST_INFLATED_BYTES // (1 << 20) + 2)) + bomb.flush()
    assert len(body) < 100_000
    assert_error(collect.import_(body), 413, "too_large")


@pytest.mark.parametrize("body", [b"x" * (MOST_SENT_BYTES + 1), b"{}\n" * 10_001], ids=["bytes", "lines"])
def test_oversize_import_is_refused_whole(collect: Collect, body: bytes) -> None:
    assert_error(collect.import_(body), 413, "too_large")


def test_ten_thousand_lines_are_taken(collect: Collect) -> None:
    line = orjson.dumps({"type": "hit", "occurred_at": 1791790828, "visitor_id": "v"})
    assert body_of(collect.import_(gzip.compress(b"\n".join([line] * 10_000))))["accepted"] == 10_000


def test_wrong_content_type_is_refused(collect: Collect) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert_error(collect.import_(orjson.dumps(HIT), headers=headers), 415, "wrong_content_type")


def test_spilled_when_the_stream_refuses_and_503_when_nothing_takes_it(collect: Collect) -> None:
    collect.clients.firehose.fail("put_record")
    assert body_of(collect.lines(HIT, CALL))["accepted"] == 2
    assert (len(collect.stored("hit")), len(collect.stored("request"))) == (1, 1)
    collect.clients.s3.fail("put_object")
    assert_error(collect.lines(HIT), 503, "try_later")


def test_try_later_where_keys_cannot_be_hashed(collect: Collect) -> None:
    del collect.clients.ssm.parameters["/skvoz/test/identity"]
    assert_error(collect.lines({**CALL, "phone": "9000000017"}), 503, "try_later")
    collect.forget()
    collect.clients.ssm.fail("get_parameter")
    assert_error(collect.lines(HIT), 503, "try_later")


def test_hostile_text_is_stored_as_it_is(collect: Collect) -> None:
    collect.lines({**HIT, "event_name": "=cmd|'/c calc'!A0", "utm_campaign": "<script>alert(1)</script>"})
    assert collect.stored()[0]["event_name"] == "=cmd|'/c calc'!A0"
    assert collect.stored()[0]["utm_campaign"] == "<script>alert(1)</script>"


def test_rejection_messages_quote_no_values(collect: Collect) -> None:
    answer = collect.lines({**CALL, "phone": "secret-value"}, {**HIT, "vera@post.example": 1})
    assert "secret-value" not in json.dumps(body_of(answer))
    assert "post.example" not in json.dumps(body_of(answer))


def test_signature_is_checked_before_anything_is_unpacked(collect: Collect) -> None:
    assert_error(collect.import_(b"\x1f\x8bnonsense", secret="whsec_" + "A" * 32), 401, "unauthorized")


@pytest.mark.parametrize("name", ["id", "occurred_at", "contact_channel", "phone", "email", "page_url", "utm_source", "form_name"])
@pytest.mark.parametrize("value", [b"[" * 260 + b"]" * 260, b'{"a":' * 1_000 + b"1" + b"}" * 1_000])
def test_a_deeply_nested_field_refuses_its_line_alone(collect: Collect, name: str, value: bytes) -> None:
    good = {"type": "request", "occurred_at": "2026-10-12T10:40:26+03:00", "contact_channel": "call"}
    bad = orjson.dumps({**good, name: "PLACE"}).replace(b'"PLACE"', value)
    answer = collect.lines(good, bad)
    assert answer["statusCode"] == 202
    assert (body_of(answer)["accepted"], [row["line"] for row in body_of(answer)["rejected"]]) == (1, [2])
    [kept] = collect.rejected("import")
    if name not in ("phone", "email"):
        assert json.loads(kept["content"])[name] in ("a list of 1", "an object of 1")
