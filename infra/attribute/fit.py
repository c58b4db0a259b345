"""The marts' own steps on tables in memory, for one run over all of it."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from functions.attribution.markov import MOST_STATES
from functions.attribution.path_steps import ALL_AT_ONCE, BY_MONTH, path_steps
from functions.attribution.work import Work
from infra.attribute.options import Options
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.errors import BadInput
from shared.models import FITTED_MODELS, RULE_MODELS
from shared.money import largest_remainder, to_kopecks
from shared.settings import SiteSettings
from shared.warehouse import Row

_STATES = (
    """SELECT month, count(DISTINCT from_state) AS states FROM transitions GROUP BY month ORDER BY states DESC, month LIMIT 1"""
)
_SPLIT = """SELECT e.month, e.channel, e.removal_effect, e.share, e.markov_order, t.conversions, t.revenue
FROM removal_effects AS e
INNER JOIN (
    SELECT p.month, count(*) AS conversions, sum(m.amount) AS revenue
    FROM paths AS p
    INNER JOIN money_events AS m ON m.request_id = p.request_id
    WHERE p.position = 1
    GROUP BY p.month
) AS t ON t.month = e.month
ORDER BY e.month, e.channel"""


def work_of(warehouse: DuckDbWarehouse, site: SiteSettings) -> Work:
    """A run that makes everything anew."""
    return Work(warehouse, site, refresh_id="attribute", since="", first_arrival="", last_arrival="")


def run_steps(warehouse: DuckDbWarehouse, site: SiteSettings, fit: str, names: Collection[str]) -> None:
    """The steps of that name, in the order of a refresh."""
    work = work_of(warehouse, site)
    for step in path_steps(BY_MONTH if fit == "month" else ALL_AT_ONCE):
        if step.name in names:
            for part in step.plan(work):
                warehouse.start(step.statement(work, part))


def make_credits(warehouse: DuckDbWarehouse, options: Options) -> None:
    """Tables `paths` and `visitor_paths` → `credits` of the chosen models, and `removal_effects` where one of them needs them."""
    needed = {"path_counts", "path_months"}
    if set(options.models) & set(RULE_MODELS):
        needed.add("credits")
    if set(options.models) & set(FITTED_MODELS):
        needed |= {"shorter_paths", "credits_fitted"}
    if options.needs_chain:
        run_steps(warehouse, options.site, options.fit, {"path_counts", "path_months", "transitions"})
        refuse_long_chains(warehouse.rows(_STATES))
        needed = needed - {"path_counts", "path_months"} | {"removal_effects"}
    run_steps(warehouse, options.site, options.fit, needed)
    warehouse.connection.execute("DELETE FROM credits WHERE model NOT IN (SELECT unnest(?))", [list(options.models)])


def refuse_long_chains(months: Collection[Row]) -> None:
    """BadInput where a chain has more states than are solved exactly: a refresh goes on with a shorter memory, here it is said."""
    for month in months:
        if month["states"] > MOST_STATES:
            raise BadInput(
                f"the Markov chain has {month['states']} states, at most {MOST_STATES} are solved: choose a lower --markov-order, "
                "join rare channels, or leave out the models markov and markov_path"
            )


def split_by_effects(warehouse: DuckDbWarehouse) -> list[Row]:
    """Rows of `removal_effects` with the conversions and the revenue that the model markov gives each channel of each fit.

    Every conversion is a sale here, so each month that has any has its effects.
    """
    rows = warehouse.rows(_SPLIT)
    months = sorted({row["month"] for row in rows})
    return [row for month in months for row in _split([row for row in rows if row["month"] == month])]


def _split(rows: list[Row]) -> list[Row]:
    parts = cut(to_kopecks(rows[0]["revenue"]), [row["share"] for row in rows])
    return [
        {**row, "conversions": row["conversions"] * row["share"], "revenue": part} for row, part in zip(rows, parts, strict=True)
    ]


def cut(kopecks: int, quotas: list[float]) -> list[Decimal]:
    """Roubles in proportion to `quotas` (0 or more, not all 0), in whole kopecks that add up to the total."""
    exact = [Decimal(quota) for quota in quotas]
    total = sum(exact)
    return [Decimal(part).scaleb(-2) for part in largest_remainder(kopecks, [quota / total for quota in exact])]
