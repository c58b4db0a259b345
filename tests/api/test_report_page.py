"""GET /v1/reports/{token}: the page for its token, nothing for any other."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.report import handler
from functions.report.store import Files, Form, Ledger, Page
from tests.report_aws import BUCKET, TABLE, Clients
from tests.report_cases import NOW

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
        Ledger(made.dynamodb, TABLE).keep_token("right-token", Page("kvartal", key, "hash", "Квартал", "ru"), NOW)
        yield made


def get(token: str, form: str = "", **headers: str) -> dict[str, Any]:
    event = {
        "routeKey": "GET /v1/reports/{token}",
        "pathParameters": {"token": token},
        "queryStringParameters": {"format": form} if form else {},
        "headers": headers,
        "requestContext": {"http": {"sourceIp": "192.0.2.1"}, "timeEpoch": 1_791_860_400_000, "requestId": "r"},
    }
    return handler.lambda_handler(event, None)


def test_the_token_opens_the_page(clients: Clients) -> None:
    answer = get("right-token")
    assert (answer["statusCode"], answer["body"]) == (200, PAGE)


def test_the_page_may_run_nothing_and_is_neither_kept_nor_listed(clients: Clients) -> None:
    headers = get("right-token")["headers"]
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
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
