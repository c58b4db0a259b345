"""Every statement that a refresh, a report and alerts send, found by doing them in memory and listening.

The steps and questions are the product's own, so a statement cannot be forgotten here; the settings are those of the stage's sites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from functions.attribution import statements as attribution
from functions.attribution.bi.views import VIEWS, select_of
from functions.attribution.refresh import Refresh
from functions.attribution.standing import place_of
from functions.attribution.tables import TOUCHES_VIEW
from functions.report.alerts.facts import Asked, alerts_of
from functions.report.delivery.making import Maker, Wanted
from functions.report.marts import questions
from functions.report.marts.questions import period_of
from functions.report.path_notes.giving import new_paths
from functions.report.store import Refresh as Refreshed
from infra.smoke import records
from infra.sources.audit import SQL as AUDIT
from infra.sources.audit import audit
from infra.warehouse.duckdb import DuckDbWarehouse
from infra.warehouse.local import FileLedger
from shared.athena import AthenaWarehouse
from shared.settings import SiteSettings, parse_settings, published
from shared.warehouse import Row

ATTRIBUTION, REPORT = Path(attribution.__file__).parent / "sql", questions.SQL
FOLDERS = (ATTRIBUTION, REPORT, AUDIT)
# Files that no statement for Athena is made of, each with its reason.
NOT_AT_ATHENA = {
    "attribution/sessions_scope_all.sql": "of engines that write any number of days at once",
    "sources/entries.sql": "of skvoz source diff, which looks into folders only",
}
MOST_SITES = 10  # of the stage; their texts differ in little, and each takes some seconds
# Comments come first: a text in one could look like the beginning of a literal. The tables' names keep their digits.
_LITERALS = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\b\d[\w.]*")
_HOLDS_NOTHING = re.compile(r"SELECT count\(\*\) AS n FROM \w+ WHERE site_id = '[^']*' AND [^\n]*\Z")
_LISTS = re.compile(r"\(''(?:, '')+\)")
_ROWS = re.compile(r"VALUES (\([^()]*\))(?:, \([^()]*\))+")


class Statement(NamedTuple):
    """`what` is the step or question that sends it; `files` are those of sql/ that it is made of (none: our Python's own words)."""

    what: str
    sql: str
    files: tuple[str, ...]


class Listening(DuckDbWarehouse):
    """Does what it is asked, within Athena's bounds, and remembers it in Athena's words. `is_filled`: no table passes for empty, so
    that those which these few records leave empty are merged into as well."""

    most_partitions = AthenaWarehouse.most_partitions

    def __init__(self, root: Path) -> None:
        super().__init__(root, None, threads=1)
        self.asked: list[tuple[str, str]] = []
        self.now_doing = ""
        self.is_filled = False

    def start(self, sql: str, token: str = "") -> str:
        self.asked.append((self.now_doing, sql))
        return super().start(sql, token)

    def rows(self, sql: str, most_characters: int = 0) -> Sequence[Row]:
        self.asked.append((self.now_doing, sql))
        return [{"n": 1}] if self.is_filled and _HOLDS_NOTHING.match(sql) else super().rows(sql, most_characters)


def samples() -> list[SiteSettings]:
    """Two sites of ours: one with nothing set, one with every setting that puts other SQL into a statement."""
    rich: dict[str, Any] = {
        "sources": {
            "own": [{"id": "board", "synonyms": ["blogger"], "channel": "Board", "is_significant": True}],
            "contractors": [{"name": "Agency", "source": "yandex", "campaigns": ["a-*"]}],
            "parameters": {"utm_source": ["from", "src"], "utm_campaign": ["cid"]},
            "click_ids": {"partner_click": {"source": "partner", "medium": "affiliate"}},
        },
        "attribution": {
            "path_transforms": ["exposure", "first", "drop_direct", "drop_last_direct"],
            "reset_after": "sale",
            "lookback_touches": 50,
            "excluded_channels": ["direct"],
            "markov_order": 2,
        },
        "report": {
            "alerts": {"spend_without_requests": 1},
            "scopes": [{"name": "agency", "channels": ["Yandex Direct", "Board"]}],
            "own_sections": [
                {"name": "managers", "title": "Managers", "sql": "SELECT manager, count(*) AS deals FROM deals GROUP BY 1"}
            ],
        },
    }
    return [_site("smoke-plain", {}), _site("smoke-rich", rich)]


def _site(site_id: str, more: dict[str, Any]) -> SiteSettings:
    return parse_settings({"site_id": site_id, "name": site_id, "hosts": [f"{site_id}.example"], **more})


def statements(sites: Sequence[SiteSettings], now: datetime) -> list[Statement]:
    """Statements of the samples and of these sites (the first ten), each form once: literals make no other statement."""
    everybody = [*samples(), *sites[:MOST_SITES]]
    with TemporaryDirectory() as folder:
        warehouse = Listening(Path(folder))
        try:
            _refresh_thrice(warehouse, everybody, now)
            _report(warehouse, everybody, now)
            asked = warehouse.asked
        finally:
            warehouse.close()
    by_question = _files()
    view = TOUCHES_VIEW[TOUCHES_VIEW.index("SELECT") :]
    forms: dict[str, Statement] = {}
    views = [(bi.name, select_of(bi, samples())) for bi in VIEWS]  # settings give them names, no other form
    for what, sql in [("touches", view), *views, *asked]:
        forms.setdefault(form_of(sql), Statement(what, sql, files_of(sql, by_question)))
    return [s for s in forms.values() if not s.sql.startswith(("CREATE ", "DROP "))]


def _refresh_thrice(warehouse: Listening, sites: list[SiteSettings], now: datetime) -> None:
    """A first refresh (INSERT), one of what came since (append, scopes), and one that makes everything anew (MERGE)."""
    ledger = FileLedger(warehouse.root / "ledger.json")
    machine = Refresh(warehouse, ledger, lambda: sites, "", lambda: bytes(16))
    for days_ago in (2, 1, 0):
        at = now - timedelta(days=days_ago)
        records.write(warehouse.root, sites, at)
        warehouse.is_filled = days_ago < 2
        if days_ago == 0:
            for site in sites:
                ledger.complete(site.site_id, {})
        _walk(warehouse, machine, at)


def _walk(warehouse: Listening, machine: Refresh, at: datetime) -> None:
    state: dict[str, Any] = {}
    while state.get("status") not in ("complete", "failed"):
        warehouse.now_doing = place_of(state)["step"] if "site" in state else "tables"
        state = machine.advance(state, at)
    if state["status"] == "failed" or "completed" not in state:
        raise RuntimeError(f"the refresh in memory went wrong, so this version has a fault of its own: {state}")


def _report(warehouse: Listening, sites: Sequence[SiteSettings], now: datetime) -> None:
    for site in sites:
        _made(warehouse, published(site), now)
        warehouse.now_doing = "alerts"
        _, failed = alerts_of(Asked(warehouse, published(site), now))
        if failed:
            raise RuntimeError(f"alerts in memory went wrong, so this version has a fault of its own: {', '.join(failed)}")
        warehouse.now_doing = "path notes"
        new_paths(warehouse, published(site), "amocrm", now)
        warehouse.now_doing = "audit"
        audit(warehouse, site, 30)


def _made(warehouse: Listening, settings: Mapping[str, Any], now: datetime) -> None:
    """The report for readers of everything, and for those of a scope, with what their pages ask besides."""
    warehouse.now_doing = "report"
    period, refresh = period_of(settings, now), Refreshed("", now, now)
    for scope in ("", *(scope["name"] for scope in settings["report"]["scopes"][:1])):
        made = Maker(warehouse, settings, refresh).make(Wanted("day", period, scope, settings["report"]["language"]))
        if "snapshot" in made.extras.failed:
            raise RuntimeError("the page's data could not be made in memory, so this version has a fault of its own")


def form_of(sql: str) -> str:
    """A statement without its literals and comments: what the engine must understand, whatever the values."""

    def blank(match: re.Match[str]) -> str:
        return "" if match[0].startswith("--") else "''" if match[0].startswith("'") else "0"

    return _ROWS.sub(r"VALUES \1", _LISTS.sub("('')", _LITERALS.sub(blank, sql)))


def question(path: Path) -> str:
    """The first comment line of a file, which no other file has, and which stays in the statement."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("-- ") and not line.startswith("-- include"))


def _files() -> dict[str, str]:
    found: Iterator[Path] = (path for folder in FOLDERS for path in sorted(folder.glob("*.sql")))
    return {question(path): _name(path) for path in found}


def _name(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.name}"


def files_of(sql: str, by_question: dict[str, str]) -> tuple[str, ...]:
    """Names (`attribution/hits.sql`) of the files whose first line is in a statement."""
    lines = set(map(str.strip, sql.splitlines()))
    return tuple(sorted(name for line, name in by_question.items() if line in lines))


def every_file() -> list[str]:
    """Names of all files that a statement may be made of."""
    return sorted(_files().values())
