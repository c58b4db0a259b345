"""POST /v1/hits through the handler: recorded events in, records of the lake out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.robots import verdicts
from shared.times import lake_text, to_millis
from shared.visitors import sign_visitor
from tests.api.collect_door import (
    HIT_ID,
    LAKE,
    STREAMS,
    VISITOR,
    VISITOR_SECRET,
    Collect,
    assert_error,
    body_of,
    now_of,
    recorded,
    token_of,
)

NOW = now_of("hits_post")
OTHER_ID = "0199d7a1-5c31-7d44-8a55-7f0a1b2c3d4e"
COOKIE_VISITOR = "0199d7a1-0000-7000-8000-000000000001"


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Collect:
    return Collect(monkeypatch)


def ago(**time: float) -> int:
    return to_millis(NOW - timedelta(**time))


def test_recorded_page_view_becomes_a_record_with_its_marks(collect: Collect) -> None:
    answer = collect.call(recorded("hits_post"))
    assert answer["statusCode"] == 202
    token = sign_visitor("kvartal", VISITOR, NOW, [VISITOR_SECRET])
    assert body_of(answer) == {"accepted": 1, "rejected": [], "visitor": VISITOR, "token": token}
    assert collect.stored() == [
        {
            "record_id": HIT_ID,
            "site_id": "kvartal",
            "occurred_at": "2026-10-12 07:40:26.000",
            "received_at": "2026-10-12 07:40:28.000",
            "via": "tracker",
            "kind": "page_view",
            "visitor_id": VISITOR,
            "page_url": "https://kvartal.example/kuhni?utm_source=yandex&utm_medium=cpc&utm_campaign=708815521"
            "&utm_term=%D0%BA%D1%83%D1%85%D0%BD%D0%B8+%D0%BD%D0%B0+%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7&yclid=15620471938264051729",
            "page_host": "kvartal.example",
            "page_path": "/kuhni",
            "page_title": "Кухни на заказ — Квартал",
            "referrer": "https://yandex.ru/",
            "referrer_host": "yandex.ru",
            "utm_source": "yandex",
            "utm_medium": "cpc",
            "utm_campaign": "708815521",
            "utm_term": "кухни на заказ",
            "click_id_name": "yclid",
            "click_id": "15620471938264051729",
            "user_agent": recorded("hits_post")["headers"]["user-agent"],
            "agent_verdict": verdicts()["person_verdict"],
            "language": "ru-RU",
            "screen": "1920x1080",
            "ip_masked": "198.51.100.0",
            "country": "RU",
            "region": "Moscow",
            "city": "Moscow",
        }
    ]


def test_answer_lets_the_page_read_it_and_sets_the_cookie(collect: Collect) -> None:
    answer = collect.hits()
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"
    assert answer["headers"]["access-control-allow-credentials"] == "true"
    assert answer["headers"]["vary"] == "Origin"
    assert answer["headers"]["cache-control"] == "no-store"
    token = body_of(answer)["token"]
    assert answer["cookies"] == [f"skvoz_kvartal={token}; Max-Age=34560000; Path=/; Secure; HttpOnly; SameSite=Lax"]


@pytest.mark.parametrize("proposal", ["", "1", "<script>", 7, None, ["x"], "0199D7A1-5C2E-7B6A-9C11-2F6D3E4A5B6Z"])
def test_visitor_without_a_usable_id_gets_a_new_one(collect: Collect, proposal: object) -> None:
    first = body_of(collect.hits(visitor=proposal, cookies=["skvoz_kvartal=nonsense"]))["visitor"]
    second = body_of(collect.hits(visitor=proposal))["visitor"]
    assert first != second
    assert {r["visitor_id"] for r in collect.stored()} == {first, second}


def test_a_robots_agent_is_judged_once_at_the_door(collect: Collect) -> None:
    request = recorded("hits_post")
    for agent in ("Googlebot/2.1 (+http://www.google.com/bot.html)", ""):
        collect.call({**request, "headers": {**request["headers"], "user-agent": agent}})
    assert {hit["agent_verdict"] for hit in collect.stored()} == {verdicts()["robot_verdict"]}


def test_one_batch_is_one_firehose_record(collect: Collect) -> None:
    collect.hits({"id": HIT_ID}, {"id": OTHER_ID})
    assert len(collect.clients.firehose.records[STREAMS["hit"]]) == 1
    assert len(collect.stored()) == 2


def test_good_hits_are_kept_beside_bad_ones(collect: Collect) -> None:
    answer = collect.hits({}, {"id": "17"}, {"id": OTHER_ID, "kind": "page_view"}, "text")
    assert body_of(answer)["accepted"] == 2
    assert [(r["index"], r["reason"]) for r in body_of(answer)["rejected"]] == [(1, "bad_id"), (3, "bad_item")]
    assert [r["reason"] for r in collect.rejected()] == ["bad_id", "bad_item"]
    assert len(collect.stored()) == 2


@pytest.mark.parametrize(
    ("hit", "reason"),
    [
        ({"id": None}, "bad_id"),
        ({"id": 5}, "bad_id"),
        ({"kind": "email_open"}, "unknown_kind"),
        ({"kind": "purchase"}, "unknown_kind"),
        ({"kind": ["page_view"]}, "unknown_kind"),
        ({"url": None}, "bad_url"),
        ({"url": "/kuhni"}, "bad_url"),
        ({"url": "javascript:alert(1)"}, "bad_url"),
        ({"url": "file:///C:/page.html"}, "bad_url"),
        ({"url": "https://[::1/"}, "bad_url"),
        ({"url": 5}, "bad_url"),
        ({"t": "yesterday"}, "bad_time"),
        ({"t": True}, "bad_time"),
        ({"t": 1e300}, "bad_time"),
        ({"t": ago(days=7, seconds=1)}, "too_old"),
        ({"t": ago(minutes=-6)}, "in_future"),
        ({"title": 5}, "bad_field"),
        ({"ref": {}}, "bad_field"),
        ({"kind": "event"}, "missing_field"),
        ({"kind": "form", "request_id": 7}, "bad_field"),
        ({"kind": "form", "request_id": "x" * 65}, "too_long"),
        ({"kind": "form", "request_id": "vera@post.example"}, "bad_field"),
        ({"kind": "form", "request_id": "+7 900 000-00-17"}, "bad_field"),
    ],
)
def test_wrong_hit_is_rejected_with_its_reason(collect: Collect, hit: dict[str, object], reason: str) -> None:
    answer = collect.hits(hit)
    assert answer["statusCode"] == 202
    assert body_of(answer)["accepted"] == 0
    assert [r["reason"] for r in body_of(answer)["rejected"]] == [reason]
    assert collect.stored() == []
    assert collect.stored("request") == []
    assert [(r["site_id"], r["reason"]) for r in collect.rejected()] == [("kvartal", reason)]


def test_id_in_capitals_is_the_same_id(collect: Collect) -> None:
    answer = collect.hits({"id": HIT_ID.upper()}, {"id": HIT_ID})
    assert [(r["index"], r["reason"]) for r in body_of(answer)["rejected"]] == [(1, "repeated_id")]
    assert collect.stored()[0]["record_id"] == HIT_ID


def test_repeated_batch_gives_the_same_record_ids(collect: Collect) -> None:
    form = {"kind": "form", "request_id": "r-1", "form": "callback", "t": ago(seconds=5)}
    collect.hits(form)
    collect.hits(form)
    assert len({r["record_id"] for r in collect.stored()}) == 1
    assert len({r["record_id"] for r in collect.stored("request")}) == 1


def test_wrong_clock_is_corrected_by_its_difference(collect: Collect) -> None:
    two_days_slow = timedelta(days=2)
    sent_at = to_millis(NOW - two_days_slow)
    collect.hits({"t": sent_at - 3000}, sent_at=sent_at)
    assert collect.stored()[0]["occurred_at"] == lake_text(NOW - timedelta(seconds=3))


def test_clock_a_few_minutes_off_is_left_alone(collect: Collect) -> None:
    sent_at = ago(minutes=4)
    collect.hits({"t": sent_at - 1000}, sent_at=sent_at)
    assert collect.stored()[0]["occurred_at"] == lake_text(NOW - timedelta(minutes=4, seconds=1))


def test_hit_queued_for_six_days_is_accepted(collect: Collect) -> None:
    assert body_of(collect.hits({"t": ago(days=6)}))["accepted"] == 1


@pytest.mark.parametrize("sent_at", ["now", True, 1e300, {}])
def test_senseless_clock_is_an_error_of_the_batch(collect: Collect, sent_at: object) -> None:
    assert_error(collect.hits(sent_at=sent_at), 400, "bad_input")


def test_form_with_a_request_id_makes_a_request(collect: Collect) -> None:
    url = "https://kvartal.example/?utm_source=vk&utm_medium=cpc"
    collect.hits({"kind": "form", "request_id": "kv-17", "form": "Обратный звонок", "url": url})
    [request] = collect.stored("request")
    assert request["request_id"] == "kv-17"
    assert request["contact_channel"] == "form"
    assert request["form_name"] == "Обратный звонок"
    assert request["visitor_id"] == VISITOR
    assert request["utm_source"] == "vk"
    assert request["via"] == "tracker"
    assert request["record_id"] != collect.stored()[0]["record_id"]
    assert collect.stored()[0]["event_name"] == "Обратный звонок"


def test_form_without_a_request_id_is_only_a_hit(collect: Collect) -> None:
    collect.hits({"kind": "form", "form": "subscribe"})
    assert len(collect.stored()) == 1
    assert collect.stored("request") == []


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "<script>alert(1)</script>", "'; DROP TABLE hits; --", "{{7*7}}", "+1+1", "@SUM(A1)"]
)
def test_hostile_text_is_stored_as_it_is(collect: Collect, text: str) -> None:
    collect.hits({"title": text, "kind": "event", "name": text})
    assert collect.stored()[0]["page_title"] == text
    assert collect.stored()[0]["event_name"] == text


def test_long_text_is_cut_and_counted(collect: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    collect.hits(
        {"title": "т" * 301, "url": "https://kvartal.example/?utm_source=a&x=" + "y" * 3000}, headers={"user-agent": "u" * 513}
    )
    [hit] = collect.stored()
    assert hit["page_title"] == "т" * 300
    assert len(hit["page_url"]) == 2048
    assert len(hit["user_agent"]) == 512
    counted = {
        line["Column"]: line["TextCut"] for line in map(json.loads, capsys.readouterr().out.splitlines()) if "TextCut" in line
    }
    assert counted == {"page_title": 1, "page_url": 1, "user_agent": 1}


def test_half_an_emoji_and_controls_do_not_lose_the_hit(collect: Collect) -> None:
    title = r'"a\ud83d \\ud83d \ud83d\ude00\u0000b"'
    sent = f'{{"id":"{HIT_ID}","kind":"page_view","url":"https://kvartal.example/","title":{title}}}'
    assert body_of(collect.hits(raw=f'{{"site":"kvartal","hits":[{sent}]}}'))["accepted"] == 1
    assert collect.stored()[0]["page_title"] == "a\ufffd \\ud83d 😀 b"


def test_personal_values_never_enter_the_lake(collect: Collect) -> None:
    url = "https://u:p@kvartal.example/thanks?email=Vera%40post.example&tel=9000000017&q=%2B7+900+000-00-17&utm_term=a@b.example#vera@post.example"
    collect.hits({"title": "Спасибо, +7 900 000-00-17", "url": url, "ref": url, "kind": "form", "form": "vera@post.example"})
    collect.hits({"id": "bad", "url": url, "title": "vera@post.example"})
    everything = collect.clients.s3.all_bytes(LAKE) + b"".join(collect.clients.firehose.records[STREAMS["hit"]])
    for secret in (b"post.example", b"0000017", b"000-00-17", b"000+00", b"a@b", b"u:p"):
        assert secret not in everything.lower()
    assert b"kvartal.example/thanks" in everything


def test_unusable_referrer_does_not_lose_the_hit(collect: Collect) -> None:
    collect.hits({"ref": "(null)"})
    assert "referrer" not in collect.stored()[0]


def test_app_referrer_keeps_its_host(collect: Collect) -> None:
    collect.hits({"ref": "android-app://com.google.android.gm/"})
    assert collect.stored()[0]["referrer_host"] == "com.google.android.gm"


@pytest.mark.parametrize(
    ("change", "headers"), [({"consent": "denied"}, {}), ({}, {"dnt": "1"}), ({}, {"sec-gpc": "1"})], ids=["denied", "dnt", "gpc"]
)
def test_hit_without_consent_is_counted_but_not_recognised(
    collect: Collect, change: dict[str, str], headers: dict[str, str]
) -> None:
    url = "https://kvartal.example/a?utm_source=yandex&yclid=7&order=1"
    answer = collect.hits(
        {"url": url, "kind": "form", "request_id": "r-1"},
        headers=headers,
        cookies=[f"skvoz_kvartal={token_of(COOKIE_VISITOR)}"],
        **change,
    )
    assert body_of(answer) == {"accepted": 1, "rejected": [], "visitor": None}
    assert "cookies" not in answer
    [hit] = collect.stored()
    assert hit["consent"] == "denied"
    assert hit["page_url"] == "https://kvartal.example/a"
    assert hit["utm_source"] == "yandex"
    assert hit["click_id_name"] == "yclid"
    assert not hit.keys() & {"visitor_id", "ip_masked", "user_agent", "agent_verdict", "click_id", "city"}
    assert "visitor_id" not in collect.stored("request")[0]


def test_consent_given_to_the_site_outranks_the_browsers_signal(collect: Collect) -> None:
    collect.hits(consent="granted", headers={"dnt": "1"})
    assert collect.stored()[0]["consent"] == "granted"
    assert collect.stored()[0]["visitor_id"] == VISITOR


def test_unknown_consent_is_an_error(collect: Collect) -> None:
    assert_error(collect.hits(consent="maybe"), 400, "bad_input")


def test_test_traffic_is_marked(collect: Collect) -> None:
    collect.hits(test=True)
    assert collect.stored()[0]["is_test"] is True


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://kvartal.example",
        "https://kvartal.example:8443",
        "https://kvartal.example.evil.example",
        "null",
        None,
    ],
)
def test_foreign_or_missing_origin_is_refused(collect: Collect, origin: str | None) -> None:
    answer = collect.hits(headers={"origin": origin or ""})
    assert_error(answer, 403, "forbidden")
    assert "access-control-allow-origin" not in answer["headers"]
    assert collect.stored() == []


@pytest.mark.parametrize(
    "origin", ["https://www.kvartal.example", "https://xn--80aae5ai2ao.xn--p1ai", "https://www.xn--80aae5ai2ao.xn--p1ai"]
)
def test_other_spellings_of_the_sites_hosts_are_its_own(collect: Collect, origin: str) -> None:
    assert collect.hits(headers={"origin": origin})["headers"]["access-control-allow-origin"] == origin


def test_errors_of_the_batch_can_be_read_by_the_page(collect: Collect) -> None:
    answer = collect.hits(consent="maybe")
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"


@pytest.mark.parametrize("site", ["unknown", "../kvartal", "", "KVARTAL", "x" * 300])
def test_unknown_site_is_not_found(collect: Collect, site: str) -> None:
    assert_error(collect.hits(site=site), 404, "not_found")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"x"',
        "{}",
        '{"site":7}',
        '{"site":"kvartal"}',
        '{"site":"kvartal","hits":{}}',
        '{"site":"kvartal","hits":[]}',
    ],
)
def test_malformed_body_is_a_bad_request(collect: Collect, raw: str) -> None:
    assert_error(collect.hits(raw=raw), 400, "bad_input")


def test_body_that_is_no_base64_is_a_bad_request(collect: Collect) -> None:
    assert_error(collect.call({**recorded("hits_post"), "isBase64Encoded": True}), 400, "bad_input")


def test_oversize_body_is_refused(collect: Collect) -> None:
    assert_error(collect.hits({"title": "x" * 65_536}), 413, "too_large")


def test_more_than_a_hundred_hits_are_refused_whole(collect: Collect) -> None:
    assert_error(collect.hits(*[{}] * 101), 413, "too_large")
    assert collect.stored() == []


@pytest.mark.parametrize(
    "headers",
    [{"content-type": ""}, {"content-type": "multipart/form-data"}, {"content-encoding": "gzip"}],
    ids=["none", "form", "gzip"],
)
def test_wrong_content_type_is_refused(collect: Collect, headers: dict[str, str]) -> None:
    assert_error(collect.hits(headers=headers), 415, "wrong_content_type")


def test_json_content_type_is_taken_too(collect: Collect) -> None:
    assert collect.hits(headers={"content-type": "application/json"})["statusCode"] == 202


def test_nothing_accepted_is_lost_when_the_stream_refuses(collect: Collect) -> None:
    collect.clients.firehose.fail("put_record")
    assert collect.hits({}, {"id": OTHER_ID})["statusCode"] == 202
    assert {r["record_id"] for r in collect.stored()} == {HIT_ID, OTHER_ID}


def test_try_later_when_nothing_can_be_stored(collect: Collect) -> None:
    collect.hits({"id": OTHER_ID})
    collect.clients.firehose.fail("put_record")
    collect.clients.s3.fail("put_object")
    answer = collect.hits()
    assert_error(answer, 503, "try_later")
    assert answer["headers"]["retry-after"] == "30"
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"


def test_try_later_when_the_settings_cannot_be_read(collect: Collect) -> None:
    collect.clients.s3.fail("get_object")
    assert_error(collect.hits(), 503, "try_later")


def test_known_settings_outlive_a_failure_to_read_them_again(collect: Collect) -> None:
    collect.hits()
    collect.clients.s3.fail("get_object")
    event = recorded("hits_post")
    event["requestContext"]["timeEpoch"] += 120_000
    assert collect.call(event)["statusCode"] == 202


def test_rejects_that_cannot_be_kept_do_not_fail_the_batch(collect: Collect) -> None:
    collect.clients.s3.fail("put_object")
    assert collect.hits({}, {"id": "bad"})["statusCode"] == 202


def test_preflight_answers_the_sites_own_origin(collect: Collect) -> None:
    answer = collect.call(recorded("hits_options"))
    assert answer["statusCode"] == 204
    assert answer["headers"]["access-control-allow-origin"] == "https://kvartal.example"
    assert answer["headers"]["access-control-allow-headers"] == "content-type"


@pytest.mark.parametrize(("site", "origin"), [("kvartal", "https://evil.example"), ("other", "https://kvartal.example"), ("", "")])
def test_preflight_of_others_has_no_cors_headers(collect: Collect, site: str, origin: str) -> None:
    event = recorded("hits_options")
    event["queryStringParameters"] = {"site": site}
    event["headers"]["origin"] = origin
    answer = collect.call(event)
    assert answer["statusCode"] == 204
    assert not [name for name in answer["headers"] if name.startswith("access-control")]


def nested(depth: int, kind: str) -> str:
    return "[" * depth + "]" * depth if kind == "list" else '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("name", ["id", "t", "kind", "url", "ref", "title", "name", "screen", "lang", "form", "request_id"])
def test_a_deeply_nested_field_is_rejected_and_its_neighbours_are_kept(collect: Collect, name: str, kind: str) -> None:
    good = {"id": HIT_ID, "kind": "form", "url": "https://kvartal.example/"}
    bad = {**good, "id": "0199d7a1-5c31-7d44-8a55-7f0a1b2c3d4e", name: "PLACE"}
    raw = json.dumps({"site": "kvartal", "hits": [good, bad]}).replace('"PLACE"', nested(1_000, kind))
    answer = collect.hits(raw=raw)
    assert answer["statusCode"] == 202
    assert (body_of(answer)["accepted"], [row["index"] for row in body_of(answer)["rejected"]]) == (1, [1])
    [kept] = collect.rejected()
    assert json.loads(kept["content"])[name] == ("a list of 1" if kind == "list" else "an object of 1")


@pytest.mark.parametrize("kind", ["list", "object"])
def test_a_deeply_nested_hit_is_rejected_alone(collect: Collect, kind: str) -> None:
    raw = json.dumps({"site": "kvartal", "hits": ["PLACE"]}).replace('"PLACE"', nested(1_000, kind))
    assert body_of(collect.hits(raw=raw))["rejected"][0]["index"] == 0
