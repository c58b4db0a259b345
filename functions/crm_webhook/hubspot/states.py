"""A deal of HubSpot's API → its states: one as it stands, and one for every time at which a property with history changed. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from functions.crm_webhook.deals import CREATED_AHEAD, DealState
from functions.crm_webhook.fields import UNREADABLE, emptied, mapped_values, tags_text
from functions.crm_webhook.hubspot.names import CONTACT_CHANGED, EMAILS, MARKS, MERGED, NAMES, PHONES
from functions.crm_webhook.outcome import Arrival, Outcome, Person
from functions.crm_webhook.reading import EARLIEST_YEAR, Private
from functions.crm_webhook.sums import rounded_sum
from shared.identity import email_hash, normal_email, normal_phone, phone_hash
from shared.times import parse_instant

STANDING_RANK = 999  # what stands now holds against all that is told of the same moment
_BY_HAND = frozenset({"CRM_UI", "MOBILE_IOS", "MOBILE_ANDROID", "CLONE_OBJECTS"})  # of hs_object_source


class Contact(NamedTuple):
    """One contact of the API; `person` in plain."""

    id: str
    person: Person
    changed_at: datetime | None = None


class Reader(NamedTuple):
    """What deals are read with. `words` gives stages that HubSpot itself calls closed: stage → `won`, `lost`."""

    arrival: Arrival
    section: Mapping[str, Any]
    words: Mapping[str, str]
    outcome: Outcome


def contact_of(told: Mapping[str, Any]) -> Contact:
    """Of an answer's object."""
    values = told.get("properties") or {}
    emails = [one for name in EMAILS for one in str(values.get(name) or "").split(";")]
    name = " ".join(str(values[part]).strip() for part in NAMES if values.get(part))
    person = Person(name, tuple(str(values[p]) for p in PHONES if values.get(p)), tuple(e for e in emails if e))
    return Contact(str(told["id"]), person, moment(values.get(CONTACT_CHANGED)) or moment(told.get("updatedAt")))


def deal_states(deal: Mapping[str, Any], contacts: Sequence[Contact], reader: Reader) -> list[DealState]:
    """All that the answer tells of a deal, living or in the bin, and of those that were merged into it."""
    deal_id, values = str(deal["id"]), deal.get("properties") or {}
    private = Private([phone for contact in contacts for phone in contact.person.phones], reader.arrival.identity_key)
    told_at = moment(values.get("hs_lastmodifieddate")) or moment(deal.get("updatedAt"))
    standing = {
        "is_deleted": False,
        "deal_created_at": _created(deal, values, reader),
        **_valued({name: _text(values.get(name)) for name in _VALUED}, reader, private),
        "amount": _amount(values.get("amount"), reader),
        "is_handmade": None if not values.get("hs_object_source") else values["hs_object_source"] in _BY_HAND,
        "tags": tags_text(_text(values.get("hs_tag_ids")).split(";"), private),
        **{mark: private.mark(mark, _text(values.get(mark))) for mark in MARKS},
        **_mapped(values, reader, private),
    }
    found = [*_history(deal, reader, private), *_absorbed(deal, told_at)]
    gone_at = moment(deal.get("archivedAt"))
    if gone_at is None:
        stands = DealState(deal_id=deal_id, told_at=told_at, rank=STANDING_RANK, via="api", values=standing)
        left = emptied(stands, lambda name: name in values and not values[name], reader.section.get("fields") or {})
        return [*found, stands, *left, *_client(deal_id, told_at, contacts, reader)]
    # In the bin: as it stood when it went there.
    last = min(told_at or gone_at, gone_at)
    stood = DealState(deal_id=deal_id, told_at=last, rank=STANDING_RANK - 1, via="api", values=standing)
    return [*found, stood, deleted(deal_id, gone_at)]


def deleted(deal_id: str, told_at: datetime) -> DealState:
    """Into HubSpot's bin then, or nowhere to be found since."""
    return DealState(deal_id=deal_id, told_at=told_at, rank=STANDING_RANK, via="api", values={"is_deleted": True})


def moment(told: object) -> datetime | None:
    """A time of HubSpot's; None where there is none, or where it cannot be right."""
    try:
        found = parse_instant(told)
    except ValueError:
        return None
    return found if found.year >= EARLIEST_YEAR else None


_VALUED = ("dealstage", "pipeline", "deal_currency_code", "closed_lost_reason", "hubspot_owner_id")


def _valued(told: Mapping[str, str], reader: Reader, private: Private) -> dict[str, Any]:
    """Values of properties with history, as columns; only those that are told."""
    found: dict[str, Any] = {}
    for name, text in told.items():
        if not text:
            continue
        if name == "dealstage":
            found["stage"] = private.words("stage", reader.words.get(text, text))
        elif name == "pipeline":
            found["pipeline"] = private.words("pipeline", text)
        elif name == "deal_currency_code":
            code = text.upper()
            found["currency"] = code if len(code) == 3 and code.isascii() and code.isalpha() else None
        elif name == "closed_lost_reason":
            found["loss_reason"] = private.words("loss_reason", _named(text, reader, "loss_reasons"))
        elif name == "hubspot_owner_id":
            found["manager"] = private.words("manager", _named(text, reader, "managers"))
        elif name == "amount":
            found["amount"] = _amount(text, reader)
    return {column: value for column, value in found.items() if value is not None}


def _created(deal: Mapping[str, Any], values: Mapping[str, Any], reader: Reader) -> datetime | None:
    """People may set it; one that lies far ahead tells nothing, and the deal still counts."""
    found = moment(values.get("createdate")) or moment(deal.get("createdAt"))
    if found is not None and found - reader.arrival.received_at > CREATED_AHEAD:
        reader.outcome.passed_over[UNREADABLE] += 1
        return None
    return found


def _history(deal: Mapping[str, Any], reader: Reader, private: Private) -> Iterator[DealState]:
    """Versions that came at one moment are one state."""
    at: dict[datetime, dict[str, str]] = defaultdict(dict)
    for name in (*_VALUED, "amount"):
        for told_at, text in _versions(deal, name):
            at[told_at][name] = text
    for told_at in sorted(at):
        if values := _valued(at[told_at], reader, private):
            yield DealState(deal_id=str(deal["id"]), told_at=told_at, via="history", values=values)


def _absorbed(deal: Mapping[str, Any], told_at: datetime | None) -> Iterator[DealState]:
    """Deals of which HubSpot made this one: they are known by its property, since nothing else tells of them any more."""
    survivor = str(deal["id"])
    since: dict[str, datetime | None] = dict.fromkeys(merged_ids(deal), told_at)
    for version_at, text in _versions(deal, MERGED):
        for one in _ids(text):
            since[one] = min(since.get(one) or version_at, version_at)
    for deal_id, merged_at in since.items():
        if deal_id != survivor:
            values = {"is_deleted": True, "merged_into": survivor}
            yield DealState(deal_id=deal_id, told_at=merged_at, rank=STANDING_RANK, via="history", values=values)


def merged_ids(deal: Mapping[str, Any]) -> list[str]:
    """Ids of the deals that were merged into this one."""
    return _ids(_text((deal.get("properties") or {}).get(MERGED)))


def _client(deal_id: str, told_at: datetime | None, contacts: Sequence[Contact], reader: Reader) -> Iterator[DealState]:
    """Whose deal it is: a state of its own at the last change of the deal or of any of its contacts, since these change without
    the deal, and back again."""
    times = [at for at in (told_at, *(contact.changed_at for contact in contacts)) if at is not None]
    if times and (values := _who(contacts, reader)):
        yield DealState(deal_id=deal_id, told_at=max(times), rank=STANDING_RANK - 1, via="api", values=values)


def _versions(deal: Mapping[str, Any], name: str) -> list[tuple[datetime, str]]:
    """From first to last; HubSpot lists the newest first."""
    told = (deal.get("propertiesWithHistory") or {}).get(name) or []
    found = [(at, _text(one.get("value"))) for one in told if isinstance(one, dict) and (at := moment(one.get("timestamp")))]
    found.reverse()
    return sorted(found, key=lambda version: version[0])


def _mapped(values: Mapping[str, Any], reader: Reader, private: Private) -> dict[str, Any]:
    fields = reader.section.get("fields") or {}
    found = mapped_values(lambda name: _text(values.get(name)) or None, fields, private, reader.outcome.passed_over)
    found = {name: value for name, value in found.items() if value is not None}
    for column, names in (("loss_reason", "loss_reasons"), ("crm_source", "sources")):
        if column in found:
            found[column] = _named(found[column], reader, names)
    return found


def _who(contacts: Sequence[Contact], reader: Reader) -> dict[str, Any]:
    """The oldest contact that can be reached is the client; its first phone and e-mail are the deal's keys."""
    ordered = sorted(contacts, key=lambda contact: (len(contact.id), contact.id))
    usable = [(contact, *_usable(contact.person)) for contact in ordered]
    found = next((one for one in usable if one[1] or one[2]), usable[0] if usable else None)
    if found is None:
        return {}
    further = sum(len(phones) + len(emails) for _, phones, emails in usable) - bool(found[1]) - bool(found[2])
    if further:
        reader.outcome.passed_over["further_contact"] += further
    key = reader.arrival.identity_key
    return {
        "contact_id": found[0].id,
        "phone_hash": phone_hash(found[1][0], key) if found[1] else None,
        "email_hash": email_hash(found[2][0], key) if found[2] else None,
    }


def _usable(person: Person) -> tuple[list[str], list[str]]:
    return [phone for phone in person.phones if normal_phone(phone)], [email for email in person.emails if normal_email(email)]


def _named(told: str, reader: Reader, names: str) -> str:
    """The name that the settings give an id, else the id."""
    return str((reader.section.get(names) or {}).get(told, told))


def _amount(told: object, reader: Reader) -> Decimal | None:
    """The sum; one that is none is counted."""
    try:
        return rounded_sum(told if isinstance(told, float) else _text(told))
    except ValueError:
        reader.outcome.passed_over[UNREADABLE] += 1
        return None


def _ids(text: str) -> list[str]:
    return [one.strip() for one in text.split(";") if one.strip().isascii() and one.strip().isdigit()]


def _text(told: object) -> str:
    if isinstance(told, bool) or not isinstance(told, (str, int)):
        return ""
    return str(told).replace("\x00", "").strip()
