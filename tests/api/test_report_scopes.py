"""What a reader of a scope opens says whose figures they are and nothing of what cannot be known of it; who runs the site is told
of a scope that has no data; and reports of one scope share what their pages show other periods by."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from python_calamine import CalamineWorkbook

from functions.report.delivery import making
from functions.report.delivery.due import KINDS, latest
from functions.report.delivery.making import Maker, Wanted
from functions.report.render import page
from functions.report.snapshot.snapshot import packed, snapshot_of
from functions.report.store import Refresh
from functions.report.view.words import texts
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.engines import engine
from shared.warehouse import Row
from tests.report_aws import BUCKET, OWNER, PARTNER, Clients, add_site, installation, keys, run
from tests.report_cases import NOW, settings_of
from tests.report_scopes import OURS, fill

AGENCY = "Агентство"
EMPTY = '"ReportScopeEmpty":1'


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clients]:
    yield from installation(monkeypatch, tmp_path)


def send(aws: Clients, channel: str = "Яндекс Директ", language: str = "ru") -> int:
    """The owner's report, and the agency's."""
    reader = {"address": PARTNER, "scope": AGENCY, "language": language}
    scopes = [{"name": AGENCY, "channels": [channel]}]
    add_site(aws, "kvartal", OWNER, reader, scopes=scopes, attribution={"default_model": "linear"})
    return run()


def files_of(aws: Clients) -> dict[str, bytes]:
    """What lies beside the agency's page: `html`, `xlsx`, `json`, and the files of its snapshot by name."""
    told = {key: aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(aws, "reports/kvartal/")}
    (own,) = (key.removesuffix(".json") for key in told if key.endswith(".json") and orjson.loads(told[key]).get("scope"))
    return {key.removeprefix(own)[1:]: body for key, body in told.items() if key.startswith(own)}


def test_the_scope_is_named_on_the_page_in_the_workbook_and_in_what_it_is_called(aws: Clients) -> None:
    fill(cast(DuckDbWarehouse, engine()))
    assert send(aws) == 2
    files, say = files_of(aws), texts("ru")["snapshot"]["scope"]
    shown = files["html"].decode()
    head = shown[shown.index("<header>") : shown.index("</header>")]
    assert f"{say['title']} <bdi>{AGENCY}</bdi>" in head
    assert say["note"] in head
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"]))
    words = texts("ru")
    own = [words[part]["sheet"] for part in ("drivers", "plan", "payback")]
    assert sheets.sheet_names == [
        "Срез", "Сводка", *own, "Каналы", words["income"]["sheet"], words["funnel"]["sheet"], "Сделки", "Определения",
    ]  # fmt: skip
    assert sheets.get_sheet_by_index(0).to_python()[1] == ["Срез", AGENCY]
    heads = [aws.s3.head_object(Bucket=BUCKET, Key=key) for key in keys(aws, "reports/kvartal/") if key.endswith(".xlsx")]
    assert sum("skvoz-kvartal-agentstvo-" in head["ContentDisposition"] for head in heads) == 1


def test_the_report_of_the_whole_site_names_no_scope(aws: Clients) -> None:
    made = _make(settings_of(), Wanted("day", latest(settings_of(), "day", NOW), "", "ru"), engine())
    assert texts("ru")["snapshot"]["scope"]["title"] not in page(made.figures, made.settings, made.extras)


def test_the_page_and_its_app_tell_the_same_path(aws: Clients) -> None:
    fill(cast(DuckDbWarehouse, engine()))
    send(aws)
    files = files_of(aws)
    static = {deal["request_id"]: deal for deal in orjson.loads(files["json"])["deals"]}["r-shared"]
    pages = [orjson.loads(gzip.decompress(body)) for name, body in files.items() if name.startswith("requests-")]
    (told,) = (dict(zip(one, row, strict=True)) for one in pages for row in zip(*one.values(), strict=True) if "r-shared" in row)
    assert told["path_length"] == static["path_length"] == 1
    assert [touch[3] for touch in told["source"]] == [touch["position"] for touch in static["path"]] == [1]


@pytest.mark.parametrize(("channel", "language"), [("Яндекс Директ", "en"), ("yandex direct", "ru")])
def test_a_scope_names_channels_in_any_language_whatever_its_readers_is(aws: Clients, channel: str, language: str) -> None:
    fill(cast(DuckDbWarehouse, engine()))
    send(aws, channel, language)
    files = files_of(aws)
    assert orjson.loads(files["json"])["totals"]["revenue"] == 1300
    places = orjson.loads(gzip.decompress(files["places.json.gz"]))
    assert OURS in places["id"]


def test_a_scope_without_data_is_told_to_who_runs_the_site(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(aws, "Yandex Direkt") == 2
    assert capsys.readouterr().out.count(EMPTY) == 1
    assert send(aws) == 0


def test_a_scope_of_a_site_without_any_data_says_nothing_of_the_scope(aws: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    cast(DuckDbWarehouse, engine()).connection.execute("DELETE FROM sessions")
    assert send(aws) == 2
    assert EMPTY not in capsys.readouterr().out


@pytest.mark.parametrize(("channel", "told"), [("Яндекс Директ", "1,5 (100 %)"), ("VK Реклама", "")])
def test_a_scopes_mail_tells_how_many_of_its_own_requests_are_young(aws: Clients, channel: str, told: str) -> None:
    """One and a half of ours, whose sales usually take 30 days; of the others' nothing is told."""
    warehouse = cast(DuckDbWarehouse, engine())
    fill(warehouse)
    warehouse.connection.execute(
        "UPDATE deals SET sale_day = request_day.day + 30 FROM (SELECT DATE '2026-10-05' AS day) AS request_day"
    )
    warehouse.connection.execute("UPDATE deals SET sale_day = sale_day + 60 WHERE request_id IN ('r1', 'r2', 'r3')")
    send(aws, channel)
    raw = next(raw for recipient, raw in aws.ses.sent if recipient == PARTNER)
    body = message_from_bytes(raw, policy=default).get_body(("plain",))
    assert body is not None
    text = " ".join(str(body.get_content()).replace("\u00a0", " ").split())
    line = f"Свежих заявок: {told}. До продажи обычно проходит дней: 30"
    assert (line in text) if told else ("Свежих заявок" not in text)


class Counting:
    """A warehouse that counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        self.asked += 1
        return engine().rows(sql, most_characters)


def _make(settings: Any, wanted: Wanted, warehouse: Any) -> making.Report:
    return Maker(warehouse, settings, Refresh("r", NOW, NOW)).make(wanted)


@pytest.mark.parametrize("scope", ["", AGENCY])
def test_a_days_weeks_and_months_pages_share_what_they_show_other_periods_by(aws: Clients, scope: str) -> None:
    fill(cast(DuckDbWarehouse, engine()))
    settings = settings_of(report={"recipients": [OWNER], "scopes": [{"name": AGENCY, "channels": [OURS]}]})
    refresh = Refresh("r", NOW, NOW)
    counting = Counting()
    maker = Maker(cast(Any, counting), settings, refresh)
    asked = []
    for kind in KINDS:
        period = latest(settings, kind, NOW)
        before = counting.asked
        report = maker.make(Wanted(kind, period, scope, "ru"))
        asked.append(counting.asked - before)
        shown = {**settings["report"], **{name: report.settings["report"].get(name, []) for name in ("sections", "plan")}}
        alone = snapshot_of(engine(), {**settings, "report": shown}, period, kind, refresh, scope, report.figures)
        assert packed(report.snapshot) == packed(alone)
        assert orjson.loads(report.snapshot.files["manifest"])["report"]["kind"] == kind
        assert {name: report.data[name] for name in packed(alone)} == packed(alone)
    assert asked[1] == asked[2] < asked[0]


def test_what_is_shared_is_kept_within_a_bound(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_KEPT_BYTES", 1)
    settings = settings_of()
    maker = Maker(engine(), settings, Refresh("r", NOW, NOW))
    for language in ("ru", "en"):
        maker.make(Wanted("day", latest(settings, "day", NOW), "", language))
    assert [key[1] for key in maker._shared] == ["en"]
