"""Trino's REST protocol as far as it is needed here, over the requests of Trino's own client.

A statement is a chain of addresses: every answer names the next one, and the latest one asked again gives the same answer again.
Nothing runs before the first one is asked, so a statement that was handed over twice, because an answer was lost, runs once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from shared.errors import WarehouseBusy, WarehouseError
from shared.query_errors import explain
from shared.trino_place import Login, TrinoPlace
from shared.warehouse import Row

NOT_READY = ("NO_NODES_AVAILABLE", "SERVER_STARTING_UP")
REQUEST_SECONDS = 30.0  # an answer comes within a second, unless the coordinator is in trouble
MOST_ATTEMPTS = 3
_REST = r"/\w+/\d+(?:\?[\w.&=%-]*)?"
_ADDRESS = re.compile(rf"(?:https?://[^/]+)?/v1/statement/((?:queued|executing)/\w+{_REST})")
_NAME = re.compile(rf"(?:(?:queued|executing)/(\d{{8}}_\d{{6}}_\d+_\w+){_REST})|(\d{{8}}_\d{{6}}_\d+_\w+)")


class Lost(Exception):
    """Trino does not know that address (any more)."""


class NotReady(WarehouseError):
    """The server has only just started and has no node for a catalog yet; nothing of the query has run."""


class Failed(WarehouseError):
    """The query itself failed. `name` is Trino's name of it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Answer(NamedTuple):
    """`name` of the query, the address that is `next` (None at its end), seconds and bytes read so far, and some of the rows."""

    name: str
    next: str | None
    seconds: float
    bytes_scanned: int
    rows: Sequence[Row]


class TrinoClient:
    """One connection to one place, made on first use. Errors are WarehouseErrors, but for `Lost`."""

    def __init__(self, place: TrinoPlace, login: Login | None) -> None:
        if login and not place.tls:
            raise ValueError("a password or token for Trino is sent over TLS only; set tls, or leave it out")
        self.place, self._login = place, login
        self._connected: tuple[str, Any] | None = None

    def hand_over(self, sql: str) -> Answer:
        """Give Trino a statement; it does not run yet."""
        try:
            return self._read(self._send(lambda request: request.post(sql)))
        except Lost as error:
            raise WarehouseError(self._unreachable("there is no Trino (404)")) from error

    def ask(self, address: str) -> Answer:
        """Ask the next address of a statement; waits up to a second for something to tell. Lost, Failed, NotReady."""
        return self._read(self._send(lambda request: request.get(request.get_url(_path(address)))))

    def cancel(self, address: str) -> None:
        """Stop a statement. Lost where it is not known any more."""
        self._send(lambda request: request.delete(request.get_url(_path(address))))

    def _read(self, response: Any) -> Answer:
        from trino.exceptions import Error, HttpError, TrinoQueryError

        try:
            status = self._request().process(response)
            rows = _rows(status)
            following = _next(status.next_uri)
        except TrinoQueryError as error:
            name = str(error.query_id or "")
            message = explain(name, f"{error.error_name}: {error.message}")
            raise NotReady(message) if error.error_name in NOT_READY else Failed(name, message) from error
        except (Error, HttpError) as error:
            raise WarehouseBusy(self._unreachable(str(error))) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise WarehouseError(self._unreachable(f"its answer is none of a Trino ({error!r})")) from error
        seconds = int(status.stats.get("elapsedTimeMillis", 0)) / 1000
        return Answer(str(status.id), following, seconds, int(status.stats.get("physicalInputBytes", 0)), rows)

    def _send(self, send: Callable[[Any], Any]) -> Any:
        from requests.exceptions import RequestException, SSLError

        request = self._request()
        try:
            response = send(request)
        except SSLError as error:
            raise WarehouseError(self._unreachable(str(error))) from error
        except RequestException as error:
            raise WarehouseBusy(self._unreachable(str(error))) from error
        except OSError as error:
            raise WarehouseError(f"TRINO_CA cannot be used: {error}. What to do: name a file of PEM certificates") from error
        if response.status_code in (401, 403):
            self._not_let_in(response.status_code)
        if response.status_code in (404, 410):
            raise Lost
        return response

    def _request(self) -> Any:
        """Made anew when the secret has changed: tokens are short-lived, functions are not."""
        secret = self._login.read() if self._login else ""
        if self._connected is None or self._connected[0] != secret:
            self._connected = (secret, _connect(self.place, self._login, secret))
        return self._connected[1]

    def _not_let_in(self, status: int) -> NoReturn:
        raise WarehouseError(
            f"Trino at {self._where()} does not let user {self.place.user} in ({status}). What to do: compare TRINO_USER, and the "
            "secret that TRINO_PASSWORD_SECRET or TRINO_TOKEN_SECRET names, with what Trino expects"
        )

    def _unreachable(self, reason: str) -> str:
        return (
            f"Trino at {self._where()} did not answer as it should: {reason}. What to do: check TRINO_HOST, TRINO_PORT, TRINO_TLS "
            "and the network; where its certificate is not trusted, TRINO_CA. Then run it again"
        )

    def _where(self) -> str:
        return f"{'https' if self.place.tls else 'http'}://{self.place.host}:{self.place.port}"


def query_name(query_id: str) -> str:
    """Trino's own name of a query, of an address or of itself. WarehouseError for anything else."""
    found = _NAME.fullmatch(query_id)
    if found is None:
        raise WarehouseError(f"query {query_id} was not started on this Trino; start the step again")
    return str(found.group(1) or found.group(2))


def _path(address: str) -> str:
    if address == query_name(address):
        raise Lost
    return f"/v1/statement/{address}"


def _next(uri: str | None) -> str | None:
    """An address without its host: whatever an answer names, secrets go to the host of the settings only."""
    if not uri:
        return None
    found = _ADDRESS.fullmatch(uri)
    if found is None:
        raise ValueError(f"it names an address that is none of a statement: {uri}")
    return found.group(1)


def _rows(status: Any) -> Sequence[Row]:
    from trino.mapper import RowMapperFactory

    if not status.rows or not status.columns:
        return []
    mapped = RowMapperFactory().create(columns=status.columns, legacy_primitive_types=False).map(status.rows)
    names = [column["name"] for column in status.columns]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in mapped]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def _connect(place: TrinoPlace, login: Login | None, secret: str) -> Any:
    import requests
    from trino import auth
    from trino.client import ClientSession, TrinoRequest

    kind: Any = None
    if login:
        kind = auth.JWTAuthentication(secret) if login.kind == "token" else auth.BasicAuthentication(place.user, secret)
    session = ClientSession(
        user=place.user,
        catalog=place.marts_catalog,
        schema=place.schema,
        source="skvoz",
        timezone="UTC",
        # A day on which nothing arrived has no folder; that is no error.
        properties={f"{place.lake_catalog}.ignore_absent_partitions": "true"},
    )
    over = requests.Session()
    over.trust_env = False  # or REQUESTS_CA_BUNDLE would outdo TRINO_CA, and ~/.netrc name another user
    over.verify = place.ca or True
    make: Any = TrinoRequest
    return make(
        host=place.host,
        port=place.port,
        client_session=session,
        http_session=over,
        http_scheme="https" if place.tls else "http",
        auth=kind,
        max_attempts=MOST_ATTEMPTS,
        request_timeout=REQUEST_SECONDS,
    )
