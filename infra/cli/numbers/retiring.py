"""`skvoz numbers retire`: a number leaves its pool without losing its history."""

from __future__ import annotations

from functions.numberpool.choice import is_live
from infra.cli.numbers import table as at
from infra.cli.numbers.table import Pool, TableName, key, operation
from shared.errors import BadInput
from shared.leases import POOL, pool_key


def retire(site: str, number: str, table: TableName, pool: Pool = POOL) -> None:
    """Lease a number to nobody any more. A lease that lives runs out, and calls are still resolved by the history."""
    at.check_names(site, pool)
    (phone,), store, now = at.phones_of([number]), at.store_of(table), at.now_millis()
    retired, values = "SET retired_at = if_not_exists(retired_at, :now)", at.number(":now", now)
    mine = {**values, ":site": {"S": site}, ":pool": {"S": pool}}
    is_mine = {"ConditionExpression": "site_id = :site AND #pool = :pool", "UpdateExpression": retired}
    is_there = {"ConditionExpression": "attribute_exists(pk)", "UpdateExpression": retired}
    items = [
        {"Update": operation(table, key(pool_key(site, pool), phone), values, None, **is_there)},
        {"Update": operation(table, key(f"number#{phone}", "owner"), mine, {"#pool": "pool"}, **is_mine)},
    ]
    if not at.write(store, items):
        raise BadInput(f"{phone} is not in pool {pool} of {site}; its numbers: skvoz numbers list {site}")
    left = store.number(site, phone, pool)
    lives = left is not None and is_live(left, now)
    print(f"{phone} is retired{'; the visitor who sees it keeps it until he leaves' if lives else ''}")
