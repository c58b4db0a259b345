"""Steps from the visits to the credits, for whom something changed: persons for paths, months for what leans on all their paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.attribution import path_tables
from functions.attribution.markov import Transition, bounded_effects
from functions.attribution.statements import merge, render, sql_text
from functions.attribution.table import Table
from functions.attribution.work import Part, Step, Work, scoped, whole
from shared.models import FITTED_MODELS, RULE_MODELS
from shared.settings import SiteSettings
from shared.sql import literal

# What is fitted together, as the expressions of paths.sql and visitor_paths.sql: each month by itself, or all there is.
BY_MONTH = {"month_of_request": "substr(CAST(day AS varchar), 1, 7)", "month_of_visit": "substr(CAST(last_day AS varchar), 1, 7)"}
MOST_BYTES = 150_000  # of removal effects in one statement: Athena takes 262,144 in all
_LAST = "~"  # behind every month
Row = tuple[str, str, float, float, int]  # month, channel, removal effect, share, order
_VISITORS = ("visitors_scope_all", "visitors_scope_changed")
_MONTHS = ("months_scope_all", "months_scope_changed")
ALL_AT_ONCE = {"month_of_request": "'all'", "month_of_visit": "'all'"}


def path_parts(site: SiteSettings) -> dict[str, str]:
    """The site's transforms as CTEs from `path` to `steps`, for paths.sql and visitor_paths.sql."""
    names: list[str] = [name for name in site.attribution.path_transforms if name != "unique"]
    names = names or ["none"]
    made = ["path", *(f"path_{number}" for number in range(1, len(names))), "steps"]
    texts = [
        sql_text(f"part_path_{name}").replace("{from}", before).replace("{to}", after)
        for name, before, after in zip(names, made[:-1], made[1:], strict=True)
    ]
    return {"path_to_steps": "\n".join(texts).rstrip().removesuffix(",")}


def _of_requests(name: str, table: Table, scope: str, models: Sequence[str] = (), **parts: str) -> Step:
    rows = f"model IN {literal(models)}" if models else "TRUE"
    return _scoped(name, table, ("requests_scope_all", f"requests_scope_{scope}"), "requests_old", rows, **parts)


def _scoped(name: str, table: Table, scopes: tuple[str, str], old: str, rows: str = "TRUE", **parts: str) -> Step:
    return scoped(name, table, scopes, old, rows, parts_of=lambda site: {**parts, **path_parts(site)})


def _removal_effects() -> Step:
    """The one figure that SQL does not make: the chain of each month is solved here, from the counts that SQL made."""
    table = path_tables.REMOVAL_EFFECTS

    def plan(work: Work) -> list[Part]:
        """Spans of the sorted rows, each small enough for one statement: from the place of a row to that of another."""
        starts, size = [""], 0
        for row in _solved(work, "", _LAST):
            length = len(_line(row).encode())
            size += length
            if size > max(MOST_BYTES, length):
                starts, size = [*starts, _place(row)], length
        return [{"begin": begin, "end": end} for begin, end in zip(starts, [*starts[1:], _LAST], strict=True)]

    def statement(work: Work, part: Part) -> str:
        begin, end = part["begin"], part["end"]
        found = _solved(work, begin.partition(" ")[0], end.partition(" ")[0])
        lines = ", ".join(_line(row) for row in found if begin <= _place(row) < end)
        told = f"(VALUES {lines}) AS v (month, channel, removal_effect, share, markov_order)" if lines else _NOTHING
        columns = ":site_id AS site_id, month, channel, removal_effect, share, markov_order, :refresh_id AS refresh_id"
        new = work.bind(f"SELECT {columns} FROM {told}")  # noqa: S608 (literals)
        within = {"rows": "t.month || ' ' || t.channel >= :begin AND t.month || ' ' || t.channel < :end"}
        old = work.bind(render("months_old", scope=_months(work), table=table.name, **within), begin=begin, end=end)
        return merge(table, new, old)

    return Step(table.name, plan, statement)


def _solved(work: Work, first_month: str, last_month: str) -> list[Row]:
    """Rows of the months to be solved between two of them, sorted; channels without an effect have none."""
    text = work.bind(render("transitions_counted", scope=_months(work)), first_month=first_month, last_month=last_month)
    by_month: dict[str, list[Transition]] = {}
    for row in work.warehouse.rows(text):
        moved = Transition(row["from_state"], row["outcome"], row["channel"], int(row["paths"]))
        by_month.setdefault(row["month"], []).append(moved)
    solved: list[Row] = []
    for month, moves in sorted(by_month.items()):
        effects, order = bounded_effects(moves, work.site.attribution.markov_order)
        total = sum(effects.values())
        solved += [(month, channel, effect, effect / total, order) for channel, effect in effects.items() if effect > 0]
    return solved


def _line(row: Row) -> str:
    return f"({', '.join(literal(value) for value in row)})"


def _months(work: Work) -> str:
    return _MONTHS[0 if work.is_full else 1]


def _place(row: Row) -> str:
    """Where a row stands among all: its month and channel, as SQL compares them too."""
    return f"{row[0]} {row[1]}"


_NOTHING = (
    "(SELECT CAST(NULL AS varchar) AS month, CAST(NULL AS varchar) AS channel, CAST(NULL AS double) AS removal_effect, "
    "CAST(NULL AS double) AS share, CAST(NULL AS bigint) AS markov_order) AS v WHERE FALSE"
)


def path_steps(months: Mapping[str, str] = BY_MONTH) -> tuple[Step, ...]:
    """The steps in their order. `months`: what one fit of the month models covers."""
    return (
        whole(path_tables.PERSON_INPUTS),
        _scoped("visitor_paths", path_tables.VISITOR_PATHS, _VISITORS, "visitor_paths_old", **months),
        _of_requests("paths", path_tables.PATHS, "touched", **months),
        whole(path_tables.PATH_COUNTS),
        whole(path_tables.PATH_MONTHS),
        _scoped("transitions", path_tables.TRANSITIONS, _MONTHS, "months_old"),
        _removal_effects(),
        _scoped("shorter_paths", path_tables.SHORTER_PATHS, _MONTHS, "months_old"),
        _of_requests("credits", path_tables.CREDITS, "touched", RULE_MODELS, weights="part_rule_weights"),
        _of_requests("credits_fitted", path_tables.CREDITS, "fitted", FITTED_MODELS, weights="part_fitted_weights"),
        _of_requests("credit_money", path_tables.CREDIT_MONEY, "fitted"),
    )


PATH_STEPS = path_steps()
