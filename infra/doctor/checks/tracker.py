"""How the tracker reaches us, and what Safari makes of it (docs/tracker.md, the best place)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from infra.doctor.facts import PageFacts, SiteFacts, Tag
from infra.doctor.finding import Finding, broken, look, note
from infra.doctor.gathering.page import host_of
from shared.hosts import plain_host

Way = Literal["path", "subdomain", "other host"]
_MOST_OF_ONE = 0.8
_LEAST_VISITORS = 20
PLACE = "docs/tracker.md, the best place: a path of the site itself"


def way_of(page_host: str, endpoint_host: str, hosts: Sequence[str]) -> Way:
    """A path of the page's own host, a host below one of the site's, or another."""
    if endpoint_host.lower() == page_host.lower():
        return "path"
    told, mine = plain_host(endpoint_host), [plain_host(host) for host in hosts]
    return "subdomain" if any(told == host or told.endswith(f".{host}") for host in mine) else "other host"


def on_page(facts: SiteFacts) -> Iterator[Finding]:
    """The page's tag: it is there once, names the site, and where its doors are for Safari."""
    page, site = facts.page, facts.settings
    if page is None or site is None:
        return
    if page.error:
        yield look(
            facts.site_id,
            "tracker",
            f"{page.url} could not be looked at: {page.error}",
            "open it in a browser, or give another page",
        )
        return
    if not page.tags:
        what = f"{page.url} has no tag of the tracker in its text"
        do = "put the line of docs/tracker.md into every page; of a tag manager's tag the browser's network shows skvoz.js"
        yield broken(facts.site_id, "tracker", what, do)
        return
    if len(page.tags) > 1:
        yield look(
            facts.site_id,
            "tracker",
            f"{page.url} has {len(page.tags)} tags of the tracker: the second one does nothing",
            "leave one",
        )
    tag = page.tags[0]
    if tag.site != facts.site_id:
        what = f'the tag on {page.url} says data-site="{tag.site}": hits of these pages are not this site\'s'
        yield broken(facts.site_id, "tracker", what, f'the tag: data-site="{facts.site_id}"')
    yield from _safari(facts, page, tag, site.hosts)


def _safari(facts: SiteFacts, page: PageFacts, tag: Tag, hosts: Sequence[str]) -> Iterator[Finding]:
    page_host, endpoint_host = host_of(page.url), host_of(tag.endpoint)
    way = way_of(page_host, endpoint_host, hosts)
    if way == "path":
        what = f"the tracker comes by a path of the site ({tag.endpoint}): the cookie lasts 400 days, in Safari too"
        yield note(facts.site_id, "tracker", what)
    elif way == "other host":
        what = (
            f"the tracker comes from another host ({endpoint_host}): Safari before 18.4 keeps no cookie of it, and empties "
            "localStorage after 7 days without a visit"
        )
        yield look(facts.site_id, "tracker", what, PLACE)
    elif _are_near(page.addresses.get(page_host, ()), page.addresses.get(endpoint_host, ())):
        what = f"the tracker comes from {endpoint_host}, a subdomain in the site's own neighbourhood: Safari keeps its cookie"
        yield note(facts.site_id, "tracker", what)
    else:
        what = (
            f"the tracker comes from {endpoint_host}, a subdomain whose address is not in the neighbourhood of the site's: "
            "Safari 16.4 and later keep its cookie for 7 days"
        )
        yield look(facts.site_id, "tracker", what, PLACE)


def _are_near(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether the first halves of their IPv4 addresses are the same: that is what Safari compares."""
    halves = [{tuple(address.split(".")[:2]) for address in addresses} for addresses in (some, others)]
    return bool(halves[0] and halves[1]) and halves[1] <= halves[0]


def from_afar(facts: SiteFacts) -> Iterator[Finding]:
    """What can be said without a page: the API's own host, and whether a proxy hides the visitors' addresses."""
    site = facts.settings
    if site is None:
        return
    yield from _one_network(facts, bool(site.proxy_token_sha256))
    if facts.page is not None or facts.stack is None or not facts.stack.url:
        return
    host, ask = host_of(facts.stack.url), f"skvoz doctor --stage {facts.stack.stage} --page https://{site.hosts[0]}/"
    if not site.proxy_token_sha256 and way_of("", host, site.hosts) == "other host":
        what = f"no path of the site leads to the tracker, and its own host {host} is none of the site's: Safari forgets visitors"
        yield look(facts.site_id, "tracker", what, f"{PLACE}; what a page has: {ask}")
    else:
        yield note(facts.site_id, "tracker", "how pages reach the tracker was not looked at", ask)


def _one_network(facts: SiteFacts, has_token: bool) -> Iterator[Finding]:
    visitors = facts.networks.total()
    if visitors < _LEAST_VISITORS:
        return
    ((network, most),) = facts.networks.most_common(1)
    if most < _MOST_OF_ONE * visitors:
        return
    what = f"{most} of {visitors} visitors come from one network ({network}): it is the proxy's, all are taken for one neighbour"
    if has_token:
        do = "the proxy's header X-Skvoz-Proxy does not fit: skvoz secrets token; hash into proxy_token_sha256, token there"
        yield broken(facts.site_id, "tracker", what, do)
    else:
        do = "skvoz secrets token; its hash into proxy_token_sha256, the token into the proxy's X-Skvoz-Proxy (docs/tracker.md)"
        yield look(facts.site_id, "tracker", what, do)
