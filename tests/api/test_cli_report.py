"""`skvoz report`: any period, model and date basis into a folder, from a refreshed folder or a stack; mistakes in what is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from functions.attribution.tables import MARTS
from functions.attribution.working_tables import WORKING
from functions.report.marts.questions import SQL
from functions.report.store import Ledger
from infra.cli.crm import place
from infra.cli.main import app
from infra.cli.report import make
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger
from shared.engines import register
from shared.settings import parse_settings, published
from tests.lakes import cost, deal, hit, payment, request, utc, write

NOW = ("--now", "2026-11-01T09:00:00+03:00")
SETTINGS: dict[str, Any] = {
    "site_id": "shop",
    "name": "Shop",
    "hosts": ["shop.example"],
    "report": {
        "days": 31,
        "scopes": [{"name": "Agency", "channels": ["VK Ads"]}],
        "own_sections": [
            {"name": "sites", "title": "My visits", "sql": "SELECT channel, count(*) AS visits FROM sessions GROUP BY channel"},
            {"name": "broken", "title": "My mistake", "sql": "SELECT no_such_column FROM deals"},
        ],
    },
}


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["report", *[str(a) for a in arguments]])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def mistake(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A refreshed lake with its settings: a visitor by an ad in September, who asks in October and pays in November."""
    root = tmp_path_factory.mktemp("lake")
    (root / "shop.yaml").write_text(yaml.safe_dump(SETTINGS))
    write(
        root,
        [
            hit("v1", utc("09-28 12:00"), "yandex/cpc/brand"),
            hit("v1", utc("10-05 12:00"), "vk/cpc/spring"),
            request("r1", utc("10-05 12:05"), visitor="v1"),
            deal("d1", utc("10-05 13:00"), "won", "1000.00", request_id="r1"),
            payment("d1", utc("10-30 10:00"), "1000.00", "p1"),
            cost("10-05", "vk/cpc/spring", "250.00"),
        ],
        utc("10-31 00:00"),
    )
    told = CliRunner().invoke(app, ["refresh", "--lake", str(root), "--settings", str(root / "shop.yaml"), *NOW])
    assert told.exit_code == 0, told.output
    return root


def report(folder: Path, out: Path, *more: object) -> dict[str, Any]:
    told = run("--lake", folder, "--settings", folder / "shop.yaml", "--out", out, *NOW, *more)
    assert told.exit_code == 0, told.stderr
    figures: dict[str, Any] = json.loads((out / "figures.json").read_text())
    return figures


def revenue(figures: dict[str, Any]) -> dict[str, float]:
    return {row["channel"]: row["revenue"] for row in figures["channels"] if row["revenue"]}


def test_a_period_a_model_and_a_language_may_be_asked_for(folder: Path, tmp_path: Path) -> None:
    figures = report(folder, tmp_path, "--from", "2026-10-05", "--to", "2026-10-05", "--model", "first", "--language", "en")
    assert (figures["period"], figures["model"]) == ({"from": "2026-10-05", "to": "2026-10-05"}, "first")
    assert revenue(figures) == {"Yandex Direct": 1000.0}
    assert '<html lang="en"' in (tmp_path / "report.html").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.xlsx", "mail.html", "mail.txt", "figures.json"}


def test_the_date_basis_may_be_asked_for(folder: Path, tmp_path: Path) -> None:
    days = ("--from", "2026-10-29", "--to", "2026-10-31")
    assert revenue(report(folder, tmp_path / "a", *days)) == {}
    assert revenue(report(folder, tmp_path / "b", *days, "--basis", "payment")) == {"VK Ads": 1000.0}
    touched = report(folder, tmp_path / "c", "--from", "2026-09-28", "--to", "2026-09-28", "--basis", "touch", "--model", "first")
    assert revenue(touched) == {"Yandex Direct": 1000.0}


def test_a_scope_sees_its_channels_alone(folder: Path, tmp_path: Path) -> None:
    figures = report(folder, tmp_path, "--scope", "Agency")
    assert {row["channel"] for row in figures["channels"]} == {"VK Ads"}


def test_what_is_said_names_the_period_the_totals_and_what_failed(folder: Path, tmp_path: Path) -> None:
    told = run("--lake", folder, "--settings", folder / "shop.yaml", "--out", tmp_path, *NOW)
    said = json.loads(told.stdout[: told.stdout.index("\n}") + 2])
    assert said["period"] == {"from": "2026-10-01", "to": "2026-10-31"}
    assert (said["totals"]["requests"], said["totals"]["revenue"], said["model"]) == (1, 1000.0, "last_non_direct")
    assert "the My mistake could not be made" in told.stdout
    assert "My visits" not in told.stdout
    assert "read: the marts alone" in told.stdout


MISTAKES = {
    ("--from", "0001-01-01", "--to", "0001-01-03"): "no report reaches back before 1970",
    ("--from", "2026-W40-1", "--to", "2026-10-31"): "a day is written like 2026-11-01",
    ("--from", "20261001", "--to", "20261031"): "a day is written like 2026-11-01",
    ("--from", "2026-10-06", "--to", "2026-10-05"): "--from 2026-10-06 is after --to 2026-10-05",
    ("--from", "2026-10-06"): "give both --from and --to",
    ("--from", "5.10.2026", "--to", "2026-10-05"): "--from 5.10.2026: a day is written like 2026-11-01",
    ("--from", "2026-10-05", "--to", "2026-11-02"): "--to 2026-11-02 has not come yet: it is 2026-11-01 in Europe/Moscow",
    ("--from", "2020-01-01", "--to", "2026-10-05"): "at most 1500",
    ("--model", "best"): "there is no model best; there are first, last,",
    ("--model", "markov"): "use markov_path",
    ("--basis", "visit"): "there is no date basis visit; there are request, payment, touch",
    ("--language", "de"): "reports are written in ru, en, not in de",
    ("--scope", "Nobody"): "report.scopes has no Nobody; it has Agency",
    ("--site", "other"): "there is no site other in these settings; there is shop",
    ("--stack", "skvoz-prod"): "--lake DIR or --stack NAME, not both",
}


@pytest.mark.parametrize("options", MISTAKES, ids=" ".join)
def test_what_cannot_be_made_is_told_and_nothing_is_written(options: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = mistake("--lake", folder, "--settings", folder / "shop.yaml", "--out", out, *NOW, *options)
    assert MISTAKES[options] in told
    assert not out.exists()


@pytest.mark.parametrize("below", ["", "october"])
def test_a_file_in_place_of_the_folder_is_told_before_anything_is_asked(below: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = mistake("--lake", folder, "--settings", folder / "shop.yaml", "--out", tmp_path / "file" / below, *NOW)
    assert "--out" in told
    assert "is no folder" in told


def test_every_mistake_in_the_options_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    told = mistake(
        "--lake", folder, "--settings", folder / "shop.yaml", "--out", tmp_path, "--model", "x", "--basis", "y", "--language", "z"
    )
    assert all(option in told for option in ("--model:", "--basis:", "--language:"))


def test_where_to_look_must_be_told() -> None:
    assert "give --out DIR" in mistake()
    assert "or --stack NAME and --site SITE" in mistake("--out", "x")
    assert "goes with --lake DIR" in mistake("--out", "x", "--settings", "shop.yaml", "--site", "shop")
    assert "say which installation: --stack NAME" in mistake("--out", "x", "--site", "shop")


class Aws:
    """Stands in for the clients: CloudFormation tells names, S3 has the site's settings, DynamoDB its last refresh."""

    begun = ""

    def __init__(self, last: dict[str, str] | None) -> None:
        self._last = last

    def __call__(self, service: str) -> Any:
        return self

    def describe_stack_resource(self, **asked: str) -> dict[str, Any]:
        return {"StackResourceDetail": {"PhysicalResourceId": f"{asked['StackName']}-{asked['LogicalResourceId']}"}}

    def get_item(self, **asked: Any) -> dict[str, Any]:
        assert asked["TableName"] == "skvoz-prod-LedgerTable"
        if asked["Key"]["sk"]["S"] == "begun":
            return {"Item": {"refresh_id": {"S": self.begun}}} if self.begun else {}
        return {"Item": {name: {"S": value} for name, value in self._last.items()}} if self._last else {}


@pytest.fixture
def stack(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The same marts, as a stack would have them; its engine says that it read 2,000,000 bytes."""

    class Billed(DuckDbWarehouse):
        @property
        def bytes_scanned(self) -> int:  # type: ignore[override]
            return self.read

        read = 0

        def rows(self, sql: str, most_characters: int = 0) -> Any:
            self.read += 1000
            return super().rows(sql, most_characters)

    last = dict(FileLedger(folder / "marts" / "ledger.json").last_complete("shop"))
    aws = Aws(last)
    settings = orjson.dumps(published(parse_settings(SETTINGS)))
    monkeypatch.setattr(place, "client", aws)
    monkeypatch.setattr(make, "client", aws)
    monkeypatch.setattr(place, "list_sites", lambda s3, bucket: {"shop": settings} if bucket == "skvoz-prod-FilesBucket" else {})
    monkeypatch.setenv("ENGINE", "cli-report")
    warehouse = Billed(folder, folder / "marts" / "warehouse.duckdb")
    register("cli-report", lambda: warehouse)
    yield aws
    warehouse.close()


def test_a_stack_is_asked_by_its_name_and_says_how_many_bytes_it_read(stack: Aws, tmp_path: Path) -> None:
    told = run("--stack", "skvoz-prod", "--site", "shop", "--from", "2026-10-01", "--to", "2026-10-31", "--out", tmp_path, *NOW)
    assert told.exit_code == 0, told.stderr
    assert revenue(json.loads((tmp_path / "figures.json").read_text())) == {"VK Ads": 1000.0}
    read = re.search(r"read: ([\d,]+) bytes of the marts", told.stdout)
    assert read
    assert int(read[1].replace(",", "")) >= 30_000


def test_a_stack_without_the_site_or_without_a_refresh_is_told(stack: Aws, tmp_path: Path) -> None:
    asked = ("--stack", "skvoz-prod", "--out", tmp_path / "out", *NOW)
    assert "site other has no settings" in mistake(*asked, "--site", "other")
    stack.begun = "later"
    assert "a refresh of shop is under way" in mistake(*asked, "--site", "shop")
    stack._last = None
    assert "shop has no complete refresh yet" in mistake(*asked, "--site", "shop")
    assert not (tmp_path / "out").exists()


def test_the_ledger_of_a_stack_tells_when_its_marts_were_last_whole(stack: Aws) -> None:
    found = Ledger(stack, "skvoz-prod-LedgerTable").last_refresh("shop")
    assert found is not None
    assert found.data_to < datetime(2026, 11, 1, 7, 0, tzinfo=UTC)


def test_a_report_asks_marts_alone() -> None:
    known = {table.name for table in (*MARTS, *WORKING)} | {"touches"}
    for path in SQL.glob("*.sql"):
        text = re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", path.read_text("utf-8"))
        named = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b(?!\s*\()", text))
        own = set(re.findall(r"\b([a-z_]+)(?: \([^)]*\))? AS \(", text))
        assert named - own - {"unnest"} <= known, path.name
