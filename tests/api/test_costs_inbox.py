"""The cost inbox: recorded S3 events → cost records and processed/, or rejected/ with a readable error file."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.costs import handler
from shared.errors import TryLater
from shared.records import COST, column_names
from shared.settings import parse_settings, published
from shared.times import parse_instant
from tests.fakes import FakeClients

EVENT = json.loads((Path(__file__).parents[1] / "events" / "s3_cost_file.json").read_text())
DAILY = "day,account,source,medium,campaign,clicks,cost,currency\n"
ONE = DAILY + "2026-10-31,direct-1,yandex,cpc,Диваны,120,1234.56,RUB\n"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    """The inbox over new fakes; site kvartal reports in Russian, site loft in English."""
    fakes = FakeClients()
    for name, value in {"STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "client", fakes)
    for site_id, language in (("kvartal", "ru"), ("loft", "en")):
        raw = {"site_id": site_id, "name": site_id, "hosts": [f"{site_id}.example"], "report": {"language": language}}
        fakes.s3.put_object(
            Bucket="files", Key=f"settings/{site_id}/current.json", Body=orjson.dumps(published(parse_settings(raw)))
        )
    handler.inbox.cache_clear()
    yield fakes
    handler.inbox.cache_clear()


def upload(
    clients: FakeClients, text: str | bytes, key: str = "costs/inbox/kvartal/direct.csv", minutes: int = 0, versions: bool = True
) -> dict[str, Any]:
    """Put a file and give the event that S3 would send, `minutes` after the recorded one."""
    body = text if isinstance(text, bytes) else text.encode()
    put = clients.s3.put_object(Bucket="files", Key=key, Body=body)
    event: dict[str, Any] = copy.deepcopy(EVENT)
    record = event["Records"][0]
    at = parse_instant(record["eventTime"]) + timedelta(minutes=minutes)
    record["eventTime"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    stored = {"key": quote_plus(key, safe="/"), "size": len(body), "eTag": put["ETag"].strip('"'), "versionId": put["VersionId"]}
    record["s3"]["object"] |= stored
    if not versions:
        del record["s3"]["object"]["versionId"]
    return event


def run(event: dict[str, Any]) -> None:
    handler.lambda_handler(event, None)


def records(clients: FakeClients, mark: bool = False) -> list[dict[str, Any]]:
    lines = [line for key in clients.s3.keys("lake", "raw/cost/") for line in clients.s3.body("lake", key).splitlines()]
    return [record for record in map(json.loads, lines) if record["is_scope_mark"] is mark]


def standing(clients: FakeClients) -> dict[str, list[float]]:
    """Costs per scope as the law reads them: of each scope the latest import (received_at, import_id) alone."""
    everything = records(clients) + records(clients, mark=True)
    latest: dict[str, tuple[str, str]] = {}
    for r in everything:
        latest[r["scope"]] = max(latest.get(r["scope"], ("", "")), (r["received_at"], r["import_id"]))
    found: dict[str, list[float]] = {scope: [] for scope in latest}
    for r in records(clients):
        if latest[r["scope"]] == (r["received_at"], r["import_id"]):
            found[r["scope"]].append(r["cost"])
    return {scope: sorted(costs) for scope, costs in found.items()}


IMPORT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-")


def refused(clients: FakeClients) -> dict[str, str]:
    """Keys of `costs/` without the import's id → as they are."""
    return {IMPORT_ID.sub("", key): key for key in clients.s3.keys("files", "costs/")}


def errors(clients: FakeClients, key: str) -> str:
    return clients.s3.body("files", refused(clients).get(key, key)).decode("utf-8-sig")


def test_a_daily_file_becomes_records_and_marks_and_moves_to_processed(clients: FakeClients) -> None:
    run(upload(clients, ONE, "costs/inbox/kvartal/Яндекс октябрь.csv"))
    (record,) = records(clients)
    (mark,) = records(clients, mark=True)
    import_id = record["import_id"]
    assert record == {
        "record_id": record["record_id"],
        "site_id": "kvartal",
        "occurred_at": "2026-10-30 21:00:00.000",
        "received_at": "2026-11-02 06:15:30.123",
        "via": "file",
        "scope": "account:direct-1|day:2026-10-31",
        "import_id": import_id,
        "is_scope_mark": False,
        "account": "direct-1",
        "day": "2026-10-31",
        "utm_source": "yandex",
        "utm_medium": "cpc",
        "utm_campaign": "Диваны",
        "clicks": 120,
        "cost": 1234.56,
        "currency": "RUB",
        "file_name": "Яндекс октябрь.csv",
    }
    assert (mark["scope"], mark["import_id"], mark["received_at"]) == (record["scope"], import_id, record["received_at"])
    assert "cost" not in mark
    assert mark["record_id"] != record["record_id"]
    assert record.keys() <= column_names(COST)
    assert clients.s3.keys("lake") == [f"raw/cost/2026/11/02/06/{import_id}.jsonl"]
    assert clients.s3.keys("files", "costs/") == [f"costs/processed/kvartal/{import_id}-Яндекс октябрь.csv"]
    assert clients.s3.body("files", clients.s3.keys("files", "costs/")[0]).decode() == ONE


def test_a_monthly_sum_stays_whole_with_its_first_and_last_day(clients: FakeClients) -> None:
    run(upload(clients, "месяц;источник;расход\n2026-10;vk;31000\n2026-09;vk;100\n", "costs/inbox/kvartal/vk.csv"))
    assert {(r["scope"], r["day"], r["last_day"], r["cost"]) for r in records(clients)} == {
        ("file:vk.csv|period:2026-10-01..2026-10-31", "2026-10-01", "2026-10-31", 31000),
        ("file:vk.csv|period:2026-09-01..2026-09-30", "2026-09-01", "2026-09-30", 100),
    }
    assert len(records(clients, mark=True)) == 2


def test_a_later_file_replaces_the_whole_day_of_the_account(clients: FakeClients) -> None:
    run(upload(clients, DAILY + "2026-10-31,a,x,,one,1,10,\n2026-10-31,a,x,,two,1,20,\n2026-10-30,a,x,,one,1,5,\n"))
    run(
        upload(clients, DAILY + "2026-10-31,a,x,,one,1,11,\n2026-10-31,b,x,,one,1,7,\n", "costs/inbox/kvartal/other.csv", minutes=1)
    )
    assert len({r["record_id"] for r in records(clients) + records(clients, mark=True)}) == 5 + 4
    assert standing(clients) == {
        "account:a|day:2026-10-31": [11],
        "account:a|day:2026-10-30": [5],
        "account:b|day:2026-10-31": [7],
    }


def test_a_row_with_cost_0_clears_its_scope(clients: FakeClients) -> None:
    run(upload(clients, DAILY + "2026-10-31,a,x,,one,1,10,\n2026-10-30,a,x,,one,1,5,\n"))
    run(upload(clients, "day,account,cost\n2026-10-31,a,0\n", minutes=1))
    assert standing(clients) == {"account:a|day:2026-10-31": [], "account:a|day:2026-10-30": [5]}


def test_a_row_with_cost_0_deletes_that_row_only_where_others_stand(clients: FakeClients) -> None:
    run(upload(clients, DAILY + "2026-10-31,a,x,,one,0,0,\n2026-10-31,a,x,,two,1,20,\n"))
    assert standing(clients) == {"account:a|day:2026-10-31": [20]}


def test_the_order_of_events_does_not_change_what_stands(clients: FakeClients) -> None:
    events = [upload(clients, f"day,account,cost\n2026-10-31,a,{n}\n", minutes=n) for n in (1, 2, 3)]
    seen = []
    for order in itertools.permutations(events):
        fresh = copy.deepcopy(clients.s3._versions)
        for event in order:
            run(event)
        seen.append(standing(clients))
        assert not clients.s3.keys("files", "costs/inbox/")
        clients.s3._versions = fresh
    assert seen == [{"account:a|day:2026-10-31": [3]}] * 6


def test_the_same_event_twice_changes_nothing(clients: FakeClients) -> None:
    event = upload(clients, ONE)
    run(event)
    before = {key: clients.s3.body("lake", key) for key in clients.s3.keys("lake")}, clients.s3.keys("files")
    run(event)
    assert ({key: clients.s3.body("lake", key) for key in clients.s3.keys("lake")}, clients.s3.keys("files")) == before


@pytest.mark.parametrize("refusing", ["copy_object", "delete_object", "put_object", "get_object"])
def test_a_store_that_refuses_raises_and_the_repeat_ends_in_the_same_import(clients: FakeClients, refusing: str) -> None:
    event = upload(clients, ONE)
    clients.s3.fail(refusing, **({"Key": "costs/inbox/kvartal/direct.csv"} if refusing == "get_object" else {}))
    with pytest.raises(ClientError):
        run(event)
    clients.heal()
    run(event)
    assert len(records(clients)) == 1
    assert len(clients.s3.keys("lake")) == 1
    assert len(clients.s3.keys("files", "costs/processed/")) == 1
    assert clients.s3.keys("files", "costs/inbox/") == []


def test_settings_that_cannot_be_read_are_tried_again_not_taken_for_an_unknown_site(clients: FakeClients) -> None:
    event = upload(clients, ONE)
    clients.s3.fail("get_object", Key="settings/kvartal/current.json")
    with pytest.raises(TryLater):
        run(event)
    assert clients.s3.keys("files", "costs/rejected/") == []
    clients.heal()
    run(event)
    assert len(records(clients)) == 1


def test_one_file_that_cannot_be_stored_does_not_hold_up_the_others(clients: FakeClients) -> None:
    first = upload(clients, ONE, "costs/inbox/kvartal/a.csv")
    second = upload(clients, ONE.replace("direct-1", "direct-2"), "costs/inbox/kvartal/b.csv")
    clients.s3.fail("get_object", Key="costs/inbox/kvartal/a.csv")
    with pytest.raises(ClientError):
        run({"Records": first["Records"] + second["Records"]})
    assert [r["account"] for r in records(clients)] == ["direct-2"]


def test_a_newer_upload_under_the_same_name_is_not_lost_by_the_move(clients: FakeClients) -> None:
    first = upload(clients, "day,account,cost\n2026-10-31,a,1\n")
    second = upload(clients, "day,account,cost\n2026-10-31,a,2\n", minutes=1)
    run(first)
    assert clients.s3.keys("files", "costs/inbox/") == ["costs/inbox/kvartal/direct.csv"]
    run(second)
    assert standing(clients) == {"account:a|day:2026-10-31": [2]}
    assert len(clients.s3.keys("files", "costs/processed/kvartal/")) == 2


def test_without_versions_an_upload_that_was_replaced_is_left_to_its_own_event(clients: FakeClients) -> None:
    first = upload(clients, "day,account,cost\n2026-10-31,a,1\n", versions=False)
    second = upload(clients, "day,account,cost\n2026-10-31,a,2\n", minutes=1, versions=False)
    run(first)
    assert records(clients) == []
    run(second)
    run(second)
    assert standing(clients) == {"account:a|day:2026-10-31": [2]}


def test_a_file_with_one_broken_row_is_refused_whole(clients: FakeClients) -> None:
    text = ONE + "2026-10-30,direct-1,yandex,cpc,Диваны,много,12,RUB\n" + "2026-10-29,direct-1,yandex,cpc,Диваны,1,x,RUB\n"
    run(upload(clients, text))
    assert clients.s3.keys("lake", "raw/") == []
    assert list(refused(clients)) == [
        "costs/rejected/kvartal/direct.csv",
        "costs/rejected/kvartal/direct.csv.errors.txt",
    ]
    assert clients.s3.body("files", refused(clients)["costs/rejected/kvartal/direct.csv"]).decode() == text
    told = errors(clients, "costs/rejected/kvartal/direct.csv.errors.txt")
    assert "строка 3, столбец «clicks»: «много» не целое число от 0" in told
    assert "строка 4, столбец «cost»: «x» не похоже на сумму" in told
    key = refused(clients)["costs/rejected/kvartal/direct.csv.errors.txt"]
    assert clients.s3.latest("files", key).extra["ContentType"].startswith("text/plain")


def test_reasons_come_in_the_language_of_the_sites_report(clients: FakeClients) -> None:
    run(upload(clients, DAILY + "tomorrow,a,x,,,1,1,\n", "costs/inbox/loft/a.csv"))
    told = errors(clients, "costs/rejected/loft/a.csv.errors.txt")
    assert "line 2, column «day»: «tomorrow» is no date; write 2026-10-31 or 31.10.2026" in told
    assert "строка" not in told


def test_refusals_are_kept_and_counted_by_reason(clients: FakeClients, capsys: pytest.CaptureFixture[str]) -> None:
    run(upload(clients, "day,source,cost\n2026-10-31,vk,call +7 900 000-00-17\n"))
    (key,) = clients.s3.keys("lake", "rejected/costs/")
    (kept,) = map(json.loads, clients.s3.body("lake", key).splitlines())
    assert (kept["site_id"], kept["reason"], kept["content"]) == ("kvartal", "bad_cost", "direct.csv")
    assert "000-00-17" not in clients.s3.body("lake", key).decode()
    assert '"Reason":"bad_cost"' in capsys.readouterr().out


def test_two_refused_files_of_one_name_keep_their_reasons(clients: FakeClients) -> None:
    for minutes, cell in enumerate(("first", "second")):
        run(upload(clients, f"day,source,cost\n2026-10-31,vk,{cell}\n", minutes=minutes))
    told = [clients.s3.body("files", key).decode() for key in clients.s3.keys("files", "costs/rejected/")]
    assert len(told) == 4
    assert [sum(cell in text for text in told) for cell in ("first", "second")] == [2, 2]


@pytest.mark.parametrize("name", ["ivan@mail.ru.csv", "Иван +7 916 123-45-67.csv", "89161234567.csv", "9161234567.xlsx"])
def test_a_file_named_by_a_person_is_refused_and_its_name_stays_out_of_the_lake(clients: FakeClients, name: str) -> None:
    run(upload(clients, ONE, f"costs/inbox/kvartal/{name}"))
    assert "переименуйте" in errors(clients, f"costs/rejected/kvartal/{name}.errors.txt")
    assert clients.s3.keys("lake", "raw/") == []
    assert name.partition(".")[0].encode() not in clients.s3.all_bytes("lake")


def test_a_refused_file_repeated_by_its_event_keeps_the_mended_one(clients: FakeClients) -> None:
    broken = upload(clients, "day,source,cost\nx,vk,1\n")
    run(broken)
    mended = upload(clients, ONE, minutes=1)
    run(broken)
    assert clients.s3.keys("files", "costs/inbox/") == ["costs/inbox/kvartal/direct.csv"]
    run(mended)
    assert len(records(clients)) == 1


@pytest.mark.parametrize("versions", [True, False])
def test_an_error_file_that_cannot_be_written_is_written_on_the_repeat(clients: FakeClients, versions: bool) -> None:
    event = upload(clients, "day,source,cost\nx,vk,1\n", versions=versions)
    clients.s3.fail("put_object", Bucket="files")
    with pytest.raises(ClientError):
        run(event)
    clients.heal()
    run(event)
    assert clients.s3.keys("files", "costs/inbox/") == []
    assert len(clients.s3.keys("files", "costs/rejected/")) == 2


@pytest.mark.parametrize(
    ("key", "folder", "words"),
    [
        ("costs/inbox/nobody/a.csv", "costs/rejected/nobody/a.csv", "skvoz sites apply"),
        ("costs/inbox/a.csv", "costs/rejected/unknown/a.csv", "costs/inbox/SITE/"),
        ("costs/inbox/Мой сайт/a.csv", "costs/rejected/unknown/a.csv", "Мой сайт"),
        ("costs/inbox/kvartal/a.xlsx", "costs/rejected/kvartal/a.xlsx", "CSV UTF-8"),
        ("costs/inbox/kvartal/a.XLS", "costs/rejected/kvartal/a.XLS", "CSV UTF-8"),
        ("costs/inbox/kvartal/a.pdf", "costs/rejected/kvartal/a.pdf", "CSV UTF-8"),
        ("costs/inbox/kvartal/2026/окт/a.pdf", "costs/rejected/kvartal/2026_окт_a.pdf", "CSV UTF-8"),
    ],
)
def test_a_file_in_the_wrong_place_or_form_is_refused_with_what_to_do(
    clients: FakeClients, key: str, folder: str, words: str
) -> None:
    run(upload(clients, ONE, key))
    assert list(refused(clients)) == [folder, f"{folder}.errors.txt"]
    assert words in errors(clients, f"{folder}.errors.txt")
    assert clients.s3.keys("lake", "raw/") == []


@pytest.mark.parametrize("key", ["costs/inbox/nobody/a.csv", "costs/inbox/a.csv", "costs/inbox/kvartal/a.xlsx"])
@pytest.mark.parametrize("versions", [True, False])
def test_a_refused_files_event_may_come_twice(clients: FakeClients, key: str, versions: bool) -> None:
    event = upload(clients, ONE, key, versions=versions)
    run(event)
    before = clients.s3.keys("files")
    run(event)
    assert clients.s3.keys("files") == before


def test_reasons_for_an_unknown_site_come_in_both_languages(clients: FakeClients) -> None:
    run(upload(clients, ONE, "costs/inbox/nobody/a.csv"))
    told = errors(clients, "costs/rejected/nobody/a.csv.errors.txt")
    assert "не настроен" in told
    assert "is not set up" in told


@pytest.mark.parametrize("name", ["я" * 201 + ".csv", "я" * 400 + ".csv"])
def test_a_name_too_long_is_refused_under_a_key_that_fits(clients: FakeClients, name: str) -> None:
    run(upload(clients, ONE, f"costs/inbox/kvartal/{name}"))
    assert clients.s3.keys("lake", "raw/") == []
    keys = clients.s3.keys("files", "costs/rejected/")
    assert len(keys) == 2
    assert all(len(key.encode()) <= 1024 for key in keys)


def test_the_longest_name_fits_every_key_and_column(clients: FakeClients) -> None:
    run(upload(clients, "month,source,cost\n2026-10,vk,1\n", f"costs/inbox/kvartal/{'я' * 196}.csv"))
    (record,) = records(clients)
    assert len(record["scope"]) <= 400
    assert len(record["file_name"]) <= 300
    assert all(len(key.encode()) <= 1024 for key in clients.s3.keys("files"))


def test_an_oversize_file_is_refused_without_being_read(clients: FakeClients) -> None:
    event = upload(clients, ONE)
    event["Records"][0]["s3"]["object"]["size"] = 10 * 1024 * 1024 + 1
    clients.s3.fail("get_object", Key="costs/inbox/kvartal/direct.csv")
    run(event)
    assert "10 МБ" in errors(clients, "costs/rejected/kvartal/direct.csv.errors.txt")


def test_a_file_that_s3_cannot_copy_stays_but_gets_its_reasons(clients: FakeClients) -> None:
    event = upload(clients, ONE)
    event["Records"][0]["s3"]["object"]["size"] = 6 * 1024**3
    clients.s3.fail("copy_object")
    run(event)
    assert list(refused(clients)) == [
        "costs/inbox/kvartal/direct.csv",
        "costs/rejected/kvartal/direct.csv.errors.txt",
    ]


def test_columns_that_nobody_reads_are_named_beside_the_imported_file(clients: FakeClients) -> None:
    run(upload(clients, "day,source,CTR,cost\n2026-10-31,vk,1%,5\n"))
    (note,) = (key for key in clients.s3.keys("files", "costs/processed/") if key.endswith(".notes.txt"))
    assert "«CTR»" in errors(clients, note)


@pytest.mark.parametrize(
    "change",
    [
        {"eventName": "ObjectRemoved:Delete"},
        {"s3": {"bucket": {"name": "files"}, "object": {"key": "costs/processed/kvartal/a.csv", "size": 1}}},
        {"s3": {"bucket": {"name": "files"}, "object": {"key": "costs/inbox/kvartal/", "size": 0}}},
    ],
)
def test_other_events_and_folder_markers_leave_everything_as_it_is(clients: FakeClients, change: dict[str, Any]) -> None:
    upload(clients, ONE)
    before = clients.s3.keys("files")
    run({"Records": [EVENT["Records"][0] | change]})
    run({"Service": "Amazon S3", "Event": "s3:TestEvent"})
    assert clients.s3.keys("files") == before
    assert clients.s3.keys("lake") == []


def test_formulas_and_html_are_stored_as_the_text_they_are(clients: FakeClients) -> None:
    run(upload(clients, 'day,source,campaign,cost\n2026-10-31,vk,"=HYPERLINK(""x"")",1\n2026-10-31,vk,<b>x</b>,1\n'))
    assert [r["utm_campaign"] for r in records(clients)] == ['=HYPERLINK("x")', "<b>x</b>"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=80) | st.text(max_size=80).map(lambda t: (DAILY + t).encode("utf-8", "surrogatepass")),
    name=st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=30),
)
def test_no_file_raises_and_every_file_leaves_the_inbox(clients: FakeClients, body: bytes, name: str) -> None:
    for key in (f"costs/inbox/kvartal/{name}", f"costs/inbox/kvartal/{name}.csv", f"costs/inbox/{name}"):
        run(upload(clients, body, key))
        assert key.endswith("/") or key not in clients.s3.keys("files")
