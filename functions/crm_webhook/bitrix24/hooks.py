"""Webhooks of Bitrix24: one form → what must be read, and deletions. Pure.

Both kinds are read: events of an application and outgoing webhooks made in the portal's screens. They only name what changed; the
rest is read through the address of the settings, never through one that a body names (`auth[domain]`, `auth[client_endpoint]`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook import forms
from functions.crm_webhook.bitrix24.calls import PROVIDER
from functions.crm_webhook.bitrix24.items import DEAL, LEAD, deal_id_of
from functions.crm_webhook.bitrix24.states import DELETED_RANK
from functions.crm_webhook.deals import Ahead, DealState, state_record
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from functions.crm_webhook.reading import EARLIEST_YEAR, BadField
from shared.forms import FormRefused
from shared.lake import Rejected
from shared.times import from_millis

REASONS = (*forms.REASONS, "no_event", "wrong_account", "bad_field", "future")
PASSED_OVER = (
    "event_not_read",  # of the portal, which hold no deal: tasks, calls, the application's own, …
    "client_deleted",  # a contact or a company that is gone: its deals keep what is known
    "leads_not_used",  # the settings say that the portal works without leads
    "process_not_read",  # a smart process that the settings do not name
    "path_collision",  # forms.Form.collided
    "unreadable_field",  # of the API: a field of the portal's own that is no sum, or an id that is too long
    "no_access",  # of the API: an item that the webhook's user may not see
    "further_deal",  # of the API: of a client with more than a thousand deals, the older ones (as far as they were seen)
)
_EVENT = re.compile(
    r"ONCRM(?P<entity>DEAL|LEAD|CONTACT|COMPANY|DYNAMICITEM)(?P<change>ADD|UPDATE|DELETE|MOVETOCATEGORY)(_(?P<kind>[0-9]+))?"
)
_CLIENTS = ("CONTACT", "COMPANY")
_ID = re.compile(r"[1-9][0-9]{0,18}")
_SECONDS = re.compile(r"[0-9]{9,11}")


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str = PROVIDER) -> Outcome:
    """One body. `site` are published settings."""
    outcome = Outcome()
    section = (site.get("crm") or {}).get(PROVIDER) or {}
    try:
        form = forms.form_of(body)
        if form.collided:
            outcome.passed_over["path_collision"] += form.collided
        refused = _wrong_account(form.tree, section)
        if refused is None:
            _take(form.tree, section, arrival, outcome)
    except FormRefused as error:
        refused = Rejected(error.reason, str(error))
    except BadField as error:
        refused = Rejected("bad_field", str(error))
    except Ahead as error:
        refused = Rejected("future", f"ts: {error}")
    if refused is not None:
        outcome.rejected.append(refused)
    return outcome


def _take(tree: forms.Tree, section: Mapping[str, Any], arrival: Arrival, outcome: Outcome) -> None:
    name = _text(tree, "event").upper()
    if not name:
        outcome.rejected.append(Rejected("no_event", "the body is no form with an event of Bitrix24"))
        return
    event = _EVENT.fullmatch(name)
    if event is None:
        outcome.passed_over["event_not_read"] += 1
        return
    entity, is_deletion = event["entity"], event["change"] == "DELETE"
    if entity in _CLIENTS:
        if is_deletion:
            outcome.passed_over["client_deleted"] += 1
        else:
            outcome.to_read.append(Pointer(entity.lower(), _number(tree, "ID")))
        return
    kind = _kind(entity, event["kind"], tree)
    if reason := _not_meant(kind, section):
        outcome.passed_over[reason] += 1
    elif is_deletion:
        outcome.records.append(state_record(_deletion(kind, tree), PROVIDER, arrival))
    else:
        outcome.to_read.append(Pointer(f"T{kind}" if entity == "DYNAMICITEM" else entity.lower(), _number(tree, "ID")))


def _deletion(kind: int, tree: forms.Tree) -> DealState:
    """The event tells no time of the deletion; it is sent after it."""
    values = {"is_deleted": True}
    return DealState(deal_id=deal_id_of(kind, _number(tree, "ID")), told_at=_sent_at(tree), rank=DELETED_RANK, values=values)


def _kind(entity: str, told: str | None, tree: forms.Tree) -> int:
    if entity != "DYNAMICITEM":
        return DEAL if entity == "DEAL" else LEAD
    fields = _child(_child(tree, "data"), "FIELDS")
    return int(_number(tree, "ENTITY_TYPE_ID")) if told is None or "ENTITY_TYPE_ID" in fields else int(told)


def _not_meant(kind: int, section: Mapping[str, Any]) -> str:
    if kind == LEAD:
        return "" if section.get("leads", True) else "leads_not_used"
    return "" if kind == DEAL or kind in (section.get("processes") or []) else "process_not_read"


def _wrong_account(tree: forms.Tree, section: Mapping[str, Any]) -> Rejected | None:
    """The portal tells its id and its address with every event, so one that tells neither is not it."""
    auth = _child(tree, "auth")
    for setting in ("member_id", "domain"):
        mine = section.get(setting)
        if mine and _text(auth, setting).lower() != mine:
            return Rejected("wrong_account", f"auth[{setting}] is not crm.bitrix24.{setting} of the settings")
    return None


def _sent_at(tree: forms.Tree) -> datetime | None:
    """`ts`, unix seconds; None where it is not told."""
    text = _text(tree, "ts")
    if not text:
        return None
    if not _SECONDS.fullmatch(text) or (moment := from_millis(int(text) * 1000)).year < EARLIEST_YEAR:
        raise BadField(f"ts: must be unix seconds from the year {EARLIEST_YEAR} on")
    return moment


def _number(tree: forms.Tree, name: str) -> str:
    """An id of `data[FIELDS]`."""
    text = _text(_child(_child(tree, "data"), "FIELDS"), name)
    if not _ID.fullmatch(text):
        raise BadField(f"data.FIELDS.{name}: must be a whole number of at most 19 digits")
    return text


def _child(tree: forms.Tree, name: str) -> forms.Tree:
    child = tree.get(name)
    return child if isinstance(child, dict) else {}


def _text(tree: forms.Tree, name: str) -> str:
    value = tree.get(name)
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""
