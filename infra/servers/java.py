"""Which Java runs a server: the oldest installed one that is new enough (servers are tried with it, not with the newest)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from infra.servers.errors import ServerError

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')


def find(oldest: int) -> Path | None:
    """`java` of at least the feature version `oldest`, or None where no such Java is installed."""
    versions = {java: version for java in _candidates() if (version := feature_version(java)) is not None}
    enough = [(version, str(java)) for java, version in versions.items() if version >= oldest]
    return Path(min(enough)[1]) if enough else None


def require(oldest: int) -> Path:
    """`find`, or ServerError that says what to install."""
    java = find(oldest)
    if java is None:
        raise ServerError(f"needs Java {oldest} or newer; install a JDK, or set JAVA_HOME to one")
    return java


def feature_version(java: Path) -> int | None:
    """17 for `17.0.15`, 8 for `1.8.0_292`; None when it does not run."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(told)
    if match is None:
        return None
    return int(match.group(2) or 0) if match.group(1) == "1" else int(match.group(1))


def _candidates() -> Iterator[Path]:
    """JAVA_HOME and its versioned kin (JAVA_HOME_25_X64), PATH, and the folder where Linux packages put theirs."""
    homes = [Path(value) for name, value in sorted(os.environ.items()) if name.startswith("JAVA_HOME") and value]
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    seen = set()
    on_path = shutil.which("java")
    for java in [*(home / "bin" / "java" for home in homes), *([Path(on_path)] if on_path else [])]:
        real = java.resolve()
        if real.is_file() and real not in seen:
            seen.add(real)
            yield real
