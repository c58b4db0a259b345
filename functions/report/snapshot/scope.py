"""Which channels a reader may see: a scope of the settings as a judge of raw channels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from functions.report.marts.tree import NO_SOURCE, channel_of
from functions.report.view.names import OWN_PART, PAIR, Names
from functions.report.view.words import LANGUAGES
from shared.errors import BadInput
from shared.sources import sources_of, standard_channels


class Seen(NamedTuple):
    """`wanted` are channels' names in lower case; None: everything is seen. `together` are shown as other traffic. `names`: in
    every language, since a scope is written once and its readers may have different ones."""

    name: str = ""
    wanted: frozenset[str] | None = None
    names: tuple[Names, ...] = ()
    together: Collection[str] = ()

    @property
    def is_all(self) -> bool:
        return self.wanted is None

    def has(self, channel: str | None) -> bool:
        """Whether the reader sees what this raw channel brought. Requests without a source are of no channel."""
        if self.wanted is None:
            return True
        return channel != NO_SOURCE and not self.wanted.isdisjoint(self.called(channel))

    def called(self, channel: str | None) -> set[str]:
        """What a raw channel is called, in lower case: by the rules and in reports, itself and what it is a part of there."""
        told = {channel or "", channel_of(channel, self.together)}
        return {name.casefold() for name in (*told, *(names.channel(one) for names in self.names for one in told))}


EVERYTHING = Seen()


def seen_of(settings: Mapping[str, Any], scope: str, together: Collection[str]) -> Seen:
    """The scope of that name; empty: everything. BadInput where the settings do not know it: nothing is shown by mistake."""
    if not scope:
        return EVERYTHING
    for told in settings["report"].get("scopes", ()):
        if told["name"] == scope:
            return Seen(scope, frozenset(channel.casefold() for channel in told["channels"]), names_of(settings), together)
    raise BadInput(f"report.scopes: there is no scope {scope[:64]}")


def names_of(settings: Mapping[str, Any]) -> tuple[Names, ...]:
    """The site's names in every language."""
    report = settings["report"]
    return tuple(Names({**settings, "report": {**report, "language": language}}) for language in LANGUAGES)


def unknown_channels(settings: Mapping[str, Any], channels: Iterable[str]) -> list[str]:
    """Of a scope's channels those that no rule and no own source has, most likely misspelt: nothing is shown of them. What no rule
    names is called "source / medium", which only data can tell; requests without a source are of no scope."""
    own = {source.channel for source in sources_of(settings).values() if source.channel}
    judge = Seen(names=names_of(settings))
    known = {name for channel in {*standard_channels(), *own} - {NO_SOURCE} for name in judge.called(channel)}
    return [one for one in channels if PAIR not in one and one.casefold().partition(OWN_PART)[0] not in known]


def channels_of(seen: Seen, named: Iterable[str]) -> list[str]:
    """The scope's channels as the marts name them: those that the rules know, and those of `named`."""
    return sorted(channel for channel in {*standard_channels(), *named} if seen.has(channel))
