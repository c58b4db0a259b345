"""Makes the snapshot of one reader's page from the marts (functions/report/snapshot/__init__.py says what its files hold)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.kinds import is_together, kinds_of
from functions.report.marts.questions import Answers, Period
from functions.report.snapshot.build import MOST_BYTES, Days, Files, Months, is_small, pack, to_json
from functions.report.snapshot.dims import Dims
from functions.report.snapshot.manifest import Told, manifest_of
from functions.report.snapshot.places import MOST_PLACES, Places
from functions.report.snapshot.requests import Requests
from functions.report.snapshot.requests import Told as Asked
from functions.report.snapshot.results import Results, add_traffic
from functions.report.snapshot.scope import Seen, channels_of, seen_of
from functions.report.snapshot.site import MOST_LANDINGS, MOST_SECTIONS, Landings, landings_file, section_files
from functions.report.store import Refresh
from functions.report.view.names import Names
from shared.errors import SkvozError
from shared.models import PATH_MODELS
from shared.sql import Value, bind
from shared.times import local_day
from shared.warehouse import Row, Warehouse

SQL = Path(__file__).parent.parent / "sql"
BASES = ("request", "payment", "touch")
MOST_ROWS = 200_000  # of one answer: all of them are in memory at once
MOST_TOUCH_ROWS = 30_000  # of answers that have three cells a model
MOST_DEALS = 50  # of one request
MOST_TOUCHES = 20  # of one path
MOST_PLACE_ROWS = 5 * MOST_PLACES
MOST_INLINED = 60_000_000  # bytes of the files within a page that is opened without a server


class TooBig(SkvozError):
    """A file of a snapshot is over its bound although it was cut."""

    code = "snapshot_too_big"


class Snapshot(NamedTuple):
    """Name → JSON. `is_hosted`: the page fetches the files one by one; else they stand in the page itself."""

    files: Mapping[str, bytes]
    is_hosted: bool = True

    def inlined(self) -> str:
        """The files as elements of a page; `<` is escaped, so that no text within can end one. Of more than MOST_INLINED bytes,
        models other than the report's own, then its oldest requests are left out, and the manifest does not name their files."""
        files = _most_wanted(self.files)
        return "\n".join(
            f'<script type="application/json" data-name="{name}">{body.decode().replace("<", chr(92) + "u003c")}</script>'
            for name, body in files.items()
        )


class Made(NamedTuple):
    """All of a snapshot but its manifest, which alone tells of the mailed period."""

    files: Files
    days: Days
    seen: Seen
    pages: Sequence[Mapping[str, Any]]
    folded: int
    channels: Collection[str]  # as the marts name them


def packed(snapshot: Snapshot) -> dict[str, bytes]:
    """Name → gzip, the same bytes for the same snapshot. TooBig names a file over 3 MB."""
    files = snapshot.files
    found = {name: files.packed(name) if isinstance(files, Files) else pack(files[name]) for name in files}
    for name, body in found.items():
        if len(body) > MOST_BYTES:
            raise TooBig(f"the snapshot's file {name} has {len(body)} bytes packed; at most {MOST_BYTES} are kept")
    return found


def snapshot_of(
    warehouse: Warehouse,
    settings: Mapping[str, Any],
    period: Period,
    kind: str,
    refresh: Refresh,
    scope: str = "",
    figures: Mapping[str, Any] | None = None,
    is_hosted: bool = True,
) -> Snapshot:
    """The snapshot of a report for the readers of `scope` (a name of report.scopes; empty: everything), in the language of
    `settings`. `kind`: day, week, month. `figures` of the same report bring the budget's fits. WarehouseError when a query fails,
    BadInput where there is no such scope."""
    made = made_of(warehouse, settings, history_of(settings, period, refresh), scope)
    return snapshot_from(made, settings, period, kind, refresh, figures, is_hosted)


def made_of(warehouse: Warehouse, settings: Mapping[str, Any], days: Days, scope: str = "") -> Made:
    """What reports of the same history, scope and language share. Errors as of `snapshot_of`."""
    return _Maker(warehouse, settings, days, scope).made()


def snapshot_from(
    made: Made,
    settings: Mapping[str, Any],
    period: Period,
    kind: str,
    refresh: Refresh,
    figures: Mapping[str, Any] | None = None,
    is_hosted: bool = True,
) -> Snapshot:
    """The snapshot of one of these reports: the shared files, which stay as they are, and a manifest of its own."""
    files = made.files.copy()
    budget = (figures or {}).get("budget")
    told = Told(
        period, kind, made.days, refresh.data_to, made.seen, made.pages, made.folded, budget, PATH_MODELS, BASES, made.channels
    )
    files.put({"manifest": manifest_of(settings, told, files.sizes)})
    return Snapshot(files, is_hosted)


def history_of(settings: Mapping[str, Any], period: Period, refresh: Refresh) -> Days:
    """`report.history_days` days that end with the period or, if later, with the last whole day that the marts know; the period
    before the report's own is always among them."""
    last = max(period.last, local_day(refresh.data_to, settings["time_zone"]) - timedelta(days=1))
    first = last - timedelta(days=int(settings["report"].get("history_days", 400)) - 1)
    return Days(min(first, period.previous.first), last)


class _Maker:
    """One snapshot in the making."""

    def __init__(self, warehouse: Warehouse, settings: Mapping[str, Any], days: Days, scope: str) -> None:
        self._warehouse, self._settings, self._days = warehouse, settings, days
        self._names = Names(settings)
        answers = Answers({"channels": self._ask("channels")})
        kinds = kinds_of(answers)
        together = kinds.unnamed if is_together(settings) else frozenset()
        self._seen = seen_of(settings, scope, together)
        rows, most = self._ask("snapshot_places", most_places=MOST_PLACE_ROWS), MOST_PLACES
        while True:
            self._places = Places(rows, kinds, self._names, is_together=bool(together), seen=self._seen, most=most)
            if most < 2 or is_small(to_json(self._places.columns())):
                break
            most //= 2
        self._named = {row["channel"] for row in (*answers["channels"], *rows)}
        self._channels = () if self._seen.is_all else channels_of(self._seen, self._named)
        self._dims = Dims(CrmNames(settings), self._names.words)
        self._sizes = self._ask("snapshot_sizes")

    def made(self) -> Made:
        """All files but the manifest, window by window of days; what they share (places, descriptions, names) comes last."""
        files = Files()
        self._traffic(files)
        pages = self._requests(files)
        self._results(files)
        self._site(files)
        files.put({"places": to_json(self._places.columns()), "dims": to_json(self._dims.columns())})
        return Made(files, self._days, self._seen, pages, self._places.folded, self._named)

    def _traffic(self, files: Files) -> None:
        months = Months()
        for window in self._windows(MOST_ROWS, "visits", "spend"):
            add_traffic(months, self._ask("snapshot_traffic", window), self._places, self._days, self._seen)
            files.put(months.files(self._days, window))

    def _results(self, files: Files) -> None:
        """Basis by basis: a window's tables of one have a row a touch and model."""
        asked = (self._ask("snapshot_on_visit", window) for window in self._windows(MOST_ROWS, "requests"))
        on_visit = {row["request_id"] for rows in asked for row in rows}
        results = Results(PATH_MODELS, self._places, self._dims, self._days, self._seen, on_visit)
        for window in self._windows(MOST_TOUCH_ROWS, "touches", "requests"):
            self._requested(results, window)
            results.add("payment", self._ask("snapshot_payments", window))
            self._close(results, "payment", window)
            results.add("touch", self._ask("snapshot_credits", window, date_basis="touch"))
            self._close(results, "touch", window)
            files.put(results.files(window))

    def _requested(self, results: Results, window: Days) -> None:
        """Requests count on their own day under the payment basis, too."""
        asked = self._ask("snapshot_credits", window, date_basis="request")
        results.add("request", asked)
        self._close(results, "request", window)
        results.add("payment", asked, with_money=False)

    def _close(self, results: Results, basis: str, window: Days) -> None:
        if self._seen.is_all:
            results.add_no_source(basis, self._ask("snapshot_no_source", window, date_basis=basis))
        results.close(basis)

    def _site(self, files: Files) -> None:
        landings = Landings(self._ask("snapshot_landing_names", most_landings=MOST_LANDINGS))
        for window in self._windows(MOST_ROWS, "visits", "requests"):
            landings.add(self._ask("snapshot_landings", window), self._places, self._days, self._seen)
            files.put(landings.files(self._days, window))
        rows = self._ask("snapshot_sections", most_sections=MOST_SECTIONS, is_scoped=not self._seen.is_all)
        sections, of_days = section_files(rows, self._days, self._seen)
        files.put(of_days)
        folded = landings.folded if self._seen.is_all else 0
        files.put({"landings": landings_file(landings.names(), sections, folded)})

    def _requests(self, files: Files) -> list[dict[str, Any]]:
        """Puts the requests' pages; gives what the manifest tells of them."""
        left_out = {
            row["request_id"]: row["reason"] for window in self._left_out_windows() for row in self._ask("left_out", window)
        }
        maker = Requests(self._settings, PATH_MODELS, self._places, self._dims, self._days, self._seen, left_out)
        scoped: dict[str, Value] = {"is_scoped": not self._seen.is_all, "channels": self._channels}
        for window in reversed(self._windows(MOST_TOUCH_ROWS, "touches", "requests")):
            asked = Asked(
                self._ask("snapshot_requests", window),
                self._ask("snapshot_deals", window, most_deals=MOST_DEALS),
                self._ask("snapshot_paths", window, most_touches=MOST_TOUCHES, **scoped),
                () if self._seen.is_all else self._ask("snapshot_request_parts", window),
            )
            files.put(maker.add(asked))
        files.put(maker.close())
        return maker.listed

    def _left_out_windows(self) -> list[Days]:
        """Why visits are left out is known of the whole site alone."""
        return self._windows(MOST_ROWS, "requests") if self._seen.is_all else []

    def _windows(self, most: int, *counts: str) -> list[Days]:
        sizes = {row["day"]: sum(int(row[name]) for name in counts) for row in self._sizes}
        return list(self._days.windows(sizes, most))

    def _ask(self, question: str, window: Days | None = None, **more: Value) -> Sequence[Row]:
        asked = window or self._days
        lookback = int(self._settings["attribution"]["lookback_days"])
        values: dict[str, Value] = {
            "site_id": self._settings["site_id"],
            "lookback_days": lookback,
            "first_day": asked.first,
            "last_day": asked.last,
            "path_from": asked.first - timedelta(days=lookback + 1),
            "model": self._settings["attribution"]["default_model"],
            "time_zone": self._settings["time_zone"],
            **more,
        }
        return self._warehouse.rows(bind((SQL / f"{question}.sql").read_text("utf-8"), values))


def _most_wanted(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What of a snapshot stands in a page: everything, or of a big one the most wanted, with a manifest that names only that."""
    manifest: dict[str, Any] = orjson.loads(files["manifest"])
    sizes, model, pages = manifest["files"], manifest["model"], manifest["pages"]
    if sum(sizes.values()) <= MOST_INLINED:
        return dict(files)
    kept = {name: size for name, size in sizes.items() if not name.startswith("results-") or name.startswith(f"results-{model}-")}
    while sum(kept.values()) > MOST_INLINED and len(pages) > 1:
        del kept[pages.pop()["name"]]
    return {"manifest": to_json({**manifest, "files": kept}), **{name: files[name] for name in kept}}
