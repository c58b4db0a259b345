"""Steps of people: sources for those for whom something changed, what everybody is worth as a whole (its classes hang on all)."""

from __future__ import annotations

from functions.attribution.customer_tables import CUSTOMERS, PERSON_SOURCES
from functions.attribution.statements import insert, merge, render
from functions.attribution.work import Part, Step, Work, whole


def _person_sources() -> Step:
    table = PERSON_SOURCES

    def statement(work: Work, part: Part) -> str:
        scope = "persons_scope_all" if work.is_full else "persons_scope_touched"
        text = work.bind(render("person_sources", scope=scope))
        if part["is_first"]:
            return insert(table, text)
        everything = "SELECT * FROM person_sources WHERE site_id = :site_id"
        return merge(table, text, work.bind(everything if work.is_full else render("person_sources_old", scope=scope)))

    return Step(table.name, lambda work: [{"is_first": work.holds_nothing(table)}], statement)


CUSTOMER_STEPS: tuple[Step, ...] = (_person_sources(), whole(CUSTOMERS))
