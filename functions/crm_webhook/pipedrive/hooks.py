"""Webhooks of Pipedrive, version 2: one event with the whole deal. Pure.

A deal's client is only named (`person_id`), so what concerns him is read through the API, where the settings open it. So is an
order's or a call's id that a phone may be in: whose phones are whose an event does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.pipedrive.deal import (
    LAST_RANK,
    PROVIDER,
    Deal,
    Reader,
    deal_values,
    identifier,
    moment,
    text,
    whole_states,
)
from functions.crm_webhook.reading import BadField, Private
from shared.identity import keyed_hash
from shared.json_texts import json_of
from shared.lake import Rejected

REASONS = ("bad_json", "no_event", "wrong_company", "bad_field", "future", "refused")  # refused: what the API will never tell
PASSED_OVER = (
    "entity_not_read",  # leads, activities, notes, products, …
    "action_not_read",  # what is neither create, change nor delete
    "no_deal_concerned",  # persons and organizations: changes that no deal's record tells
    "unreadable_field",  # no sum, or an id that is too long
    "no_history",  # of a deal that is read: Pipedrive does not give its changelog
    "further_contact",  # of persons that are read: phones and e-mails after the first usable one
)
_PERSON_KEYS = frozenset({"phones", "emails", "phone", "email"})
_ACTIONS = ("create", "change", "delete")
_OF_OTHERS = frozenset({"order_id", "call_id"})  # ids of other systems, into which telephonies put phones
_LONG_RUN = re.compile(r"[0-9]{10,}")
_LIKE_PHONE = re.compile(r"(?<![0-9])[78]?9[0-9]{9}(?![0-9])")


class _OfStrangers(Private):
    """Ids that a phone may be in: hashed as the calls' door hashes them, or, where the API tells them, left to it."""

    def __init__(self, key: bytes, *, is_read: bool) -> None:
        super().__init__((), key)
        self._own_key, self._is_read, self.is_left_out = key, is_read, False

    def identifier(self, field: str, text: str | None) -> str | None:
        found = super().identifier(field, text)
        if text is None or found != text or field not in _OF_OTHERS:
            return found
        if self._is_read and _LONG_RUN.search(text):
            self.is_left_out = True
            return None
        return keyed_hash("id", text, self._own_key) if _LIKE_PHONE.search(text) else text


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str = PROVIDER) -> Outcome:
    """States of the deal, and what must be read. The same event gives the same records, however often it is delivered."""
    outcome = Outcome()
    try:
        told = json_of(body)
    except ValueError:
        outcome.rejected.append(Rejected("bad_json", "the body is no JSON"))
        return outcome
    meta = told.get("meta") if isinstance(told, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("entity"), str) or not isinstance(meta.get("action"), str):
        outcome.rejected.append(Rejected("no_event", "the body is no webhook of Pipedrive's version 2 (meta.entity, meta.action)"))
        return outcome
    section = site.get("crm", {}).get(PROVIDER) or {}
    mine, company = section.get("company_id"), text(meta.get("company_id"))
    if mine and company and company != mine:
        outcome.rejected.append(Rejected("wrong_company", "meta.company_id is not crm.pipedrive.company_id of the settings"))
        return outcome
    private = _OfStrangers(arrival.identity_key, is_read=bool(section.get("api")))
    reader = Reader(arrival, section, private, outcome.passed_over)
    try:
        _take(meta, told.get("data"), told.get("previous"), reader, outcome)
    except BadField as error:
        outcome.rejected.append(Rejected("bad_field", str(error)))
    except Ahead as error:
        outcome.rejected.append(Rejected("future", str(error)))
    return outcome


def _take(meta: Mapping[str, Any], data: object, previous: object, reader: Reader, outcome: Outcome) -> None:
    entity, action = meta["entity"], meta["action"]
    if entity not in ("deal", "person", "organization"):
        outcome.passed_over["entity_not_read"] += 1
    elif action not in _ACTIONS:
        outcome.passed_over["action_not_read"] += 1
    elif entity != "deal":
        before = previous if isinstance(previous, dict) else {}
        # Of an organization deals tell no more than which it is; a new person has no deals yet.
        is_told = entity == "person" and action == "change" and not _PERSON_KEYS.isdisjoint(before)
        if is_told or meta.get("merged_from_id"):
            outcome.to_read.append(Pointer(entity, _entity_id(meta, data)))
        else:
            outcome.passed_over["no_deal_concerned"] += 1
    elif action == "delete":
        _add([_deleted(_entity_id(meta, previous), meta, merged_into=meta.get("merged_to_id"))], reader, outcome)
    elif isinstance(data, dict):
        _take_deal(Deal(data), meta, previous, reader, outcome)
    else:
        raise BadField("data: is needed")


def _take_deal(deal: Deal, meta: Mapping[str, Any], previous: object, reader: Reader, outcome: Outcome) -> None:
    sent_at = moment("meta.timestamp", meta.get("timestamp"))
    told_at = deal.moment("update_time") or sent_at
    if told_at is None:
        raise BadField("update_time: is needed")
    values, source = deal_values(deal, reader), text(meta.get("change_source"))
    if values["is_handmade"] is None and meta["action"] == "create" and source:
        values["is_handmade"] = source == "app"
    states = whole_states(deal, told_at, _rank(told_at, sent_at), "crm", values)
    if absorbed := identifier("meta.merged_from_id", meta.get("merged_from_id")):
        states.append(_deleted(absorbed, meta, merged_into=deal.id))
    _add(states, reader, outcome)
    before = previous if isinstance(previous, dict) else {}
    has_new_client = meta["action"] == "create" or not {"person_id", "org_id"}.isdisjoint(before) or absorbed
    is_left_out = isinstance(reader.private, _OfStrangers) and reader.private.is_left_out
    if (is_left_out or (values["contact_id"] and has_new_client)) and not deal.is_deleted:
        outcome.to_read.append(Pointer("deal", deal.id))


def _deleted(deal_id: str, meta: Mapping[str, Any], merged_into: object) -> DealState:
    values = {"is_deleted": True, "merged_into": identifier("meta.merged_to_id", merged_into)}
    told_at = moment("meta.timestamp", meta.get("timestamp"))
    return DealState(deal_id=deal_id, told_at=told_at, rank=LAST_RANK, values=values)


def _rank(told_at: datetime, sent_at: datetime | None) -> int:
    """Changes of one second stand by the event's milliseconds, where it tells them of the same second."""
    if sent_at is None or sent_at.replace(microsecond=0) != told_at:
        return 0
    return min(sent_at.microsecond // 1000, LAST_RANK - 1)


def _entity_id(meta: Mapping[str, Any], told: object) -> str:
    found = identifier("meta.entity_id", meta.get("entity_id") or (told.get("id") if isinstance(told, dict) else None))
    if found is None:
        raise BadField("meta.entity_id: is needed")
    return found


def _add(states: list[DealState], reader: Reader, outcome: Outcome) -> None:
    outcome.records += [state_record(state, PROVIDER, reader.arrival) for state in states]
