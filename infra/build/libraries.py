"""Compiled libraries in a function's folder: are they what Lambda (arm64, Python 3.13) can load?"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from infra.build.assemble import TARGET_PYTHON

AARCH64 = 183  # e_machine of the ELF header
_TAG = re.compile(r"\.(cpython-\d+[^.]*|abi3[^.]*)\.so$")


def wrong_libraries(folder: Path) -> list[str]:
    """Every .so that is not an aarch64 ELF file, or is made for another Python; nothing when all can be loaded."""
    wanted = f"cpython-{TARGET_PYTHON.replace('.', '')}"
    wrong = []
    for path in sorted(folder.rglob("*.so*")):
        if not path.is_file():
            continue
        tag = _TAG.search(path.name)
        if machine(path) != AARCH64:
            wrong.append(f"{path.relative_to(folder)}: not for aarch64")
        elif tag and not tag[1].startswith((wanted, "abi3")):
            wrong.append(f"{path.relative_to(folder)}: not for Python {TARGET_PYTHON}")
    return wrong


def machine(path: Path) -> int | None:
    """`e_machine` of an ELF file (little-endian), None when it is none."""
    with path.open("rb") as file:
        head = file.read(20)
    return struct.unpack_from("<H", head, 18)[0] if len(head) == 20 and head[:4] == b"\x7fELF" else None
