"""Figures → XLSX. Every figure as a number, every row (no table is cut), and beside them what each figure means. Its sheets are
those of the sections that its reader has."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from functions.report.own.section import Own
from functions.report.view.formats import Formats
from functions.report.view.names import Names
from functions.report.workbook import budget, calls, customers, funnel, lists, models, payback, plan, sheets, source_control
from functions.report.workbook.cells import Sheet, Styles
from functions.report.workbook.making import Figures, Making
from functions.report.workbook.own import own_sheets
from functions.report.workbook.restated import restated

# Section of the report → its sheets, in their order. Landings (traffic) are in the page's app alone; definitions always come last.
SHEETS: Mapping[str, Sequence[Callable[[Making], Sheet | None]]] = {
    "summary": (sheets.summary, plan.drivers),
    "plan": (plan.plan,),
    "source_control": (source_control.source_control, source_control.source_days, source_control.crm_control),
    "payback": (payback.payback,),
    "channels": (sheets.channels,),
    "income": (payback.income,),
    "funnel": (funnel.funnel, funnel.site_sections),
    "traffic": (),
    "models": (models.models, models.model_range),
    "qualification": (funnel.qualification, funnel.reasons),
    "contacts": (sheets.contact_channels,),
    "calls": (calls.calls, calls.call_list, calls.call_tracking),
    "customers": (customers.customers, customers.cohorts),
    "team": (funnel.team,),
    "deals": (lists.deals,),
    "budget": (budget.budget, budget.weeks),
    "quality": (restated, lists.quality),
    "method": (),
}
LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
MOST_NAME = 40  # characters of a scope in the file's name


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
    made = [sheets.scope(making), *(make(making) for section in making.sections for make in SHEETS[section])]
    lists.definitions(making, [sheet for sheet in made if sheet is not None])
    own_sheets(making, owns)
    book.close()
    return file.getvalue()


def file_name(figures: Figures) -> str:
    """Name to save the workbook under, in plain letters."""
    days = f"{figures['period']['from']}-{figures['period']['to']}"
    parts = ("skvoz", figures["site"]["site_id"], _plain(figures.get("scope") or ""), days)
    return f"{'-'.join(part for part in parts if part)}.xlsx"


def _plain(name: str) -> str:
    """In a-z, 0-9 and hyphens; of a name without any such letter, that it is a scope's."""
    latin = "".join(LATIN.get(sign, sign) for sign in name.casefold())
    plain = re.sub(r"[^a-z0-9]+", "-", latin)[:MOST_NAME].strip("-")
    return plain or ("scope" if name else "")
