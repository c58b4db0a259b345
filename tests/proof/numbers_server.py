"""DynamoDB Local with the tables of numbers, for one module of proofs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from infra.servers.dynamodb_local import DynamoDbLocal
from tests.api.numbers_door import CONTACTS, TABLE, create_table
from tests.proof.lease_play import raw_client
from tests.requires import need_java, need_maven

THREADS = 16


class Server(NamedTuple):
    """A running server; `dynamodb` is a client without luck or faults."""

    endpoint: str
    dynamodb: Any


@contextmanager
def started() -> Iterator[Server]:
    """In memory; gone with the block."""
    need_java(17)
    need_maven()
    with DynamoDbLocal() as local:
        client = raw_client(local.endpoint, THREADS)
        for name in (TABLE, CONTACTS):
            create_table(client, name)
        yield Server(local.endpoint, client)
