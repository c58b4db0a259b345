"""amoCRM's API v4: leads and customers read by id, and pages of what changed or was made within a span of time.

A walk has phases: `leads`; `contacts` and `companies` that changed (their leads do not change with them); `removed` (deletions,
restorations and merges, of which the list of leads says nothing); `customers` where the settings want them. The cursor is JSON:
the phase, the second that its next page begins with, and that page's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from functions.crm_webhook.amocrm.states import PROVIDER
from functions.crm_webhook.amocrm.v4.answers import id_of, linked_ids
from functions.crm_webhook.amocrm.v4.customers import WITH as CUSTOMERS_WITH
from functions.crm_webhook.amocrm.v4.customers import tell_customers, tell_found
from functions.crm_webhook.amocrm.v4.gone import Deletions, shown
from functions.crm_webhook.amocrm.v4.history import ENDS, MERGED, MOST_EVENTS, merges_of, read_events
from functions.crm_webhook.amocrm.v4.leads import WITH, Telling, client_states
from functions.crm_webhook.amocrm.v4.line import MOST_IDS, Query, SectionClosed, embedded, has_next, line_of
from functions.crm_webhook.api.crm import CrmReader, Page, Span, Tools, section_of
from functions.crm_webhook.api.line import Line
from functions.crm_webhook.api.pace import Pace
from functions.crm_webhook.outcome import Arrival, Outcome, Pointer
from shared.log import logger

LEADS, CONTACTS, COMPANIES, REMOVED, CUSTOMERS = "leads", "contacts", "companies", "removed", "customers"
_WITH = {LEADS: WITH, CONTACTS: "leads", COMPANIES: "leads", CUSTOMERS: CUSTOMERS_WITH}
_ENTITIES = {"lead": LEADS, "contact": CONTACTS, "company": COMPANIES, "customer": CUSTOMERS}


def reader(site: Mapping[str, Any], tools: Tools) -> CrmReader:
    """The site's amoCRM."""
    return AmoReader(line_of(site, tools), section_of(site, PROVIDER), str(site["currency"]), tools.pace)


class Cursor(NamedTuple):
    """Where a walk goes on: the page `page` of the list that begins at `first` (unix seconds)."""

    phase: str
    first: int
    page: int = 1

    @classmethod
    def of(cls, text: str, phases: Sequence[str], span: Span) -> Cursor:
        """A cursor that is none (of another version) begins the walk again."""
        try:
            phase, first, page = orjson.loads(text or "null")
            if phase in phases and type(first) is int and type(page) is int:
                return cls(phase, first, page)
        except (ValueError, TypeError):
            pass
        return cls(phases[0], int(span.first.timestamp()))

    def text(self) -> str:
        return orjson.dumps(list(self)).decode()


class AmoReader:
    """`amo` are the site's settings of amoCRM."""

    def __init__(self, line: Line, amo: Mapping[str, Any], currency: str, pace: Pace) -> None:
        self._line, self._amo, self._currency, self._pace = line, amo, currency, pace

    def read(self, pointers: Sequence[Pointer], arrival: Arrival) -> Outcome:
        """What these point at: leads, the clients' keys of contacts' and companies' leads, customers."""
        telling = self._telling(arrival)
        wanted: dict[str, list[str]] = {name: [] for name in _ENTITIES.values()}
        for pointer in pointers:
            if telling.has_id(pointer.entity, {"id": pointer.id}):
                wanted[_ENTITIES.get(pointer.entity, LEADS)].append(pointer.id)
        for name in (CONTACTS, COMPANIES):
            found = list(shown(self._line, name, wanted[name], _WITH[name]).found.values()) if wanted[name] else []
            if alone := sum(not linked_ids(one, LEADS) for one in found):
                telling.outcome.passed_over["contact_without_leads"] += alone
            client_states(telling, found, name)
        if wanted[LEADS]:
            telling.leads(wanted[LEADS])
        if wanted[CUSTOMERS]:
            try:
                tell_customers(telling, wanted[CUSTOMERS])
            except SectionClosed:
                telling.outcome.passed_over["section_closed"] += len(wanted[CUSTOMERS])
        return telling.outcome

    def page(self, span: Span, cursor: str, arrival: Arrival) -> Page:
        """A page of one phase's list."""
        phases = self._phases(span)
        at = Cursor.of(cursor, phases, span)
        telling = self._telling(arrival)
        told, after = self._told(telling, span, at)
        if after is None:
            later = phases[phases.index(at.phase) + 1 :]
            after = Cursor(later[0], int(span.first.timestamp())) if later else None
        return Page(telling.outcome, after.text() if after else "", told)

    def _told(self, telling: Telling, span: Span, at: Cursor) -> tuple[int, Cursor | None]:
        """A section that is closed to us does not keep the others from being read; without leads there is nothing to read."""
        try:
            return self._removed(telling, span, at) if at.phase == REMOVED else self._listed(telling, span, at)
        except SectionClosed as error:
            if at.phase == LEADS:
                raise
            telling.outcome.passed_over["section_closed"] += 1
            logger().warning("a section of amoCRM is not read", extra={"section": at.phase, "why": error.message})
            return 0, None

    def _phases(self, span: Span) -> list[str]:
        phases = [LEADS, CONTACTS, COMPANIES, REMOVED] if span.by == "changed" else [LEADS]
        return [*phases, CUSTOMERS] if self._amo.get("customers") else phases

    def _telling(self, arrival: Arrival) -> Telling:
        return Telling(self._line, self._amo, self._currency, arrival, Deletions(self._pace, arrival.site_id))

    def _listed(self, telling: Telling, span: Span, at: Cursor) -> tuple[int, Cursor | None]:
        """Deals told, and where to go on in this list; None at its end.

        The list is ordered by the time that it is chosen by, and the next page begins with the last second of this one, so that
        what changes meanwhile moves nothing out of reach. Only where one second fills a page (a mass edit) pages are counted: then
        the page before is read again, because what left it pulled others over from this one.
        """
        field = "updated_at" if span.by == "changed" else "created_at"
        answer = self._list(at, span, field, at.page)
        found = embedded(answer, at.phase)
        if at.page > 1:
            found = [*embedded(self._list(at, span, field, at.page - 1), at.phase), *found]
        once = list({id_of(one): one for one in found}.values())
        told = self._tell(telling, at.phase, once)
        if not has_next(answer):
            return told, None
        times = [time for one in embedded(answer, at.phase) if type(time := one.get(field)) is int]
        if times == sorted(times) and times and times[-1] > at.first:
            return told, Cursor(at.phase, times[-1])
        return told, at._replace(page=at.page + 1)

    def _list(self, at: Cursor, span: Span, field: str, page: int) -> Any:
        query: Query = [
            ("with", _WITH[at.phase]),
            (f"filter[{field}][from]", at.first),
            (f"filter[{field}][to]", int(span.last.timestamp())),
            (f"order[{field}]", "asc"),
            ("limit", MOST_IDS),
            ("page", page),
        ]
        return self._line.get(f"/api/v4/{at.phase}", query)

    def _tell(self, telling: Telling, phase: str, found: Sequence[dict[str, Any]]) -> int:
        if not found:
            return 0
        if phase == LEADS:
            telling.found_leads([one for one in found if not one.get("is_deleted")])
            telling.gone([id_of(one) for one in found if one.get("is_deleted") and telling.has_id(phase, one)])
            return len(found)
        if phase == CUSTOMERS:
            return tell_found(telling, found)
        return client_states(telling, found, phase)

    def _removed(self, telling: Telling, span: Span, at: Cursor) -> tuple[int, Cursor | None]:
        query: Query = [
            ("filter[entity]", "lead"),
            ("filter[type]", ",".join(ENDS)),
            ("filter[created_at][from]", at.first),
            ("filter[created_at][to]", int(span.last.timestamp())),
            ("limit", MOST_EVENTS),
            ("page", at.page),
        ]
        answer = self._line.get("/api/v4/events", query)
        events = list(read_events(embedded(answer, "events"), telling.outcome.passed_over))
        merged = [lead for merge in merges_of(events) for lead in merge.leads]
        leads = [*(event.lead for event in events if event.type != MERGED), *merged]
        told = telling.leads(leads, is_walk=True) if leads else 0
        return told, at._replace(page=at.page + 1) if has_next(answer) else None
