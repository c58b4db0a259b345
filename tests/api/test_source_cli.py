"""`skvoz source` at a terminal: one link in words, many as rows, what is wrong in a lake, newer lists beside the product."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.attribution.source_rules import RULES
from infra.lists.refresh import origins
from infra.sources import marts
from infra.sources.explain import FIELDS
from infra.warehouse.local import refresh_folder
from shared.athena import AthenaWarehouse
from tests import terminal
from tests.lakes import NOW, hit, shop, utc, write

DATA = Path(__file__).parents[1] / "data/referrers"
DIRECT = "https://shop.example/?utm_source=yandex&utm_medium=cpc&yclid=1"


run, mistake = partial(terminal.run, "source"), partial(terminal.mistake, "source")


def settings(folder: Path, name: str = "shop.yaml", **more: Any) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"site_id": "shop", "name": "Shop", "hosts": ["shop.example"], **more}), encoding="utf-8")
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write(tmp_path, [hit("a", utc("11-15 10:00"), "yandx/cpc/=x"), hit("b", utc("11-15 10:00"), "vk/cpc/y")], NOW)
    refresh_folder(tmp_path, [shop()], NOW)
    return tmp_path


def test_one_link_is_told_in_words() -> None:
    told = run("explain", DIRECT, "https://yandex.ru/")
    assert (told.exit_code, told.stderr) == (0, "")
    for words in ("Yandex Direct (Яндекс Директ)", "yandex (Яндекс)", "yclid 1", "yandex-direct (channels.tsv, line "):
        assert words in told.stdout


def test_one_link_is_told_as_json() -> None:
    told = json.loads(run("explain", DIRECT, "--json").stdout)
    assert tuple(told) == FIELDS
    assert (told["channel"], told["referrer"], told["is_ad"], told["excluded"]) == ("Yandex Direct", None, True, None)


def test_the_result_and_its_reason_fit_three_lines_a_link() -> None:
    told = run(
        "explain", "-", "--short", told=f"{DIRECT}&utm_campaign=a\nhttps://b.example/ https://chatgpt.com/\n"
    ).stdout.splitlines()
    assert told[:2] == [f"{DIRECT}&utm_campaign=a", "  Yandex Direct: yandex / cpc, campaign a"]
    assert told[2].startswith(
        "  because utm_source yandex is a name of it (shared/standard_sources.tsv); rule yandex-direct (channels.tsv, "
    )
    assert told[3:5] == ["https://b.example/  from https://chatgpt.com/", "  AI assistants: chatgpt / ai"]


def test_a_user_agent_decides_whether_the_visit_counts() -> None:
    assert "no, bot" in run("explain", DIRECT, "--user-agent", "curl/8.5.0").stdout


def test_settings_of_the_site_are_applied(tmp_path: Path) -> None:
    site = settings(tmp_path, payment_hosts=["pay.example"])
    assert json.loads(run("explain", "https://shop.example/", "https://pay.example/", "--json").stdout)["channel"] == "Referral"
    told = run("explain", "https://shop.example/", "https://pay.example/", "--settings", site).stdout
    assert "pay.example (settings, payment_hosts)" in told
    assert "goes on, with the source that it began with" in told


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("shop.example/x", "did you mean https://shop.example/x?"),
        ("javascript:alert(1)", "must be a full http or https address"),
        ("https://", "must be a full http or https address"),
        ("https://user:secret@[bad", "must be a full http or https address"),
        ("", "say which link"),
    ],
)
def test_what_is_no_link_is_refused_with_what_to_do(link: str, says: str) -> None:
    told = mistake("explain", link)
    assert says in told
    assert "secret" not in told


def test_many_links_are_rows_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text(
        "link;referrer;user_agent\n" + DIRECT + ";;\nhttps://b.example/?a=1,2;https://vk.com/;\nhttps://b.example/;;curl/8\n"
    )
    told = run("explain", "--from", path)
    rows = list(csv.DictReader(StringIO(told.stdout)))
    assert told.exit_code == 0
    assert [(row["url"], row["channel"], row["excluded"]) for row in rows] == [
        (DIRECT, "Yandex Direct", ""), ("https://b.example/?a=1,2", "Social networks", ""), ("https://b.example/", "direct", "bot"),
    ]  # fmt: skip
    assert [row["is_ad"] for row in rows] == ["yes", "no", "no"]


def test_lines_without_a_header_are_a_link_and_perhaps_its_referrer() -> None:
    told = run(
        "explain",
        "-",
        "--json",
        told="https://a.example/?x=1,2\n\nhttps://a.example/,https://t.me/x\nhttps://a.example/ https://ya.ru/\n",
    )
    assert [(r["url"], r["channel"]) for r in map(json.loads, told.stdout.splitlines())] == [
        ("https://a.example/?x=1,2", "direct"), ("https://a.example/", "Messengers"), ("https://a.example/", "Organic search"),
    ]  # fmt: skip


def test_of_many_links_the_bad_ones_are_named_and_the_others_told() -> None:
    told = run("explain", "-", "--json", told=f"nope\n{DIRECT}\nhttps://u:secret@\n")
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.exit_code == 2
    assert [row.get("channel") for row in rows] == [None, "Yandex Direct", None]
    assert "standard input:1: nope" in told.stderr
    assert "2 of 3 links" in told.stderr
    assert "secret" not in told.output


def test_a_cell_that_a_spreadsheet_would_run_is_led_by_an_apostrophe() -> None:
    told = run("explain", "-", told="https://a.example/?utm_source=vk&utm_medium=cpc&utm_campaign=%3D1%2B1\n")
    assert next(csv.DictReader(StringIO(told.stdout)))["campaign"] == "'=1+1"


@pytest.mark.parametrize("content", ["", "\n \n", "url,referrer\n"])
def test_a_list_without_links_and_a_missing_one_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "links").write_text(content)
    assert "has no links" in mistake("explain", "--from", tmp_path / "links")
    assert "cannot be read" in mistake("explain", "--from", tmp_path / "nowhere")
    assert "say which link" in mistake("explain", DIRECT, "--from", tmp_path / "links")


def test_an_audit_is_words_or_a_table(lake: Path) -> None:
    site = settings(lake)
    told = run("audit", "--lake", lake, "--settings", site)
    assert told.exit_code == 0
    assert "did you mean yandex?" in told.stdout
    rows = list(csv.DictReader(StringIO(run("audit", "--lake", lake, "--settings", site, "--csv").stdout)))
    assert {(row["kind"], row["code"], row["value"], row["visits"]) for row in rows} == {
        ("mistake", "mistyped", "yandx", "1"), ("unknown", "utm_source", "yandx", "1"),
    }  # fmt: skip


def test_an_audit_without_a_lake_or_of_a_folder_without_marts_is_refused(tmp_path: Path) -> None:
    site = settings(tmp_path)
    assert "--lake DIR or --stack NAME" in mistake("audit", "--settings", site)
    assert "skvoz refresh" in mistake("audit", "--settings", site, "--lake", tmp_path)


def test_an_audit_of_a_stack_asks_its_own_athena(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Mapping[str, Any]:
            return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}"}}

        def start_query_execution(self, **asked: Any) -> Mapping[str, Any]:
            queries.append(asked)
            return {"QueryExecutionId": "q"}

    queries: list[Mapping[str, Any]] = []
    monkeypatch.setattr(marts, "client", lambda service: Client())
    with marts.stack_marts("skvoz") as warehouse:
        assert isinstance(warehouse, AthenaWarehouse)
        warehouse.start("SELECT 1")
    assert queries[0]["WorkGroup"] == "skvoz-WorkGroup"
    assert queries[0]["QueryExecutionContext"]["Database"] == "skvoz-Database"


def test_a_difference_is_told_and_an_empty_one_said(lake: Path) -> None:
    site = settings(lake)
    new = settings(lake, "new.yaml", sources={"own": [{"id": "yandex", "synonyms": ["yandx"]}]})
    told = run("diff", "--lake", lake, "--settings", site, "--new", new)
    assert told.exit_code == 0
    assert "yandx / cpc (yandx / cpc) → Yandex Direct (yandex / cpc)" in told.stdout
    assert "nothing would change: 2 combinations" in run("diff", "--lake", lake, "--settings", site).stdout
    assert "no folder of rules" in mistake("diff", "--lake", lake, "--settings", site, "--rules", lake)
    assert "give --lake" in mistake("diff", "--settings", site)


def test_the_bundled_lists_are_shown_with_origin_revision_licence_and_day() -> None:
    told = run("lists").stdout
    for row in origins():
        assert all(row[name] in told for name in ("file", "origin", "revision", "licence", "date", "rows"))


def test_newer_lists_go_beside_the_product_and_can_be_compared(lake: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in RULES.rglob("*") if path.is_file()}
    text = (DATA / "matomo-Socials.yml").read_text(encoding="utf-8")
    (tmp_path / "Socials.yml").write_text(text + "\nNewNet:\n  - newnet.example\n", encoding="utf-8")
    out = tmp_path / "newer"
    told = run("lists", "--social", tmp_path / "Socials.yml", "--revision", "abc123", "--date", "2026-11-20", "--out", out)
    assert told.exit_code == 0, told.stderr
    assert "1 new" in told.stdout
    assert "newnet.example" in told.stdout
    assert f"skvoz source diff --lake DIR --settings FILE --rules {out}" in told.stdout
    assert {path: path.read_bytes() for path in RULES.rglob("*") if path.is_file()} == before
    assert ("social.tsv", "abc123", "2026-11-20") in {(r["file"], r["revision"], r["date"]) for r in origins(out / "lists")}
    assert "nothing would change" in run("diff", "--lake", lake, "--settings", settings(lake), "--rules", out).stdout


def test_lists_that_cannot_be_taken_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("- no list\n")
    out = tmp_path / "rules"
    assert "--revision" in mistake("lists", "--social", tmp_path / "bad.yml")
    assert "error" in mistake("lists", "--social", tmp_path / "bad.yml", "--revision", "1", "--out", out)
    assert not out.exists()
    assert "no day" in mistake("lists", "--social", tmp_path / "bad.yml", "--revision", "1", "--date", "soon", "--out", out)
    assert "name the newer files" in mistake("lists", "--apply")
    told = mistake("lists", "--social", DATA / "matomo-Socials.yml", "--revision", "1", "--out", tmp_path)
    assert "something else than a folder of rules" in told
