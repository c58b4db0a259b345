"""A deal as Pipedrive tells it, the same in webhooks (`data`) and in the API (v2), and its states. Pure.

Types differ between accounts and years: ids are numbers or text, times ISO or unix seconds, fields of the account's own are values
or objects with one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from functions.crm_webhook.deals import DealState
from functions.crm_webhook.fields import UNREADABLE, mapped_values, tags_text
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.reading import EARLIEST_YEAR, BadField, Private
from functions.crm_webhook.sums import rounded_sum
from shared.times import parse_instant

PROVIDER = "pipedrive"
CLOSED = {"won": "won_time", "lost": "lost_time"}
DELETED = "deleted"
BY_HAND = "ManuallyCreated"
# The same moment is told in whole seconds by several: hooks stand by their milliseconds, what stands now after them.
LAST_RANK = 999
_WITHIN = ("value", "label", "id", "values")


class Reader(NamedTuple):
    """What deals are read with. `section` is `crm.pipedrive` of the site's settings, `passed_over` counts what is left out."""

    arrival: Arrival
    section: Mapping[str, Any]
    private: Private
    passed_over: Counter[str]


class Deal:
    """One deal. BadField where something that is needed cannot be right."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told

    @property
    def id(self) -> str:
        found = identifier("id", self.told.get("id"))
        if found is None:
            raise BadField("id: is needed")
        return found

    @property
    def status(self) -> str:
        return text(self.told.get("status")).lower()

    @property
    def is_deleted(self) -> bool:
        return self.status == DELETED or self.told.get("is_deleted") is True

    @property
    def stage(self) -> str | None:
        """`won` and `lost` by the deal's status; else the stage's id."""
        return self.status if self.status in CLOSED else identifier("stage_id", self.told.get("stage_id"))

    def moment(self, name: str) -> datetime | None:
        return moment(name, self.told.get(name))

    def amount(self, passed_over: Counter[str]) -> Decimal | None:
        """The sum; one that is none is counted, and the deal counts without it."""
        try:
            return rounded_sum(self.told.get("value"))
        except ValueError:
            passed_over[UNREADABLE] += 1
            return None

    def closed_at(self, told_at: datetime) -> datetime | None:
        """When it was closed, where it is: people and importers may set it, but no later than it was told."""
        name = CLOSED.get(self.status)
        found = self.moment(name) or self.moment("close_time") if name else None
        return min(found, told_at) if found else None

    def field(self, name: str) -> str | None:
        """A field of the account's own by its 40-digit key, else one of Pipedrive's by its name."""
        own = self.told.get("custom_fields")
        told = own.get(name) if isinstance(own, dict) else None
        return plain(self.told.get(name) if told is None else told)

    def is_empty(self, name: str) -> bool:
        """The deal has that field, with nothing in it. The API shows every field of the account's own."""
        own = self.told.get("custom_fields")
        is_told = name in self.told or (isinstance(own, dict) and name in own)
        return is_told and self.field(name) is None


def deal_values(deal: Deal, reader: Reader) -> dict[str, Any]:
    """All that a deal tells of itself, as columns; nothing of its client but who it is."""
    private, section, told = reader.private, reader.section, deal.told
    origin = text(told.get("origin"))
    organization = identifier("org_id", told.get("org_id"))
    values = {
        "is_deleted": deal.is_deleted,
        "deal_created_at": deal.moment("add_time"),
        "pipeline": identifier("pipeline_id", told.get("pipeline_id")),
        "stage": None if deal.is_deleted else deal.stage,
        "amount": deal.amount(reader.passed_over),
        "currency": currency(told.get("currency")),
        "contact_id": identifier("person_id", told.get("person_id")) or (organization and f"organization:{organization}"),
        "manager": private.words("manager", named(identifier("owner_id", told.get("owner_id")), section, "managers")),
        "is_handmade": origin == BY_HAND if origin else None,
        "tags": tags_text(_labels(told.get("label_ids")), private),
    }
    mapped = mapped_values(deal.field, section.get("fields") or {}, private, reader.passed_over)
    mapped["loss_reason"] = mapped["loss_reason"] or private.words("loss_reason", text(told.get("lost_reason")) or None)
    mapped["loss_reason"] = named(mapped["loss_reason"], section, "loss_reasons")
    mapped["crm_source"] = named(mapped["crm_source"], section, "sources")
    return {**values, **mapped}


def whole_states(
    deal: Deal, told_at: datetime, rank: int, via: Literal["crm", "api"], values: Mapping[str, Any]
) -> list[DealState]:
    """The deal as it stands; and, where it was closed before that was told, the stage at the moment of closing."""
    states = [DealState(deal_id=deal.id, told_at=told_at, rank=rank, via=via, values=values)]
    closed_at = deal.closed_at(told_at)
    if closed_at is not None and closed_at < told_at and not deal.is_deleted:
        closing = {"stage": deal.stage, "deal_created_at": values.get("deal_created_at")}
        states.append(DealState(deal_id=deal.id, told_at=closed_at, rank=LAST_RANK, via=via, values=closing))
    return states


def moment(name: str, told: object) -> datetime | None:
    """ISO with an offset, ISO of the older API (UTC without an offset), unix seconds as a number or as text. BadField otherwise."""
    if told is None or told == "":
        return None
    try:
        if isinstance(told, str) and told.isascii() and told.strip().isdigit():
            told = int(told)
        if isinstance(told, str):
            naive = datetime.fromisoformat(told.strip())
            told = (naive if naive.tzinfo else naive.replace(tzinfo=UTC)).isoformat()
        found = parse_instant(told)
    except ValueError as error:
        raise BadField(f"{name}: {error}") from error
    if found.year < EARLIEST_YEAR:
        raise BadField(f"{name}: a time before the year {EARLIEST_YEAR} cannot be right")
    return found


def identifier(name: str, told: object) -> str | None:
    """An id, number or text, also within an object of the older API (`{"value": 7}`); None for none. BadField for anything else."""
    if isinstance(told, dict):
        told = told.get("value", told.get("id"))
    found = text(told)
    if told is not None and (isinstance(told, bool) or not isinstance(told, (int, str))):
        raise BadField(f"{name}: must be a whole number")
    if found and not (found.isascii() and found.isdigit() and len(found) <= 19):
        raise BadField(f"{name}: must be a whole number of at most 19 digits")
    return found or None


def currency(told: object) -> str | None:
    """A code of three letters; None for anything else."""
    code = text(told).upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None


def named(told: str | None, section: Mapping[str, Any], names: str) -> str | None:
    """The name that the settings give an id, else the id."""
    return str((section.get(names) or {}).get(told, told)) if told else None


def plain(told: object, depth: int = 3) -> str | None:
    """Text of a field: a value, an object with one (`value`, `id` of an option), or several of either; no deeper than they nest."""
    if isinstance(told, (list, dict)) and depth == 0:
        return None
    if isinstance(told, list):
        return ", ".join(one for item in told if (one := plain(item, depth - 1))) or None
    if isinstance(told, dict):
        return next((plain(told[name], depth - 1) for name in _WITHIN if told.get(name) is not None), None)
    if isinstance(told, float):
        return repr(told)
    return text(told) or None


def text(told: object) -> str:
    """Text of text and whole numbers; "" for anything else."""
    return str(told).replace("\x00", "").strip() if isinstance(told, (str, int)) and not isinstance(told, bool) else ""


def _labels(told: object) -> list[str]:
    return [one for item in (told if isinstance(told, list) else []) if (one := plain(item))]
