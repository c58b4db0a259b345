"""The README's links are explained as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_links_of_the_readme_are_explained_as_shown() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```\n\$ \.venv/bin/skvoz (source explain [^\n]*)\n(.*?)\n```", text, re.DOTALL)
    assert shown is not None
    command = [sys.executable, "-m", "infra.cli", *shown[1].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.rstrip() == shown[2]
    assert len(re.findall(r"^https?://", shown[2], re.MULTILINE)) == 5
