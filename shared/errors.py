"""What can go wrong, as an interface. Raised where it is known, mapped to HTTP once (shared/http.py).

SkvozError
├── BadInput            400  the caller must change the request; `fields` name the places
│   ├── TooLarge        413
│   └── WrongType       415
├── Unauthorized        401  signature or token missing, wrong or stale
├── Forbidden           403  origin not listed for the site
├── NotFound            404
├── TryLater            503  nothing could be stored; the caller keeps it and repeats
├── SettingsError            a settings file is wrong; every mistake with its place
└── WarehouseError           a query failed; worded for the person who must act
    └── WarehouseBusy        the engine did not answer: nothing is known of the query, ask again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class FieldError(NamedTuple):
    """One mistake: `path` as in `items[3].page_url`, `message` for the sender."""

    path: str
    message: str


class SkvozError(Exception):
    """`code` is stable and machine-readable, `message` is for people, `fields` name the mistakes."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fields = tuple(fields)

    def body(self) -> dict[str, object]:
        """The one error shape of every answer."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "fields": [{"path": f.path, "message": f.message} for f in self.fields],
            }
        }


class BadInput(SkvozError):
    code = "bad_input"
    status = 400


class TooLarge(BadInput):
    code = "too_large"
    status = 413


class WrongType(BadInput):
    code = "wrong_content_type"
    status = 415


class Unauthorized(SkvozError):
    code = "unauthorized"
    status = 401


class Forbidden(SkvozError):
    code = "forbidden"
    status = 403


class NotFound(SkvozError):
    code = "not_found"
    status = 404


class TryLater(SkvozError):
    code = "try_later"
    status = 503


class SettingsError(SkvozError):
    code = "bad_settings"

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {f.path}: {f.message}" for f in self.fields)])


class WarehouseError(SkvozError):
    code = "query_failed"


class WarehouseBusy(WarehouseError):
    """Throttled or out of reach. A statement that was being started may run; asking with its token again gives that one."""
