"""Steps of people: sources for those for whom something changed, what everybody is worth as a whole (its classes hang on all)."""

from __future__ import annotations

from functions.attribution.customer_tables import CUSTOMERS, PERSON_SOURCES
from functions.attribution.work import Step, scoped, whole

CUSTOMER_STEPS: tuple[Step, ...] = (
    scoped("person_sources", PERSON_SOURCES, ("persons_scope_all", "persons_scope_touched"), "person_sources_old"),
    whole(CUSTOMERS),
)
