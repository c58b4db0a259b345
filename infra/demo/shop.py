"""The shop of the demo: Teplodom, underfloor heating and radiators. Its settings, its advertising and its prices, as data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from infra.shop import amocrm

SITE = "teplodom"
HOST = "teplodom.example"
FIRST_DAY, LAST_DAY = date(2026, 10, 1), date(2026, 10, 31)
CRM_TOKEN = "demo-crm-token-of-teplodom"
DEFAULT_NUMBER, BANNER_NUMBER, VK_NUMBER = "+74950000010", "+74950000051", "+74950000041"
POOL = tuple(f"+7495000{number:04d}" for number in range(31, 41)) + tuple(f"+7495000{number:04d}" for number in range(61, 71))
# What the shop's stages mean, by the names that its manager sees.
MEANINGS = {
    "Неразобранное": "unsorted",
    "Первичный контакт": "working",
    "Замер": "qualified",
    "Договор": "contract",
    "Оплачено": "paid",
    "Отказ": "lost",
}
_AMO_NAMES = {amocrm.WON: "won", amocrm.LOST: "lost"}  # amoCRM's closed stages are told by word, the others by their id


def settings(crm_token_hash: str) -> dict[str, Any]:
    """Settings as the shop's owner would write them."""
    return {
        "site_id": SITE,
        "name": "Теплодом",
        "hosts": [HOST],
        "payment_hosts": ["pay.example"],
        "time_zone": "Europe/Moscow",
        "currency": "RUB",
        "crm": {
            "token_sha256": [crm_token_hash],
            "amocrm": {
                "account_id": amocrm.ACCOUNT_ID,
                "subdomain": amocrm.SUBDOMAIN,
                "fields": {"cost_price": amocrm.COST_FIELD},
                "loss_reasons": amocrm.LOSS_REASONS,
                "managers": amocrm.MANAGERS,
                "stages": amocrm.STAGES,
                "pipelines": {amocrm.PIPELINE: "Продажи"},
            },
        },
        "numbers": {
            "default": DEFAULT_NUMBER,
            "static": [
                {"number": BANNER_NUMBER, "source": "banner", "medium": "offline", "campaign": "shchit-varshavka"},
                {"number": VK_NUMBER, "source": "vk", "medium": "cpc"},
            ],
            "prefix_percent": 100,  # all visitors of a demo share one address
        },
        "stages": [
            {
                "money_stage": "paid",
                "stages": MEANINGS,
            },
            {
                "pipeline": amocrm.PIPELINE,
                "money_stage": "paid",
                "stages": {_AMO_NAMES.get(status, status): MEANINGS[name] for status, name in amocrm.STAGES.items()},
            },
        ],
        "margins": [{"valid_from": "2026-01-01", "percent": 35}],
        "report": {"recipients": ["owner@teplodom.example"], "language": "ru", "days": 31},
    }


class Campaign(NamedTuple):
    """One line of advertising: where its clicks come from, what a click costs, how many there are and how they sell."""

    channel: str  # the rule table's name: the truth that a deal is judged by
    query: str  # what the link carries; {click} becomes a click id
    referrer: str
    visits: int
    click_cost: Decimal  # roubles; 0 = free
    source: str = ""
    medium: str = ""
    campaign: str = ""
    request_rate: float = 0.02  # share of first visits that end in a request
    sale_rate: float = 0.3  # share of requests that pay


CAMPAIGNS = (
    Campaign("Yandex Direct",
             "utm_source=yandex&utm_medium=cpc&utm_campaign=tp-poisk-msk&utm_content=ad-{ad}&utm_term={word}&yclid={click}",
             "https://yandex.ru/", 2900, Decimal("96.40"), "yandex", "cpc", "tp-poisk-msk", 0.042, 0.36),
    Campaign("Yandex Direct", "utm_source=yandex&utm_medium=cpc&utm_campaign=tp-rsya&utm_content=ad-{ad}&yclid={click}",
             "https://yandex.ru/", 2500, Decimal("38.20"), "yandex", "cpc", "tp-rsya", 0.012, 0.16),
    Campaign("VK Ads", "utm_source=vk&utm_medium=cpc&utm_campaign=vk-remont&utm_content=ad-{ad}&rb_clickid={click}",
             "https://vk.com/", 2600, Decimal("47.30"), "vk", "cpc", "vk-remont", 0.016, 0.17),
    Campaign("Google Ads", "utm_source=google&utm_medium=cpc&utm_campaign=g-search&utm_term={word}&gclid={click}",
             "https://www.google.com/", 1300, Decimal("84.50"), "google", "cpc", "g-search", 0.030, 0.31),
    Campaign("Telegram Ads", "utm_source=telegram&utm_medium=cpm&utm_campaign=tg-remont",
             "", 700, Decimal("62.00"), "telegram", "cpm", "tg-remont", 0.014, 0.22),
    Campaign("Organic search", "", "https://yandex.ru/search/", 3100, Decimal(0), "yandex", "organic", "", 0.030, 0.34),
    Campaign("Organic search", "", "https://www.google.com/", 1500, Decimal(0), "google", "organic", "", 0.026, 0.33),
    Campaign("E-mail", "utm_source=newsletter&utm_medium=email&utm_campaign=oct-sale", "", 700, Decimal(0), "newsletter", "email",
             "oct-sale", 0.040, 0.42),
    Campaign("Social networks", "", "https://vk.com/away.php", 500, Decimal(0), "vk", "social", "", 0.010, 0.2),
    Campaign("Referral", "", "https://forum-remont.example/topic/81", 400, Decimal(0), "forum-remont.example", "referral",
             "", 0.022, 0.3),
    Campaign("AI assistants", "", "https://chatgpt.com/", 150, Decimal(0), "chatgpt", "ai", "", 0.035, 0.35),
    Campaign("direct", "", "", 1500, Decimal(0), "(direct)", "(none)", "", 0.030, 0.38),
)  # fmt: skip

SEO_MONTH = Decimal("140000.00")  # a contractor's monthly sum, spread over the days
PAGES = ("/", "/catalog/", "/catalog/teply-pol/", "/catalog/radiatory/", "/product/teply-pol-10m2/", "/delivery/", "/contacts/")
# A banner by the road, for the month: nobody clicks on it, its own number tells who came from it.
BANNER_MONTH = {"source": "banner", "medium": "offline", "campaign": "shchit-varshavka", "cost": "45000.00"}
WORDS = ("теплый пол купить", "теплый пол цена", "радиаторы отопления", "монтаж теплого пола", "теплый пол под плитку")
MANAGERS = ("Анна Белова", "Игорь Соколов", "Марат Гареев")
LOSS_REASONS = ("Дорого", "Не дозвонились", "Купил у других", "Не наш профиль")
