"""Tools that some suites need. Missing: one line says why the suite is skipped; under REQUIRE_ALL_SUITES=1 it fails instead."""

from __future__ import annotations

import os
import shutil

import pytest


def missing(reason: str) -> None:
    """Skip with the reason, or fail where every suite must run."""
    if os.environ.get("REQUIRE_ALL_SUITES") == "1":
        pytest.fail(f"{reason} (REQUIRE_ALL_SUITES=1)", pytrace=False)
    pytest.skip(reason)


def need_java(oldest: int = 17) -> None:
    """A JDK or JRE of at least this feature version."""
    from infra.servers import java

    if java.find(oldest) is None:
        missing(f"needs Java {oldest} or newer; install a JDK or set JAVA_HOME")


def need_maven() -> None:
    """The Maven client, through which server archives are fetched."""
    if shutil.which("mvn") is None:
        missing("needs Maven (mvn) to fetch the server")


def need_chromium() -> None:
    """A Chromium and its driver, for tests that look at a page as people do."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        missing("needs Chromium")
    if shutil.which("chromedriver") is None:
        missing("needs chromedriver")
