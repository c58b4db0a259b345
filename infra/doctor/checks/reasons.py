"""What the reasons of refused records mean, and what to do: one table for all doors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from functions.costs.messages import TEXTS


class Meaning(NamedTuple):
    """In words: what was wrong, and who does what."""

    words: str
    do: str


_SENDER = "mend what sends it"
_CLOCK = "set the sender's clock, or the time zone that its times are in"
_CRM_ACCOUNT = "settings: the account under crm (account_id, portal_id, …), or take our hook out of the other account"
# The CRM's or a person's word is lost for good until somebody acts.
LOSES_DATA = frozenset(
    {
        "wrong_account", "wrong_site", "wrong_portal", "wrong_company", "not_set_up", "redirected", "refused_by_crm", "no_contact",
        "no_site", "unknown_site", "raw_gone",
    }
)  # fmt: skip
_MEANINGS: Mapping[str, Meaning] = {
    # what hits, imports and calls have in common
    "bad_item": Meaning("an item is no JSON object", _SENDER),
    "bad_json": Meaning("the body is no JSON object", _SENDER),
    "bad_body": Meaning("the body cannot be read", "compare it with docs/telephony.md"),
    "bad_id": Meaning("an id is missing, too long or has signs that ids do not have", _SENDER),
    "repeated_id": Meaning("two items of one batch have the same id", _SENDER),
    "unknown_kind": Meaning("a kind of hit that there is not", "an old or foreign script? use our tracker as it is"),
    "unknown_type": Meaning("a type that the door does not know", "docs/openapi.yaml lists the types"),
    "unknown_field": Meaning("a field that the door does not know", "docs/openapi.yaml lists the fields"),
    "missing_field": Meaning("a field that is needed is missing", _SENDER),
    "bad_field": Meaning("a field cannot be read; the message names it", _SENDER),
    "bad_time": Meaning("a time cannot be read", _CLOCK),
    "in_future": Meaning("a time is ahead of our clock", _CLOCK),
    "future": Meaning("a time is ahead of our clock", _CLOCK),
    "too_old": Meaning("it is too old to be told (docs/operations.md, limits)", "history comes by skvoz replay"),
    "bad_url": Meaning("an address is none", _SENDER),
    "bad_amount": Meaning("a sum cannot be read", "write 1234.56"),
    "too_long": Meaning("a text is longer than its limit", "docs/operations.md, limits"),
    "line_too_long": Meaning("a line of an import is longer than 65,536 bytes", "split what it tells"),
    "bad_number": Meaning("a phone number cannot be read", "the telephony's template must tell it in international form"),
    "bad_direction": Meaning("the direction of a call is neither in nor out", "the telephony's template (docs/telephony.md)"),
    "bad_duration": Meaning("seconds of a call cannot be read", "the telephony's template (docs/telephony.md)"),
    "bad_event": Meaning("an event that does not fit its call", "the telephony's list of events (docs/telephony.md)"),
    # CRM
    "wrong_site": Meaning("it names another site than its address", "the CRM's address must be this site's"),
    "wrong_account": Meaning("it comes from another account of the CRM", _CRM_ACCOUNT),
    "wrong_portal": Meaning("it comes from another account of the CRM", _CRM_ACCOUNT),
    "wrong_company": Meaning("it comes from another account of the CRM", _CRM_ACCOUNT),
    "no_event": Meaning(
        "it is no event of this CRM", "who else has the CRM's address? is the webhook of the version in docs/crm.md?"
    ),
    "no_events": Meaning("it is no list of this CRM's events", "who else has the CRM's address? docs/crm.md"),
    "bad_request": Meaning("what lies in the quarantine is no new request of ours", "who else writes into the lake bucket?"),
    "no_contact": Meaning("the vault does not have whoever asked any more", "was he forgotten on request? else nothing to do"),
    "no_entity": Meaning("it tells of no lead, deal or contact", "switch on the CRM's events of leads and contacts alone"),
    "no_deals": Meaning("nothing stands where crm.mapped.….items says", "skvoz crm try FILE shows what the map makes of a body"),
    "too_many_deals": Meaning("one body tells of too many deals", "let the CRM send fewer at once"),
    "too_many_fields": Meaning("a form has too many fields", "let the CRM send fewer"),
    "long_name": Meaning("a field's name is longer than any CRM's", "is the sender the CRM?"),
    "too_deep": Meaning("fields lie deeper in each other than any CRM's", "is the sender the CRM?"),
    "wrong_encoding": Meaning("its letters are not in the encoding that the settings say", "settings: crm.mapped.….encoding"),
    "raw_gone": Meaning("the raw body was gone before it was read: 30 days were over", "skvoz crm backfill reads these deals anew"),
    "bad_message": Meaning("a queue held something that is not from the door", "who else writes into the stack's queues?"),
    "not_set_up": Meaning("the settings do not open this door any more", "settings: crm; or take our hook out of the CRM"),
    "refused": Meaning("the CRM will not tell one deal or person through its API", "may the API's user see it?"),
    "too_much_work": Meaning(
        "the map of crm.mapped takes too long over this body", "shorter paths, fewer deals a body (docs/crm.md)"
    ),
    "refused_by_crm": Meaning("the CRM refused a new request", "the message has its status; what the CRM takes: docs/crm.md"),
    "redirected": Meaning("the CRM answered with a redirect", "settings: crm.new_requests.url must be the address itself"),
}
_BLANK = re.compile(r"«?\{\w+\}»?")


def meaning_of(reason: str) -> Meaning:
    """The meaning of a reason of any door; of one that is not known here, that the message says it."""
    if reason in _MEANINGS:
        return _MEANINGS[reason]
    if reason in TEXTS:
        return Meaning(
            _BLANK.sub("…", TEXTS[reason][1]), "mend the file (costs/rejected/ has it with every mistake) and put it in again"
        )
    return Meaning("see the message", "docs/operations.md, rejected records")
