"""The line to one site's amoCRM: seven calls a second, and its own ways of saying no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.crm_webhook.amocrm.v4.tokens import PROVIDER, tokens_of
from functions.crm_webhook.api.crm import Tools, section_of
from functions.crm_webhook.api.http import Answer
from functions.crm_webhook.api.line import CrmClosed, Limits, Line
from shared.log import count

PER_SECOND = 7.0
BLOCKED = 900.0  # seconds: after too many calls amoCRM answers 403 to an address, and goes on as long as it is called
MOST_IDS = 250  # of one list
Query = list[tuple[str, Any]]


class SectionClosed(CrmClosed):
    """One section of the account is not open to us: the user lacks its right, or the tariff has none. The others are."""


class AmoLine(Line):
    """403 may mean that our address is blocked, 402 that the account is not paid, or either that one section is closed. So the
    account itself is asked: where it answers, only the section is closed; where it does not, nobody calls for a quarter of an
    hour after a 403."""

    def _judged(self, answer: Answer) -> Any:
        if answer.status not in (402, 403):
            return super()._judged(answer)
        account = self._answer("GET", "/api/v4/account", None, False)
        if account.status in (402, 403):
            if account.status == 403:
                self._pace.hold(self._site_id, self.provider, BLOCKED)
            if account.status == 402:
                raise CrmClosed("amoCRM answers that the account is not paid (402)")
            return super()._judged(account)
        super()._judged(account)  # what it says instead: wait, a wrong key
        count({"CrmSectionClosed": 1}, Provider=self.provider)
        raise SectionClosed(f"amoCRM keeps one section closed to us (status {answer.status}); give its user the right to read it")


def line_of(site: Mapping[str, Any], tools: Tools) -> AmoLine:
    """Paths begin with /api/v4. For readers, and for those who write requests into amoCRM."""
    api = section_of(site, PROVIDER)["api"]
    site_id, address = str(site["site_id"]), str(api["url"])
    tokens = tokens_of(tools, site_id, address)
    limits = Limits.of(api, PER_SECOND, 1)
    return AmoLine(tools.http, tools.pace, site_id, PROVIDER, address, limits, tokens.headers)


def embedded(answer: Any, name: str) -> list[dict[str, Any]]:
    """The entities of a list's answer; none where it is empty (204)."""
    links = answer.get("_embedded") if isinstance(answer, dict) else None
    told = links.get(name) if isinstance(links, dict) else None
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def has_next(answer: Any) -> bool:
    """There is one page more."""
    links = answer.get("_links") if isinstance(answer, dict) else None
    return isinstance(links, dict) and bool(links.get("next"))


def by_ids(line: Line, name: str, ids: Sequence[str], with_: str) -> list[dict[str, Any]]:
    """Entities of these ids, each once, in lists of 250; those that amoCRM does not know are missing."""
    found = []
    for some in chunks(list(dict.fromkeys(ids)), MOST_IDS):
        query: Query = [("with", with_), ("limit", MOST_IDS), *(("filter[id][]", one) for one in some)]
        found += embedded(line.get(f"/api/v4/{name}", query), name)
    return found


def chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Parts of at most that size."""
    return (items[at : at + size] for at in range(0, len(items), size))
