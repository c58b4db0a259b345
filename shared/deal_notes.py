"""A note for a deal of the CRM on its way through the queue of CRM tasks: written by the report (functions/report/path_notes/),
which knows the visits, read by the tasks (functions/crm_webhook/tasks/). It tells nothing of people: people read dead letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import orjson

TASK: Literal["note"] = "note"
PROVIDERS = ("amocrm", "bitrix24")  # to whose deals notes are written
DEAL = re.compile(r"(?:lead:)?[0-9]{1,18}")  # as in the marts behind `provider:`; smart processes have none
MOST_LINES, MOST_LETTERS = 40, 300  # of a line


def message(site_id: str, provider: str, deal: str, request_id: str, lines: Sequence[str], now: datetime) -> str:
    """The queue's message."""
    head = {"task": TASK, "site_id": site_id, "webhook_id": f"path:{provider}:{deal}", "received_at": now.isoformat()}
    body = {"provider": provider, "deal": deal, "request_id": request_id, "lines": [line[:MOST_LETTERS] for line in lines]}
    return orjson.dumps({**head, **body}).decode()
