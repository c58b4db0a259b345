"""The whole refresh on DuckDB and on a real Trino: the same SQL files, the same raw records, the same tables row by row.

The story's shop and a shop with two random lakes in one share the lake; a second delivery makes the second refresh incremental.
Trino makes the first refresh in one piece; another Trino schema and another DuckDB come to the same tables in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.attribution.path_steps import BY_MONTH, path_parts
from functions.attribution.statements import render, render_text
from functions.attribution.tables import MARTS
from functions.attribution.work import site_values
from functions.attribution.working_tables import WORKING
from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.sources.audit import Finding, audit
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import WarehouseError
from shared.records import HIT
from shared.settings import SiteSettings
from shared.sources import standard_channels
from shared.sql import Value, bind
from shared.trino import TrinoWarehouse
from shared.trino_client import query_name
from shared.warehouse import QueryState, Row, Warehouse
from tests.lakes import NOW, Marts, Record, assert_same, deal, hit, is_same, request, shop, utc, write
from tests.landings import Landing, landed
from tests.random_lakes import random_records, random_shop, shuffled
from tests.real_trino import warehouse as trino
from tests.requires import need_java, need_maven
from tests.source_cases import (
    HERE,
    SEEN,
    TERMS,
    clickstream_cases,
    clickstream_landing,
    grouped_addresses,
    here,
    media_addresses,
)
from tests.story_lake import story_records, story_shop

pytestmark = [pytest.mark.proof, pytest.mark.trino]

ATTRIBUTION = Path(render.__code__.co_filename).parent / "sql"
REPORT = ATTRIBUTION.parent.parent / "report" / "sql"
NORTH = random_shop(site_id="north")
# A site with sources of its own in every way, visited from everywhere.
EAST = shop(
    site_id="east",
    sources={
        "own": [{"id": "board", "synonyms": ["blogger"], "channel": "Щиты", "is_significant": True}],
        "contractors": [{"name": "Агентство А", "source": "yandex", "synonyms": ["ya"], "campaigns": ["a-*"]}],
        "contractors_apart": True,
        "parameters": {"utm_source": ["from", "src"], "utm_campaign": ["cid"]},
        "click_ids": {"partner_click": {"source": "partner", "medium": "affiliate"}},
    },
)
_LISTS = Path(__file__).parents[1] / "data/robots"
AGENTS = [
    line.rpartition("\t")[2]
    for name in ("people.txt", "bots_other.txt")
    for line in (_LISTS / name).read_text(encoding="utf-8").splitlines()[::5]
    if not line.startswith("#")
]
OWN_QUERIES = ("FROM=Yandex.Direct&cid=a-1", "src=2&from=%D0%BA%D0%BE%D1%82", "from=%zz%00", "partner_click=7", "from=a%2Bb+c")
FIRST, SECOND = NOW - timedelta(days=1), NOW
ROOT = ATTRIBUTION.parents[2]
SOURCES = ROOT / "infra/sources/sql"
BY_BOTH = (ATTRIBUTION, REPORT, SOURCES)
# Folders and files that only one engine runs, each with its reason.
BY_ONE_FOLDERS = {
    ROOT / "infra/attribute/sql": "skvoz attribute reads files of its user on DuckDB; the marts' SQL that it uses is run here"
}
BY_ONE_FILES: dict[str, str] = {}


class Watched(TrinoWarehouse):
    """A Trino that remembers what it was asked and has answered."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.asked: list[str] = []
        self._started: dict[str, str] = {}

    def start(self, sql: str, token: str = "") -> str:
        query_id = super().start(sql, token)
        self._started[query_name(query_id)] = sql
        return query_id

    def poll(self, query_id: str) -> QueryState:
        state = super().poll(query_id)
        if state.is_done:
            self.asked.append(self._started[query_name(query_id)])
        return state

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        found = super().rows(sql, most_characters)
        self.asked.append(sql)
        return found


class WatchedDuckDb(DuckDbWarehouse):
    """A DuckDB that remembers what it was asked and has answered, in Athena's dialect."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, None, threads=2)
        self.asked: list[str] = []

    def start(self, sql: str, token: str = "") -> str:
        query_id = super().start(sql, token)
        self.asked.append(sql)
        return query_id

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        found = super().rows(sql, most_characters)
        self.asked.append(sql)
        return found


def sites() -> list[SiteSettings]:
    return [story_shop(), NORTH, EAST]


def deliveries() -> list[list[Record]]:
    """All records in two parts; the story's come with the first one, but for its return."""
    parts = [[r for r in story_records() if r.kind != "payment"], [r for r in story_records() if r.kind == "payment"]]
    records = [*random_records(seed=3, visitors=60), *random_records(seed=8, visitors=40), *too_fast(), *twice_and_emptied()]
    records.append(hit("early", utc("08-15 10:00"), "vk/cpc"))  # before the period that is asked about: the others' sources are new
    random = [Record(r.kind, {**r.values, "site_id": NORTH.site_id}) for r in records]
    for part, some in zip(parts, shuffled(random, 3, 2), strict=True):
        part += some
    parts[0] += [Record(r.kind, {**r.values, "site_id": EAST.site_id}) for r in from_everywhere()]
    return parts


def from_everywhere() -> list[Record]:
    """Every address and referrer of the tests, each a visitor, and every robot and browser of the lists."""
    landings = [Landing(url, referrer) for url, referrer, _ in SEEN]
    landings += [Landing(HERE, referrer) for referrer, _ in TERMS]
    landings += [Landing(here(query)) for query in OWN_QUERIES]
    landings += [Landing(url) for url in grouped_addresses()]
    landings += [Landing(url) for source in ("acme", "google", "vk", "amazon") for url, _ in media_addresses(source)]
    landings += [clickstream_landing(case) for case in clickstream_cases()]
    own = frozenset(EAST.sources.parameters.names()) | frozenset(EAST.sources.click_ids)
    visits = [landed(f"east-{n}", landing, n, own) for n, landing in enumerate(landings)]
    return [*visits, *(hit(f"agent-{n}", utc("10-06 12:00"), user_agent=agent) for n, agent in enumerate(AGENTS))]


def too_fast() -> list[Record]:
    """A visitor of 61 pages in a minute asks and buys: his day makes no visit, and his deal says so."""
    at = utc("10-12 09:00")
    bought = deal("fast", at + timedelta(minutes=6), "won", "10", request_id="r-fast")
    pages = [hit("fast", at + timedelta(milliseconds=n)) for n in range(61)]
    return [*pages, request("r-fast", at + timedelta(minutes=5), visitor="fast"), bought]


def twice_and_emptied() -> list[Record]:
    """A duplicate that was deleted, and a deal whose fields and request id somebody emptied."""
    at = utc("10-12 09:00")
    twins = [deal(name, at + timedelta(minutes=n), "working", phone="twin") for n, name in enumerate(("gone", "here"))]
    filled = deal(
        "filled", at, "lost", request_id="r-emptied", branch="Юг", product="Двери", loss_reason="double", attributes='{"place":"x"}'
    )
    cleared = deal("filled", at + timedelta(minutes=9), emptied="request_id branch product", receivable="0", attributes="{}")
    return [
        request("r-twin", at, phone="twin"),
        request("r-emptied", at),
        *twins,
        deal("gone", at + timedelta(minutes=5), is_deleted=True),
        filled,
        cleared,
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("engines")) as running:
        yield running


@pytest.fixture(scope="module")
def engines(server: TrinoServer) -> tuple[Marts, Marts]:
    """DuckDB and Trino over the same lake, nothing delivered yet."""
    embedded = Marts(server.data_dir, *sites(), warehouse=WatchedDuckDb(server.data_dir))
    return embedded, Marts(server.data_dir, *sites(), warehouse=trino(Watched, server))


def deliver(server: TrinoServer, part: int) -> None:
    """A part of the records, plain or gzipped."""
    write(server.data_dir, deliveries()[part], (FIRST, SECOND)[part], packed=part == 1)


def test_a_full_refresh_makes_the_same_tables(server: TrinoServer, engines: tuple[Marts, Marts]) -> None:
    deliver(server, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrinoWarehouse, "most_partitions", 0)
        for marts in engines:
            marts.refresh(FIRST)
    assert_same(engines[0].everything(), engines[1].everything(), approximate=True)


def test_an_incremental_refresh_makes_the_same_tables(server: TrinoServer, engines: tuple[Marts, Marts]) -> None:
    deliver(server, 1)
    for marts in engines:
        marts.refresh(SECOND)
    assert_same(engines[0].everything(), engines[1].everything(), approximate=True)
    rows = engines[1].everything()
    assert [name for name, table in rows.items() if not table] == [], "a table without rows proves nothing"
    notes = [marts.rows("restatements") for marts in engines]
    assert_same_rows("restatements", *([rows] for rows in notes))
    assert notes[0]


def test_the_figures_are_the_same(engines: tuple[Marts, Marts]) -> None:
    for path in sorted(REPORT.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for basis in ("request", "payment", "touch") if ":date_basis" in text else ("request",):
            answers = [[rows_of(m.warehouse, text, site, date_basis=basis) for site in m.sites] for m in engines]
            assert_same_rows(path.name, *answers)
            assert any(answers[0]), (path.name, basis)


OTHER_SETTINGS: list[dict[str, object]] = [
    {"path_transforms": ["exposure", "drop_last_direct"], "markov_order": 3, "position": (10, 80, 10)},
    {"path_transforms": ["first", "drop_direct"], "reset_after": "sale", "lookback_touches": 3, "half_life_days": 1},
    {"path_transforms": ["unique"], "reset_after": "request", "excluded_channels": ["direct"], "markov_order": 2},
]


@pytest.mark.parametrize("told", OTHER_SETTINGS, ids=["exposure", "first", "unique"])
def test_other_paths_and_models_make_the_same_credits(engines: tuple[Marts, Marts], told: dict[str, object]) -> None:
    """Other settings than the sites' own, asked of the tables that stand."""
    for name, scope in (
        ("paths", "requests_scope_all"),
        ("visitor_paths", "visitors_scope_all"),
        ("transitions", "months_scope_all"),
        ("credits", "requests_scope_all"),
    ):
        answers: list[list[list[Row]]] = [[] for _ in engines]
        for site in engines[0].sites:
            asked = site.model_copy(update={"attribution": site.attribution.model_copy(update=told)})
            text = render(name, scope=scope, weights="part_rule_weights", **path_parts(asked), **BY_MONTH)
            for found, marts in zip(answers, engines, strict=True):
                found.append(rows_of(marts.warehouse, text, asked))
        assert_same_rows(name, *answers)
        # Nobody asks for anything in the east, but there are visitors.
        assert [bool(rows) for rows in answers[0]] == [True, True, name in ("visitor_paths", "transitions")], name


def test_a_full_refresh_in_pieces_of_a_few_days_makes_the_same_tables(
    server: TrinoServer, engines: tuple[Marts, Marts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the history that another rule made before."""
    monkeypatch.setattr(TrinoWarehouse, "most_partitions", 7)
    monkeypatch.setattr(DuckDbWarehouse, "most_partitions", 3)
    other_rule = random_shop(site_id="north", hosts=["other.example"], time_zone="Asia/Vladivostok")
    others: tuple[WatchedDuckDb | Watched, ...] = (WatchedDuckDb(server.data_dir), trino(Watched, server, "pieces"))
    for whole, warehouse in zip(engines, others, strict=True):
        pieces = Marts(server.data_dir, other_rule, warehouse=warehouse)
        for site in (other_rule, NORTH):
            pieces.sites = [site]
            pieces.refresh(SECOND)
        assert_same(pieces.everything(), of_north(whole.everything()))
        ASKED[whole.warehouse.ddl_dialect] += warehouse.asked


def of_north(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: [row for row in rows if row["site_id"] == NORTH.site_id] for name, rows in tables.items()}


ASKED: dict[str, list[str]] = {"duckdb": [], "iceberg_trino": []}


def test_the_audit_and_the_diff_of_sources_say_the_same(engines: tuple[Marts, Marts]) -> None:
    found: list[Finding] = []
    for site in engines[0].sites:
        one, other = (audit(marts.warehouse, site, 60) for marts in engines)
        assert one == other
        found += one.findings
    assert found
    parts = {"brought": (SOURCES / "brought.sql").read_text("utf-8").rstrip()}
    entries = render_text((SOURCES / "entries.sql").read_text("utf-8"), **parts)
    answers = [[rows_of(m.warehouse, entries, site) for site in m.sites] for m in engines]
    assert_same_rows("entries", *answers)
    assert all(answers[0])


def test_every_folder_of_sql_is_looked_at() -> None:
    found = {path.parent for folder in ("functions", "shared", "infra") for path in (ROOT / folder).rglob("*.sql")}
    assert found == {*BY_BOTH, *BY_ONE_FOLDERS}


def test_every_sql_file_ran_on_both_engines(engines: tuple[Marts, Marts]) -> None:
    files = {path: question(path) for folder in BY_BOTH for path in folder.glob("*.sql")}
    assert len(set(files.values())) == len(files), "every file begins with a question of its own"
    for name, marts in zip(ASKED, engines, strict=True):
        asked = "\n".join([*marts.warehouse.asked, *ASKED[name]])  # type: ignore[attr-defined]
        missing = {path.stem for path, text in files.items() if text not in asked} - BY_ONE_FILES.keys()
        assert missing == set(), f"never ran on {name}"


def test_ddl_of_every_table_has_the_columns_of_the_model(engines: tuple[Marts, Marts]) -> None:
    for marts in engines:
        for table in (*MARTS, *WORKING):
            (row,) = marts.warehouse.rows(f"SELECT * FROM {table.name} LIMIT 1")
            assert list(row) == table.column_names


def test_a_line_that_was_cut_short_fails_on_both_engines(server: TrinoServer, engines: tuple[Marts, Marts]) -> None:
    """The last test: nothing can be refreshed after it."""
    folder = server.data_dir / "raw" / HIT.name / f"{SECOND:%Y/%m/%d/%H}"
    (folder / "cut.jsonl").write_bytes(b'{"record_id": "cut", "site_id": "north", "occurr\n')
    for marts in engines:
        marts.sites = [NORTH]
        with pytest.raises(WarehouseError, match="not refreshed: north"):
            marts.refresh(SECOND + timedelta(days=1))


def question(path: Path) -> str:
    """The first comment line of a file, which no other file has."""
    return next(
        line for line in path.read_text("utf-8").splitlines() if line.startswith("-- ") and not line.startswith("-- include")
    )


def rows_of(warehouse: Warehouse, text: str, site: SiteSettings, date_basis: str = "request") -> list[Row]:
    days = {"first_day": date(2026, 9, 1), "last_day": date(2026, 12, 1)}
    days |= {"known_from": date(2026, 6, 3), "path_from": date(2026, 6, 3)}
    days |= {"day_before": date(2026, 8, 31), "day_after": date(2026, 12, 2), "history_from": date(2026, 1, 1)}
    days |= {"lapsed_before": date(2026, 10, 10), "cohorts_from": date(2026, 1, 1), "cohorts_to": date(2026, 12, 31)}
    most = {"most_deals": 5000, "most_touches": 20, "most_values": 100, "most_keys": 20, "most_restated": 100, "most_calls": 5000}
    most |= {"most_names": 50, "slow_times": 2, "most_sections": 50, "most_places": 1000, "most_landings": 100}
    weeks = {f"{end}_{n}": NOW - timedelta(weeks=n, days=end == "from") for n in range(5) for end in ("from", "to")}
    windows = {
        f"{end}_day_{n}": (NOW - timedelta(weeks=n, days=end == "first")).date() for n in range(5) for end in ("first", "last")
    }
    told: dict[str, Value] = {
        "refresh_id": "",
        "channels": sorted(standard_channels()),
        **windows,
        "recent_from": date(2026, 10, 15),
        **weeks,
        "model": "linear",
        "date_basis": date_basis,
        "restated_from": FIRST - timedelta(days=30),
        "standing_at": SECOND,
        "cool_down": 1800,
        "unconfirmed_cool_down": 300,
        "pool_spans": ";spb=600/60;",
        "is_scoped": True,
        "since": utc("09-01 00:00"),
        "first_request_day": date(2026, 6, 3),
        "of_crm": "crm:%",
    }
    values: dict[str, Value] = {**site_values(site), **days, **most, **told}
    return sorted(warehouse.rows(bind(text, values)), key=lambda row: [str(v) for v in row.values() if not isinstance(v, float)])


def assert_same_rows(name: str, one: list[list[Row]], other: list[list[Row]]) -> None:
    """Equal but for the last digits of a DOUBLE."""
    for rows, others in zip(one, other, strict=True):
        assert len(rows) == len(others), name
        for a, b in zip(rows, others, strict=True):
            assert [column for column in a if not is_same(a[column], b[column])] == [], f"{name}: {a} ≠ {b}"
