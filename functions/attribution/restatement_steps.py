"""The last two steps of a refresh: what it changes in closed days is noted first, then the figures of the days are put in place.

In this order a refresh that dies in between notes the same when it goes on, because the old figures still stand; and when it is
given up, what it noted tells the next refresh how the figures were when readers last saw them (docs/method.md, restated).
"""

from __future__ import annotations

from functions.attribution.restatement_tables import DAILY_FIGURES, RESTATEMENTS
from functions.attribution.statements import merge, render
from functions.attribution.work import Part, Step, Work, whole


def _restatements() -> Step:
    def statement(work: Work, part: Part) -> str:
        return merge(RESTATEMENTS, work.bind(render("restatements")), work.bind(render("restatements_old")))

    return Step("restatements", lambda work: [{}], statement)


RESTATEMENT_STEPS: tuple[Step, ...] = (_restatements(), whole(DAILY_FIGURES))
