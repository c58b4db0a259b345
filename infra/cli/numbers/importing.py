"""`skvoz numbers import`: numbers of a file, all or none. Columns `number` and `pool`; without the second all go to main."""

from __future__ import annotations

import csv
import io
import re
from typing import Annotated, NamedTuple

import typer

from infra.cli.numbers import table as at
from infra.cli.numbers.adding import Wish, put_in
from infra.cli.numbers.table import Bucket, TableName
from infra.given import separator, text_of
from shared.errors import BadInput, FieldError
from shared.identity import normal_phone
from shared.leases import POOL, is_pool_name

COLUMNS = ("number", "pool")
# A spreadsheet that took a number for one writes 7,495E+10: its digits are gone.
_SPELLED = re.compile(r"[+0-9\s().\u2010-\u2015-]{1,40}")


class _Row(NamedTuple):
    line: int
    number: str
    pool: str


def import_(
    site: str,
    file: Annotated[str, typer.Argument(help="table with the columns number and pool; - = standard input")],
    table: TableName,
    bucket: Bucket = "",
) -> None:
    """Put the numbers of a table into the site's pools: all of them, or none and every line that is wrong."""
    at.check_names(site)
    rows = _rows(text_of(file, file))
    if wrong := _mistakes(rows):
        raise BadInput("no number was added:", wrong)
    wishes = [Wish(normal_phone(row.number) or "", row.pool, f"line {row.line}") for row in rows]
    put_in(at.store_of(table), site, wishes, at.now_millis(), at.rules_of_site(site, bucket))


def _rows(text: str) -> list[_Row]:
    lines = text.splitlines()
    if not lines:
        raise BadInput("the file is empty; its first line names the columns: number, pool")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(lines[0]))
    try:
        cells = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num} of the file is no table: {error}") from error
    names = [name.lower() for name in cells[0][1]]
    if "number" not in names:
        raise BadInput(f"the first line names the columns: number, pool; it has {', '.join(names)[:200]}")
    if passed_over := [name for name in names if name and name not in COLUMNS]:
        print(f"note: columns passed over: {', '.join(passed_over)[:200]}")
    rows = [(line, dict(zip(names, row, strict=False))) for line, row in cells[1:] if any(row)]
    if not rows:
        raise BadInput("the file has no numbers below its first line")
    return [_Row(line, row.get("number", ""), row.get("pool") or POOL) for line, row in rows]


def _mistakes(rows: list[_Row]) -> list[FieldError]:
    wrong, met = [], dict[str, int]()
    for row in rows:
        phone = normal_phone(row.number) if _SPELLED.fullmatch(row.number) else None
        if phone is None:
            message = f"{row.number[:60] or 'nothing'} is no phone number; best in international form: +74950000031"
        elif not is_pool_name(row.pool):
            message = f"{row.pool[:60]}: names of pools consist of a-z, 0-9 and hyphens"
        elif phone in met:
            message = f"{phone} stands in line {met[phone]} already"
        else:
            met[phone] = row.line
            continue
        wrong.append(FieldError(f"line {row.line}", message))
    return wrong
