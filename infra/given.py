"""Lists that people give to commands: as files or standard input, in the encodings that spreadsheets save."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.errors import BadInput

MOST_BYTES = 20_000_000


def text_of(path: str, name: str) -> str:
    """Text of a file, or of standard input for `-`: UTF-8, UTF-16 with its mark, else windows-1251. BadInput says what is wrong."""
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise BadInput(f"{name} has over {MOST_BYTES:,} bytes; give it in parts")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace").removeprefix("\ufeff")  # a spreadsheet's "Unicode text"
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1251", "replace")  # as Russian spreadsheets save CSV


def separator(header: str) -> str:
    """What separates the cells of a table, by its first line: comma, semicolon or tab."""
    return max(",;\t", key=header.count)
