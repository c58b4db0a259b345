"""Each report is made once a tick, for all readers who share it: the same period, scope and language. What lets its page show other
periods is the same for a day's, a week's and a month's, but for the manifest: it is made once for them.

A question that fails fails the report: nobody gets a part of the figures as if it were the whole. What stands beside the figures
(chart, workbook, the page's other periods) is named in the report where it could not be made.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.report.delivery.due import Kind
from functions.report.delivery.scope import SPLIT, channels_of, of_scope, scoped, seen_in, settings_of_scope, with_deals
from functions.report.delivery.whole import missing_days
from functions.report.extras import Extras, extras_of
from functions.report.figures import ADDITIVE, Figures, build
from functions.report.marts.questions import Answers, Period, ask
from functions.report.own.asking import Asking
from functions.report.own.section import own_sections_of
from functions.report.render import APP
from functions.report.snapshot.build import Days
from functions.report.snapshot.snapshot import Made, history_of, made_of, packed, snapshot_from
from functions.report.store import Refresh
from shared.log import count, logger
from shared.warehouse import Warehouse

MOST_KEPT_BYTES = 60_000_000  # of packed files that reports share, besides those in use


class Wanted(NamedTuple):
    """What tells one report from another; readers who want the same share it."""

    kind: Kind
    period: Period
    scope: str
    language: str


class Report(NamedTuple):
    """One report. `settings` are those it is shown with: its readers' language, and what their scope sees. `snapshot` is what the
    page's app works on (None: the page is static), `data` its files as they are stored, gzip by name."""

    wanted: Wanted
    settings: Mapping[str, Any]
    figures: Figures
    extras: Extras
    snapshot: Any = None
    data: Mapping[str, bytes] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell: no visit, no spend, no request and no money in the period nor in the one before."""
        told = (self.figures["totals"], self.figures["previous"]["totals"])
        return not self.figures["deals"] and not any(totals[name] for totals in told for name in ADDITIVE)


class Maker:
    """Makes one site's reports of one refresh."""

    def __init__(self, warehouse: Warehouse, settings: Mapping[str, Any], refresh: Refresh) -> None:
        self._warehouse, self._settings, self._refresh = warehouse, settings, refresh
        self._answers: dict[Period, tuple[Answers, Answers]] = {}
        self._shared: dict[tuple[str, str, Days], Made] = {}
        self._own = Asking()

    def make(self, wanted: Wanted) -> Report:
        """The report. WarehouseError when a question fails; BadInput for a scope that the settings do not know."""
        settings = in_language(self._settings, wanted.language)
        figures, settings = self._figures(settings, wanted)
        extras = extras_of(figures, settings, own_sections_of(self._warehouse, settings, wanted.period, self._own))
        snapshot, data = self._snapshot(settings, wanted, figures)
        if snapshot is None:
            extras = extras._replace(failed=(*extras.failed, "snapshot"))
        report = Report(wanted, settings, figures, extras, snapshot, data)
        if wanted.scope and report.is_empty:
            self._tell_empty(wanted)
        return report

    def _figures(self, settings: Mapping[str, Any], wanted: Wanted) -> tuple[Figures, Mapping[str, Any]]:
        period, read = wanted.period, self._refresh
        answers, previous = self._asked(period)
        if wanted.scope:
            seen = seen_in(settings, wanted.scope, answers)
            channels = channels_of(seen, answers, previous)
            settings = settings_of_scope(settings, seen, channels)
            answers, previous = scoped(answers, seen), scoped(previous, seen)
            answers = with_deals(self._warehouse, settings, period, answers, channels)
        figures = build(settings, period, answers, previous, read.data_to, refreshed_at=read.completed_at)
        figures["kind"] = wanted.kind
        figures["missing_days"] = missing_days(settings, period, read)
        return (of_scope(figures, wanted.scope) if wanted.scope else figures), settings

    def _asked(self, period: Period) -> tuple[Answers, Answers]:
        if period not in self._answers:
            self._answers[period] = ask(self._warehouse, self._settings, period)
        return self._answers[period]

    def _snapshot(self, settings: Mapping[str, Any], wanted: Wanted, figures: Figures) -> tuple[Any, Mapping[str, bytes]]:
        """What lets the page show other periods. Without it the page is the report of its own period."""
        try:
            # By the site's own settings: a scope's are cut already, and the snapshot judges channels itself.
            own = in_language(self._settings, wanted.language)
            shown = {**own, "report": {**own["report"], **_shown(settings)}}
            made = self._made(shown, wanted)
            snapshot = snapshot_from(made, shown, wanted.period, wanted.kind, self._refresh, figures)
            return snapshot, {**packed(snapshot), "app.js": gzip.compress(APP.read_bytes(), mtime=0)}
        except Exception:
            logger().exception("a section of the report failed", extra={"site_id": settings["site_id"], "section": "snapshot"})
            count({"ReportSectionFailed": 1}, Section="snapshot")
            return None, {}

    def _made(self, settings: Mapping[str, Any], wanted: Wanted) -> Made:
        """What the snapshots of a scope, language and history share; the latest of them are kept for other reports."""
        days = history_of(settings, wanted.period, self._refresh)
        key = (wanted.scope, wanted.language, days)
        made = self._shared.pop(key, None) or made_of(self._warehouse, settings, days, wanted.scope)
        self._shared[key] = made
        while len(self._shared) > 1 and sum(one.files.packed_bytes for one in self._shared.values()) > MOST_KEPT_BYTES:
            del self._shared[next(iter(self._shared))]
        return made

    def _tell_empty(self, wanted: Wanted) -> None:
        """Who runs the site should know before its reader asks: where the site has data, the scope's channels are most likely
        misspelt, or are named otherwise now."""
        whole = self._answers[wanted.period]
        if any(answers[question] for answers in whole for question in SPLIT):
            lost = {"site_id": self._settings["site_id"], "scope": wanted.scope}
            logger().warning("a scope's report has no data although the site has; see report.scopes and skvoz doctor", extra=lost)
            count({"ReportScopeEmpty": 1})


def in_language(settings: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """The settings as a reader of that language has them."""
    return {**settings, "report": {**settings["report"], "language": language}}


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings["report"].get(name, []) for name in ("sections", "plan")}
