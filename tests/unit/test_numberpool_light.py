"""The lease is in a visitor's way: what its handler imports stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "aws_lambda_powertools", "boto3", "botocore", "pyathena", "jinja2", "shared.settings", "functions.collect")


def test_import_of_the_handler_loads_nothing_heavy_and_needs_no_environment() -> None:
    program = "import sys, functions.numberpool.handler; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.splitlines()
    assert "functions.numberpool.handler" in loaded
    assert [name for name in HEAVY if name in loaded] == []
