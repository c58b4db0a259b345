"""Raw records → what checks want to know of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from shared.hosts import plain_host

_MOST_DAYS = 366  # of one cost line's period
Record = Mapping[str, Any]


def stages_of(records: Iterable[Record]) -> dict[tuple[str, str, str], int]:
    """Deal states by CRM, pipeline and stage, both as the CRM names them."""
    found: Counter[tuple[str, str, str]] = Counter()
    for one in records:
        if one.get("stage") and not one.get("is_deleted"):
            found[(str(one.get("provider") or ""), str(one.get("pipeline") or ""), str(one["stage"]))] += 1
    return dict(found)


def page_hosts_of(records: Iterable[Record]) -> Counter[str]:
    """Hosts of the pages that hits came from."""
    return Counter(plain_host(str(one["page_host"])) for one in records if one.get("page_host"))


def networks_of(records: Iterable[Record]) -> Counter[str]:
    """Visitors by masked address. Hits of the site's own people are left out: an office is one address."""
    seen = {(one.get("ip_masked"), one.get("visitor_id")) for one in records if not one.get("is_own") and not one.get("is_test")}
    return Counter(str(network) for network, visitor in seen if network and visitor)


def cost_days_of(records: Iterable[Record]) -> tuple[dict[str, frozenset[date]], dict[str, frozenset[date]]]:
    """Days with spend by ad account, and days that an import covered, with or without spend."""
    spent: dict[str, set[date]] = {}
    covered: dict[str, set[date]] = {}
    for one in records:
        account = str(one.get("account") or "")
        if not account or not one.get("day"):
            continue
        days = _days(one)
        covered.setdefault(account, set()).update(days)
        if not one.get("is_scope_mark") and float(one.get("cost") or 0) > 0:
            spent.setdefault(account, set()).update(days)
    return _frozen(spent), _frozen(covered)


def _days(record: Record) -> list[date]:
    first = _day(record["day"])
    last = _day(record["last_day"]) if record.get("last_day") else first
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, _MOST_DAYS))]


def _day(told: object) -> date:
    return told if isinstance(told, date) else date.fromisoformat(str(told)[:10])


def _frozen(days: Mapping[str, set[date]]) -> dict[str, frozenset[date]]:
    return {account: frozenset(those) for account, those in days.items()}
