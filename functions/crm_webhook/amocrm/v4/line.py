"""The line to one site's amoCRM: seven calls a second, and its own ways of saying no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.crm_webhook.amocrm.v4.tokens import PROVIDER, tokens_of
from functions.crm_webhook.api.crm import Tools, section_of
from functions.crm_webhook.api.http import Answer
from functions.crm_webhook.api.line import CrmClosed, Limits, Line

PER_SECOND = 7.0
BLOCKED = 900.0  # seconds: after too many calls amoCRM answers 403 to an address, and goes on as long as it is called
MOST_IDS = 250  # of one list
Query = list[tuple[str, Any]]


class AmoLine(Line):
    """403 may mean that our address is blocked, so nobody calls for a quarter of an hour; 402 that the account is not paid."""

    def _judged(self, answer: Answer) -> Any:
        if answer.status == 403:
            self._pace.hold(self._site_id, self.provider, BLOCKED)
        if answer.status == 402:
            raise CrmClosed("amoCRM answers that the account is not paid (402)")
        return super()._judged(answer)


def line_of(site: Mapping[str, Any], tools: Tools) -> AmoLine:
    """Paths begin with /api/v4. For readers, and for those who write requests into amoCRM."""
    api = section_of(site, PROVIDER)["api"]
    site_id, address = str(site["site_id"]), str(api["url"])
    tokens = tokens_of(tools, site_id, address)
    limits = Limits.of(api, PER_SECOND, 1)
    return AmoLine(tools.http, tools.pace, site_id, PROVIDER, address, limits, tokens.headers)


def embedded(answer: Any, name: str) -> list[dict[str, Any]]:
    """The entities of a list's answer; none where it is empty (204)."""
    told = answer.get("_embedded", {}).get(name) if isinstance(answer, dict) else None
    return [one for one in told or [] if isinstance(one, dict)]


def has_next(answer: Any) -> bool:
    """There is one page more."""
    return bool(isinstance(answer, dict) and answer.get("_links", {}).get("next"))


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
