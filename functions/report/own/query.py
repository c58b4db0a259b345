"""What an engine is asked for a customer's section: his SELECT over his own site's rows of the marts, and no more rows than are
shown.

Each table that he names is put before his query as a WITH of the same name that holds the site's rows alone. Inside such a WITH its
own name still means the mart, in Athena, Trino and DuckDB alike (tests/proof/test_bi_trino.py), and everywhere after it the WITH.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.questions import Period
from functions.report.own.reading import MOST_ROWS, read_select
from shared.errors import BadInput
from shared.sql import Value, bind

VIEWS = (
    "bi_dim_site", "bi_dim_date", "bi_dim_source", "bi_dim_model", "bi_dim_deal", "bi_dim_customer", "bi_fact_visits",
    "bi_fact_costs", "bi_fact_requests", "bi_fact_money", "bi_fact_calls", "bi_fact_credits", "bi_fact_credited_money",
)  # fmt: skip
MARTS = (
    "hits", "sources", "excluded_visitors", "sessions", "persons", "requests", "calls", "leases", "deals", "money_events", "costs",
    "paths", "removal_effects", "credits", "credit_money", "person_sources", "customers", "daily_figures", "restatements",
    "touches",
)  # fmt: skip
TABLES = frozenset((*VIEWS, *MARTS))
PARAMETERS = ("site_id", "first_day", "last_day", "model", "language")


def query_of(sql: str, values: Mapping[str, Value]) -> str:
    """The statement. It asks for one row more than is shown, so that a cut list says so. BadInput for a query that is not taken."""
    select = read_select(sql, TABLES)
    given = [f"{name} AS (SELECT * FROM {name} WHERE site_id = :site_id)" for name in select.reads]  # noqa: S608 (our own names)
    lists = ", ".join([*given, *([select.own] if select.own else [])])
    limit = "" if select.limit is not None else f"\nLIMIT {MOST_ROWS + 1}"
    try:
        return bind(f"{f'WITH {lists} ' if lists else ''}{select.main}{limit}", values)
    except KeyError as error:
        raise BadInput(f"there is no parameter :{error.args[0]}; there are :{', :'.join(PARAMETERS)}") from None


def values_of(settings: Mapping[str, Any], period: Period) -> dict[str, Value]:
    """The parameters of a report."""
    return {
        "site_id": settings["site_id"],
        "first_day": period.first,
        "last_day": period.last,
        "model": settings["attribution"]["default_model"],
        "language": settings["report"]["language"],
    }
