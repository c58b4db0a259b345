"""The cost inbox on botocore itself: versions, copies and missing objects behave as the fakes say."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest
from moto import mock_aws

from functions.costs import handler
from shared.aws import client
from shared.settings import parse_settings, published

EVENT = json.loads((Path(__file__).parents[1] / "events" / "s3_cost_file.json").read_text())


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    names = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**names, "LAKE_BUCKET": "lake", "FILES_BUCKET": "files"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client.cache_clear()
    handler.inbox.cache_clear()
    with mock_aws():
        s3 = client("s3")
        for bucket in ("lake", "files"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
        site = published(parse_settings({"site_id": "kvartal", "name": "Квартал", "hosts": ["kvartal.example"]}))
        s3.put_object(Bucket="files", Key="settings/kvartal/current.json", Body=orjson.dumps(site))
        yield s3
    client.cache_clear()
    handler.inbox.cache_clear()


def upload(s3: Any, name: str, body: bytes) -> dict[str, Any]:
    key = f"costs/inbox/kvartal/{name}"
    put = s3.put_object(Bucket="files", Key=key, Body=body)
    event: dict[str, Any] = copy.deepcopy(EVENT)
    stored = {"key": quote_plus(key, safe="/"), "size": len(body), "eTag": put["ETag"].strip('"'), "versionId": put["VersionId"]}
    event["Records"][0]["s3"]["object"] |= stored
    return event


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def test_files_with_russian_names_are_moved_and_repeated_events_find_nothing(s3: Any) -> None:
    good = upload(s3, "Яндекс + октябрь.csv", b"day,source,cost\n2026-10-31,vk,1\n")
    bad = upload(s3, "VK 100%.csv", b"day,source,cost\nx,vk,1\n")
    for event in (good, bad, good, bad):
        handler.lambda_handler(event, None)
    (record_key,) = keys(s3, "lake", "raw/cost/")
    assert len(s3.get_object(Bucket="lake", Key=record_key)["Body"].read().splitlines()) == 2
    assert keys(s3, "files", "costs/inbox/") == []
    assert [key.split("-", 5)[-1] for key in keys(s3, "files", "costs/processed/")] == ["Яндекс + октябрь.csv"]
    assert [key.split("-", 5)[-1] for key in keys(s3, "files", "costs/rejected/")] == ["VK 100%.csv", "VK 100%.csv.errors.txt"]


def test_a_newer_version_survives_the_move_of_the_older(s3: Any) -> None:
    first = upload(s3, "a.csv", b"day,source,cost\n2026-10-31,vk,1\n")
    second = upload(s3, "a.csv", b"day,source,cost\n2026-10-31,vk,2\n")
    handler.lambda_handler(first, None)
    assert s3.get_object(Bucket="files", Key="costs/inbox/kvartal/a.csv")["Body"].read().endswith(b"vk,2\n")
    handler.lambda_handler(second, None)
    assert len(keys(s3, "lake", "raw/cost/")) == 2
    assert keys(s3, "files", "costs/inbox/") == []
