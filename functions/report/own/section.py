"""The customer's own sections of one report: asked, shown, and, where one fails, named. A failing one stops nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from markupsafe import Markup

from functions.report.marts.questions import Period
from functions.report.own.asking import Asking, why
from functions.report.own.cells import Answer, shown
from functions.report.own.cells import Cell as Cell  # of those who show a section elsewhere
from functions.report.own.filters import filters_of
from functions.report.own.query import PARAMETERS, query_of, values_of
from functions.report.own.record import records
from functions.report.own.template import check_template, render_template
from functions.report.templating import templates
from functions.report.view.formats import Formats, clean
from functions.report.view.words import plural, texts
from shared.errors import BadInput, SkvozError
from shared.log import count, logger
from shared.report_settings import OwnSection
from shared.sql import Value
from shared.warehouse import Warehouse

MOST_MAIL_ROWS = 10
MOST_MAIL_COLUMNS = 6


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


def own_sections_of(warehouse: Warehouse, settings: Mapping[str, Any], period: Period, asking: Asking | None = None) -> Owns:
    """Sections that `settings.report.own_sections` ask for, in the settings' language. Readers of a scope get none: nobody can tell
    which channels a query of the customer's speaks of. Each failure is logged, counted (`ReportSectionFailed`) and listed. `asking`
    is one for all reports of a run; without it this report is a run of its own."""
    made, failed, asking = [], [], asking or Asking()
    for told in settings["report"].get("own_sections") or ():
        try:
            made.append(_made(warehouse, settings, period, told, asking))
        except Exception as error:
            logger().error(
                "a section of the report failed",
                exc_info=not isinstance(error, SkvozError),
                extra={"site_id": settings["site_id"], "section": f"own: {told['name']}", "why": why(error)[:1000]},
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
    return MailTable(own.title, own.columns[:MOST_MAIL_COLUMNS], rows, _left_out(own, words))


def _left_out(own: Own, words: Mapping[str, Any]) -> str:
    """What the mail's table does not have of the section, in words."""
    say, rows, columns = words["own"], len(own.rows) - MOST_MAIL_ROWS, len(own.columns) - MOST_MAIL_COLUMNS
    if not own.rows:
        return str(say["empty"])
    told = []
    if own.is_cut:
        told.append(str(say["mail_cut"]).format(shown=len(own.rows)))
    elif rows > 0:
        told.append(plural(rows, say["rest"], words))
    if columns > 0:
        told.append(plural(columns, say["columns"], words))
    return " ".join(told)


def _made(warehouse: Warehouse, settings: Mapping[str, Any], period: Period, told: Mapping[str, Any], asking: Asking) -> Own:
    answer = asking.answer(warehouse, query_of(told["sql"], values_of(settings, period)), settings["site_id"])
    language = settings["report"]["language"]
    formats, words = Formats(language, settings["currency"], settings["time_zone"]), texts(language)
    texts_of_rows = tuple(tuple(shown(row[name], formats, words) for name in answer.columns) for row in answer.rows)
    title = clean(str(told["title"]), 120)
    if told.get("template"):
        names = {
            "rows": records(answer.rows),
            "columns": list(answer.columns),
            "is_cut": answer.is_cut,
            "title": title,
            "site": clean(str(settings["name"]), 120),
            "first_day": period.first,
            "last_day": period.last,
            "language": language,
            "model": settings["attribution"]["default_model"],
        }
        html = render_template(told["template"], names, filters_of(formats), asking.clock)
    else:
        html = _table(answer, texts_of_rows, words)
    cells = tuple(tuple(row.values()) for row in answer.rows)
    return Own(
        told["name"],
        title,
        Markup(html),  # noqa: S704 (made safe)
        answer.columns,
        cells,
        texts_of_rows,
        answer.is_cut,
        bool(told.get("in_mail")),
    )


def _table(answer: Answer, shown_rows: Sequence[Sequence[str]], words: Mapping[str, Any]) -> str:
    """What a section without a template shows."""
    numeric = [
        all(isinstance(row[name], (int, float, Decimal)) or row[name] is None for row in answer.rows) for name in answer.columns
    ]
    table = templates().get_template("own_table.html.j2")
    return table.render(columns=answer.columns, numeric=numeric, rows=shown_rows, empty=words["own"]["empty"])
