"""AWS clients: made on first use, never at import; one per service and process. Endpoints and region come from the environment
(AWS_ENDPOINT_URL and its kin), so the same code runs in AWS, in a compatible cloud and on the local stack."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

_ONE_AT_A_TIME = threading.Lock()  # a session is not made for clients being created side by side (the local gateway has threads)


class Patience(NamedTuple):
    """Tries of a call, and seconds that each waits for the line and for the answer."""

    tries: int
    connect: float
    read: float

    @property
    def longest(self) -> float:
        """Seconds that a call may take at most."""
        return self.tries * (self.connect + self.read)


For = Literal["work", "door", "question"]
PATIENCE: Mapping[For, Patience] = {
    "work": Patience(3, 2, 10),
    "door": Patience(2, 1, 3),  # a door has seconds, and must still spill or say 503 when a store is slow
    "question": Patience(1, 0.3, 0.4),  # somebody hears it ringing; an answer of the table takes a hundredth of that
}
# Services whose calls are made once: a second one of a mail that was taken and not answered in time would be a second mail.
_ONCE = {"sesv2"}


@cache
def client(service: str, use: For = "work") -> Any:
    """Shared low-level client. botocore directly: boto3's resources would cost every cold start and serve nothing. What sends mail
    asks once and waits for a minute."""
    from botocore.config import Config

    patience = PATIENCE[use]
    if service in _ONCE:
        patience = patience._replace(tries=1, read=60)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        connect_timeout=patience.connect,
        read_timeout=patience.read,
    )
    with _ONE_AT_A_TIME:
        return _session().create_client(service, config=config)


def door_client(service: str) -> Any:
    """`client` for doors."""
    return client(service, "door")


def question_client(service: str) -> Any:
    """`client` for what is asked while a call rings."""
    return client(service, "question")


@cache
def _session() -> Any:
    """One session for all clients; it reads its service models with orjson (the stock reader costs a cold start 40 ms more)."""
    import botocore.loaders
    import botocore.session
    import orjson

    class ModelFiles(botocore.loaders.JSONFileLoader):  # type: ignore[misc,unused-ignore]  # its base is untyped, unless stubs are there
        def _load_file(self, full_path: str, open_method: Any) -> Any:
            try:
                with open_method(full_path, "rb") as file:
                    return orjson.loads(file.read())
            except FileNotFoundError:
                return None

    session = botocore.session.get_session()
    session.get_component("data_loader").file_loader = ModelFiles()
    return session


def env(name: str) -> str:
    """Required setting of the function; template.yaml gives it. RuntimeError names what is missing."""
    try:
        return os.environ[name]
    except KeyError as error:
        raise RuntimeError(f"environment variable {name} is not set; template.yaml must give it to this function") from error
