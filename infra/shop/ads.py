"""Where visitors of the demo shop come from: links as advertising carries them, and the page that lists them."""

from __future__ import annotations

import random
from typing import NamedTuple

from infra.local.gateway import Answer, HttpRequest
from infra.shop.pages import page

CLICK_DIGITS = 19


class Link(NamedTuple):
    """`query` as the ad system fills it in ({click} becomes a fresh click id), `referrer` is the page with the ad."""

    name: str
    title: str
    text: str
    to: str
    query: str
    referrer: str


LINKS = (
    Link("yandex", "Яндекс Директ · поиск", "Тёплый пол под ключ за 2 дня. Замер бесплатно!", "/catalog/teply-pol/",
         "utm_source=yandex&utm_medium=cpc&utm_campaign=tp-poisk-msk&utm_content=ad-104&utm_term=%D1%82%D0%B5%D0%BF%D0%BB%D1%8B%D0%B9+"
         "%D0%BF%D0%BE%D0%BB+%D1%86%D0%B5%D0%BD%D0%B0&yclid={click}", "https://yandex.ru/"),
    Link("google", "Google Ads · поиск", "Биметаллические радиаторы. Доставка завтра.", "/catalog/radiatory/",
         "utm_source=google&utm_medium=cpc&utm_campaign=g-search&gclid=Cj0KCQiA{click}", "https://www.google.com/"),
    Link("vk", "VK Реклама · лента", "Рассчитайте тёплый пол за минуту и зафиксируйте цену.", "/calc/",
         "utm_source=vk&utm_medium=cpc&utm_campaign=vk-remont&utm_content=ad-77&rb_clickid={click}", "https://vk.com/"),
    Link("organic", "Поиск Яндекса, без рекламы", "teplodom.example › Нагревательный мат 10 м²: цена, отзывы",
         "/product/teply-pol-10m2/", "", "https://yandex.ru/search/?text=%D1%82%D0%B5%D0%BF%D0%BB%D1%8B%D0%B9+%D0%BF%D0%BE%D0%BB"),
    Link("direct", "Прямой заход", "Адрес магазина набран руками", "/", "", ""),
)  # fmt: skip


def click_of(name: str, chance: random.Random) -> tuple[str, str] | None:
    """(address in the shop, referrer) of one click on a link, with a click id of its own; None for no such link."""
    link = next((one for one in LINKS if one.name == name), None)
    if link is None:
        return None
    query = link.query.format(click=chance.randint(10 ** (CLICK_DIGITS - 1), 10**CLICK_DIGITS - 1))
    return link.to + (f"?{query}" if query else ""), link.referrer


class AdsScreen:
    """The first page of the demo, and the redirect of a click."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def show(self, request: HttpRequest) -> Answer:
        return page("start", {"here": "/demo/", "links": LINKS})

    def click(self, request: HttpRequest, name: str) -> Answer | None:
        found = click_of(name, self._chance)
        return page("go", {"to": found[0], "referrer": found[1]}) if found else None
