"""Alerts end to end: a complete refresh → one mail to each who is to know, never the same twice a day."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.report.alerts import telling
from functions.report.alerts.bell import Bell
from functions.report.alerts.ringing import NotAllRung
from functions.report.delivery.post import MailRefused, SesPost
from functions.report.delivery.suppressed import Suppressed
from functions.report.links import Links
from functions.report.mail import recipient_hash
from functions.report.store import Ledger
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.heard import Heard
from shared.sites import current_key
from tests.alert_site import (
    DAY,
    HOUR,
    WEEK,
    hits,
    hits_of,
    mails,
    publish,
    refreshed,
    run,
    silent_site,
    subject_of,
    text_of,
    warehouse,
)
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients
from tests.report_cases import NOW


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from silent_site(monkeypatch, tmp_path)


def test_what_has_stopped_is_mailed_to_the_owner_with_what_to_do(aws: Clients) -> None:
    assert run() == 1
    ((recipient, _),) = aws.ses.sent
    (mail,) = mails(aws)
    assert recipient == OWNER
    assert subject_of(mail) == "Квартал: посещения перестали поступать"
    assert "обычно приходит просмотров и событий: 12" in text_of(mail)
    assert "Что делать: Откройте сайт" in text_of(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_refresh_is_judged_once_and_the_same_alert_rests_for_the_day(aws: Clients) -> None:
    assert [run(), run(NOW + HOUR / 4)] == [1, 0]
    refreshed(aws, "r2", NOW + HOUR)
    assert run(NOW + HOUR) == 0


def test_what_is_still_silent_the_next_day_rings_again(aws: Clients) -> None:
    run()
    hits_of(DAY)
    refreshed(aws, "r2", NOW + DAY)
    assert run(NOW + DAY) == 1


def test_midnight_makes_no_new_day_of_the_same_silence(aws: Clients) -> None:
    late = NOW.replace(hour=20, minute=50)  # 23:50 in Moscow
    hits_of(late - NOW)
    refreshed(aws, "r2", late)
    assert run(late) == 1
    refreshed(aws, "r3", late + HOUR)
    assert run(late + HOUR) == 0


def test_an_alert_that_is_resolved_is_not_mailed(aws: Clients) -> None:
    hits(NOW - HOUR)
    assert run() == 0
    assert aws.ses.sent == []


def several(aws: Clients) -> None:
    """An account whose spend has stopped, too."""
    db = warehouse().connection
    for day in range(1, 10):
        db.execute(
            "INSERT INTO costs (site_id, cost_id, day, account, original_cost) "
            f"VALUES ('kvartal', '{day}', DATE '2026-10-0{day}', 'yandex-main', 100)"
        )


def test_several_alerts_are_one_mail(aws: Clients) -> None:
    several(aws)
    assert run() == 1
    (mail,) = mails(aws)
    assert subject_of(mail) == "Квартал: посещения перестали поступать и ещё 1 предупреждение"
    assert "Нет расходов по кабинету «yandex-main»" in text_of(mail)


def test_a_site_without_a_refresh_rings_nothing(aws: Clients) -> None:
    aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": "refresh#kvartal"}, "sk": {"S": "last"}})
    assert run() == 0


def begun(aws: Clients, refresh_id: str) -> None:
    item = {"pk": "refresh#kvartal", "sk": "begun", "refresh_id": refresh_id}
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def test_an_unfinished_refresh_rings_nothing(aws: Clients) -> None:
    begun(aws, "r2")
    assert run() == 0
    refreshed(aws, "r2")
    assert run() == 1


def test_a_refresh_that_begins_while_the_marts_are_asked_voids_what_they_said(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = DuckDbWarehouse.rows

    def begin(self: DuckDbWarehouse, sql: str) -> Any:
        begun(aws, "r2")
        return rows(self, sql)

    monkeypatch.setattr(DuckDbWarehouse, "rows", begin)
    assert run() == 0
    assert aws.ses.sent == []
    refreshed(aws, "r2")
    assert run(NOW + HOUR / 4) == 1


def test_a_refused_mail_is_tried_again_by_the_next_run(aws: Clients) -> None:
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllRung):
        run()
    aws.ses.refuse = set()
    assert run(NOW + HOUR / 4) == 1


@pytest.mark.parametrize("broken", ["keep_token", "mail_of", "claim"])
def test_whatever_fails_before_the_mail_is_handed_over_costs_no_alert(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="somewhere")

    several(aws)
    real, calls = Bell.claim, [0]

    def second_fails(self: Bell, *told: Any) -> bool:
        calls[0] += 1
        if calls[0] == 2:
            real(self, *told)  # written, and the answer was lost
            fail()
        return real(self, *told)

    with monkeypatch.context() as patched:
        if broken == "keep_token":
            patched.setattr(Ledger, "keep_token", fail)
        elif broken == "mail_of":
            patched.setattr(telling, "mail_of", fail)
        else:
            patched.setattr(Bell, "claim", second_fails)
        with pytest.raises(NotAllRung):
            run()
    assert aws.ses.sent == []
    assert run(NOW + HOUR / 4) == 1
    assert subject_of(mails(aws)[0]).endswith("и ещё 1 предупреждение")


def test_a_refresh_that_cannot_be_told_is_given_up_after_three_tries(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.ses.refuse = {OWNER}
    for tick in range(3):
        with pytest.raises(NotAllRung):
            run(NOW + tick * HOUR / 4)
    assert run(NOW + 3 * HOUR / 4) == 0
    assert len(list(Links(aws.dynamodb, TABLE).listed("kvartal"))) == 3
    refreshed(aws, "r2", NOW + HOUR)
    aws.ses.refuse = set()
    assert run(NOW + HOUR) == 1


def test_a_recipient_whom_the_server_does_not_take_is_noted_as_reports_do(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise MailRefused("no such user", is_recipient=True)

    monkeypatch.setattr(SesPost, "send", refuse)
    for day in range(5):
        refreshed(aws, f"r{day}", NOW + day * DAY)
        hits_of(day * DAY)
        with pytest.raises(NotAllRung):
            run(NOW + day * DAY)
    assert Suppressed(aws.dynamodb, TABLE).all(NOW + 5 * DAY)[recipient_hash(OWNER)].reason == "transient"


def test_of_hundreds_the_costliest_are_told_and_the_rest_waits_for_the_next_mail(aws: Clients) -> None:
    db = warehouse().connection
    spend = [
        f"('kvartal', '{n}', DATE '2026-10-10', 'Yandex Direct', 'yandex', 'c{n}', {1000 + n}, {1000 + n})" for n in range(200)
    ]
    names = "(site_id, cost_id, day, channel, source, campaign, cost, original_cost)"
    db.execute(f"INSERT INTO costs {names} VALUES {', '.join(spend)}")
    db.execute("INSERT INTO requests (site_id, request_id, day, is_counted) VALUES ('kvartal', 'q', DATE '2026-10-10', TRUE)")
    db.execute(
        "INSERT INTO credits (site_id, request_id, model, touch_id, day, channel, source, campaign, weight) "
        "VALUES ('kvartal', 'q', 'last_non_direct', 't', DATE '2026-10-10', 'Yandex Direct', 'yandex', 'ok', 1)"
    )
    publish(aws, alerts={"spend_without_requests": "500"})

    def named(mail: Message) -> set[int]:
        return {int(n) for n in re.findall(r"→ c(\d+)", text_of(mail))}

    assert run() == 1
    assert "не поместились" in text_of(mails(aws)[0])
    refreshed(aws, "r2", NOW + HOUR)
    assert run(NOW + HOUR) == 1
    first, second = map(named, mails(aws))
    assert min(first) > max(second)
    assert first | second == set(range(200))
    assert "не поместились" not in text_of(mails(aws)[1])


def test_webhooks_that_were_heard_and_stopped_ring(aws: Clients) -> None:
    hits(NOW - HOUR)
    heard = Heard(lambda: aws.dynamodb, lambda: TABLE)
    for week in (1, 2, 3, 4):
        for n in range(12):
            heard.note("kvartal", NOW - week * WEEK - 2 * HOUR - timedelta(minutes=n))
    assert run() == 1
    assert "CRM не прислала ни одного уведомления (вебхука)" in text_of(mails(aws)[0])


def test_a_mail_that_may_have_gone_out_is_not_sent_again_that_day(aws: Clients) -> None:
    aws.ses.time_out = {OWNER}
    with pytest.raises(NotAllRung):
        run()
    assert len(aws.ses.sent) == 1
    aws.ses.time_out = set()
    assert run(NOW + HOUR / 4) == 0
    assert len(aws.ses.sent) == 1


def test_one_recipients_trouble_keeps_nobody_else_from_being_told(aws: Clients) -> None:
    publish(aws, OWNER, PARTNER, alerts={"recipients": [OWNER, PARTNER]})
    aws.ses.refuse = {OWNER}
    with pytest.raises(NotAllRung, match="not verified"):
        run()
    assert [recipient for recipient, _ in aws.ses.sent] == [PARTNER]


def test_one_sites_trouble_keeps_no_other_from_being_judged(aws: Clients) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key=current_key("broken"), Body=b'{"site_id": "broken", "report": {}}')
    aws.s3.put_object(Bucket=BUCKET, Key="settings/broken/versions/1.json", Body=b"{}")
    with pytest.raises(NotAllRung, match="broken"):
        run()
    assert len(aws.ses.sent) == 1


def test_a_question_that_fails_is_told_to_operations_and_the_other_alerts_go_out(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = DuckDbWarehouse.rows

    def fail(self: DuckDbWarehouse, sql: str) -> Any:
        if "FROM deal_states" in sql:
            raise WarehouseError("the query was cut off")
        return rows(self, sql)

    monkeypatch.setattr(DuckDbWarehouse, "rows", fail)
    with pytest.raises(NotAllRung, match="crm_stopped could not be judged"):
        run()
    assert len(aws.ses.sent) == 1


def test_a_stack_without_a_sender_rings_nothing(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "")
    assert run() == 0


def test_no_mail_carries_an_address_or_token_of_somebody_else(aws: Clients) -> None:
    publish(aws, OWNER, PARTNER, alerts={"recipients": [OWNER, PARTNER]})
    run()
    bodies = [text_of(mail) for mail in mails(aws)]
    assert PARTNER not in bodies[0]
    assert OWNER not in bodies[1]
    items = repr(aws.dynamodb.scan(TableName=TABLE)["Items"])
    for body in bodies:
        for token in re.findall(r"/v1/reports/([\w-]{43})", body):
            assert token not in items
    assert base64.b64encode(OWNER.encode()).decode() not in items
