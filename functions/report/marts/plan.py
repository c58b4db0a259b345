"""Plan and fact of the report's period: a month's plan counts by the share of its days that lie in the period. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from functions.report.marts.anchors import anchor_of
from functions.report.marts.measures import measures
from functions.report.marts.questions import Period
from functions.report.marts.ratios import divide
from functions.report.marts.tree import ZERO, Node, Sums, whole
from shared.money import KOPECK
from shared.sources import sources_of, standard_channels

MONEY = ("cost", "revenue", "gross_profit")
COUNTS = ("requests", "qualified", "sales")
ADDITIVE = ("cost", "requests", "qualified", "sales", "revenue", "gross_profit")
RATIOS = ("cpl", "cpo", "margin_romi")
PLANNED = ADDITIVE + RATIOS
WHOLE_SITE = ""
Figures = dict[str, Any]
Row = Mapping[str, Any]


class Month(NamedTuple):
    """`days` of the month lie in the period, `of` it has."""

    month: str
    days: int
    of: int


class Planned(NamedTuple):
    """A planned figure of the period; `is_derived`: from other planned figures, nobody wrote it."""

    value: Decimal | float
    is_derived: bool = False


def months_of(period: Period) -> list[Month]:
    """The months that the period touches, in order."""
    found, day = [], period.first
    while day <= period.last:
        of = monthrange(day.year, day.month)[1]
        last = min(date(day.year, day.month, of), period.last)
        found.append(Month(f"{day:%Y-%m}", (last - day).days + 1, of))
        day = last + timedelta(days=1)
    return found


def plan_of(settings: Mapping[str, Any], period: Period, root: Node, known: Iterable[str] = ()) -> Figures | None:
    """The block `plan` of figures.json; None where the settings have no plan for any month of the period.

    A figure is planned if every month of the period has it: sums by shares of days; ratios by the days of the months, where told,
    else from the planned sums. The plan of the whole site is its own row, else the sum of its channels'. Prices of what cost
    nothing are not compared. `known` are channels of the marts besides those of the period: a plan of a channel that nobody knows
    is misspelt; it is in `unknown` and in no sum. `gaps`: figures planned for some of the months alone.
    """
    months = months_of(period)
    told, unknown = _told(settings, months, {*root.children, *known})
    if not told and not unknown:
        return None
    channels = sorted({channel for of_month in told.values() for channel in of_month} - {WHOLE_SITE})
    order = {name: place for place, name in enumerate(root.children)}
    channels.sort(key=lambda name: (order.get(name, len(order)), name))
    found, prices = [], []
    gaps: list[Figures] = []
    for channel in (WHOLE_SITE, *channels):
        rows = [_of_channel(told.get(month.month, {}), channel) for month in months]
        gaps += _gaps(channel, {month.month: row for month, row in zip(months, rows, strict=True) if month.month in told})
        planned = _planned(months, rows)
        if not planned:
            continue
        sums = root.sums if channel == WHOLE_SITE else root.children[channel].sums if channel in root.children else Sums()
        facts = measures(sums) | ({} if sums.cost else dict.fromkeys(("cpl", "cpo")))
        anchor = anchor_of(channel) if channel in root.children else ""
        found.append({"channel": channel, "measures": _compared(planned, facts), "anchor": anchor})
        if "cpo" in planned and not planned["cpo"].is_derived:
            prices.append(_price(channel, planned["cpo"].value, facts["cpo"]))
    return {
        "months": [month._asdict() for month in months],
        "rows": found,
        "cpo": prices,
        "incomplete": [month.month for month in months if month.month not in told],
        "gaps": gaps,
        "unknown": unknown,
    }


def planned_total(plan: Figures | None, measure: str) -> Decimal | float | None:
    """What the whole site was to bring in the period; None where nobody planned it."""
    rows = [row for row in plan["rows"] if row["channel"] == WHOLE_SITE] if plan else []
    told = rows[0]["measures"].get(measure) if rows else None
    return told["plan"] if told else None


def admissible_cpo(plan: Figures | None, channel: str) -> Decimal | float | None:
    """Admissible price of a sale of a channel (`""`: the whole site)."""
    return next((row["admissible"] for row in plan["cpo"] if row["channel"] == channel), None) if plan else None


def _told(
    settings: Mapping[str, Any], months: Iterable[Month], known: Iterable[str]
) -> tuple[dict[str, dict[str, Row]], list[str]]:
    """Month of the period → channel (as the report calls it) → row, and the channels that nobody knows. Settings published before
    there was a plan have none; the site's own sources may name channels that brought nothing yet."""
    own = (source.channel for source in sources_of(settings).values() if source.channel)
    names = names_of_channels((*own, *known))
    wanted = {month.month for month in months}
    found: dict[str, dict[str, Row]] = {}
    unknown = set()
    for row in settings["report"].get("plan") or ():
        told = row.get("channel") or WHOLE_SITE
        if row["month"] not in wanted:
            continue
        name = names.get(told.casefold()) if told else WHOLE_SITE
        if name is None:
            unknown.add(told)
        else:
            found.setdefault(row["month"], {})[name] = row
    return found, sorted(unknown)


def _gaps(channel: str, rows: Mapping[str, Row]) -> Iterable[Figures]:
    """Figures that some of these months of a channel plan and others do not. `rows` are those of months that have a plan."""
    for name in PLANNED:
        missing = [month for month, row in rows.items() if name not in row]
        if missing and len(missing) < len(rows):
            yield {"channel": channel, "measure": name, "months": missing}


def names_of_channels(known: Iterable[str] = ()) -> dict[str, str]:
    """Every way to write a channel, case-folded → its name in the marts: plans are written by people. `known`: channels besides the
    standard ones."""
    found = {shown.casefold(): name for name, channel in standard_channels().items() for shown in channel.names.values()}
    return found | {name.casefold(): name for name in (*standard_channels(), *known)}


def _of_channel(rows: Mapping[str, Row], channel: str) -> Row:
    """The month's row of that channel; of the whole site, what it leaves open is the sum of the channels that all tell it."""
    own = {name: value for name, value in (rows.get(channel) or {}).items() if value is not None}
    if channel != WHOLE_SITE:
        return own
    others = [row for name, row in rows.items() if name != WHOLE_SITE]
    for name in ADDITIVE:
        values = [row.get(name) for row in others]
        if name not in own and values and None not in values:
            own[name] = sum((Decimal(str(value)) for value in values), ZERO)
    return own


def _planned(months: Sequence[Month], rows: Sequence[Row]) -> dict[str, Planned]:
    found: dict[str, Planned] = {}
    for name in ADDITIVE:
        if all(name in row for row in rows):
            exact = sum((_number(row[name]) * m.days / m.of for m, row in zip(months, rows, strict=True)), ZERO)
            found[name] = Planned(exact.quantize(KOPECK, ROUND_HALF_UP) if name in MONEY else whole(float(exact)))
    for name in RATIOS:
        if all(name in row for row in rows):
            days = sum(m.days for m in months)
            exact = sum((_number(row[name]) * m.days for m, row in zip(months, rows, strict=True)), ZERO) / days
            found[name] = Planned(exact.quantize(KOPECK, ROUND_HALF_UP) if name != "margin_romi" else float(exact))
    return {**found, **{name: Planned(value, True) for name, value in _derived(found) if name not in found}}


def _derived(found: Mapping[str, Planned]) -> Iterable[tuple[str, Decimal | float]]:
    cost = found.get("cost")
    if cost is None:
        return
    for name, by in (("cpl", "requests"), ("cpo", "sales")):
        value = divide(cost.value, found[by].value) if by in found else None
        if value is not None:
            yield name, _number(value).quantize(KOPECK, ROUND_HALF_UP)  # as if somebody had written it
    if "gross_profit" in found:
        value = divide(Decimal(found["gross_profit"].value) - Decimal(cost.value), cost.value)
        if value is not None:
            yield "margin_romi", value


def _compared(planned: Mapping[str, Planned], facts: Figures) -> Figures:
    return {
        name: {
            "plan": planned[name].value,
            "fact": facts[name],
            "share": None if name == "margin_romi" else divide(facts[name], planned[name].value),
            "difference": difference(facts[name], planned[name].value),
            "is_derived": planned[name].is_derived,
        }
        for name in PLANNED
        if name in planned
    }


def difference(fact: Decimal | float | None, plan: Decimal | float | None) -> Decimal | float | None:
    """Fact − plan: money exactly, counts and ratios as numbers; None where one of them is not known."""
    if fact is None or plan is None:
        return None
    if isinstance(fact, Decimal) and isinstance(plan, Decimal):
        return fact - plan
    return whole(float(fact) - float(plan))


def _price(channel: str, admissible: Decimal | float, actual: float | None) -> Figures:
    return {"channel": channel, "admissible": admissible, "actual": actual, "over": difference(actual, admissible)}


def _number(value: Any) -> Decimal:
    return Decimal(str(value))
