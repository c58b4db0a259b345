"""Doors give up on a slow store while there is time left to spill or to say 503."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.collect import handler as collect
from functions.crm_webhook import handler as crm
from shared.aws import client, door_client

DOOR_SECONDS = 15  # the shortest life of a door (template.yaml)


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    yield
    client.cache_clear()


def test_the_hot_doors_use_the_clients_of_doors() -> None:
    assert vars(collect)["client"] is vars(crm)["client"] is door_client


def test_a_stream_and_a_store_that_both_do_not_answer_leave_time_for_503() -> None:
    config = door_client("s3").meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (1, 3, 2)
    assert 2 * config.retries["total_max_attempts"] * config.read_timeout < DOOR_SECONDS


def test_other_callers_stay_patient_and_clients_are_shared() -> None:
    patient = client("athena").meta.config
    assert (patient.read_timeout, patient.retries["total_max_attempts"]) == (10, 3)
    assert client("athena") is client("athena")
    assert door_client("s3") is door_client("s3") is not client("s3")
