"""Doors give up on a slow store while there is time left to spill or to say 503."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from functions.collect import handler as collect
from functions.crm_webhook import handler as crm
from shared.aws import client, door_client
from shared.errors import TryLater
from shared.secrets import KEEP, RETRY, Secrets

DOOR_SECONDS = 15  # the shortest life of a door (template.yaml)
COLLECT_SECONDS = 29  # that of collect


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
    # Hits: settings, the visitors' secret, stream and store, one after the other.
    assert 4 * config.retries["total_max_attempts"] * config.read_timeout < COLLECT_SECONDS


def test_other_callers_stay_patient_and_clients_are_shared() -> None:
    patient = client("athena").meta.config
    assert (patient.read_timeout, patient.retries["total_max_attempts"]) == (10, 3)
    assert client("athena") is client("athena")
    assert door_client("s3") is door_client("s3") is not client("s3")


class Store:
    """A store of secrets that answers or not, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.answers = 0, False

    def read(self, name: str) -> str | None:
        self.asked += 1
        if not self.answers:
            raise TimeoutError
        return f"newest-{name} older"


def test_a_store_of_secrets_that_fails_is_asked_once_in_ten_seconds() -> None:
    store, now = Store(), datetime(2026, 10, 12, tzinfo=UTC)
    secrets = Secrets(store.read)
    for seconds in (0, 1, 9.999):
        with pytest.raises(TryLater):
            secrets.get("visitor", now + timedelta(seconds=seconds))
    assert store.asked == 1
    store.answers = True
    assert secrets.get("identity", now) == ["newest-identity", "older"]  # another one is asked for at once
    assert secrets.get("visitor", now + RETRY) == ["newest-visitor", "older"]
    assert store.asked == 3


def test_secrets_of_a_minute_ago_are_used_while_their_store_fails_and_read_again_when_it_answers() -> None:
    store, now = Store(), datetime(2026, 10, 12, tzinfo=UTC)
    store.answers = True
    secrets = Secrets(store.read)
    secrets.get("visitor", now)
    store.answers = False
    for seconds in range(5):
        assert secrets.get("visitor", now + KEEP + timedelta(seconds=seconds)) == ["newest-visitor", "older"]
    assert store.asked == 2
    store.answers = True
    secrets.get("visitor", now + KEEP + RETRY)
    assert store.asked == 3
