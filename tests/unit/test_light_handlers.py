"""The doors that are in every visitor's way stay light: what their handlers import, and that importing needs no environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "aws_lambda_powertools", "boto3", "botocore", "pyathena", "jinja2", "shared.settings")


@pytest.mark.parametrize(("handler", "other"), [("collect", "functions.report"), ("numberpool", "functions.collect")])
def test_import_of_the_handler_loads_nothing_heavy_and_needs_no_environment(handler: str, other: str) -> None:
    program = f"import sys, functions.{handler}.handler; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={}, capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.splitlines()
    assert f"functions.{handler}.handler" in loaded
    assert [name for name in (*HEAVY, other) if name in loaded] == []
