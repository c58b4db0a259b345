"""What a reader of a scope gets: figures of its channels alone. What cannot be told by channel is left out, section by section.

Answers are taken by name: a question that nobody has put on the list here is not passed on, so that a new one cannot tell a partner
of the other channels by oversight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from functions.report.figures import Figures
from functions.report.marts.kinds import is_together, kinds_of
from functions.report.marts.questions import Answers, Period, answers_of
from functions.report.marts.tree import NO_SOURCE
from functions.report.snapshot.scope import Seen, seen_of
from functions.report.snapshot.scope import channels_of as channels_among
from shared.money import KOPECK
from shared.report_settings import SECTIONS
from shared.warehouse import Row, Warehouse

# Sections that can be told by channel.
OF_SCOPE = ("summary", "plan", "payback", "channels", "income", "funnel", "traffic", "deals", "method")
# Questions whose rows are of one channel each.
SPLIT = ("visits", "results", "spend", "channels", "ad_clicks", "visit_requests")
# A scope's own questions, and those of the whole site that they answer.
AS_ASKED = {"scope_deal_paths": "deal_paths", "scope_requests_made": "requests_made", "scope_sale_delays": "sale_delays"}
# Blocks of figures.json that such sections are made of.
BLOCKS = (
    "site", "period", "data_to", "kind", "scope", "model", "date_basis", "days", "totals", "previous", "change", "verdict", "tiles",
    "drivers", "plan", "payback", "channels", "ads", "income", "funnel", "deals", "deals_total",
)  # fmt: skip
WHOLE = 1 - 1e-9  # a weight of so much is all of a request: sums of weights are binary fractions
# Of a deal as the CRM tells it, what may speak of the other channels, or of the whole deal's money.
UNTOLD = ("crm_source", "tags")
WHOLE_MONEY = ("amount", "receivable")


def settings_of_scope(settings: Mapping[str, Any], seen: Seen, channels: Sequence[str]) -> Mapping[str, Any]:
    """The settings as a report of the scope is made with: its sections, and the plan of its channels."""
    report = settings["report"]
    chosen = report.get("sections") or SECTIONS
    names = {name for channel in channels for name in seen.called(channel)}

    def is_seen(planned: str | None) -> bool:
        return planned is not None and (planned.casefold() in names or seen.has(planned))

    plan = [row for row in report.get("plan") or () if is_seen(row.get("channel"))]
    sections = [name for name in chosen if name in OF_SCOPE] or ["summary"]  # none at all would be read as all of them
    own = {"sections": sections, "plan": plan, "own_sections": [], "scopes": []}
    return {**settings, "report": {**report, **own}}


def seen_in(settings: Mapping[str, Any], scope: str, answers: Answers) -> Seen:
    """The scope as a judge of channels. BadInput where the settings do not know it."""
    together = kinds_of(answers).unnamed if is_together(settings) else frozenset()
    return seen_of(settings, scope, together)


def channels_of(seen: Seen, *told: Answers) -> list[str]:
    """The scope's channels as the marts name them: those that the rules know, and those that the answers tell of."""
    rows = (row for answers in told for question in SPLIT for row in answers[question])
    return channels_among(seen, (str(row["channel"]) for row in rows if row.get("channel")))


def scoped(answers: Answers, seen: Seen) -> Answers:
    """The rows of the scope's channels, of the questions that have such."""
    return Answers({name: [row for row in answers[name] if seen.has(row["channel"])] for name in SPLIT})


def with_deals(
    warehouse: Warehouse, settings: Mapping[str, Any], period: Period, answers: Answers, channels: Sequence[str]
) -> Answers:
    """`answers` of a scope with its deals: those that the default model credits to its channels, their money the credited part,
    their paths the touches of its channels; and how young its requests are. WarehouseError when a query fails."""
    more = {"channels": list(channels)}
    told = answers_of(warehouse, settings, period, ("scope_deals", *AS_ASKED), more)
    known = {name: told[question] for question, name in AS_ASKED.items()}
    return Answers({**answers.rows, **known, "deals": [_deal(row) for row in told["scope_deals"]]})


def of_scope(figures: Figures, scope: str) -> Figures:
    """The figures of a scope: requests without a source are of no channel, and repeat buyers are told of the whole site alone."""
    told = {**figures, "scope": scope}
    told["channels"] = [row for row in figures["channels"] if row["channel"] != NO_SOURCE]
    told["deals"] = [{**deal, "why": _why(deal)} for deal in figures["deals"]]
    for block, rows in (("income", "rows"), ("funnel", "channels")):
        if block in told:
            kept = [row for row in told[block][rows] if row["channel"] != NO_SOURCE]
            told[block] = {**told[block], rows: kept}
    if "funnel" in told:
        told["funnel"]["steps"] = [step for step in told["funnel"]["steps"] if step["step"] != "repeat_sales"]
    return told


def as_told(figures: Figures) -> Figures:
    """The figures as figures.json has them: of a scope's, without the blocks that tell of the whole site and are empty here."""
    return {name: figures[name] for name in BLOCKS if name in figures} if figures.get("scope") else figures


def _deal(row: Row) -> Row:
    """A deal as its reader sees it."""
    told = {**row, **dict.fromkeys(UNTOLD)}
    if float(row["part"]) >= WHOLE:
        return told
    money = {name: _part(row[name], row[f"part_{name}"], row[f"request_{name}"]) for name in ("revenue", "gross_profit")}
    return {**told, **money, **dict.fromkeys(WHOLE_MONEY)}


def _why(deal: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is the only touch of the scope's channels need not be the only one."""
    why: Mapping[str, Any] = deal["why"]
    if why["code"] != "only_touch":
        return why
    is_whole = sum(touch["weight"] for touch in deal["path"]) >= WHOLE
    return {**why, "code": "only_seen" if is_whole else "part_seen"}


def _part(amount: Any, part: Any, whole: Any) -> Decimal | None:
    """A deal's share of its request's credited money; a request of one deal gives it all of that, to the kopeck."""
    if amount is None or part is None or not whole:
        return None
    return (Decimal(amount) * Decimal(part) / Decimal(whole)).quantize(KOPECK, ROUND_HALF_UP)
