"""Three looks at the template: SAM's validation, SAM's transform, and cfn-lint over what the transform gives.

The third finds what the first does not: a reference to nothing inside an event, a five-field cron, a wrong statement.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.template.expand import REGION
from infra.template.model import PATH


def validate(path: Path = PATH) -> list[str]:
    """`sam validate --lint`; its complaints, or nothing. Needs neither credentials nor network."""
    sam = Path(sys.executable).with_name("sam")
    command = [str(sam), "validate", "--lint", "--template-file", str(path), "--region", REGION]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "SAM_CLI_TELEMETRY": "0",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    return [] if done.returncode == 0 else [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def lint(expanded: dict[str, Any], ignore: tuple[str, ...] = ()) -> list[str]:
    """cfn-lint's findings over an expanded template, one line each."""
    from cfnlint.api import lint as run
    from cfnlint.config import ManualArgs

    # W3005: SAM adds a DependsOn beside a reference that already orders the two; ours to accept, not to change.
    arguments = ManualArgs(regions=[REGION], ignore_checks=["W3005", *ignore])
    found = run(json.dumps(expanded, default=str), config=arguments)
    return [f"{match.rule.id} {'/'.join(map(str, match.path or ()))}: {match.message}" for match in found]
