"""Chromium, the shop, and a visitor's tab in which no script may fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.dynamo import dynamodb
from tests.browser.shop import Shop
from tests.requires import missing

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # A headless browser's own name is a robot's, and robots lease no number.
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
)  # fmt: skip


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """The driver; one a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing("needs Chromium")
    return str(path)


@pytest.fixture(scope="module")
def chromium(chromium_path: str, playwright: Any) -> Iterator[Any]:
    browser = playwright.chromium.launch(executable_path=chromium_path, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with dynamodb() as client:
        made = Shop(monkeypatch, client)
        yield made
        made.close()


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Errors of the pages' scripts; there must be none."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def tab(chromium: Any, errors: list[str]) -> Iterator[Any]:
    """A page of a visitor who was never here."""
    context = chromium.new_context(locale="ru-RU")
    context.set_default_timeout(15_000)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
