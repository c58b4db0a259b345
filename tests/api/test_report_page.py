"""GET /v1/reports/{token}: the page for its token, nothing for any other."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.report import handler
from functions.report.links import Links
from functions.report.store import Files, Form, Ledger, Page, data_key
from shared.sites import current_key
from shared.times import lake_text, to_millis
from tests.report_aws import BUCKET, TABLE, Clients
from tests.report_cases import NOW, settings_of

PAGE = "<!DOCTYPE html><p>Отчёт</p>"
WORKBOOK = b"PK\x03\x04 a workbook"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with mock_aws():
        made = Clients()
        monkeypatch.setattr(handler, "client", made)
        monkeypatch.setenv("LEDGER_TABLE", TABLE)
        monkeypatch.setenv("FILES_BUCKET", BUCKET)
        forms: dict[Form, bytes] = {"html": PAGE.encode(), "json": b'{"totals": 1}', "xlsx": WORKBOOK}
        key = Files(made.s3, BUCKET).keep("kvartal", "page-1", forms, "skvoz-kvartal-2026-09-13-2026-10-12")
        ledger = Ledger(made.dynamodb, TABLE)
        ledger.keep_token("right-token", Page("kvartal", key, "hash", "Квартал", "ru"), NOW)
        until = lake_text(NOW + timedelta(days=400))
        ledger.keep_token("short-token", Page("kvartal", key, "hash", "Квартал", "ru", "", "day", until), NOW)
        for name, body in (("manifest", b'{"version": 1}'), ("traffic-2026-09", b"{}"), ("app.js", b"go()")):
            made.s3.put_object(Bucket=BUCKET, Key=data_key(key, name), Body=gzip.compress(body))
        yield made


def get(token: str, form: str = "", at: datetime = NOW, **headers: str) -> dict[str, Any]:
    return ask(token, {"format": form} if form else {}, headers, at)


def data(token: str, name: str, at: datetime = NOW) -> dict[str, Any]:
    return ask(token, {"data": name}, {"accept-encoding": "gzip"}, at)


def ask(
    token: str, query: Mapping[str, str], headers: Mapping[str, str], at: datetime = NOW, method: str = "GET", body: str = ""
) -> dict[str, Any]:
    event = {
        "routeKey": f"{method} /v1/reports/{{token}}",
        "pathParameters": {"token": token},
        "queryStringParameters": query,
        "headers": headers,
        "body": body,
        "requestContext": {"http": {"sourceIp": "192.0.2.1"}, "timeEpoch": to_millis(at), "requestId": "r"},
    }
    return handler.lambda_handler(event, None)


def settings_say(clients: Clients, **report: Any) -> None:
    """Settings of the site as published from now on."""
    told = settings_of(report={"recipients": ["owner@kvartal.example"], **report})
    clients.s3.put_object(Bucket=BUCKET, Key=current_key("kvartal"), Body=json.dumps(told, default=str).encode())


def counted(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Names of the metrics of links since the last look."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    return [name for line in lines for name in line if name.startswith("ReportLink")]


def test_the_token_opens_the_page(clients: Clients) -> None:
    answer = get("right-token")
    assert (answer["statusCode"], answer["body"]) == (200, PAGE)


def test_the_page_may_run_its_own_script_alone_and_is_neither_kept_nor_listed(clients: Clients) -> None:
    headers = get("right-token")["headers"]
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; media-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["cache-control"] == "no-store"
    assert "noindex" in headers["x-robots-tag"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_travels_compressed_where_the_reader_takes_it(clients: Clients) -> None:
    answer = get("right-token", **{"Accept-Encoding": "gzip, br"})
    assert answer["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(answer["body"])).decode() == PAGE


def test_another_token_is_not_found_in_the_one_error_shape(clients: Clients) -> None:
    answer = get("wrong-token", accept="*/*")
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "not_found"


def test_a_browser_with_another_token_gets_a_page_in_its_language(clients: Clients) -> None:
    russian = get("wrong-token", accept="text/html", **{"accept-language": "ru-RU"})
    english = get("wrong-token", accept="text/html", **{"accept-language": "en"})
    assert (russian["statusCode"], english["statusCode"]) == (404, 404)
    assert "Такого отчёта нет" in russian["body"]
    assert "There is no such report" in english["body"]


def test_a_deleted_page_is_not_found(clients: Clients) -> None:
    clients.s3.delete_object(Bucket=BUCKET, Key="reports/kvartal/page-1.html")
    assert get("right-token")["statusCode"] == 404


def test_the_store_keeps_no_token(clients: Clients) -> None:
    assert "right-token" not in repr(clients.dynamodb.scan(TableName=TABLE)["Items"])


def test_the_workbook_comes_as_a_file_with_a_name_that_says_what_it_is(clients: Clients) -> None:
    answer = get("right-token", "xlsx", **{"accept-encoding": "gzip"})
    assert base64.b64decode(answer["body"]) == WORKBOOK
    assert answer["headers"]["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert answer["headers"]["content-disposition"] == 'attachment; filename="skvoz-kvartal-2026-09-13-2026-10-12.xlsx"'
    assert "content-encoding" not in answer["headers"]


def test_the_figures_come_as_json(clients: Clients) -> None:
    answer = get("right-token", "json")
    assert json.loads(answer["body"]) == {"totals": 1}
    assert answer["headers"]["content-type"] == "application/json"


def test_a_form_that_there_is_not_is_refused_and_one_that_was_never_made_is_not_found(clients: Clients) -> None:
    assert get("right-token", "exe")["statusCode"] == 400
    clients.s3.delete_object(Bucket=BUCKET, Key="reports/kvartal/page-1.xlsx")
    assert get("right-token", "xlsx", accept="*/*")["statusCode"] == 404
    assert get("wrong-token", "xlsx", accept="*/*")["statusCode"] == 404


def test_what_is_too_big_to_answer_is_fetched_from_its_store(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "MOST_ANSWER", 10)
    answer = get("right-token", "xlsx")
    assert answer["statusCode"] == 302
    assert "reports/kvartal/page-1.xlsx" in answer["headers"]["location"]
    assert "ignature" in answer["headers"]["location"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_no_token_makes_a_server_error(clients: Clients, token: str) -> None:
    assert get(token)["statusCode"] in (200, 404)


def test_files_of_the_snapshot_come_packed_by_the_pages_own_token(clients: Clients) -> None:
    answer = data("right-token", "manifest")
    assert gzip.decompress(base64.b64decode(answer["body"])) == b'{"version": 1}'
    headers = answer["headers"]
    assert headers["content-type"] == "application/json"
    assert headers["content-encoding"] == "gzip"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_script_comes_as_a_script(clients: Clients) -> None:
    answer = data("right-token", "app.js")
    assert answer["headers"]["content-type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(base64.b64decode(answer["body"])) == b"go()"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing",
        "../page-1",
        "page-1/manifest",
        "MANIFEST",
        "manifest\n",
        "m" * 81,
        "..",
        "манифест",
        "manifest.json.gz",
        "%2e",
    ],
)
def test_a_name_that_there_is_not_is_not_found(clients: Clients, name: str) -> None:
    answer = data("right-token", name)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "not_found"


def test_data_of_another_page_are_out_of_reach(clients: Clients) -> None:
    clients.s3.put_object(Bucket=BUCKET, Key="reports/kvartal/page-2/manifest.json.gz", Body=gzip.compress(b"{}"))
    clients.s3.delete_object(Bucket=BUCKET, Key="reports/kvartal/page-1/manifest.json.gz")
    assert data("right-token", "manifest")["statusCode"] == 404


def test_the_page_may_stand_where_the_settings_in_force_say(clients: Clients) -> None:
    settings_say(clients, frame_ancestors=["https://*.amocrm.ru", "https://*.bitrix24.ru"])
    headers = get("right-token")["headers"]
    assert headers["content-security-policy"].endswith("frame-ancestors https://*.amocrm.ru https://*.bitrix24.ru")
    assert "x-frame-options" not in headers
    assert "cookies" not in get("right-token")


def test_settings_of_before_there_was_a_choice_allow_no_frame(clients: Clients) -> None:
    clients.s3.put_object(Bucket=BUCKET, Key=current_key("kvartal"), Body=b'{"site_id": "kvartal", "report": {}}')
    assert get("right-token")["headers"]["content-security-policy"].endswith("frame-ancestors 'none'")


def test_changed_settings_hold_after_a_minute(clients: Clients) -> None:
    settings_say(clients)
    assert get("right-token")["headers"]["content-security-policy"].endswith("'none'")
    settings_say(clients, frame_ancestors=["https://kvartal.amocrm.ru"])
    later = get("right-token", at=NOW + timedelta(seconds=61))["headers"]["content-security-policy"]
    assert later.endswith("frame-ancestors https://kvartal.amocrm.ru")


def test_unreadable_settings_show_the_page_and_no_frame(clients: Clients) -> None:
    clients.s3.put_object(Bucket=BUCKET, Key=current_key("kvartal"), Body=b"{")
    answer = get("right-token")
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-security-policy"].endswith("frame-ancestors 'none'")


def test_a_panel_that_posts_sees_the_same_page(clients: Clients) -> None:
    body = "DOMAIN=kvartal.bitrix24.ru&AUTH_ID=secret&PLACEMENT=CRM_DEAL_DETAIL_TAB"
    posted = ask("right-token", {"DOMAIN": "x"}, {"content-type": "application/x-www-form-urlencoded"}, method="POST", body=body)
    assert (posted["statusCode"], posted["body"]) == (200, PAGE)
    assert posted["headers"] == get("right-token")["headers"]
    assert "secret" not in repr(clients.dynamodb.scan(TableName=TABLE)["Items"])


@pytest.mark.parametrize(("token", "status"), [("right-token", 200), ("wrong", 404)])
def test_who_only_looks_whether_a_link_opens_gets_no_body(clients: Clients, token: str, status: int) -> None:
    asked, told = (ask(token, {}, {"accept": "text/html"}, method=method) for method in ("GET", "HEAD"))
    assert (asked["statusCode"], told["statusCode"]) == (status, status)
    assert (told["body"], told["isBase64Encoded"]) == ("", False)
    assert told["headers"] == asked["headers"]


def test_a_post_larger_than_any_panels_is_refused(clients: Clients) -> None:
    assert ask("right-token", {}, {}, method="POST", body="x" * handler.MOST_POSTED)["statusCode"] == 200
    assert ask("right-token", {}, {}, method="POST", body="x" * (handler.MOST_POSTED + 1))["statusCode"] == 413


def test_a_post_by_another_token_is_not_found(clients: Clients) -> None:
    assert ask("wrong-token", {}, {"accept": "text/html"}, method="POST", body="x")["statusCode"] == 404


def test_a_link_opens_its_page_until_it_expires(clients: Clients) -> None:
    end = NOW + timedelta(days=400)
    assert get("short-token", at=end - timedelta(milliseconds=1))["statusCode"] == 200
    assert get("short-token", at=end)["statusCode"] == 404
    assert data("short-token", "manifest", end)["statusCode"] == 404
    assert get("short-token", "xlsx", at=end)["statusCode"] == 404
    assert get("right-token", at=end + timedelta(days=4000))["statusCode"] == 200  # a link of before links expired


def test_a_revoked_link_opens_nothing_at_once(clients: Clients) -> None:
    links = Links(clients.dynamodb, TABLE)
    for link in links.every("kvartal"):
        links.revoke(link, NOW)
    for answer in (get("right-token"), get("right-token", "json"), data("right-token", "manifest")):
        assert answer["statusCode"] == 404


def test_expired_revoked_and_guessed_links_look_alike_and_are_counted_apart(
    clients: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    headers, late = {"accept": "text/html"}, NOW + timedelta(days=500)
    expired = ask("short-token", {}, headers, late)
    assert counted(capsys) == ["ReportLinkExpired"]
    links = Links(clients.dynamodb, TABLE)
    for link in links.every("kvartal"):
        links.revoke(link, NOW)
    revoked = ask("short-token", {}, headers, late)
    assert counted(capsys) == ["ReportLinkRevoked"]
    guessed = ask("guess", {}, headers, late)
    assert counted(capsys) == ["ReportLinkUnknown"]
    assert expired["statusCode"] == revoked["statusCode"] == guessed["statusCode"] == 404
    assert expired["body"] == revoked["body"] == guessed["body"]
    assert "Откройте ссылку из последнего письма" in guessed["body"]


def test_a_panel_shows_why_its_link_opens_nothing(clients: Clients) -> None:
    settings_say(clients, frame_ancestors=["https://*.amocrm.ru"])
    answer = ask("short-token", {}, {"accept": "text/html"}, NOW + timedelta(days=500))
    assert answer["headers"]["content-security-policy"].endswith("frame-ancestors https://*.amocrm.ru")


def test_a_link_without_a_page_unsubscribes_and_opens_nothing(clients: Clients) -> None:
    Ledger(clients.dynamodb, TABLE).keep_token("alert", Page("kvartal", "", "hash", "Квартал", "ru", kind="alert"), NOW)
    assert get("alert")["statusCode"] == 404
    assert data("alert", "manifest")["statusCode"] == 404


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(max_size=100), token=st.sampled_from(["right-token", "short-token", "wrong"]))
def test_no_name_makes_a_server_error(clients: Clients, name: str, token: str) -> None:
    assert data(token, name)["statusCode"] in (200, 404)


def test_data_that_the_browser_has_is_not_sent_again_while_the_link_opens_it(clients: Clients) -> None:
    tag = data("short-token", "manifest")["headers"]["etag"]
    known = {"accept-encoding": "gzip", "if-none-match": f"W/{tag}"}
    answer = ask("short-token", {"data": "manifest"}, known)
    assert (answer["statusCode"], answer["body"], answer["headers"]["etag"]) == (304, "", tag)
    assert ask("short-token", {"data": "app.js"}, known)["statusCode"] == 200
    links = Links(clients.dynamodb, TABLE)
    for link in list(links.every("kvartal")):
        links.revoke(link, NOW)
    assert ask("short-token", {"data": "manifest"}, known)["statusCode"] == 404


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("br, gzip", True), ("GZIP;q=0.5", True), ("*", True), ("", False), ("gzip;q=0, identity", False), ("gzip; q=0.0", False),
     ("*, gzip;q=0", False), ("gzip;q=nonsense", False), ("x-gzip", False)],
)  # fmt: skip
def test_a_page_is_packed_for_those_who_take_it_so(clients: Clients, accepted: str, packed: bool) -> None:
    answer = get("right-token", **{"accept-encoding": accepted})
    assert answer["statusCode"] == 200
    assert ("content-encoding" in answer["headers"]) == packed


def test_a_link_that_opens_nothing_any_more_is_told_truly(clients: Clients) -> None:
    late = NOW + timedelta(days=401)
    assert "устарела или отозвана" in get("short-token", at=late, accept="text/html")["body"]
    assert "out of date or revoked" in json.loads(get("short-token", at=late)["body"])["error"]["message"]
