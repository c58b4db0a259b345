"""What a cost file's columns may be called, in English and Russian. Data, not branches: a new name is one word here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from functions.costs.messages import Problem

# field → its names, as `plain_name` leaves them
NAMES: Mapping[str, tuple[str, ...]] = {
    "day": ("day", "date", "дата", "день"),
    "month": ("month", "месяц"),
    "period_from": ("period_from", "from", "date_from", "start_date", "период_с", "дата_с", "дата_начала", "начало_периода", "с"),
    "period_to": ("period_to", "to", "date_to", "end_date", "период_по", "дата_по", "дата_окончания", "конец_периода", "по"),
    "account": ("account", "кабинет", "аккаунт", "рекламный_кабинет"),
    "source": ("source", "utm_source", "источник"),
    "medium": ("medium", "utm_medium", "канал", "тип_трафика"),
    "campaign": ("campaign", "utm_campaign", "campaign_name", "campaign_id", "кампания", "рекламная_кампания", "номер_кампании"),
    "content": ("ad", "content", "utm_content", "ad_id", "объявление", "номер_объявления", "содержание"),
    "term": ("keyword", "term", "utm_term", "ключ", "ключевое_слово", "ключевая_фраза", "фраза"),
    "clicks": ("clicks", "клики", "переходы"),
    "impressions": ("impressions", "показы"),
    "cost": ("cost", "costs", "spend", "amount", "расход", "расходы", "затраты", "сумма", "стоимость"),
    "currency": ("currency", "валюта"),
    "vat_included": ("vat_included", "с_ндс", "ндс_включен", "включая_ндс"),
    "vat_percent": ("vat_percent", "vat", "ндс", "ставка_ндс"),
}
FIELD_OF = {name: field for field, names in NAMES.items() for name in names}
SKIPPED = "#"  # a column whose name starts so is left out on purpose
SHORTEST = 4  # shorter names are one slip away from too many words
_JOINTS = re.compile(r"[\s_\-.,/%()]+")


class Columns(NamedTuple):
    """`places` maps a field to its column index; `names` are the headers as written; `unused` are columns nobody reads."""

    places: Mapping[str, int]
    names: Sequence[str]
    unused: Sequence[str]
    problems: Sequence[Problem]

    def name(self, field: str) -> str:
        """The field's header in this file, or our own name where the file has none."""
        return self.names[self.places[field]] if field in self.places else field


def plain_name(header: str) -> str:
    """`Период с` → `период_с`: lower case, ё as е, joints as one underscore."""
    return _JOINTS.sub("_", header.strip().lower().replace("ё", "е")).strip("_")


def columns_of(header: Sequence[str], line: int) -> Columns:
    """Header row → where each field lies, or what is wrong with the header.

    An unknown column is passed over and named, unless it looks like a mistyped known one: that would lose its figures silently.
    """
    places: dict[str, int] = {}
    unused: list[str] = []
    problems: list[Problem] = []
    for index, written in enumerate(header):
        name = plain_name(written)
        field = FIELD_OF.get(name)
        if not name or written.strip().startswith(SKIPPED):
            continue
        if field is None:
            if near := _mistyped(name):
                problems.append(Problem(line, written, "mistyped_column", {"near": near}))
            unused.append(written)
        elif field in places:
            problems.append(Problem(line, written, "column_twice", {"other": header[places[field]]}))
        else:
            places[field] = index
    return Columns(places, header, unused, [*problems, *_missing(places, line)])


def _mistyped(name: str) -> str | None:
    """The known name that is one slip of the finger away."""
    return next((known for known in FIELD_OF if len(known) >= SHORTEST and _is_one_slip(name, known)), None)


def _is_one_slip(one: str, other: str) -> bool:
    """One letter more, less or other, or two neighbours swapped."""
    short, long = sorted((one, other), key=len)
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) - len(short) == 1:
        return short[start:] == long[start + 1 :]
    swapped = short[start : start + 2][::-1] + short[start + 2 :]
    return len(long) == len(short) and (short[start + 1 :] == long[start + 1 :] or swapped == long[start:])


def _missing(places: Mapping[str, int], line: int) -> list[Problem]:
    problems = []
    if "cost" not in places:
        problems.append(Problem(line, "cost", "no_cost_column"))
    if not places.keys() & {"account", "source"}:
        problems.append(Problem(line, "account", "no_account_column"))
    if not places.keys() & {"day", "month"} and not {"period_from", "period_to"} <= places.keys():
        problems.append(Problem(line, "day", "no_day_column"))
    return problems
