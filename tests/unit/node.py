"""Node for tests of TypeScript: with the packages that a folder pins."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.requires import missing

APP = Path(__file__).parents[2] / "functions" / "report" / "app"


def node_of(folder: Path) -> str:
    """Node's path; the folder's packages are installed as they are pinned. Without them the test ends (tests/requires.py)."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        missing("needs Node and npm")
    with _alone(folder):
        wanted = json.loads((folder / "package.json").read_text())["devDependencies"]
        if any(_installed(folder, name) != version for name, version in wanted.items()):
            command = ["npm", "ci", "--ignore-scripts", "--prefer-offline"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
            if done.returncode != 0:
                missing(f"needs the packages of {folder.name}, and npm ci failed: {done.stderr.strip()[-300:]}")
    return str(found)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time installs: npm begins by deleting what is there."""
    with (folder / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_node(folder: Path, *command: str, told: str = "") -> str:
    """What a command prints; AssertionError with its complaints if it fails. `told` is its input."""
    done = subprocess.run(command, cwd=folder, input=told, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _installed(folder: Path, package: str) -> str | None:
    file = folder / "node_modules" / package / "package.json"
    return str(json.loads(file.read_text())["version"]) if file.is_file() else None
