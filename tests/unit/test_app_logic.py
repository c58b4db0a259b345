"""Logic of the report's app: its TypeScript tests (functions/report/app/test/*.test.ts), run by Node's own runner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.node import APP, node_of, run_node

TESTS = sorted((APP / "test").glob("*.test.ts"))


@pytest.mark.parametrize("test", TESTS, ids=[test.stem for test in TESTS])
def test_the_logic_holds(test: Path, tmp_path: Path) -> None:
    node = node_of(APP)
    built = tmp_path / f"{test.stem}.mjs"
    run_node(
        APP, node, "node_modules/esbuild/bin/esbuild", str(test.relative_to(APP)), "--bundle", "--platform=node", "--format=esm",
        "--jsx=automatic", "--jsx-import-source=preact", "--loader:.css=text", "--log-level=warning", f"--outfile={built}",
    )  # fmt: skip
    told = run_node(APP, node, "--test", "--test-reporter=tap", str(built))
    found = {name: int(count) for name, count in re.findall(r"^# (tests|pass|fail) (\d+)$", told, re.M)}
    assert found["tests"] == found["pass"] > 0, told


def test_there_are_tests_of_the_views() -> None:
    assert {"views_allocation.test", "views_logic.test"} <= {test.stem for test in TESTS}
