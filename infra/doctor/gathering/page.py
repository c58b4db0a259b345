"""A page of the site as browsers get it, and the tracker's tags on it. Only pages of the site's own hosts are fetched, in the
bounds of recordings: https, public addresses, 10 s, a few redirects, so many bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from functions.report.recordings.fetch import Line, NotPlayed
from infra.doctor.facts import PageFacts, Tag
from shared.errors import BadInput
from shared.hosts import plain_host
from shared.settings import SiteSettings

MOST_PAGE = 4_000_000  # bytes
_SCRIPT = re.compile(r"(?:^|/)skvoz(?:\.core)?\.js(?:\?|$)")
_HEADERS = {"accept": "text/html", "user-agent": "Mozilla/5.0 (compatible; skvoz doctor)"}
_WORDS = {
    "bad_address": "it is no plain https address",
    "host": "it leads to a host that is none of the settings' hosts",
    "private_address": "its host has an address that is not the internet's",
    "redirects": "it redirects too often",
    "not_there": "the page is not there (404)",
    "telephony_refused": "the site wants a password or refuses robots (401, 403)",
    "telephony_error": "the site answered with an error",
    "unreachable": "the site could not be reached",
    "slow": "the site did not answer in time",
    "too_large": "the page is larger than 4 MB",
}
Fetch = Callable[[str, Sequence[str]], str]


def fetched(url: str, hosts: Sequence[str]) -> str:
    """The page's text. NotPlayed where it cannot be had."""
    return Line().get(url, hosts, MOST_PAGE, _HEADERS).body.decode("utf-8", "replace")


def is_own_page(url: str, settings: SiteSettings) -> bool:
    """Whether an address is of one of the site's hosts."""
    return _host(url) in {plain_host(host) for host in settings.hosts}


def own_site(url: str, sites: Sequence[SiteSettings]) -> SiteSettings:
    """The site that a page belongs to. BadInput where it is nobody's: no other page is fetched."""
    for site in sites:
        if urlsplit(url).scheme == "https" and is_own_page(url, site):
            return site
    known = ", ".join(host for site in sites for host in site.hosts)
    raise BadInput(f"--page {url[:200]}: give a page of the site's own, https://HOST/… with one of its hosts: {known}")


def page_of(url: str, settings: SiteSettings, fetch: Fetch, resolve: Callable[[str], Sequence[str]]) -> PageFacts:
    """What stands on the page. Where it cannot be fetched, `error` says why."""
    hosts = [spelling for host in settings.hosts for spelling in (plain_host(host), f"www.{plain_host(host)}")]
    try:
        text = fetch(url, hosts)
    except NotPlayed as error:
        return PageFacts(url, error=_WORDS.get(error.reason, error.reason))
    tags = tags_of(text, url)
    concerned = {host_of(url), *(host_of(tag.endpoint) for tag in tags)}
    return PageFacts(url, tags, addresses={host: _addresses(host, resolve) for host in sorted(concerned)})


def tags_of(text: str, url: str) -> tuple[Tag, ...]:
    """The tracker's tags in a page's text: `data-endpoint`, else what the script lies beside."""
    reader = _Reader()
    reader.feed(text)
    found = []
    for attributes in reader.scripts:
        source = urljoin(url, attributes.get("src", ""))
        endpoint = urljoin(url, attributes["data-endpoint"]) if attributes.get("data-endpoint") else source.rpartition("/")[0]
        found.append(Tag(attributes.get("data-site", ""), endpoint))
    return tuple(found)


def host_of(url: str) -> str:
    """Host of an address, as it is spelled there."""
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _host(url: str) -> str:
    return plain_host(host_of(url))


def _addresses(host: str, resolve: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    try:
        return tuple(address for address in resolve(host) if ":" not in address)
    except (OSError, UnicodeError):
        return ()


class _Reader(HTMLParser):
    """Collects the script tags that look like the tracker's."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "script" and _SCRIPT.search(attributes.get("src", "")):
            self.scripts.append(attributes)
