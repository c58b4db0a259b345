"""DynamoDB tables of our own kind (pk, sk) on moto, for doors whose other stores are fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws

from shared.aws import client

TABLES = ("numbers", "contacts")


@contextmanager
def dynamodb(tables: tuple[str, ...] = TABLES) -> Iterator[Any]:
    """A client that sees empty tables."""
    keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        client.cache_clear()
        with mock_aws():
            made = client("dynamodb")
            for table in tables:
                made.create_table(TableName=table, KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
            yield made
        client.cache_clear()


def items(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    """All items, attributes as plain values."""
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in dynamodb.scan(TableName=table)["Items"]]
