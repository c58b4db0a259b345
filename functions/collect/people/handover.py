"""New requests of forms and imports → the CRM (settings `crm.new_requests`): who asks into the vault, the request into quarantine
and queue (shared/handing_over.py). Imported where a site asks for it, never at a cold start.

Requests without a contact, test traffic, and those told more than a day late are counted and not handed over: a CRM cannot answer
the first, and the others are no news.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from functions.collect.hits import CLOCK_TOLERANCE, Form
from functions.collect.marks import REFERRER_SCHEMES, UTM, Address, read_address, without_query
from functions.collect.people.bounds import Bounds
from functions.collect.texts import fitting
from shared.handing_over import HandingOver, not_handed_over
from shared.hosts import plain_host
from shared.log import logger
from shared.new_requests import ANYBODYS_DOOR, DOOR, HASHES
from shared.times import from_lake_text, from_millis
from shared.vault import Contact, Vault

LATE = timedelta(days=1)
VISIT = timedelta(minutes=30)  # a page viewed so much later begins another visit (docs/method.md)
MOST_OF_BATCH = 5  # anybody may send a batch; nobody sends more forms at once
MOST_OF_IMPORT = 200  # each is three writes before the answer
MOST_SOURCE = 300  # characters
DIRECT = "direct"
FIRST_TOUCHES = datetime(2000, 1, 1, tzinfo=UTC)  # an earlier one is a clock that never ran
_TRIES = 2  # of the stores, for a form: nobody sends it again
_OF_REQUEST = ("request_id", "site_id", "contact_channel", "visitor_id", "form_name", "page_url", *UTM)


class Touch(NamedTuple):
    """A page that the visitor came to, and from where ("": nowhere)."""

    at: datetime
    page: Address
    referrer_host: str


class Asked(NamedTuple):
    """One request of an import that may be handed over: its record and the contacts it told."""

    record: Mapping[str, Any]
    contacts: Sequence[Contact]


def hand_over_forms(
    forms: Sequence[Form],
    kept: Collection[str],
    site: Mapping[str, Any],
    handing: Callable[[], HandingOver],
    bounds: Bounds,
    now: datetime,
) -> None:
    """Hand over the forms of one batch. `kept`: keys of contacts that the vault has. Nothing is raised: the hits are in the lake,
    and the tracker, which repeats a batch without the contacts, could not mend it."""
    for place, form in enumerate(forms):
        told = [name for name in HASHES if name in form.request]
        hashes = {name: str(form.request[name]) for name in told if form.request[name] in kept}
        reason = "too_many" if place >= MOST_OF_BATCH else _reason_against(form.request, bool(told), bool(hashes), now)
        whose = next(iter(hashes.values()), "")
        reason = reason or bounds.reason_against(form.hit, form.request["request_id"], whose, now)
        if reason:
            not_handed_over(reason)
        elif not _is_handed_over(form, hashes, site, handing, now):
            bounds.forget(form.hit, whose)
            not_handed_over("store")


def _is_handed_over(
    form: Form, hashes: Mapping[str, str], site: Mapping[str, Any], handing: Callable[[], HandingOver], now: datetime
) -> bool:
    """Tried twice: put again, it is the same request."""
    for tried in range(1, _TRIES + 1):
        try:
            data = _data(form.request, _way_of(form, site, now), hashes) | {DOOR: ANYBODYS_DOOR}
            handing().put(_began(form.request), _of_own_pages(data, site), now)
            return True
        except Exception:
            told = {"site_id": site["site_id"], "request_id": form.request["request_id"], "tried": tried}
            logger().exception("a form's request could not be handed to the CRM", extra=told)
    return False


def _of_own_pages(data: dict[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """Without addresses of anybody else's pages: people open what a deal shows them."""
    own = _own_hosts(site) | {plain_host(origin.partition("://")[2].partition(":")[0]) for origin in site.get("origins", ())}
    foreign = [name for name in ("page_url", "landing") if name in data and _host_of(str(data[name])) not in own]
    return {name: value for name, value in data.items() if name not in foreign}


def _host_of(url: str) -> str:
    try:
        return plain_host(read_address(url).host)
    except ValueError:
        return ""


def _own_hosts(site: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(map(plain_host, site.get("hosts", ())))


def hand_over_import(
    asked: Iterable[Asked], site: Mapping[str, Any], vault: Vault, handing: Callable[[], HandingOver], now: datetime
) -> int:
    """Hand over the requests of one import; how many. Errors of the stores are raised: the sender repeats the import, whose
    requests keep their ids."""
    handed = 0
    for one in asked:
        told = bool(one.contacts)
        reason = _reason_against(one.record, told, told and site.get("pii") == "vault", now)
        if not reason and handed >= MOST_OF_IMPORT:
            reason = "too_many"
        if reason:
            not_handed_over(reason)
            continue
        if vault.keep(site, one.contacts, "", now) < len(one.contacts):
            raise OSError("the vault did not take a contact")
        hashes = {f"{contact.kind}_hash": contact.key for contact in one.contacts}
        handing().put(_began(one.record), _data(one.record, {}, hashes), now)
        handed += 1
    return handed


def source_of(marks: Mapping[str, str], referrer_host: str, own_hosts: Collection[str]) -> str:
    """Where a page's visitor came from, as far as the page says: marks, else the click id's name, else the referrer's host, else
    `direct`. For people who read the deal; the report's own sources are made by its rules."""
    if "utm_source" in marks:
        parts = (marks.get(name, "") for name in ("utm_source", "utm_medium", "utm_campaign"))
        return " / ".join(filter(None, parts))[:MOST_SOURCE]
    if "click_id_name" in marks:
        return marks["click_id_name"]
    return DIRECT if not referrer_host or plain_host(referrer_host) in own_hosts else referrer_host


def _reason_against(record: Mapping[str, Any], is_told: bool, is_kept: bool, now: datetime) -> str:
    if record.get("is_test"):
        return "test"
    if now - _began(record) > LATE:
        return "late"
    if not is_told:
        return "no_contact"
    return "" if is_kept else "no_vault"


def _began(record: Mapping[str, Any]) -> datetime:
    return from_lake_text(str(record["occurred_at"]))


def _data(record: Mapping[str, Any], way: Mapping[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    told = {name: record[name] for name in _OF_REQUEST if record.get(name)}
    return {**way, **told, **hashes, "started_at": _began(record).isoformat()}


def _way_of(form: Form, site: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """First and last source, landing page, marks and click id. The first touch is the tracker's; of the visit that ends with the
    form the door knows what the form's page says, and the first touch where it began the same visit."""
    own = _own_hosts(site)
    hit, first = form.hit, _touch(form.first, now)
    host = str(hit.get("referrer_host", ""))
    marks = {name: hit[name] for name in (*UTM, "click_id_name", "click_id") if name in hit}
    last = source_of(marks, host, own)
    way: dict[str, Any] = {}
    if first:
        source = source_of(first.page.marks, first.referrer_host, own)
        landing = fitting(without_query(first.page.url), "page_url", [])
        way = {"first_at": first.at.isoformat(), "first_source": source[:MOST_SOURCE], "landing": landing}
        if last == DIRECT and _began(form.request) - first.at <= VISIT:
            marks, last = {name: fitting(text, name, []) for name, text in first.page.marks.items()}, source[:MOST_SOURCE]
    # A page reached from the site's own pages says nothing of where the visit came from.
    return {**way, **marks, "last_source": last if last != DIRECT or not host else None}


def _touch(sent: object, now: datetime) -> Touch | None:
    """A touch as the tracker keeps it: `{t, url, ref}`; None where it is none, or cannot have been."""
    if not isinstance(sent, dict) or not isinstance(sent.get("url"), str):
        return None
    try:
        at, page = from_millis(int(sent["t"])), read_address(sent["url"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not FIRST_TOUCHES <= at <= now + CLOCK_TOLERANCE:
        return None
    try:
        referrer = read_address(str(sent.get("ref") or ""), REFERRER_SCHEMES).host
    except ValueError:
        referrer = ""
    return Touch(at, page, referrer)
