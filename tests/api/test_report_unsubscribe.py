"""…/unsubscribe: a GET asks, only a POST does it, it can be taken back, and nobody else's mail stops."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.report import handler
from functions.report.mail import recipient_hash
from functions.report.store import Ledger, Page
from tests.report_aws import BUCKET, TABLE, Clients
from tests.report_cases import NOW

OWNER = recipient_hash("owner@kvartal.example")
PARTNER = recipient_hash("partner@kvartal.example")
TOKEN = "token"


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    with mock_aws():
        made = Clients()
        monkeypatch.setattr(handler, "client", made)
        monkeypatch.setenv("LEDGER_TABLE", TABLE)
        monkeypatch.setenv("FILES_BUCKET", BUCKET)
        kept = Ledger(made.dynamodb, TABLE)
        kept.keep_token("token", Page("kvartal", "reports/kvartal/1.html", OWNER, "Квартал <b>", "ru"), NOW)
        kept.keep_token("english", Page("kvartal", "reports/kvartal/1.html", PARTNER, "Kvartal", "en"), NOW)
        kept.keep_token("old", Page("kvartal", "reports/kvartal/0.html", "", "", ""), NOW)
        yield kept


def call(method: str, token: str = TOKEN, body: bytes = b"", **headers: str) -> dict[str, Any]:
    event = {
        "routeKey": f"{method} /v1/reports/{{token}}/unsubscribe",
        "pathParameters": {"token": token},
        "headers": {"content-type": "application/x-www-form-urlencoded", **headers},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        "requestContext": {"http": {"sourceIp": "192.0.2.1"}, "timeEpoch": 1_791_860_400_000, "requestId": "r"},
    }
    return handler.lambda_handler(event, None)


def test_looking_at_the_page_unsubscribes_nobody(ledger: Ledger) -> None:
    answer = call("GET")
    assert answer["statusCode"] == 200
    assert '<form method="post"><button>Отписаться</button></form>' in answer["body"]
    assert not ledger.is_off("kvartal", OWNER)


def test_the_mail_programs_one_click_unsubscribes(ledger: Ledger) -> None:
    answer = call("POST", body=b"List-Unsubscribe=One-Click")
    assert answer["statusCode"] == 200
    assert "Вы отписаны" in answer["body"]
    assert ledger.is_off("kvartal", OWNER)


def test_one_click_as_multipart_unsubscribes_too(ledger: Ledger) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    assert call("POST", body=body, **{"content-type": "multipart/form-data; boundary=x"})["statusCode"] == 200
    assert ledger.is_off("kvartal", OWNER)


def test_repeats_are_fine(ledger: Ledger) -> None:
    assert [call("POST")["statusCode"] for _ in range(3)] == [200, 200, 200]
    assert ledger.is_off("kvartal", OWNER)


def test_the_button_of_the_page_takes_it_back(ledger: Ledger) -> None:
    assert '<input type="hidden" name="undo" value="1">' in call("POST")["body"]
    answer = call("POST", body=b"undo=1")
    assert "снова будут приходить" in answer["body"]
    assert not ledger.is_off("kvartal", OWNER)


def test_whoever_is_unsubscribed_finds_the_way_back_on_the_same_page(ledger: Ledger) -> None:
    call("POST")
    assert 'name="undo"' in call("GET")["body"]


def test_only_the_owner_of_the_token_is_unsubscribed_and_only_from_that_site(ledger: Ledger) -> None:
    call("POST")
    assert not ledger.is_off("kvartal", PARTNER)
    assert not ledger.is_off("another", OWNER)


def test_the_page_says_that_alerts_end_with_the_report(ledger: Ledger) -> None:
    assert "и предупреждения о том, что остановилось?" in call("GET")["body"]
    assert "ни предупреждения больше не придут" in call("POST")["body"]
    assert "and alerts" in call("GET", "english")["body"]


def test_the_link_of_a_preview_says_that_it_unsubscribes_nobody(ledger: Ledger) -> None:
    for method in ("GET", "POST"):
        answer = call(method, "old", accept="text/html")
        assert answer["statusCode"] == 404
        assert "она никого не отписывает" in answer["body"]
        assert "<form" not in answer["body"]


def test_the_page_may_post_to_itself_and_do_nothing_else(ledger: Ledger) -> None:
    policy = call("GET")["headers"]["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "default-src 'none'" in policy
    assert call("GET")["headers"]["cache-control"] == "no-store"


def test_the_page_speaks_the_reports_language_and_keeps_names_text(ledger: Ledger) -> None:
    assert "Stop sending the report “Kvartal”" in call("GET", "english")["body"]
    assert "«Квартал &lt;b&gt;»" in call("GET")["body"]


def test_a_wrong_token_is_not_found(ledger: Ledger) -> None:
    for method in ("GET", "POST"):
        answer = call(method, "wrong", accept="*/*")
        assert answer["statusCode"] == 404
        assert json.loads(answer["body"])["error"]["code"] == "not_found"
        assert "Такого отчёта нет" in call(method, "wrong", accept="text/html")["body"]


def test_a_link_that_knows_no_recipient_unsubscribes_nobody(ledger: Ledger) -> None:
    assert call("POST", "old", accept="*/*")["statusCode"] == 404


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(token=st.sampled_from(["token", "wrong"]) | st.text(), body=st.binary(max_size=5000), kind=st.text(max_size=40))
def test_no_post_makes_a_server_error(ledger: Ledger, token: str, body: bytes, kind: str) -> None:
    assert call("POST", token, body, **{"content-type": kind})["statusCode"] in (200, 404)
