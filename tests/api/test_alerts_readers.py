"""Who is told of an alert, in which words, and which page the mail's link opens for him."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from pathlib import Path

import pytest

from functions.report.alerts.ringing import readers_of_alerts
from functions.report.delivery.suppressed import Suppressed
from functions.report.links import Links
from functions.report.mail import recipient_hash
from functions.report.store import Ledger, Page
from shared.times import lake_text
from tests.alert_site import (
    DAY,
    HOUR,
    hits_of,
    mails,
    page_for,
    publish,
    refreshed,
    run,
    silent_site,
    subject_of,
    text_of,
    warehouse,
)
from tests.report_aws import OWNER, PARTNER, TABLE, Clients, call
from tests.report_cases import NOW, settings_of


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from silent_site(monkeypatch, tmp_path)


def test_its_link_opens_the_readers_latest_page_and_unsubscribes_him(aws: Clients) -> None:
    page_for(aws, OWNER)
    run()
    (mail,) = mails(aws)
    (token,) = re.findall(r"https://stats\.example/v1/reports/([\w-]{43})#view=traffic", text_of(mail))
    assert call("GET", "", token)["body"] == "<p>page</p>"
    assert call("POST", "/unsubscribe", token)["statusCode"] == 200
    assert Ledger(aws.dynamodb, TABLE).is_off("kvartal", recipient_hash(OWNER))


def test_a_reader_without_a_report_gets_no_page_and_can_unsubscribe(aws: Clients) -> None:
    page_for(aws, PARTNER)
    run()
    (mail,) = mails(aws)
    assert "#view" not in text_of(mail)
    (token,) = re.findall(r"/v1/reports/([\w-]{43})/unsubscribe", str(mail["List-Unsubscribe"]))
    assert call("GET", "", token)["statusCode"] == 404
    assert call("POST", "/unsubscribe", token)["statusCode"] == 200


def page_link(mail: Message) -> str:
    """The token with which a mail opens a page; "" where it opens none."""
    found = re.search(r"/v1/reports/([\w-]{43})#view", text_of(mail))
    return found[1] if found else ""


@pytest.mark.parametrize("life", [400 * DAY, -DAY])
def test_what_was_revoked_or_has_expired_stays_closed(aws: Clients, life: timedelta) -> None:
    page_for(aws, OWNER, life=life)
    links = Links(aws.dynamodb, TABLE)
    for link in list(links.every("kvartal")) if life > DAY else []:
        links.revoke(link, NOW)
    run()
    assert page_link(mails(aws)[0]) == ""
    hits_of(DAY)
    refreshed(aws, "r2", NOW + DAY)
    run(NOW + DAY)  # by the link of the alert before, neither
    assert page_link(mails(aws)[1]) == ""


def test_a_link_lives_no_longer_than_the_page_that_it_points_at(aws: Clients) -> None:
    page_for(aws, OWNER, life=2 * DAY)
    run()
    page = Ledger(aws.dynamodb, TABLE).page(page_link(mails(aws)[0]))
    assert page is not None
    assert page.expires_at == lake_text(NOW + 2 * DAY)


SCOPES = [{"name": "vk", "channels": ["VK Ads"]}]


def test_a_page_of_another_scope_than_the_readers_present_one_is_not_opened(aws: Clients) -> None:
    page_for(aws, PARTNER)  # when he was to see everything
    publish(aws, OWNER, {"address": PARTNER, "scope": "vk"}, scopes=SCOPES, alerts={"recipients": [PARTNER]})
    run()
    assert page_link(mails(aws)[0]) == ""


def test_thousands_of_newer_links_of_others_hide_no_page(aws: Clients) -> None:
    page_for(aws, OWNER)
    ledger = Ledger(aws.dynamodb, TABLE)
    for n in range(2001):
        ledger.keep_token(f"other-{n}", Page("kvartal", "", "other", "K", "ru", "", "alert", ""), NOW)
    run()
    assert page_link(mails(aws)[0])


def test_those_who_are_named_are_told_each_in_his_language(aws: Clients) -> None:
    reader = {"address": PARTNER, "language": "en"}
    publish(aws, OWNER, reader, alerts={"recipients": [PARTNER.upper(), "duty@kvartal.example"]})
    assert run() == 2
    assert {recipient: subject_of(mail) for (recipient, _), mail in zip(aws.ses.sent, mails(aws), strict=True)} == {
        PARTNER: "Квартал: visits have stopped coming in",
        "duty@kvartal.example": "Квартал: посещения перестали поступать",
    }


def test_nobody_to_tell_is_no_error(aws: Clients) -> None:
    told = settings_of()
    assert readers_of_alerts({**told, "report": {**told["report"], "recipients": []}}) == []


def test_whoever_unsubscribed_or_bounced_is_not_told(aws: Clients) -> None:
    publish(aws, OWNER, PARTNER, alerts={"recipients": [OWNER, PARTNER]})
    Ledger(aws.dynamodb, TABLE).set_off("kvartal", recipient_hash(OWNER), True, NOW)
    Suppressed(aws.dynamodb, TABLE).note(PARTNER, "bounce", NOW - DAY, "event")
    assert run() == 0
    assert aws.ses.sent == []


def test_where_nobody_is_reached_the_next_reader_of_everything_is_told(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    publish(aws, OWNER, {"address": "vk@kvartal.example", "scope": "vk"}, PARTNER, scopes=SCOPES)
    Ledger(aws.dynamodb, TABLE).set_off("kvartal", recipient_hash(OWNER), True, NOW)
    assert run() == 1
    assert [recipient for recipient, _ in aws.ses.sent] == [PARTNER]
    Ledger(aws.dynamodb, TABLE).set_off("kvartal", recipient_hash(PARTNER), True, NOW)
    refreshed(aws, "r2", NOW + HOUR)
    capsys.readouterr()
    assert run(NOW + HOUR) == 0
    reasons = re.findall(r'"Reason":"(\w+)"', capsys.readouterr().out)
    assert reasons == ["unsubscribed", "nobody"]


def test_a_reader_of_a_scope_is_told_no_figure_of_the_whole_site(aws: Clients) -> None:
    db = warehouse().connection
    for day in range(6, 10):
        db.execute(
            "INSERT INTO costs (site_id, cost_id, day, account, channel, source, cost, original_cost) "
            f"VALUES ('kvartal', '{day}', DATE '2026-10-0{day}', 'main', 'VK Ads', 'vk', 1000, 1000)"
        )
    db.execute(
        "INSERT INTO requests (site_id, request_id, day, is_counted, no_source_reason) VALUES "
        "('kvartal', 'q', DATE '2026-10-01', TRUE, 'not_determined'), "
        "('kvartal', 'p', DATE '2026-10-02', TRUE, 'not_determined')"
    )
    db.execute("INSERT INTO costs (site_id, day, channel, cost) VALUES ('kvartal', DATE '2026-10-01', 'Yandex Direct', -2000)")
    reader = {"address": PARTNER, "scope": "vk"}
    publish(aws, OWNER, reader, scopes=SCOPES, alerts={"recipients": [PARTNER, OWNER]})
    assert run() == 2
    scoped, whole = map(text_of, mails(aws))
    assert "Предупреждаем начиная с 3" in whole
    assert "обычно" in whole
    assert "Расход без заявок: " in scoped
    assert "Предупреждаем" not in scoped
    assert "обычно" not in scoped
    publish(aws, OWNER, reader, scopes=SCOPES, alerts={"recipients": [PARTNER], "spend_without_requests": "3000"})
    aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": "alerts#kvartal"}, "sk": {"S": "checked"}})
    run(NOW + 8 * DAY)
    assert "Предупреждаем начиная с 3" in text_of(mails(aws)[-1])  # his own settings say so


def test_a_reader_of_a_scope_is_told_of_nothing_beyond_it(aws: Clients) -> None:
    db = warehouse().connection
    for day in range(1, 10):
        db.execute(
            "INSERT INTO costs (site_id, cost_id, day, account, channel, source, cost, original_cost) "
            f"VALUES ('kvartal', '{day}', DATE '2026-10-0{day}', 'main', 'Yandex Direct', 'yandex', 100, 100), "
            f"('kvartal', 'vk-{day}', DATE '2026-10-0{day}', 'main', 'VK Ads', 'vk', 100, 100)"
        )
    scopes = [{"name": "vk", "channels": ["VK Ads"]}]
    publish(aws, OWNER, {"address": PARTNER, "scope": "vk"}, scopes=scopes,
            alerts={"recipients": [OWNER, PARTNER], "spend_without_requests": "300"})  # fmt: skip
    assert run() == 2
    told = {recipient: text_of(mail) for (recipient, _), mail in zip(aws.ses.sent, mails(aws), strict=True)}
    assert "кабинет" in told[OWNER]
    assert told[OWNER].count("Расход без заявок") == 2
    assert told[PARTNER].count("Расход без заявок") == 1
    assert "Посещения перестали поступать" in told[PARTNER]
    assert "кабинет" not in told[PARTNER]
