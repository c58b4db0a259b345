"""A new request → a lead or deal in the CRM, once. What every CRM's API is asked for, and in which order.

Steps: hold the request → did an earlier try make it? (the table's item; else, after a try of unknown outcome, the CRM is asked for
the request's id) → the client's contact → the deal → its note and trace. Each outcome is kept before the next step, so that whoever
comes after a crash goes on from there. The same request with other contacts (the tracker tells a corrected phone so) is a note to
the deal that was made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from functions.crm_webhook.api.line import CrmRefused
from functions.crm_webhook.requests.request import NewRequest
from functions.crm_webhook.requests.sent import Sent, SentStore, contact_mark
from shared.lake import Rejected
from shared.log import count, logger

REASONS = ("refused_by_crm",)


class Maker(Protocol):
    """One site's CRM. Every method raises TryLater where nothing is known now, CrmRefused where the CRM never will."""

    provider: str

    def made_before(self, request: NewRequest) -> list[str]:
        """Ids of the leads or deals that have this request's id already, the oldest first."""

    def contact_of(self, request: NewRequest, sent: Sent) -> str | None:
        """Id of the client's contact, where the CRM has one or it has to be made apart; None where the deal brings its own."""

    def make(self, request: NewRequest, contact: str | None, values: Mapping[str, str]) -> str:
        """Make the lead or deal; its id."""

    def extras(self, request: NewRequest, sent: Sent, values: Mapping[str, str]) -> Mapping[str, tuple[Callable[[], None], bool]]:
        """What else is written to a made deal: name → (act, may it be done twice after an unknown outcome?)."""

    def other_contact(self, request: NewRequest, sent: Sent) -> None:
        """Tell the deal the request's contacts: it was made with others."""

    def note(self, deal: str, text: str) -> None:
        """Write a note to a deal of the CRM, whoever made it (`lead:17`: Bitrix24's lead 17), unless it has one with the same first
        and last line."""


def hand_to(
    maker: Maker, request: NewRequest, sent: Sent, store: SentStore, values: Mapping[str, str], *, with_note: bool
) -> Rejected | None:
    """None once the CRM has it; why not where it never will. TryLater where it may later."""
    if not sent.deal:
        found = maker.made_before(request) if sent.is_again else []
        # Two requests may have the same id (a browser's is whatever it says): a deal is made of one of them alone.
        made = next((deal for deal in found if store.claims(sent, deal)), None)
        if made is None:
            try:
                made = _made(maker, request, sent, store, values)
            except CrmRefused as refused:
                told = "; ".join(complaints_of(refused.told)) or "it does not say why"
                return Rejected("refused_by_crm", f"the CRM refused the new request: status {refused.status}: {told}")
            store.claims(sent, made)
        store.made(sent, made)
        count({"RequestHandedOver": 1}, To=maker.provider)
    for name, (act, may_repeat) in _more(maker, request, sent, values).items():
        if name in sent.done or (name == "note" and not with_note):
            continue
        if not may_repeat:
            store.did(sent, name)
        try:
            act()
        except CrmRefused as refused:
            # The deal is there and can be worked on: what is missing is told, and no reason to hand the request over again.
            extra_refused(sent.site_id, name, maker.provider, refused)
        if may_repeat:
            store.did(sent, name)
    return None


def extra_refused(site_id: str, what: str, provider: str, refused: CrmRefused) -> None:
    """Count and log what the CRM did not take of a deal that is there, or was."""
    count({"CrmExtraRefused": 1}, What=what, Provider=provider)
    told = {"site_id": site_id, "what": what, "status": refused.status, "why": complaints_of(refused.told)}
    logger().error("the CRM refused what belongs to a new deal", extra=told)


def _more(
    maker: Maker, request: NewRequest, sent: Sent, values: Mapping[str, str]
) -> Mapping[str, tuple[Callable[[], None], bool]]:
    """The CRM's extras, and the contacts where the deal was made with others."""

    def tell() -> None:
        maker.other_contact(request, sent)
        count({"RequestCorrected": 1}, To=maker.provider)

    return {**maker.extras(request, sent, values), contact_mark(request.whose): (tell, True)}


def _made(maker: Maker, request: NewRequest, sent: Sent, store: SentStore, values: Mapping[str, str]) -> str:
    if sent.asker != request.whose:  # an earlier try told other contacts, and made nothing of them
        store.tries(sent, request.whose)
    contact = sent.contact or maker.contact_of(request, sent)
    if contact and contact != sent.contact:
        store.found_contact(sent, contact)
    return maker.make(request, contact or None, values)


def complaints_of(told: Any) -> list[str]:
    """What a refusal says, without the values that it may quote: amoCRM's codes and places, Bitrix24's codes."""
    if not isinstance(told, dict):
        return []
    found = [f"{one.get('code', '')} {one.get('path', '')}".strip() for one in errors_of(told)]
    code = told.get("error")
    if isinstance(code, str) and code.replace("_", "").isalnum() and code.isascii():
        found.append(code)
    return [text[:100] for text in found][:10]


def errors_of(told: Any) -> list[Mapping[str, Any]]:
    """amoCRM's mistakes: `validation-errors[].errors[]`, each with code and path."""
    groups = told.get("validation-errors") if isinstance(told, dict) else None
    found: list[Mapping[str, Any]] = []
    for group in groups if isinstance(groups, list) else ():
        errors = group.get("errors") if isinstance(group, dict) else None
        found += [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return found


def fields_refused(provider: str, site_id: str, names: list[str]) -> None:
    """Count and log fields that the CRM did not take: the deal is made without them."""
    count({"CrmFieldsRefused": len(names)}, Provider=provider)
    logger().error("the CRM did not take these fields of a new deal", extra={"site_id": site_id, "fields": names[:20]})
