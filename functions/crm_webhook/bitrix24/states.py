"""Items, their history and their clients → records of deals. Pure.

A deal's records: its stages (`history`, each at its own time), itself as it stands (`api`, at its last change), its client (`api`,
at the last change of either), and of a lead the deal that it became. Told again, all are the same; a stage, a sum and a phone that
were told before are told over by their time, whoever comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from functions.crm_webhook.bitrix24.calls import PROVIDER
from functions.crm_webhook.bitrix24.items import LEAD, Client, Item, deal_id_of, pipeline_of, sum_text
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.fields import UNREADABLE, emptied, mapped_values
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.reading import Amount, BadField, Body, CurrencyCode, Identifier, NeededInstant, Private, Words
from shared.identity import email_hash, phone_hash
from shared.lake import Rejected
from shared.times import to_millis

# States of one moment stand in this order: stages, the whole item, its client, what became of it (by the deal, by the lead), its
# end (missed by us, told by the portal), and that it was there after all.
_ITEM_RANK, _CLIENT_RANK, _MERGED_RANK, _ALONE_RANK, _MISSED_RANK, DELETED_RANK, _THERE_RANK = 900, 950, 990, 991, 997, 998, 999
MARKS = ("source", "medium", "campaign", "content", "term")
OWN = "skvoz"  # originatorId of what we made ourselves: its originId is a request, not an order
# Sources that the portal sets by itself. What stands behind a "|" is an open line (chats and messengers).
MACHINES = frozenset({"CALL", "CALLBACK", "EMAIL", "WEB", "WEBFORM", "CRM_FORM", "RC_GENERATOR", "STORE", "REPEAT_SALE", "BOOKING"})
_OPEN_LINE = "|"


class _Core(Body):
    """The standard fields, checked."""

    created_at: NeededInstant
    updated_at: NeededInstant
    stage: Identifier = None
    amount: Amount = None
    currency: CurrencyCode = None
    source: Words = None


class Teller(NamedTuple):
    """Writes records of deals into `outcome`. `section` is `crm.bitrix24` of the settings."""

    section: Mapping[str, Any]
    currency: str
    arrival: Arrival
    outcome: Outcome

    @property
    def arrived(self) -> int:
        """Unix milliseconds."""
        return to_millis(self.arrival.received_at)

    def tell(self, state: DealState) -> None:
        """A state as a record; rejected where its time lies ahead of our clock."""
        try:
            self.outcome.records.append(state_record(state, PROVIDER, self.arrival))
        except Ahead as error:
            self._reject("future", f"{state.deal_id}: {error}")

    def stages(self, kind: int, deal_id: str, rows: Sequence[Item], became: str | None = None) -> None:
        """What the CRM remembers of an item's stages. Rows tell whole seconds; their ids say what came first. `became`: the deal
        that a lead became."""
        for told_at, rank, row in _placed(rows):
            values = {
                "pipeline": pipeline_of(kind, row.value("categoryId")),
                "stage": row.id("stageId"),
                "merged_into": _merged_into(row, became),
            }
            self.tell(DealState(deal_id=deal_id, told_at=told_at, rank=rank, via="history", values=values))
        if unreadable := sum(row.moment("createdTime") is None for row in rows):
            self.outcome.passed_over[UNREADABLE] += unreadable

    def item(self, kind: int, item: Item, client: Client, became: str | None = None, rows: Sequence[Item] = ()) -> None:
        """The item as it stands now, without the stage that its history (`rows`) tells: at another place it would be a move, and
        money, of its own. Rejected (bad_field) where a standard field cannot be right; its history still counts."""
        deal_id = deal_id_of(kind, str(item.id("id")))
        try:
            core = _core(item)
            values = {**self._own(core, item, client), **self._standard(kind, core, item)}
            values["merged_into"] = _merged_into(item, became)
            if _is_told(kind, values, core.updated_at, rows):
                values |= {"pipeline": None, "stage": None}
        except BadField as error:
            self._reject("bad_field", f"{deal_id}.{error}")
            return
        stands = DealState(deal_id=deal_id, told_at=core.updated_at, rank=_ITEM_RANK, via="api", values=values)
        for state in (stands, *emptied(stands, item.is_empty, self.section.get("fields") or {})):
            self.tell(state)

    def client(self, kind: int, item: Item, client: Client) -> None:
        """Whose deal it is."""
        key = self.arrival.identity_key
        values = {
            "contact_id": client.contact_id,
            "phone_hash": phone_hash(client.phone, key),
            "email_hash": email_hash(client.email, key),
        }
        if client.changed_at is not None and any(values.values()):
            deal_id = deal_id_of(kind, str(item.id("id")))
            self.tell(DealState(deal_id=deal_id, told_at=client.changed_at, rank=_CLIENT_RANK, via="api", values=values))

    def became(self, lead_id: str, deal_id: str, at: datetime) -> None:
        """A lead that became a deal, at the deal's creation: for leads of which nothing else was heard since."""
        values = {"merged_into": deal_id}
        self.tell(DealState(deal_id=deal_id_of(LEAD, lead_id), told_at=at, rank=_MERGED_RANK, via="history", values=values))

    def standing(self, item: Item, deal_id: str | None) -> None:
        """A converted lead by its own word: the deal that it is now, or itself where that is gone. Both stand at the same place,
        its last change, behind what a deal says of it: of two reads the later one counts."""
        told_at = item.moment("updatedTime")
        if told_at is not None and item.value("stageSemanticId") == "S":
            values: dict[str, Any] = {"merged_into": deal_id} if deal_id else {"is_deleted": False}
            number = str(item.id("id"))
            self.tell(DealState(deal_id=deal_id_of(LEAD, number), told_at=told_at, rank=_ALONE_RANK, via="api", values=values))

    def deleted(self, kind: int, number: str, at: datetime) -> None:
        """The CRM knows it no more, by the time that it was asked."""
        values = {"is_deleted": True}
        self.tell(DealState(deal_id=deal_id_of(kind, number), told_at=at, rank=_MISSED_RANK, via="api", values=values))

    def there(self, kind: int, number: str, at: datetime) -> None:
        """It is there, though it was told as deleted at that time: taken back at the same time, behind it. A deletion that is told
        for a later time counts again."""
        values = {"is_deleted": False}
        self.tell(DealState(deal_id=deal_id_of(kind, number), told_at=at, rank=_THERE_RANK, via="api", values=values))

    def _reject(self, reason: str, message: str) -> None:
        self.outcome.rejected.append(Rejected(reason, message))

    def _standard(self, kind: int, core: _Core, item: Item) -> dict[str, Any]:
        private = self._private(None)
        marks = {f"utm_{name}": private.mark(f"utm_{name}", item.text(f"utm_{name}")) for name in MARKS}
        return {
            "deal_created_at": core.created_at,
            "pipeline": pipeline_of(kind, item.value("categoryId")),
            "stage": core.stage,
            "amount": core.amount,
            "currency": core.currency or self.currency,
            "manager": private.words("manager", self._named(item.id("assignedById"), "managers")),
            "is_handmade": is_handmade(item),
            **marks,
        }

    def _own(self, core: _Core, item: Item, client: Client) -> dict[str, Any]:
        """Fields that the settings name, and what stands for them where they are empty."""
        private = self._private(client)
        told = mapped_values(item.text, self.section.get("fields") or {}, private, self.outcome.passed_over)
        source = told["crm_source"] or self._named(core.source, "sources")
        return {
            **told,
            "crm_source": private.words("crm_source", source),
            "loss_reason": private.words("loss_reason", self._loss_reason(told["loss_reason"], core, item)),
            "order_id": told["order_id"] or self._origin(item, private),
        }

    def _loss_reason(self, told: str | None, core: _Core, item: Item) -> str | None:
        """The field's, by its name; portals without one have a stage a reason, which the settings then name as a reason."""
        names: Mapping[str, str] = self.section.get("loss_reasons") or {}
        if told is not None:
            return names.get(told, told)
        return names.get(core.stage or "") if item.value("stageSemanticId") == "F" else None

    def _origin(self, item: Item, private: Private) -> str | None:
        """The item's number in the system that it came from."""
        origin = item.id("originId")
        if origin is None or item.value("originatorId") == OWN:
            return None
        try:
            return private.identifier("order_id", origin)
        except BadField:
            self.outcome.passed_over[UNREADABLE] += 1
            return None

    def _named(self, told: str | None, names: str) -> str | None:
        return (self.section.get(names) or {}).get(told, told) if told else None

    def _private(self, client: Client | None) -> Private:
        return Private(client.phones if client else (), self.arrival.identity_key)


def is_handmade(item: Item) -> bool | None:
    """A person made it in the CRM's own screens: no form, no lead, no other system and no source that the portal sets by itself.
    None where the item does not say who made it."""
    if item.id("createdBy") is None:
        return None
    source = item.text("sourceId") or ""
    is_machine = source in MACHINES or _OPEN_LINE in source
    others = (item.value("originatorId"), item.id("webformId"), item.id("leadId"), item.value("utmSource"))
    return not is_machine and not any(others)


def _is_told(kind: int, values: Mapping[str, Any], updated_at: datetime, rows: Sequence[Item]) -> bool:
    """The history tells the stage: it ends with it, or with something as new as the item itself."""
    last = max(_placed(rows), key=lambda one: one[:2], default=None)
    if last is None:
        return False
    told_at, _, row = last
    place = (pipeline_of(kind, row.value("categoryId")), row.id("stageId"))
    return told_at >= updated_at or place == (values["pipeline"], values["stage"])


def _merged_into(told: Item, became: str | None) -> str | None:
    """Told with every stage that a lead is converted at: a stage without it says that the lead stands for itself again."""
    return became if told.value("stageSemanticId") == "S" else None


def _core(item: Item) -> _Core:
    """BadField names the first field that cannot be right."""
    names = {
        "created_at": "createdTime",
        "updated_at": "updatedTime",
        "stage": "stageId",
        "amount": "opportunity",
        "currency": "currencyId",
        "source": "sourceId",
    }
    told = {ours: item.value(theirs) for ours, theirs in names.items()}
    told["amount"] = sum_text(told["amount"])
    try:
        return _Core.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadField(f"{names[str(first['loc'][0])]}: {first['msg'].removeprefix('Value error, ')}") from error


def _placed(rows: Sequence[Item]) -> Iterator[tuple[datetime, int, Item]]:
    """Rows with their time and their place within its second."""
    last: datetime | None = None
    rank = 0
    timed = [(at, (row.id("id") or "").zfill(20), row) for row in rows if (at := row.moment("createdTime")) is not None]
    for told_at, _, row in sorted(timed, key=lambda one: one[:2]):
        rank = min(rank + 1, _ITEM_RANK - 1) if told_at == last else 0
        last = told_at
        yield told_at, rank, row
