"""Outcome → lake, rejects, vault and clients' managers. The end of every way that a CRM's word takes into the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.telephony.clients import Clients
from shared.lake import Lake, Rejected
from shared.log import count, logger
from shared.records import CRM_EVENT, PAYMENT
from shared.vault import Vault, contacts_of, first_of

# Contacts for the vault: each is a write of its own, and the other messages of the batch must not wait for thousands.
MOST_OF_PERSON = 10
MOST_OF_BODY = 200


class Writing:
    """`vault` and `clients` are made on first use: most sites keep neither."""

    def __init__(self, lake: Lake, vault: Callable[[], Vault], clients: Callable[[], Clients]) -> None:
        self._lake, self._vault, self._clients = lake, vault, clients

    def write(
        self, outcome: Outcome, door: str, site: Mapping[str, Any], arrival: Arrival, batch_id: str, place: str, now: datetime
    ) -> None:
        """Everything but `to_read`. `place` stands for the content of what is rejected: bodies hold names, which the lake never
        does. Raises where the lake cannot take it; vault and clients only count what they could not."""
        self.reject(door, arrival.site_id, [Rejected(one.reason, one.message, place) for one in outcome.rejected], batch_id, now)
        for reason, times in outcome.passed_over.items():
            count({"PassedOver": times}, Door=door, Reason=reason)
        for kind in (CRM_EVENT, PAYMENT):
            if lines := [line for one, line in outcome.records if one is kind]:
                self._lake.append(kind, lines, batch_id, now)
                count({"Accepted": len(lines)}, Door=door, RecordKind=kind.name)
        if (site.get("calls") or {}).get("managers"):
            self._clients().keep(site, [line for kind, line in outcome.records if kind is CRM_EVENT], now)
        if outcome.people and site.get("pii") == "vault":
            self._keep(outcome, site, arrival, door, now)

    def reject(self, door: str, site_id: str, rejected: list[Rejected], batch_id: str, now: datetime) -> None:
        """Keep what was refused, and log it by reason."""
        for reason, items in Counter(one.reason for one in rejected).items():
            logger().info("crm event rejected", extra={"site_id": site_id, "reason": reason, "items": items, "batch_id": batch_id})
        self._lake.reject(site_id, door, rejected, batch_id, now)

    def _keep(self, outcome: Outcome, site: Mapping[str, Any], arrival: Arrival, door: str, now: datetime) -> None:
        """Contacts into the vault in the body's order, up to the limits. Once it refuses, it is not asked for the others."""
        left, ignored, refused = MOST_OF_BODY, 0, 0
        is_refusing = False
        for person in outcome.people:
            contacts = contacts_of(person.phones, person.emails, arrival.identity_key)
            taken = first_of(contacts, min(left, MOST_OF_PERSON))
            ignored += len(taken) < len(contacts)
            left -= len(taken)
            if is_refusing:
                refused += len(taken)
            elif taken:
                is_refusing = self._vault().keep(site, taken, person.name, now) < len(taken)
        if ignored:
            count({"ContactsIgnored": ignored}, Door=door)
        if refused:
            count({"VaultRefused": refused})
