"""How much stands in the workbook that goes with a mail, read from the file itself: what the mail says is what its reader opens."""

from __future__ import annotations

import io
import re
import zipfile

HEAD = 600  # bytes of a sheet in which its size is told
SHEET = re.compile(r"xl/worksheets/sheet\d+\.xml")
SIZE = re.compile(rb'<dimension ref="[A-Z]+\d+(?::[A-Z]+(\d+))?"')


def size_of(workbook: bytes) -> tuple[int, int]:
    """Sheets, and rows under their heads; nothing of what is no workbook."""
    rows = []
    try:
        with zipfile.ZipFile(io.BytesIO(workbook)) as book:
            for name in book.namelist():
                if SHEET.fullmatch(name):
                    with book.open(name) as sheet:
                        size = SIZE.search(sheet.read(HEAD))
                    rows.append(int(size[1] or 1) - 1 if size else 0)
    except zipfile.BadZipFile:
        return 0, 0
    return len(rows), sum(rows)
