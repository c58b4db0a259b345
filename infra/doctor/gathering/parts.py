"""Reading part by part: a right that is missing, or a service that does not answer, hides one part and not the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import SkvozError

T = TypeVar("T")
Clients = Callable[[str], Any]


class Parts:
    """`unread`: what could not be read → why, in a few words."""

    def __init__(self) -> None:
        self.unread: dict[str, str] = {}

    def read(self, what: str, read: Callable[[], T]) -> T | None:
        """What `read` gives, or None with the reason kept."""
        try:
            return read()
        except ClientError as error:
            told = error.response.get("Error", {})
            self.unread[what] = f"{error.operation_name}: {told.get('Code', 'error')}"
        except (BotoCoreError, SkvozError, ValueError, KeyError, TypeError) as error:
            self.unread[what] = f"{type(error).__name__}: {str(error)[:200]}"
        return None
