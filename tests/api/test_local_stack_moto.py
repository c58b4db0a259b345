"""The local stack's changes to moto: objects of every type keep their bytes, and quick transactions still roll back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.aws import client

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("moto"), SimulatedClock(datetime(2026, 10, 1, tzinfo=UTC))) as running:
        yield running


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "application/json"])
def test_an_object_keeps_its_bytes_whatever_its_type(stack: LocalStack, kind: str) -> None:
    bucket, body = stack.environment["FILES_BUCKET"], b"leads[add][0][id]=7&x=%2B"
    client("s3").put_object(Bucket=bucket, Key="thing", Body=body, ContentType=kind)
    assert client("s3").get_object(Bucket=bucket, Key="thing")["Body"].read() == body


def put(table: str, key: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": {**key, **values}}}


def test_a_refused_transaction_leaves_the_table_as_it_was(stack: LocalStack) -> None:
    table, dynamodb = stack.environment["NUMBERS_TABLE"], client("dynamodb")
    tags, deep = {"SS": ["one"]}, {"M": {"inner": {"N": "1"}}}
    dynamodb.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}, "tags": tags, "deep": deep})
    changes = {":two": {"N": "2"}, ":more": {"SS": ["two"]}}
    update = {"TableName": table, "Key": KEY, "UpdateExpression": "SET n = :two, deep.#inner = :two ADD tags :more",
              "ExpressionAttributeValues": changes, "ExpressionAttributeNames": {"#inner": "inner"}}  # fmt: skip
    other = {"pk": {"S": "b"}, "sk": {"S": "1"}}
    refused = {
        "ConditionCheck": {"TableName": table, "Key": {**KEY, "sk": {"S": "9"}}, "ConditionExpression": "attribute_exists(pk)"}
    }
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}, put(table, other), refused])
    assert dynamodb.get_item(TableName=table, Key=KEY)["Item"] == {**KEY, "n": {"N": "1"}, "tags": tags, "deep": deep}
    assert "Item" not in dynamodb.get_item(TableName=table, Key=other)
    dynamodb.transact_write_items(TransactItems=[{"Update": update}, put(table, other)])
    assert dynamodb.get_item(TableName=table, Key=KEY)["Item"]["n"] == {"N": "2"}
    assert "Item" in dynamodb.get_item(TableName=table, Key=other)
