"""Webhooks of any CRM that posts JSON or forms: one body → deal states and payments, by `crm.mapped.NAME` of the settings. Pure.

What is read of whose body is the settings' (shared/crm_settings.py: Mapped; docs/crm.md). Each deal of a body stands for itself:
one that cannot be right is rejected, the others count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.crm_webhook import forms
from functions.crm_webhook.deals import Ahead, payment_record, state_record
from functions.crm_webhook.fields import UNREADABLE
from functions.crm_webhook.mapped.deal import NOT_PAID, Deal, WrongEncoding
from functions.crm_webhook.mapped.texts import Texts
from functions.crm_webhook.mapped.tree import TooMuchWork, Tree, Unreadable
from functions.crm_webhook.outcome import Arrival, Outcome
from functions.crm_webhook.reading import BadField
from shared.lake import Rejected

MOST_DEALS = 1_000
WRONG_ENCODING, TOO_MUCH_WORK = "wrong_encoding", "too_much_work"
REASONS = (*forms.REASONS, "bad_json", "no_deals", "too_many_deals", "bad_field", WRONG_ENCODING, "future", TOO_MUCH_WORK)
PASSED_OVER = (
    UNREADABLE,  # a field that people fill: no sum, no number, an id that is too long
    WRONG_ENCODING,  # a free text of other letters than the settings say
    "nothing_told",  # an item with an id and nothing else: a notice that only points at a deal
    NOT_PAID,
    "path_collision",  # forms.Form.collided
)


def records_of(body: bytes, arrival: Arrival, site: Mapping[str, Any], provider: str) -> Outcome:
    """One body. `provider` is the name of the map; `site` are published settings that have it."""
    told = site["crm"]["mapped"][provider]
    outcome = Outcome()
    try:
        tree = Tree(body, told["body"], told["encoding"])
    except Unreadable as error:
        outcome.rejected.append(Rejected(error.reason, str(error)))
        return outcome
    if tree.collided:
        outcome.passed_over["path_collision"] += tree.collided
    try:
        _read(tree, told, arrival, site, provider, outcome)
    except TooMuchWork as error:  # whole or not at all: nobody knows which of its deals were read
        return Outcome(rejected=[Rejected(TOO_MUCH_WORK, str(error))])
    return outcome


def _read(tree: Tree, told: Mapping[str, Any], arrival: Arrival, site: Mapping[str, Any], provider: str, outcome: Outcome) -> None:
    items, texts = tree.members(told["items"], tree.root), Texts(tree.work)
    if not items:
        outcome.rejected.append(Rejected("no_deals", f"nothing stands at items: {told['items'] or 'the body itself'}"))
    elif len(items) > MOST_DEALS:
        outcome.rejected.append(Rejected("too_many_deals", f"{len(items):,} deals; one body holds at most {MOST_DEALS:,}"))
    else:
        for number, item in enumerate(items):
            _take(tree, texts, item, f"deal {number}", told, arrival, site, provider, outcome)


def _take(
    tree: Tree,
    texts: Texts,
    item: Any,
    place: str,
    told: Mapping[str, Any],
    arrival: Arrival,
    site: Mapping[str, Any],
    provider: str,
    outcome: Outcome,
) -> None:
    try:
        deal = Deal(tree, texts, item, told, arrival, site, outcome.passed_over)
        state, payments = deal.state(), deal.payments()
        provider = told["deals_of"] or provider
        records = [] if state is None else [state_record(state, provider, arrival)]
        records += [payment_record(payment, provider, arrival) for payment in payments]
    except WrongEncoding as error:
        outcome.rejected.append(Rejected(WRONG_ENCODING, f"{place}: {error}"))
    except BadField as error:
        outcome.rejected.append(Rejected("bad_field", f"{place}: {error}"))
    except Ahead as error:
        outcome.rejected.append(Rejected("future", f"{place}: {error}"))
    else:
        if not records:
            outcome.passed_over["nothing_told"] += 1
        outcome.records += records
        if deal.person.phones or deal.person.emails:
            outcome.people.append(deal.person)
