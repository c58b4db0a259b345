"""Nothing missed: every deal that changed since the last good mark is read through the CRM's API, page by page.

A page counts as read once its records are in the lake, and what it leaves for later in the queue of tasks; then the walk is kept,
so that a run that ends or dies goes on where it was.
The same walk over deals by their creation is a backfill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from functions.crm_webhook.adapters import reader_of
from functions.crm_webhook.api.crm import CrmReader, Span, Tools
from functions.crm_webhook.outcome import Arrival
from functions.crm_webhook.reconcile.marks import Marks, Walk, failed
from functions.crm_webhook.tasks.orders import read_orders
from functions.crm_webhook.writing import Writing
from shared.errors import TryLater
from shared.ids import derived_id
from shared.log import count, logger
from shared.times import local_midnight

OVERLAP = timedelta(minutes=10)  # clocks differ, and changes become visible late
FIRST_REACH = timedelta(days=30)  # of the first check ever; what is older is a backfill's


class Progress(NamedTuple):
    """`deals` read by this run; `walk` as it stands now (None: another reader holds it); `is_done`: nothing is left of its span."""

    deals: int
    walk: Walk | None
    is_done: bool


class Reconciler:
    """`identity_key` gives the key of people's hashes, `put_task` puts a message into the queue of tasks, `on_page` is told after
    every page."""

    def __init__(
        self,
        marks: Marks,
        writing: Writing,
        tools: Tools,
        identity_key: Callable[[datetime], bytes],
        put_task: Callable[[str], None],
        on_page: Callable[[Walk], None] = lambda walk: None,
    ) -> None:
        self._marks, self._writing, self._tools = marks, writing, tools
        self._identity_key, self._put_task, self._on_page = identity_key, put_task, on_page

    def check(self, site: Mapping[str, Any], provider: str, has_time: Callable[[], bool]) -> Progress:
        """Everything that changed since the last good mark. Stops where `has_time` says no; the next run goes on."""
        now = self._tools.clock()
        walk = self._marks.take(str(site["site_id"]), provider, now)
        if walk is None:
            return Progress(0, None, False)
        if walk.span is None:
            first = now - FIRST_REACH if walk.done_until is None else walk.done_until - OVERLAP
            walk = replace(walk, span=Span(first, now), cursor="", deals=0)
        return self._walked(site, walk, has_time)

    def walks(self, site_id: str) -> list[Walk]:
        """Every walk of a site."""
        return self._marks.all(site_id)

    def backfill(self, site: Mapping[str, Any], provider: str, first: date, last: date, has_time: Callable[[], bool]) -> Progress:
        """Deals made from the first to the last day (site-local, both included). A span that was walked whole is done at once."""
        now = self._tools.clock()
        walk = self._marks.take(str(site["site_id"]), f"{provider}#{first}:{last}", now)
        if walk is None:
            return Progress(0, None, False)
        if walk.span is None and walk.done_until is not None:
            self._marks.keep(walk, now, is_over=True)
            return Progress(0, walk, True)
        if walk.span is None:
            zone = str(site["time_zone"])
            span = Span(local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone), "created")
            walk = replace(walk, span=span, cursor="", deals=0)
        return self._walked(site, walk, has_time)

    def _walked(self, site: Mapping[str, Any], walk: Walk, has_time: Callable[[], bool]) -> Progress:
        reader = reader_of(site, walk.provider, self._tools)
        if reader is None:
            raise LookupError(f"crm.{walk.provider}.api of the site's settings is not set")
        before = walk.deals
        try:
            while walk.span is not None and has_time():
                walk = self._page(site, reader, walk)
                if not self._marks.keep(walk, self._tools.clock(), is_over=walk.span is None):
                    return Progress(walk.deals - before, None, False)
                self._on_page(walk)
        except TryLater as error:
            walk = failed(walk, error.message, self._tools.clock())
            logger().warning(
                "deals of the CRM cannot be checked now",
                extra={"site_id": walk.site_id, "provider": walk.provider, "why": error.message},
            )
            count({"CrmNotChecked": 1}, Provider=walk.provider)
        except Exception as error:
            # A cursor that the CRM takes no more, or what nobody expected of it: the span is walked from its beginning next time.
            walk = failed(replace(walk, cursor=""), type(error).__name__, self._tools.clock())
            self._marks.keep(walk, self._tools.clock(), is_over=True)
            raise
        if walk.span is not None:
            self._marks.keep(walk, self._tools.clock(), is_over=True)
        return Progress(walk.deals - before, walk, walk.span is None)

    def _page(self, site: Mapping[str, Any], reader: CrmReader, walk: Walk) -> Walk:
        span = walk.span
        if span is None:
            raise ValueError("nothing is being walked")
        now, site_id = self._tools.clock(), walk.site_id
        cause = "\x1f".join([walk.name, span.first.isoformat(), span.last.isoformat(), walk.cursor])
        arrival = Arrival(site_id, derived_id(now, site_id, cause), now, self._identity_key(now))
        page = reader.page(span, walk.cursor, arrival)
        batch_id = derived_id(now, site_id, cause)
        self._writing.write(page.outcome, f"crm-{walk.provider}", site, arrival, batch_id, f"{walk.name}, a page of the API", now)
        # What the page leaves for later (a client of many deals) is queued before the mark goes on.
        for text in read_orders(site_id, walk.provider, page.outcome.to_read, arrival.webhook_id, now):
            self._put_task(text)
        count({"CrmChecked": page.deals}, Provider=walk.provider)
        walk = replace(walk, cursor=page.cursor, deals=walk.deals + page.deals, failed="", failed_at="")
        return walk if page.cursor else replace(walk, span=None, done_until=span.last)
