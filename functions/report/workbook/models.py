"""Sheets of the attribution models: every model's channels, and how far the models are apart."""

from __future__ import annotations

from functions.report.marts.models import RANGED
from functions.report.view.models import model_name, model_notes
from functions.report.workbook.cells import Sheet, kind_of
from functions.report.workbook.making import Making

NAME, NUMBER = 30, 16  # widths
MEASURES = ("requests", "qualified", "sales", "revenue", "gross_profit", "margin_romi")


def models(making: Making) -> Sheet:
    """A row a model and channel."""
    words, own = making.words, making.words["workbook"]
    measures = [(words["metrics"][name], kind_of(name), NUMBER) for name in MEASURES]
    sheet = making.sheet("models", [(own["model"], "text", NAME), (own["channel"], "text", NAME), *measures])
    for model, rows in making.figures["models"].items():
        for row in rows:
            sheet.add([model_name(model, words), making.names.channel(row["channel"]), *(row[name] for name in MEASURES)])
    sheet.filter()
    return sheet


def model_range(making: Making) -> Sheet:
    """A row a channel: the least and the most of each measure, and all models that say so."""
    words, say = making.words, making.words["model_range"]
    ends = [(name, end) for name in RANGED for end in ("low", "high")]
    columns = [(words["workbook"]["channel"], "text", float(NAME))]
    for name, end in ends:
        columns.append((f"{words['metrics'][name]}, {say[end]}", kind_of(name), float(NUMBER)))
        columns.append((f"{words['metrics'][name]}, {say[f'{end}_models']}", "wrap", 40.0))
    sheet = making.sheet("model_range", columns)
    for row in making.figures["model_range"]:
        cells = [making.names.channel(row["channel"])]
        for name, end in ends:
            told = row[name] or {end: None, f"{end}_models": []}
            cells += [told[end], ", ".join(model_name(model, words) for model in told[f"{end}_models"])]
        sheet.add(cells)
    sheet.filter()
    return sheet


def explained(making: Making) -> list[list[str | None]]:
    """What each model does, and what must be known of this report's models: lines for the definitions."""
    words = making.words
    lines: list[list[str | None]] = [
        [f"{words['workbook']['model']}: {model_name(model, words)}", words["model_help"].get(model), None]
        for model in making.figures["models"]
    ]
    return [*lines, *([words["sections"]["models"], note, None] for note in model_notes(making.figures, words))]
