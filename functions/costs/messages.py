"""What is said about a cost file, in the language of the site's report: what is wrong, where, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_SHOWN = 40  # characters of a cell that a message repeats
MOST_PROBLEMS = 1000


class Problem(NamedTuple):
    """One mistake: `line` as an editor counts (0 = the file as a whole), `column` as the file's header names it."""

    line: int
    column: str
    code: str
    values: Mapping[str, Any] = {}

    def message(self, language: str) -> str:
        """The sentence, without its place."""
        text = TEXTS[self.code][language == "en"]
        return text.format(**{name: shown(str(value)) for name, value in self.values.items()})

    def sentence(self, language: str) -> str:
        """The sentence with its place."""
        words = ("line", "column") if language == "en" else ("строка", "столбец")
        place = f"{words[0]} {self.line}" if self.line else ""
        place += f", {words[1]} «{shown(self.column)}»" if self.column else ""
        return f"{place}: {self.message(language)}" if place else self.message(language)


# code → (Russian, English)
TEXTS: Mapping[str, tuple[str, str]] = {
    "no_site": (
        "файл лежит не в папке сайта; положите его в costs/inbox/САЙТ/",
        "the file does not lie in a site's folder; put it into costs/inbox/SITE/",
    ),
    "unknown_site": (
        "сайт «{site}» не настроен; проверьте имя папки или опубликуйте настройки командой skvoz sites apply",
        "site «{site}» is not set up; check the folder's name or publish its settings with skvoz sites apply",
    ),
    "name_too_long": ("имя файла длиннее {most} знаков", "the file's name is longer than {most} characters"),
    "personal_name": (
        "в имени файла электронная почта или телефон, они не хранятся; переименуйте файл",
        "the file's name has an e-mail or a phone, which are not stored; rename the file",
    ),
    "not_csv": (
        "это не CSV; сохраните таблицу как CSV UTF-8 (.csv, .tsv или .txt)",
        "this is no CSV; save the table as CSV UTF-8 (.csv, .tsv or .txt)",
    ),
    "spreadsheet": (
        "файлы Excel пока не читаются; в Excel выберите «Сохранить как», тип «CSV UTF-8»",
        "Excel files are not read yet; choose Save as, type CSV UTF-8",
    ),
    "too_large": ("файл больше {most} МБ; разделите его", "the file is larger than {most} MB; split it"),
    "too_many_rows": ("в файле больше {most} строк; разделите его", "the file has more than {most} rows; split it"),
    "empty": ("файл пуст", "the file is empty"),
    "only_header": (
        "в файле только заголовок; чтобы очистить день или период, дайте строку с ним, кабинетом и расходом 0",
        "the file has a header only; to clear a day or a period, give a row with it, the account and cost 0",
    ),
    "not_text": (
        "файл не в кодировке UTF-8 и не в windows-1251; сохраните его как CSV UTF-8",
        "the file is neither UTF-8 nor windows-1251; save it as CSV UTF-8",
    ),
    "damaged_text": (
        "кодировка UTF-8 повреждена; сохраните файл как CSV UTF-8 заново",
        "the UTF-8 text is damaged; save the file as CSV UTF-8 again",
    ),
    "bad_quotes": ("кавычки не закрыты или стоят не на месте", "quotes are not closed or stand in a wrong place"),
    "no_cost_column": ("нет столбца с расходом (cost, расход)", "there is no column with the cost (cost, расход)"),
    "no_account_column": (
        "нет ни столбца account (кабинет), ни source (источник)",
        "there is neither a column account (кабинет) nor source (источник)",
    ),
    "no_day_column": (
        "нет столбца day (дата), month (месяц) или пары period_from и period_to",
        "there is no column day (дата), month (месяц), nor the pair period_from and period_to",
    ),
    "mistyped_column": (
        "неизвестный столбец; похоже на «{near}». Исправьте имя или поставьте перед ним #, чтобы столбец не читался",
        "an unknown column; it looks like «{near}». Mend the name, or put # before it to leave the column out",
    ),
    "column_twice": (
        "значит то же, что столбец «{other}»; оставьте один или поставьте перед именем #",
        "means the same as column «{other}»; keep one of them, or put # before the name",
    ),
    "cell_count": (
        "в строке {found} ячеек, в заголовке {wanted}; проверьте разделители и кавычки",
        "the row has {found} cells, the header {wanted}; check delimiters and quotes",
    ),
    "cost_needed": ("расход не указан; чтобы удалить строку, напишите 0", "the cost is missing; write 0 to delete a row"),
    "bad_cost": (
        "«{cell}» не похоже на сумму; пишите 1234.56 или 1 234,56, не больше 6 знаков после запятой",
        "«{cell}» is no sum; write 1234.56 or 1 234,56, with at most 6 digits after the point",
    ),
    "cost_too_large": ("сумма «{cell}» больше {most}", "the sum «{cell}» is larger than {most}"),
    "personal_account": (
        "кабинет назван электронной почтой или телефоном, они не хранятся; напишите номер или имя кабинета",
        "the account is named by an e-mail or a phone, which are not stored; write the account's number or name",
    ),
    "two_readings": (
        "«{cell}» читается двояко: тысячи или доли; напишите {plain} или {decimal}",
        "«{cell}» may mean thousands or a fraction; write {plain} or {decimal}",
    ),
    "bad_count": ("«{cell}» не целое число от 0", "«{cell}» is no whole number from 0 up"),
    "bad_day": ("«{cell}» не дата; пишите 2026-10-31 или 31.10.2026", "«{cell}» is no date; write 2026-10-31 or 31.10.2026"),
    "bad_month": ("«{cell}» не месяц; пишите 2026-10 или 10.2026", "«{cell}» is no month; write 2026-10 or 10.2026"),
    "bad_year": ("год «{cell}» вне 2000–{most}", "the year of «{cell}» lies outside 2000–{most}"),
    "day_needed": (
        "нужен день, или месяц, или начало и конец периода",
        "a day, a month, or the first and last day of a period is needed",
    ),
    "days_twice": (
        "дайте что-то одно: день, месяц или период",
        "give one of them only: a day, a month or a period",
    ),
    "period_backwards": ("конец периода раньше начала", "the period ends before it begins"),
    "period_too_long": ("период длиннее {most} дней", "the period is longer than {most} days"),
    "account_needed": ("нужен кабинет или источник", "an account or a source is needed"),
    "too_long": ("длиннее {most} знаков", "longer than {most} characters"),
    "bad_currency": ("«{cell}» не код валюты; пишите RUB", "«{cell}» is no currency code; write RUB"),
    "bad_yes_no": ("«{cell}»: пишите да или нет", "«{cell}»: write yes or no"),
    "bad_percent": ("«{cell}» не процент от 0 до 100", "«{cell}» is no percentage from 0 to 100"),
}

_HEADS = (
    "Файл «{name}» не загружен: ничего из него не попало в отчёты, прежние данные остались.\n"
    "Исправьте названное и положите файл в costs/inbox снова.\n",
    "The file «{name}» is not imported: nothing of it reached the reports, earlier data stay as they were.\n"
    "Mend what is named here and put the file into costs/inbox again.\n",
)
_MORE = ("… и ещё ошибки: показаны первые {most}", "… and more: the first {most} are shown")
_UNUSED = ("Файл загружен. Эти столбцы не использованы: ", "The file is imported. These columns were not used: ")


def shown(text: str) -> str:
    """Text of a cell on one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_SHOWN else line[:MOST_SHOWN] + "…"


def error_text(file_name: str, problems: Sequence[Problem], languages: Sequence[str]) -> str:
    """The error file: one sentence a mistake, in order of lines. Two languages where the site, and so the reader, is unknown."""
    blocks = []
    for language in languages:
        is_english = language == "en"
        lines = [_HEADS[is_english].format(name=file_name)]
        lines += [problem.sentence(language) for problem in problems[:MOST_PROBLEMS]]
        if len(problems) > MOST_PROBLEMS:
            lines.append(_MORE[is_english].format(most=MOST_PROBLEMS))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def unused_text(unused: Sequence[str], language: str) -> str:
    """The note beside an imported file about columns that nobody read."""
    return _UNUSED[language == "en"] + ", ".join(f"«{shown(name)}»" for name in unused) + "\n"
