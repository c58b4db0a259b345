"""What is wrong with tagged links: the address itself, how the tags stand in it, and the tags. Pure.

Codes besides those of infra/utm/check.py:

address                         no address of a page (no scheme, no host …)
untagged                        no tags at all
after_hash                      tags behind #, which servers and most tools never see
no_question_mark, second_question_mark, html_entity    tags that nobody reads, because ? or & is missing, doubled or spelled &amp;
doubled                         one parameter twice
encoded_macro                   %7Bcampaign_id%7D: no system fills a macro whose braces are escaped
other_host                      the link leads to a host that is not the site's
too_long                        the system drops the tags of so long a link
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from urllib.parse import unquote_plus

from infra.utm.address import Address, Parameter, plain_parameter, read_address
from infra.utm.check import MACRO, TAGS, Mistake, mistakes
from infra.utm.scheme import Scheme
from infra.utm.systems import SYSTEMS
from infra.utm.words import Words, standard_words
from shared.errors import BadInput
from shared.hosts import plain_host

_SWALLOWED = re.compile(r"\?(utm_\w+)=(.*)", re.IGNORECASE)
_ESCAPED_BRACE = re.compile(r"%7b|%7d", re.IGNORECASE)


def mistakes_of_link(
    link: str,
    *,
    words: Words | None = None,
    scheme: Scheme | None = None,
    system: str = "",
    own_hosts: Collection[str] = (),
    found_on: str = "",
) -> list[Mistake]:
    """Mistakes of one link that is to be used.

    `own_hosts`: hosts of the site (empty: unknown). `found_on`: host of the page that the link stands on; tags on a link from the
    site to itself are a mistake.
    """
    try:
        read = read_address(link)
    except BadInput as error:
        return [Mistake("address", error.message)]
    tags = read.tags
    found = list(_of_address(read, system, words or standard_words(), len(link.encode("utf-8", "replace"))))
    if not tags:
        return found or [Mistake("untagged", "no tags: its visits are told by the referrer alone, if there is one")]
    found += other_host(read.host, own_hosts)
    values: dict[str, str] = {}
    for tag in tags:  # the first of each name counts, as at the door
        values.setdefault(tag.name.removeprefix("amp;"), tag.value)
    for parameter in read.parameters:  # told already, so that they are not told to be missing as well
        if not parameter.is_tag and (swallowed := _SWALLOWED.search(parameter.raw)):
            values.setdefault(swallowed[1].lower(), unquote_plus(swallowed[2]))
    inside = bool(found_on) and _is_own(read.host, own_hosts or [found_on]) and _is_own(found_on, own_hosts or [read.host])
    found += mistakes(values, words=words, system=system, own_hosts=own_hosts, is_internal=inside)
    return [*found, *(scheme.mistakes(values, found) if scheme else [])]


def other_host(host: str, own_hosts: Collection[str]) -> list[Mistake]:
    """The mistake of a link that leads elsewhere; none where the site's hosts are not known."""
    if not own_hosts or _is_own(host, own_hosts):
        return []
    told = f"leads to {host}, which is not a host of the site ({', '.join(own_hosts)}): its visits are not seen"
    return [Mistake("other_host", told)]


def host_of(text: str) -> str:
    """Host of an address, or the text itself where it is a host already."""
    return read_address(text).host if "://" in text else text.strip().strip("/")


def _of_address(read: Address, system: str, words: Words, size: int) -> Iterator[Mistake]:
    for problem in (_question_marks(read), _entities(read), _doubled(read)):
        yield from problem
    if behind := [p for p in read.after_hash if p.is_tag]:
        names = ", ".join(_name(p) for p in behind)
        yield Mistake("after_hash", f"{names} stand after #, where servers and most tools do not look", "the tags before #")
    for tag in read.tags:
        if not tag.is_utf8:
            told = f"{_name(tag)} is percent-encoded as windows-1251; other tools cannot read it"
            yield Mistake("broken_text", told, tag.value, _name(tag))
        if _ESCAPED_BRACE.search(tag.raw_value) and MACRO.search(tag.value):
            told = f"{_name(tag)} {tag.raw_value}: the braces of the macro are escaped, so nobody fills it in"
            yield Mistake("encoded_macro", told, tag.value, _name(tag))
    source = next((p.value for p in read.tags if _name(p) == "utm_source"), "")
    meant = words.source_of(source)
    for each in [SYSTEMS[system]] if system else [s for s in SYSTEMS.values() if meant and words.source_of(s.source) == meant]:
        if 0 < each.longest < size:
            yield Mistake("too_long", f"{size:,} bytes: of links over {each.longest:,} bytes {each.name} drops the tags")


def _question_marks(read: Address) -> Iterator[Mistake]:
    if any(f"{tag}=" in read.page.lower() for tag in TAGS):
        yield Mistake("no_question_mark", "the tags are part of the path: a ? has to stand before the first parameter")
    for parameter in (*read.parameters, *read.after_hash):
        if not parameter.is_tag and _SWALLOWED.search(parameter.raw):
            told = f"{parameter.name}: a second ? stands before the tags; parameters are joined by &"
            yield Mistake("second_question_mark", told, parameter.raw.replace("?", "&"), parameter.name)


def _entities(read: Address) -> Iterator[Mistake]:
    if any(p.is_tag and p.name.lower().startswith("amp;") for p in read.parameters):
        yield Mistake("html_entity", "&amp; stands between the tags; other tools read a parameter called amp;utm_…", "&")


def _doubled(read: Address) -> Iterator[Mistake]:
    counts = Counter(_name(p) for p in read.tags)
    for name, count in counts.items():
        if count > 1:
            values = ", ".join(p.value for p in read.tags if _name(p) == name)
            yield Mistake("doubled", f"{name} is given {count} times ({values}); each tool picks another one", "", name)


def _name(parameter: Parameter) -> str:
    return plain_parameter(parameter.name)


def _is_own(host: str, own: Collection[str]) -> bool:
    host = plain_host(host)
    return any(host == plain_host(each) or host.endswith(f".{plain_host(each)}") for each in own)
