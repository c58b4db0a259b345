"""Conditional writes on DynamoDB Local: the refresh lock has one holder, however many reach for it at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.servers.dynamodb_local import DynamoDbLocal
from tests.requires import need_java, need_maven

pytestmark = [pytest.mark.proof, pytest.mark.dynamodb_local]

THREADS = 16
ROUNDS = 25
KEY = {"pk": {"S": "refresh"}, "sk": {"S": "lock"}}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    need_java(17)
    need_maven()
    with DynamoDbLocal() as server:
        client = botocore.session.get_session().create_client(
            "dynamodb",
            endpoint_url=server.endpoint,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1}),
        )
        client.create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def take_lock(dynamodb: Any, owner: str, now: int, seconds: int) -> bool:
    """One conditional put: the lock is free, or its lease has run out."""
    try:
        dynamodb.put_item(
            TableName="ledger",
            Item={**KEY, "owner": {"S": owner}, "expires_at": {"N": str(now + seconds)}},
            ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def race(dynamodb: Any, now: int, seconds: int) -> list[str]:
    """Everybody waits at the barrier, then reaches for the lock; gives those who believe they hold it."""
    barrier = Barrier(THREADS, timeout=30)

    def reach(number: int) -> str | None:
        owner = f"{now}-{number}"
        barrier.wait()
        return owner if take_lock(dynamodb, owner, now, seconds) else None

    with ThreadPoolExecutor(THREADS) as pool:
        return [owner for owner in pool.map(reach, range(THREADS)) if owner is not None]


def test_one_of_many_takes_the_lock_in_every_round(dynamodb: Any) -> None:
    dynamodb.delete_item(TableName="ledger", Key=KEY)
    for now in range(0, ROUNDS * 900, 900):  # each round begins in the second in which the former lease ends
        (winner,) = race(dynamodb, now, seconds=900)
        held = dynamodb.get_item(TableName="ledger", Key=KEY, ConsistentRead=True)["Item"]
        assert held["owner"]["S"] == winner
        assert int(held["expires_at"]["N"]) == now + 900


def test_nobody_takes_a_lock_whose_lease_runs(dynamodb: Any) -> None:
    dynamodb.delete_item(TableName="ledger", Key=KEY)
    assert take_lock(dynamodb, "holder", now=1000, seconds=900)
    assert race(dynamodb, now=1899, seconds=900) == []
    assert dynamodb.get_item(TableName="ledger", Key=KEY, ConsistentRead=True)["Item"]["owner"]["S"] == "holder"
    assert len(race(dynamodb, now=1900, seconds=900)) == 1
