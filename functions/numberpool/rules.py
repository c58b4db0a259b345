"""The site's rules for numbers (settings `numbers`), with the defaults for settings that were published before there were any.

Pure, and free of pydantic: the lease is in a visitor's way. `tests/unit/test_numberpool_rules.py` holds the defaults to
`shared.settings.Numbers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Static(NamedTuple):
    """A number that belongs to a source."""

    number: str
    source: str
    medium: str | None = None
    campaign: str | None = None

    @property
    def marks(self) -> dict[str, str]:
        """The source as columns of a record; what is not told is left out."""
        told = {"utm_source": self.source, "utm_medium": self.medium, "utm_campaign": self.campaign}
        return {name: value for name, value in told.items() if value}


class Rules(NamedTuple):
    """Spans are seconds; what each means: shared/settings.py, Numbers."""

    default: str | None = None
    replaces: Sequence[str] = ()
    static: Sequence[Static] = ()
    pools: Sequence[Mapping[str, Any]] = ()
    shown_as: str = "+7 ### ###-##-##"
    lease_seconds: int = 300
    first_lease_seconds: int = 90
    cool_down_seconds: int = 1800
    unconfirmed_cool_down_seconds: int = 300
    late_call_seconds: int | None = None
    repeat_caller_seconds: int = 86_400
    prefix_percent: int = 20
    visitor_codes: bool = False

    @property
    def late_seconds(self) -> int:
        """How long after a lease a call still belongs to it, unless another lease came first."""
        return self.cool_down_seconds if self.late_call_seconds is None else self.late_call_seconds

    @property
    def defaults(self) -> frozenset[str]:
        """The site's default number and those of its pools."""
        return frozenset(number for number in (self.default, *(pool.get("default") for pool in self.pools)) if number)

    def of_pool(self, name: str) -> Rules:
        """The rules with what the pool says otherwise."""
        pool = next((pool for pool in self.pools if pool["name"] == name), {})
        return self._replace(**{field: value for field, value in pool.items() if field in _OF_POOL and value is not None})

    def static_of(self, number: str) -> Static | None:
        """The source that the number belongs to."""
        return next((static for static in self.static if static.number == number), None)


_OF_POOL = frozenset(
    {
        "default", "lease_seconds", "first_lease_seconds", "cool_down_seconds", "unconfirmed_cool_down_seconds",
        "late_call_seconds",
    }
)  # fmt: skip


def rules_of(site: Mapping[str, Any]) -> Rules:
    """Published settings of a site → its rules. Fields that this version does not know are passed over."""
    told = {name: value for name, value in (site.get("numbers") or {}).items() if name in Rules._fields}
    told["replaces"], told["pools"] = tuple(told.get("replaces") or ()), tuple(told.get("pools") or ())
    told["static"] = tuple(Static(s["number"], s["source"], s.get("medium"), s.get("campaign")) for s in told.get("static") or ())
    return Rules(**told)


def static_for(rules: Rules, marks: Mapping[str, str]) -> Static | None:
    """The static number of a visitor's source: `marks` are utm_source, utm_medium, utm_campaign of his visit.

    The source must agree; a medium or campaign that the settings tell must agree too; the closest wins, then the first listed.
    Letter case does not matter.
    """
    fitting = [static for static in rules.static if all(_same(marks.get(name, ""), mark) for name, mark in static.marks.items())]
    return max(fitting, key=lambda static: len(static.marks), default=None)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def shown(number: str, pattern: str) -> str:
    """The number as the site writes numbers: each `#` takes one of its last digits. E.164 where the pattern asks for too many."""
    places = pattern.count("#")
    digits = number.lstrip("+")
    if not places or places > len(digits):
        return number
    fill = iter(digits[-places:])
    return "".join(next(fill) if sign == "#" else sign for sign in pattern)
