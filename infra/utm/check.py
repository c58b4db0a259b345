"""What is wrong with a set of tags. Pure: no file, no network, no clock.

`mistakes(tags)` judges tags, decoded; `infra/utm/links.py` judges whole addresses with it, `skvoz source audit` what the lake saw.
Codes (`Mistake.code`) are stable:

missing_source, missing_medium, missing_campaign, empty   a tag that reports need is not there
mistyped_name, name_case, unknown_name                    utm_sourse, UTM_Source, utm_foo
mistyped, unknown_source, unknown_medium, swapped         values that no rule knows; a source and a medium in each other's place
upper_case, space, edge_space, lookalike                  spellings that split one campaign into several rows
foreign_macro, unknown_macro, unfilled                    {campaignid} in Yandex Direct; {campain_id}; a placeholder left as it was
broken_text, encoded_twice                                Ð²ÐµÑÐ½Ð°; %D0%B2 under another layer of percent signs
personal                                                  an e-mail address or a phone number
own_source, internal                                      the site names itself; tags on a link from the site to itself
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from infra.utm.systems import SYSTEMS, System
from infra.utm.texts import broken, invisible, latin_twin, mended_text, near, without_mixed_letters
from infra.utm.words import USUAL_MEDIA, Words, standard_words
from shared.hosts import plain_host
from shared.identity import redact_emails
from shared.source_settings import plain_name

TAGS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
# Of GA4 and of the ad systems' own tagging; read by others, never a mistake.
FURTHER_TAGS = ("utm_id", "utm_source_platform", "utm_creative_format", "utm_marketing_tactic", "utm_referrer", "utm_nooverride")
MACRO = re.compile(r"\{\{[^{}]*\}\}|\{[^{}]*\}|__[A-Z][A-Z_]*__")
# What people forget to fill in ([campaign name], <name>, %NAME%, $NAME$, a brace alone) and what programs write for nothing.
# Other words in brackets are part of many campaigns' names.
_PLACEHOLDER = re.compile(
    r"[\[<][^\[\]<>]*(name|campaign|keyword|source|medium|your|utm|insert|назван|кампани|ключ)[^\[\]<>]*[\]>]|"
    r"%%?[A-Za-z_]+%%?|\$\{?[A-Za-z_]+[}$]?|[{}]|"
    r"^(undefined|null|nan|\(not set\)|x{3,}|your[_-].*|(campaign|ad|source|medium)_name|название(_.*)?)$",
    re.IGNORECASE,
)
# Written as a phone number: bare digits are ids of campaigns.
_PHONE = re.compile(r"^\s*\+?\s?[78][ (-]*\d{3}[ )-]+\d{3}[ -]?\d{2}[ -]?\d{2}\s*$")
_INTERNAL = "tags on a link from the site to itself take the visit away from the source that paid for it"


class Mistake(NamedTuple):
    """`message` says what and why, `suggestion` what to write instead (empty where nobody can know), `tag` where."""

    code: str
    message: str
    suggestion: str = ""
    tag: str = ""


def mistakes(
    tags: Mapping[str, str],
    *,
    words: Words | None = None,
    system: str = "",
    arrived: bool = False,
    own_hosts: Collection[str] = (),
    is_internal: bool = False,
) -> list[Mistake]:
    """Mistakes of one set of tags: `tags` maps parameter names as written to decoded values. No tag at all is no mistake here.

    `words`: what is known (default: the standard sources). `system`: id of infra/utm/systems.py; by default told by utm_source.
    `arrived`: tags of a visit, where every macro should have been filled; else those of a link that is still to be used.
    `own_hosts`: hosts of the site, which are no source. `is_internal`: the link leads from the site to itself.
    """
    found, marks = _read_names(tags)
    if not marks:
        return found
    words = words or standard_words()
    if is_internal:
        found.append(Mistake("internal", _INTERNAL, "the link without tags"))
    systems = _systems(system, marks.get("utm_source", ""), words)
    found += _missing(marks, systems)
    for tag, value in marks.items():
        if value.strip():
            found += _of_value(tag, value, systems, arrived)
        elif tag not in ("utm_source", "utm_medium", "utm_campaign") and not arrived:
            found.append(Mistake("empty", f"{tag} has no value", "", tag))
    return [*found, *_unknown(marks, words, own_hosts)]


def _read_names(tags: Mapping[str, str]) -> tuple[list[Mistake], dict[str, str]]:
    """Mistakes in the names of parameters, and the values by the name that was meant."""
    found: list[Mistake] = []
    marks: dict[str, str] = {}
    for name, value in tags.items():
        plain = re.sub(r"[\s-]+", "_", name.strip().lower())
        if plain in FURTHER_TAGS:
            continue
        meant = plain if plain in TAGS else near(plain, TAGS)
        if meant:
            marks.setdefault(meant, value)
            if meant != plain:
                found.append(Mistake("mistyped_name", f"{name}: did you mean {meant}?", meant, name))
            elif name != plain:
                found.append(Mistake("name_case", f"{name}: only {plain} is read by every tool", plain, name))
        elif plain.startswith("utm_"):
            found.append(Mistake("unknown_name", f"{name} is none of {', '.join(TAGS)}; nobody reads it", "", name))
    return found, {tag: marks[tag] for tag in TAGS if tag in marks}


def _systems(system: str, source: str, words: Words) -> list[System]:
    """The ad systems that the link can be of: the one named, else those of its source."""
    if system:
        return [SYSTEMS[system]]
    plain = _plain(source)
    meant = words.source_of(plain) or words.source_of(near(plain, words.sources))
    return [s for s in SYSTEMS.values() if s.source and words.source_of(s.source) == meant] if meant else []


def _missing(marks: Mapping[str, str], systems: list[System]) -> Iterator[Mistake]:
    has = {tag for tag, value in marks.items() if value.strip()}
    if "utm_source" not in has:
        yield Mistake("missing_source", "utm_source is missing: nobody can say where the visit came from", "", "utm_source")
    if "utm_medium" not in has:
        medium = systems[0].medium if systems else ""
        ask = f"utm_medium={medium}" if medium else "cpc for ads, email, social, referral …"
        told = f"utm_medium is missing: paid and free visits of a source cannot be told apart; write {ask}"
        yield Mistake("missing_medium", told, medium, "utm_medium")
    if {"utm_source", "utm_medium"} <= has and "utm_campaign" not in has:
        told = "utm_campaign is missing: its money can only be shown for the whole source"
        yield Mistake("missing_campaign", told, systems[0].campaign if systems else "", "utm_campaign")


def _of_value(tag: str, value: str, systems: list[System], arrived: bool) -> Iterator[Mistake]:
    """What is wrong with a value by itself."""
    if code := broken(value):
        mended = mended_text(value)
        hint = f"; it should read {mended}" if mended else ""
        yield Mistake(code, f"{tag} {_short(value)}: percent-encoded wrongly{hint}", mended, tag)
        return
    yield from _macros(tag, value, systems, arrived)
    rest = MACRO.sub("", value)
    if match := _PLACEHOLDER.search(rest.strip()):
        yield Mistake("unfilled", f"{tag} {_short(value)}: the placeholder {match.group()} was never filled in", "", tag)
    elif redact_emails(rest) != rest or _PHONE.search(rest):
        yield Mistake("personal", f"{tag} has a phone number or an e-mail address in it; links are no place for it", "", tag)
    else:
        yield from _spelling(tag, value, rest)


def _macros(tag: str, value: str, systems: list[System], arrived: bool) -> Iterator[Mistake]:
    names = " or ".join(s.name for s in systems)
    for macro in MACRO.findall(value):
        owners = _owners(macro)
        if not systems or any(s.knows(macro) for s in systems):
            if arrived:
                whose = names or " or ".join(s.name for s in owners) or "the ad system"
                yield Mistake("unfilled", f"{tag} {macro}: {whose} did not fill the macro; is the link used elsewhere?", "", tag)
            continue
        if not owners and any(s.is_open for s in systems):
            continue
        meant = next((m for o in owners for s in systems if (m := s.same_as(o, macro))), "")
        meant = meant or near(macro.lower(), [m.text for s in systems for m in s.macros])
        hint = f"; did you mean {meant}?" if meant else ""
        if owners:
            whose = ", ".join(s.name for s in owners)
            yield Mistake("foreign_macro", f"{tag} {macro}: a macro of {whose}, which {names} does not fill{hint}", meant, tag)
        else:
            yield Mistake("unknown_macro", f"{tag} {macro}: {names} knows no such macro{hint}", meant, tag)


def _owners(macro: str) -> list[System]:
    """The systems whose macro it is: those that write it just so, else those that would read it."""
    exact = [s for s in SYSTEMS.values() if any(m.text == macro for m in s.macros)]
    return exact or [s for s in SYSTEMS.values() if s.knows(macro)]


def _spelling(tag: str, value: str, rest: str) -> Iterator[Mistake]:
    shown = _short(value)
    latin = without_mixed_letters(value)
    if latin != value:
        yield Mistake("lookalike", f"{tag} {shown}: Cyrillic and Latin letters in one word; write {latin}", latin, tag)
    plain = " ".join(invisible(value).split())
    if plain != value:
        yield Mistake("edge_space", f"{tag} {shown!r}: spaces around, doubled or invisible", plain, tag)
    if tag in ("utm_content", "utm_term"):
        return
    if " " in plain:
        told = f"{tag} {shown}: a space becomes +, %20 or _ on its way, so one name becomes several"
        yield Mistake("space", told, plain.replace(" ", "_"), tag)
    if rest != rest.lower():
        lower = _lower(value)
        told = f"{tag} {shown}: write {_short(lower)}; where letters are compared exactly, these are two rows"
        yield Mistake("upper_case", told, lower, tag)


def _unknown(marks: Mapping[str, str], words: Words, own_hosts: Collection[str]) -> Iterator[Mistake]:
    """Values of source and medium that no rule knows."""
    source, medium = _plain(marks.get("utm_source", "")), _tidy(marks.get("utm_medium", "")).lower()
    if words.kind_of(source) and not words.source_of(source) and words.source_of(medium) and not words.kind_of(medium):
        told = f"utm_source {source} and utm_medium {medium} stand in each other's place"
        yield Mistake("swapped", told, f"utm_source={medium}&utm_medium={source}", "utm_source")
        return
    if source and not words.source_of(source):
        yield from _unknown_source(marks["utm_source"], source, words, own_hosts)
    if medium and not words.kind_of(medium):
        yield from _unknown_medium(marks["utm_medium"], medium, words)


def _unknown_source(written: str, plain: str, words: Words, own_hosts: Collection[str]) -> Iterator[Mistake]:
    host = plain_host(written.strip())
    if host in {plain_host(own) for own in own_hosts}:
        yield Mistake("own_source", f"utm_source {written} is the site itself, which sends nobody", "", "utm_source")
    elif known := words.source_of(latin_twin(plain)):
        yield Mistake("lookalike", f"utm_source {written} is in Cyrillic letters; write {known} in Latin ones", known, "utm_source")
    elif "." in host:
        return  # a host stands for itself
    elif meant := words.source_of(near(plain, words.sources)):
        yield Mistake("mistyped", f"utm_source {written}: did you mean {meant}?", meant, "utm_source")
    else:
        told = f"utm_source {written}: no rule knows it; if it is right, list it in the settings under sources.own"
        yield Mistake("unknown_source", told, "", "utm_source")


def _unknown_medium(written: str, medium: str, words: Words) -> Iterator[Mistake]:
    twin = latin_twin(medium)
    if words.kind_of(twin):
        yield Mistake("lookalike", f"utm_medium {written} is in Cyrillic letters; write {twin} in Latin ones", twin, "utm_medium")
    elif meant := near(medium, USUAL_MEDIA):
        yield Mistake("mistyped", f"utm_medium {written}: did you mean {meant}?", meant, "utm_medium")
    else:
        told = f"utm_medium {written}: no rule knows it, so paid and free visits cannot be told apart; ads are cpc"
        yield Mistake("unknown_medium", told, "", "utm_medium")


def _tidy(value: str) -> str:
    """The value after the mistakes of spelling; nothing where it is no word of people."""
    if broken(value) or MACRO.search(value) or _PLACEHOLDER.search(value.strip()):
        return ""
    return without_mixed_letters(" ".join(invisible(value).split()))


def _plain(value: str) -> str:
    return plain_name(_tidy(value))


def _lower(value: str) -> str:
    """Lower case, macros as they are."""
    kept: list[str] = MACRO.findall(value)
    parts = MACRO.split(value)
    return "".join(part.lower() + macro for part, macro in zip(parts, [*kept, ""], strict=True))


def _short(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:57]}…"
