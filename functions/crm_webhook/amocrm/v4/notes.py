"""How many calls, messages and letters a deal took: amoCRM's notes of its lead, counted. Their text is never kept: it holds phones.

Counted are notes on the lead alone; a call that the telephony wrote to the contact is not among them, nor are chats, which amoCRM
keeps as talks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from functions.crm_webhook.amocrm.v4.answers import id_of
from functions.crm_webhook.amocrm.v4.line import MOST_IDS, Query, chunks, embedded, has_next
from functions.crm_webhook.api.line import Line
from shared.times import from_millis

TYPES = ("call_in", "call_out", "sms_in", "sms_out", "amomail_message")
MOST_LEADS = 50  # that one list is asked for


class Talks(NamedTuple):
    """How many; `last_at` is when the latest was written, None where there is none."""

    how_many: int
    last_at: datetime | None


def talks_of(line: Line, leads: Sequence[str]) -> dict[str, Talks]:
    """Of each lead. SectionClosed where the API's user may not read notes."""
    found: dict[str, dict[str, datetime | None]] = {lead: {} for lead in leads}
    for some in chunks(list(found), MOST_LEADS):
        query: Query = [
            *(("filter[entity_id][]", one) for one in some),
            *(("filter[note_type][]", one) for one in TYPES),
            ("limit", MOST_IDS),
        ]
        page = 1
        while True:
            answer = line.get("/api/v4/leads/notes", [*query, ("page", page)])
            for note in embedded(answer, "notes"):
                lead, at = str(note.get("entity_id")), note.get("created_at")
                if lead in found and note.get("note_type") in TYPES and id_of(note):
                    # By its id: a list whose head grows while it is read tells some notes twice.
                    found[lead][id_of(note)] = from_millis(at * 1000) if type(at) is int and 0 < at < 10**11 else None
            if not has_next(answer):
                break
            page += 1
    times = {lead: [at for at in notes.values() if at is not None] for lead, notes in found.items()}
    return {lead: Talks(len(notes), max(times[lead], default=None)) for lead, notes in found.items()}
