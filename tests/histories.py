"""Random histories of a lake: what arrived when, which rules held, where the refresh died and what became of it. At the end,
however it went, the tables are those of one rebuild from nothing, and every change of a closed day is noted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, get_args

from functions.attribution.refresh import LEASE, MOST_RESUMES
from functions.attribution.tables import TOUCHES_VIEW
from functions.attribution.work import DELIVERY
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.attribution_settings import PathTransform
from shared.errors import WarehouseError
from shared.models import PATH_MODELS
from shared.settings import SiteSettings
from shared.times import from_lake_text, local_day
from shared.warehouse import Row
from tests.lakes import Marts, Record, assert_same, utc, without, write
from tests.random_lakes import random_records, random_shop, shuffled

METRICS = ("visits", "requests", "qualified", "sales", "revenue", "gross_profit", "cost")
FIRST_RUN = utc("10-08 03:00")
Figures = Mapping[tuple[date, str], Mapping[str, Decimal | None]]


class Broken(Exception):
    """The process died."""


class Fragile(DuckDbWarehouse):
    """Dies at its k-th statement: before it ran, or after it ran and before anybody was told."""

    dies_at = -1
    dies_after = False
    tables = 0  # statements that make the tables, at the beginning of every run

    def start(self, sql: str, token: str = "") -> str:
        self.dies_at -= 1
        if self.dies_at == 0 and not self.dies_after:
            raise Broken
        answer = super().start(sql, token)
        self.tables += sql.startswith("CREATE TABLE") or sql == TOUCHES_VIEW
        if self.dies_at == 0:
            raise Broken
        return answer


def random_settings(random: Random) -> SiteSettings:
    """The random shop's settings with all that decides over paths and figures drawn anew."""
    transforms = list(get_args(PathTransform))
    attribution = {
        "lookback_days": random.choice((0, 3, 9, 90)),
        "lookback_touches": random.choice((None, None, 1, 3)),
        "excluded_channels": random.choice(([], [], ["direct"], ["Yandex Direct", "foo / bar"])),
        "path_transforms": random.sample(transforms, random.choice((0, 0, 1, 2, 5))),
        "reset_after": random.choice(("never", "request", "sale")),
        "default_model": random.choice(PATH_MODELS),
        "markov_order": random.choice((1, 1, 2, 3)),
        "custom": random.choice(([30, 40, 30], [0, 100, 0])),
    }
    more: dict[str, Any] = {"requests": {"duplicate_days": random.choice((30, 2, "off", "ever"))}}
    return random_shop(attribution=attribution, costs={"show": random.choice(("net", "gross")), "vat_percent": "20"}, **more)


class History:
    """One lake with its marts, and the figures of every complete run as readers saw them."""

    def __init__(self, root: Path, settings: SiteSettings) -> None:
        self.root, self.now = root, FIRST_RUN
        self.warehouse = Fragile(root, None, threads=1)
        self.marts = Marts(root, settings, warehouse=self.warehouse)
        self.seen: list[tuple[Mapping[str, str], Figures]] = []

    @property
    def is_dead(self) -> bool:
        return self.marts.ledger.load_run() is not None

    def arrive(self, records: Sequence[Record]) -> None:
        write(self.root, records, self.now)

    def refresh(self) -> None:
        """A run to its end; then what it noted must be what it changed."""
        self.now += LEASE * 2
        self.warehouse.dies_at = -1
        noted = self._notes()
        self.marts.refresh(self.now)
        self.seen.append((self.marts.ledger.last_complete("shop"), figures_of(self.marts.rows("daily_figures"))))
        self._check_notes(noted)

    def die(self, at: int, after: bool) -> bool:
        """A run, or its going on, that dies at a statement; False when it was over before."""
        self.now += LEASE * 2
        self.warehouse.dies_at, self.warehouse.dies_after = at, after
        noted = self._notes()
        try:
            self.marts.refresh(self.now)
        except Broken:
            return True
        self.seen.append((self.marts.ledger.last_complete("shop"), figures_of(self.marts.rows("daily_figures"))))
        self._check_notes(noted)
        return False

    def give_up(self) -> None:
        """The next run begins anew instead of going on."""
        left = self.marts.ledger.load_run()
        if left is not None:
            left["resumes"] = MOST_RESUMES

    def check(self) -> None:
        """The marts are those of one rebuild from nothing."""
        anew = Marts(self.root, *self.marts.sites, warehouse=DuckDbWarehouse(self.root, None, threads=1))
        anew.refresh(self.now)
        assert_same(without_rounds(self.marts.everything()), without_rounds(anew.everything()), approximate=True)
        assert anew.rows("restatements") == []  # nobody had seen any figures

    def _notes(self) -> Sequence[Row]:
        try:
            return self.marts.rows("restatements")
        except WarehouseError:  # the very first run died before it had made the tables
            return []

    def _check_notes(self, noted: Sequence[Row]) -> None:
        last, figures = self.seen[-1]
        found = [row for row in self.marts.rows("restatements") if row["refresh_id"] == last["refresh_id"]]
        told = {(row["day"], row["channel"], row["metric"]): (row["old_value"], row["new_value"]) for row in found}
        assert told == self._changed(figures)
        assert len(told) == len(found)
        complete = {run["refresh_id"] for run, _ in self.seen}
        kept = [row for row in self.marts.rows("restatements") if row["refresh_id"] != last["refresh_id"]]
        assert kept == [row for row in noted if row["refresh_id"] in complete and row["refresh_id"] != last["refresh_id"]]

    def _changed(self, figures: Figures) -> Mapping[tuple[date, str, str], tuple[Decimal | None, Decimal | None]]:
        """What differs in days that were over for the run before this one."""
        if len(self.seen) == 1:
            return {}
        run, before = self.seen[-2]
        first_open = local_day(from_lake_text(run["started_at"]) - DELIVERY, self.marts.sites[0].time_zone)
        changed: dict[tuple[date, str, str], tuple[Decimal | None, Decimal | None]] = {}
        for day, channel in {*before, *figures}:
            for metric in METRICS if day < first_open else ():
                empty: Decimal | None = None if metric == "gross_profit" else Decimal(0)
                old = before.get((day, channel), {}).get(metric, empty)
                new = figures.get((day, channel), {}).get(metric, empty)
                if abs((new or Decimal(0)) - (old or Decimal(0))) > Decimal("0.000001"):
                    changed[day, channel, metric] = (old, new)
        return changed


def random_history(root: Path, seed: int, visitors: int = 8) -> History:
    """Records in random order over some runs; rules changed, runs that die, go on, or are given up, records and rules that come
    between death and resurrection; at the end one complete run."""
    random = Random(seed)
    history = History(root, random_settings(random))
    for records in shuffled(random_records(seed, visitors), seed, random.randint(2, 4)):
        history.arrive(records)
        history.now += random.choice((timedelta(hours=1), timedelta(days=1), timedelta(days=5)))
        if random.random() < 0.4:
            kept = history.marts.sites
            history.marts.sites = [random_settings(random)]
            if random.random() < 0.3 and history.die(random.randrange(1, 60), random.random() < 0.5):
                history.give_up()
                history.marts.sites = kept  # somebody thought better of it
        for _ in range(random.choice((0, 1, 1, 2))):
            if history.die(random.randrange(1, 60), random.random() < 0.5) and random.random() < 0.5:
                history.give_up()
        if not history.is_dead or random.random() < 0.6:
            history.refresh()
    if history.is_dead:
        history.refresh()  # it goes on as of when it began; what arrived since then is the next one's
    history.refresh()
    return history


def figures_of(rows: Sequence[Row]) -> Figures:
    """Daily figures by day and channel, as exact as restatements tell them."""
    return {(row["day"], row["channel"]): {metric: _exact(row[metric]) for metric in METRICS} for row in rows}


def without_rounds(tables: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """Without what tells how the run went, not what it found: the round that changed a joint or a merge last, and how far around a
    circle of merges it was followed."""
    joints = [without(row, "round") for row in tables["joints"]]
    merges = [without(row, "round", "survivor") for row in tables["deal_merges"]]  # deal_facts has the survivors that there are
    return {**tables, "joints": joints, "deal_merges": merges}


def _exact(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(Decimal("0.000001"), "ROUND_HALF_UP")
