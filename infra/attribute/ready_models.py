"""What the models give the channels of ready paths (`ready`, infra/attribute/ready_paths.py).

The rule models need no more than how often each channel stands first, last and between in paths of each length, so they are sums
over coded channels. The other models are the marts' own SQL over the distinct paths, each as one request of one month.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from functions.attribution.markov import Transition, removal_effects
from functions.attribution.path_tables import REMOVAL_EFFECTS
from functions.attribution.statements import create_table, render, render_text
from infra.attribute.fit import cut, refuse_long_chains, work_of
from infra.attribute.options import MARKOV_MODELS, SITE
from infra.attribute.out import Brought
from infra.attribute.touches import DIRECT
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.models import FITTED_MODELS, MARKOV, RULE_MODELS
from shared.settings import SiteSettings
from shared.sql import literal
from shared.warehouse import Row

SQL = Path(__file__).parent / "sql"
Quota = tuple[str, float, float, float]  # channel, conversions, gains, losses (kopecks, not whole yet)


class Given(NamedTuple):
    """By (model, channel); `effects`: rows of `removal_effects`, None where no Markov model was asked for."""

    brought: dict[tuple[str, str], Brought]
    effects: list[Row] | None


class Totals(NamedTuple):
    """Of all paths; kopecks."""

    conversions: Decimal
    gains: int
    losses: int


def by_models(warehouse: DuckDbWarehouse, site: SiteSettings, models: Sequence[str]) -> Given:
    """All chosen models. BadInput when the Markov chain is too long."""
    totals = totals_of(warehouse)
    quotas = by_rules(warehouse, site, [model for model in models if model in RULE_MODELS])
    effects: dict[str, float] | None = None
    if set(models) - set(RULE_MODELS):
        count_paths(warehouse)
    if set(models) & set(MARKOV_MODELS):
        effects = by_chain(warehouse, site)
        quotas[MARKOV] = _by_share(effects, totals)
    if set(models) & set(FITTED_MODELS) or (MARKOV in models and not effects):
        quotas |= _by_paths(warehouse, site, effects or {})
    if not effects and "shapley" in quotas:  # where nothing was sold, no channel's absence can cost a sale
        quotas[MARKOV] = quotas["shapley"]
    given = {model: _in_kopecks(quotas.get(model, []), totals) for model in {*models, MARKOV}}
    brought = {(model, channel): got for model in models for channel, got in given[model].items()}
    return Given(brought, None if effects is None else _rows_of(effects, given[MARKOV], site.attribution.markov_order))


def totals_of(warehouse: DuckDbWarehouse) -> Totals:
    sums = "SELECT coalesce(sum(conversions), 0), coalesce(sum(gains), 0), coalesce(sum(losses), 0) FROM ready"
    return Totals(*warehouse.connection.execute(sums).fetchall()[0])


def by_rules(warehouse: DuckDbWarehouse, site: SiteSettings, models: Sequence[str]) -> dict[str, list[Quota]]:
    """The models that look at the place of a touch only."""
    if not models:
        return {}
    connection = warehouse.connection
    connection.execute(_text("ready_places"))
    text = work_of(warehouse, site).bind(render_text(_text("ready_rules")))
    quotas = _by_model(row.values() for row in warehouse.rows(text))
    if "last_non_direct" in models:
        direct = [
            row[0]
            for row in connection.execute(
                f"SELECT name FROM (SELECT unnest(enum_range(NULL::code))::varchar AS name) WHERE lower(name) IN {DIRECT}"
            ).fetchall()
        ]
        quotas["last_non_direct"] = quotas.get("last", [])
        if direct:
            rows = connection.execute(_text("ready_last_non_direct").replace("{direct}", literal(direct))).fetchall()
            quotas |= _by_model(rows)
    return quotas


def count_paths(warehouse: DuckDbWarehouse) -> None:
    """`ready` → path_counts, path_months and paths as the marts have them, all in one month."""
    for statement in _text("ready_counts").split(";\n"):
        warehouse.connection.execute(statement)
    warehouse.connection.execute(create_table(REMOVAL_EFFECTS, "duckdb", ""))


def by_chain(warehouse: DuckDbWarehouse, site: SiteSettings) -> dict[str, float]:
    """Channel → removal effect; empty where nothing was sold. Wants `count_paths` first."""
    text = work_of(warehouse, site).bind(render("transitions", scope="months_scope_all"))
    moves = [Transition(row["from_state"], row["outcome"], row["channel"], float(row["paths"])) for row in warehouse.rows(text)]
    refuse_long_chains([{"states": len({move.from_state for move in moves})}])
    return removal_effects(moves, site.attribution.markov_order)


def _by_share(effects: dict[str, float], totals: Totals) -> list[Quota]:
    whole = sum(effects.values())
    shares = {channel: effect / whole for channel, effect in effects.items()}
    return [
        (channel, float(totals.conversions) * share, totals.gains * share, totals.losses * share)
        for channel, share in shares.items()
    ]


def _rows_of(effects: dict[str, float], brought: dict[str, Brought], order: int) -> list[Row]:
    whole = sum(effects.values())
    return [
        {"channel": channel, "removal_effect": effect, "share": effect / whole, **brought[channel]._asdict(), "markov_order": order}
        for channel, effect in effects.items()
    ]


def _by_paths(warehouse: DuckDbWarehouse, site: SiteSettings, effects: dict[str, float]) -> dict[str, list[Quota]]:
    """The models of whole paths, by the marts' own SQL. A path with no count has the chance 0, as one that led to nothing."""
    warehouse.connection.execute("UPDATE path_counts SET nulls = 1 WHERE conversions + nulls = 0")
    if effects:
        lines = ", ".join(f"('{SITE}', 'all', {literal(channel)}, {literal(effect)})" for channel, effect in effects.items())
        warehouse.connection.execute(f"INSERT INTO removal_effects (site_id, month, channel, removal_effect) VALUES {lines}")
    shorter = work_of(warehouse, site).bind(render("shorter_paths", scope="months_scope_all"))
    warehouse.start(f"CREATE TABLE shorter_paths AS {shorter}")
    text = render_text(_text("ready_fitted"), scope="requests_scope_all")
    return _by_model(row.values() for row in warehouse.rows(work_of(warehouse, site).bind(text)))


def _by_model(rows: Iterable[Any]) -> dict[str, list[Quota]]:
    quotas: dict[str, list[Quota]] = {}
    for model, channel, conversions, gains, losses in rows:
        quotas.setdefault(model, []).append((channel, conversions, gains, losses))
    return quotas


def _in_kopecks(quotas: Sequence[Quota], totals: Totals) -> dict[str, Brought]:
    """Money in whole kopecks that add up to the paths' own; ties go to the channel whose name comes first."""
    ordered = sorted(quotas)
    gains = _cut(totals.gains, [quota[2] for quota in ordered])
    losses = _cut(totals.losses, [-quota[3] for quota in ordered])
    return {quota[0]: Brought(quota[1], gain + loss) for quota, gain, loss in zip(ordered, gains, losses, strict=True)}


def _cut(kopecks: int, quotas: list[float]) -> list[Decimal]:
    return cut(kopecks, quotas) if kopecks and quotas else [Decimal("0.00")] * len(quotas)


def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
