"""requirements/*.in → requirements/*.txt: exact versions with hashes, for every platform, without addresses of a registry.

The functions' pins follow dev.txt, so that what is tested is what ships.
"""

from __future__ import annotations

import subprocess

from infra.build.assemble import PACKAGES, ROOT, uv

OLDEST_PYTHON = "3.11"


def pin(upgrade: bool) -> None:
    """Write all pins; `upgrade` takes the newest versions instead of keeping those already pinned. SystemExit when uv cannot."""
    for name in ("uv", "dev"):
        _compile(name, ["--upgrade"] if upgrade else [])
    _compile("peers", [*(["--upgrade"] if upgrade else []), "--constraint", "requirements/dev.txt"])
    for name in sorted(set(PACKAGES.values())):
        # Nothing to keep: dev.txt says which versions.
        (ROOT / "requirements" / f"{name}.txt").unlink(missing_ok=True)
        _compile(name, ["--constraint", "requirements/dev.txt"])


def _compile(name: str, options: list[str]) -> None:
    command = [
        uv(),
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        OLDEST_PYTHON,
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
        *options,
        f"requirements/{name}.in",
        "--output-file",
        f"requirements/{name}.txt",
    ]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise SystemExit(f"requirements/{name}.in could not be pinned")
    print(f"requirements/{name}.txt")
