"""New requests of forms and imports → the CRM (settings `crm.new_requests`): who asks into the vault, the request into quarantine
and queue (shared/handing_over.py). Imported where a site asks for it, never at a cold start.

Requests without a contact, test traffic, and those told more than a day late are counted and not handed over: a CRM cannot answer
the first, and the others are no news.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from functions.collect.hits import CLOCK_TOLERANCE, Form
from functions.collect.people.bounds import Bounds
from shared.handing_over import HandingOver, not_handed_over
from shared.log import logger
from shared.marks import UTM
from shared.new_requests import ANYBODYS_DOOR, DOOR, HASHES
from shared.times import from_lake_text
from shared.touches import MARKS, marks_of, of_own_pages, own_hosts, touch_of, way_of
from shared.vault import Contact, Vault
from shared.ways import Way

LATE = timedelta(days=1)
MOST_OF_BATCH = 5  # anybody may send a batch; nobody sends more forms at once
MOST_OF_IMPORT = 200  # each is three writes before the answer
_TRIES = 2  # of the stores, for a form: nobody sends it again
_OF_REQUEST = ("request_id", "site_id", "contact_channel", "visitor_id", "form_name", "page_url", *UTM)


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
            handing().put(_began(form.request), of_own_pages(data, site), now)
            return True
        except Exception:
            told = {"site_id": site["site_id"], "request_id": form.request["request_id"], "tried": tried}
            logger().exception("a form's request could not be handed to the CRM", extra=told)
    return False


def hand_over_import(
    asked: Iterable[Asked],
    site: Mapping[str, Any],
    vault: Vault,
    handing: Callable[[], HandingOver],
    way: Callable[[str], Way | None],
    now: datetime,
) -> int:
    """Hand over the requests of one import; how many. `way` gives that of a visitor who leased a number. Errors of the stores are
    raised: the sender repeats the import, whose requests keep their ids."""
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
        handing().put(_began(one.record), _data(one.record, _way_of_import(one.record, site, way), hashes), now)
        handed += 1
    return handed


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
    """The first touch is the tracker's; of the visit that ends with the form the door knows what the form's page says."""
    hit = form.hit
    marks = {name: str(hit[name]) for name in MARKS if name in hit}
    first = touch_of(form.first, now + CLOCK_TOLERANCE)
    return way_of(first, marks, str(hit.get("referrer_host", "")), _began(form.request), own_hosts(site))


def _way_of_import(record: Mapping[str, Any], site: Mapping[str, Any], way: Callable[[str], Way | None]) -> dict[str, Any]:
    """The last source is that of the line's own marks, else of its page's; what led to the request otherwise nobody told."""
    told, marks = {name: str(record[name]) for name in UTM if record.get(name)}, marks_of(record.get("page_url"))
    marks = marks if told.items() <= marks.items() else told
    known = way(str(record["visitor_id"])) if record.get("visitor_id") else None
    return of_own_pages(way_of(known.first if known else None, marks, None, _began(record), own_hosts(site)), site)
