"""Where in somebody else's body a value stands: the paths of `crm.mapped.NAME.map` (docs/crm.md), and what they may fill. Pure.

`order.customer.phones.*.number`, `items[0].id`, `order[status]`, `fields[code=REQUEST].value`, `['name.with.dots']`, `$.account.id`
(from the body's root, not the deal's), `agent.meta.href | last` (what stands after the last slash), `=text` (a text of its own).
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

IDENTIFIERS = ("deal_id", "request_id", "call_id", "visitor_id", "contact_id", "order_id", "merged_into")
WORDS = ("pipeline", "stage", "crm_source", "loss_reason", "manager", "branch", "product")
SUMS = ("amount", "cost_price", "receivable")
TIMES = ("told_at", "created_at")
MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
SEVERAL = ("phone", "email", "tags")
PAYMENT = ("payment.id", "payment.amount", "payment.at")
FIELDS = (*IDENTIFIERS, *WORDS, *SUMS, *TIMES, *MARKS, *SEVERAL, "currency", "name", "communications", "payments", *PAYMENT)
ATTRIBUTE = "attribute."
MOST_STEPS = 20
LAST = "last"


class Step(NamedTuple):
    """`key`: into a field (a number also into a list); `all`: every member; `where`: members whose `keys` lead to `value`."""

    kind: str
    name: str = ""
    keys: tuple[str, ...] = ()
    value: str = ""


class Path(NamedTuple):
    """`constant` None: to be looked up. `is_root`: from the whole body. `is_last`: of the text, what follows its last slash."""

    steps: tuple[Step, ...]
    constant: str | None = None
    is_root: bool = False
    is_last: bool = False


@cache
def path_of(text: str) -> Path:
    """ValueError says what is wrong with the path."""
    if text.startswith("="):
        if not text[1:].strip():
            raise ValueError("after = stands the text itself")
        return Path((), constant=text[1:].strip())
    rest, bar, way = text.partition("|")
    if bar and way.strip() != LAST:
        raise ValueError(f"after | stands {LAST}, nothing else")
    rest = rest.strip()
    is_root = rest.startswith("$.")
    steps = tuple(_steps(rest[2:] if is_root else rest))
    if len(steps) > MOST_STEPS:
        raise ValueError(f"a path has at most {MOST_STEPS} steps")
    return Path(steps, is_root=is_root, is_last=bool(bar))


def _steps(text: str) -> list[Step]:
    steps: list[Step] = []
    at, needs_name = 0, True
    while at < len(text):
        if text[at] == "[":
            step, at = _bracket(text, at)
            steps.append(step)
            needs_name = False
        elif needs_name or text[at] == ".":
            at += not needs_name
            end = min((place for sign in ".[" if (place := text.find(sign, at)) >= 0), default=len(text))
            name = text[at:end].strip()
            if not name or "]" in name:
                raise ValueError(f"a name is missing before character {end + 1}")
            steps.append(Step("all") if name == "*" else Step("key", name))
            at, needs_name = end, False
        else:
            raise ValueError(f"after ] stands . or [ (character {at + 1})")
    if not steps:
        raise ValueError("an empty path leads nowhere")
    return steps


def _bracket(text: str, at: int) -> tuple[Step, int]:
    """The step that begins with the [ at this place, and the place after it."""
    if text[at + 1 : at + 2] in ("'", '"'):
        end = text.find(f"{text[at + 1]}]", at + 2)
        if end < 0:
            raise ValueError(f"the quoted name at character {at + 1} does not end")
        return Step("key", text[at + 2 : end]), end + 2
    end = text.find("]", at)
    inner = text[at + 1 : end].strip()
    if end < 0 or not inner or "[" in inner:
        raise ValueError(f"the bracket at character {at + 1} is empty or does not close")
    name, is_filter, value = inner.partition("=")
    if is_filter:
        keys = tuple(part.strip() for part in name.split("."))
        if not all(keys) or not value.strip():
            raise ValueError(f"the filter at character {at + 1} is name=value")
        return Step("where", keys=keys, value=value.strip()), end + 1
    return (Step("all") if inner == "*" else Step("key", inner)), end + 1


def mistakes_of(told: dict[str, list[str]]) -> list[str]:
    """What is wrong with a map of our fields to paths, each with its place; [] for a map that can be read."""
    wrong = [f"map.{name}: {_unknown(name)}" for name in told if name not in FIELDS and not name.startswith(ATTRIBUTE)]
    for name, paths in told.items():
        wrong += [f"map.{name}: {path!r}: {error}" for path in paths if (error := mistake_of(path))]
    if "deal_id" not in told:
        wrong.append("map.deal_id: is needed: nothing can be told of a deal without its id")
    if any(path.startswith("=") for path in told.get("deal_id", ())):
        wrong.append("map.deal_id: a text of its own would make all deals one")
    missing = [name for name in PAYMENT if name not in told]
    if len(missing) < len(PAYMENT) or "payments" in told:
        wrong += [f"map.{name}: is needed: a payment has an id, an amount and a time of its own" for name in missing]
    return wrong


def mistake_of(path: str) -> str:
    """Why a path cannot be read; "" for one that can."""
    try:
        path_of(path)
    except ValueError as error:
        return str(error)
    return ""


def _unknown(name: str) -> str:
    close = get_close_matches(name, FIELDS, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(FIELDS)} and {ATTRIBUTE}NAME"
    return f"no field is called so; {hint}"
