"""Where deals stand, and how long: the backlog of unsorted ones, stages, pipelines apart, what is invoiced and not paid. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from functions.report.marts.crm_names import CrmNames
from functions.report.marts.questions import SLOW_TIMES, Answers
from functions.report.marts.ratios import divide
from shared.warehouse import Row

DAY = 86_400
LEAST_STAYS = 5  # fewer finished stays tell nothing of the usual
LEAST_DAYS = 1.0  # a stage of minutes is not slow after an hour
Standing = dict[str, Any]


def stages_of(answers: Answers, names: CrmNames) -> list[Standing]:
    """Stages at which open deals stand by the end of the period's last day, most deals first. Days are unrounded; `usual_days` is
    the mean of the stays that are over, None where fewer than five are."""
    rows = [_stage(row, names) for row in answers["stages_standing"]]
    return sorted(rows, key=lambda row: (-row["deals"], row["pipeline"], row["stage"]))


def unsorted_of(answers: Answers, names: CrmNames) -> Standing:
    """Deals that nobody has sorted yet, to date; the stage that has the oldest comes first."""
    places = [
        {**_place(row, names), "deals": int(row["unsorted"]), "oldest_days": int(row["oldest_seconds"]) / DAY}
        for row in answers["stages_standing"]
        if row["unsorted"]
    ]
    places.sort(key=lambda place: (-place["oldest_days"], place["pipeline"], place["stage"]))
    return {
        "deals": sum(place["deals"] for place in places),
        "oldest_days": places[0]["oldest_days"] if places else None,
        "places": places,
    }


def apart_of(answers: Answers, names: CrmNames) -> list[Standing]:
    """Deals of the period in auxiliary and marketing pipelines, which are counted nowhere else."""
    rows = [
        {"pipeline": names.of(row["provider"], "pipelines", row["pipeline"]), "kind": row["kind"], "deals": int(row["deals"])}
        for row in answers["pipelines_apart"]
    ]
    return sorted(rows, key=lambda row: (-row["deals"], row["pipeline"], row["kind"]))


def receivables_of(rows: Iterable[Row]) -> list[Standing]:
    """Invoiced and not paid, of all deals to date, by currency."""
    told = [{"currency": row["currency"], "deals": int(row["deals"]), "amount": Decimal(row["amount"])} for row in rows]
    return sorted(told, key=lambda row: (-row["amount"], row["currency"]))


def new_sources_of(answers: Answers, names: CrmNames) -> Standing:
    """Sources of visits and of the CRM that were not seen in the 90 days before; `total` counts those that are not listed, too."""
    rows = answers["new_sources"]
    return {
        "total": max((int(row["sources_total"]) for row in rows), default=0),
        "sources": [
            {
                "kind": row["kind"],
                "channel": row["channel"],
                "source": names.of(row["provider"], "sources", row["source"]),
                "arrivals": int(row["arrivals"]),
            }
            for row in rows
        ],
    }


def _stage(row: Row, names: CrmNames) -> Standing:
    days = int(row["age_seconds"]) / int(row["deals"]) / DAY
    stays = int(row["stays"])
    usual = divide(int(row["stay_seconds"]), stays * DAY) if stays >= LEAST_STAYS else None
    return {
        **_place(row, names),
        "deals": int(row["deals"]),
        "days": days,
        "usual_days": usual,
        "stays": stays,
        "late": None if usual is None else int(row["late"]),
        "is_slow": usual is not None and days >= LEAST_DAYS and days > SLOW_TIMES * usual,
    }


def _place(row: Row, names: CrmNames) -> Standing:
    return {
        "pipeline": names.of(row["provider"], "pipelines", row["pipeline"]),
        "stage": names.of(row["provider"], "stages", row["stage"]),
    }
