"""Suites that need a tool say so in one line where it is missing, and fail where every suite must run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.servers import java
from tests import requires


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "_candidates", lambda: iter(()))
    monkeypatch.delenv("REQUIRE_ALL_SUITES", raising=False)


NEEDS = [
    (lambda: requires.need_java(24), "needs Java 24 or newer"),
    (requires.need_maven, "needs Maven"),
    (requires.need_chromium, "needs Chromium"),
]


@pytest.mark.parametrize(("need", "reason"), NEEDS)
def test_a_missing_tool_skips_with_its_name(need: Callable[[], None], reason: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=reason):
        need()


@pytest.mark.parametrize(("need", "reason"), NEEDS)
def test_a_missing_tool_fails_where_every_suite_must_run(
    need: Callable[[], None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ALL_SUITES", "1")
    with pytest.raises(pytest.fail.Exception, match=reason):
        need()
