"""One deal of somebody else's body → its state and its payments. Pure.

What the figures hang on (the deal's id, stage, times, sum, payments) must be readable, or the deal is rejected with the place; what
people fill by hand is left out and counted where it cannot be read, and the rest of the deal counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from functions.crm_webhook.deals import DealState, PaymentTold
from functions.crm_webhook.fields import UNREADABLE, tags_text
from functions.crm_webhook.mapped.texts import Texts
from functions.crm_webhook.mapped.tree import REPLACED, Tree, as_text
from functions.crm_webhook.mapped.values import currency_of, instant_of, is_no_time, sum_of
from functions.crm_webhook.outcome import Arrival, Person
from functions.crm_webhook.reading import MOST_ID, BadField, Private
from shared.identity import email_hash, phone_hash
from shared.mapped_paths import ATTRIBUTE, MARKS

NOT_PAID = "payment_not_paid"
_NAMED = {"manager": "managers", "loss_reason": "loss_reasons", "crm_source": "sources"}  # column → names of the settings
_HAND_FILLED = ("request_id", "call_id", "visitor_id", "contact_id", "order_id")
_MOST_ATTRIBUTE = 200
_TAGS = re.compile(r"[,;]")
# What they cost beside being found (mapped/tree.py: Work).
_PERSONAL, _PAYMENT, _TAG = 10, 50, 5


class WrongEncoding(ValueError):
    """A value that cannot be guessed has letters that were lost; the message says what to do."""


class Deal:
    """`told` are the settings of the map; `passed_over` counts what is left out; `texts` are those of the whole body. TooMuchWork
    comes out of any of its methods."""

    def __init__(
        self,
        tree: Tree,
        texts: Texts,
        item: Any,
        told: Mapping[str, Any],
        arrival: Arrival,
        site: Mapping[str, Any],
        passed_over: Counter[str],
    ) -> None:
        self._tree, self._texts, self._item, self._told, self._arrival = tree, texts, item, told, arrival
        self._map: Mapping[str, str | list[str]] = told["map"]
        self._passed_over, self._site_currency = passed_over, str(site["currency"])
        self._zone = str(told["time_zone"] or site["time_zone"])
        if not isinstance(item, dict):
            raise BadField("is no object with fields")
        phones, emails = self._several("phone"), self._several("email")
        self.person = Person(self._loose("name") or "", tuple(phones), tuple(emails))
        tree.work.spend(_PERSONAL * (len(phones) + len(emails)))  # each is hashed
        self._private = Private(phones, arrival.identity_key)
        self._deal_id = self._needed_id("deal_id", "deal_id", self._item)
        self._told_at = self._instant("told_at", self._item)
        self._currency: str | None = None

    def state(self) -> DealState | None:
        """None where the body tells nothing of the deal but that it is."""
        values = self._values()
        deleted = self._is_one_of("deleted")
        if not deleted and not any(value is not None for value in values.values()):
            return None
        money = any(values[name] is not None for name in ("amount", "cost_price", "receivable"))
        values |= {"is_deleted": deleted, "currency": self._currency if money else None}
        return DealState(deal_id=self._deal_id, told_at=self._told_at, values=values)

    def payments(self) -> list[PaymentTold]:
        """Movements of money with an amount and a time; one without a time has not been made yet, and is counted."""
        if "payment.amount" not in self._map:
            return []
        of_deal = self._map.get("payments")
        paths = [of_deal] if isinstance(of_deal, str) else of_deal
        found: list[Any] = [self._item]
        if paths is not None:
            found = next((members for path in paths if (members := self._tree.members(path, self._item))), [])
        return [payment for one in found if isinstance(one, dict) and (payment := self._payment(one)) is not None]

    def _payment(self, item: Any) -> PaymentTold | None:
        """A sum of 0 takes back what the same payment told before."""
        self._tree.work.spend(_PAYMENT)
        amount, currency = self._sum("payment.amount", item)
        if amount is None or (amount == 0 and not self._found("payment.id", item)):
            return None
        at = self._instant("payment.at", item)
        if at is None and amount == 0:  # taken back together with its date
            at = self._told_at or self._arrival.received_at
        if at is None:
            self._passed_over[NOT_PAID] += 1
            return None
        values = {"amount": amount, "currency": currency or self._currency or self._site_currency}
        payment_id = self._needed_id("payment.id", "payment_id", item)
        deal_id, changed_at = self._deal_id, self._told_at
        return PaymentTold(deal_id=deal_id, payment_id=payment_id, told_at=at, values=values, changed_at=changed_at, via="crm")

    def _values(self) -> dict[str, Any]:
        amount, currency = self._sum("amount", self._item)
        self._currency = self._currency_of(currency)
        key = self._arrival.identity_key
        return {
            "deal_created_at": self._instant("created_at", self._item),
            "pipeline": self._texts.words("pipeline", self._strict("pipeline")),
            "stage": self._texts.words("stage", self._strict("stage")),
            "amount": amount,
            "cost_price": self._loose_sum("cost_price"),
            "receivable": self._loose_sum("receivable"),
            "merged_into": self._needed_id("merged_into", "merged_into", self._item) if self._found("merged_into") else None,
            **{name: self._hand_filled(name) for name in _HAND_FILLED},
            "phone_hash": next((hashed for one in self.person.phones if (hashed := phone_hash(one, key))), None),
            "email_hash": next((hashed for one in self.person.emails if (hashed := email_hash(one, key))), None),
            **{name: self._texts.mark(name, self._loose(name)) for name in MARKS},
            **{name: self._texts.words(name, self._named(name)) for name in ("crm_source", "loss_reason", "manager")},
            **{name: self._texts.words(name, self._loose(name)) for name in ("branch", "product")},
            "is_handmade": self._is_one_of("handmade"),
            "communications": self._whole("communications"),
            "tags": tags_text(self._tags(), self._private),
            "attributes": self._attributes(),
        }

    # Texts

    def _found(self, name: str, item: Any = None) -> list[Any]:
        paths = self._map.get(name)
        return [] if paths is None else self._tree.first(paths, self._item if item is None else item)

    def _strict(self, name: str, item: Any = None) -> str | None:
        """A text that must be readable: numbers are text here, fractions and objects are not."""
        found = self._found(name, item)
        if not found:
            return None
        if isinstance(found[0], dict | list | float | bool):
            raise BadField(f"map.{name}: leads to {_kind(found[0])}, not to a text or a whole number")
        return self._readable(name, as_text(found[0]))

    def _readable(self, name: str, text: str) -> str:
        if REPLACED in text:
            raise WrongEncoding(
                f"map.{name}: letters were lost: the body is not {self._told['encoding']}; set encoding, and where it is JSON let"
                " the CRM send it as application/octet-stream"
            )
        return text

    def _loose(self, name: str) -> str | None:
        """A free text; None where it cannot be read, counted."""
        found = self._found(name)
        if not found:
            return None
        if isinstance(found[0], dict):
            self._passed_over[UNREADABLE] += 1
            return None
        several = found[0] if isinstance(found[0], list) else [found[0]]
        self._tree.work.spend(len(several))
        text = ", ".join(as_text(one) for one in several if not isinstance(one, dict | list))
        if REPLACED in text:
            self._passed_over["wrong_encoding"] += 1
            return None
        return text or None

    def _named(self, name: str) -> str | None:
        text = self._loose(name)
        return None if text is None else str((self._told.get(_NAMED[name]) or {}).get(text, text))

    def _several(self, name: str) -> list[str]:
        """Every text that the first filled path leads to."""
        flat = [one for found in self._found(name) for one in (found if isinstance(found, list) else [found])]
        self._tree.work.spend(len(flat))
        texts = [as_text(one) for one in flat if not isinstance(one, dict | list | float | bool)]
        return [text for text in dict.fromkeys(texts) if text and REPLACED not in text]

    def _tags(self) -> list[str]:
        texts = self._several("tags")
        tags = [part.strip() for part in _TAGS.split(texts[0])] if len(texts) == 1 else texts
        self._tree.work.spend(_TAG * len(tags))
        return tags

    def _attributes(self) -> str | None:
        told = {}
        for name in self._map:
            if name.startswith(ATTRIBUTE) and (text := self._texts.words("attributes", self._loose(name))):
                told[name.removeprefix(ATTRIBUTE)] = text[:_MOST_ATTRIBUTE]
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode() if told else None

    # Ids, sums, times

    def _needed_id(self, name: str, column: str, item: Any) -> str:
        text = self._strict(name, item)
        if not text:
            raise BadField(f"map.{name}: nothing stands there, and it is needed")
        if len(text) > MOST_ID:
            raise BadField(f"map.{name}: an id has at most {MOST_ID} characters")
        return str(self._private.identifier(column, text))

    def _hand_filled(self, name: str) -> str | None:
        try:
            text = self._strict(name)
            return self._private.identifier(name, text) if text else None
        except BadField:
            self._passed_over[UNREADABLE] += 1
            return None

    def _sum(self, name: str, item: Any) -> tuple[Decimal | None, str | None]:
        found = self._found(name, item)
        if not found:
            return None, None
        if isinstance(found[0], str):
            self._readable(name, found[0])
        try:
            return sum_of(found[0], str(self._told["money_unit"]))
        except ValueError as error:
            raise BadField(f"map.{name}: {error}") from error

    def _loose_sum(self, name: str) -> Decimal | None:
        try:
            amount, currency = self._sum(name, self._item)
        except (BadField, WrongEncoding):
            self._passed_over[UNREADABLE] += 1
            return None
        if currency not in (None, self._currency):  # a cost in dollars of a deal in roubles
            self._passed_over[UNREADABLE] += 1
            return None
        return amount

    def _whole(self, name: str) -> int | None:
        found = self._found(name)
        if not found:
            return None
        text = as_text(found[0]).removesuffix(".0")
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return int(text)
        self._passed_over[UNREADABLE] += 1
        return None

    def _currency_of(self, beside: str | None) -> str:
        """What `currency` leads to, else the sign beside the sum, else the site's."""
        text = self._strict("currency")
        if text is None:
            return beside or self._site_currency
        try:
            code = currency_of(text)
        except ValueError as error:
            raise BadField(f"map.currency: {error}") from error
        if beside not in (None, code):
            raise BadField("map.currency: is another than the one that stands beside the sum")
        return code

    def _instant(self, name: str, item: Any) -> datetime | None:
        found = self._found(name, item)
        if not found or is_no_time(found[0]):
            return None
        try:
            return instant_of(found[0], self._zone)
        except ValueError as error:
            raise BadField(f"map.{name}: {error}") from error

    def _is_one_of(self, name: str) -> bool | None:
        """Whether one of the places (`deleted`, `handmade`) tells one of its values; None where none of them is filled."""
        told = [
            as_text(found).casefold() in {value.casefold() for value in values}
            for path, values in self._told[name].items()
            for found in self._tree.find(path, self._item)
            if not isinstance(found, dict | list)
        ]
        return any(told) if told else None


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", float: "a fraction", bool: "yes or no"}
    return kinds[type(value)]
