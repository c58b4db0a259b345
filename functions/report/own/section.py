"""The customer's own sections of one report: asked, shown, and, where one fails, named. A failing one stops nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from markupsafe import Markup

from functions.report.marts.questions import Period
from functions.report.own.query import PARAMETERS, query_of, values_of
from functions.report.own.reading import MOST_ROWS
from functions.report.own.template import check_template, records, render_template
from functions.report.templating import templates
from functions.report.view.formats import EMPTY, Formats, clean
from functions.report.view.words import plural, texts
from shared.errors import BadInput, SkvozError
from shared.log import count, logger
from shared.report_settings import OwnSection
from shared.sql import Value
from shared.warehouse import Row, Warehouse

MOST_CELL = 2000  # characters of a text
MOST_COLUMNS = 50
MOST_MAIL_ROWS = 10
MOST_MAIL_COLUMNS = 6
# After so many seconds of a report no further section is begun: a query may take four minutes, the report's function has fifteen.
MOST_SECONDS = 120.0
Cell = str | int | float | bool | Decimal | date | datetime | None


class Own(NamedTuple):
    """One section. `html` is safe markup; `rows` are values as the engine gave them (at most 1,000), `shown` the same as texts in
    the reader's language; `is_cut`: there were more."""

    name: str
    title: str
    html: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shown: tuple[tuple[str, ...], ...]
    is_cut: bool
    in_mail: bool


class Owns(NamedTuple):
    """The sections of a report in the order of the settings; `failed` are titles of those that could not be made."""

    made: tuple[Own, ...] = ()
    failed: tuple[str, ...] = ()


NONE = Owns()


def own_sections_of(
    warehouse: Warehouse, settings: Mapping[str, Any], period: Period, clock: Callable[[], float] = time.monotonic
) -> Owns:
    """Sections that `settings.report.own_sections` ask for, in the settings' language. Readers of a scope get none: nobody can tell
    which channels a query of the customer's speaks of. Each failure is logged, counted (`ReportSectionFailed`) and listed."""
    made, failed, begun = [], [], clock()
    for told in settings["report"].get("own_sections") or ():
        try:
            if clock() - begun > MOST_SECONDS:
                raise BadInput(f"the sections before it took more than {MOST_SECONDS:.0f} s")
            made.append(_made(warehouse, settings, period, told, clock))
        except Exception as error:
            why = error.message if isinstance(error, SkvozError) else type(error).__name__
            logger().error(
                "a section of the report failed",
                exc_info=not isinstance(error, SkvozError),
                extra={"site_id": settings["site_id"], "section": f"own: {told['name']}", "why": why[:1000]},
            )
            count({"ReportSectionFailed": 1}, Section="own")
            failed.append(str(told["title"]))
    return Owns(tuple(made), tuple(failed))


def mistakes_of(section: OwnSection) -> list[str]:
    """What keeps a section from working that can be told without asking an engine; for `skvoz sites check`."""
    found = []
    anything: dict[str, Value] = dict.fromkeys(PARAMETERS, "")
    for what, check in (
        ("sql", lambda: query_of(section.sql, anything)),
        ("template", lambda: check_template(section.template)),
    ):
        try:
            check()
        except BadInput as error:
            found.append(f"{what}: {error.message}")
    return found


def own_sections_html(owns: Sequence[Own], language: str) -> Markup:
    """All sections for the page, each with `data-view="own"`; nothing where there are none."""
    words = texts(language)
    notes = [words["own"]["cut"].format(shown=len(own.rows)) if own.is_cut else "" for own in owns]
    return Markup(templates().get_template("own.html.j2").render(sections=list(zip(owns, notes, strict=True))))  # noqa: S704 (autoescape)


class MailTable(NamedTuple):
    """What a mail has of a section: at most ten rows of six columns, and what was left out, in words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def mail_tables(owns: Sequence[Own], language: str) -> list[MailTable]:
    """Tables of the sections that want to be in the mail."""
    return [_mail_table(own, texts(language)) for own in owns if own.in_mail]


def _mail_table(own: Own, words: Mapping[str, Any]) -> MailTable:
    rows = tuple(row[:MOST_MAIL_COLUMNS] for row in own.shown[:MOST_MAIL_ROWS])
    left = len(own.rows) - len(rows)
    note = plural(left, words["own"]["rest"], words) if left else ""
    if not own.rows:
        note = words["own"]["empty"]
    return MailTable(own.title, own.columns[:MOST_MAIL_COLUMNS], rows, note)


def _made(
    warehouse: Warehouse, settings: Mapping[str, Any], period: Period, told: Mapping[str, Any], clock: Callable[[], float]
) -> Own:
    values = values_of(settings, period)
    answer = warehouse.rows(query_of(told["sql"], values))
    rows = [_kept(row) for row in answer[:MOST_ROWS]]
    columns = tuple(rows[0]) if rows else ()
    if len(columns) > MOST_COLUMNS:
        raise BadInput(f"it has {len(columns)} columns; a section shows at most {MOST_COLUMNS}")
    formats = Formats(settings["report"]["language"], settings["currency"], settings["time_zone"])
    words = texts(settings["report"]["language"])
    shown = tuple(tuple(_shown(row[name], formats, words) for name in columns) for row in rows)
    title = clean(str(told["title"]), 120)
    if told.get("template"):
        names = {
            "rows": records(rows),
            "columns": list(columns),
            "is_cut": len(answer) > MOST_ROWS,
            "title": title,
            "site": clean(str(settings["name"]), 120),
            "first_day": period.first,
            "last_day": period.last,
            "language": settings["report"]["language"],
            "model": values["model"],
        }
        html = render_template(told["template"], names, _filters(formats), clock)
    else:
        table = templates().get_template("own_table.html.j2")
        numeric = [all(isinstance(row[name], (int, float, Decimal)) or row[name] is None for row in rows) for name in columns]
        html = table.render(columns=columns, numeric=numeric, rows=shown, empty=words["own"]["empty"])
    cells = tuple(tuple(row[name] for name in columns) for row in rows)
    return Own(told["name"], title, Markup(html), columns, cells, shown, len(answer) > MOST_ROWS, bool(told.get("in_mail")))  # noqa: S704 (made safe)


def _kept(row: Row) -> dict[str, Cell]:
    return {clean(name, 60): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, (bool, int, float, Decimal, date)):
        finite = not isinstance(value, (float, Decimal)) or (value == value and abs(value) != float("inf"))
        return value if finite else None
    return clean(str(value), MOST_CELL)  # texts, and what has no form of its own: lists, maps


def _shown(value: Cell, formats: Formats, words: Mapping[str, Any]) -> str:
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return str(words["own"]["yes" if value else "no"])
    if isinstance(value, datetime):
        return formats.short_instant(value)
    if isinstance(value, date):
        return formats.short_day(value)
    if isinstance(value, int):
        return formats.count(value)
    if isinstance(value, Decimal):
        return formats.decimal(value, 2)
    return formats.decimal(value, 3, fixed=False) if isinstance(value, float) else value


def _filters(formats: Formats) -> dict[str, Callable[..., Any]]:
    """Filters of templates: what is empty is a dash."""

    def number(value: Any, digits: int = 0) -> str:
        return EMPTY if value is None else formats.decimal(value, min(max(int(digits), 0), 9))

    def day(value: Any) -> str:
        if isinstance(value, datetime):
            return formats.short_instant(value)
        return EMPTY if value is None else formats.short_day(value)

    def total(rows: Any, column: str) -> Any:
        values = [row[column] for row in rows]
        return sum(value for value in values if value is not None)

    return {
        "money": formats.money,
        "number": number,
        "percent": lambda value: EMPTY if value is None else formats.share(value),
        "day": day,
        "sum": total,
    }
