"""One state of one deal, in the contract's own fields → its record. Pure. Every adapter ends here.

The same state told again, in whatever body or answer, makes the same record: its id is made of what it tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from functions.crm_webhook.outcome import Arrival, Record
from functions.crm_webhook.reading import EARLIEST_YEAR
from shared.ids import derived_id
from shared.records import CRM_EVENT, PAYMENT, RecordKind, encode
from shared.times import EPOCH

FUTURE = timedelta(minutes=5)
CREATED_AHEAD = timedelta(days=1)  # CRMs that write local time as UTC are hours ahead
_LONG_AGO = EPOCH.replace(year=EARLIEST_YEAR)


class Ahead(ValueError):
    """A time that lies ahead of our clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DealState:
    """`values` are columns of CRM_EVENT, cleaned (functions/crm_webhook/reading.py); those not told are left out or None.

    `told_at` is when the CRM says it became so (None: when it arrived); `rank` (0–999) orders states of one moment, where a CRM
    tells whole seconds. `via`: `crm` from a webhook; `api` as it stands now, by the API; `history` from the CRM's own history.
    """

    deal_id: str
    told_at: datetime | None
    rank: int = 0
    via: Literal["crm", "api", "history"] = "crm"
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTold:
    """Money received (+) or refunded (−), at `told_at`; a payment that was taken back is told as one of 0. `values`: amount,
    currency.

    Of a `payment_id` the record of the latest change counts: `changed_at` is when the CRM says that this, or its deal, became so;
    None: when it arrived. `via` as of a state.
    """

    deal_id: str
    payment_id: str
    told_at: datetime
    values: Mapping[str, Any]
    changed_at: datetime | None = None
    via: Literal["crm", "api", "history"] = "api"


def state_record(state: DealState, provider: str, arrival: Arrival) -> Record:
    """Encoded. Ahead for a time more than five minutes (of creation: a day) ahead of the arrival."""
    told_at = state.told_at
    if told_at is not None and told_at - arrival.received_at > FUTURE:
        raise Ahead("its time is more than five minutes ahead of our clock")
    created_at = state.values.get("deal_created_at")
    if created_at is not None and created_at - arrival.received_at > CREATED_AHEAD:
        raise Ahead("its time of creation is more than a day ahead of our clock")
    # What has no time of its own (a deletion, say) may come again with the same content and mean it: known by its delivery.
    delivery = () if told_at is not None else (arrival.webhook_id,)
    record_id = _record_id(CRM_EVENT, state.deal_id, told_at, state.rank, state.values, provider, arrival, *delivery)
    head = _head(record_id, state.deal_id, told_at or arrival.received_at, provider, arrival, state.via)
    return CRM_EVENT, encode(CRM_EVENT, {**head, **state.values})


def payment_record(payment: PaymentTold, provider: str, arrival: Arrival) -> Record:
    """Encoded. Ahead as above, of its change too.

    The time of the change stands in the record's id, by which money_events.sql orders the records of a payment. What a webhook
    tells is known by its delivery as well: a sum that is put back to an earlier one is news, also where the deal's time stays the
    same.
    """
    changed_at = payment.changed_at
    if max(payment.told_at, changed_at or payment.told_at) - arrival.received_at > FUTURE:
        raise Ahead("its time is more than five minutes ahead of our clock")
    values = {**payment.values, "payment_id": payment.payment_id}
    delivery = (arrival.webhook_id,) if changed_at is None or payment.via == "crm" else ()
    told = {**values, "paid_at": payment.told_at}
    record_id = _record_id(PAYMENT, payment.deal_id, changed_at, 0, told, provider, arrival, *delivery)
    head = _head(record_id, payment.deal_id, payment.told_at, provider, arrival, payment.via)
    return PAYMENT, encode(PAYMENT, {**head, **values})


def _record_id(
    kind: RecordKind,
    deal_id: str,
    told_at: datetime | None,
    rank: int,
    values: Mapping[str, Any],
    provider: str,
    arrival: Arrival,
    *more: str,
) -> str:
    content = orjson.dumps({name: value for name, value in values.items() if value is not None}, default=str, option=_SORTED)
    instant = (told_at or _LONG_AGO) + timedelta(milliseconds=rank)
    return derived_id(instant, arrival.site_id, provider, kind.name, deal_id, content.decode(), *more)


_SORTED = orjson.OPT_SORT_KEYS


def _head(record_id: str, deal_id: str, occurred_at: datetime, provider: str, arrival: Arrival, via: str) -> dict[str, Any]:
    return {
        "record_id": record_id,
        "site_id": arrival.site_id,
        "occurred_at": occurred_at,
        "received_at": arrival.received_at,
        "via": via,
        "provider": provider,
        "deal_id": deal_id,
    }
