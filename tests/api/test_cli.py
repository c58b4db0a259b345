"""The `skvoz` command at a terminal: settings, secrets, a plain folder. A mistake is told with its place and ends with 2."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner, Result

from infra.cli import lake as lake_commands
from infra.cli.files import read_settings
from infra.cli.main import app
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client
from shared.records import KINDS, encode
from shared.settings import parse_settings, published
from tests.lakes import Record, cost, deal, hit, request, utc

SETTINGS = {"site_id": "shop", "name": "Shop", "hosts": ["shop.example"], "report": {"days": 31}}


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def mistake(*arguments: object) -> str:
    """What is said on standard error of a command that was used wrongly."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("cli"), SimulatedClock(datetime(2026, 11, 18, 9, 0, tzinfo=UTC))) as stack:
        yield stack


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(SETTINGS))
    return path


# --- sites ------------------------------------------------------------------------------------------------------------------------


def test_a_new_settings_file_is_right_as_it_is_and_keeps_no_token(tmp_path: Path) -> None:
    told = run("sites", "add", "2026", "shop.example", "--out", tmp_path)
    assert told.exit_code == 0, told.stderr
    settings = read_settings(tmp_path / "2026.yaml")
    assert (settings.site_id, settings.hosts) == ("2026", ["shop.example"])
    (token,) = re.findall(r"/v1/crm/generic/2026/([\w-]{20,})", told.stdout)
    assert 'on every page of the site: <script async src="https://YOUR-API/skvoz.js" data-site="2026"></script>\n' in told.stdout
    assert settings.crm.token_sha256 == [hashlib.sha256(token.encode()).hexdigest()]
    assert token not in (tmp_path / "2026.yaml").read_text()
    checked = run("sites", "check", tmp_path / "2026.yaml")
    assert "settings of 2026 are right" in checked.stdout
    assert checked.stderr == ""


def test_the_tag_for_the_pages_of_a_new_site_is_ready_to_paste(tmp_path: Path) -> None:
    told = run("sites", "add", "shop", "shop.example", "--out", tmp_path, "--endpoint", "https://stat.shop.example/")
    assert '<script async src="https://stat.shop.example/skvoz.js" data-site="shop"></script>\n' in told.stdout
    for wrong in ("stat.shop.example", "ftp://stat.shop.example", 'https://stat.shop.example/"><b', "https://"):
        assert "is no address" in mistake("sites", "add", "other", "shop.example", "--out", tmp_path, "--endpoint", wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["shop.yaml"]


def test_what_a_new_site_is_told_to_do_next_is_a_command_that_runs(stack: LocalStack, tmp_path: Path) -> None:
    told = run("sites", "add", "fresh", "shop.example", "--out", tmp_path)
    (hint,) = re.findall(r"then: skvoz (.+?) \(", told.stdout)
    (note,) = re.findall(r"# Publish: skvoz (.+?)  ", (tmp_path / "fresh.yaml").read_text())
    for command in (hint, note.replace("fresh.yaml", str(tmp_path / "fresh.yaml"))):
        done = run(*command.replace("FILES_BUCKET", stack.environment["FILES_BUCKET"]).split())
        assert (done.exit_code, "published as version" in done.stdout) == (0, True), done.output


def test_stages_that_never_bring_money_are_a_warning_and_no_mistake(stack: LocalStack, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump({**SETTINGS, "site_id": "poor", "stages": [{"money_stage": "paid", "stages": {"won": "won"}}]}))
    for command in (("sites", "check"), ("sites", "apply", "--bucket", stack.environment["FILES_BUCKET"])):
        told = run(*command, path)
        assert told.exit_code == 0
        assert told.stderr == "warning: stages.0: no stage here means paid or later: money comes from payments only\n"


def test_a_settings_file_is_never_overwritten_and_never_written_wrong(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("mine")
    assert "exists already" in mistake("sites", "add", "shop", "shop.example", "--out", tmp_path)
    assert (tmp_path / "shop.yaml").read_text() == "mine"
    assert "no site id" in mistake("sites", "add", "../shop", "shop.example", "--out", tmp_path)
    assert "hosts.0" in mistake("sites", "add", "other", "https://shop.example/", "--out", tmp_path)
    assert "is no folder" in mistake("sites", "add", "other", "shop.example", "--out", tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["shop.yaml"]


def test_every_mistake_of_a_settings_file_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    wrong = {
        **SETTINGS,
        "time_zone": "Moscow",
        "hostz": [],
        "margins": [{"valid_from": "yesterday", "percent": 400}],
        "stages": [{"stages": {"new": "maybe"}}],
        "attribution": {"position": [40, 40, 40]},
    }
    path.write_text(yaml.safe_dump(wrong))
    for command in (("sites", "check"), ("sites", "apply", "--bucket", "any")):
        told = mistake(*command, path)
        places = {line.split(":")[0].strip() for line in told.splitlines()[1:]}
        assert places == {
            "time_zone",
            "hostz",
            "margins.0.valid_from",
            "margins.0.percent",
            "stages.0.stages.new",
            "attribution.position",
        }
        assert told.startswith("error: the settings are not applied")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("site_id: [", "no valid YAML"),
        ("site_id: shop\nname: Shop\nsite_id: other\n", "'site_id' is given twice"),
        ("site_id: shop\nmargins:\n  - {valid_from: 2026-13-45, percent: 1}\n", "no valid YAML"),
        ("just text", "(file)"),
        ("", "(file)"),
        ("!!python/object:os.system {}", "no valid YAML"),
    ],
)
def test_a_file_that_is_no_settings_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "shop.yaml").write_text(text)
    assert told in mistake("sites", "check", tmp_path / "shop.yaml")


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in mistake("sites", "check", tmp_path / "no.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in mistake("sites", "check", tmp_path / "bytes.yaml")


def test_published_settings_are_in_force_and_their_versions_stay(stack: LocalStack, shop: Path) -> None:
    bucket = stack.environment["FILES_BUCKET"]
    told = [run("sites", "apply", shop, "--bucket", bucket) for _ in range(2)]
    assert [t.exit_code for t in told] == [0, 0]
    objects = stack.objects("FilesBucket", "settings/shop/")
    assert json.loads(objects["settings/shop/current.json"]) == published(parse_settings(SETTINGS))
    versions = [key for key in objects if key.startswith("settings/shop/versions/")]
    assert len(versions) == 2
    assert all(version.rpartition("/")[2].removesuffix(".json") in told[0].stdout + told[1].stdout for version in versions)


def test_a_bucket_that_is_not_there_is_told_without_a_trace(stack: LocalStack, shop: Path) -> None:
    told = mistake("sites", "apply", shop, "--bucket", "no-such-bucket-of-ours")
    assert "AWS did not do it" in told
    assert "NoSuchBucket" in told


# --- secrets ----------------------------------------------------------------------------------------------------------------------


def parameters() -> dict[str, str]:
    answer = client("ssm").get_parameters_by_path(Path="/skvoz/cli-test", Recursive=True, WithDecryption=True)
    return {p["Name"]: p["Value"] for p in answer["Parameters"]}


def test_secrets_are_made_once_and_never_shown(stack: LocalStack) -> None:
    first = run("secrets", "init", "--stage", "cli-test", "--site", "shop")
    made = parameters()
    assert set(made) == {
        f"/skvoz/cli-test/{name}"
        for name in (
            "identity",
            "visitor",
            "shop/import",
            "shop/crm-generic",
            "shop/crm-outgoing",
            "shop/calls-generic",
            "shop/calls-asterisk",
        )
    }
    assert len(set(made.values())) == 7
    assert first.stdout.count("created") == 7
    again = run("secrets", "init", "--stage", "cli-test", "--site", "shop", "--site", "second")
    assert {name: value for name, value in parameters().items() if "second" not in name} == made
    assert (again.stdout.count("exists, kept"), again.stdout.count("created")) == (7, 5)
    assert not [value for value in parameters().values() if value in first.stdout + again.stdout]
    assert "no site id" in mistake("secrets", "init", "--stage", "cli-test", "--site", "../x")


def test_a_token_comes_with_its_hash() -> None:
    told = run("secrets", "token").stdout
    token, hashed = re.findall(r": (\S+)$", told, re.MULTILINE)
    assert hashed == hashlib.sha256(token.encode()).hexdigest()
    assert len(token) >= 32
    assert all(word in told for word in ("crm.token_sha256", "proxy_token_sha256", "X-Skvoz-Proxy"))


# --- refresh and report -----------------------------------------------------------------------------------------------------------


RECORDS = {
    "raw/hit/2026/10/05/12/a.jsonl": [hit("v1", utc("10-05 12:00"), "yandex/cpc/brand")],
    "raw/hit/2026/10/06/12/b.jsonl.gz": [hit("v2", utc("10-06 12:00"), "vk/cpc/spring")],
    "raw/hit/without-a-day.jsonl": [hit("v3", utc("10-07 12:00"))],
    "raw/request/2026/10/05/12/a.jsonl": [request("r1", utc("10-05 12:05"), visitor="v1")],
    "raw/crm_event/all.jsonl": [deal("d1", utc("10-05 13:00"), "won", "1000.00", request_id="r1")],
    "raw/cost/2026/10/06/00/a.jsonl": [cost("10-05", "yandex/cpc/brand", "250.00")],
}


def fill(root: Path, records: dict[str, list[Record]]) -> None:
    for name, those in records.items():
        body = b"".join(encode(KINDS[r.kind], r.values) + b"\n" for r in those)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)


def test_a_plain_folder_becomes_marts_and_a_report(tmp_path: Path, shop: Path) -> None:
    root, out, now = tmp_path / "lake", tmp_path / "out", ("--now", "2026-11-01T09:00:00+03:00")
    fill(root, RECORDS)
    assert "no complete refresh of shop; run first" in mistake("report", "--lake", root, "--settings", shop, "--out", out, *now)
    told = run("refresh", "--lake", root, "--settings", shop, *now)
    assert told.exit_code == 0, told.stderr
    assert "is complete; marts:" in told.stdout

    def mart(table: str) -> Any:
        return duckdb.sql(f"SELECT * FROM '{root}/marts/{table}.parquet'")

    assert mart("sessions").count("*").fetchall() == [(3,)]
    assert mart("deals").project("revenue").fetchall() == [(1000,)]
    assert mart("touches").count("*").fetchall() == [(3,)]
    report = run("report", "--lake", root, "--settings", shop, "--out", out, *now)
    assert report.exit_code == 0, report.stderr
    assert {path.name for path in out.iterdir()} == {"report.html", "report.xlsx", "mail.html", "mail.txt", "figures.json"}
    figures = json.loads((out / "figures.json").read_text())
    assert figures["period"] == {"from": "2026-10-01", "to": "2026-10-31"}
    totals = figures["totals"]
    assert (totals["visits"], totals["requests"], totals["sales"], totals["revenue"], totals["cost"]) == (3, 1, 1, 1000.0, 250.0)
    assert "Shop" in (out / "report.html").read_text()


def test_the_next_refresh_takes_in_what_arrived_since(tmp_path: Path, shop: Path) -> None:
    root = tmp_path / "lake"
    fill(root, RECORDS)
    assert run("refresh", "--lake", root, "--settings", shop, "--now", "2026-10-08T09:00:00Z").exit_code == 0
    fill(root, {"raw/hit/2026/10/08/10/c.jsonl": [hit("v9", utc("10-08 10:00"))]})
    assert run("refresh", "--lake", root, "--settings", shop, "--now", "2026-10-09T09:00:00Z").exit_code == 0
    assert duckdb.sql(f"SELECT count(*) FROM '{root}/marts/sessions.parquet'").fetchall() == [(4,)]


def test_a_refresh_of_nothing_says_what_is_missing(tmp_path: Path, shop: Path) -> None:
    assert "give --lake DIR and --settings FILE, or --stack NAME" in mistake("refresh")
    assert "has no folder raw/" in mistake("refresh", "--lake", tmp_path, "--settings", shop)
    (tmp_path / "raw").mkdir()
    assert "--now: a time" in mistake("refresh", "--lake", tmp_path, "--settings", shop, "--now", "yesterday")
    assert "cannot be read" in mistake("refresh", "--lake", tmp_path, "--settings", tmp_path / "no.yaml")
    assert "the --settings FILE of one site" in mistake("report", "--out", tmp_path / "out", "--lake", tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_stack_in_aws_is_refreshed_by_its_state_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, str] = {}

    class Clients:
        def describe_stack_resource(self, **asked: str) -> dict[str, Any]:
            return {"StackResourceDetail": {"PhysicalResourceId": f"arn:{asked['StackName']}:{asked['LogicalResourceId']}"}}

        def start_execution(self, **given: str) -> dict[str, str]:
            started.update(given)
            return {"executionArn": "arn:execution:1"}

    monkeypatch.setattr(lake_commands, "client", lambda service: Clients())
    told = run("refresh", "--stack", "skvoz-prod")
    assert "refresh started: arn:execution:1" in told.stdout
    assert started == {"stateMachineArn": "arn:skvoz-prod:RefreshMachine", "input": "{}"}
    template = (Path(__file__).parents[2] / "template.yaml").read_text()
    assert re.search(r"^  RefreshMachine:\n    Type: AWS::Serverless::StateMachine$", template, re.MULTILINE)


def test_a_command_that_is_none_ends_with_2() -> None:
    assert run("nonsense").exit_code == 2
    assert run("sites", "nonsense").exit_code == 2
