"""The shop of the demo: Teplodom, underfloor heating and radiators. Its settings, its pages and its people, as data."""

from __future__ import annotations

from datetime import date
from typing import Any

from infra.demo import portal
from infra.shop import amocrm

SITE = "teplodom"
HOST = "teplodom.example"
CYRILLIC_HOST = "теплодом.испытание"
OFFICE = "198.51.100.7"
FIRST_DAY, LAST_DAY = date(2026, 10, 1), date(2026, 10, 31)
CRM_TOKEN = "demo-crm-token-of-teplodom"
DEFAULT_NUMBER, BANNER_NUMBER, VK_NUMBER = "+74950000010", "+74950000051", "+74950000041"
POOL = tuple(f"+7495000{number:04d}" for number in range(31, 41)) + tuple(f"+7495000{number:04d}" for number in range(61, 71))
BROADCAST, BROADCAST_POOL = "vk-efir", ("+74950000071", "+74950000072")  # a campaign with a pool of its own, too small for it
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


def settings(crm_token_hash: str, amocrm_api: str = "", bitrix24_api: str = "") -> dict[str, Any]:
    """Settings as the shop's owner would write them; with the addresses of the CRMs' APIs, where they answer."""
    api = {"api": {"url": amocrm_api, "per_second": 50}} if amocrm_api else {}
    return {
        "site_id": SITE,
        "name": "Теплодом",
        "hosts": [HOST, CYRILLIC_HOST],
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
                **api,
            },
            "bitrix24": portal.section(bitrix24_api),
        },
        "numbers": {
            "default": DEFAULT_NUMBER,
            "static": [
                {"number": BANNER_NUMBER, "source": "banner", "medium": "offline", "campaign": "shchit-varshavka"},
                {"number": VK_NUMBER, "source": "vk", "medium": "cpc"},
            ],
            "pools": [{"name": BROADCAST, "campaigns": [BROADCAST]}],
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
            {
                "pipeline": portal.PIPELINE,
                "money_stage": "paid",
                "stages": {stage: MEANINGS[name] for stage, name in portal.STAGES.items()},
            },
        ],
        "sources": {
            "own": [
                {"id": "yandex", "synonyms": ["yandx"]},  # mistyped in some ads; the mended word mends the past as well
                {
                    "id": "mastera",
                    "name": {"ru": "Мастера Москвы", "en": "Masters of Moscow"},
                    "colour": "#8a4fff",
                    "synonyms": ["mastera-msk"],
                    "hosts": ["mastera-msk.example"],
                    "channel": "Affiliate",
                    "is_ad": True,
                },
            ],
            "contractors": [{"name": "Агентство «Клик»", "source": "yandex", "synonyms": ["yandex_agency"]}],
            "parameters": {"utm_source": ["from"]},
            "click_ids": {"mclick": {"source": "mastera", "medium": "affiliate"}},
            "own_addresses": [f"{OFFICE}/28"],
        },
        "margins": [{"valid_from": "2026-01-01", "percent": 35}],
        "report": {"recipients": ["owner@teplodom.example"], "language": "ru", "days": 31},
    }


PAGES = ("/", "/catalog/", "/catalog/teply-pol/", "/catalog/radiatory/", "/product/teply-pol-10m2/", "/delivery/", "/contacts/")
MANAGERS = ("Анна Белова", "Игорь Соколов", "Марат Гареев")
LOSS_REASONS = ("Дорого", "Не дозвонились", "Купил у других", "Не наш профиль")
