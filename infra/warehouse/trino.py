"""What a Trino on a local folder needs beside shared/trino.py: the lake's objects as files."""

from __future__ import annotations

import os
from pathlib import Path

from shared.trino import WriteObject


def folder_writer(root: Path) -> WriteObject:
    """Objects as files under a local folder; each appears whole (a name with a dot in front is not read by Hive)."""

    def write(key: str, body: bytes) -> None:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(body)
        fresh.replace(path)

    return write
