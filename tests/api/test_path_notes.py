"""After a refresh the paths of new deals go into the queue of CRM tasks: once each, in words, and nothing of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from functions.report.alerts import handler
from functions.report.path_notes import giving
from infra.warehouse.duckdb import DuckDbWarehouse
from shared import engines
from shared.sites import current_key
from shared.sql import literal
from shared.times import lake_text
from tests.fakes import FakeSqs
from tests.report_aws import BUCKET, TABLE, Clients, installation
from tests.report_cases import NOW, settings_of

QUEUE = "crm-tasks"
MADE = NOW - timedelta(hours=3)
REQUEST = "0199d7a1-5c30-7d44-8a55-7f0a1b2c3d4e"
VK = {"channel": "Social", "source": "vk", "campaign": "kuhni"}
DIRECT = {"channel": "direct", "source": "(direct)", "campaign": ""}
SEARCH = {"channel": "Organic search", "source": "google", "campaign": ""}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    """A refreshed site whose requests go to amoCRM, and no address to send mail from."""
    for made in installation(monkeypatch, tmp_path):
        made.queue = FakeSqs()  # type: ignore[attr-defined]
        monkeypatch.setattr(handler, "client", partial(client, made))
        for name, value in {"CRM_TABLE": TABLE, "CRM_TASK_QUEUE_URL": QUEUE, "MAIL_FROM": ""}.items():
            monkeypatch.setenv(name, value)
        settle(made)
        refreshed(made, "r1")
        yield made


def client(aws: Clients, service: str) -> Any:
    return aws.queue if service == "sqs" else aws(service)  # type: ignore[attr-defined]


def settle(aws: Clients, language: str = "ru", site_id: str = "kvartal", **new_requests: Any) -> None:
    told = settings_of(site_id=site_id, report={"language": language})
    told["crm"] = {"new_requests": {"to": "amocrm", "channels": ["call"], "note": True, **new_requests}}
    told["attribution"] = {**told["attribution"], "default_model": "last_non_direct"}
    aws.s3.put_object(Bucket=BUCKET, Key=current_key(site_id), Body=orjson.dumps(told))


def refreshed(aws: Clients, refresh_id: str, site_id: str = "kvartal") -> None:
    item = {"pk": f"refresh#{site_id}", "sk": "last", "refresh_id": refresh_id, "completed_at": lake_text(NOW)}
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def run(at: datetime = NOW) -> int:
    return handler.lambda_handler({"time": at.isoformat()}, None)["noted"]


def queued(aws: Clients) -> list[dict[str, Any]]:
    return [json.loads(text) for text in aws.queue.messages.get(QUEUE, [])]  # type: ignore[attr-defined]


def insert(table: str, **values: Any) -> None:
    row = {"site_id": "kvartal", **values}
    warehouse = engines.engine()
    assert isinstance(warehouse, DuckDbWarehouse)
    warehouse.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(literal, row.values()))})")


def deal(
    deal_id: str = "amocrm:17", touches: tuple[dict[str, Any], ...] = (VK, SEARCH, DIRECT), heaviest: int = 2, **changes: Any
) -> None:
    """A deal with its request's path: a touch a day, the last one on the request's."""
    request_id = changes.get("request_id", f"{REQUEST}-{deal_id}")
    made = {"created_at": MADE, "day": MADE.date(), "match_method": "request_id", "request_id": request_id, **changes}
    insert("deals", deal_id=deal_id, **made)
    for place, source in enumerate(touches, 1):
        at = MADE - timedelta(days=len(touches) - place)
        touch = {"request_id": request_id, "touch_id": f"{request_id}-{place}", "day": MADE.date()}
        touch |= {"site_id": changes.get("site_id", "kvartal")}
        insert("paths", **touch, position=place, path_length=len(touches), touched_at=at, is_significant=False, **source)
        if place == heaviest:
            insert("credits", **touch, model="last_non_direct", weight=1.0, **source)


def test_a_new_deals_whole_path_is_queued_in_the_words_of_the_report(aws: Clients) -> None:
    deal(request_id=REQUEST)
    assert run() == 1
    (told,) = queued(aws)
    assert told == {
        "task": "note", "site_id": "kvartal", "webhook_id": "path:amocrm:17", "received_at": NOW.isoformat(),
        "provider": "amocrm", "deal": "17", "request_id": REQUEST,
        "lines": [
            "Путь: 3 касания.",
            f"1. {MADE - timedelta(days=2):%d.%m.%Y}: Social › ВКонтакте › kuhni (первое касание)",
            f"2. {MADE - timedelta(days=1):%d.%m.%Y}: Органический поиск › Google",
            f"3. {MADE:%d.%m.%Y}: Прямые заходы",
            "Источник по модели отчёта: Органический поиск › Google. Последнее непрямое касание: № 2 из 3 касаний.",
            "Сделка связана с заявкой по номеру заявки.",
        ],
    }  # fmt: skip


def test_each_deal_is_queued_once_and_a_refresh_looked_through_once(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    deal()
    assert (run(), run()) == (1, 0)
    deal("amocrm:18")
    assert run() == 0  # of the next refresh
    refreshed(aws, "r2")
    assert (run(), run()) == (1, 0)
    assert [one["deal"] for one in queued(aws)] == ["17", "18"]


def test_what_has_no_path_or_is_no_new_deal_of_that_crm_is_left_alone(aws: Clients) -> None:
    deal("amocrm:1", touches=(VK,), heaviest=1)
    deal("amocrm:2", match_method="implied")
    deal("amocrm:3", merged_into="amocrm:1")
    deal("amocrm:4", is_apart=True)
    deal("amocrm:5", created_at=NOW - timedelta(days=2, seconds=1), day=(NOW - timedelta(days=2)).date())
    deal("amocrm:6", site_id="other")
    for deal_id in ("hubspot:7", "bitrix24:8", "amocrm:customer:9"):
        deal(deal_id)
    deal("amocrm:10")
    assert run() == 1
    assert [one["deal"] for one in queued(aws)] == ["10"]


@pytest.mark.parametrize("changes", [{"note": False}, {"to": "url"}])
def test_a_site_that_asks_for_no_notes_is_not_asked_about(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    deal()
    settle(aws, **changes)
    monkeypatch.setattr(giving, "bind", None)
    assert run() == 0


def test_leads_and_deals_of_bitrix24_have_their_kind_in_the_id_and_smart_processes_no_note(aws: Clients) -> None:
    settle(aws, to="bitrix24")
    for name in ("lead:5", "6", "T137:7"):
        deal(f"bitrix24:{name}")
    assert run() == 2
    assert sorted(one["deal"] for one in queued(aws)) == ["6", "lead:5"]


def test_the_newest_deals_come_first_and_no_more_than_a_crm_takes(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giving, "MOST_DEALS", 2)
    for number in range(4):
        deal(f"amocrm:{number}", created_at=MADE + timedelta(minutes=number))
    assert run() == 2
    assert sorted(one["deal"] for one in queued(aws)) == ["2", "3"]


def test_a_queue_that_fails_is_tried_again_and_other_sites_do_not_wait(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    deal()
    settle(aws, site_id="aaa")
    refreshed(aws, "r1", "aaa")
    deal("amocrm:5", site_id="aaa")
    aws.queue.fail("send_message", times=1)  # type: ignore[attr-defined]
    assert run() == 1
    assert "PathNotesFailed" in capsys.readouterr().out
    assert run() == 1
    assert sorted(one["site_id"] for one in queued(aws)) == ["aaa", "kvartal"]


def test_a_refresh_that_begins_meanwhile_is_waited_for(aws: Clients) -> None:
    deal()
    begun = {"pk": "refresh#kvartal", "sk": "begun", "refresh_id": "r2"}
    aws.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in begun.items()})
    assert run() == 0


def test_a_long_path_shows_its_ends_and_its_heaviest_touch(aws: Clients) -> None:
    deal(touches=tuple(SEARCH for _ in range(50)), heaviest=7)
    run()
    (told,) = queued(aws)
    places = [int(line.partition(".")[0]) for line in told["lines"][1:-2]]
    assert len(places) == 20
    assert {1, 7, 50} <= set(places)
    assert told["lines"][0] == "Путь: 50 касаний."


def test_the_note_speaks_the_language_of_the_sites_reports(aws: Clients) -> None:
    settle(aws, language="en")
    deal()
    run()
    (told,) = queued(aws)
    assert (told["lines"][0], told["lines"][-1]) == ("Path: 3 touches.", "The deal was tied to the request by the request id.")


def test_times_are_those_of_the_site(aws: Clients) -> None:
    late = datetime(MADE.year, MADE.month, MADE.day, 22, 30, tzinfo=UTC) - timedelta(days=1)
    deal(request_id="r", touches=(), heaviest=0)
    for place in (1, 2):
        touch = {"request_id": "r", "touch_id": str(place), "day": MADE.date(), "position": place, "path_length": 2}
        insert("paths", **touch, touched_at=late, is_significant=False, **SEARCH)
    run()
    assert queued(aws)[0]["lines"][1].startswith(f"1. {late + timedelta(days=1):%d.%m.%Y}")  # Moscow
