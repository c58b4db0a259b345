"""Webhooks of HubSpot: an array of events that only point at deals and contacts. Pure.

What an event tells beyond doubt is taken from it: deletions, restorings and merges, at their own time. All else is read through the
API, with the time at which each value came to be: events come in any order, and a stage may be told after the sum that it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.hubspot.names import CONTACT_KEYS, OBJECT_TYPES, deal_properties
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reading import EARLIEST_YEAR, BadField
from shared.json_texts import json_of
from shared.lake import Rejected
from shared.times import parse_instant

PROVIDER = "hubspot"
REASONS = ("bad_json", "no_events", "wrong_portal", "bad_field", "future", "refused")  # refused: what the API will never tell
PASSED_OVER = (
    "entity_not_read",  # companies, tickets, products, …
    "action_not_read",  # of deals and contacts: what changes no deal
    "property_not_read",  # a property that nothing is made of
    "contact_deleted",  # its deals stay as they are
    "unreadable_field",  # no sum, an id that is too long, a creation more than a day ahead
    "not_found",  # deals of a list that were gone when they were read: the next check sees
    "further_contact",  # phones and e-mails of a deal's contacts after the first usable one
)
_DELETED_RANK = 999
_READ = ("creation", "associationChange")


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str = PROVIDER) -> Outcome:
    """Deletions and merges of one body, and what must be read. Every event stands for itself."""
    outcome = Outcome()
    try:
        told = json_of(body)
    except ValueError:
        outcome.rejected.append(Rejected("bad_json", "the body is no JSON"))
        return outcome
    events = [told] if isinstance(told, dict) else told
    if not isinstance(events, list) or not events:
        outcome.rejected.append(Rejected("no_events", "the body is no list of HubSpot's events"))
        return outcome
    section = site.get("crm", {}).get(PROVIDER) or {}
    for number, event in enumerate(events):
        try:
            _take(_Event.of(event), section, arrival, outcome)
        except BadField as error:
            outcome.rejected.append(Rejected("bad_field", f"{number}.{error}"))
        except Ahead as error:
            outcome.rejected.append(Rejected("future", f"{number}: {error}"))
        except _Foreign as error:
            outcome.rejected.append(Rejected("wrong_portal", f"{number}: {error}"))
    return outcome


class _Foreign(Exception):
    """An event of another account."""


class _Event:
    """One event, checked as far as it is asked."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    @classmethod
    def of(cls, told: object) -> _Event:
        if not isinstance(told, dict) or not isinstance(told.get("subscriptionType"), str):
            raise BadField("subscriptionType: is needed")
        return cls(told)

    @property
    def kind(self) -> tuple[str, str]:
        """What, and what happened to it. Apps of the newer kind say `object` and the type's number."""
        entity, _, action = self.values["subscriptionType"].partition(".")
        return (OBJECT_TYPES.get(str(self.values.get("objectTypeId")), entity) if entity == "object" else entity), action

    def id(self, *names: str) -> str:
        """The first of these ids that is told."""
        told = next((self.values[name] for name in names if self.values.get(name) is not None), None)
        return _id(names[0], told)

    def ids(self, name: str) -> list[str]:
        told = self.values.get(name)
        return [_id(name, one) for one in (told if isinstance(told, list) else [])]

    def moment(self) -> datetime:
        told = self.values.get("occurredAt")
        try:
            moment = parse_instant(int(told) if isinstance(told, str) and told.isascii() and told.isdigit() else told)
        except ValueError as error:
            raise BadField(f"occurredAt: {error}") from error
        if moment.year < EARLIEST_YEAR:
            raise BadField(f"occurredAt: a time before the year {EARLIEST_YEAR} cannot be right")
        return moment


def _id(name: str, told: object) -> str:
    text = str(told) if isinstance(told, (int, str)) and not isinstance(told, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise BadField(f"{name}: must be a whole number of at most 19 digits")
    return text


def _take(event: _Event, section: Mapping[str, Any], arrival: Arrival, outcome: Outcome) -> None:
    mine, portal = section.get("portal_id"), event.values.get("portalId")
    if mine and portal is not None and str(portal) != mine:
        raise _Foreign("portalId is not crm.hubspot.portal_id of the settings")
    entity, action = event.kind
    if entity == "deal":
        _take_deal(event, action, section, arrival, outcome)
    elif entity == "contact":
        _take_contact(event, action, outcome)
    else:
        outcome.passed_over["entity_not_read"] += 1


def _take_deal(event: _Event, action: str, section: Mapping[str, Any], arrival: Arrival, outcome: Outcome) -> None:
    if action in _READ:
        outcome.to_read.append(Pointer("deal", event.id("objectId", "fromObjectId")))
    elif action == "propertyChange":
        deal_id = event.id("objectId")
        if event.values.get("propertyName") in deal_properties(section):
            outcome.to_read.append(Pointer("deal", deal_id))
        else:
            outcome.passed_over["property_not_read"] += 1
    elif action in ("deletion", "privacyDeletion"):
        _tell(event.id("objectId"), {"is_deleted": True}, event, arrival, outcome)
    elif action == "restore":
        _tell(event.id("objectId"), {"is_deleted": False}, event, arrival, outcome)
        outcome.to_read.append(Pointer("deal", event.id("objectId")))
    elif action == "merge":
        # HubSpot makes a new deal of the two: the event's primary deal is gone then as well.
        survivor = event.id("newObjectId", "primaryObjectId", "objectId")
        absorbed = dict.fromkeys([*event.ids("mergedObjectIds"), event.id("primaryObjectId", "objectId")])
        for deal_id in absorbed:
            if deal_id != survivor:
                _tell(deal_id, {"is_deleted": True, "merged_into": survivor}, event, arrival, outcome)
        outcome.to_read.append(Pointer("deal", survivor))
    else:
        outcome.passed_over["action_not_read"] += 1


def _take_contact(event: _Event, action: str, outcome: Outcome) -> None:
    if action in ("deletion", "privacyDeletion"):
        outcome.passed_over["contact_deleted"] += 1
    elif action == "merge":
        outcome.to_read.append(Pointer("contact", event.id("newObjectId", "primaryObjectId", "objectId")))
    elif action in (*_READ, "restore"):
        outcome.to_read.append(Pointer("contact", event.id("objectId", "fromObjectId")))
    elif action == "propertyChange":
        contact_id = event.id("objectId")
        if event.values.get("propertyName") in CONTACT_KEYS:
            outcome.to_read.append(Pointer("contact", contact_id))
        else:
            outcome.passed_over["property_not_read"] += 1
    else:
        outcome.passed_over["action_not_read"] += 1


def _tell(deal_id: str, values: Mapping[str, Any], event: _Event, arrival: Arrival, outcome: Outcome) -> None:
    state = DealState(deal_id=deal_id, told_at=event.moment(), rank=_DELETED_RANK, values=values)
    outcome.records.append(state_record(state, PROVIDER, arrival))
