"""The workers of the CRM package over given clients, each test with its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from functions.crm_webhook import wiring, worker
from functions.crm_webhook.api import tools
from functions.crm_webhook.tasks import handler as tasks
from shared import present

NAMES = {
    "STAGE": "test",
    "LAKE_BUCKET": "lake",
    "FILES_BUCKET": "files",
    "CRM_EVENT_STREAM": "crm-events",
    "PAYMENT_STREAM": "payments",
    "CONTACTS_TABLE": "contacts",
    "NUMBERS_TABLE": "numbers",
    "CRM_TABLE": "crm",
    "CRM_TASK_QUEUE_URL": "https://sqs.example/tasks",
}
_MADE: Any = (
    wiring.secrets, wiring.sites, wiring.writing, wiring.vault, wiring.clients, tools.tools, worker.worker, tasks.tasks,
)  # fmt: skip


def use(monkeypatch: pytest.MonkeyPatch, clients: Any, clock: Callable[[], datetime] = present.wall_clock) -> None:
    """`clients(service)` stands for AWS, `clock` for the present; call `forget` at the end."""
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    for module in (wiring, tools, tasks):
        monkeypatch.setattr(module, "client", clients)
    forget()
    present.follow(clock)


def forget() -> None:
    """What was made with a test's clients is made anew, and the present is the machine's."""
    present.follow(present.wall_clock)
    anew()


def anew() -> None:
    """What was made with a test's clients is made anew."""
    for made in _MADE:
        made.cache_clear()
