"""One hostile batch through every door: no plain phone or e-mail reaches raw records, rejected records, the queue or the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest

from functions.costs import handler as costs
from functions.crm_webhook import handler as crm
from functions.crm_webhook import worker
from shared.log import logger
from shared.security import sign_webhook, token_sha256
from tests.api.collect_door import LAKE, SECRET, Collect, now_of, recorded

EVENTS = Path(__file__).parents[1] / "events"
QUEUE = "https://queue.example/crm"
TOKEN = "crm-path-token-of-the-tests"
PHONES = (
    "9161234567", "(916) 123-45-67", "916 123-45-67", "916-123-45-67", "89161234567", "79161234567", "8 916 123-45-67",
    "+79161234567",    "+7 (916) 123-45-67", "тел.89161234567", "916\u00a0123\u201145\u201167",
)  # fmt: skip
EMAILS = ("ivan@mail.ru", "Ivan.P+shop@mail.ru", "ivan%40mail.ru", "ivan%2540mail.ru", "ivan%252540mail.ru")
PLAIN = ("1234567", "123-45-67", "123 45 67", "123\u201145\u201167", "123%E2%80%9145", "ivan", "mail.ru")
FREE = tuple(f"{front}{value}" for value in (*PHONES, *EMAILS) for front in ("", "звоните "))
ADDRESSES = tuple(
    address
    for value in (*PHONES, *EMAILS)
    for address in (
        f"https://kvartal.example/u/{value}?x={value}&{value}&q={value.replace(' ', '+')}#{value}",
        f"https://kvartal.example/call%20me%20{value.replace(' ', '%20')}?{value}=%2B79161234567#/u/{value}?b={value}",
    )
)
MADE: Any = (crm.door, worker.worker, costs.inbox, logger)
REFERRERS = ("tel:+79161234567", "tel://9161234567", "mailto:ivan@mail.ru", "mailto://ivan@mail.ru", "skype://9161234567/x")


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collect]:
    """Every door over the same fakes, with a log of its own."""
    collect = Collect(monkeypatch)
    monkeypatch.setenv("SERVICE", "plain-people")
    for name, value in {"CRM_QUEUE_URL": QUEUE, "CRM_EVENT_STREAM": "crm", "PAYMENT_STREAM": "payments"}.items():
        monkeypatch.setenv(name, value)
    for module in (crm, worker, costs):
        monkeypatch.setattr(module, "client", collect.clients)
    for made in MADE:
        made.cache_clear()
    crm_settings = {"token_sha256": [token_sha256(TOKEN)]}
    collect.publish(
        {"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"], "crm": crm_settings, "forms": {"contacts": True}}
    )
    collect.clients.ssm.parameters["/skvoz/test/kvartal/crm-generic"] = SECRET
    yield collect
    for made in MADE:
        made.cache_clear()


def send_hits(doors: Collect) -> None:
    for number, text in enumerate(FREE):
        headers = {"user-agent": f"Mozilla {text}", "accept-language": text, "cloudfront-viewer-city": text}
        headers["cloudfront-viewer-country-region-name"] = text
        common = {
            "title": text,
            "name": text,
            "screen": text,
            "lang": text,
            "form": text,
            "url": ADDRESSES[number],
            "ref": ADDRESSES[-number],
            "contact": {"phones": [text], "emails": [text], "name": text},
        }
        uuid = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d"
        doors.hits(
            {**common, "id": f"{uuid}01", "kind": "event"},
            {**common, "id": f"{uuid}02", "kind": "form"},
            {**common, "id": f"{uuid}03", "kind": "form", "request_id": text},
            {**common, "id": text},
            {**common, "id": f"{uuid}04", "kind": "form", "request_id": f"r-{number}"},
            [common],
            {**common, "title": [f"a\n{text}"], "ref": {"a": f"a\t{text}"}},
            headers={name: value.encode("ascii", "replace").decode() for name, value in headers.items()},
        )
        doors.pixel({"user-agent": text}, site="kvartal", url=ADDRESSES[number], title=text, ref=text)
        doors.pixel(site="kvartal", url=ADDRESSES[number], title=text, id=text)
    for referrer in REFERRERS:
        doors.hits({"ref": referrer})


def send_imports(doors: Collect) -> None:
    head = {"occurred_at": "2026-10-12T10:40:26+03:00"}
    lines: list[Any] = []
    for number, text in enumerate(FREE):
        words = dict.fromkeys(("page_title", "event_name", "user_agent", "language", "screen", "region", "city"), text)
        page = {"page_url": ADDRESSES[number], "referrer": ADDRESSES[-number]}
        lines += [
            {**head, "type": "hit", **words, **page},
            {**head, "type": "request", "contact_channel": "form", "form_name": text, "page_url": ADDRESSES[number]},
            {**head, "type": "payment", "deal_id": str(number), "amount": 1, "provider": text},
            {**head, "type": "request", "contact_channel": "form", "request_id": text},
            {**head, "type": "hit", "visitor_id": text},
            {**head, "type": "hit", **words, **page, "consent": f"a\n{text}", "page_title": [f"a\n{text}"]},
            {**head, "type": "hit", text: 1},
            f"not json, {text}".encode(),
        ]
    doors.lines(*lines)


def send_crm(doors: Collect) -> None:
    event = json.loads((EVENTS / "crm_generic.json").read_text())
    now = now_of("hits_post")
    for text in FREE:
        data = {
            "deal_id": "7", "pipeline": text, "stage": text, "loss_reason": text, "manager": text, "branch": text,
            "visitor_id": text, "request_id": text, "contact": {"id": text, "name": text},
            "utm": {"source": "ivan@mail.ru"},
        }  # fmt: skip
        for kind in ("deal.updated", f"deal.{text}"):
            body = orjson.dumps({"type": kind, "timestamp": now.isoformat(), "data": data})
            event["body"] = body.decode()
            webhook_id = text.encode("ascii", "replace").decode()
            event["headers"] |= sign_webhook(body, webhook_id, SECRET, now)
            event["headers"].pop("Webhook-Id", None)
            event["pathParameters"] = {"site": "kvartal", "token": TOKEN}
            event["requestContext"] |= {"timeEpoch": int(now.timestamp() * 1000), "requestId": f"{kind} {text}"}
            assert crm.lambda_handler(event, None)["statusCode"] == 202
    sent = str(int((now + timedelta(seconds=1)).timestamp() * 1000))
    for number, message in enumerate(doors.clients.sqs.messages[QUEUE]):
        record = {"messageId": f"m{number}", "body": message, "attributes": {"SentTimestamp": sent}}
        assert worker.lambda_handler({"Records": [record]}, None) == {"batchItemFailures": []}


def send_costs(doors: Collect) -> None:
    event = json.loads((EVENTS / "s3_cost_file.json").read_text())
    files = {"plain": "day,account,source,campaign,cost\n2026-10-31,a,ivan@mail.ru,from ivan@mail.ru,1\n"}
    for email in EMAILS:
        files[f"marks {len(files)}"] = f"month,account,source,term,cost\n2026-10,a,{email},buy {email},1\n"
    for text in FREE:
        files[f"bad {len(files)}"] = f"day,source,cost\n{text},{text},{text}\n"
        files[f"{text} 1"] = "month,source,cost\n2026-10,vk,1\n"
        if "+7" not in text and not any(value in text for value in EMAILS):
            continue  # digits alone may be the id of an account
        files[f"account {len(files)}"] = f"day,account,cost\n2026-10-31,{text},1\n"
    for name, text in files.items():
        key = f"costs/inbox/kvartal/{name}.csv"
        put = doors.clients.s3.put_object(Bucket="files", Key=key, Body=text.encode())
        stored = {
            "key": quote_plus(key, safe="/"),
            "versionId": put["VersionId"],
            "eTag": put["ETag"].strip('"'),
            "size": len(text),
        }
        event["Records"][0]["s3"]["object"] |= stored
        costs.lambda_handler(event, None)


def test_no_door_lets_a_plain_phone_or_email_through(doors: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    for send in (send_hits, send_imports, send_crm, send_costs):
        send(doors)
    s3, firehose = doors.clients.s3, doors.clients.firehose
    kept = {key: s3.body(LAKE, key) for key in s3.keys(LAKE) if not key.startswith("quarantine/")}
    kept |= {f"stream {name}": b"".join(blobs) for name, blobs in firehose.records.items()}
    kept |= {"queue": "\n".join(doors.clients.sqs.messages[QUEUE]).encode(), "log": capsys.readouterr().out.encode()}
    places = {key.split("/")[1] if "/" in key else key for key in kept}
    assert places >= {"hits", "pixel", "import", "crm-generic", "costs", "cost", "stream crm", "stream hits", "stream requests"}
    assert len(doors.stored("hit")) > len(FREE)
    found = {(key, line) for key, body in kept.items() for line in body.decode().splitlines() for p in PLAIN if p in line.lower()}
    assert found == set()
    assert {key for key in s3.keys(LAKE) if any(plain in key for plain in PLAIN)} == set()


def test_ad_ids_survive_where_they_belong(doors: Collect) -> None:
    marks = "utm_source=yandex&utm_campaign=9161234567&utm_content=89161234567&utm_term=916-123-45-67&yclid=9161234567"
    url = f"https://kvartal.example/?{marks}&utm_id=9161234567&campaign_id=79161234567"
    doors.hits({"url": url, "title": "Шкаф 9161234567890, 0199d7a1-9161-7123-8916-123456789012, deadbeef9161234567"})
    [hit] = doors.stored("hit")
    assert (hit["page_url"], hit["click_id"], hit["utm_campaign"]) == (url, "9161234567", "9161234567")
    assert hit["page_title"] == "Шкаф 9161234567890, 0199d7a1-9161-7123-8916-123456789012, deadbeef9161234567"


def test_a_dropped_referrer_is_counted_as_cut(doors: Collect, capsys: pytest.CaptureFixture[str]) -> None:
    for referrer in (*REFERRERS, "about:blank", "chrome-extension://abcdef/x"):
        doors.hits({"ref": referrer})
    assert [hit for hit in doors.stored("hit") if hit.keys() & {"referrer", "referrer_host"}] == []
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line.get("TextCut", 0) for line in counted if line.get("Column") == "referrer") == len(REFERRERS) + 2


@pytest.mark.parametrize(
    "referrer", ["https://ya.ru/a", "http://ya.ru/a", "android-app://com.android.gm/", "ios-app://544007664/x"]
)
def test_pages_and_apps_stay_referrers(doors: Collect, referrer: str) -> None:
    doors.hits({"ref": referrer})
    assert doors.stored("hit")[0]["referrer"] == referrer


def test_the_recorded_hit_loses_nothing(doors: Collect) -> None:
    doors.call(recorded("hits_post"))
    assert all("[phone]" not in json.dumps(hit) and "[email]" not in json.dumps(hit) for hit in doors.stored("hit"))
