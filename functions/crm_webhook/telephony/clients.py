"""Who leads the deals of a caller, remembered for the PBX while his call rings (items: shared/clients.py).

Only for sites that say where their managers answer (settings `calls.managers`). A store that fails never holds a CRM event up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from shared.clients import KEPT_DAYS, client_key, deal_key
from shared.log import count, logger
from shared.times import from_lake_text, to_millis

MOST_OF_BODY = 200  # states; each is two or three writes, and the other messages of the batch must not wait for thousands
_TOLD = ("manager", "phone_hash")

Item = Mapping[str, Mapping[str, Any]]


class Clients:
    """`dynamodb` is a client; `table` is that of the numbers."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def keep(self, site: Mapping[str, Any], states: Iterable[bytes], now: datetime) -> None:
        """Remember what encoded deal states of one body tell of managers and phones. States of deleted deals tell nothing here.

        What a failing store does not take is counted (`ClientsNotKept`) and logged; states beyond 200 are counted
        (`ClientsIgnored`).
        """
        if not (site.get("calls") or {}).get("managers"):
            return
        told = [state for state in map(orjson.loads, states) if not state.get("is_deleted") and any(map(state.get, _TOLD))]
        for place, state in enumerate(told[:MOST_OF_BODY]):
            try:
                self._keep(str(site["site_id"]), state, now)
            except Exception as error:
                count({"ClientsNotKept": min(len(told), MOST_OF_BODY) - place})
                logger().error("managers could not be kept", extra={"site_id": site["site_id"], "error": type(error).__name__})
                break
        if len(told) > MOST_OF_BODY:
            count({"ClientsIgnored": len(told) - MOST_OF_BODY})

    def _keep(self, site_id: str, state: Mapping[str, Any], now: datetime) -> None:
        deal = f"{state['provider']}:{state['deal_id']}"
        at = f"{to_millis(from_lake_text(state['occurred_at'])):013d}#{state['record_id']}"
        known: Item = {}
        for name in _TOLD:
            if state.get(name):
                known = self._set(deal_key(site_id, deal), {name: state[name]}, f"{name}_at", at, now)
        if all(name in known for name in _TOLD):
            client = {"manager": known["manager"]["S"], "deal": deal}
            self._set(client_key(site_id, known["phone_hash"]["S"]), client, "told_at", known["manager_at"]["S"], now)

    def _set(self, key: Mapping[str, Any], values: Mapping[str, str], at_name: str, at: str, now: datetime) -> Item:
        """The item as it is after this; values that were told earlier than what it holds change nothing."""
        told = {**values, at_name: at}
        expires_at = int((now + timedelta(days=KEPT_DAYS)).timestamp())
        names = {f"#{place}": name for place, name in enumerate(told)}
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=f"SET {', '.join(f'{name} = :{name[1:]}' for name in names)}, expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(#at) OR #at <= :at",
                ExpressionAttributeNames={**names, "#at": at_name},
                ExpressionAttributeValues={
                    **{f":{place}": {"S": value} for place, value in enumerate(told.values())},
                    ":at": {"S": at},
                    ":expires_at": {"N": str(expires_at)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            held: Item = error.response.get("Item") or {}
            return held
        new: Item = answer["Attributes"]
        return new
