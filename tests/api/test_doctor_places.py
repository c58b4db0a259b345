"""`skvoz doctor` over a page of the site and over a plain folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from infra.cli.main import app
from infra.doctor.gathering.objects import Objects, newest_figures
from infra.doctor.gathering.page import MOST_PAGE, page_of, tags_of
from shared.ids import uuid7
from tests.api.doctor_cli import findings, run
from tests.api.telephony_host import Host, answer, moved, telephony_host
from tests.doctor_sound import NOW, SETTINGS, shop
from tests.lakes import cost, deal, hit, utc, write

TAG = '<html><script async src="/skvoz/skvoz.js" data-site="shop"></script>'


@pytest.fixture
def host() -> Iterator[Host]:
    with telephony_host() as made:
        yield made


def test_the_report_of_a_scope_is_not_the_sites() -> None:
    """Else the doctor would judge the site by what one agency sees."""
    ids = [str(uuid7(NOW - timedelta(hours=hours), bytes(10))) for hours in (30, 2, 1)]
    told = {ids[0]: {"totals": {"sales": 1}}, ids[1]: {"totals": {"sales": 2}}, ids[2]: {"totals": {"sales": 3}, "scope": "Agency"}}

    class Stored(Objects):
        def __init__(self) -> None:
            pass

        def keys(self, prefix: str, after: str) -> list[str]:
            return sorted(f"{prefix}{name}.json" for name in told)

        def body(self, key: str) -> bytes:
            return orjson.dumps(told[key.rpartition("/")[2].removesuffix(".json")])

    assert newest_figures(Stored(), "shop", NOW) == {"totals": {"sales": 2}}
    for name in ids[:2]:
        del told[name]
    assert newest_figures(Stored(), "shop", NOW) is None


# --- a page -----------------------------------------------------------------------------------------------------------------------


def test_a_page_is_fetched_within_bounds_and_only_on_the_sites_hosts(host: Host) -> None:
    line, site = host.line(), shop({})

    def fetch(url: str, hosts: Any) -> str:
        return line.get(url, hosts, MOST_PAGE, {"accept": "text/html"}).body.decode()

    host.answers |= {"/": answer(TAG.encode(), "text/html"), "/away": moved("https://stranger.example/")}
    found = page_of("https://shop.example/", site, fetch, lambda name: ["93.184.1.1", "2001:db8::1"])
    assert [tuple(tag) for tag in found.tags] == [("shop", "https://shop.example/skvoz")]
    assert found.addresses == {"shop.example": ("93.184.1.1",)}
    assert "none of the settings' hosts" in page_of("https://shop.example/away", site, fetch, lambda name: []).error
    assert "not there" in page_of("https://shop.example/nothing", site, fetch, lambda name: []).error
    assert {name for name, _ in host.dialled} == {"shop.example"}


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ('<script src="https://stat.shop.example/skvoz.core.js?v=2" data-site="shop">', "https://stat.shop.example"),
        ('<SCRIPT SRC="/s/skvoz.js" data-site=shop data-endpoint="https://api.example/x">', "https://api.example/x"),
        ("<script>var a = '<p>'</script><script defer src=skvoz.js data-site=shop></script>", "https://shop.example/a"),
    ],
)
def test_tags_are_found_as_browsers_read_them(text: str, endpoint: str) -> None:
    assert tags_of(text, "https://shop.example/a/b") == (("shop", endpoint),)


def test_other_scripts_are_no_tags() -> None:
    assert (
        tags_of('<script src="/myskvoz.js"></script><!-- <script src="/skvoz.js"> --><script></script>', "https://shop.example/")
        == ()
    )


# --- a folder ---------------------------------------------------------------------------------------------------------------------


def folder(root: Path, **changes: Any) -> tuple[Path, Path]:
    """A lake of three days with a site whose pipeline and ad account are wrong; and its settings file."""
    own = {"site_id": "shop"}
    for day in range(1, 12):
        at = utc(f"11-{day:02} 10:00")
        costs = [cost(f"11-{day:02}", "direct/cpc", "100", f"import-{day}", account="direct-1", **own)] if day < 9 else []
        write(root, [hit("v1", at, **own), deal(f"d{day}", at, "won", pipeline="retail", **own), *costs], at)
    file = root / "shop.yaml"
    file.write_text(yaml.safe_dump({**SETTINGS, **changes}, allow_unicode=True), encoding="utf-8")
    return root, file


def test_a_folder_is_judged_by_its_own_time_without_doors_and_secrets(tmp_path: Path) -> None:
    lake, file = folder(tmp_path)
    told = [one["what"] for one in findings("--lake", lake, "--settings", file, status=1)]
    assert "pipeline retail has no rule: its deals (11 states lately) mean nothing" in told
    assert "no refresh was ever completed: there are no figures" in told
    assert not [what for what in told if "no hits since" in what or "/skvoz/" in what or "test call" in what]
    later = [one["what"] for one in findings("--lake", lake, "--settings", file, "--now", "2026-11-13T00:00:00Z", status=1)]
    assert [what for what in later if "no hits since 2026-11-11" in what]
    assert [what for what in later if "direct-1 had costs every day up to 2026-11-08" in what]


def test_a_refreshed_folder_is_controlled_by_its_marts(tmp_path: Path) -> None:
    stages = [{"pipeline": "*", "money_stage": "won", "stages": {"new": "unsorted", "lost": "lost", "paid": "paid"}}]
    lake, file = folder(tmp_path, stages=stages)
    refreshed = CliRunner().invoke(app, ["refresh", "--lake", str(lake), "--settings", str(file), "--now", "2026-11-12T00:00:00Z"])
    assert refreshed.exit_code == 0, refreshed.output
    told = [one["what"] for one in findings("--lake", lake, "--settings", file, "--now", "2026-11-11T12:00:00Z", status=0)]
    assert "10 deals stand at a stage without a meaning: retail, won" in told


def test_a_folder_without_records_is_no_lake(tmp_path: Path) -> None:
    _, file = folder(tmp_path)
    assert "has no folder raw/" in run("--lake", tmp_path / "nothing", "--settings", file, status=2)
