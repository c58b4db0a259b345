"""What the rules say of whole channels: which are advertising, and which no rule names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.report.marts.questions import Answers
from functions.report.marts.tree import NO_SOURCE, Node, Sums
from shared.sources import OTHER_TRAFFIC

NOTHING_TOLD = "(not set)"  # spend that names neither source nor medium; it was paid for advertising all the same


class Kinds(NamedTuple):
    """`ads` tells of every channel that the rules know, `unnamed` are channels called "source / medium" for want of a rule."""

    ads: Mapping[str, bool]
    unnamed: frozenset[str]

    def is_ad(self, channel: Node) -> bool | None:
        """Whether a channel of the report is advertising; None for "no source", and where other traffic is both."""
        if channel.name == NO_SOURCE:
            return None
        told = {self._is_ad(name) for name in (channel.children if channel.name == OTHER_TRAFFIC else (channel.name,))}
        return told.pop() if len(told) == 1 else None

    def split(self, root: Node) -> tuple[Sums, Sums]:
        """Sums of advertising, and of everything else that has a source: other traffic is told apart by its pairs."""
        ads, others = Sums(), Sums()
        for channel in root.children.values():
            if channel.name == NO_SOURCE:
                continue
            for part in channel.children.values() if channel.name == OTHER_TRAFFIC else (channel,):
                (ads if self._is_ad(part.name) else others).add(part.sums)
        return ads, others

    def _is_ad(self, name: str) -> bool:
        return self.ads.get(name, name == NOTHING_TOLD)


def kinds_of(answers: Answers) -> Kinds:
    """What the mart `sources` knows of channels. Direct visits have no row there, and are no advertising."""
    rows = answers["channels"]
    return Kinds({r["channel"]: bool(r["is_ad"]) for r in rows}, frozenset(r["channel"] for r in rows if r["is_unnamed"]))


def is_together(settings: Mapping[str, Any]) -> bool:
    """Whether channels that no rule names are one row of the report (settings published before there was a choice: yes)."""
    return bool(settings.get("sources", {}).get("other_traffic", "together") == "together")
