"""The sheet of what changed in days that were over before."""

from __future__ import annotations

from datetime import date

from functions.report.view.restated import difference, reason_name
from functions.report.workbook.cells import Sheet, kind_of
from functions.report.workbook.making import Making


def restated(making: Making) -> Sheet:
    """One row a changed figure of a day and channel. Where the list is cut, a last row says how many there are."""
    words, own = making.words, making.words["workbook"]
    say, told = words["restated"]["columns"], making.figures["restated"]
    numbers = [(say[name], "plain", 16.0) for name in ("old", "new", "change")]
    columns = [(own["day"], "day", 12.0), (own["channel"], "text", 30.0), (own["measure"], "text", 18.0), *numbers]
    sheet = making.sheet("restated", [*columns, (say["why"], "text", 34.0)])
    for row in told["days"]:
        kind = kind_of(row["metric"])
        values = [row["old"], row["new"], difference(row)]
        names = [making.names.channel(row["channel"]), words["metrics"][row["metric"]]]
        cells = [date.fromisoformat(row["day"]), *names, *values, reason_name(row["reason"], words)]
        sheet.add_as(["day", "text", "text", kind, kind, kind, "text"], cells)
    sheet.filter()
    if told["total"] > len(told["days"]):
        cut = words["restated"]["first"].format(total=making.formats.count(told["total"]))
        sheet.add_as(["text"] * 7, [cut, *[None] * 6])
    return sheet
