"""Alerts end to end: a complete refresh → one mail to each who is to know, never the same twice a day."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.report.alerts import handler as alerts
from functions.report.alerts import telling
from functions.report.alerts.bell import Bell
from functions.report.alerts.checks import RESTS, Alert
from functions.report.alerts.ringing import NotAllRung, readers_of_alerts
from functions.report.delivery.post import MailRefused, SesPost
from functions.report.delivery.suppressed import Suppressed
from functions.report.links import Links
from functions.report.mail import recipient_hash
from functions.report.store import Files, Ledger, Page
from infra.warehouse.duckdb import DuckDbWarehouse
from shared import engines
from shared.errors import WarehouseError
from shared.heard import Heard
from shared.sites import current_key
from shared.sql import literal
from shared.times import lake_text
from tests.report_aws import BUCKET, OWNER, PARTNER, TABLE, Clients, call, installation
from tests.report_cases import NOW, settings_of

SILENT_AT = NOW.replace(tzinfo=None)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    """A refreshed site with an owner whose hits, a dozen an hour before this one of each week, have stopped."""
    for made in installation(monkeypatch, tmp_path):
        monkeypatch.setattr(alerts, "client", made)
        monkeypatch.setenv("CRM_TABLE", TABLE)
        for week in (1, 2, 3, 4):
            hits(*(NOW - week * WEEK - HOUR - timedelta(seconds=n) for n in range(12)))
        publish(made)
        refreshed(made, "r1")
        yield made


def warehouse() -> DuckDbWarehouse:
    found = engines.engine()
    assert isinstance(found, DuckDbWarehouse)
    return found


def hits(*times: datetime) -> None:
    cells = ", ".join(f"('kvartal', {literal(at.date())}, {literal(at)})" for at in times)
    warehouse().connection.execute(f"INSERT INTO hits (site_id, day, occurred_at) VALUES {cells}")


def publish(aws: Clients, *recipients: Any, site_id: str = "kvartal", **report: Any) -> None:
    told = settings_of(site_id=site_id, report={"recipients": list(recipients or [OWNER]), **report})
    aws.s3.put_object(Bucket=BUCKET, Key=current_key(site_id), Body=orjson.dumps(told))


def refreshed(aws: Clients, refresh_id: str, at: datetime = NOW, site_id: str = "kvartal") -> None:
    item = {"pk": f"refresh#{site_id}", "sk": "last", "refresh_id": refresh_id}
    item |= dict.fromkeys(("completed_at", "data_to", "started_at"), lake_text(at))
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def run(at: datetime = NOW) -> int:
    return alerts.lambda_handler({"time": at.isoformat()}, None)["sent"]


def mails(aws: Clients) -> list[Message]:
    return [message_from_bytes(raw) for _, raw in aws.ses.sent]


def text_of(mail: Message) -> str:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    return bytes(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]


def subject_of(mail: Message) -> str:
    return str(message_from_bytes(mail.as_bytes(), policy=policy.default)["Subject"])


def hits_of(later: timedelta) -> None:
    """What is usual in the hours before that later time."""
    for week in (1, 2, 3, 4):
        hits(*(NOW + later - week * WEEK - 2 * HOUR for _ in range(12)))


def page_for(aws: Clients, recipient: str, scope: str = "", life: timedelta = 400 * DAY) -> None:
    """A report that the recipient has had."""
    key = Files(aws.s3, BUCKET).keep("kvartal", "page-1", {"html": b"<p>page</p>"}, "report")
    page = Page("kvartal", key, recipient_hash(recipient), "Квартал", "ru", scope, "day", lake_text(NOW + life))
    Ledger(aws.dynamodb, TABLE).keep_token(f"token-of-{recipient}", page, NOW - DAY)


def test_what_has_stopped_is_mailed_to_the_owner_with_what_to_do(aws: Clients) -> None:
    assert run() == 1
    ((recipient, _),) = aws.ses.sent
    (mail,) = mails(aws)
    assert recipient == OWNER
    assert subject_of(mail) == "Квартал: посещения перестали поступать"
    assert "обычно приходит просмотров и событий: 12" in text_of(mail)
    assert "Что делать: Откройте сайт" in text_of(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


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


STEPS = st.lists(
    st.tuples(st.integers(0, 36), st.sampled_from(["sent", "refused", "unknown", "died"]), st.sampled_from(sorted(RESTS))),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, site=st.uuids())
def test_no_alert_rings_twice_in_24_hours_whatever_happens_to_its_mails(aws: Clients, steps: list[Any], site: Any) -> None:
    bell, now = Bell(aws.dynamodb, TABLE), NOW
    rang: dict[str, list[datetime]] = {}
    for step, (hours, fate, kind) in enumerate(steps):
        now += hours * HOUR
        alert = Alert(kind, ("subject",), {}, mark=str(step % 3))
        is_resting = bool(bell.resting(str(site), "reader", [alert], now))
        assert bell.claim(str(site), "reader", alert, now) != is_resting
        if is_resting:
            continue
        if fate == "refused":  # the only fate in which certainly no mail went out
            bell.release(str(site), "reader", alert, now)
            continue
        rang.setdefault(kind, []).append(now)
        if fate == "sent":
            bell.mark_sent(str(site), "reader", alert)
    for kind, times in rang.items():
        assert all(later - earlier >= DAY for earlier, later in pairwise(times)), kind


def test_a_sent_alert_rests_as_long_as_its_kind_says(aws: Clients) -> None:
    bell = Bell(aws.dynamodb, TABLE)
    for kind, rest in RESTS.items():
        alert = Alert(kind, (), {})
        assert bell.claim("site", "reader", alert, NOW)
        bell.mark_sent("site", "reader", alert)
        assert not bell.claim("site", "reader", alert, NOW + rest * DAY - HOUR)
        assert bell.claim("site", "reader", alert, NOW + rest * DAY)


def test_an_account_that_stopped_rests_until_it_has_spent_again(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("costs_stopped", ("main",), {}, mark="2026-10-08")
    assert bell.claim("site", "reader", alert, NOW)
    bell.mark_sent("site", "reader", alert)
    assert not bell.claim("site", "reader", alert, NOW + 30 * DAY)
    assert bell.claim("site", "reader", alert._replace(mark="2026-10-20"), NOW + 16 * DAY)


def test_one_whose_mail_got_lost_on_the_way_rings_the_next_day(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("low_romi", ("VK",), {})
    assert bell.claim("site", "reader", alert, NOW)
    assert not bell.claim("site", "reader", alert, NOW)
    assert bell.claim("site", "reader", alert, NOW + DAY)


def test_a_claim_of_another_run_or_a_rest_is_not_given_back(aws: Clients) -> None:
    bell, alert = Bell(aws.dynamodb, TABLE), Alert("low_romi", ("VK",), {})
    assert bell.claim("site", "reader", alert, NOW)
    bell.release("site", "reader", alert, NOW + HOUR)
    assert not bell.claim("site", "reader", alert, NOW + HOUR)
    bell.mark_sent("site", "reader", alert)
    bell.release("site", "reader", alert, NOW)
    assert not bell.claim("site", "reader", alert, NOW + HOUR)


def test_each_subject_and_each_reader_rings_for_itself(aws: Clients) -> None:
    bell = Bell(aws.dynamodb, TABLE)
    for reader in ("one", "two"):
        for subject in (("a", "b"), ("a, b",), ("a",), ("\ud800",)):
            assert bell.claim("site", reader, Alert("low_romi", subject, {}), NOW)
            assert not bell.claim("site", reader, Alert("low_romi", subject, {}), NOW)
