"""What the mail says of the workbook that goes with it. How much stands there is read from the file itself: it is what its reader
opens."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.report.extras import MOST_ATTACHED_BYTES, Extras
from functions.report.marts.questions import MOST_RESTATED, MOST_TOUCHES
from functions.report.own.section import Own
from functions.report.view.formats import Formats, clean

CONTENTS = ("channels", "deals", "calls", "quality", "method")  # sections that the mail names as part of the workbook
MOST_NAME = 60

HEAD = 600  # bytes of a sheet in which its size is told
SHEET = re.compile(r"xl/worksheets/sheet\d+\.xml")
SIZE = re.compile(rb'<dimension ref="[A-Z]+\d+(?::[A-Z]+(\d+))?"')


def attached_words(
    figures: Mapping[str, Any], extras: Extras, sections: Sequence[str], formats: Formats, words: Mapping[str, Any]
) -> str:
    """That there is a workbook, how much stands in it, and what of it is cut; "" where there is none. `sections` are those that its
    reader has: nothing else is promised."""
    if not extras.workbook:
        return ""
    say = words["mail"]
    sheets, rows = size_of(extras.workbook)
    told = {"sheets": formats.count(sheets), "rows": formats.count(rows), "limit": MOST_ATTACHED_BYTES // 1_000_000}
    if not extras.attachment:
        return str(say["too_big"].format(**told))
    cut = ", ".join(_cuts(figures, extras.own, formats, say["cut_parts"]))
    contents = ", ".join(say["contents"][name] for name in CONTENTS if name in sections)
    return " ".join(
        (
            say["attached"].format(**told),
            *([say["contents_are"].format(list=contents)] if contents else []),
            say["cut"].format(list=cut) if cut else say["uncut"],
        )
    )


def _cuts(figures: Mapping[str, Any], owns: Sequence[Own], formats: Formats, say: Mapping[str, str]) -> Iterator[str]:
    """What the workbook does not have whole."""
    drivers, deals, calls = figures["drivers"], figures["deals"], figures["calls"]
    sections, restated, unknown = figures["site_sections"], figures["restated"], figures["data_quality"]["unknown_values"]
    shown, rest = len(drivers["rows"]), drivers["rest_count"]
    of_all = {
        "drivers": (shown, shown + rest if shown else 0),
        "deals": (len(deals), figures["deals_total"]),
        "calls": (len(calls["list"]), calls["list_total"]),
        "site_sections": (len(sections["rows"]), sections["total"]),
        "restated": (len(restated["days"]), restated["total"] if restated["total"] > MOST_RESTATED else 0),
        "unknown": (len(unknown["values"]), unknown["total"]),
    }
    for name, (listed, total) in of_all.items():
        if total > listed:
            yield say[name].format(shown=formats.count(listed), total=formats.count(total))
        if name == "deals" and any(deal["path_length"] > len(deal["path"]) for deal in deals):
            yield say["paths"].format(count=MOST_TOUCHES)
    yield from (
        say["own"].format(title=clean(own.title, MOST_NAME), count=formats.count(len(own.rows))) for own in owns if own.is_cut
    )


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
