"""ENGINE=trino: what the environment may say, and what is told of every wrong setting."""

from __future__ import annotations

import os

import pytest

from shared import engines
from shared.errors import SettingsError
from shared.trino import TrinoWarehouse
from shared.trino_place import Login, TrinoPlace, login_of, place_of

LEAST = {"TRINO_HOST": "trino.shop.example", "TRINO_USER": "skvoz"}


def mistakes(environment: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError, match="ENGINE=trino cannot be used") as caught:
        place_of(environment, "lake-bucket")
    return [(field.path, field.message) for field in caught.value.fields]


def test_host_and_user_are_enough() -> None:
    place = place_of(LEAST, "lake-bucket")
    assert place == TrinoPlace("trino.shop.example", 443, "skvoz", True, None, "lake", "marts", "skvoz", "s3://lake-bucket", 60)


def test_everything_can_be_said() -> None:
    environment = LEAST | {
        "TRINO_PORT": "8443", "TRINO_TLS": "True", "TRINO_CA": "/opt/ca.pem", "TRINO_LAKE_CATALOG": "hive",
        "TRINO_MARTS_CATALOG": "iceberg", "TRINO_SCHEMA": "shop_1", "TRINO_LAKE_LOCATION": "abfs://lake@account/skvoz/",
        "TRINO_MOST_MINUTES": "180",
    }  # fmt: skip
    lake = "abfs://lake@account/skvoz"
    told = TrinoPlace("trino.shop.example", 8443, "skvoz", True, "/opt/ca.pem", "hive", "iceberg", "shop_1", lake, 180)
    assert place_of(environment, "lake-bucket") == told


def test_empty_variables_are_as_good_as_missing_ones() -> None:
    empty = dict.fromkeys(("TRINO_PORT", "TRINO_TLS", "TRINO_CA", "TRINO_LAKE_CATALOG", "TRINO_SCHEMA", "TRINO_LAKE_LOCATION"), "")
    assert place_of(LEAST | empty, "lake-bucket") == place_of(LEAST, "lake-bucket")


def test_without_tls_the_port_is_trinos_plain_one() -> None:
    assert place_of(LEAST | {"TRINO_TLS": "false"}, "lake-bucket").port == 8080


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TRINO_HOST", "", "is not set; it takes a host name without https:// and port"),
        ("TRINO_HOST", "https://trino.shop.example", "takes a host name without https:// and port"),
        ("TRINO_HOST", "trino.shop.example:8443", "takes a host name without https:// and port"),
        ("TRINO_HOST", "user@trino.shop.example", "takes a host name without https:// and port"),
        ("TRINO_PORT", "https", "takes a whole number from 1 to 65535, not 'https'"),
        ("TRINO_PORT", "0", "takes a whole number from 1 to 65535"),
        ("TRINO_PORT", "65536", "takes a whole number from 1 to 65535"),
        ("TRINO_PORT", "٨", "takes a whole number from 1 to 65535"),
        ("TRINO_MOST_MINUTES", "2h", "takes a whole number from 1 to 1440, not '2h'"),
        ("TRINO_USER", "", "is not set"),
        ("TRINO_USER", "skvoz:password", "takes a user of Trino, without spaces and colons"),
        ("TRINO_TLS", "on", "takes true or false, not 'on'"),
        ("TRINO_LAKE_CATALOG", "Lake", "takes lower-case letters"),
        ("TRINO_MARTS_CATALOG", "marts; DROP", "takes lower-case letters"),
        ("TRINO_MARTS_CATALOG", "lake", "must be another catalog than TRINO_LAKE_CATALOG"),
        ("TRINO_SCHEMA", "1shop", "takes lower-case letters"),
        ("TRINO_LAKE_LOCATION", "/data", "takes an address such as s3://bucket"),
        ("TRINO_LAKE_LOCATION", "s3://a'b", "takes an address such as s3://bucket"),
    ],
)
def test_each_wrong_setting_is_told_by_its_name(name: str, value: str, message: str) -> None:
    ((path, told),) = mistakes(LEAST | {name: value})
    assert path == name
    assert told.startswith(message)


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {"TRINO_PORT": "x", "TRINO_TLS": "x", "TRINO_SCHEMA": "X"}
    assert [path for path, _ in mistakes(wrong)] == ["TRINO_TLS", "TRINO_HOST", "TRINO_PORT", "TRINO_USER", "TRINO_SCHEMA"]


def test_a_bundle_without_tls_is_a_mistake() -> None:
    ((path, _),) = mistakes(LEAST | {"TRINO_TLS": "false", "TRINO_CA": "/opt/ca.pem"})
    assert path == "TRINO_CA"


@pytest.mark.parametrize(("kind", "variable"), [("password", "TRINO_PASSWORD_SECRET"), ("token", "TRINO_TOKEN_SECRET")])
def test_a_secret_is_read_by_its_name_each_time(kind: str, variable: str) -> None:
    asked: list[str] = []

    def read(name: str) -> str:
        asked.append(name)
        return f"value {len(asked)}"

    login = login_of(LEAST | {variable: "trino"}, read)
    assert isinstance(login, Login)
    assert (login.kind, login.read(), login.read()) == (kind, "value 1", "value 2")
    assert asked == ["trino", "trino"]


def test_without_a_secret_nobody_is_asked() -> None:
    assert login_of(LEAST, lambda name: "never") is None


def test_a_secret_that_is_not_set_is_told_with_the_command_that_sets_it() -> None:
    login = login_of(LEAST | {"TRINO_TOKEN_SECRET": "trino"}, lambda name: None)
    assert login is not None
    with pytest.raises(SettingsError, match=r"TRINO_TOKEN_SECRET names the secret trino, .*aws ssm put-parameter .*/trino"):
        login.read()


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"TRINO_PASSWORD_SECRET": "a", "TRINO_TOKEN_SECRET": "b"}, "TRINO_TOKEN_SECRET"),
        ({"TRINO_PASSWORD_SECRET": "a", "TRINO_TLS": "false"}, "TRINO_TLS"),
        ({"TRINO_PASSWORD_SECRET": "my secret pass word"}, "TRINO_PASSWORD_SECRET"),
        ({"TRINO_TOKEN_SECRET": "/skvoz/test/trino"}, "TRINO_TOKEN_SECRET"),
    ],
)
def test_wrong_words_about_secrets_are_told(wrong: dict[str, str], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        login_of(LEAST | wrong, lambda name: None)
    assert [field.path for field in caught.value.fields] == [path]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(engines, "_MADE", {})
    for name in [name for name in os.environ if name.startswith("TRINO_")]:
        monkeypatch.delenv(name)
    told = {"ENGINE": "trino", "STAGE": "test", "LAKE_BUCKET": "lake-bucket", "AWS_DEFAULT_REGION": "eu-central-1", **LEAST}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_engine_is_made_of_the_environment_and_kept(environment: pytest.MonkeyPatch) -> None:
    made = engines.engine()
    assert isinstance(made, TrinoWarehouse)
    assert engines.engine() is made


def test_a_wrong_environment_makes_no_engine_and_is_told_in_full(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("TRINO_HOST")
    with pytest.raises(SettingsError, match=r"(?s)ENGINE=trino cannot be used.*TRINO_HOST: is not set"):
        engines.engine()


def test_an_engine_that_nobody_knows_is_told_with_those_that_are(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENGINE", "presto")
    with pytest.raises(LookupError, match=r"ENGINE=presto is not known here; known: athena, .*trino"):
        engines.engine()
