"""The tracker's built files: small, whole, and what its TypeScript says."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.requires import missing

TRACKER = Path(__file__).parents[2] / "functions" / "collect" / "tracker"
MOST_BYTES = {"skvoz.js": 5_000, "skvoz.core.js": 2_400}  # gzip, level 9


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=TRACKER, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the tracker's packages as they are pinned."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        missing("needs Node and npm to build the tracker")
    wanted = json.loads((TRACKER / "package.json").read_text())["devDependencies"]
    if any(installed(name) != version for name, version in wanted.items()):
        command = ["npm", "ci", "--ignore-scripts", "--prefer-offline"]
        done = subprocess.run(command, cwd=TRACKER, capture_output=True, text=True, check=False, timeout=180)
        if done.returncode != 0:
            missing(f"needs the tracker's packages, and npm ci failed: {done.stderr.strip()[-300:]}")
    return str(found)


def installed(package: str) -> str | None:
    file = TRACKER / "node_modules" / package / "package.json"
    return str(json.loads(file.read_text())["version"]) if file.is_file() else None


@pytest.mark.parametrize("name", MOST_BYTES)
def test_the_tracker_is_small(name: str) -> None:
    assert len(gzip.compress((TRACKER / name).read_bytes(), 9)) <= MOST_BYTES[name]


@pytest.mark.parametrize("name", MOST_BYTES)
def test_the_built_file_says_where_it_comes_from_and_carries_no_other_comment(name: str) -> None:
    text = (TRACKER / name).read_text("utf-8")
    assert text.startswith("/* Skvoz tracker: docs/tracker.md */\n")
    assert "*/" not in text.partition("\n")[2]
    assert "sourceMappingURL" not in text


def test_the_core_holds_nothing_of_numbers() -> None:
    assert ["numbers/" in (TRACKER / name).read_text("utf-8") for name in MOST_BYTES] == [True, False]


def test_the_types_hold(node: str) -> None:
    run(node, "node_modules/typescript/bin/tsc", "--noEmit")


def test_the_committed_files_are_what_the_source_builds(node: str, tmp_path: Path) -> None:
    run(node, "build.mjs", str(tmp_path))
    changed = [name for name in MOST_BYTES if (tmp_path / name).read_bytes() != (TRACKER / name).read_bytes()]
    assert changed == [], "run make tracker and commit the files"


def test_packages_are_pinned_by_version_and_hash_and_by_no_address() -> None:
    wanted = json.loads((TRACKER / "package.json").read_text())["devDependencies"]
    assert [version for version in wanted.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    text = (TRACKER / "package-lock.json").read_text()
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert {name: one["version"] for name, one in packages.items() if name.count("/") == 1}.items() >= {
        (f"node_modules/{name}", version) for name, version in wanted.items()
    }
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert "://" not in text
    assert "resolved" not in text
    assert "omit-lockfile-registry-resolved=true" in (TRACKER / ".npmrc").read_text()


def test_no_source_file_is_longer_than_the_head_can_hold() -> None:
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in (TRACKER / "src").glob("*.ts")}
    assert lines
    assert max(lines.values()) <= 200
