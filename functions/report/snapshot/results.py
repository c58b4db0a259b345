"""Traffic and results as tables of days and places, window by window of days: a file a month, of results one for every model and
date basis. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from functions.report.snapshot.build import RESULTS, TRAFFIC, Days, Months, Table, kopecks, micros, month_of, weight
from functions.report.snapshot.dims import Dims
from functions.report.snapshot.places import Places
from functions.report.snapshot.scope import Seen
from shared.warehouse import Row

Files = dict[str, bytes]


def add_traffic(months: Months, rows: Iterable[Row], places: Places, days: Days, seen: Seen) -> None:
    """`traffic-YYYY-MM`: the rows of snapshot_traffic.sql for the next window of days."""
    tables: dict[str, Table] = {}
    for row in rows:
        if not seen.has(row["channel"]):
            continue
        counts = [int(row[name] or 0) for name in ("visits", "clicks", "impressions")]
        table = tables.setdefault(month_of(row["day"]), Table(TRAFFIC, 2))
        table.add((days.place(row["day"]), places.place(row)), [*counts, micros(row["cost"])])
    months.add_tables("traffic", tables)


class Results:
    """`results-{model}-{basis}-YYYY-MM`, by the rules of results.sql and no_source.sql: a touch's part of a
    request counts where the request does, its part of sales and money always; each part of money has a cost price or has none."""

    def __init__(
        self, models: Sequence[str], places: Places, dims: Dims, days: Days, seen: Seen, on_visit: Collection[str]
    ) -> None:
        """`on_visit`: ids of the counted requests that were made during a visit."""
        self._on_visit = on_visit
        self._places, self._dims, self._days, self._seen = places, dims, days, seen
        # Names of a model's columns in the answers, made once: there are millions of cells.
        self._columns = {model: (f"{model}_weight", f"{model}_revenue", f"{model}_gross_profit") for model in models}
        self._tables: dict[tuple[str, str, str], Table] = {}
        self._months = Months()

    def add(self, basis: str, rows: Iterable[Row], *, with_money: bool = True) -> None:
        """Rows of snapshot_credits.sql or snapshot_payments.sql. Without money: requests and qualified ones alone."""
        for row in rows:
            if not self._seen.has(row["channel"]):
                continue
            month, key = month_of(row["day"]), (self._days.place(row["day"]), self._places.place(row), self._dims.number(row))
            counted, qualified, sales, again = row["counted"], row["qualified"], row["sales"], row["repeat_sales"]
            came = counted if row["request_id"] in self._on_visit else 0
            for model, (weighed, earned, gained) in self._columns.items():
                part, revenue, profit = row[weighed] or 0.0, row[earned], row[gained]
                if not part and not revenue and not profit:
                    continue
                if with_money:
                    sums = [part * counted, part * qualified, part * sales, part * again, part * came, *_money(revenue, profit)]
                elif counted or qualified:
                    sums = [part * counted, part * qualified, 0, 0, part * came, 0, None, 0, 0]
                else:
                    continue
                self._table(model, basis, month).add(key, sums)

    def add_no_source(self, basis: str, rows: Iterable[Row]) -> None:
        """Rows of snapshot_no_source.sql, which are the same under every model. A scoped reader gets none."""
        for row in rows if self._seen.is_all else ():
            key = (self._days.place(row["day"]), self._places.no_source(row["reason"]), self._dims.number(row))
            for model in self._columns:
                self._table(model, basis, month_of(row["day"])).add(key, _result(row, row["request_id"] in self._on_visit))

    def close(self, basis: str) -> None:
        """What was added of a basis is all of its window: it is kept as JSON."""
        for key in [key for key in self._tables if key[1] == basis]:
            model, _, month = key
            self._months.add(f"results-{model}-{basis}", month, self._tables.pop(key).columns())

    def files(self, window: Days) -> Files:
        """The months that are over with that window."""
        return self._months.files(self._days, window)

    def _table(self, model: str, basis: str, month: str) -> Table:
        key = (model, basis, month)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = Table(RESULTS, 3)
        return found


def _money(revenue: Decimal | None, profit: Decimal | None) -> tuple[int, int | None, int, int]:
    """Revenue, profit, and whether that is a part of money with a cost price or without one."""
    if not revenue:
        return 0, kopecks(profit), 0, 0
    return kopecks(revenue) or 0, kopecks(profit), int(profit is not None), int(profit is None)


def _result(row: Row, is_on_visit: bool) -> list[Any]:
    return [
        *(weight(row[name]) for name in ("requests", "qualified", "sales", "repeat_sales")),
        weight(row["requests"]) if is_on_visit else 0,
        kopecks(row["revenue"] or 0),
        kopecks(row["gross_profit"]),
        int(row["priced_parts"]),
        int(row["unpriced_parts"]),
    ]
