"""`skvoz crm connect amocrm`: the code of the integration's page becomes the site's keys, or says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.crm_webhook.api.http import CrmBusy, Http
from infra.cli.crm.connect import connect
from infra.doubles.amocrm import AmoServer
from shared.aws import client
from shared.errors import BadInput, TryLater
from tests.api.dynamo import dynamodb

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NAME = "skvoz/test/kvartal/crm-amocrm"


@pytest.fixture
def amo() -> Iterator[AmoServer]:
    with dynamodb(()), AmoServer(lambda: NOW) as server:
        yield server


def run(amo: AmoServer, **told: Any) -> str:
    app = {"client_id": amo.keys.client_id, "client_secret": amo.keys.client_secret, "redirect_uri": amo.keys.redirect_uri}
    return connect("test", told.pop("site", "kvartal"), amo.url, client("secretsmanager"), NOW, **{**app, **told})


def stored() -> Any:
    return json.loads(client("secretsmanager").get_secret_value(SecretId=NAME)["SecretString"])


def test_a_code_becomes_the_sites_keys_and_connecting_again_replaces_them(amo: AmoServer) -> None:
    assert run(amo, code=amo.keys.new_code()) == NAME
    first = stored()
    assert first["expires_at"] == int(NOW.timestamp()) + 86_400
    assert amo.keys.is_good(f"Bearer {first['access_token']}")
    run(amo, code=amo.keys.new_code())
    assert stored()["refresh_token"] == amo.keys.refresh != first["refresh_token"]
    assert stored().keys() == {"client_id", "client_secret", "redirect_uri", "access_token", "refresh_token", "expires_at"}


@pytest.mark.parametrize("pasted", ["long-1", "long-1\n", " long-1\r\n"])
def test_a_long_lived_token_is_stored_without_what_came_with_it_when_it_was_copied(amo: AmoServer, pasted: str) -> None:
    run(amo, token=pasted)
    assert stored() == {"access_token": "long-1"}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"code": "used"}, "code is good once"),
        ({"code": ""}, "--code"),
        ({"client_secret": ""}, "--client-secret"),
        ({"site": "../x", "token": "t"}, "no site id"),
        ({"token": "long-1\nlong-2"}, "copy it again"),
        ({"token": "токен"}, "copy it again"),
    ],
)
def test_what_cannot_be_stores_nothing_and_says_what_to_do(amo: AmoServer, told: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        run(amo, **{"code": "used", **told})
    assert client("secretsmanager").list_secrets()["SecretList"] == []


def test_another_integrations_secret_is_refused(amo: AmoServer) -> None:
    with pytest.raises(BadInput, match="401"):
        run(amo, code=amo.keys.new_code(), client_secret="wrong")


def test_an_amocrm_that_does_not_answer_is_tried_later(amo: AmoServer) -> None:
    class Silent(Http):
        def ask(self, *args: Any, **kwargs: Any) -> Any:
            raise CrmBusy("the CRM did not answer")

    with pytest.raises(TryLater, match="run it again"):
        run(amo, code="c", http=Silent())
