"""Where a new request's client came from, for people who read the deal: first and last source, landing page, marks, click id. The
report's own sources are made by its rules. Pure.

A touch is told as the tracker keeps it, `{t, url, ref}`: a page, when, and the page that led there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from shared.hosts import plain_host
from shared.marks import REFERRER_SCHEMES, UTM, Address, read_address, without_query
from shared.texts import fitting
from shared.times import from_millis

VISIT = timedelta(minutes=30)  # a page viewed so much later begins another visit (docs/method.md)
MOST_SOURCE = 300  # characters
DIRECT = "direct"
FIRST_TOUCHES = datetime(2000, 1, 1, tzinfo=UTC)  # an earlier one is a clock that never ran
MARKS = (*sorted(UTM), "click_id_name", "click_id")
_PAGES = ("page_url", "landing")


class Touch(NamedTuple):
    """A page that the visitor came to, without its query, what its address was marked with, and from where ("": nowhere)."""

    at: datetime
    url: str
    marks: Mapping[str, str]
    referrer_host: str


def touch_of(sent: object, latest: datetime) -> Touch | None:
    """A touch as the tracker tells it; None where it is none, or cannot have been."""
    if not isinstance(sent, dict) or not isinstance(sent.get("url"), str):
        return None
    try:
        at, page = from_millis(int(sent["t"])), read_address(sent["url"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not FIRST_TOUCHES <= at <= latest:
        return None
    url = fitting(without_query(page.url), "page_url", [])
    return Touch(at, url, _fitting_marks(page), referrer_host(sent.get("ref")))


def marks_of(url: object) -> dict[str, str]:
    """UTM marks and click id of a page's address; nothing of what is none."""
    try:
        return _fitting_marks(read_address(url)) if isinstance(url, str) else {}
    except ValueError:
        return {}


def _fitting_marks(page: Address) -> dict[str, str]:
    return {name: fitting(text, name, []) for name, text in page.marks.items()}


def referrer_host(referrer: object) -> str:
    """Host of the page that led here; "" for none."""
    try:
        return read_address(str(referrer or ""), REFERRER_SCHEMES).host
    except ValueError:
        return ""


def source_of(marks: Mapping[str, str], referrer_host: str, own_hosts: Collection[str]) -> str:
    """Where a page's visitor came from, as far as the page says: marks, else the click id's name, else the referrer's host, else
    `direct`."""
    if "utm_source" in marks:
        parts = (marks.get(name, "") for name in ("utm_source", "utm_medium", "utm_campaign"))
        return " / ".join(filter(None, parts))[:MOST_SOURCE]
    if "click_id_name" in marks:
        return marks["click_id_name"]
    return DIRECT if not referrer_host or plain_host(referrer_host) in own_hosts else referrer_host


def way_of(
    first: Touch | None, marks: Mapping[str, str], referrer_host: str | None, at: datetime, own_hosts: Collection[str]
) -> dict[str, Any]:
    """First and last source, landing page, marks and click id, by the names of shared/new_requests.py.

    `marks` and `referrer_host` are those of the page seen at `at`, from which the request came; None where nobody knows what led to
    it. Of the visit that ends with the request that page says what it can, and the first touch where it began the same visit.
    """
    last = source_of(marks, referrer_host or "", own_hosts)
    way: dict[str, Any] = {}
    if first:
        source = source_of(first.marks, first.referrer_host, own_hosts)[:MOST_SOURCE]
        way = {"first_at": first.at.isoformat(), "first_source": source, "landing": first.url}
        if last == DIRECT and at - first.at <= VISIT:
            marks, last = first.marks, source
    # A page reached from the site's own pages says nothing of where the visit came from.
    is_known = last != DIRECT or referrer_host == ""
    return {**way, **marks, "last_source": last if is_known else None}


def own_hosts(site: Mapping[str, Any]) -> frozenset[str]:
    """The site's hosts in their one spelling."""
    return frozenset(map(plain_host, site.get("hosts", ())))


def of_own_pages(data: dict[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """A request's data without addresses of anybody else's pages: people open what a deal shows them."""
    own = own_hosts(site) | {plain_host(origin.partition("://")[2].partition(":")[0]) for origin in site.get("origins", ())}
    foreign = [name for name in _PAGES if name in data and _host_of(str(data[name])) not in own]
    return {name: value for name, value in data.items() if name not in foreign}


def _host_of(url: str) -> str:
    try:
        return plain_host(read_address(url).host)
    except ValueError:
        return ""
