"""Small marts on DuckDB for the tests of the report's questions: rows put in by hand, only the columns that matter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from functions.attribution.tables import MARTS
from functions.attribution.working_tables import DEAL_STATES
from functions.report.figures import Figures, build
from functions.report.marts.questions import ask
from infra.warehouse.duckdb import DuckDbWarehouse
from shared.sql import literal
from tests.report_cases import DATA_TO, PERIOD, settings_of

DAY = date(2026, 10, 1)
BEFORE = date(2026, 9, 1)
YANDEX = {"channel": "Yandex Direct", "source": "yandex", "medium": "cpc", "campaign": "kuhni"}
SEARCH = {"channel": "Organic search", "source": "google", "medium": "organic"}


class SmallMarts:
    """Marts of one test; `add` fills only the columns that matter."""

    def __init__(self, root: Path) -> None:
        self.warehouse = DuckDbWarehouse(root)
        for table in (*MARTS, DEAL_STATES):  # the report looks into how long deals stood at their stages
            columns = ", ".join(f"{c.name} {c.type}" for c in table.columns)
            self.warehouse.connection.execute(f"CREATE TABLE {table.name} ({columns})")

    def add(self, table: str, **values: Any) -> None:
        row = {"site_id": "kvartal", "refresh_id": "r1", **values}
        cells = ", ".join(literal(value) for value in row.values())
        self.warehouse.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({cells})")

    def request(self, request_id: str, *, day: date = DAY, credits: Mapping[str, Any] | None = None, **values: Any) -> None:
        """A counted request, credited by shares: `credits` maps a model to (source, weight, revenue, gross profit) rows."""
        row = {"is_counted": True, "is_qualified": True, "sales": 0, "revenue": Decimal("0.00"), **values}
        self.add("requests", request_id=request_id, day=day, **row)
        for model, parts in (credits or {}).items():
            for number, (source, weight, revenue, profit) in enumerate(parts):
                money = {"revenue": Decimal(revenue), "gross_profit": None if profit is None else Decimal(profit)}
                key = {"request_id": request_id, "model": model, "touch_id": f"{request_id}-{number}", "day": day}
                self.add("credits", **key, **source, weight=weight, **money)

    def figures(self, **changes: Any) -> Figures:
        settings = settings_of(**changes)
        return build(settings, PERIOD, *ask(self.warehouse, settings, PERIOD), DATA_TO)
