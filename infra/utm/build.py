"""Tags of a link: the system's own, what the marketer says, spelled as the naming scheme wants. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from infra.utm.address import read_address, suffix, with_tags
from infra.utm.check import Mistake, mistakes
from infra.utm.links import other_host
from infra.utm.scheme import Scheme
from infra.utm.systems import SYSTEMS, System
from infra.utm.texts import invisible
from infra.utm.words import Words
from shared.errors import BadInput

Form = Literal["link", "suffix", "template"]
# What is told but stands in nobody's way: the link works, and a new source has to begin somewhere.
ADVICE = frozenset({"other_host", "unknown_source", "unknown_medium", "space", "upper_case"})


class Wish(NamedTuple):
    """What the marketer says; an empty text leaves it to the system."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""


class Made(NamedTuple):
    """`text`: the link, or what `form` asked for; `advice`: what to look at again."""

    text: str
    advice: tuple[Mistake, ...]


class BadTags(BadInput):
    """No link was made; `mistakes` say why, tag by tag."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__("; ".join(mistake.message for mistake in found))
        self.mistakes = tuple(found)


def make(
    address: str,
    system: str,
    wish: Wish,
    scheme: Scheme | None = None,
    *,
    words: Words | None = None,
    own_hosts: Collection[str] = (),
    form: Form = "link",
    replace: bool = False,
) -> Made:
    """A tagged link (`address` is not looked at in the other forms). BadTags, or BadInput for an address that cannot be tagged."""
    chosen = system_of(system)
    if form == "template" and not chosen.landing_page:
        raise BadInput(f"{chosen.name} has no tracking templates; ask for the link or for --form suffix")
    tags = tags_of(chosen, wish, scheme)
    told = _needed(chosen, tags) or mistakes(tags, words=words, system=chosen.id, own_hosts=own_hosts)
    told += scheme.mistakes(tags, told) if scheme else []
    if form == "link":
        told += other_host(read_address(address).host, own_hosts)
    if wrong := [mistake for mistake in told if mistake.code not in ADVICE]:
        raise BadTags(wrong)
    text = suffix(tags)
    if form == "link":
        text = with_tags(address, tags, replace)
    elif form == "template":
        text = f"{chosen.landing_page}?{text}"
    if 0 < chosen.longest < len(text):
        raise BadInput(f"the link has {len(text):,} bytes; of links over {chosen.longest:,} bytes {chosen.name} drops the tags")
    return Made(text, tuple(told))


def system_of(system: str) -> System:
    """The ad system of this id. BadInput lists them all."""
    if system not in SYSTEMS:
        raise BadInput(f"there is no ad system {system}; choose from {', '.join(SYSTEMS)}")
    return SYSTEMS[system]


def tags_of(system: System, wish: Wish, scheme: Scheme | None) -> dict[str, str]:
    """utm_… → value, in the order in which they stand in links; what is empty is left out."""
    told = {
        "utm_source": wish.source or system.source,
        "utm_medium": wish.medium or system.medium,
        "utm_campaign": wish.campaign or system.campaign,
        "utm_content": wish.content or system.content,
        "utm_term": wish.term or system.term,
    }
    plain = {tag: " ".join(invisible(value).split()) for tag, value in told.items()}
    return {tag: scheme.written(value) if scheme else value for tag, value in plain.items() if value}


def _needed(system: System, tags: Mapping[str, str]) -> list[Mistake]:
    """What only the marketer can say."""
    found = []
    if "utm_source" not in tags:
        found.append(
            Mistake("missing_source", f"{system.name}: say where it is seen: --source vk, --source flyer …", "", "utm_source")
        )
    if "utm_campaign" not in tags:
        told = f"{system.name} fills in no campaign of its own; say which: --campaign NAME"
        found.append(Mistake("missing_campaign", told, "", "utm_campaign"))
    return found
