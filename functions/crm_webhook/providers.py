"""CRMs that the door knows, as data: how each proves its origin, and what the door looks for in a body before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

from shared.errors import BadInput
from shared.new_requests import PROVIDER as REQUESTS_NAME


class Provider(NamedTuple):
    """One CRM. `setting` is the part of the site's `crm` settings without which its door is closed; an unsigned one proves itself
    by the path's token alone. `check` raises BadInput; None takes whatever came."""

    name: str
    is_signed: bool
    setting: str
    check: Callable[[bytes], None] | None
    content_type: str
    suffix: str

    @property
    def door(self) -> str:
        """Name of the door in metrics, secrets, rejects and quarantine."""
        return f"crm-{self.name}"

    @property
    def quarantine(self) -> str:
        """Where its raw bodies lie."""
        return f"quarantine/{self.door}/"


def _is_object(body: bytes) -> None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    if not isinstance(content, dict):
        raise BadInput("the body must be a JSON object with type, timestamp and data")


GENERIC = Provider("generic", True, "", _is_object, "application/json", "json")
# amoCRM switches a hook off after a hundred bad answers in two hours, so whatever comes with a good token is taken; what it holds
# is judged by the worker, which rejects with a reason instead.
AMOCRM = Provider("amocrm", False, "amocrm", None, "application/x-www-form-urlencoded", "form")
PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in (GENERIC, AMOCRM)}
# No door: new requests of our own, on their way to the CRM, travel in the same queue (shared/new_requests.py).
REQUESTS = Provider(REQUESTS_NAME, True, "new_requests", None, "application/json", "json")
IN_QUEUE: Mapping[str, Provider] = {**PROVIDERS, REQUESTS.name: REQUESTS}
