"""Requests with their deals and paths, in pages of at most 1,000, the newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from functions.report.marts.crm_names import CrmNames
from functions.report.snapshot.build import REQUESTS, Days, is_small, kopecks, month_of, to_json, weight
from functions.report.snapshot.dims import Dims
from functions.report.snapshot.places import Places
from functions.report.snapshot.scope import Seen
from functions.report.view.deals import status_text
from functions.report.view.formats import clean
from functions.report.view.left_out import left_out_name
from shared.warehouse import Row

PAGE = 1000
MOST_ID = 200
MOST_NAME = 60
WHOLE = 1 - 1e-6
OWN_SOURCE, SIGNIFICANT = 1, 2  # marks of a touch: the request names its source itself; it may win in the model last_significant
Record = dict[str, Any]


class Told(NamedTuple):
    """The answers about some requests: `requests`, `deals`, `paths`, and of a scoped reader `parts` of their credit."""

    requests: Sequence[Row]
    deals: Iterable[Row]
    paths: Iterable[Row]
    parts: Iterable[Row] = ()


class Requests:
    """Makes pages of requests for one reader, window by window of days, newest first. `listed`: what the manifest tells of each
    page, in that order."""

    def __init__(
        self, settings: Mapping[str, Any], models: Sequence[str], places: Places, dims: Dims, days: Days, seen: Seen,
        left_out: Mapping[str, str],
    ) -> None:  # fmt: skip
        """`left_out`: request → why the visits that led to it are not counted."""
        self._left_out = left_out
        self._zone, self._currency = ZoneInfo(settings["time_zone"]), settings["currency"]
        self._models, self._places, self._dims, self._days, self._seen = models, places, dims, days, seen
        self._crm, self._words = CrmNames(settings), dims.words
        self._month, self._number, self._open = "", 0, list[Record]()
        self.listed: list[Record] = []

    def add(self, told: Told) -> dict[str, bytes]:
        """Files of the pages that are full with these requests, which are older than all before. What is left waits for more of its
        month."""
        deals, paths = _by_request(told.deals), _by_request(told.paths)
        parts, files = self._parts(told.parts), dict[str, bytes]()
        for row in told.requests:
            part = parts.get(row["request_id"])
            if not self._seen.is_all and (part is None or part["weight"] <= 0):
                continue
            if (month := month_of(row["day"])) != self._month:
                files |= self.close()
                self._month, self._number = month, 0
            self._open.append(self._record(row, deals.get(row["request_id"], []), paths.get(row["request_id"], []), part))
            if len(self._open) == PAGE:
                files |= self.close()
        return files

    def close(self) -> dict[str, bytes]:
        """Files of the requests that wait."""
        records, self._open = self._open, []
        files: dict[str, bytes] = {}
        for body, held in _bodies(records) if records else ():
            name, days = f"requests-{self._month}-{self._number}", [record["day"] for record in held]
            self.listed.append({"name": name, "from": min(days), "to": max(days), "rows": len(held)})
            files[name] = body
            self._number += 1
        return files

    def _parts(self, rows: Iterable[Row]) -> dict[str, Record]:
        """What the reader's channels have of each request."""
        found: dict[str, Record] = {}
        for row in rows:
            if not self._seen.has(row["channel"]):
                continue
            part = found.setdefault(row["request_id"], {"weight": 0.0, "sales": 0.0, "revenue": None, "gross_profit": None})
            for name in part:
                if row[name] is not None:
                    part[name] = row[name] if part[name] is None else part[name] + row[name]
        return found

    def _record(self, row: Row, deals: Sequence[Row], path: Sequence[Row], part: Record | None) -> Record:
        first: Mapping[str, Any] = deals[0] if deals else {}
        provider = str(first.get("deal_id", "")).partition(":")[0]
        money = row if part is None else part
        is_whole = part is None or part["weight"] >= WHOLE
        described = {**{name: first.get(name) for name in ("pipeline", "manager", "branch", "product")}, "provider": provider}
        lost = next((deal for deal in deals if deal["meaning"] == "lost"), first)
        return {
            "id": clean(row["request_id"], MOST_ID),
            "day": self._days.place(row["day"]),
            "at": self._minute(row["created_at"]),
            "contact": self._dims.contact(row["contact_channel"]),
            "dim": self._dims.number({**described, "contact_channel": row["contact_channel"]}),
            "counted": int(bool(row["is_counted"])),
            "qualified": int(bool(row["is_qualified"])),
            "disqualified": int(bool(row["is_disqualified"])),
            "sales": weight(money["sales"]),
            "revenue": kopecks(money["revenue"]) or 0,
            "profit": kopecks(money["gross_profit"]),
            "deals": [self._deal(deal, is_whole) for deal in deals],
            "order": clean(first.get("order_id") or "", MOST_NAME),
            "loss_reason": clean(self._crm.of(provider, "loss_reasons", row["loss_reason"] or ""), MOST_NAME),
            "loss_group": clean(lost.get("loss_group") or "", MOST_NAME),
            "match": clean(first.get("match_method") or "", MOST_NAME),
            "reason": "" if path else row["no_source_reason"] or "not_determined",
            "left_out": self._left_out_text(row["request_id"]) if not path else "",
            "communications": _sum([deal["communications"] for deal in deals]),
            "receivable": self._receivable(deals) if is_whole else None,
            "path_length": int(path[0]["path_length"]) if path else 0,
            "source": [self._touch(touch) for touch in path],
        }

    def _left_out_text(self, request_id: str) -> str:
        reason = self._left_out.get(request_id)
        return left_out_name(reason, self._words) if reason else ""

    def _deal(self, deal: Row, is_whole: bool) -> Record:
        provider = str(deal["deal_id"]).partition(":")[0]
        told = {"stage": self._crm.of(provider, "stages", deal["stage"] or ""), "meaning": deal["meaning"] or ""}
        return {
            "id": clean(deal["deal_id"], MOST_ID),
            "pipeline": clean(self._crm.of(provider, "pipelines", deal["pipeline"] or ""), MOST_NAME),
            "stage": clean(told["stage"], MOST_NAME),
            "meaning": clean(told["meaning"], MOST_NAME),
            "status": status_text(told, self._words),
            "amount": kopecks(deal["amount"]) if is_whole else None,
            "currency": clean(deal["currency"] or "", 10),
            "sale_day": self._days.place(deal["sale_day"]) if deal["sale_day"] else None,
            "manager": clean(self._crm.of(provider, "managers", deal["manager"] or ""), MOST_NAME),
        }

    def _touch(self, touch: Row) -> list[Any]:
        weights = [weight(touch[f"{model}_weight"]) for model in self._models]
        marks = OWN_SOURCE * bool(touch["is_own"]) + SIGNIFICANT * bool(touch["is_significant"])
        return [self._places.place(touch), self._minute(touch["touched_at"]), weights, int(touch["position"]), marks]

    def _receivable(self, deals: Sequence[Row]) -> int | None:
        """In the site's currency; what is owed in another one is not added."""
        own = [deal["receivable"] for deal in deals if (deal["currency"] or self._currency) == self._currency]
        return kopecks(_sum(own))

    def _minute(self, at: datetime | None) -> str:
        return "" if at is None else at.astimezone(self._zone).replace(tzinfo=None).isoformat(timespec="minutes")


def _bodies(records: Sequence[Record]) -> list[tuple[bytes, Sequence[Record]]]:
    """A page as JSON columns; two, where one would be too big."""
    body = to_json({name: [record[name] for record in records] for name in REQUESTS})
    if len(records) == 1 or is_small(body):
        return [(body, records)]
    half = len(records) // 2
    return [*_bodies(records[:half]), *_bodies(records[half:])]


def _by_request(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["request_id"], []).append(row)
    return found


def _sum(values: Sequence[Any]) -> Any:
    told = [value for value in values if value is not None]
    return sum(told) if told else None
