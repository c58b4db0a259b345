"""Which channels a reader may see: a scope of the settings as a judge of raw channels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from functions.report.marts.tree import NO_SOURCE, channel_of
from functions.report.view.names import Names
from shared.errors import BadInput


class Seen(NamedTuple):
    """`wanted` are channels' names in lower case; None: everything is seen. `together` are shown as other traffic."""

    name: str = ""
    wanted: frozenset[str] | None = None
    names: Names | None = None
    together: Collection[str] = ()

    @property
    def is_all(self) -> bool:
        return self.wanted is None

    def has(self, channel: str | None) -> bool:
        """Whether the reader sees what this raw channel brought. Requests without a source are of no channel."""
        if self.wanted is None or self.names is None:
            return True
        if channel == NO_SOURCE:
            return False
        shown = channel_of(channel, self.together)
        told = (channel or "", shown, self.names.channel(channel or ""), self.names.channel(shown))
        return any(name.casefold() in self.wanted for name in told)


EVERYTHING = Seen()


def seen_of(settings: Mapping[str, Any], scope: str, names: Names, together: Collection[str]) -> Seen:
    """The scope of that name; empty: everything. BadInput where the settings do not know it: nothing is shown by mistake."""
    if not scope:
        return EVERYTHING
    for told in settings["report"].get("scopes", ()):
        if told["name"] == scope:
            return Seen(scope, frozenset(channel.casefold() for channel in told["channels"]), names, together)
    raise BadInput(f"report.scopes: there is no scope {scope[:64]}")
