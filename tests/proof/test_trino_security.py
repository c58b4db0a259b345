"""A real Trino that asks who is there: TLS, passwords, tokens, and ENGINE=trino told by the environment as in a function."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from infra.servers.trino import OLDEST_JAVA, TrinoServer
from infra.servers.trino_security import Security
from shared import aws, engines
from shared.errors import SettingsError, WarehouseError
from shared.trino import TrinoWarehouse
from shared.trino_place import Login, TrinoPlace
from shared.warehouse import Warehouse
from tests.requires import need_java, need_maven

pytestmark = [pytest.mark.proof, pytest.mark.trino]

PASSWORD = "pä$$:wörd"
WHO = "SELECT current_user AS who"


@pytest.fixture(scope="module")
def security() -> Security:
    return Security({"skvoz": PASSWORD, "other": "another"}, b"0123456789abcdef0123456789abcdef", datetime.now(UTC))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, security: Security) -> Iterator[TrinoServer]:
    need_java(OLDEST_JAVA)
    need_maven()
    with TrinoServer(tmp_path_factory.mktemp("secured"), security) as running:
        yield running


def place(server: TrinoServer) -> TrinoPlace:
    return TrinoPlace(server.host, server.tls_port, server.user, ca=str(server.ca))


def entering(server: TrinoServer, login: Login | None, at: TrinoPlace | None = None) -> TrinoWarehouse:
    return TrinoWarehouse(at or place(server), lambda _key, _body: None, login)


def test_the_password_of_the_user_opens(server: TrinoServer) -> None:
    assert entering(server, Login("password", lambda: PASSWORD)).rows(WHO) == [{"who": "skvoz"}]


def test_a_token_of_the_user_opens(server: TrinoServer, security: Security) -> None:
    token = security.token("skvoz", datetime.now(UTC) + timedelta(hours=1))
    assert entering(server, Login("token", lambda: token)).rows(WHO) == [{"who": "skvoz"}]


def test_a_token_that_ran_out_is_told_and_its_successor_is_taken_up(server: TrinoServer, security: Security) -> None:
    tokens = [security.token("skvoz", datetime.now(UTC) - timedelta(hours=1))]
    warehouse = entering(server, Login("token", lambda: tokens[0]))
    with pytest.raises(WarehouseError, match=r"does not let user skvoz in \(401\).*TRINO_TOKEN_SECRET"):
        warehouse.rows(WHO)
    tokens[0] = security.token("skvoz", datetime.now(UTC) + timedelta(hours=1))
    assert warehouse.rows(WHO) == [{"who": "skvoz"}]


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (Login("password", lambda: "wrong"), 401),
        (Login("password", lambda: "another"), 401),  # of another user
        (Login("token", lambda: "not.a.token"), 401),
        (None, 401),
    ],
)
def test_nobody_else_is_let_in(server: TrinoServer, login: Login | None, status: int) -> None:
    with pytest.raises(WarehouseError, match=rf"does not let user skvoz in \({status}\). What to do: compare TRINO_USER"):
        entering(server, login).rows(WHO)


def test_a_token_of_another_user_does_not_open(server: TrinoServer, security: Security) -> None:
    token = security.token("other", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(WarehouseError, match=r"does not let user skvoz in|not allowed to"):
        entering(server, Login("token", lambda: token)).rows(WHO)


def test_without_tls_nobody_is_let_in(server: TrinoServer) -> None:
    with pytest.raises(WarehouseError, match="does not let user skvoz in"):
        entering(server, None, place(server)._replace(port=server.port, tls=False, ca=None)).rows(WHO)


def test_a_server_whose_certificate_is_not_trusted_is_not_told_the_password(server: TrinoServer) -> None:
    with pytest.raises(WarehouseError, match=r"CERTIFICATE_VERIFY_FAILED.*TRINO_CA"):
        entering(server, Login("password", lambda: PASSWORD), place(server)._replace(ca=None)).rows(WHO)


@pytest.fixture
def function(server: TrinoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function."""
    told = {
        "ENGINE": "trino", "STAGE": "test", "LAKE_BUCKET": "lake", "TRINO_HOST": server.host, "TRINO_PORT": str(server.tls_port),
        "TRINO_USER": server.user, "TRINO_CA": str(server.ca), "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(engines, "_MADE", {})
    with mock_aws():
        aws.client.cache_clear()
        aws._session.cache_clear()
        yield monkeypatch
    aws.client.cache_clear()
    aws._session.cache_clear()


def put_secret(name: str, value: str) -> None:
    aws.client("ssm").put_parameter(Name=f"/skvoz/test/{name}", Value=value, Type="SecureString", Overwrite=True)


@pytest.mark.parametrize("kind", ["PASSWORD", "TOKEN"])
def test_the_engine_of_the_environment_reads_its_secret_from_the_store(
    function: pytest.MonkeyPatch, security: Security, kind: str
) -> None:
    function.setenv(f"TRINO_{kind}_SECRET", "trino")
    put_secret("trino", PASSWORD if kind == "PASSWORD" else security.token("skvoz", datetime.now(UTC) + timedelta(hours=1)))
    engine: Warehouse = engines.engine()
    assert engine.rows(WHO) == [{"who": "skvoz"}]


def test_a_secret_that_is_not_there_is_told(function: pytest.MonkeyPatch) -> None:
    function.setenv("TRINO_PASSWORD_SECRET", "trino")
    with pytest.raises(SettingsError, match="names the secret trino, which is not set"):
        engines.engine().rows(WHO)
