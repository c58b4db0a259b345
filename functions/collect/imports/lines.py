"""One line of an import → a record. The fields of each type are those of the raw record (shared/records.py), read by their
column's type; beside them `type`, `id`, and what is turned into stored columns here: `phone`, `email`, `ip`.

The sender's time is trusted. Ids are the sender's UUID, else derived from the line, so that the same file gives the same records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from functions.collect.hits import CLOCK_TOLERANCE, address, kept_of, store_address, store_referrer
from functions.collect.imports.addresses import with_scheme
from functions.collect.people.consent import PERSONAL_COLUMNS
from shared.addresses import mask_ip
from shared.identity import email_hash, phone_hash, redact, redact_emails
from shared.ids import derived_id, is_uuid
from shared.json_texts import json_of
from shared.marks import UTM
from shared.money import parse_amount
from shared.records import HIT, PAYMENT, REQUEST, Column, RecordKind
from shared.texts import CUT, LIMITS, Refused, fitting, hidden, identifier, whole
from shared.times import lake_text, parse_instant

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_SECONDS = 86_400
HIT_KINDS = ("page_view", "event", "form", "call_click", "email_open")
CONTACT_CHANNELS = ("form", "call", "email", "chat", "messenger", "visit", "manual")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": HIT_KINDS,
    "contact_channel": CONTACT_CHANNELS,
    "consent": ("granted", "denied"),
}
_CODES = {"currency": re.compile(r"[A-Z]{3}"), "country": re.compile(r"[A-Z]{2}")}
# Made here, never taken from outside: hashes (their key is ours), masked addresses and what the edge tells of them, hosts and paths
# (from the addresses).
_OURS = frozenset({
    "record_id", "received_at", "via", "phone_hash", "email_hash", "ip_masked", "asn", "is_own", "page_host", "page_path",
    "referrer_host", "agent_verdict",
})  # fmt: skip
_SPECIAL = frozenset({"type", "id", "occurred_at", "site_id", "phone", "email", "ip"})
_IDS = frozenset({"visitor_id", "request_id", "call_id", "deal_id", "payment_id"})
_MARKS = UTM | {"click_id"}  # ids of campaigns and clicks, whose digits stay


class LineType(NamedTuple):
    """A `type` of line: what it becomes, which fields it must have, which of phone, email, ip it may have."""

    kind: RecordKind
    needed: tuple[str, ...]
    extra: frozenset[str]

    @property
    def columns(self) -> dict[str, Column]:
        return {c.name: c for c in self.kind.columns if c.name not in _OURS}


TYPES: Mapping[str, LineType] = {
    "hit": LineType(HIT, (), frozenset({"ip"})),
    "request": LineType(REQUEST, ("contact_channel",), frozenset({"phone", "email"})),
    "payment": LineType(PAYMENT, ("deal_id", "amount"), frozenset()),
}
_COLUMNS = {name: line_type.columns for name, line_type in TYPES.items()}


@dataclass(slots=True)
class Import:
    """What all lines share; `identity_key()` is asked only where there is something to hash. `own_marks`: the site's own parameters
    (marks.py). `asked` notes requests of `channels`, which the CRM is to get, with phones and e-mails; `cuts` notes cut columns."""

    site_id: str
    currency: str
    now: datetime
    identity_key: Callable[[], bytes]
    own_marks: frozenset[str] = frozenset()
    channels: tuple[str, ...] = ()
    asked: list[tuple[dict[str, Any], list[str], list[str]]] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)


def record_of(line: bytes, shared: Import) -> tuple[RecordKind, dict[str, Any]]:
    """Line → (kind, record). Refused with the reason; quotes no value, names the field."""
    item = _parsed(line)
    line_type = TYPES.get(item["type"]) if isinstance(item.get("type"), str) else None
    if line_type is None:
        raise Refused("unknown_type", f"type must be one of {', '.join(TYPES)}")
    told = {name: value for name, value in item.items() if value is not None and value != ""}
    _check_names(told, item["type"], line_type)
    if told.get("site_id", shared.site_id) != shared.site_id:
        raise Refused("bad_field", "site_id is another site than the import's")
    occurred_at = _occurred_at(told, shared.now)
    record: dict[str, Any] = {
        "record_id": _record_id(told, occurred_at, shared.site_id),
        "site_id": shared.site_id,
        "occurred_at": lake_text(occurred_at),
        "received_at": lake_text(shared.now),
        "via": "import",
    }
    _read_address(told, record, shared)
    for name, value in told.items():
        column = _COLUMNS[item["type"]].get(name)
        if column is not None and name not in _SPECIAL and name not in ("page_url", "referrer"):
            record[name] = _READERS[column.type](value, name, shared.cuts)
    _FINISH[item["type"]](told, record, shared)
    return line_type.kind, record


def content_of(line: bytes) -> str:
    """What may be kept of a refused line: known fields without people's own; of an unreadable line, text without numbers."""
    try:
        item = json_of(line)
    except orjson.JSONDecodeError:
        item = None
    if not isinstance(item, dict):
        return hidden(line[:4_000].decode("utf-8", "replace"))
    known = {name for columns in _COLUMNS.values() for name in columns} | (_SPECIAL - {"phone", "email", "ip"})
    return kept_of(item, known)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        item = json_of(line)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_json", "the line is not valid JSON") from error
    if not isinstance(item, dict):
        raise Refused("bad_item", "the line must be a JSON object")
    return item


def _check_names(told: Mapping[str, Any], type_name: str, line_type: LineType) -> None:
    known = _COLUMNS[type_name].keys() | {"type", "id"} | line_type.extra
    for name in told:
        if name not in known:
            raise Refused("unknown_field", f"{type_name} has no field {redact(name[:500])[:50]!r}; leave it out or mend its name")
    for name in ("occurred_at", *line_type.needed):
        if name not in told:
            raise Refused("missing_field", f"{name} is needed")


def _occurred_at(told: Mapping[str, Any], now: datetime) -> datetime:
    try:
        occurred_at = parse_instant(told["occurred_at"])
    except (ValueError, OverflowError) as error:
        raise Refused("bad_time", f"occurred_at: {error}") from error
    if occurred_at > now + CLOCK_TOLERANCE:
        raise Refused("in_future", "occurred_at lies more than five minutes ahead of our clock")
    if occurred_at < EARLIEST:
        raise Refused("too_old", f"occurred_at lies before {EARLIEST:%Y}, which cannot be right")
    return occurred_at


def _record_id(told: Mapping[str, Any], occurred_at: datetime, site_id: str) -> str:
    sent = told.get("id")
    if sent is None:
        nested = next((name for name, value in told.items() if isinstance(value, (list, dict))), None)
        if nested is not None:
            raise Refused("bad_field", f"{nested} must not be a list or an object")
        return derived_id(occurred_at, site_id, "import", orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode())
    if isinstance(sent, bool) or not isinstance(sent, (str, int)) or len(str(sent)) > 200:
        raise Refused("bad_id", "id must be a UUID, or text of at most 200 characters that names the line for good")
    text = str(sent).lower()
    return text if is_uuid(text) else derived_id(occurred_at, site_id, "import", str(told["type"]), str(sent))


def _read_address(told: Mapping[str, Any], record: dict[str, Any], shared: Import) -> None:
    """Marks are read from page_url first; what the line itself tells of them stands above."""
    if "page_url" in told:
        parts: dict[str, Any] = {}
        store_address(parts, address(with_scheme(told["page_url"]), "page_url", shared.own_marks), shared.cuts)
        columns = _COLUMNS[told["type"]]
        record.update({name: value for name, value in parts.items() if name in columns or told["type"] == "hit"})
    if "referrer" in told:
        if not isinstance(told["referrer"], str):
            raise Refused("bad_field", "referrer must be text")
        store_referrer(record, with_scheme(told["referrer"]), shared.cuts)


def _text(value: object, name: str, cuts: list[str]) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refused("bad_field", f"{name} must be text")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise Refused("bad_field", f"{name} must be one of {', '.join(_CHOICES[name])}")
    if name in _CODES and not _CODES[name].fullmatch(value):
        raise Refused("bad_field", f"{name} must be a code of {LIMITS[name]} capital letters")
    if name in _IDS:
        return identifier(value, name)
    if name in CUT:
        return fitting(value, name, cuts)
    return (redact_emails if name in _MARKS else redact)(whole(value, name))


def _boolean(value: object, name: str, cuts: list[str]) -> bool:
    if not isinstance(value, bool):
        raise Refused("bad_field", f"{name} must be true or false")
    return value


def _whole_number(value: object, name: str, cuts: list[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SECONDS:
        raise Refused("bad_field", f"{name} must be a whole number from 0 to {MOST_SECONDS}")
    return value


def _amount(value: object, name: str, cuts: list[str]) -> Decimal:
    try:
        return parse_amount(value)
    except ValueError as error:
        raise Refused("bad_amount", f"{name}: {error}") from error


_READERS: Mapping[str, Callable[[object, str, list[str]], Any]] = {
    "varchar": _text,
    "boolean": _boolean,
    "bigint": _whole_number,
    "decimal(18,2)": _amount,
}


def _finish_hit(told: Mapping[str, Any], record: dict[str, Any], shared: Import) -> None:
    record.setdefault("kind", "page_view")
    if "ip" in told:
        record["ip_masked"] = mask_ip(told["ip"]) if isinstance(told["ip"], str) else None
        if record["ip_masked"] is None:
            raise Refused("bad_field", "ip must be an IPv4 or IPv6 address")
    if record.get("consent") == "denied":
        for column in PERSONAL_COLUMNS:
            record.pop(column, None)


def _finish_request(told: Mapping[str, Any], record: dict[str, Any], shared: Import) -> None:
    record.setdefault("request_id", record["record_id"])
    for name, hashed in (("phone", phone_hash), ("email", email_hash)):
        if name in told:
            sent = str(told[name]) if isinstance(told[name], (str, int)) else ""
            record[f"{name}_hash"] = hashed(sent, shared.identity_key())
            if record[f"{name}_hash"] is None:
                raise Refused("bad_field", f"{name} cannot be read; leave it out where there is none")
    if record["contact_channel"] in shared.channels:
        phones, emails = ([str(told[name])] if name in told else [] for name in ("phone", "email"))
        shared.asked.append((record, phones, emails))


def _finish_payment(told: Mapping[str, Any], record: dict[str, Any], shared: Import) -> None:
    record.setdefault("provider", "generic")
    record.setdefault("currency", shared.currency)
    record.setdefault("payment_id", record["record_id"])


_FINISH: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any], Import], None]] = {
    "hit": _finish_hit,
    "request": _finish_request,
    "payment": _finish_payment,
}
