"""An AWS client that waits throttling out, for work that nobody stands in front of. Doors have seconds and do without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.errors import WarehouseBusy, WarehouseError
from shared.query_errors import explain

# Codes of Athena, Glue and S3 that pass: too many calls or queries at once, and troubles of their own.
PASSING = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "Throttling",
        "RequestLimitExceeded",
        "RequestThrottledException",
        "RequestThrottled",
        "SlowDown",
        "503",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "InternalServerException",
        "InternalError",
        "RequestTimeout",
    }
)
MOST_ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.5  # doubled each time: 15.5 s in all


class Patient:
    """`client`, whose calls are repeated while `service` is busy: then WarehouseBusy. What else fails is a WarehouseError."""

    def __init__(self, client: Any, service: str, sleep: Callable[[float], None]) -> None:
        self._client, self._service, self._sleep = client, service, sleep

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **arguments: self._call(operation, arguments)

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                return getattr(self._client, operation)(**arguments)
            except ClientError as error:
                told = error.response.get("Error", {})
                code, message = told.get("Code", ""), told.get("Message", "")
                if code not in PASSING:
                    raise WarehouseError(explain(arguments.get("QueryExecutionId", ""), f"{code}: {message}")) from error
                if attempt == MOST_ATTEMPTS:
                    raise WarehouseBusy(self._busy(operation, code)) from error
                self._sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            except (HTTPClientError, ConnectionError) as error:  # botocore has tried three times by now
                raise WarehouseBusy(self._unreachable(operation, error)) from error
            except BotoCoreError as error:
                raise WarehouseError(self._unreachable(operation, error)) from error
        raise AssertionError("unreachable")

    def _busy(self, operation: str, code: str) -> str:
        return (
            f"{self._service} refused {operation} {MOST_ATTEMPTS} times in a row because it is busy ({code}). "
            f"What to do: run it again in some minutes; if it happens often, ask AWS for a higher {self._service} quota"
        )

    def _unreachable(self, operation: str, error: Exception) -> str:
        return (
            f"{self._service} could not be asked ({operation}): {error}. "
            "What to do: check the network and the credentials, then run it again"
        )
