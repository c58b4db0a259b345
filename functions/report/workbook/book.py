"""Figures → XLSX. Every figure as a number, every row (no table is cut), and beside them what each figure means."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from functions.report.own.section import Own
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.workbook import budget, calls, customers, funnel, lists, models, payback, plan, sheets, source_control
from functions.report.workbook.cells import Styles
from functions.report.workbook.making import Figures, Making
from functions.report.workbook.own import own_sheets
from functions.report.workbook.restated import restated


def workbook(figures: Figures, settings: Mapping[str, Any], owns: Sequence[Own] = ()) -> bytes:
    """The whole workbook, about 300 bytes a deal, the customer's own sections last. The same figures give the same bytes."""
    import xlsxwriter

    language, site = settings["report"]["language"], figures["site"]
    formats = Formats(language, site["currency"], site["time_zone"])
    file = io.BytesIO()
    refusals = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, {"in_memory": True, **refusals})
    making = Making(figures, settings, Names(settings), formats, book, Styles(book, formats.symbol))
    book.set_properties({"title": making.words["title"], "comments": site["site_id"], "created": making.local(figures["data_to"])})
    made = [
        sheets.summary(making),
        plan.drivers(making),
        plan.plan(making),
        source_control.source_control(making),
        source_control.source_days(making),
        source_control.crm_control(making),
        payback.payback(making),
        sheets.channels(making),
        payback.income(making),
        funnel.funnel(making),
        funnel.site_sections(making),
        models.models(making),
        models.model_range(making),
        funnel.qualification(making),
        funnel.reasons(making),
        sheets.contact_channels(making),
        calls.calls(making),
        calls.call_list(making),
        calls.call_tracking(making),
        customers.customers(making),
        customers.cohorts(making),
        funnel.team(making),
        lists.deals(making),
        budget.budget(making),
        budget.weeks(making),
        restated(making),
        lists.quality(making),
    ]
    lists.definitions(making, [sheet for sheet in made if sheet is not None])
    own_sheets(making, owns)
    book.close()
    return file.getvalue()


def file_name(figures: Figures) -> str:
    """Name to save the workbook under, in plain letters."""
    return f"skvoz-{figures['site']['site_id']}-{figures['period']['from']}-{figures['period']['to']}.xlsx"
