"""One hit: what was sent → a record, by a list of small steps over a draft; each step may refuse it with a reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from functions.collect.people.consent import PERSONAL_COLUMNS
from shared.errors import BadInput, FieldError
from shared.ids import derived_id, is_uuid
from shared.marks import REFERRER_SCHEMES, Address, read_address, safe_address, without_query
from shared.texts import Reason, Refused, clean, fitting, identifier, outline
from shared.times import from_millis, lake_text

TRACKER_KINDS = ("page_view", "event", "form", "call_click")
PIXEL_KINDS = ("page_view", "email_open")
CLOCK_TOLERANCE = timedelta(minutes=5)
OLDEST = timedelta(days=7)
# Text fields of a hit, as sent → as stored. What happens to longer text: texts.py.
TEXTS = (("title", "page_title"), ("name", "event_name"), ("screen", "screen"), ("lang", "language"))

KNOWN = ("id", "t", "kind", "url", "ref", *(name for name, _ in TEXTS), "form", "request_id")  # others are passed over

_ADDRESSES = frozenset({"url", "ref", "page_url", "referrer"})


@dataclass(frozen=True, slots=True)
class Sender:
    """What all hits of one request share. `columns` are the same in each record; `skew` corrects a wrong clock; `own_marks` are
    the site's own parameters (marks.py)."""

    site_id: str
    now: datetime
    kinds: tuple[str, ...]
    skew: timedelta
    is_denied: bool
    columns: Mapping[str, Any]
    own_marks: frozenset[str] = frozenset()


@dataclass(slots=True)
class Draft:
    """A hit on its way: `record` grows, `cuts` notes columns whose text was cut."""

    item: Mapping[str, Any]
    sender: Sender
    record: dict[str, Any]
    cuts: list[str]
    occurred_at: datetime
    request_id: str | None = None
    form_name: str | None = None
    contact: object = None
    first: object = None


class Form(NamedTuple):
    """A form that made a request: its record, the record of its hit, and the visitor's first touch as sent."""

    request: dict[str, Any]
    hit: Mapping[str, Any]
    first: object


@dataclass(slots=True)
class Made:
    """What became of one request's items. `contacts`: forms that told a contact, as sent, beside the record of their request."""

    hits: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    contacts: list[tuple[dict[str, Any] | None, object]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    rejected: list[tuple[int, Reason, str]] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)


def clock_skew(sent_at: object, now: datetime) -> timedelta:
    """How far the sender's clock lies behind ours; nothing up to five minutes, which is the way of the request.

    BadInput when `sent_at` is there and no time.
    """
    if sent_at is None:
        return timedelta(0)
    try:
        skew = now - _instant(sent_at)
    except ValueError as error:
        raise BadInput("sent_at must be unix milliseconds", [FieldError("sent_at", "must be unix milliseconds")]) from error
    return skew if abs(skew) > CLOCK_TOLERANCE else timedelta(0)


def make(items: list[object], sender: Sender) -> Made:
    """Items → records, in order. Every item ends up either among the hits or among the rejected, with its place."""
    made = Made()
    seen: set[str] = set()
    for index, item in enumerate(items):
        try:
            draft = _walk(item, sender, made.cuts)
            record_id = draft.record["record_id"]
            if record_id in seen:
                raise Refused("repeated_id", "an earlier hit of this batch has the same id")
        except Refused as refused:
            made.rejected.append((index, refused.reason, refused.message))
            continue
        seen.add(record_id)
        made.hits.append(draft.record)
        request = _request(draft) if draft.request_id else None
        if request is not None:
            made.requests.append(request)
            made.forms.append(Form(request, draft.record, draft.first))
        if draft.contact is not None:
            made.contacts.append((request, draft.contact))
    return made


def _walk(item: object, sender: Sender, cuts: list[str]) -> Draft:
    if not isinstance(item, dict):
        raise Refused("bad_item", "a hit must be a JSON object")
    draft = Draft(item, sender, dict(sender.columns), cuts, sender.now)
    for step in STEPS:
        step(draft)
    return draft


def read_id(draft: Draft) -> None:
    """The sender's UUID makes a repeated delivery harmless."""
    sent = draft.item.get("id")
    if not isinstance(sent, str) or not is_uuid(sent.lower()):
        raise Refused("bad_id", "id must be a UUID, for example of version 7")
    draft.record["record_id"] = sent.lower()


def read_kind(draft: Draft) -> None:
    """What happened."""
    kind = draft.item.get("kind")
    if kind not in draft.sender.kinds:
        raise Refused("unknown_kind", f"kind must be one of {', '.join(draft.sender.kinds)}")
    draft.record["kind"] = kind


def read_time(draft: Draft) -> None:
    """`t` by the sender's clock, corrected by the skew; without it, now."""
    sent, now = draft.item.get("t"), draft.sender.now
    if sent is not None:
        try:
            draft.occurred_at = _instant(sent) + draft.sender.skew
        except (ValueError, OverflowError) as error:
            raise Refused("bad_time", "t must be unix milliseconds") from error
        if draft.occurred_at > now + CLOCK_TOLERANCE:
            raise Refused("in_future", "the hit is dated more than five minutes after it came, its clock corrected")
        if draft.occurred_at < now - OLDEST:
            raise Refused("too_old", "the hit is more than seven days old; older ones come through /v1/import")
    draft.record["occurred_at"] = lake_text(draft.occurred_at)


def read_page(draft: Draft) -> None:
    """Page, its host and path, and the marks in its address. Only an opened e-mail may be without one."""
    sent = draft.item.get("url")
    if not sent and draft.record["kind"] == "email_open":
        return
    page = address(sent, "url", draft.sender.own_marks)
    store_address(draft.record, page, draft.cuts, draft.sender.is_denied)


def read_referrer(draft: Draft) -> None:
    """Where the visitor came from. What is no address says nothing, and is no reason to lose the hit: counted as cut."""
    sent = draft.item.get("ref")
    if sent is None or sent == "":
        return
    if not isinstance(sent, str):
        raise Refused("bad_field", "ref must be text")
    store_referrer(draft.record, sent, draft.cuts, draft.sender.is_denied)


def read_texts(draft: Draft) -> None:
    """Title, names, screen, language."""
    for name, column in TEXTS:
        sent = draft.item.get(name)
        if sent is None:
            continue
        if not isinstance(sent, str):
            raise Refused("bad_field", f"{name} must be text")
        draft.record[column] = fitting(sent, column, draft.cuts)
    if draft.record["kind"] == "event" and not draft.record.get("event_name"):
        raise Refused("missing_field", "an event needs a name")


def read_form(draft: Draft) -> None:
    """A sent form: its name, the request id that goes to the CRM, and whom it was told to call (people/contacts.py)."""
    if draft.record["kind"] != "form":
        return
    form, request_id = draft.item.get("form"), draft.item.get("request_id")
    if not isinstance(form, (str, type(None))) or not isinstance(request_id, (str, type(None))):
        raise Refused("bad_field", "form and request_id must be text")
    if form:
        draft.form_name = fitting(form, "form_name", draft.cuts)
        draft.record.setdefault("event_name", draft.form_name)
    if request_id:
        draft.request_id = identifier(request_id, "request_id")
    draft.contact, draft.first = draft.item.get("contact"), draft.item.get("first")


def forget_denied(draft: Draft) -> None:
    """Without consent, nothing that would recognise the visitor is kept."""
    if draft.sender.is_denied:
        for column in PERSONAL_COLUMNS:
            draft.record.pop(column, None)


STEPS: tuple[Callable[[Draft], None], ...] = (
    read_id,
    read_kind,
    read_time,
    read_page,
    read_referrer,
    read_texts,
    read_form,
    forget_denied,
)


def address(sent: object, name: str, own_marks: frozenset[str] = frozenset()) -> Address:
    """The page's address. Refused when it is none."""
    if not isinstance(sent, str) or not sent:
        raise Refused("bad_url", f"{name} must be the full address of the page")
    try:
        return read_address(sent, own_marks=own_marks)
    except ValueError as error:
        raise Refused("bad_url", f"{name} must be a full http or https address") from error


def store_address(record: dict[str, Any], page: Address, cuts: list[str], is_denied: bool = False) -> None:
    """Columns of a page's address."""
    record["page_url"] = fitting(without_query(page.url) if is_denied else page.url, "page_url", cuts)
    record["page_host"] = page.host
    record["page_path"] = fitting(page.path, "page_path", cuts)
    for column, value in page.marks.items():
        record[column] = fitting(value, column, cuts)


def store_referrer(record: dict[str, Any], sent: str, cuts: list[str], is_denied: bool = False) -> None:
    """Columns of a referrer; noted in `cuts` where it is no address."""
    try:
        came_from = read_address(sent, REFERRER_SCHEMES)
    except ValueError:
        cuts.append("referrer")
        return
    record["referrer"] = fitting(without_query(came_from.url) if is_denied else came_from.url, "referrer", cuts)
    record["referrer_host"] = came_from.host


def kept_of(item: Mapping[str, Any], names: Collection[str], show: Callable[[str], str] = clean) -> str:
    """What may be kept of a refused item: fields of `names`, addresses as they would have been stored, other text as `show` gives
    it, and the mere length of what should not have been a list or an object."""
    kept: dict[str, Any] = {}
    for name in item.keys() & names:
        sent = item[name]
        if isinstance(sent, str) and not is_uuid(sent):
            sent = safe_address(sent) if name in _ADDRESSES else show(sent)
        elif isinstance(sent, (list, dict)):
            sent = outline(sent)
        kept[name] = sent
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


_OF_REQUEST = ("site_id", "occurred_at", "received_at", "via", "visitor_id", "page_url", "is_test",
               "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")  # fmt: skip


def _request(draft: Draft) -> dict[str, Any]:
    """The request (заявка) that a sent form makes; the same id on every repeat of the hit."""
    record = {name: draft.record[name] for name in _OF_REQUEST if name in draft.record}
    return {
        **record,
        "record_id": derived_id(draft.occurred_at, draft.sender.site_id, "request", draft.record["record_id"]),
        "request_id": draft.request_id,
        "contact_channel": "form",
        "form_name": draft.form_name,
    }


def _instant(sent: object) -> datetime:
    if isinstance(sent, bool) or not isinstance(sent, (int, float)):
        raise ValueError("not a number")
    try:
        return from_millis(int(sent))
    except OverflowError as error:
        raise ValueError("outside the calendar") from error
