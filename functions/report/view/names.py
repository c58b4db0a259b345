"""What readers see for channels, sources and campaigns: names of their language, names and colours of the site's own sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report.marts.tree import NO_SOURCE
from functions.report.view.formats import clean
from functions.report.view.words import texts
from shared.sources import OTHER_TRAFFIC, channel_colour, source_name, sources_of, standard_channels

OWN_PART = " · "  # between a channel and the contractor who leads a part of it
PAIR = " / "  # between source and medium of a channel that no rule names
NO_COLOUR = "#c4ccd6"
MOST_IN_SENTENCE = 60  # characters of a name
_DIRECT = "(direct)"
_NOT_SET = "(not set)"


class Names:
    """Names and colours of one site's report. `words` are the texts of its language; every name is one clean line."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """`settings` as published."""
        self.words = texts(settings["report"]["language"])
        self._language = str(self.words["language"])
        self._sources = sources_of(settings)

    def channel(self, channel: str) -> str:
        """A channel of the rules by its name, also with a contractor's beside it; the site's own and unnamed ones as they are."""
        head, gap, contractor = channel.partition(OWN_PART)
        known = standard_channels().get(channel) or standard_channels().get(head)
        if known is None:
            return self._told(channel)
        name = known.names[self._language]
        return name if channel in standard_channels() or not gap else clean(f"{name}{gap}{contractor}")

    def short(self, channel: str) -> str:
        """A channel's name as sentences have it: a long one cut."""
        return clean(self.channel(channel), MOST_IN_SENTENCE)

    def source(self, channel: str, source: Mapping[str, Any]) -> str:
        """A source of a channel's. Those of "no source" are its reasons, those of other traffic are pairs and stay as they are."""
        told = source["source"]
        if source.get("is_not_split"):
            return str(self.words["not_split"])
        if channel == NO_SOURCE and told in self.words["reasons"]:
            return str(self.words["reasons"][told][0])
        if told == _DIRECT:
            return self.channel("direct")
        return self._told(told if channel == OTHER_TRAFFIC else source_name(told, self._sources, self._language))

    def campaign(self, campaign: Mapping[str, Any]) -> str:
        """A campaign as the links name it."""
        return str(self.words["not_split"]) if campaign.get("is_not_split") else self._told(campaign["campaign"])

    def channel_colour(self, channel: str) -> str:
        """`#rrggbb` of a channel's mark; one grey for all that nobody gave a colour."""
        return channel_colour(channel, tuple(self._sources.values())) or NO_COLOUR

    def source_colour(self, channel: str, source: str) -> str:
        """`#rrggbb` of a source's mark; of a pair it is that of its source."""
        known = self._sources.get(source.partition(PAIR)[0] if channel == OTHER_TRAFFIC else source)
        if source == _DIRECT or channel == NO_SOURCE:
            return self.channel_colour(channel)
        return (known.colour if known else None) or NO_COLOUR

    def _told(self, name: str) -> str:
        return str(self.words["unset"]) if name == _NOT_SET else clean(name) or str(self.words["unset"])
