"""The shop that visitors see, and its server's side of the forms: what a site's backend does with a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.gateway import Answer, HttpRequest
from infra.shop.catalogue import CATEGORIES, PRODUCTS, product
from infra.shop.crm import Crm
from infra.shop.pages import form_of, page, redirect, whole_number
from shared.identity import normal_phone

OUR_FIELDS = ("skvoz_request_id", "skvoz_visitor_id")
_BLANK = {"name": "", "phone": "", "email": "", "quantity": "", "comment": ""}


class Site:
    """`snippet` is what the owner pasted into the head of every page."""

    def __init__(self, snippet: str, crm: Crm) -> None:
        self._snippet, self._crm = snippet, crm

    def home(self, request: HttpRequest) -> Answer:
        return self._page("home", here="/", products=PRODUCTS[:4])

    def catalog(self, request: HttpRequest, category: str = "") -> Answer:
        if category and category not in CATEGORIES:
            return self.missing(request)
        found = [one for one in PRODUCTS if category in ("", one.category)]
        return self._page(
            "catalog", heading=CATEGORIES.get(category, "Каталог"), category=category, categories=CATEGORIES, products=found
        )

    def product(self, request: HttpRequest, slug: str) -> Answer:
        return self._product(request, slug, _BLANK, "")

    def contacts(self, request: HttpRequest) -> Answer:
        return self._page("contacts", told=_BLANK, wrong="")

    def calc(self, request: HttpRequest, step: str = "") -> Answer:
        """One page for every step: the calculator changes the address itself."""
        return self._page("calc")

    def delivery(self, request: HttpRequest) -> Answer:
        return self._page("delivery")

    def thanks(self, request: HttpRequest) -> Answer:
        return self._page("thanks")

    def missing(self, request: HttpRequest) -> Answer:
        return self._page("missing", 404)

    def callback(self, request: HttpRequest) -> Answer:
        """POST of the call-back form: a lead."""
        told = {**_BLANK, **form_of(request)}
        phone = normal_phone(told["phone"])
        if phone is None:
            return self._page("contacts", 422, told=told, wrong="Проверьте телефон: так мы не дозвонимся")
        self._crm.take("Заявка с сайта: обратный звонок", told["name"][:80], phone, fields=_ours(told))
        return redirect("/thanks/")

    def order(self, request: HttpRequest) -> Answer:
        """POST of the order form: a lead with the sum of the order."""
        told = {**_BLANK, **form_of(request)}
        chosen, phone = product(told.get("product", "")), normal_phone(told["phone"])
        quantity = whole_number(told["quantity"] or "1", 1, 999)
        if chosen is None:
            return self.missing(request)
        if phone is None or quantity is None:
            wrong = "Проверьте телефон: так мы не дозвонимся" if phone is None else "Сколько: от 1 до 999"
            return self._product(request, chosen.slug, told, wrong)
        title = f"Заказ с сайта: {chosen.name} × {quantity}"
        self._crm.take(title, told["name"][:80], phone, told["email"][:100], chosen.price * quantity, _ours(told))
        return redirect("/thanks/")

    def _product(self, request: HttpRequest, slug: str, told: Mapping[str, str], wrong: str) -> Answer:
        found = product(slug)
        if found is None:
            return self.missing(request)
        return self._page(
            "product", 422 if wrong else 200, product=found, category=CATEGORIES[found.category], told=told, wrong=wrong
        )

    def _page(self, template: str, status: int = 200, **values: Any) -> Answer:
        return page(template, {"here": "/", "snippet": self._snippet, **values}, status)


def _ours(told: Mapping[str, str]) -> dict[str, str]:
    """What the tracker put into the form for the CRM."""
    return {name: told[name][:64] for name in OUR_FIELDS if told.get(name)}
